'use strict';
/*
 * copyloop.js - consume, transform, produce, commit, all in one transaction, again and again, while the broker is
 * killed with SIGKILL and the copier gives up in the midst of its work. Nothing may be lost, doubled or torn.
 *
 *   C1  Each message of the source is in the target once, for who reads what is committed.
 *   C2  Of each transaction that left something in the target, all is there: what it wrote says how much that was.
 *   C3  When all is copied the offsets that were committed are the ends of the source.
 *   C4  Who reads everything also finds what was aborted: the check can tell the one from the other.
 *
 * The copier's transactional id fences the copier before it; a transaction that nobody ends is aborted by the next one.
 * Whoever checks is a client of its own that was not there when it happened.
 *
 *     copyloop.js [ROUNDS]        environment: MYNA the binary, SEED, VERBOSE
 *
 * The last line is "copyloop: N rounds, 0 messages lost, doubled or torn", and only then the status is 0.
 */
const fs = require('fs');
const { Broker } = require('../clients/broker');
const { clients, sleep } = require('./control');
const { Random } = require('./random');
const { ignoreStrays } = require('./trial');

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const { Kafka, logLevel } = clients('kafkajs');

const PARTITIONS = 3;
const PER_ROUND = 600;      /* messages that come in */
const BATCH_MAX = 40;       /* copied by one transaction */
const LOAD_MS = [100, 900]; /* until the broker is killed */
const GIVE_UP = 0.1;        /* of the transactions are left open, */
const ABORT = 0.15;         /* and of these are aborted */
const COPY_MS_MAX = 120000; /* only against what hangs */
const GROUP = 'copier';
const RETRY = { initialRetryTime: 20, maxRetryTime: 100, retries: 5 };

class CopyLoop {
    constructor(broker, random) {
        this.broker = broker;
        this.random = random;
        this.sent = 0;
        this.ended = 0;
        this.left = 0;
        this.isOn = true;
    }

    kafka(name) {
        return new Kafka({ clientId: name, brokers: [this.broker.at('kafka')], logLevel: logLevel.NOTHING, retry: RETRY,
            connectionTimeout: 1000, requestTimeout: 4000 });
    }

    async withAdmin(work) {
        const admin = this.kafka('admin').admin();
        await admin.connect();
        try {
            return await work(admin);
        } finally {
            await admin.disconnect();
        }
    }

    async open() {
        await this.withAdmin((admin) => admin.createTopics({
            topics: ['source', 'target'].map((topic) => ({ topic, numPartitions: PARTITIONS })),
        }));
    }

    /** A round's messages, numbered; the broker lives meanwhile. */
    async fill() {
        const producer = this.kafka('filler').producer({ idempotent: true });
        await producer.connect();
        const messages = Array.from({ length: PER_ROUND }, (_, i) => ({
            value: String(this.sent + i), partition: (this.sent + i) % PARTITIONS,
        }));
        await producer.send({ topic: 'source', acks: -1, messages });
        this.sent += PER_ROUND;
        await producer.disconnect();
    }

    /**
     * One transaction with some of what a fetch brought. All in one send: of several at once kafkajs gives the sequence
     * number of one that it has to repeat to another.
     */
    async copy(producer, { batch }, messages) {
        const txn = await producer.transaction();
        const headers = { txn: `${process.pid}-${this.ended}-${this.left}`, of: String(messages.length) };
        await txn.send({ topic: 'target', messages: messages.map((m, i) => ({
            value: m.value, headers, partition: (Number(m.value) + i) % PARTITIONS,
        })) });
        await txn.sendOffsets({ consumerGroupId: GROUP, topics: [{ topic: 'source', partitions: [{
            partition: batch.partition, offset: String(Number(messages[messages.length - 1].offset) + 1),
        }] }] });
        if (this.random.next() < GIVE_UP) {
            this.left += 1;
            throw new Error('the copier gives up');
        }
        if (this.random.next() < ABORT) {
            await txn.abort();
            throw new Error('the copier changes its mind');
        }
        await txn.commit();
        this.ended += 1;
    }

