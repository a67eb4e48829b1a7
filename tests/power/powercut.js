'use strict';
/*
 * powercut.js - the power goes while clients of all four doors work; nothing that was acknowledged may be gone.
 *
 * The real binary has its data on a file system of its own (image.js). In each round clients work for a random while,
 * then the file system is stopped at once, the broker killed, the file system mounted again. "myna verify" must have
 * nothing to say, the broker must start, and the checker (history.js) must find all that was acknowledged. One round in
 * eight cuts a second time while the broker starts, one in eight cuts while it stops. Now and
 * then publishing pauses and the queues are read to their end (trial.js).
 *
 * What it proves: what the broker had synced is enough, with the file system's own log, the real clients and the real
 * threads. What not: below the file system the running kernel keeps the image's bytes, so a write that reached the
 * device without a flush counts as written.
 *
 *     powercut.js [CUTS [ext4,xfs,ext2]]      environment: MYNA the binary, CUTTER the program of cut.c, SEED, VERBOSE
 *
 * With DAMAGE=1 a bit of a message turns over after each cut (damage.js). A broker that refuses to start has done well;
 * the bit is turned back, and it goes on. One that starts serves the message, and the checker sees it.
 *
 * The cuts are shared out between the file systems; one that this machine cannot have is said and skipped. The last
 * line is "powercut: N cuts, 0 acknowledged messages lost", and only then the status is 0.
 */
const fs = require('fs');
const os = require('os');
const path = require('path');
const { BINARY } = require('../clients/broker');
const { damage } = require('./damage');
const { Image, obstacle, runInPrivate } = require('./image');
const { Random } = require('./random');
const { Trial, ignoreStrays, verdict } = require('./trial');
const { sleep } = require('./control');

const CUTTER = path.resolve(process.env.CUTTER || path.join(path.dirname(BINARY), 'cut'));
const LOAD_MS = [150, 1200];
const START_MS = [0, 60];
const STOP_MS = [0, 40];

/** The power goes once, or twice; then there is a broker again. */
async function hurt(trial, image) {
    const { broker, random } = trial;
    await sleep(random.between(...LOAD_MS));
    const way = random.pick([['noflush', 8], ['flush', 1], ['default', 1]]);
    const moment = random.pick([['load', 6], ['start', 1], ['stop', 1]]);
    if (moment === 'stop') {
        broker.child.kill('SIGTERM');
        await sleep(random.between(...STOP_MS));
    }
    await cut(trial, image, way);
    if (moment === 'start') {
        const started = broker.start().catch(() => {});
        await sleep(random.between(...START_MS));
        await cut(trial, image, way);
        await started;
    }
    if (process.env.DAMAGE) {
        await startDamaged(trial);
    } else {
        await trial.verify();
        await broker.start();
    }
}

/** A bit of a message has turned over: a broker that starts all the same has to answer for what it serves. */
async function startDamaged(trial) {
    const { broker, history, load, random } = trial;
    const undo = damage(broker.data, history, load.topic, random);
    try {
        await broker.start();
    } catch (error) {
        if (!undo || !/damaged/.test(error.message)) {
            throw error;
        }
        undo();
        await broker.start();
    }
}

async function cut(trial, image, way) {
    await image.cut(way, async () => {
        if (trial.broker.isRunning) {
            trial.broker.child.kill('SIGKILL');
        }
        await trial.broker.exited;
    });
    trial.done += 1;
}

/** One file system: its trial, or the reason why there was none. */
async function cutOn(kind, cuts, seed) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'myna-power-'));
    const image = new Image(kind, folder, CUTTER);

    try {
        await image.make();
    } catch (error) {
        fs.rmSync(folder, { recursive: true, force: true });
        return { why: (error.stderr || error.message).trim().split('\n').pop() };
    }
    const trial = await Trial.create(image.mountPoint, new Random(seed));
    await trial.run(cuts, () => hurt(trial, image));
    trial.report(`${kind}, ${trial.done} cuts`);
    await image.unmount().catch(() => {});
    if (trial.isGood) {
        fs.rmSync(folder, { recursive: true, force: true });
    } else {
        process.stdout.write(`  the image is kept: ${image.file}\n`);
    }
    return { trial };
}

/** Exit status of the program. */
async function main(kinds, cuts) {
    const seed = Number(process.env.SEED || Date.now() % 1000000);
    const total = { done: 0, lost: 0, broken: 0 };
    let left = kinds.length;

    process.stdout.write(`powercut: seed ${seed}\n`);
    for (const kind of kinds) {
        const share = Math.ceil((cuts - total.done) / left);
        const { why, trial } = obstacle(kind) ? { why: obstacle(kind) } : await cutOn(kind, share, seed);
        left -= 1;
        if (why) {
            process.stdout.write(`powercut: not run on ${kind}: ${why}\n`);
        } else {
            total.done += trial.done;
            total.lost += trial.history.lost;
            total.broken += trial.broken;
        }
    }
    return total.done + total.broken > 0 ? verdict('powercut', total.done, 'cuts', total.lost, total.broken) : 0;
}

ignoreStrays();
if (!runInPrivate()) {
    const [, , cuts = '100', kinds = 'ext4,xfs,ext2'] = process.argv;
    main(kinds.split(','), Number(cuts)).then((code) => process.exit(code));
}
