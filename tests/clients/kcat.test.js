'use strict';
/* kcat (librdkafka, from Debian) against the Kafka door. */
const assert = require('assert');
const { kcat } = require('./adapters/kcat');
const { suite } = require('./suite');

let sequence = 0;

function fresh(what) {
    sequence += 1;
    return `kcat-${what}-${process.pid}-${sequence}`;
}

const run = (c, args, input = '') => kcat(['-b', c.at, ...args], input);
const lines = (out) => out.split('\n').filter((line) => line !== '');

async function produce(c, topic, count, more = []) {
    const input = Array.from({ length: count }, (_, i) => `m${i}\n`).join('');
    await run(c, ['-P', '-t', topic, '-X', 'acks=all', ...more], input);
}

async function list(c) {
    const topic = fresh('list');
    await produce(c, topic, 1);
    const found = JSON.parse(await run(c, ['-L', '-J', '-t', topic]));
    assert.strictEqual(found.brokers.length, 1);
    assert.strictEqual(found.brokers[0].name, c.at);
    assert.strictEqual(found.topics[0].topic, topic);
    assert.deepStrictEqual(found.topics[0].partitions[0].replicas.length, 1);
}

async function roundTrip(c) {
    const topic = fresh('round');
    await produce(c, topic, 100);
    const out = await run(c, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%o %s\n']);
    assert.deepStrictEqual(lines(out), Array.from({ length: 100 }, (_, i) => `${i} m${i}`));
}

async function idempotent(c) {
    const topic = fresh('idempotent');
    await produce(c, topic, 1000, ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=10']);
    const out = await run(c, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q']);
    assert.deepStrictEqual(lines(out), Array.from({ length: 1000 }, (_, i) => `m${i}`));
}

function compressed(codec) {
    return async (c) => {
        const topic = fresh(codec);
        const value = 'the quick brown myna '.repeat(500);
        await run(c, ['-P', '-t', topic, '-z', codec], `${value}\n${value}\n`);
        const out = await run(c, ['-C', '-t', topic, '-o', 'beginning', '-e', '-q']);
        assert.deepStrictEqual(lines(out), [value, value]);
    };
}

async function keysAndHeaders(c) {
    const topic = fresh('headers');
    await run(c, ['-P', '-t', topic, '-K', ':', '-H', 'a=1', '-H', 'b=zwei'], 'key:value\n');
    const m = JSON.parse(await run(c, ['-C', '-t', topic, '-o', 'beginning', '-c', '1', '-q', '-J']));
    assert.deepStrictEqual([m.key, m.payload, m.headers], ['key', 'value', ['a', '1', 'b', 'zwei']]);
    assert.ok(Math.abs(m.ts - Date.now()) < 60000);
}

async function tail(c) {
    const topic = fresh('tail');
    await produce(c, topic, 10);
    const out = await run(c, ['-C', '-t', topic, '-o', '-3', '-e', '-q']);
    assert.deepStrictEqual(lines(out), ['m7', 'm8', 'm9']);
}

async function query(c) {
    const topic = fresh('query');
    await produce(c, topic, 4);
    assert.match(await run(c, ['-Q', '-t', `${topic}:0:-1`]), /\b4\b/);
    assert.match(await run(c, ['-Q', '-t', `${topic}:0:-2`]), /\b0\b/);
}

async function group(c) {
    const topic = fresh('group');
    const name = fresh('readers');
    const read = (count) => run(c, ['-G', name, '-X', 'auto.offset.reset=earliest', '-q', '-c', String(count), topic]);
    await produce(c, topic, 10);
    assert.deepStrictEqual(lines(await read(4)), ['m0', 'm1', 'm2', 'm3']);
    assert.deepStrictEqual(lines(await read(6)), ['m4', 'm5', 'm6', 'm7', 'm8', 'm9']);
}

async function large(c) {
    const topic = fresh('large');
    const value = 'x'.repeat(900000);
    await run(c, ['-P', '-t', topic], `${value}\n`);
    const out = await run(c, ['-C', '-t', topic, '-o', 'beginning', '-c', '1', '-q']);
    assert.strictEqual(lines(out)[0], value);
}

const checks = [
    ['metadata', list],
    ['produce and consume 100', roundTrip],
    ['idempotent, many small batches', idempotent],
    ...['gzip', 'snappy', 'lz4', 'zstd'].map((codec) => [`compression ${codec}`, compressed(codec)]),
    ['key, headers, time', keysAndHeaders],
    ['the last three', tail],
    ['query of offsets', query],
    ['a group commits and resumes', group],
    ['a large message', large],
];

suite('kcat', {
    async open(broker) {
        const at = broker.at('kafka');
        await kcat(['-b', at, '-L'], '');
        return { at };
    },
    async close() {},
    checks,
});
