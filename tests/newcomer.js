'use strict';
/*
 * newcomer.js - what somebody meets in the first minutes: a quick start, little memory, no noise, a clean stop, and one
 * clear sentence for each mistake, with the data untouched. Output is TAP.
 */
const assert = require('assert');
const { spawn } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { BINARY, Broker, LISTENERS, ROOT } = require('./clients/broker');
const amqplib = require('./clients/adapters/amqplib');
const { Results, failure, withTimeout } = require('./clients/suite');

const START_MS_MAX = 50;
const RSS_KIB_MAX = 20 * 1024;
const TRIES = 20;
const CHECK_MS_MAX = 120000;

const results = new Results();
const isSanitized = /asan|ubsan|tsan/.test(BINARY);

/** Runs the binary to its end: { code, out, err }. */
function run(args) {
    const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return withTimeout(new Promise((resolve, reject) => {
        let [out, err] = ['', ''];
        child.stdout.on('data', (chunk) => { out += chunk; });
        child.stderr.on('data', (chunk) => { err += chunk; });
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal, out, err }));
    }), 30000, args.join(' ')).finally(() => child.kill('SIGKILL'));
}

/** The mistake ends with a status and one sentence that names what is wrong. */
async function oneSentence(args, what) {
    const { code, signal, out, err } = await run(args);
    assert.strictEqual(signal, null);
    assert.ok(code > 0 && code < 126, `status ${code}`);
    assert.strictEqual(out, '');
    assert.match(err, /^myna: [^\n]+\.?\n$/, `not one sentence: ${err}`);
    assert.ok(err.includes(what), `does not name ${what}: ${err}`);
}

/** Every file below a folder with its content, as one string to compare. */
function fingerprint(folder) {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.path || entry.parentPath, entry.name)).sort()
        .map((name) => `${name} ${crypto.createHash('sha256').update(fs.readFileSync(name)).digest('hex')}`)
        .join('\n');
}

