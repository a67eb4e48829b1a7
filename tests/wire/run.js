'use strict';
/*
 * run.js [PART] - plays every dialogue of this folder (or those whose file name holds PART)
 * against one broker. Output is
 * TAP. After all of them the broker must still stop cleanly.
 */
const fs = require('fs');
const net = require('net');
const path = require('path');
const { Broker } = require('../clients/broker');
const { Results } = require('../clients/suite');
const { NeedMore, encode, match, parse } = require('./dialogue');

const STEP_MS_MAX = 30000;

class Peer {
    constructor(port) {
        this.bytes = Buffer.alloc(0);
        this.at = 0;
        this.isClosed = false;
        this.isLoose = false; /* the last step took whatever came */
        this.wake = () => {};
        this.socket = net.connect(port, '127.0.0.1');
        this.socket.on('data', (chunk) => {
            this.bytes = Buffer.concat([this.bytes, chunk]);
            this.wake();
        });
        this.socket.on('error', () => {});
        this.socket.on('close', () => {
            this.isClosed = true;
            this.wake();
        });
    }

    /** Waits until test() is true; false when the time is over. */
    async waitFor(test) {
        const limit = Date.now() + STEP_MS_MAX;
        while (!test()) {
            const left = limit - Date.now();
            if (left <= 0) {
                return false;
            }
            await new Promise((resolve) => {
                const timer = setTimeout(resolve, left);
                this.wake = () => {
                    clearTimeout(timer);
                    resolve();
                };
            });
        }
        return true;
    }

    async expect(tokens) {
        let end = null;
        const isThere = await this.waitFor(() => {
            try {
                end = match(tokens, this.bytes, this.at, this.bytes.length, true);
                return true;
            } catch (error) {
                if (!(error instanceof NeedMore) || this.isClosed) {
                    throw error;
                }
                return false;
            }
        });
        if (!isThere) {
            throw new Error('nothing more came');
        }
        this.at = end;
        this.isLoose = tokens.at(-1) === '*';
    }

    async expectClosed() {
        if (!await this.waitFor(() => this.isClosed)) {
            throw new Error('still open');
        }
        if (this.bytes.length > this.at && !this.isLoose) {
            throw new Error('more bytes before the close');
        }
    }

    rest() {
        return this.bytes.subarray(this.at, this.at + 200).toString('hex');
    }
}

async function play(broker, { steps }) {
    let peer = null;
    for (const step of steps) {
        try {
            if (step.op === 'door') {
                peer = peer && peer.socket.destroy() && null;
                peer = new Peer(broker.ports[step.door]);
            } else if (step.op === '>') {
                peer.socket.write(encode(step.tokens));
            } else if (step.op === '<') {
                await peer.expect(step.tokens);
            } else {
                await peer.expectClosed();
            }
        } catch (error) {
            const what = error.message || 'closed too early';
            throw new Error(`${what}\nat: ${step.line.slice(0, 200)}\ngot: ${peer.rest()}`);
        }
    }
    peer.socket.destroy();
}

async function main() {
    const results = new Results();
    const broker = await Broker.create();
    const part = process.argv[2] || '';
    await results.check('wire: broker starts', () => broker.start());
    for (const name of fs.readdirSync(__dirname).filter((n) => n.endsWith('.wire') && n.includes(part)).sort()) {
        const dialogue = parse(fs.readFileSync(path.join(__dirname, name), 'utf8'));
        await results.check(`wire ${name.replace('.wire', '')}: ${dialogue.title}`, () => play(broker, dialogue));
    }
    await results.check('wire: broker stops cleanly', () => broker.stop());
    await broker.dispose();
    results.end();
}

main();
