'use strict';
/* confluent.js - @confluentinc/kafka-javascript, the one over librdkafka, by its promises (its KafkaJS module). */
const assert = require('assert');
const { failure, suite, until } = require('../suite');
const { fresh, load, numbers } = require('./loaded');

const { KafkaJS: { Kafka, logLevel } } = load('@confluentinc/kafka-javascript');
const KILLS = 3;

class Context {
    constructor(broker) {
        this.broker = broker;
        this.kafka = new Kafka({ kafkaJS: { brokers: [broker.at('kafka')], logLevel: logLevel.NOTHING } });
        this.admin = this.kafka.admin();
    }

    async topic(numPartitions = 1) {
        const topic = fresh('topic');
        await this.admin.createTopics({ topics: [{ topic, numPartitions }] });
        return topic;
    }

    async producer(more = {}) {
        const producer = this.kafka.producer({ kafkaJS: { idempotent: true, ...more } });
        await producer.connect();
        return producer;
    }

    async send(topic, values, more = {}) {
        const producer = await this.producer(more);
        await producer.send({ topic, messages: values.map((value) => ({ value })) });
        await producer.disconnect();
    }

    async consume(topic, { groupId = fresh('group'), rd = {}, ...more } = {}) {
        const kafkaJS = { groupId, fromBeginning: true, ...more };
        const consumer = this.kafka.consumer({ kafkaJS, ...rd });
        const got = [];
        await consumer.connect();
        await consumer.subscribe({ topics: [topic] });
        await consumer.run({ eachMessage: async ({ message }) => { got.push(message); } });
        return { consumer, got, stop: () => consumer.disconnect() };
    }

    async read(topic, count, more) {
        const reader = await this.consume(topic, more);
        await until(() => reader.got.length >= count);
        await reader.stop();
        return reader.got;
    }
}

const values = (messages) => messages.map((m) => m.value && m.value.toString());

async function roundTrip(c) {
    const topic = await c.topic();
    await c.send(topic, numbers(500));
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
    const producer = await c.producer();
    await producer.send({ topic, messages: [{ key: 'k', value: 'v', headers: { a: '1' }, timestamp: '1700000000000' },
        { key: 'gone', value: null }] });
    await producer.disconnect();
    const [one, two] = await c.read(topic, 2);
    assert.deepStrictEqual([one.key.toString(), one.value.toString(), one.headers.a.toString(), one.timestamp],
        ['k', 'v', '1', '1700000000000']);
    assert.strictEqual(two.value, null);
}

async function resumes(c) {
    const topic = await c.topic();
    const groupId = fresh('group');
    for (const from of [0, 5]) {
        const sent = numbers(5).map((n) => String(Number(n) + from));
        await c.send(topic, sent);
        assert.deepStrictEqual(values(await c.read(topic, 5, { groupId })), sent);
    }
}

function twoShare(rd) {
    return async (c) => {
        const topic = await c.topic(4);
        const groupId = fresh('group');
        const pair = [await c.consume(topic, { groupId, rd }), await c.consume(topic, { groupId, rd })];
        const sizes = () => pair.map((p) => p.consumer.assignment().length).join();
        await until(() => sizes() === '2,2');
        await pair.pop().stop();
        await until(() => sizes() === '4');
        await pair.pop().stop();
    };
}

async function transactions(c) {
    const topic = await c.topic();
    const producer = await c.producer({ transactionalId: fresh('txn') });
    for (const n of numbers(20)) {
        const txn = await producer.transaction();
        await txn.send({ topic, messages: [{ value: n }] });
        await (Number(n) % 2 ? txn.abort() : txn.commit());
    }
    await producer.disconnect();
    assert.deepStrictEqual(values(await c.read(topic, 10)), numbers(20).filter((n) => Number(n) % 2 === 0));
}

async function administration(c) {
    const topic = await c.topic(2);
    assert.ok((await c.admin.listTopics()).includes(topic));
    assert.strictEqual(await c.admin.createTopics({ topics: [{ topic }] }), false);
    const { topics: [found] } = await c.admin.fetchTopicMetadata({ topics: [topic] })
        .then((told) => (Array.isArray(told) ? { topics: told } : told));
    assert.strictEqual(found.partitions.length, 2);
    await c.send(topic, numbers(3));
    const ends = await c.admin.fetchTopicOffsets(topic);
    assert.strictEqual(ends.reduce((sum, { high }) => sum + Number(high), 0), 3);
    await c.admin.deleteTopics({ topics: [topic] });
    assert.ok(!(await c.admin.listTopics()).includes(topic));
}

async function groupsAdmin(c) {
    const topic = await c.topic();
    const groupId = fresh('group');
    const reader = await c.consume(topic, { groupId });
    await until(() => reader.consumer.assignment().length === 1);
    const { groups: [found] } = await c.admin.describeGroups([groupId]);
    assert.strictEqual(found.members.length, 1);
    const { groups } = await c.admin.listGroups();
    assert.ok(groups.some((g) => g.groupId === groupId));
    assert.ok(await failure(c.admin.deleteGroups([groupId])));
    await reader.stop();
    await c.admin.deleteGroups([groupId]);
}

async function killed(c) {
    const topic = await c.topic();
    const reader = await c.consume(topic);
    const producer = await c.producer();
    for (let round = 0; round <= KILLS; round += 1) {
        await Promise.all(numbers(20).map((n) => producer.send({ topic, messages: [{ value: `${round}.${n}` }] })));
        await until(() => new Set(values(reader.got)).size === 20 * (round + 1));
        if (round < KILLS) {
            await c.broker.kill9();
            await c.broker.start();
        }
    }
    await producer.disconnect();
    await reader.stop();
}

suite('confluent-kafka-javascript', {
    open: async (broker) => {
        const c = new Context(broker);
        await c.admin.connect();
        return c;
    },
    close: (c) => c.admin.disconnect(),
    checks: [
        ['an idempotent producer, consume 500', roundTrip],
        ...['gzip', 'snappy', 'lz4', 'zstd'].map((name) => [name, codec(name)]),
        ['key, value, headers, time, nulls', fields],
        ['a group commits and resumes', resumes],
        ['two share, one leaves', twoShare({})],
        ['two share, one leaves: group.protocol=consumer', twoShare({ 'group.protocol': 'consumer' })],
        ['transactions: committed and aborted', transactions],
        ['topics: create, list, offsets, delete', administration],
        ['groups: list, describe, delete', groupsAdmin],
        ['kill -9: producer and group go on', killed],
    ],
});
