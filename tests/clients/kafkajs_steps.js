'use strict';
/* kafkajs_steps.js - what the checks with kafkajs are made of: names, topics, messages sent and read. */
const { until } = require('./suite');

let sequence = 0;

function fresh(what) {
    sequence += 1;
    return `kafka-${what}-${process.pid}-${sequence}`;
}

async function topic(c, numPartitions = 1) {
    const name = fresh('topic');
    await c.admin.createTopics({ topics: [{ topic: name, numPartitions }] });
    return name;
}

const text = (value) => (value === null || value === undefined ? null : value.toString());

/** A running consumer: the messages it got, and stop(). */
async function consume(c, groupId, name, { options = {}, run = {}, fromBeginning = true } = {}) {
    const consumer = c.kafka.consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout: 10000, ...options });
    const reader = { consumer, got: [], partitions: null, joins: 0 };
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        reader.partitions = payload.memberAssignment[name] || [];
        reader.joins += 1;
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [name], fromBeginning });
    await consumer.run({
        eachMessage: async ({ message, partition }) => { reader.got.push({ ...message, partition }); }, ...run,
    });
    await until(() => reader.partitions !== null);
    reader.stop = () => consumer.disconnect();
    return reader;
}

async function readAll(c, name, count) {
    const reader = await consume(c, fresh('group'), name);
    await until(() => reader.got.length >= count);
    await reader.stop();
    return reader.got;
}

async function send(c, name, messages, more = {}) {
    return c.producer.send({ topic: name, acks: -1, messages, ...more });
}

const numbers = (n) => Array.from({ length: n }, (_, i) => ({ value: String(i) }));

module.exports = { consume, fresh, numbers, readAll, send, text, topic };
