'use strict';
/* kafkajs against the Kafka door: topics, produce, fetch, groups, offsets. */
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const assert = require('assert');
const { spawn } = require('child_process');
const { CompressionTypes, Kafka, logLevel } = require('kafkajs');
const { checks: adminChecks } = require('./kafkajs_admin');
const { checks: txnChecks } = require('./kafkajs_txn');
const { consume, fresh, numbers, readAll, send, text, topic } = require('./kafkajs_steps');
const { failure, suite, until } = require('./suite');

async function metadata(c) {
    const { brokers, controller, clusterId } = await c.admin.describeCluster();
    assert.strictEqual(brokers.length, 1);
    assert.strictEqual(`${brokers[0].host}:${brokers[0].port}`, c.at);
    assert.strictEqual(controller, brokers[0].nodeId);
    assert.match(clusterId, /^[A-Za-z0-9_-]{22}$/);
}

async function createAndDelete(c) {
    const name = await topic(c, 3);
    assert.ok((await c.admin.listTopics()).includes(name));
    const { topics: [found] } = await c.admin.fetchTopicMetadata({ topics: [name] });
    assert.deepStrictEqual(found.partitions.map((p) => p.partitionId).sort(), [0, 1, 2]);
    assert.ok(found.partitions.every((p) => p.leader === found.partitions[0].leader && p.isr.length === 1));
    assert.strictEqual(await c.admin.createTopics({ topics: [{ topic: name }] }), false);
    await c.admin.deleteTopics({ topics: [name] });
    assert.ok(!(await c.admin.listTopics()).includes(name));
}

async function createErrors(c) {
    const bad = (config) => failure(c.admin.createTopics({ topics: [config] }));
    assert.strictEqual((await bad({ topic: 'not/allowed' })).errors[0].type, 'INVALID_TOPIC_EXCEPTION');
    assert.strictEqual((await bad({ topic: fresh('rf'), replicationFactor: 3 })).errors[0].type,
        'INVALID_REPLICATION_FACTOR');
    assert.strictEqual((await bad({ topic: fresh('p'), numPartitions: 0 })).errors[0].type, 'INVALID_PARTITIONS');
    const error = await failure(c.admin.deleteTopics({ topics: [fresh('missing')] }));
    assert.match(error.message, /does not host this topic-partition/);
}

async function validateOnly(c) {
    const name = fresh('only');
    await c.admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [{ topic: name }] });
    assert.ok(!(await c.admin.listTopics()).includes(name));
}

async function autoCreate(c) {
    const name = fresh('auto');
    await send(c, name, [{ value: 'made' }]);
    assert.deepStrictEqual((await readAll(c, name, 1)).map((m) => text(m.value)), ['made']);
}

async function fields(c) {
    const name = await topic(c);
    const timestamp = String(Date.now() - 1000);
    const headers = { text: 'grün', twice: ['a', 'b'], empty: '' };
    await send(c, name, [{ key: 'k', value: Buffer.from([0, 255, 1]), headers, timestamp }, { value: null, key: 'k' },
        { value: '' }]);
    const [one, two, three] = await readAll(c, name, 3);
    assert.strictEqual(text(one.key), 'k');
    assert.deepStrictEqual([...one.value], [0, 255, 1]);
    assert.strictEqual(one.timestamp, timestamp);
    assert.strictEqual(text(one.headers.text), 'grün');
    assert.deepStrictEqual(one.headers.twice.map(text), ['a', 'b']);
    assert.strictEqual(text(one.headers.empty), '');
    assert.strictEqual(two.value, null);
    assert.strictEqual(text(three.value), '');
    assert.strictEqual(three.key, null);
    assert.deepStrictEqual([one.offset, two.offset, three.offset], ['0', '1', '2']);
}

async function offsetsInAnswer(c) {
    const name = await topic(c);
    const [first] = await send(c, name, numbers(3));
    const [second] = await send(c, name, numbers(2));
    assert.strictEqual(first.errorCode, 0);
    assert.deepStrictEqual([first.baseOffset, second.baseOffset], ['0', '3']);
}

async function acksNone(c) {
    const name = await topic(c);
    await c.producer.send({ topic: name, acks: 0, messages: [{ value: 'hope' }] });
    await send(c, name, [{ value: 'certainty' }]);
    assert.deepStrictEqual((await readAll(c, name, 2)).map((m) => text(m.value)), ['hope', 'certainty']);
}

async function acksOne(c) {
    const name = await topic(c);
    const [answer] = await c.producer.send({ topic: name, acks: 1, messages: [{ value: 'x' }] });
    assert.strictEqual(answer.errorCode, 0);
}

