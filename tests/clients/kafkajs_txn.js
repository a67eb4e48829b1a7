'use strict';
/* kafkajs_txn.js - transactions with kafkajs, which speaks the first version of the protocol (KIP-98). */
const assert = require('assert');
const { consume, fresh, numbers, text, topic } = require('./kafkajs_steps');
const { failure, until } = require('./suite');

async function transactional(c, transactionalId) {
    const producer = c.kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    return producer;
}

/** What a consumer sees until the last of it. */
async function seen(c, name, last, readUncommitted = false) {
    const reader = await consume(c, fresh('group'), name, { options: { readUncommitted } });
    await until(() => reader.got.some((m) => text(m.value) === last));
    await reader.stop();
    return reader.got.map((m) => text(m.value));
}

async function committedAndAborted(c) {
    const name = await topic(c);
    const producer = await transactional(c, fresh('txn'));
    for (const [word, end] of [['a', 'commit'], ['b', 'abort'], ['c', 'commit'], ['d', 'abort']]) {
        const txn = await producer.transaction();
        await txn.send({ topic: name, messages: [{ value: `${word}1` }, { value: `${word}2` }] });
        await txn[end]();
    }
    await c.producer.send({ topic: name, messages: [{ value: 'end' }] });
    assert.deepStrictEqual(await seen(c, name, 'end'), ['a1', 'a2', 'c1', 'c2', 'end']);
    assert.strictEqual((await seen(c, name, 'end', true)).length, 9);
    await producer.disconnect();
}

async function openIsHidden(c) {
    const name = await topic(c);
    const producer = await transactional(c, fresh('txn'));
    const txn = await producer.transaction();
    await txn.send({ topic: name, messages: [{ value: 'open' }] });
    await c.producer.send({ topic: name, messages: [{ value: 'behind' }] });
    assert.deepStrictEqual(await seen(c, name, 'behind', true), ['open', 'behind']);
    const reader = await consume(c, fresh('group'), name, { options: { readUncommitted: false } });
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    assert.strictEqual(reader.got.length, 0);
    await txn.commit();
    await until(() => reader.got.length === 2);
    await reader.stop();
    await producer.disconnect();
}

async function offsetsGoAlong(c) {
    const name = await topic(c);
    const groupId = fresh('group');
    const producer = await transactional(c, fresh('txn'));
    const committed = async () => {
        const [{ partitions: [p] }] = await c.admin.fetchOffsets({ groupId, topics: [name] });
        return p.offset;
    };
    await c.producer.send({ topic: name, messages: numbers(5) });
    for (const [offset, end, now] of [['3', 'abort', '-1'], ['4', 'commit', '4'], ['5', 'abort', '4']]) {
        const txn = await producer.transaction();
        await txn.sendOffsets({ consumerGroupId: groupId,
            topics: [{ topic: name, partitions: [{ partition: 0, offset }] }] });
        await txn[end]();
        assert.strictEqual(await committed(), now);
    }
    await producer.disconnect();
}

async function theOlderIsFenced(c) {
    const name = await topic(c);
    const id = fresh('txn');
    const older = await transactional(c, id);
    const open = await older.transaction();
    await open.send({ topic: name, messages: [{ value: 'old' }] });
    const newer = await transactional(c, id);
    const txn = await newer.transaction();
    await txn.send({ topic: name, messages: [{ value: 'new' }] });
    await txn.commit();
    assert.match((await failure(open.commit())).type, /INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/);
    assert.deepStrictEqual(await seen(c, name, 'new'), ['new']);
    await older.disconnect();
    await newer.disconnect();
}

exports.checks = [
    ['transactions: committed and aborted', committedAndAborted],
    ['transactions: what is open is hidden', openIsHidden],
    ['transactions: offsets go along', offsetsGoAlong],
    ['transactions: the older producer is fenced', theOlderIsFenced],
];
