'use strict';
/*
 * directory.js - the data directory as its owner sees it: one process at a time, nobody else may look in, what a newer
 * version wrote is refused and left as it was. Output is TAP.
 */
const assert = require('assert');
const { spawnSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { BINARY, Broker } = require('./clients/broker');
const amqplib = require('./clients/adapters/amqplib');
const { Results, failure } = require('./clients/suite');

const results = new Results();

async function withBroker(fn) {
    const broker = await Broker.create();
    try {
        return await fn(broker);
    } finally {
        await broker.dispose();
    }
}

function filesOf(folder) {
    return fs.readdirSync(folder, { recursive: true }).map((name) => path.join(folder, name)).sort();
}

function fingerprint(folder) {
    return filesOf(folder).filter((name) => fs.statSync(name).isFile())
        .map((name) => `${name} ${crypto.createHash('sha256').update(fs.readFileSync(name)).digest('hex')}`)
        .join('\n');
}

/** Writes bytes into a file. */
function patch(file, offset, bytes) {
    const fd = fs.openSync(file, 'r+');
    fs.writeSync(fd, bytes, 0, bytes.length, offset);
    fs.closeSync(fd);
}

function messages(count) {
    return Array.from({ length: count }, (_, i) => ({ body: `m${i}`, key: 'k', headers: {} }));
}

async function aSecondProcess() {
    await withBroker(async (broker) => {
        await broker.start();
        await amqplib.publish(broker.at('amqp'), 'q', messages(10), () => {});
        const second = spawnSync(BINARY, broker.args(), { encoding: 'utf8' });
        assert.strictEqual(second.status, 1);
        assert.match(second.stderr, /^myna: the data directory '[^\n]*' is in use by another process[^\n]*\n$/);
        assert.strictEqual((await amqplib.receive(broker.at('amqp'), 'q', 10)).length, 10);
        await broker.stop();
        await broker.start(); /* the lock went with the process */
        await broker.stop();
    });
}

/** Whatever the umask of who started it. */
async function nobodyElse() {
    const before = process.umask(0);
    try {
        await withBroker(async (broker) => {
            await broker.start();
            await amqplib.publish(broker.at('amqp'), 'q', messages(10), () => {});
            const seen = new Set();
            const look = () => [broker.data, ...filesOf(broker.data)].forEach((name) => {
                const found = fs.statSync(name);
                assert.strictEqual(found.mode & 0o777, found.isDirectory() ? 0o700 : 0o600, name);
                seen.add(path.basename(name));
            });
            look();
            await broker.stop(); // writes a checkpoint
            look();
            await broker.start();
            look();
            await broker.kill9();
            look();
            for (const name of ['myna', 'head', 'catalogue.db', 'catalogue.db-wal', 'journal', '1-1']) {
                assert.ok(seen.has(name), `${name} was there`);
            }
        });
    } finally {
        process.umask(before);
    }
}

async function refuses(spoil) {
    await withBroker(async (broker) => {
        await broker.start();
        await amqplib.publish(broker.at('amqp'), 'q', messages(10), () => {});
        await broker.stop();
        spoil(broker.data);
        const before = fingerprint(path.join(broker.data, 'shard/000/journal'));
        const error = await failure(broker.start());
        assert.match(error.message, /was written by a newer version of Myna; use that version/);
        assert.strictEqual(fingerprint(path.join(broker.data, 'shard/000/journal')), before, 'untouched');
    });
}

function raiseVersion(file) {
    const text = fs.readFileSync(file, 'latin1');
    fs.writeFileSync(file, text.replace(/^(myna \w+) \d+/, '$1 99'), 'latin1');
}

function crc32c(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) {
            crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return (crc ^ 0xffffffff) >>> 0;
}

/** docs/journal.md, "A journal file": the version is at 8, the checksum of all before it at 40. */
function raiseJournalVersion(file) {
    const header = fs.readFileSync(file).subarray(0, 44);
    header.writeUInt32BE(99, 8);
    header.writeUInt32BE(crc32c(header.subarray(0, 40)), 40);
    patch(file, 0, header);
}

async function aForeignDirectory() {
    await withBroker(async (broker) => {
        fs.mkdirSync(broker.data);
        fs.writeFileSync(path.join(broker.data, 'thesis.tex'), 'ten years');
        const error = await failure(broker.start());
        assert.match(error.message, /holds other files and is not Myna's/);
        assert.deepStrictEqual(fs.readdirSync(broker.data), ['thesis.tex']);
    });
}

async function main() {
    await results.check('directory: a second process is refused', aSecondProcess);
    await results.check('directory: nobody else may look in', nobodyElse);
    await results.check('directory: a newer volume is refused', () => refuses((data) => (
        raiseVersion(path.join(data, 'myna')))));
    await results.check('directory: a newer head is refused', () => refuses((data) => (
        raiseVersion(path.join(data, 'shard/000/head')))));
    await results.check('directory: a newer journal is refused', () => refuses((data) => (
        raiseJournalVersion(path.join(data, 'shard/000/journal/1-1')))));
    await results.check('directory: a newer catalogue is refused', () => refuses((data) => (
        patch(path.join(data, 'shard/000/catalogue.db'), 60, Buffer.from([0, 0, 0, 99])))));
    await results.check("directory: others' files are left alone", aForeignDirectory);
    results.end();
}

main();
