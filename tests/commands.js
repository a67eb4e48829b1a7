'use strict';
/*
 * commands.js - `myna dump` and `myna verify` on data directories that brokers left behind: whole, killed, damaged.
 * Whatever they are asked, they change nothing. Output is TAP.
 */
const assert = require('assert');
const { spawnSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { BINARY, Broker } = require('./clients/broker');
const amqplib = require('./clients/adapters/amqplib');
const kafkajs = require('./clients/adapters/kafkajs');
const { Results } = require('./clients/suite');

const results = new Results();

function run(...args) {
    const { status, stdout, stderr } = spawnSync(BINARY, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
    return { status, out: stdout, err: stderr };
}

/** Every file below a folder with the checksum of its content. */
function fingerprint(folder) {
    return fs.readdirSync(folder, { recursive: true })
        .map((name) => path.join(folder, name)).filter((name) => fs.statSync(name).isFile()).sort()
        .map((name) => `${name} ${crypto.createHash('sha256').update(fs.readFileSync(name)).digest('hex')}`)
        .join('\n');
}

function messages(count, prefix) {
    return Array.from({ length: count },
        (_, i) => ({ body: `${prefix}${i}`, key: `k${i % 7}`, headers: { n: String(i) } }));
}

/** A broker that was killed with 300 messages of two doors in it. */
async function withKilledBroker(fn) {
    const broker = await Broker.create();
    try {
        await broker.start();
        await amqplib.publish(broker.at('amqp'), 'invoices', messages(100, 'a'), () => {});
        await kafkajs.publish(broker.at('kafka'), 'clicks', messages(200, 'k'), () => {});
        await broker.kill9();
        return await fn(broker);
    } finally {
        await broker.dispose();
    }
}

function journalFile(broker) {
    return path.join(broker.data, 'shard/000/journal/1-1');
}

/** Changes one bit. */
function damage(file, offset) {
    const fd = fs.openSync(file, 'r+');
    const byte = Buffer.alloc(1);
    fs.readSync(fd, byte, 0, 1, offset);
    byte[0] ^= 0x10;
    fs.writeSync(fd, byte, 0, 1, offset);
    fs.closeSync(fd);
}

async function verifyWhole() {
    await withKilledBroker(async (broker) => {
        const before = fingerprint(broker.data);
        const { status, out, err } = run('verify', broker.data);
        assert.strictEqual(err, '');
        assert.match(out, /^verify: [^\n]* 300 records, 0 findings\n$/);
        assert.strictEqual(status, 0);
        assert.strictEqual(fingerprint(broker.data), before, 'untouched');
    });
}

async function verifyDamaged() {
    await withKilledBroker(async (broker) => {
        const dump = run('dump', 'journal', broker.data).out;
        const offset = Number(/frame offset=(\d+)[^\n]*\n\s+(?:[^f]|f(?!rame))*APPENDED/.exec(dump)[1]);
        damage(journalFile(broker), offset + 100);
        const before = fingerprint(broker.data);
        const { status, out } = run('verify', broker.data);
        assert.match(out, new RegExp(`journal/1-1 offset ${offset}: a frame that was synced cannot be read\n`));
        assert.match(out, /would not start/);
        assert.match(out, /[1-9]\d* findings\n$/);
        assert.strictEqual(status, 1);
        assert.strictEqual(fingerprint(broker.data), before, 'untouched');
    });
}

async function verifyRefused() {
    await withKilledBroker(async (broker) => {
        await broker.start();
        const { status, err } = run('verify', broker.data);
        assert.match(err, /^myna: '[^\n]* is in use by another process[^\n]*\n$/);
        assert.strictEqual(status, 1);
        await broker.stop();
        assert.match(run('verify', broker.data).out, /, 0 findings\n$/);
        const strange = run('verify', path.join(broker.folder, 'nothing'));
        assert.match(strange.err, /^myna: [^\n]*is not a data directory\n$/);
        assert.strictEqual(strange.status, 1);
        assert.strictEqual(run('verify', broker.folder).status, 1);
    });
}

async function dumpJournal() {
    await withKilledBroker(async (broker) => {
        const { status, out, err } = run('dump', 'journal', broker.data);
        assert.strictEqual(err, '');
        assert.strictEqual(status, 0);
        assert.match(out, /TOPIC_CREATED namespace="default" name="clicks" /);
        assert.match(out, /QUEUE_DECLARED [^\n]*name="invoices"/);
        const records = [...out.matchAll(/^ +batch [^\n]*records=(\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
        assert.strictEqual(records, 300);
        assert.doesNotMatch(out, /malformed|unknown kind|DAMAGE/);
        assert.strictEqual(run('dump', 'journal', journalFile(broker)).status, 0);
    });
}

async function dumpCatalogue() {
    await withKilledBroker(async (broker) => {
        await broker.start();
        await broker.stop(); // an orderly end leaves a checkpoint of everything
        const before = fingerprint(broker.data);
        const { status, out, err } = run('dump', 'catalogue', broker.data);
        assert.strictEqual(err, '');
        assert.strictEqual(status, 0);
        assert.match(out, / TOPIC_CREATED namespace="default" name="clicks" /);
        assert.match(out, / QUEUE_DECLARED [^\n]*name="invoices"/);
        assert.doesNotMatch(out, /malformed|unknown kind|DAMAGE/);
        assert.match(run('verify', broker.data).out, / 300 records, 0 findings\n$/);
        assert.strictEqual(fingerprint(broker.data), before, 'untouched');
    });
}

/** A produce of 600 KiB goes straight to a segment. */
async function segments() {
    const broker = await Broker.create();
    try {
        await broker.start();
        const big = Array.from({ length: 60 }, (_, i) => ({ body: 'x'.repeat(10240), key: `${i}`, headers: {} }));
        const ordered = (list) => kafkajs.publish(broker.at('kafka'), 'bulk', list, () => {});
        for (let round = 0; round < 4; round += 1) {
            await ordered(big);
        }
        await broker.stop();
        const { status, out, err } = run('dump', 'segment', broker.data);
        assert.strictEqual(err, '');
        assert.strictEqual(status, 0);
        const found = [...out.matchAll(/^ +batch [^\n]*records=(\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
        assert.ok(found >= 60 && found <= 240, `${found} records in segments`);
        assert.match(run('verify', broker.data).out, / 240 records, 0 findings\n$/);
        const [, name, at] = /^(\S+): segment[^\n]*\n +extent at=(\d+)/m.exec(out);
        damage(name, Number(at) + 64 + 200);
        assert.match(run('dump', 'segment', broker.data).out, / DAMAGE\n/);
        const after = run('verify', broker.data);
        assert.match(after.out, /^log default\/bulk partition 0 offset \d+: /m);
        assert.strictEqual(after.status, 1);
    } finally {
        await broker.dispose();
    }
}

async function wrongArguments() {
    for (const args of [['dump'], ['dump', 'nothing'], ['verify', 'a', 'b'], ['dance']]) {
        const { status, out, err } = run(...args);
        assert.strictEqual(status, 2, args.join(' '));
        assert.strictEqual(out, '');
        assert.match(err, /^myna: [^\n]+\n$/);
    }
    assert.match(run('--help').out, /verify/);
}

async function main() {
    await results.check('commands: verify finds nothing wrong after kill -9', verifyWhole);
    await results.check('commands: verify names what is damaged', verifyDamaged);
    await results.check('commands: verify refuses what it cannot look at', verifyRefused);
    await results.check('commands: dump prints every change and batch', dumpJournal);
    await results.check('commands: dump prints every row of a checkpoint', dumpCatalogue);
    await results.check('commands: dump and verify look into segments', segments);
    await results.check('commands: wrong arguments give one sentence', wrongArguments);
    results.end();
}

main();
