'use strict';
/*
 * steps.js - the fixed scenario of failnth.js: through each door a few messages are published and some of them read and
 * settled. Each step is tried again with a new connection when it fails, as any client does; what is sent again is a
 * new message to the history.
 */
const amqp = require('./amqp');
const kafka = require('./kafka');
const pubsub = require('./pubsub');
const sqs = require('./sqs');
const { sleep } = require('./control');

const TRIES = 3;
const RETRY_MS = [20, 2500, 0]; /* a broker whose disk is full looks again each second */
const STEP_MS_MAX = 15000;
const MESSAGES = 4;
const SETTLED = 2;
const LANES = { amqp: 'steps-amqp', sqs: 'steps-sqs', pubsub: 'steps-pubsub', kafka: 'steps-kafka' };
const TRAITS = { amqp: {}, sqs: { isOrdered: false }, pubsub: { isFlagged: false }, kafka: { isLog: true } };
const DOORS = { amqp, kafka, pubsub, sqs };
const GROUP = 'steps-group';

/** The work's result; an error when it takes too long. */
async function within(work, ms) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
    });
    return Promise.race([work(), late]).finally(() => clearTimeout(timer));
}

/** isAlive(): there is a broker to try it with. */
async function attempt(isAlive, what, work) {
    let last;
    for (let i = 0; i < TRIES && isAlive(); i += 1) {
        try {
            await within(work, STEP_MS_MAX);
            return;
        } catch (error) {
            last = error;
            await sleep(RETRY_MS[i]);
        }
    }
    if (isAlive()) {
        throw new Error(`${what} failed ${TRIES} times, last with: ${last.message}`);
    }
}

function lanes(history) {
    return Object.entries(LANES).map(([door, name]) => [door, history.lane(name, TRAITS[door])]);
}

/** All steps, the doors beside each other. Fails when a broker that runs does not serve. */
async function run(control, isAlive) {
    const { history } = control;
    await Promise.all(lanes(history).map(async ([door, lane]) => {
        const ops = DOORS[door];
        const producer = history.producer(`${door}-steps`, lane.name);
        await attempt(isAlive, `${door} publish`, async () => {
            const ids = Array.from({ length: MESSAGES }, () => history.sending(producer));
            await ops.publishOnce(control, lane.name, ids);
            ids.forEach((id) => history.acked(id));
        });
        await attempt(isAlive, `${door} read`, () => (
            door === 'kafka' ? commit(control, lane.name) : ops.readOnce(control, lane, SETTLED)));
    }));
}

async function commit(control, topic) {
    control.history.committing(GROUP, topic, 0, SETTLED);
    await kafka.commitOnce(control, GROUP, topic, SETTLED);
    control.history.committed(GROUP, topic, 0, SETTLED);
}

async function checkKafka(control, lane) {
    if ((await kafka.topics(control)).includes(lane.name)) {
        await kafka.checkLog(control, lane.name);
        await kafka.checkCommits(control, GROUP, lane.name);
    } else {
        control.history.checkLog(lane, control.history.due(lane));
    }
}

/** On a broker in good order: everything acknowledged is there, what was settled does not come. */
async function check(control, msMax) {
    const { history } = control;
    const end = Date.now() + msMax;
    for (const [door, lane] of lanes(history)) {
        if (door === 'kafka') {
            await checkKafka(control, lane);
        } else {
            while (await DOORS[door].readOnce(control, lane, MESSAGES) > 0
                || (history.outstanding(lane) > 0 && Date.now() < end));
            history.checkDrained(lane);
        }
    }
}

module.exports = { check, run };