async function gzip(c) {
    const name = await topic(c);
    const value = 'compress me '.repeat(1000);
    await send(c, name, [{ value }, { value }], { compression: CompressionTypes.GZIP });
    assert.ok((await readAll(c, name, 2)).every((m) => text(m.value) === value));
}

async function keysChoosePartitions(c) {
    const name = await topic(c, 4);
    await send(c, name, Array.from({ length: 40 }, (_, i) => ({ key: `k${i % 10}`, value: String(i) })));
    const got = await readAll(c, name, 40);
    const places = new Map();
    for (const m of got) {
        const key = text(m.key);
        assert.strictEqual(places.get(key) || m.partition, m.partition, 'a key stays in its partition');
        places.set(key, m.partition);
    }
    assert.ok(new Set(places.values()).size > 1);
    for (const key of places.keys()) {
        const values = got.filter((m) => text(m.key) === key).map((m) => Number(text(m.value)));
        assert.deepStrictEqual(values, [...values].sort((a, b) => a - b));
    }
}

async function manyTopicsInOneRequest(c) {
    const names = [await topic(c), await topic(c, 2)];
    await c.producer.sendBatch({
        acks: -1, topicMessages: names.map((name) => ({ topic: name, messages: numbers(5) })),
    });
    for (const name of names) {
        assert.strictEqual((await readAll(c, name, 5)).length, 5);
    }
}

async function idempotent(c) {
    const name = await topic(c);
    const producer = c.kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (let i = 0; i < 20; i += 1) {
        await producer.send({ topic: name, acks: -1, messages: [{ value: String(i) }] });
    }
    await producer.disconnect();
    assert.deepStrictEqual((await readAll(c, name, 20)).map((m) => text(m.value)), numbers(20).map((m) => m.value));
}

async function tooLarge(c) {
    const name = await topic(c);
    const error = await failure(send(c, name, [{ value: Buffer.alloc(1500000) }]));
    assert.strictEqual(error.type, 'MESSAGE_TOO_LARGE');
}

async function largeBatch(c) {
    const name = await topic(c);
    await send(c, name, Array.from({ length: 1000 }, () => ({ value: Buffer.alloc(900, 1) })));
    await send(c, name, [{ value: Buffer.alloc(900000, 2) }]);
    const got = await readAll(c, name, 1001);
    assert.strictEqual(got[1000].value.length, 900000);
    assert.deepStrictEqual(got.map((m) => Number(m.offset)), Array.from({ length: 1001 }, (_, i) => i));
}

async function pipelined(c) {
    const name = await topic(c);
    const producer = c.kafka.producer({ maxInFlightRequests: 20 });
    await producer.connect();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => producer.send({
        topic: name, acks: -1, messages: [{ value: String(i) }],
    })));
    await producer.disconnect();
    assert.strictEqual(new Set(answers.map(([a]) => a.baseOffset)).size, 100);
}

async function listOffsets(c) {
    const name = await topic(c);
    const base = Date.now() - 100000;
    for (let i = 0; i < 5; i += 1) {
        await send(c, name, [{ value: String(i), timestamp: String(base + i * 1000) }]);
    }
    const [ends] = await c.admin.fetchTopicOffsets(name);
    assert.deepStrictEqual([ends.low, ends.high, ends.offset], ['0', '5', '5']);
    const at = async (time) => (await c.admin.fetchTopicOffsetsByTimestamp(name, time))[0].offset;
    assert.strictEqual(await at(base + 1500), '2');
    assert.strictEqual(await at(base), '0');
}

async function longPoll(c) {
    const name = await topic(c);
    const reader = await consume(c, fresh('group'), name, { options: { maxWaitTimeInMs: 5000 } });
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    const sent = Date.now();
    await send(c, name, [{ value: 'now' }]);
    await until(() => reader.got.length === 1, 5);
    assert.ok(Date.now() - sent < 4500, 'the waiting fetch is answered by the arrival');
    await reader.stop();
}

async function fromLatest(c) {
    const name = await topic(c);
    await send(c, name, [{ value: 'old' }]);
    const reader = await consume(c, fresh('group'), name, { fromBeginning: false });
    await until(async () => {
        await send(c, name, [{ value: 'new' }]);
        return reader.got.length > 0;
    }, 200);
    assert.ok(reader.got.every((m) => text(m.value) === 'new'));
    await reader.stop();
}

async function seek(c) {
    const name = await topic(c);
    await send(c, name, numbers(10));
    const reader = await consume(c, fresh('group'), name);
    await until(() => reader.got.length === 10);
    reader.consumer.seek({ topic: name, partition: 0, offset: '7' });
    await until(() => reader.got.length === 13);
    assert.deepStrictEqual(reader.got.slice(10).map((m) => m.offset), ['7', '8', '9']);
    await reader.stop();
}

