'use strict';
/*
 * streams.js - Kafka Streams' word count, exactly once (WordCount.java), while the broker and the application are
 * killed by turns. At the end a client that was not there finds each word's count, and each word counted up by one at
 * a time: a record that was lost, doubled or torn would leave another trail.
 *
 *     streams.js SERIES CLASSPATH
 */
const assert = require('assert');
const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const { Kafka, logLevel } = require('kafkajs');
const { suite, until } = require('../suite');

const [series, classpath] = process.argv.splice(2, 2);
const SUITE = `kafka-streams-${series}`;
const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx300m', '-cp', classpath];
const WORDS = ['log', 'queue', 'topic', 'lease', 'fate', 'shard', 'door'];
const ROUNDS = 6;
const LINES = 150; /* a round */
const END_MS_MAX = 240000;

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

/** So that words come often and rarely. */
function line(n) {
    return [WORDS[n % 7], WORDS[(n * n) % 7], WORDS[n % 3]].join(' ');
}

function countsOf(lines) {
    const counts = new Map();
    lines.flatMap((text) => text.split(' ')).forEach((word) => counts.set(word, (counts.get(word) || 0) + 1));
    return counts;
}

class Context {
    constructor(broker) {
        this.broker = broker;
        this.folder = path.join(broker.folder, 'streams');
        this.kafka = new Kafka({ brokers: [broker.at('kafka')], logLevel: logLevel.NOTHING,
            retry: { retries: 30, maxRetryTime: 1000 } });
        this.lines = [];
        this.said = '';
    }

    async open() {
        const admin = this.kafka.admin();
        await admin.connect();
        await admin.createTopics({ topics: ['lines', 'counts'].map((topic) => ({ topic, numPartitions: 3 })) });
        await admin.disconnect();
        this.producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
        await this.producer.connect();
        this.reader = this.kafka.consumer({ groupId: 'reader', maxWaitTimeInMs: 100 });
        await this.reader.connect();
        return this;
    }

    start() {
        this.app = spawn('java', [...JAVA, 'WordCount', this.broker.at('kafka'), 'words', this.folder],
            { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [this.app.stdout, this.app.stderr]) {
            stream.on('data', (chunk) => { this.said = (this.said + chunk).slice(-6000); });
        }
        this.ended = new Promise((resolve) => { this.app.once('close', resolve); });
    }

    async kill() {
        this.app.kill('SIGKILL');
        await this.ended;
    }

    /** The trail of each word: its counts in the order of the log, as who reads what is committed sees it. */
    async follow() {
        this.trails = new Map();
        await this.reader.subscribe({ topics: ['counts'], fromBeginning: true });
        await this.reader.run({ eachMessage: async ({ message }) => {
            const word = message.key.toString();
            this.trails.set(word, [...(this.trails.get(word) || []), Number(message.value)]);
        } });
    }

    async publish(round) {
        for (let n = 0; n < LINES; n += 10) {
            const texts = Array.from({ length: 10 }, (_, i) => line(round * LINES + n + i));
            await this.producer.send({ topic: 'lines', acks: -1,
                messages: texts.map((value) => ({ key: `${n % 4}`, value })) });
            this.lines.push(...texts);
        }
    }

    hasAll() {
        return [...countsOf(this.lines)].every(([word, count]) => (this.trails.get(word) || []).at(-1) === count);
    }

    async untilAll() {
        let late = false;
        const timer = setTimeout(() => { late = true; }, END_MS_MAX);
        await until(() => late || this.hasAll());
        clearTimeout(timer);
        assert.ok(this.hasAll(), `${[...this.trails].map(([word, trail]) => `${word} ${trail.at(-1)}`)}, wanted `
            + `${[...countsOf(this.lines)]}; the application: ${this.said}`);
    }
}

async function counts(c) {
    c.start();
    await c.follow();
    await c.publish(0);
    await c.untilAll();
}

async function applicationKilled(c) {
    for (let round = 1; round <= 2; round += 1) {
        await c.publish(round);
        await c.kill();
        c.start();
    }
    await c.untilAll();
}

async function brokerKilled(c) {
    for (let round = 3; round < ROUNDS; round += 1) {
        const published = c.publish(round);
        await new Promise((resolve) => { setTimeout(resolve, 30); });
        await c.broker.kill9();
        await c.broker.start();
        await published;
    }
    await c.kill();
    c.start();
    await c.untilAll();
}

/** Read anew: no count is missing, none is there twice, for all that is committed. */
async function trails(c) {
    c.reader = c.kafka.consumer({ groupId: 'auditor', maxWaitTimeInMs: 100 });
    await c.reader.connect();
    await c.follow();
    await c.untilAll();
    for (const [word, count] of countsOf(c.lines)) {
        assert.deepStrictEqual(c.trails.get(word), Array.from({ length: count }, (_, n) => n + 1), word);
    }
}

suite(SUITE, {
    open: (broker) => new Context(broker).open(),
    close: async (c) => {
        await c.kill();
        await Promise.all([c.reader.disconnect(), c.producer.disconnect()]);
        fs.rmSync(c.folder, { recursive: true, force: true });
    },
    checks: [
        ['word count, exactly once', counts],
        ['the application is killed, twice', applicationKilled],
        ['the broker is killed three times, the application once', brokerKilled],
        ['each word is counted up by one at a time', trails],
    ],
});
