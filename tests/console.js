'use strict';
/*
 * console.js - what somebody who watches a node reads: health and metrics over HTTP. Output is TAP.
 */
const assert = require('assert');
const http = require('http');
const { Broker } = require('./clients/broker');
const amqplib = require('./clients/adapters/amqplib');
const kafkajs = require('./clients/adapters/kafkajs');
const { Results } = require('./clients/suite');

const results = new Results();

async function withBroker(fn) {
    const broker = await Broker.create();
    try {
        await broker.start();
        await fn(broker);
        await broker.stop();
    } finally {
        await broker.dispose();
    }
}

function request(broker, path, method = 'GET') {
    return new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port: broker.ports.console, path, method };
        http.request(options, (answer) => {
            let body = '';
            answer.on('data', (chunk) => { body += chunk; });
            answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
        }).on('error', reject).end();
    });
}

/** The text format as { 'name{labels}': value }; every series must come after its own HELP and TYPE. */
function parseMetrics(text) {
    const types = {};
    const values = {};
    for (const line of text.trimEnd().split('\n')) {
        const type = /^# TYPE (\w+) (gauge|counter)$/.exec(line);
        if (type) {
            types[type[1]] = type[2];
        } else if (!/^# HELP \w+ \S/.test(line)) {
            const [, name, labels, value] = /^(\w+)(\{\w+="[^"\\]*"\})? ([0-9.]+)$/.exec(line) || [];
            assert.ok(name && types[name], `not a series of a known type: ${line}`);
            assert.ok(types[name] === 'counter' ? name.endsWith('_total') : !name.endsWith('_total'), name);
            values[name + (labels || '')] = Number(value);
        }
    }
    return values;
}

async function metrics(broker) {
    const { status, headers, body } = await request(broker, '/metrics');
    assert.strictEqual(status, 200);
    assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
    return parseMetrics(body);
}

function fates(values) {
    return Object.entries(values).filter(([name]) => name.startsWith('myna_messages_fate_total'))
        .reduce((sum, [, value]) => sum + value, 0);
}

function accounted(values) {
    return values.myna_messages_ready + values.myna_messages_leased + values.myna_messages_delayed + fates(values);
}

async function health() {
    await withBroker(async (broker) => {
        const live = await request(broker, '/health/live');
        assert.deepStrictEqual([live.status, JSON.parse(live.body)], [200, { status: 'live' }]);
        const ready = await request(broker, '/health/ready');
        assert.deepStrictEqual([ready.status, JSON.parse(ready.body)], [200, { status: 'ready' }]);
        assert.strictEqual(ready.headers['cache-control'], 'no-store');
        assert.strictEqual((await request(broker, '/health/ready', 'HEAD')).body, '');
    });
}

async function wrongRequests() {
    await withBroker(async (broker) => {
        assert.strictEqual((await request(broker, '/nothing')).status, 404);
        assert.strictEqual((await request(broker, '/metrics', 'DELETE')).status, 405);
        assert.strictEqual((await request(broker, '/metrics?x=1')).status, 200);
    });
}

async function conservation() {
    await withBroker(async (broker) => {
        const messages = Array.from({ length: 10 }, (_, i) => ({ body: `m${i}`, key: 'k', headers: {} }));
        await amqplib.publish(broker.at('amqp'), 'jobs', messages, () => {});
        await kafkajs.publish(broker.at('kafka'), 'clicks', messages, () => {});
        const before = await metrics(broker);
        assert.strictEqual(before.myna_messages_ready, 10);
        assert.strictEqual(before.myna_messages_routed_total, 10);
        assert.strictEqual(before.myna_queues, 1);
        assert.ok(before.myna_log_bytes > 0 && before.process_resident_memory_bytes > 1 << 20);
        assert.strictEqual(before.myna_ready, 1);
        assert.strictEqual(before.myna_disk_full, 0);
        await amqplib.receive(broker.at('amqp'), 'jobs', 10);
        const after = await metrics(broker);
        assert.strictEqual(after['myna_messages_fate_total{fate="acked"}'], 10);
        assert.strictEqual(accounted(after), after.myna_messages_routed_total);
        await broker.kill9();
        await broker.start();
        const again = await metrics(broker);
        assert.strictEqual(again.myna_messages_routed_total, 10);
        assert.strictEqual(accounted(again), 10);
    });
}

async function main() {
    await results.check('console: health', health);
    await results.check('console: what is not there, and what may not be done', wrongRequests);
    await results.check('console: metrics, and the law of conservation in them', conservation);
    results.end();
}

main();