async function withBroker(fn) {
    const broker = await Broker.create();
    try {
        return await fn(broker);
    } finally {
        await broker.dispose();
    }
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** How long the first thread of a process had something to do and got no processor: what the kernel counts of it. */
function waitedMs(pid) {
    try {
        return Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
    } catch (error) {
        return 0; /* a kernel that does not count */
    }
}

/**
 * The quickest of up to TRIES starts: other work on the machine and its disk only ever adds. What it adds by taking the
 * processor, from the broker or from us (the larger: they may wait at one time), is known and not counted; where there
 * is nothing else to do that is nothing.
 */
async function quickest(broker, before) {
    let best = Infinity;
    for (let i = 0; i < TRIES && best >= START_MS_MAX; i += 1) {
        before();
        const ours = waitedMs('self');
        const started = process.hrtime.bigint();
        await broker.start();
        const tookMs = Number(process.hrtime.bigint() - started) / 1e6;
        best = Math.min(best, tookMs - Math.max(waitedMs(broker.child.pid), waitedMs('self') - ours));
        await broker.stop();
    }
    assert.ok(best < START_MS_MAX, `${best.toFixed(1)} ms`);
    process.stdout.write(`# ${best.toFixed(1)} ms from exec to ready\n`);
}

async function startsQuickly() {
    await withBroker(async (broker) => {
        await quickest(broker, () => fs.rmSync(broker.data, { recursive: true, force: true }));
        await quickest(broker, () => {});
    });
}

async function usesLittle() {
    await withBroker(async (broker) => {
        await broker.start();
        await sleep(300);
        const status = fs.readFileSync(`/proc/${broker.child.pid}/status`, 'utf8');
        const kib = Number(status.match(/VmRSS:\s+(\d+) kB/)[1]);
        assert.ok(kib < RSS_KIB_MAX, `${kib} KiB resident`);
        process.stdout.write(`# ${(kib / 1024).toFixed(1)} MiB resident when idle\n`);
        await broker.stop();
    });
}

async function bannerOnly() {
    await withBroker(async (broker) => {
        await broker.start();
        const banner = broker.stdout;
        for (const door of LISTENERS) {
            const port = String(broker.ports[door]);
            assert.ok(banner.split('\n').some((line) => line.includes(port)), `${door} in ${banner}`);
        }
        assert.match(banner, /\bready\.?\n$/);
        await amqplib.prepare(broker.at('amqp'), 'noise');
        for (const door of LISTENERS) {
            await new Promise((resolve) => {
                const socket = net.connect(broker.ports[door], '127.0.0.1', () => socket.end('nonsense\r\n\r\n'));
                socket.on('close', resolve);
                socket.on('error', resolve);
                socket.resume();
            });
        }
        await broker.stop();
        assert.strictEqual(broker.stderr, '');
        assert.ok(broker.stdout.length - banner.length < 80, broker.stdout.slice(banner.length));
    });
}

async function stops(signal) {
    await withBroker(async (broker) => {
        await broker.start();
        const socket = net.connect(broker.ports.amqp, '127.0.0.1');
        socket.on('error', () => {});
        await sleep(50);
        const started = Date.now();
        broker.child.kill(signal);
        const ended = await broker.exited;
        assert.deepStrictEqual(ended, { code: 0, signal: null });
        assert.strictEqual(broker.stderr, '');
        assert.ok(Date.now() - started < 10000, 'in time');
        socket.destroy();
    });
}

async function helpAndVersion() {
    const help = await run(['--help']);
    assert.strictEqual(help.code, 0);
    for (const option of ['--data', '--listen', ...LISTENERS.map((door) => `--${door}-port`), '--version', '--help']) {
        assert.ok(help.out.includes(option), option);
    }
    const version = await run(['--version']);
    assert.strictEqual(version.code, 0);
    assert.match(version.out, /^myna \d+\.\d+\.\d+\n$/);
}

async function wrongOptions() {
    const data = path.join(os.tmpdir(), `myna-never-made-${process.pid}`);
    await oneSentence(['--data', data, '--no-such-option'], '--no-such-option');
    await oneSentence(['--data', data, 'stray'], 'stray');
    await oneSentence(['--data', data, '--kafka-port', 'abc'], 'abc');
    await oneSentence(['--data', data, '--kafka-port', '65536'], '65536');
    await oneSentence(['--data', data, '--kafka-port', '-1'], '-1');
    await oneSentence(['--data', data, '--amqp-port'], '--amqp-port');
    await oneSentence(['--data', data, '--listen', 'no.such.host.invalid'], 'no.such.host.invalid');
    assert.ok(!fs.existsSync(path.join(data, 'journal')), 'a wrong option makes no store');
    fs.rmSync(data, { recursive: true, force: true });
}

async function portInUse() {
    await withBroker(async (broker) => {
        const occupied = net.createServer();
        await new Promise((resolve) => { occupied.listen(0, '127.0.0.1', resolve); });
        const { port } = occupied.address();
        for (const door of LISTENERS) {
            const at = broker.args().map((arg) => (arg === String(broker.ports[door]) ? String(port) : arg));
            await oneSentence(at, String(port));
        }
        occupied.close();
        await broker.start();
        await broker.stop();
    });
}

async function sameFolderTwice() {
    await withBroker(async (broker) => {
        await broker.start();
        const message = { body: 'precious', key: 'k', headers: {} };
        await amqplib.publish(broker.at('amqp'), 'kept', [message], () => {});
        const before = fingerprint(broker.data);
        const other = await Broker.create();
        other.data = broker.data;
        await oneSentence(other.args(), broker.data);
        await other.dispose();
        assert.strictEqual(fingerprint(broker.data), before, 'untouched');
        const [got] = await amqplib.receive(broker.at('amqp'), 'kept', 1);
        assert.strictEqual(got.body, 'precious');
        await broker.stop();
    });
}

async function foreignFolder() {
    await withBroker(async (broker) => {
        fs.mkdirSync(broker.data);
        fs.writeFileSync(path.join(broker.data, 'thesis.txt'), 'years of work');
        const before = fingerprint(broker.data);
        await oneSentence(broker.args(), broker.data);
        assert.strictEqual(fingerprint(broker.data), before, 'untouched');
        const home = path.join(broker.folder, 'file');
        fs.writeFileSync(home, 'not a folder');
        await oneSentence(broker.args().map((arg) => (arg === broker.data ? home : arg)), home);
        assert.strictEqual(fs.readFileSync(home, 'utf8'), 'not a folder');
    });
}

/* Root may read anything, so then a place nobody can write to stands in for it. */
async function unreadableFolder() {
    await withBroker(async (broker) => {
        let folder = '/proc/myna-data';
        if (process.getuid() !== 0) {
            folder = path.join(broker.folder, 'locked');
            fs.mkdirSync(folder, { mode: 0 });
        }
        await oneSentence(broker.args().map((arg) => (arg === broker.data ? folder : arg)), folder);
    });
}

/** Files of a store whose content is not ours are refused or alarmed, never overwritten. */
async function foreignFiles() {
    await withBroker(async (broker) => {
        await broker.start();
        await broker.stop();
        const names = fs.readdirSync(broker.data, { recursive: true })
            .filter((name) => fs.statSync(path.join(broker.data, name)).isFile());
        assert.ok(names.length > 0);
        for (const name of names) {
            fs.writeFileSync(path.join(broker.data, name), 'somebody else wrote this\n'.repeat(400));
        }
        const before = fingerprint(broker.data);
        await oneSentence(broker.args(), broker.data);
        assert.strictEqual(fingerprint(broker.data), before, 'untouched');
    });
}

/** Local addresses that listen on a port, as the kernel shows them. */
function listeners(port) {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => fs.readFileSync(file, 'utf8').split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((columns) => columns[3] === '0A' && columns[1].endsWith(`:${hex}`))
        .map((columns) => columns[1].split(':')[0]));
}

