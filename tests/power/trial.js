'use strict';
/*
 * trial.js - one broker under the load of all clients, hurt again and again until a rule of the history is broken or
 * the count is reached. How it is hurt is the program's business: powercut.js, killloop.js.
 */
const { BINARY, Broker, DOORS, freePorts } = require('../clients/broker');
const { History } = require('./history');
const { Load } = require('./load');
const { execFile } = require('child_process');
const { promisify } = require('util');

const exec = promisify(execFile);

const DRAIN_EVERY = 20;

class Trial {
    constructor(broker, random) {
        this.broker = broker;
        this.random = random;
        this.history = new History();
        this.load = new Load(Object.fromEntries(DOORS.map((door) => [door, broker.at(door)])), this.history);
        this.done = 0; /* how often it was hurt */
        this.broken = 0; /* faults that are no lost message */
    }

    /** folder: where the broker's data goes. */
    static async create(folder, random) {
        return new Trial(new Broker(await freePorts(DOORS.length), folder), random);
    }

    /** hurt() does it once or more, raises done, and leaves a broker that runs. After an error the trial is over. */
    async run(count, hurt) {
        try {
            await this.broker.start();
            await this.load.start();
            await this.rounds(count, hurt);
            await this.load.drain();
            await this.load.stop();
            await this.broker.stop();
        } catch (error) {
            this.broken += 1;
            process.stdout.write(`  ${error.stack || error}\n${this.broker.stderr || ''}`);
        }
        await this.load.stop();
        if (this.broker.isRunning) {
            await this.broker.kill9();
        }
        this.broken += this.history.violationCount - this.history.lost;
    }

    async rounds(count, hurt) {
        let drained = 0;
        while (this.done < count && this.history.violationCount === 0) {
            await hurt();
            await this.load.check();
            if (this.done - drained >= DRAIN_EVERY) {
                await this.load.drain();
                drained = this.done;
            }
        }
    }

    /** What `myna verify` says of the data while no broker runs. */
    async verify() {
        try {
            await exec(BINARY, ['verify', this.broker.data]);
        } catch (error) {
            this.history.violation(`myna verify: ${(error.stdout + error.stderr).trim()}`);
        }
    }

    get isGood() {
        return this.history.lost + this.broken === 0;
    }

    report(title) {
        process.stdout.write(`  ${title}: ${this.history.summary()}\n`);
        for (const line of this.history.violations) {
            process.stdout.write(`  broken: ${line}\n`);
        }
        if (process.env.VERBOSE) {
            this.load.control.errors.forEach((count, text) => process.stdout.write(`  ${count} x ${text}\n`));
        }
    }
}

/** The last line of a program, and its exit status. */
function verdict(name, done, unit, lost, broken) {
    const rest = broken > 0 ? `, ${broken} other faults` : '';
    process.stdout.write(`${name}: ${done} ${unit}, ${lost} acknowledged messages lost${rest}\n`);
    return lost + broken > 0 ? 1 : 0;
}

/** Clients whose broker has gone say so in many ways, also outside of any call. */
function ignoreStrays() {
    process.on('unhandledRejection', () => {});
    process.on('uncaughtException', (error) => process.stderr.write(`stray: ${error.stack}\n`));
}

module.exports = { Trial, ignoreStrays, verdict };