async function commitAndResume(c) {
    const name = await topic(c);
    const groupId = fresh('group');
    await send(c, name, numbers(10));
    const first = await consume(c, groupId, name, { run: { autoCommit: false } });
    await until(() => first.got.length === 10);
    await first.consumer.commitOffsets([{ topic: name, partition: 0, offset: '4', metadata: 'half way' }]);
    await first.stop();
    const [{ partitions: [committed] }] = await c.admin.fetchOffsets({ groupId, topics: [name] });
    assert.deepStrictEqual([committed.offset, committed.metadata], ['4', 'half way']);
    const second = await consume(c, groupId, name);
    await until(() => second.got.length >= 6);
    assert.strictEqual(second.got[0].offset, '4');
    await second.stop();
}

async function noOffsetYet(c) {
    const name = await topic(c, 2);
    const [{ partitions }] = await c.admin.fetchOffsets({ groupId: fresh('group'), topics: [name] });
    assert.deepStrictEqual(partitions.map((p) => p.offset), ['-1', '-1']);
}

async function groupsAreApart(c) {
    const name = await topic(c);
    await send(c, name, numbers(5));
    const [one, two] = [await readAll(c, name, 5), await readAll(c, name, 5)];
    assert.deepStrictEqual(one.map((m) => m.offset), two.map((m) => m.offset));
}

async function rebalance(c) {
    const name = await topic(c, 4);
    const groupId = fresh('group');
    const options = { heartbeatInterval: 200, rebalanceTimeout: 5000 };
    const one = await consume(c, groupId, name, { options });
    assert.deepStrictEqual([...one.partitions].sort(), [0, 1, 2, 3]);
    const two = await consume(c, groupId, name, { options });
    await until(() => one.partitions.length === 2 && two.partitions.length === 2);
    assert.deepStrictEqual([...one.partitions, ...two.partitions].sort(), [0, 1, 2, 3]);
    await c.producer.send({
        topic: name, acks: -1,
        messages: Array.from({ length: 40 }, (_, i) => ({ value: String(i), partition: i % 4 })),
    });
    await until(() => one.got.length + two.got.length >= 40);
    assert.ok(one.got.length === 20 && two.got.length === 20);
    await two.stop();
    await until(() => one.partitions.length === 4);
    await one.stop();
}

async function lostMember(c) {
    const name = await topic(c, 2);
    const groupId = fresh('group');
    const options = { heartbeatInterval: 200, rebalanceTimeout: 4000 };
    const one = await consume(c, groupId, name, { options });
    const script = `process.env.KAFKAJS_NO_PARTITIONER_WARNING='1';
        const { Kafka } = require('kafkajs');
        const consumer = new Kafka({ brokers: ['${c.at}'], logLevel: 0 }).consumer(
            { groupId: '${groupId}', sessionTimeout: 6000, heartbeatInterval: 200 });
        consumer.connect().then(() => consumer.subscribe({ topics: ['${name}'] }))
            .then(() => consumer.run({ eachMessage: async () => {} }));`;
    const child = spawn(process.execPath, ['-e', script], { cwd: __dirname, stdio: 'ignore' });
    await until(() => one.partitions.length === 1);
    child.kill('SIGKILL');
    await until(() => one.partitions.length === 2);
    await one.stop();
}

async function unknownTopic(c) {
    const error = await failure(c.admin.fetchTopicOffsets(fresh('missing')));
    assert.match(error.message, /does not host this topic-partition/);
}

async function deletedTopicIsNew(c) {
    const name = await topic(c);
    await send(c, name, numbers(3));
    await c.admin.deleteTopics({ topics: [name] });
    await c.admin.createTopics({ topics: [{ topic: name }] });
    const [ends] = await c.admin.fetchTopicOffsets(name);
    assert.deepStrictEqual([ends.low, ends.high], ['0', '0']);
}

async function topicWith(c, settings) {
    const name = fresh('settings');
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    await c.admin.createTopics({ topics: [{ topic: name, numPartitions: 1, configEntries }] });
    return name;
}

/** All that is there now, as "offset:key=value"; the last offset always is. */
async function snapshot(c, name) {
    const [{ high }] = await c.admin.fetchTopicOffsets(name);
    const reader = await consume(c, fresh('group'), name);
    await until(() => reader.got.length > 0 && reader.got[reader.got.length - 1].offset === String(high - 1));
    await reader.stop();
    return reader.got.map((m) => `${m.offset}:${text(m.key)}=${text(m.value)}`);
}

