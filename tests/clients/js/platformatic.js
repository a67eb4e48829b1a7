'use strict';
/* platformatic.js - @platformatic/kafka against the Kafka door; it knows only recent versions of each API. */
const assert = require('assert');
const path = require('path');
const { pathToFileURL } = require('url');
const { failure, suite, until } = require('../suite');
const { FOLDER, fresh, numbers } = require('./loaded');

const KILLS = 3;

class Context {
    constructor(broker, kafka) {
        this.broker = broker;
        this.kafka = kafka;
        this.base = { clientId: 'test', bootstrapBrokers: [broker.at('kafka')], retries: 100, retryDelay: 50 };
        this.admin = new kafka.Admin(this.base);
    }

    async topic(partitions = 1) {
        const name = fresh('topic');
        await this.admin.createTopics({ topics: [name], partitions, replicas: 1 });
        return name;
    }

    producer(more = {}) {
        return new this.kafka.Producer({ ...this.base, serializers: this.kafka.stringSerializers, ...more });
    }

    async send(topic, values, more = {}) {
        const producer = this.producer();
        await producer.send({ messages: values.map((value) => ({ topic, value })), ...more });
        await producer.close();
    }

    /** A consumer with what it has got so far; stop() leaves the group. */
    async consume(topic, { groupId = fresh('group'), ...more } = {}) {
        const consumer = new this.kafka.Consumer({ ...this.base, groupId, maxWaitTime: 100,
            deserializers: this.kafka.stringDeserializers, sessionTimeout: 10000, heartbeatInterval: 500, ...more });
        const got = [];
        const stream = await consumer.consume({ topics: [topic], autocommit: true, mode: 'committed',
            fallbackMode: 'earliest', ...more });
        stream.on('data', (message) => got.push(message));
        stream.on('error', () => {});
        return { consumer, got, stream, stop: () => consumer.close(true) };
    }

    async read(topic, count, more = {}) {
        const reader = await this.consume(topic, more);
        await until(() => reader.got.length >= count);
        await reader.stop();
        return reader.got;
    }
}

const values = (messages) => messages.map((m) => m.value);

async function roundTrip(c) {
    const topic = await c.topic();
    await c.send(topic, numbers(500), { idempotent: true });
    assert.deepStrictEqual(values(await c.read(topic, 500)), numbers(500));
}

function codec(compression) {
    return async (c) => {
        const topic = await c.topic();
        const sent = numbers(100).map((n) => n + ' compress me'.repeat(30));
        await c.send(topic, sent, { compression });
        assert.deepStrictEqual(values(await c.read(topic, 100)), sent);
    };
}

async function fields(c) {
    const topic = await c.topic();
    const producer = c.producer();
    await producer.send({ messages: [{ topic, key: 'k', value: 'v', headers: { a: '1', b: '2' } }] });
    await producer.close();
    const [m] = await c.read(topic, 1);
    assert.deepStrictEqual([m.key, m.value, [...m.headers]], ['k', 'v', [['a', '1'], ['b', '2']]]);
}

async function resumes(c) {
    const topic = await c.topic();
    const groupId = fresh('group');
    for (const from of [0, 5]) {
        const sent = numbers(5).map((n) => String(Number(n) + from));
        await c.send(topic, sent);
        const reader = await c.consume(topic, { groupId });
        await until(() => reader.got.length >= 5);
        await reader.stream.close();
        await reader.consumer.close();
        assert.deepStrictEqual(values(reader.got), sent);
    }
}

async function twoShare(c) {
    const topic = await c.topic(4);
    const groupId = fresh('group');
    const pair = [await c.consume(topic, { groupId }), await c.consume(topic, { groupId })];
    const sizes = () => pair.map((p) => (p.consumer.assignments || []).flatMap((a) => a.partitions).length);
    await until(() => sizes().join() === '2,2');
    await pair.pop().stop();
    await until(() => sizes().join() === '4');
    await pair.pop().stop();
}

/** A producer each: of those that one producer aborted this client hides only the last in what it fetched at a time. */
async function transactions(c) {
    const topic = await c.topic();
    for (const n of numbers(8)) {
        const producer = c.producer({ transactionalId: fresh('txn'), idempotent: true });
        const txn = await producer.beginTransaction();
        await txn.send({ messages: [{ topic, value: n }] });
        await (Number(n) % 2 ? txn.abort() : txn.commit());
        await producer.close();
    }
    assert.deepStrictEqual(values(await c.read(topic, 4, { isolationLevel: 1 })), ['0', '2', '4', '6']);
    assert.strictEqual((await c.read(topic, 8, { isolationLevel: 0 })).length, 8);
}

async function administration(c) {
    const topic = await c.topic(2);
    assert.ok((await c.admin.listTopics()).includes(topic));
    const error = await failure(c.admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }));
    assert.match(JSON.stringify([error.message, error.errors && error.errors.map(String)]), /exists|failed/i);
    await c.admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] });
    const metadata = await c.admin.metadata({ topics: [topic] });
    assert.strictEqual(metadata.topics.get(topic).partitionsCount, 3);
    await c.admin.deleteTopics({ topics: [topic] });
    assert.ok(!(await c.admin.listTopics()).includes(topic));
}

async function groupsAdmin(c) {
    const topic = await c.topic();
    const groupId = fresh('group');
    const reader = await c.consume(topic, { groupId });
    const found = (await c.admin.describeGroups({ groups: [groupId] })).get(groupId);
    assert.deepStrictEqual([found.state, found.members.size], ['Stable', 1]);
    assert.ok((await c.admin.listGroups()).has(groupId));
    await reader.stop();
    await c.admin.deleteGroups({ groups: [groupId] });
    assert.ok(!(await c.admin.listGroups()).has(groupId));
}

async function killed(c) {
    const topic = await c.topic();
    const reader = await c.consume(topic);
    const producer = c.producer();
    for (let round = 0; round <= KILLS; round += 1) {
        for (const n of numbers(20)) {
            await producer.send({ messages: [{ topic, value: `${round}.${n}` }], acks: -1 });
        }
        await until(() => new Set(values(reader.got)).size === 20 * (round + 1));
        if (round < KILLS) {
            await c.broker.kill9();
            await c.broker.start();
        }
    }
    await producer.close();
    await reader.stop();
}

suite('platformatic-kafka', {
    open: async (broker) => {
        const at = path.join(FOLDER, 'node_modules/@platformatic/kafka/dist/index.js');
        const c = new Context(broker, await import(pathToFileURL(at)));
        await c.admin.listTopics();
        return c;
    },
    close: (c) => c.admin.close(),
    checks: [
        ['an idempotent producer, consume 500', roundTrip],
        ...['gzip', 'snappy', 'lz4', 'zstd'].map((name) => [name, codec(name)]),
        ['key, value, headers', fields],
        ['a group commits and resumes', resumes],
        ['two share, one leaves', twoShare],
        ['transactions: committed and aborted', transactions],
        ['topics: create, list, grow, delete', administration],
        ['groups: list, describe, delete', groupsAdmin],
        ['kill -9: producer and group go on', killed],
    ],
});
