'use strict';
/*
 * load.js - the clients of all four doors at work on one broker, and the check of what they saw.
 *
 *   lane            published by              read by
 *   power-amqp      amqp, kafka, sqs          amqplib, with acks and requeues
 *   power-sqs       sqs, pubsub               the SQS SDK, with deletes and changes of visibility
 *   power-pubsub    pubsub, kafka             the Pub/Sub SDK, with acknowledgements and returns
 *   power-kafka-N   kafka, idempotent         kcat (the whole log), a group that commits; a new topic each generation
 *
 * Beside that each door makes and deletes definitions all the time. The order of the checks matters: check() needs a
 * broker that answers; drain() lets the readers empty their queues before it looks.
 */
const amqp = require('./amqp');
const kafka = require('./kafka');
const pubsub = require('./pubsub');
const sqs = require('./sqs');
const { Control, sleep } = require('./control');

const DEFINE_EVERY_MS = 60;
const CHECK_MS_MAX = 60000;
const DRAIN_MS_MAX = 120000; /* far above the longest lease, Pub/Sub's 10 s, and the time to deliver what is there */
const QUEUES = ['power-amqp', 'power-sqs', 'power-pubsub'];
const GROUP = 'power-group';

async function insist(work, msMax) {
    const end = Date.now() + msMax;
    for (;;) {
        try {
            return await work();
        } catch (error) {
            if (Date.now() > end) {
                throw error;
            }
            await sleep(50);
        }
    }
}

class Load {
    constructor(at, history) {
        this.control = new Control(at, history);
        this.history = history;
        this.generation = 0;
    }

    get topic() {
        return `power-kafka-${this.generation}`;
    }

    /** On a broker that runs: makes what the clients need, and sets them to work. */
    async start() {
        const c = this.control;
        const laneOf = () => this.topic;

        await this.nextTopic();
        await pubsub.prepare(c, 'power-pubsub');
        amqp.reader(c, 'power-amqp');
        amqp.publisher(c, 'power-amqp', 'amqp-to-amqp');
        sqs.reader(c, 'power-sqs');
        sqs.publisher(c, 'power-sqs', 'sqs-to-sqs');
        sqs.publisher(c, 'power-amqp', 'sqs-to-amqp');
        pubsub.reader(c, 'power-pubsub');
        pubsub.publisher(c, 'power-pubsub', 'pubsub-to-pubsub');
        pubsub.publisher(c, 'power-sqs', 'pubsub-to-sqs');
        kafka.publisher(c, () => 'power-amqp', 'kafka-to-amqp', { isIdempotent: false, partitions: 1 });
        kafka.publisher(c, () => 'power-pubsub', 'kafka-to-pubsub', { isIdempotent: false, partitions: 1 });
        kafka.publisher(c, laneOf, 'kafka-to-kafka', { isIdempotent: true, partitions: kafka.PARTITIONS });
        kafka.group(c, laneOf, GROUP);
        amqp.definer(c, DEFINE_EVERY_MS);
        sqs.definer(c, DEFINE_EVERY_MS);
        pubsub.definer(c, 'power-pubsub', DEFINE_EVERY_MS);
        kafka.definer(c, DEFINE_EVERY_MS);
    }

    /** Another topic for the log lane; the one before goes. */
    async nextTopic() {
        const before = this.topic;
        const isFirst = this.generation === 0;
        const next = `power-kafka-${this.generation + 1}`;
        await insist(async () => {
            if (!(await kafka.topics(this.control)).includes(next)) {
                await kafka.createTopic(this.control, next);
            }
        }, CHECK_MS_MAX);
        this.generation += 1;
        if (!isFirst) {
            await insist(() => kafka.deleteTopic(this.control, before), CHECK_MS_MAX);
        }
    }

    /** Right after a start, while the load goes on: the log, the offsets, the definitions. */
    async check() {
        const c = this.control;
        const known = this.history.definitionsNow();
        await insist(() => kafka.checkLog(c, this.topic), CHECK_MS_MAX);
        await insist(() => kafka.checkCommits(c, GROUP, this.topic), CHECK_MS_MAX);
        this.history.checkDefinitions('queue', await insist(() => sqs.queues(c), CHECK_MS_MAX), known);
        this.history.checkDefinitions('topic', await insist(() => kafka.topics(c), CHECK_MS_MAX), known);
        const found = await insist(() => pubsub.subscriptions(c), CHECK_MS_MAX);
        this.history.checkDefinitions('subscription', found, known);
    }

    /** Publishing stops, the readers take what is there; whatever then is missing is lost. */
    async drain() {
        const c = this.control;
        c.phase = 'drain';
        const lanes = QUEUES.map((name) => this.history.lane(name));
        const end = Date.now() + DRAIN_MS_MAX;
        await sleep(100);
        while (Date.now() < end && lanes.some((lane) => this.history.outstanding(lane) > 0)) {
            await sleep(20);
        }
        lanes.forEach((lane) => this.history.checkDrained(lane));
        await insist(() => kafka.checkLog(c, this.topic), CHECK_MS_MAX);
        await this.nextTopic();
        c.phase = 'load';
    }

    async stop() {
        await this.control.stop();
    }
}

module.exports = { Load };
