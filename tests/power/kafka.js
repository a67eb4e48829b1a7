'use strict';
/*
 * kafka.js - kafkajs: an idempotent publisher that repeats by itself until it is answered, plain ones that send once,
 * a consumer group that commits, somebody who makes and deletes topics; and kcat (librdkafka), which reads whole logs.
 */
const { spawn } = require('child_process');
const { body, clients, idOf, sleep } = require('./control');

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const { Kafka, logLevel } = clients('kafkajs');

const PARTITIONS = 3;
const BATCH = 50;
const BATCH_EVERY_MS = 4;
const READ_MS_MAX = 60000;
const RETRIES = { initialRetryTime: 30, maxRetryTime: 100, retries: 200 };
const NO_RETRIES = { retries: 0 };
const FEW_RETRIES = { initialRetryTime: 30, retries: 2 }; /* the first looks for the coordinator */

function client(control, retry, name) {
    return new Kafka({
        clientId: name, brokers: [control.at.kafka], logLevel: logLevel.NOTHING, retry,
        connectionTimeout: 1000, requestTimeout: 4000,
    });
}

async function withAdmin(control, work) {
    const admin = client(control, FEW_RETRIES, 'power-admin').admin();
    await admin.connect();
    try {
        return await work(admin);
    } finally {
        await admin.disconnect();
    }
}

async function createTopic(control, topic) {
    await withAdmin(control, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }] }));
}

async function deleteTopic(control, topic) {
    await withAdmin(control, (admin) => admin.deleteTopics({ topics: [topic] }));
}

async function topics(control) {
    return withAdmin(control, (admin) => admin.listTopics());
}

/** laneOf() names the topic of now. Each message is sent once (plain) or until it is acknowledged (idempotent). */
function publisher(control, laneOf, name, { isIdempotent, partitions }) {
    const { history } = control;
    let session = 0;

    async function publish(producer) {
        const lane = laneOf();
        const source = history.producer(isIdempotent ? `${name}-${session}` : `${name}-${lane}`, lane);
        while (control.isLoading && laneOf() === lane) {
            await control.room(lane, BATCH_EVERY_MS);
            const ids = Array.from({ length: BATCH }, () => history.sending(source));
            const messages = ids.map((id, i) => ({ key: name, value: body(id), partition: i % partitions }));
            await producer.send({ topic: lane, acks: -1, messages });
            ids.forEach((id) => history.acked(id));
        }
    }

    control.role(name, async () => {
        if (!control.isLoading) {
            return;
        }
        session += 1;
        const kafka = client(control, isIdempotent ? RETRIES : NO_RETRIES, name);
        const producer = kafka.producer(isIdempotent ? { idempotent: true, maxInFlightRequests: 1 } : {});
        try {
            await producer.connect();
            await publish(producer);
        } finally {
            producer.disconnect().catch(() => {});
        }
    });
}

/** A group that reads the topic of now and commits after each batch. */
function group(control, laneOf, groupId) {
    const { history } = control;

    async function onBatch(consumer, { batch, resolveOffset }) {
        const offset = Number(batch.lastOffset()) + 1;
        const { topic, partition } = batch;
        history.committing(groupId, topic, partition, offset);
        await consumer.commitOffsets([{ topic, partition, offset: String(offset) }]);
        history.committed(groupId, topic, partition, offset);
        resolveOffset(batch.lastOffset());
    }

    control.role(groupId, async () => {
        const lane = laneOf();
        const consumer = client(control, RETRIES, groupId).consumer({
            groupId, maxWaitTimeInMs: 100, sessionTimeout: 6000, heartbeatInterval: 1000, rebalanceTimeout: 6000,
        });
        try {
            await consumer.connect();
            await consumer.subscribe({ topics: [lane], fromBeginning: true });
            const crashed = new Promise((_, reject) => {
                consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
            });
            crashed.catch(() => {});
            await consumer.run({ autoCommit: false, eachBatch: (payload) => onBatch(consumer, payload) });
            while (!control.isStopped && laneOf() === lane) {
                await Promise.race([crashed, sleep(50)]);
            }
        } finally {
            await Promise.race([consumer.disconnect().catch(() => {}), sleep(2000)]);
        }
    });
}

