'use strict';
/*
 * powercut.js - the power goes while clients of all four doors work; nothing that was acknowledged may be gone.
 *
 * The real binary has its data on a file system of its own (image.js). In each round clients work for a random while,
 * then the file system is stopped at once, the broker killed, the file system mounted again, the broker started. It
 * must start, and the checker (history.js) must find all that was acknowledged. One round in eight cuts a second time
 * while the broker starts, one in eight cuts while it stops. After every DRAIN_EVERY cuts publishing pauses and the
 * queues are read to their end.
 *
 * What it proves: what the broker had synced is enough, with the file system's own log, the real clients and the real
 * threads. What not: below the file system the running kernel keeps the image's bytes, so a write that reached the
 * device without a flush counts as written.
 *
 *     powercut.js [CUTS [ext4,xfs]]       environment: MYNA the binary, CUTTER the program of cut.c, SEED, VERBOSE
 *
 * The cuts are shared out between the file systems; one that this machine cannot have is said and skipped. The last
 * line is "powercut: N cuts, 0 acknowledged messages lost", and only then the status is 0.
 */
const fs = require('fs');
const os = require('os');
const path = require('path');
const { BINARY, Broker, DOORS, freePorts } = require('../clients/broker');
const { History } = require('./history');
const { Image, obstacle, runInPrivate } = require('./image');
const { Load } = require('./load');
const { Random } = require('./random');
const { sleep } = require('./control');

const CUTTER = path.resolve(process.env.CUTTER || path.join(path.dirname(BINARY), 'cut'));
const DRAIN_EVERY = 20;
const LOAD_MS = [150, 1200];
const START_MS = [0, 60];
const STOP_MS = [0, 40];

class PowerCut {
    constructor(kind, cuts, folder, ports, random) {
        this.image = new Image(kind, folder, CUTTER);
        this.broker = new Broker(ports, this.image.mountPoint);
        this.history = new History();
        this.load = new Load(Object.fromEntries(DOORS.map((door) => [door, this.broker.at(door)])), this.history);
        this.cuts = cuts;
        this.random = random;
        this.done = 0;
        this.drained = 0; /* cuts at the last drain */
    }

    /** The image is made. */
    async run() {
        await this.broker.start();
        await this.load.start();
        while (this.done < this.cuts && this.history.violationCount === 0) {
            await this.round();
            if (this.done - this.drained >= DRAIN_EVERY) {
                await this.load.drain();
                this.drained = this.done;
            }
        }
        await this.load.drain();
        await this.load.stop();
        await this.broker.stop();
        await this.image.unmount();
    }

    async round() {
        const { random } = this;
        await sleep(random.between(...LOAD_MS));
        const way = random.pick([['noflush', 8], ['flush', 1], ['default', 1]]);
        const moment = random.pick([['load', 6], ['start', 1], ['stop', 1]]);
        if (moment === 'stop') {
            this.broker.child.kill('SIGTERM');
            await sleep(random.between(...STOP_MS));
        }
        await this.cut(way);
        if (moment === 'start') {
            const started = this.broker.start().catch(() => {});
            await sleep(random.between(...START_MS));
            await this.cut(way);
            await started;
        }
        await this.broker.start();
        await this.load.check();
    }

    async cut(way) {
        await this.image.cut(way);
        if (this.broker.isRunning) {
            this.broker.child.kill('SIGKILL');
        }
        await this.broker.exited;
        await this.image.unmount();
        await this.image.mount();
        this.done += 1;
    }

    report() {
        const { history } = this;
        process.stdout.write(`  ${this.image.kind}, ${this.done} cuts: ${history.summary()}\n`);
        for (const line of history.violations) {
            process.stdout.write(`  broken: ${line}\n`);
        }
        if (process.env.VERBOSE) {
            this.load.control.errors.forEach((count, text) => process.stdout.write(`  ${count} x ${text}\n`));
        }
    }
}

/** One file system: { cuts, lost, broken } or { why } there were none. */
async function cutOn(kind, cuts, seed) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'myna-power-'));
    const power = new PowerCut(kind, cuts, folder, await freePorts(DOORS.length), new Random(seed));
    let broken = 0;

    try {
        await power.image.make();
    } catch (error) {
        fs.rmSync(folder, { recursive: true, force: true });
        return { why: (error.stderr || error.message).trim().split('\n').pop() };
    }
    try {
        await power.run();
    } catch (error) {
        broken = 1;
        process.stdout.write(`  ${error.stack || error}\n${power.broker.stderr || ''}`);
    }
    power.report();
    if (power.broker.isRunning) {
        await power.broker.kill9();
    }
    await power.load.stop();
    await power.image.unmount().catch(() => {});
    const { lost, violationCount } = power.history;
    broken += violationCount - lost;
    if (lost + broken > 0) {
        process.stdout.write(`  the image is kept: ${power.image.file}\n`);
    } else {
        fs.rmSync(folder, { recursive: true, force: true });
    }
    return { cuts: power.done, lost, broken };
}

/** Exit status of the program. */
async function main(kinds, cuts) {
    const seed = Number(process.env.SEED || Date.now() % 1000000);
    const total = { cuts: 0, lost: 0, broken: 0 };
    let left = kinds.length;

    process.stdout.write(`powercut: seed ${seed}\n`);
    for (const kind of kinds) {
        const share = Math.ceil((cuts - total.cuts) / left);
        const done = obstacle(kind) ? { why: obstacle(kind) } : await cutOn(kind, share, seed);
        left -= 1;
        if (done.why) {
            process.stdout.write(`powercut: not run on ${kind}: ${done.why}\n`);
        } else {
            Object.keys(total).forEach((key) => { total[key] += done[key]; });
        }
    }
    if (total.cuts > 0 || total.broken > 0) {
        const rest = total.broken > 0 ? `, ${total.broken} other faults` : '';
        process.stdout.write(`powercut: ${total.cuts} cuts, ${total.lost} acknowledged messages lost${rest}\n`);
    }
    return total.lost + total.broken > 0 ? 1 : 0;
}

process.on('unhandledRejection', () => {}); /* clients whose broker has gone say so in many ways */
process.on('uncaughtException', (error) => process.stderr.write(`stray: ${error.stack}\n`));

if (!runInPrivate()) {
    main((process.argv[3] || 'ext4,xfs').split(','), Number(process.argv[2] || 100)).then((code) => process.exit(code));
}
