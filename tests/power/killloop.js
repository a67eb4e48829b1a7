'use strict';
/*
 * killloop.js - the broker is killed, or frozen and let go, while clients of all four doors work and reconnect by
 * themselves; nothing that was acknowledged may be gone, and what was settled stays settled.
 *
 *   kill     SIGKILL at a random moment
 *   freeze   SIGSTOP until heartbeats (AMQP 2 s), leases (SQS 2 s) and the clients' patience (4 s) may have passed,
 *            then SIGCONT: the same process goes on with sockets that are full and clients that have gone
 *   both     SIGSTOP, then SIGKILL: requests that the broker never read
 *   stop     SIGTERM, and SIGKILL in the midst of stopping
 *
 * What it proves: that recovery of everything in the page cache is complete and that clocks may jump. What not: that
 * anything was synced; that is powercut.js.
 *
 *     killloop.js [ROUNDS]        environment: MYNA the binary, SEED, VERBOSE
 *
 * The last line is "killloop: N rounds, 0 acknowledged messages lost", and only then the status is 0.
 */
const fs = require('fs');
const os = require('os');
const path = require('path');
const { Random } = require('./random');
const { Trial, ignoreStrays, verdict } = require('./trial');
const { sleep } = require('./control');

const LOAD_MS = [150, 1200];
const FREEZE_MS = [1500, 5000];
const HALT_MS = [0, 300];
const STOP_MS = [0, 40];

const WAYS = {
    async kill() {},
    async both({ broker, random }) {
        broker.child.kill('SIGSTOP');
        await sleep(random.between(...HALT_MS));
    },
    async stop({ broker, random }) {
        broker.child.kill('SIGTERM');
        await sleep(random.between(...STOP_MS));
    },
};

async function freeze({ broker, random }) {
    broker.child.kill('SIGSTOP');
    await sleep(random.between(...FREEZE_MS));
    broker.child.kill('SIGCONT');
}

async function hurt(trial) {
    const { broker, random } = trial;
    const way = random.pick([['kill', 5], ['freeze', 2], ['both', 1], ['stop', 1]]);
    await sleep(random.between(...LOAD_MS));
    trial.done += 1;
    if (way === 'freeze') {
        await freeze(trial);
        return;
    }
    await WAYS[way](trial);
    broker.child.kill('SIGKILL');
    await broker.exited;
    await broker.start();
}

async function main(rounds) {
    const seed = Number(process.env.SEED || Date.now() % 1000000);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'myna-kill-'));
    const trial = await Trial.create(folder, new Random(seed));

    process.stdout.write(`killloop: seed ${seed}\n`);
    await trial.run(rounds, () => hurt(trial));
    trial.report(`${trial.done} rounds`);
    if (trial.isGood) {
        fs.rmSync(folder, { recursive: true, force: true });
    } else {
        process.stdout.write(`  the data is kept: ${trial.broker.data}\n`);
    }
    return verdict('killloop', trial.done, 'rounds', trial.history.lost, trial.broken);
}

ignoreStrays();
main(Number(process.argv[2] || 100)).then((code) => process.exit(code));