    /** From what was committed on, until something goes wrong or all is copied. */
    async session() {
        const producer = this.kafka('copier').producer({
            transactionalId: 'copier', idempotent: true, maxInFlightRequests: 1,
        });
        const consumer = this.kafka('copier').consumer({ groupId: GROUP, sessionTimeout: 6000, maxWaitTimeInMs: 50,
            readUncommitted: false, retry: { ...RETRY, restartOnFailure: async () => false } });
        let fail = null;
        const failed = new Promise((resolve) => { fail = resolve; });
        try {
            await producer.connect();
            await consumer.connect();
            await consumer.subscribe({ topics: ['source'], fromBeginning: true });
            consumer.on(consumer.events.CRASH, fail);
            await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async (b) => {
                const count = 1 + Math.floor(this.random.next() * BATCH_MAX);
                const messages = b.batch.messages.slice(0, count);
                try {
                    await this.copy(producer, b, messages);
                    b.resolveOffset(messages[messages.length - 1].offset);
                } catch (error) {
                    fail(error);
                    throw error;
                }
            } });
            await Promise.race([failed, this.untilDone()]);
        } finally {
            await Promise.allSettled([consumer.disconnect(), producer.disconnect()]);
        }
    }

    async untilDone() {
        while (this.isOn) {
            await sleep(50);
        }
    }

    async copier() {
        while (this.isOn) {
            try {
                await this.session();
            } catch (error) {
                await sleep(30);
            }
        }
    }

    async hurt() {
        await this.fill();
        await sleep(this.random.between(...LOAD_MS));
        this.broker.child.kill('SIGKILL');
        await this.broker.exited;
        await this.broker.start();
    }

    /** Offsets of the group, 0 where it has none, and the ends of the source. */
    async progress() {
        return this.withAdmin(async (admin) => {
            const [{ partitions }] = await admin.fetchOffsets({ groupId: GROUP, topics: ['source'] });
            const ends = await admin.fetchTopicOffsets('source');
            const byPartition = (list) => Object.fromEntries(
                list.map((p) => [p.partition, Math.max(0, Number(p.offset))]));
            return { committed: byPartition(partitions), ends: byPartition(ends) };
        });
    }

    async finish() {
        const limit = Date.now() + COPY_MS_MAX;
        for (;;) {
            const { committed, ends } = await this.progress();
            if (Object.keys(ends).every((p) => committed[p] === ends[p])) {
                return; /* C3 */
            }
            if (Date.now() > limit) {
                throw new Error(`not copied in time: ${JSON.stringify({ committed, ends })}`);
            }
            await sleep(100);
        }
    }

    /** All of the target up to what is its end now. */
    async read(readUncommitted) {
        const consumer = this.kafka('checker').consumer({
            groupId: `check-${readUncommitted}`, readUncommitted, maxWaitTimeInMs: 50,
        });
        const got = [];
        let last = Date.now();
        await consumer.connect();
        await consumer.subscribe({ topics: ['target'], fromBeginning: true });
        await consumer.run({ eachMessage: async ({ message }) => {
            last = Date.now();
            const { txn, of } = message.headers;
            got.push({ value: Number(message.value), txn: String(txn), of: Number(of) });
        } });
        while (got.length < this.sent || Date.now() - last < 2000) {
            if (Date.now() - last > 15000) {
                break;
            }
            await sleep(50);
        }
        await consumer.disconnect();
        return got;
    }

    /** What is wrong with the target, in words. */
    static judge(got, sent) {
        const seen = new Map();
        const txns = new Map();
        const wrong = [];
        got.forEach((m) => {
            seen.set(m.value, (seen.get(m.value) || 0) + 1);
            txns.set(m.txn, { of: m.of, count: (txns.has(m.txn) ? txns.get(m.txn).count : 0) + 1 });
        });
        for (let i = 0; i < sent; i++) {
            if (seen.get(i) !== 1) {
                wrong.push(`message ${i} is there ${seen.get(i) || 0} times`); /* C1 */
            }
        }
        txns.forEach(({ of, count }, txn) => {
            if (of !== count) {
                wrong.push(`transaction ${txn} has ${count} of ${of}`); /* C2 */
            }
        });
        return wrong;
    }
}

async function main(rounds) {
    const seed = Number(process.env.SEED || Date.now() % 1000000);
    const broker = await (await Broker.create()).start();
    const loop = new CopyLoop(broker, new Random(seed));

    process.stdout.write(`copyloop: seed ${seed}\n`);
    await loop.open();
    const copier = loop.copier();
    for (let i = 0; i < rounds; i++) {
        await loop.hurt();
    }
    await loop.finish();
    loop.isOn = false;
    await copier;
    const wrong = CopyLoop.judge(await loop.read(false), loop.sent);
    const all = (await loop.read(true)).length;
    wrong.slice(0, 20).forEach((line) => process.stdout.write(`  ${line}\n`));
    process.stdout.write(`  ${loop.sent} messages, ${loop.ended} transactions committed, ${loop.left} left open, `
        + `${all - loop.sent} messages aborted\n`);
    const isGood = wrong.length === 0 && all > loop.sent; /* C4 */
    broker.child.kill('SIGTERM');
    await broker.exited;
    if (isGood) {
        fs.rmSync(broker.folder, { recursive: true, force: true });
    } else {
        process.stdout.write(`  the data is kept: ${broker.data}\n`);
    }
    process.stdout.write(`copyloop: ${rounds} rounds, ${wrong.length} messages lost, doubled or torn\n`);
    return isGood ? 0 : 1;
}

ignoreStrays();
main(Number(process.argv[2] || 20)).then((code) => process.exit(code), (error) => {
    process.stdout.write(`copyloop: ${error.stack}\n`);
    process.exit(1);
});
