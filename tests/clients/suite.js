'use strict';
/*
 * suite.js - the smallest runner that serves: checks run one after the other against one broker, each with a time
 * limit, and are written as TAP. The first argument of the program, if any, selects checks by a part of their name.
 * PEER=host:port runs the same checks against another broker, to see that what they ask is what the original does.
 */
const { Broker } = require('./broker');

/* Stands in for a broker that is not ours. */
const PEER = { at: () => process.env.PEER, start() {}, stop() {}, dispose() {} };

const CHECK_MS_MAX = 90000; /* only against what hangs: a loaded machine is slow */

function withTimeout(promise, ms, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what} took over ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Polls until fn gives something true; the time limit of the check ends it. */
async function until(fn, everyMs = 20) {
    for (;;) {
        const found = await fn();
        if (found) {
            return found;
        }
        await new Promise((resolve) => { setTimeout(resolve, everyMs); });
    }
}

/** Resolves with the error that promise must end with. */
async function failure(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    throw new Error('expected an error, but it succeeded');
}

class Results {
    constructor() {
        this.count = 0;
        this.failed = 0;
    }

    tell(isGood, name) {
        this.count += 1;
        this.failed += isGood ? 0 : 1;
        process.stdout.write(`${isGood ? 'ok' : 'not ok'} ${this.count} - ${name}\n`);
    }

    async check(name, fn, ms = CHECK_MS_MAX) {
        try {
            await withTimeout(fn(), ms, 'it');
            this.tell(true, name);
        } catch (error) {
            const text = String((error && error.stack) || error).split('\n').slice(0, 12).join('\n# ');
            this.tell(false, name);
            process.stdout.write(`# ${text}\n`);
        }
    }

    end() {
        process.stdout.write(`1..${this.count}\n`, () => process.exit(this.failed ? 1 : 0));
    }
}

/**
 * Runs a client's suite: checks is a list of [name, async (context) => ...]; open(broker) makes the context and close
 * ends it. The broker's clean stop is the last check.
 */
async function suite(client, { open, close, checks }) {
    const only = process.argv[2];
    const results = new Results();
    const broker = process.env.PEER ? PEER : await Broker.create();
    let context;

    process.on('unhandledRejection', (error) => {
        process.stdout.write(`# unhandled: ${error && error.stack}\n`);
        results.failed += 1;
    });
    await results.check(`${client}: broker starts, client connects`, async () => {
        await broker.start();
        context = await open(broker);
    });
    for (const [name, fn] of context ? checks : []) {
        if (!only || name.includes(only)) {
            await results.check(`${client}: ${name}`, () => fn(context));
        }
    }
    await results.check(`${client}: client closes, broker stops cleanly`, async () => {
        if (context) {
            await close(context);
        }
        await broker.stop();
    });
    await broker.dispose();
    results.end();
}

module.exports = { Results, failure, suite, until, withTimeout };