function definer(control, everyMs) {
    const { history } = control;
    const there = new Set();
    let n = 0;

    async function change(admin) {
        while (control.isLoading) {
            const name = `kafka-made-${n}`;
            const old = `kafka-made-${n - 3}`;
            n += 1;
            history.defining('topic', name);
            await admin.createTopics({ topics: [{ topic: name, numPartitions: 2 }] });
            history.defined('topic', name, 'made');
            there.add(name);
            if (there.delete(old)) {
                history.defining('topic', old);
                await admin.deleteTopics({ topics: [old] });
                history.defined('topic', old, 'gone');
            }
            await sleep(everyMs);
        }
    }
    control.role('kafka definer', () => (control.isLoading ? withAdmin(control, change) : sleep(20)));
}

/** Publishes messages with these ids; resolves when all are acknowledged. */
async function publishOnce(control, topic, ids) {
    const producer = client(control, FEW_RETRIES, 'power-once').producer();
    try {
        await createTopic(control, topic);
        await producer.connect();
        const messages = ids.map((id) => ({ value: body(id), partition: 0 }));
        await producer.send({ topic, acks: -1, messages });
    } finally {
        producer.disconnect().catch(() => {});
    }
}

/** A group reads the topic and commits this offset of partition 0 when it has got something. */
async function commitOnce(control, groupId, topic, offset) {
    const consumer = client(control, FEW_RETRIES, groupId).consumer({ groupId, maxWaitTimeInMs: 50 });
    try {
        await consumer.connect();
        await consumer.subscribe({ topics: [topic], fromBeginning: true });
        await new Promise((resolve, reject) => {
            consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
            const eachBatch = () => consumer.commitOffsets([{ topic, partition: 0, offset: String(offset) }])
                .then(resolve, reject);
            consumer.run({ autoCommit: false, eachBatch }).catch(reject);
        });
    } finally {
        consumer.disconnect().catch(() => {});
    }
}

/** All of a topic, by librdkafka: calls take(partition, offset, text) for each record. */
function readAll(control, topic, take) {
    return new Promise((resolve, reject) => {
        const child = spawn('kcat', ['-b', control.at.kafka, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f',
            '%p %o %s\n', '-X', 'fetch.wait.max.ms=10'], { stdio: ['ignore', 'pipe', 'pipe'] });
        const timer = setTimeout(() => child.kill('SIGKILL'), READ_MS_MAX);
        let rest = '';
        let errors = '';
        child.stdout.setEncoding('latin1');
        child.stdout.on('data', (chunk) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop();
            for (const line of lines) {
                const [partition, offset] = line.split(' ', 2);
                take(Number(partition), Number(offset), line.slice(partition.length + offset.length + 2));
            }
        });
        child.stderr.on('data', (chunk) => { errors += chunk; });
        child.on('error', reject);
        child.on('close', (code) => {
            clearTimeout(timer);
            if (code === 0) {
                resolve();
            } else {
                reject(new Error(`kcat -t ${topic}: ${errors || `ended with ${code}`}`));
            }
        });
    });
}

/** Reads the log of a lane to its end and holds it against the history. */
async function checkLog(control, topic) {
    const { history } = control;
    const lane = history.lane(topic, { isLog: true });
    const due = history.due(lane);
    const ends = await withAdmin(control, (admin) => admin.fetchTopicOffsets(topic));
    for (const { partition, high } of ends) {
        history.checkLogEnd(lane, partition, Number(high));
    }
    await readAll(control, topic, (partition, offset, text) => history.read(lane, partition, offset, idOf(text)));
    history.checkLog(lane, due);
}

/** What the group has committed is neither behind nor ahead of what it was told. */
async function checkCommits(control, groupId, topic) {
    const { history } = control;
    const before = Array.from({ length: PARTITIONS }, (_, p) => history.committedNow(groupId, topic, p));
    const [found] = await withAdmin(control, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    for (const { partition, offset } of found.partitions) {
        history.checkCommit(groupId, topic, partition, Number(offset), before[partition]);
    }
}

module.exports = {
    PARTITIONS, checkCommits, checkLog, commitOnce, createTopic, definer, deleteTopic, group, publishOnce, publisher,
    topics,
};
