'use strict';
/*
 * host.js - a broker for a test program in another language.
 *
 *     host.js [--nodes N] SUITE COMMAND [ARGUMENT...]
 *
 * starts a Myna, runs the command with KAFKA=host:port in its environment, and numbers and names its results:
 *
 *     the program writes        what happens
 *     ok - NAME, not ok - NAME  it becomes "ok 7 - SUITE: NAME"
 *     # ...                     is passed on
 *     !kill, !start             kill -9 of the broker; the same data and ports again
 *     !amqp CALL ARGUMENTS      prepare, publish or receive of adapters/amqplib.js with that JSON list of arguments
 *
 * After each line with "!" the program reads one line: JSON, what it asked for or {"error": ...}. A program that ends
 * with another status than 0 without a "not ok" has failed, and so has one that writes nothing. Its stderr is shown
 * then. The broker's clean stop is the last check. PEER=host:port: another broker, which "!" does not reach.
 */
const { spawn } = require('child_process');
const readline = require('readline');
const { Broker } = require('./broker');
const amqplib = require('./adapters/amqplib');
const { Results, withTimeout } = require('./suite');

const STDERR_MAX = 8000;
const PROGRAM_MS_MAX = 600000; /* only against what hangs */
const ACCEPTED = { prepare: amqplib.prepare, publish: publish, receive: amqplib.receive };

function publish(at, name, messages) {
    return amqplib.publish(at, name, messages, () => {});
}

async function answer(broker, extra, line) {
    const [, what, rest] = /^!(\w+) ?(.*)$/.exec(line);
    if (what === 'kill') {
        return broker.kill9();
    }
    if (what === 'start') {
        await broker.start(extra);
        return 'started';
    }
    const [, call, list] = /^(\w+) (.*)$/.exec(rest);
    return ACCEPTED[call](broker.at('amqp'), ...JSON.parse(list));
}

class Program {
    constructor(suite, results, broker, extra) {
        Object.assign(this, { suite, results, broker, extra, stderr: '', hasFailed: false });
    }

    async onLine(line) {
        const [, status, name] = /^(ok|not ok) - (.*)$/.exec(line) || [];
        if (status) {
            this.results.tell(status === 'ok', `${this.suite}: ${name}`);
            this.hasFailed = this.hasFailed || status !== 'ok';
        } else if (line.startsWith('!')) {
            const told = await answer(this.broker, this.extra, line).catch((error) => ({ error: error.message }));
            this.child.stdin.write(`${JSON.stringify(told === undefined ? null : told)}\n`);
        } else if (line.startsWith('#')) {
            process.stdout.write(`${line}\n`);
        }
    }

    /** Resolves when the program has ended and all it wrote is looked at. */
    async run([command, ...args], at) {
        const before = this.results.count;
        this.child = spawn(command, args, { env: { ...process.env, KAFKA: at }, stdio: 'pipe' });
        this.child.stderr.on('data', (chunk) => { this.stderr = (this.stderr + chunk).slice(-STDERR_MAX); });
        this.child.stdin.on('error', () => {}); /* it has gone; its status says why */
        const closed = new Promise((resolve, reject) => {
            this.child.once('error', reject);
            this.child.once('close', (code, signal) => resolve(code === null ? signal : code));
        });
        for await (const line of readline.createInterface({ input: this.child.stdout })) {
            await this.onLine(line);
        }
        const status = await closed;
        if ((status !== 0 && !this.hasFailed) || this.results.count === before) {
            throw new Error(`${command} ended with ${status}: ${this.stderr}`);
        }
    }
}

async function main() {
    const args = process.argv.slice(2);
    const extra = args[0] === '--nodes' ? ['--kafka-nodes', args.splice(0, 2)[1]] : [];
    const [suite, ...command] = args;
    const results = new Results();
    const broker = await Broker.create();
    const program = new Program(suite, results, broker, extra);

    process.once('exit', () => program.child && program.child.kill('SIGKILL'));
    if (!process.env.PEER) {
        await results.check(`${suite}: broker starts`, () => broker.start(extra));
    }
    try {
        await withTimeout(program.run(command, process.env.PEER || broker.at('kafka')), PROGRAM_MS_MAX, suite);
    } catch (error) {
        await results.check(`${suite}: program runs to its end`, () => Promise.reject(error));
    }
    if (!process.env.PEER) {
        await results.check(`${suite}: broker stops cleanly`, () => broker.stop());
    }
    await broker.dispose();
    results.end();
}

main();
