'use strict';
/*
 * failnth.js - the first, the second, the third ... call of a kind fails, until the scenario runs without meeting it.
 *
 * The scenario (steps.js): start with an empty directory, publish through each door, read and settle some, commit an
 * offset, stop (which writes a checkpoint). The library of failnth.c makes one call of one group fail. Allowed is
 * correct service (a client may have to try again) or an end with one clear line and a status that is not 0. Then the
 * broker starts without the library, and everything acknowledged must be there and what was settled must not.
 *
 *     failnth.js [SECONDS [GROUP[:FROM[-TO]],...]]     environment: MYNA the binary, FAILNTH_LIBRARY, SEED
 *
 * Without SECONDS (0) each N is tried, or each of a group's range: "0 sync,alloc:1200-". With it each group gets its
 * share of the time and tries as many N as fit, spread over all there are. The last line is "failnth: N calls failed,
 * 0 faults", and only then the status is 0.
 */
const fs = require('fs');
const os = require('os');
const path = require('path');
const { BINARY, Broker, DOORS, freePorts } = require('../clients/broker');
const { Control, sleep } = require('./control');
const { History } = require('./history');
const { Random } = require('./random');
const { ignoreStrays } = require('./trial');
const steps = require('./steps');

const LIBRARY = path.resolve(process.env.FAILNTH_LIBRARY || path.join(path.dirname(BINARY), 'libfailnth.so'));
const GROUPS = ['thread', 'rename', 'sync', 'map', 'read', 'open', 'space', 'write', 'alloc'];
const STOP_MS_MAX = 30000; /* this and the next are only against what hangs */
const UNMET_MAX = 3;
const CHECK_MS_MAX = 60000; /* and above the longest lease */

/** One run of the scenario on a directory of its own, with the n-th call of the group failing; 0: none. */
class Run {
    constructor(ports, folder, group, n) {
        this.broker = new Broker(ports, folder);
        this.log = path.join(folder, 'failnth.log');
        this.name = `${group}:${n}`;
        this.history = new History();
        this.control = new Control(Object.fromEntries(DOORS.map((door) => [door, this.broker.at(door)])), this.history);
        this.faults = [];
    }

    fault(text) {
        this.readLog();
        this.faults.push(`${this.name} (${this.hit || 'nothing failed'}): ${text}${this.stack}`);
    }

    async all() {
        await this.scenario();
        this.readLog();
        this.judgeEnd();
        await this.checkData();
        return this;
    }

    async scenario() {
        const env = { ...process.env, LD_PRELOAD: LIBRARY, FAILNTH: this.name, FAILNTH_LOG: this.log };
        try {
            await this.broker.start([], env);
        } catch (error) {
            if (this.broker.isRunning) {
                this.fault(`does not start and does not end: ${error.message}`);
            }
        }
        try {
            await steps.run(this.control, () => this.broker.isRunning);
        } catch (error) {
            await sleep(50); /* the end of a process is told a moment after its connections broke */
            if (this.broker.isRunning) {
                this.fault(error.message);
            }
        }
        await this.stop();
    }

    async stop() {
        const timer = setTimeout(() => {
            this.fault('does not stop');
            this.broker.child.kill('SIGABRT');
        }, STOP_MS_MAX);
        this.broker.child.kill('SIGTERM');
        this.end = await this.broker.exited;
        clearTimeout(timer);
    }

    readLog() {
        const text = fs.existsSync(this.log) ? fs.readFileSync(this.log, 'utf8') : '';
        this.hit = (/^hit (.*)$/m.exec(text) || [])[1];
        this.stack = text.split('\n').filter((line) => /\[0x/.test(line)).map((line) => `\n      ${line}`).join('');
        this.count = Number((/^count (\d+)$/m.exec(text) || [])[1]);
    }

    /** It went on to the end, or ended itself with a line that says why. */
    judgeEnd() {
        const { code, signal } = this.end;
        if (code === 0 && Number.isNaN(this.count)) {
            this.fault(`${LIBRARY} was not loaded`);
        }
        const { stderr } = this.broker;
        const lines = stderr.split('\n').filter((line) => line !== '');
        if (code === 0) {
            return;
        }
        if (signal !== null && !(signal === 'SIGABRT' && /^myna: out of memory/m.test(stderr))) {
            this.fault(`ended by ${signal}: ${stderr}`);
        } else if (lines.length === 0 || !lines.every((line) => line.startsWith('myna: '))) {
            this.fault(`ended with ${code} and no clear line: ${stderr}`);
        }
    }

    async checkData() {
        try {
            await this.broker.start();
            await steps.check(this.control, CHECK_MS_MAX);
            await this.broker.stop();
        } catch (error) {
            this.fault(`afterwards: ${error.message}`);
        }
        this.history.violations.forEach((text) => this.fault(`afterwards: ${text}`));
        if (this.broker.isRunning) {
            await this.broker.kill9();
        }
    }
}

class FailNth {
    constructor(ports, folder) {
        this.ports = ports;
        this.folder = folder;
        this.tried = 0;
        this.faults = [];
    }

    async run(group, n) {
        const folder = path.join(this.folder, `${group}-${n}`);
        fs.mkdirSync(folder);
        const run = await new Run(this.ports, folder, group, n).all();
        this.tried += run.hit ? 1 : 0;
        this.faults.push(...run.faults);
        run.faults.forEach((text) => process.stdout.write(`  fault: ${text}\n`));
        fs.rmSync(folder, { recursive: true, force: true });
        return run;
    }

    /** Every N of the range, or until some that are not met any more: threads do not call as often in each run. */
    async complete(group, from, to) {
        let unmet = 0;
        let n = from;
        for (; n <= to && unmet < UNMET_MAX; n += 1) {
            unmet = (await this.run(group, n)).hit ? 0 : unmet + 1;
        }
        return `${from} to ${n - 1 - unmet}`;
    }

    /** Some of those that a run without a fault has, at even distances from a random start. */
    async sample(group, seconds, random) {
        const end = Date.now() + seconds * 1000;
        const { count } = await this.run(group, 0);
        const golden = 0.618034; /* each next one lies in the largest gap so far, or nearly */
        let at = random.next();
        const seen = new Set();
        while (Date.now() < end && seen.size < count) {
            const n = 1 + Math.floor(at * count);
            at = (at + golden) % 1;
            if (!seen.has(n)) {
                seen.add(n);
                await this.run(group, n);
            } else if (seen.size > count * 0.9) {
                break;
            }
        }
        return `${seen.size} of ${count}`;
    }
}

async function main(seconds, groups) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'myna-failnth-'));
    const fail = new FailNth(await freePorts(DOORS.length), folder);
    const seed = Number(process.env.SEED || Date.now() % 1000000);
    const random = new Random(seed);
    const end = Date.now() + seconds * 1000;

    process.stdout.write(`failnth: seed ${seed}\n`);
    for (const [i, spec] of groups.entries()) {
        const [group, from, to] = spec.split(/[:-]/);
        const share = (end - Date.now()) / 1000 / (groups.length - i);
        const tried = seconds > 0 ? await fail.sample(group, share, random)
            : await fail.complete(group, Number(from || 1), Number(to || Infinity));
        process.stdout.write(`  ${group}: ${tried}\n`);
    }
    fs.rmSync(folder, { recursive: true, force: true });
    process.stdout.write(`failnth: ${fail.tried} calls failed, ${fail.faults.length} faults\n`);
    return fail.faults.length > 0 ? 1 : 0;
}

ignoreStrays();
main(Number(process.argv[2] || 0), (process.argv[3] || GROUPS.join(',')).split(',')).then((code) => process.exit(code));
