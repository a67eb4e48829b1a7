'use strict';
/*
 * amqp.js - amqplib: a publisher with confirms, a reader with acks, and somebody who declares and deletes.
 *
 * An ack has no answer of its own. The reader asks for the queue behind it: when that answer is there, so is the ack
 * (an answer of Myna's leaves after all that was done before it is on disk).
 */
const { body, clients, idOf, sleep } = require('./control');

const amqplib = clients('amqplib');

const WINDOW = 64; /* unconfirmed, and unacked */
const SETTLE_EVERY = 16;
const HEARTBEAT_S = 2;

async function withChannel(control, make, work) {
    const connection = await amqplib.connect(`amqp://${control.at.amqp}?heartbeat=${HEARTBEAT_S}`, { timeout: 2000 });
    const broken = new Promise((_, reject) => {
        connection.on('error', reject);
        connection.on('close', () => reject(new Error('connection closed')));
    });
    broken.catch(() => {});
    try {
        const channel = await connection[make]();
        channel.on('error', () => {});
        await Promise.race([broken, work(channel)]);
    } finally {
        connection.close().catch(() => {});
    }
}

/** Publishes to a queue by name. */
function publisher(control, lane, name) {
    const { history } = control;
    let n = 0;
    let open = 0;

    async function publish(channel) {
        const producer = history.producer(name, lane);
        await channel.assertQueue(lane, { durable: true });
        open = 0;
        while (control.isLoading) {
            if (open < WINDOW) {
                const id = history.sending(producer);
                open += 1;
                channel.sendToQueue(lane, Buffer.from(body(id)), { persistent: true }, (error) => {
                    open -= 1;
                    if (!error) {
                        history.acked(id);
                    }
                });
                n += 1;
            }
            if (open >= WINDOW || n % 8 === 0) {
                await control.room(lane, 1);
            }
        }
        await channel.waitForConfirms();
        await untilLoad(control);
    }
    control.role(name, () => withChannel(control, 'createConfirmChannel', publish));
}

async function untilLoad(control) {
    while (control.phase === 'drain') {
        await sleep(20);
    }
}

/** Reads a queue; gives one of fifty back, which has to come again with its flag. */
function reader(control, lane) {
    const { history } = control;
    const queue = history.lane(lane);

    function read(channel) {
        let held = [];
        let count = 0;
        let isAsking = false;

        async function settle() {
            const ids = held;
            if (isAsking || ids.length === 0) {
                return;
            }
            held = [];
            isAsking = true;
            channel.ack(ids[ids.length - 1].message, true);
            await channel.checkQueue(lane);
            ids.forEach(({ id }) => history.settled(id));
            isAsking = false;
        }

        function take(message) {
            const id = idOf(message.content.toString());
            history.delivered(queue, id, message.fields.redelivered);
            count += 1;
            if (count % 50 === 0) {
                channel.nack(message, false, true);
            } else {
                held.push({ id, message });
            }
        }

        return (async () => {
            await channel.assertQueue(lane, { durable: true });
            await channel.prefetch(WINDOW);
            await channel.consume(lane, (message) => message && take(message));
            while (!control.isStopped) {
                await sleep(held.length < SETTLE_EVERY ? 5 : 0);
                await settle();
            }
        })();
    }
    control.role(`${lane} reader`, () => withChannel(control, 'createChannel', read));
}

/** Queues come and go, and so do exchanges that are bound to them. */
function definer(control, everyMs) {
    const { history } = control;
    let n = 0;

    async function change(channel) {
        while (control.isLoading) {
            const name = `amqp-made-${n}`;
            const old = `amqp-made-${n - 3}`;
            n += 1;
            history.defining('queue', name);
            await channel.assertQueue(name, { durable: true });
            history.defined('queue', name, 'made');
            await channel.assertExchange(`${name}-exchange`, 'topic', { durable: true });
            await channel.bindQueue(name, `${name}-exchange`, 'a.#');
            if (n > 3) {
                history.defining('queue', old);
                await channel.deleteQueue(old);
                history.defined('queue', old, 'gone');
                await channel.deleteExchange(`${old}-exchange`);
            }
            await sleep(everyMs);
        }
        await untilLoad(control);
    }
    control.role('amqp definer', () => withChannel(control, 'createChannel', change));
}

/** Publishes messages with these ids; resolves when all are confirmed. */
async function publishOnce(control, lane, ids) {
    await withChannel(control, 'createConfirmChannel', async (channel) => {
        await channel.assertQueue(lane, { durable: true });
        ids.forEach((id) => channel.sendToQueue(lane, Buffer.from(body(id)), { persistent: true }));
        await channel.waitForConfirms();
    });
}

/** Reads and settles up to so many messages; how many there were. */
async function readOnce(control, lane, count) {
    const ids = [];
    await withChannel(control, 'createChannel', async (channel) => {
        await channel.assertQueue(lane.name, { durable: true });
        let message = await channel.get(lane.name);
        while (message) {
            ids.push(idOf(message.content.toString()));
            control.history.delivered(lane, ids[ids.length - 1], message.fields.redelivered);
            channel.ack(message);
            message = ids.length < count && await channel.get(lane.name);
        }
        await channel.checkQueue(lane.name);
        ids.forEach((id) => control.history.settled(id));
    });
    return ids.length;
}

module.exports = { definer, publishOnce, publisher, readOnce, reader };
