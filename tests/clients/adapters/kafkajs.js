'use strict';
/*
 * kafkajs: topic `name`, key = key, headers = headers. Order is kept within the topic's one
 * partition.
 */
const { Kafka, logLevel } = require('kafkajs');

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

function client(at) {
    return new Kafka({ clientId: 'myna-matrix', brokers: [at], logLevel: logLevel.NOTHING, retry: { retries: 3 } });
}

async function prepare(at, name) {
    const admin = client(at).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }] });
    await admin.disconnect();
}

async function publish(at, name, messages, onDone) {
    const producer = client(at).producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (let i = 0; i < messages.length; i += 500) {
        await producer.send({
            topic: name,
            acks: -1,
            messages: messages.slice(i, i + 500).map((m) => ({ key: m.key, value: m.body, headers: m.headers })),
        });
    }
    onDone();
    await producer.disconnect();
}

function text(value) {
    return value === null || value === undefined ? null : value.toString();
}

async function receive(at, name, count, onMessage = () => {}) {
    const groupId = `${name}-readers-${process.hrtime.bigint()}`;
    const consumer = client(at).consumer({ groupId, maxWaitTimeInMs: 100 });
    const got = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [name], fromBeginning: true });
    await new Promise((resolve, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
        consumer.run({
            eachMessage: async ({ message }) => {
                got.push({
                    body: text(message.value),
                    key: text(message.key),
                    headers: Object.fromEntries(Object.entries(message.headers).map(([k, v]) => [k, text(v)])),
                });
                onMessage(got[got.length - 1]);
                if (got.length === count) {
                    resolve();
                }
            },
        }).catch(reject);
    });
    await consumer.disconnect();
    return got;
}

module.exports = { door: 'kafka', prepare, publish, receive };