async function loopbackOnly() {
    const loopback = ['0100007F', '00000000000000000000000001000000', '0000000000000000FFFF00000100007F'];
    await withBroker(async (broker) => {
        await broker.start();
        for (const door of LISTENERS) {
            const found = listeners(broker.ports[door]);
            assert.ok(found.length > 0 && found.every((address) => loopback.includes(address)), `${door}: ${found}`);
        }
        const outside = Object.values(os.networkInterfaces()).flat()
            .find((one) => !one.internal && one.family === 'IPv4');
        if (outside) {
            const refused = await failure(new Promise((resolve, reject) => {
                net.connect(broker.ports.kafka, outside.address, resolve).on('error', reject);
            }));
            assert.strictEqual(refused.code, 'ECONNREFUSED');
        }
        await broker.stop();
    });
}

/** The code of README.md, with our ports; a program that ends once it has printed hello, or fails. */
function snippets(broker) {
    const ports = { 9092: 'kafka', 9324: 'sqs', 8085: 'pubsub' };
    const text = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
    return [...text.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code
        .replace(/localhost:(\d+)/g, (_, port) => `127.0.0.1:${broker.ports[ports[port]]}`)
        .replace('amqp://localhost', `amqp://127.0.0.1:${broker.ports.amqp}`));
}

async function readmeRuns() {
    await withBroker(async (broker) => {
        await broker.start();
        const found = snippets(broker);
        assert.strictEqual(found.length, 4);
        for (const code of found) {
            const child = spawn(process.execPath, ['-e', `(async () => {${code}})()`], {
                cwd: path.join(ROOT, 'tests/clients'), stdio: ['ignore', 'pipe', 'pipe'],
            });
            let seen = '';
            await withTimeout(new Promise((resolve, reject) => {
                child.stdout.on('data', (chunk) => {
                    seen += chunk;
                    if (/^hello$/m.test(seen)) {
                        resolve();
                    }
                });
                child.stderr.on('data', (chunk) => { seen += chunk; });
                child.on('close', () => reject(new Error(`ended: ${seen}\n${code}`)));
            }), 60000, code).finally(() => child.kill('SIGKILL'));
        }
        await broker.stop();
    });
}

async function main() {
    const checks = [
        ['starts within 50 ms, first and later', startsQuickly, !isSanitized],
        ['holds under 20 MiB when idle', usesLittle, !isSanitized],
        ['prints its banner and nothing else', bannerOnly, true],
        ['stops cleanly on SIGTERM', () => stops('SIGTERM'), true],
        ['stops cleanly on SIGINT', () => stops('SIGINT'), true],
        ['--help and --version', helpAndVersion, true],
        ['wrong options', wrongOptions, true],
        ['a port in use', portInUse, true],
        ['a data directory in use', sameFolderTwice, true],
        ['a foreign data directory, or a file', foreignFolder, true],
        ['an unreadable data directory', unreadableFolder, true],
        ['foreign files in a data directory', foreignFiles, true],
        ['listens on loopback only', loopbackOnly, true],
        ['the four programs of the README run', readmeRuns, true],
    ];
    assert.ok(fs.existsSync(BINARY), `no binary at ${path.relative(ROOT, BINARY)}: make release`);
    for (const [name, fn, applies] of checks) {
        if (applies) {
            await results.check(`newcomer: ${name}`, fn, CHECK_MS_MAX);
        }
    }
    results.end();
}

main();