async function compaction(c) {
    const name = await topicWith(c, {
        'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '1',
        'delete.retention.ms': '3000',
    });
    const record = (key, value) => ({ key, value });
    await send(c, name, [record('a', '1'), record('b', '2'), record('a', '3')], { compression: CompressionTypes.GZIP });
    await send(c, name, [record('c', '4'), record('b', null)]);
    await send(c, name, [record('end', '6')]);
    await until(async () => (await snapshot(c, name)).join(' ') === '2:a=3 3:c=4 4:b=null 5:end=6', 100);
    await until(async () => (await snapshot(c, name)).join(' ') === '2:a=3 3:c=4 5:end=6', 100);
    await send(c, name, [record('a', '7')]); /* offsets go on as if nothing had gone */
    assert.ok((await snapshot(c, name)).includes('6:a=7'));
}

async function keylessIsRefused(c) {
    const name = await topicWith(c, { 'cleanup.policy': 'compact' });
    const error = await failure(send(c, name, [{ value: 'no key' }]));
    assert.strictEqual(error.type, 'INVALID_RECORD');
    await send(c, name, [{ key: 'k', value: 'v' }]);
    assert.deepStrictEqual(await snapshot(c, name), ['0:k=v']);
}

async function retentionByTime(c) {
    const name = await topicWith(c, { 'retention.ms': '1000' });
    await send(c, name, numbers(10));
    await until(async () => (await c.admin.fetchTopicOffsets(name))[0].low === '10', 100);
    await send(c, name, [{ value: 'new' }]);
    assert.deepStrictEqual(await snapshot(c, name), ['10:null=new']);
}

async function retentionBySize(c) {
    const name = await topicWith(c, { 'retention.bytes': '30000' });
    for (let i = 0; i < 10; i += 1) {
        await send(c, name, [{ value: Buffer.alloc(10000, i) }]);
    }
    /* As long as 30,000 bytes stay without it, the oldest batch goes. */
    await until(async () => (await c.admin.fetchTopicOffsets(name))[0].low === '7', 100);
    assert.strictEqual((await c.admin.fetchTopicOffsets(name))[0].high, '10');
}

async function appendTime(c) {
    const name = await topicWith(c, { 'message.timestamp.type': 'LogAppendTime' });
    const [answer] = await send(c, name, [{ value: 'v', timestamp: '1000' }]);
    const [message] = await readAll(c, name, 1);
    assert.ok(Number(message.timestamp) > 1000000000000);
    assert.strictEqual(answer.logAppendTime, message.timestamp);
}

async function wrongSettings(c) {
    const error = await failure(topicWith(c, { 'retention.ms': '-2' }));
    assert.strictEqual(error.errors[0].type, 'INVALID_CONFIG');
}

const checks = [
    ['metadata of the cluster', metadata],
    ['create, list, describe, delete topics', createAndDelete],
    ['errors of create and delete', createErrors],
    ['validate only', validateOnly],
    ['a produce creates its topic', autoCreate],
    ['key, value, headers, time, nulls', fields],
    ['answers carry base offsets', offsetsInAnswer],
    ['acks=0 is not answered', acksNone],
    ['acks=1', acksOne],
    ['gzip', gzip],
    ['keys choose partitions and keep their order', keysChoosePartitions],
    ['several topics in one request', manyTopicsInOneRequest],
    ['an idempotent producer', idempotent],
    ['a message over the limit', tooLarge],
    ['batches near the limit', largeBatch],
    ['20 requests in flight', pipelined],
    ['list offsets: ends and by time', listOffsets],
    ['long poll', longPoll],
    ['start at the latest', fromLatest],
    ['seek', seek],
    ['commit, then resume there', commitAndResume],
    ['no offset committed yet', noOffsetYet],
    ['groups are apart', groupsAreApart],
    ['rebalance: two share, one leaves', rebalance],
    ['a killed member loses its partitions', lostMember],
    ['an unknown topic', unknownTopic],
    ['a topic made again is empty', deletedTopicIsNew],
    ['compaction: the last of each key, tombstones for a while', compaction],
    ['a compacted topic takes no message without key', keylessIsRefused],
    ['retention by time', retentionByTime],
    ['retention by size', retentionBySize],
    ['the time of the append', appendTime],
    ['settings out of bounds', wrongSettings],
    ...adminChecks,
    ...txnChecks,
];

suite('kafkajs', {
    async open(broker) {
        const at = broker.at('kafka');
        const kafka = new Kafka({
            clientId: 'myna-test', brokers: [at], logLevel: logLevel.NOTHING, retry: { retries: 2 },
        });
        const admin = kafka.admin();
        const producer = kafka.producer();
        await admin.connect();
        await producer.connect();
        return { at, kafka, admin, producer };
    },
    async close(c) {
        await c.producer.disconnect();
        await c.admin.disconnect();
    },
    checks,
});
