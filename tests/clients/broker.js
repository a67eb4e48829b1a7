'use strict';
/*
 * broker.js - one Myna under test: started on free ports of the loopback with a data directory of its own, killed,
 * restarted, stopped. MYNA names the binary; MYNA_PORT, if set, is the first of five ports to use.
 *
 *   B1  start() resolves only after the banner said ready.
 *   B2  stop() is SIGTERM; it fails unless the broker exits with status 0 and wrote nothing to stderr. So every suite
 *       also shows a clean stop, and under a sanitizer that there was no report and no leak.
 */
const { spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');

const ROOT = path.resolve(__dirname, '../..');
const BINARY = path.resolve(process.env.MYNA || path.join(ROOT, 'build/release/myna'));
const DOORS = ['kafka', 'amqp', 'sqs', 'pubsub'];
const LISTENERS = [...DOORS, 'console'];
const START_MS_MAX = 60000; /* these two are only against what hangs */
const STOP_MS_MAX = 60000;

/** Ports that were free a moment ago. */
async function freePorts(count) {
    if (process.env.MYNA_PORT) {
        return Array.from({ length: count }, (_, i) => Number(process.env.MYNA_PORT) + i);
    }
    const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
        const server = net.createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve(server));
    })));
    const ports = servers.map((server) => server.address().port);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    return ports;
}

const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));

function canListen(port) {
    return new Promise((resolve) => {
        const server = net.createServer();
        server.once('error', () => resolve(false));
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
}

/** The first of so many ports in a row that were free a moment ago. */
async function freeRow(count) {
    for (;;) {
        const first = (await freePorts(DOORS.length + 1)).pop();
        const found = await Promise.all(Array.from({ length: count - 1 }, (_, i) => canListen(first + 1 + i)));
        if (found.every((isFree) => isFree)) {
            return first;
        }
    }
}

class Broker {
    constructor(ports, folder) {
        this.ports = Object.fromEntries(LISTENERS.map((door, i) => [door, ports[i] || 0]));
        this.folder = folder;
        this.data = path.join(folder, 'data');
        this.child = null;
    }

    static async create() {
        return new Broker(await freePorts(LISTENERS.length), fs.mkdtempSync(path.join(os.tmpdir(), 'myna-test-')));
    }

    /** host:port of a door, by address so that no resolver is involved. */
    at(door) {
        return `127.0.0.1:${this.ports[door]}`;
    }

    args(extra = []) {
        const ports = LISTENERS.flatMap((door) => [`--${door}-port`, String(this.ports[door])]);
        return ['--data', this.data, ...ports, ...extra];
    }

    async start(extra = [], env = process.env) {
        const child = spawn(BINARY, this.args(extra), { env, stdio: ['ignore', 'pipe', 'pipe'] });
        this.child = child;
        children.add(child);
        this.stdout = '';
        this.stderr = '';
        child.stdout.on('data', (chunk) => { this.stdout += chunk; });
        child.stderr.on('data', (chunk) => { this.stderr += chunk; });
        this.exited = new Promise((resolve) => child.once('close', (code, signal) => {
            children.delete(child);
            resolve({ code, signal });
        }));
        await this.untilReady(child);
        return this;
    }

    untilReady(child) {
        return new Promise((resolve, reject) => {
            const fail = (why) => {
                clearTimeout(timer);
                reject(new Error(`broker ${why}: ${this.stderr || this.stdout}`));
            };
            const timer = setTimeout(() => fail('not ready in time'), START_MS_MAX);
            child.once('error', (error) => fail(error.message));
            child.once('close', (code, signal) => fail(`ended with ${code === null ? signal : code}`));
            child.stdout.on('data', () => {
                if (/\bready\.?$/m.test(this.stdout)) {
                    clearTimeout(timer);
                    resolve();
                }
            });
        });
    }

    get isRunning() {
        return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
    }

    async kill9() {
        this.child.kill('SIGKILL');
        await this.exited;
    }

    async stop() {
        if (!this.child) {
            return;
        }
        const timer = setTimeout(() => this.child.kill('SIGABRT'), STOP_MS_MAX);
        this.child.kill('SIGTERM');
        const { code, signal } = await this.exited;
        clearTimeout(timer);
        if (code !== 0) {
            throw new Error(`broker stopped with ${signal || code}: ${this.stderr}`);
        }
        if (this.stderr !== '') {
            throw new Error(`broker wrote to stderr: ${this.stderr}`);
        }
    }

    /** Ends the process whatever its state and removes its data. */
    async dispose() {
        if (this.isRunning) {
            await this.kill9();
        }
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

module.exports = { BINARY, Broker, DOORS, LISTENERS, ROOT, freePorts, freeRow };
