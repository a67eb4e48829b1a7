'use strict';
/*
 * pubsub.js - Google's own Pub/Sub client, its calls without retries, so that each publish is sent once: a publisher, a
 * reader that pulls and acknowledges (each with an answer), and somebody who makes and deletes subscriptions.
 */
const { body, clients, idOf, sleep } = require('./control');

process.env.METADATA_SERVER_DETECTION = 'none'; /* no look for Google's own machines */

const { v1 } = clients('@google-cloud/pubsub');
const grpc = clients('@grpc/grpc-js');

const PROJECT = 'projects/default';
const BATCH = 20;
const DEADLINE_S = 10; /* the least a subscription takes */
const CALL = { timeout: 4000, retry: null };
const ALREADY_EXISTS = 6;

function made(Client, control) {
    const [servicePath, port] = control.at.pubsub.split(':');
    return new Client({
        servicePath,
        port: Number(port),
        sslCreds: grpc.credentials.createInsecure(),
        projectId: 'default',
        /* Else a new client starts with the pause that one before it earned from a broker which has come back since. */
        'grpc.use_local_subchannel_pool': 1,
        'grpc.initial_reconnect_backoff_ms': 30,
        'grpc.min_reconnect_backoff_ms': 30,
        'grpc.max_reconnect_backoff_ms': 60,
    });
}

async function orThere(promise) {
    try {
        await promise;
    } catch (error) {
        if (error.code !== ALREADY_EXISTS) {
            throw error;
        }
    }
}

/** The topic and its subscription of the same name and "-reader". */
async function prepare(control, lane) {
    const [publishers, subscribers] = [made(v1.PublisherClient, control), made(v1.SubscriberClient, control)];
    const topic = `${PROJECT}/topics/${lane}`;
    await orThere(publishers.createTopic({ name: topic }, CALL));
    await orThere(subscribers.createSubscription({
        name: `${PROJECT}/subscriptions/${lane}-reader`, topic, ackDeadlineSeconds: DEADLINE_S,
        enableMessageOrdering: true,
    }, CALL));
    await publishers.close();
    await subscribers.close();
}

function publisher(control, lane, name) {
    const { history } = control;
    let client;

    control.role(name, async () => {
        client = client || made(v1.PublisherClient, control);
        const producer = history.producer(name, lane);
        while (control.isLoading) {
            await control.room(lane, 0);
            const ids = Array.from({ length: BATCH }, () => history.sending(producer));
            const messages = ids.map((id) => ({ data: Buffer.from(body(id)), orderingKey: name }));
            await client.publish({ topic: `${PROJECT}/topics/${lane}`, messages }, CALL);
            ids.forEach((id) => history.acked(id));
        }
    });
}

/** Reads the subscription; gives one of fifty back. No flag tells a repeated message here. */
function reader(control, lane) {
    const { history } = control;
    const queue = history.lane(lane, { isFlagged: false });
    const subscription = `${PROJECT}/subscriptions/${lane}-reader`;
    let client;
    let count = 0;

    async function settle(messages, leasedAt) {
        const kept = [];
        const returned = [];
        for (const m of messages) {
            count += 1;
            (count % 50 === 0 ? returned : kept).push(m);
        }
        if (returned.length > 0) {
            const ackIds = returned.map((m) => m.ackId);
            await client.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: 0 }, CALL);
        }
        if (kept.length > 0) {
            await client.acknowledge({ subscription, ackIds: kept.map((m) => m.ackId) }, CALL);
            if (Date.now() < leasedAt + DEADLINE_S * 1000) {
                kept.forEach((m) => history.settled(idOf(m.message.data.toString())));
            }
        }
    }

    control.role(`${lane} reader`, async () => {
        client = client || made(v1.SubscriberClient, control);
        while (!control.isStopped) {
            const leasedAt = Date.now();
            const [{ receivedMessages: got }] = await client.pull({ subscription, maxMessages: 100 }, CALL);
            for (const m of got) {
                history.delivered(queue, idOf(m.message.data.toString()), false);
            }
            await settle(got, leasedAt);
        }
    });
}

function definer(control, topic, everyMs) {
    const { history } = control;
    const there = new Set();
    let client;
    let n = 0;

    control.role('pubsub definer', async () => {
        client = client || made(v1.SubscriberClient, control);
        while (control.isLoading) {
            const name = `pubsub-made-${n}`;
            const old = `pubsub-made-${n - 3}`;
            n += 1;
            history.defining('subscription', name);
            await client.createSubscription({
                name: `${PROJECT}/subscriptions/${name}`, topic: `${PROJECT}/topics/${topic}`,
            }, CALL);
            history.defined('subscription', name, 'made');
            there.add(name);
            if (there.delete(old)) {
                history.defining('subscription', old);
                await client.deleteSubscription({ subscription: `${PROJECT}/subscriptions/${old}` }, CALL);
                history.defined('subscription', old, 'gone');
            }
            await sleep(everyMs);
        }
    });
}

/** Publishes messages with these ids; resolves when all are acknowledged. */
async function publishOnce(control, lane, ids) {
    const client = made(v1.PublisherClient, control);
    try {
        await prepare(control, lane);
        const messages = ids.map((id) => ({ data: Buffer.from(body(id)), orderingKey: lane }));
        await client.publish({ topic: `${PROJECT}/topics/${lane}`, messages }, CALL);
    } finally {
        await client.close();
    }
}

/** Reads and settles up to so many messages; how many there were. */
async function readOnce(control, lane, count) {
    const { history } = control;
    const client = made(v1.SubscriberClient, control);
    const subscription = `${PROJECT}/subscriptions/${lane.name}-reader`;
    try {
        await prepare(control, lane.name);
        const [{ receivedMessages: got }] = await client.pull(
            { subscription, maxMessages: count, returnImmediately: true }, CALL);
        const ids = got.map(({ message }) => idOf(message.data.toString()));
        ids.forEach((id) => history.delivered(lane, id, false));
        if (ids.length > 0) {
            await client.acknowledge({ subscription, ackIds: got.map(({ ackId }) => ackId) }, CALL);
            ids.forEach((id) => history.settled(id));
        }
        return ids.length;
    } finally {
        await client.close();
    }
}

async function subscriptions(control) {
    const client = made(v1.SubscriberClient, control);
    const [found] = await client.listSubscriptions({ project: PROJECT }, CALL);
    await client.close();
    return found.map(({ name }) => name.slice(name.lastIndexOf('/') + 1));
}

module.exports = { definer, prepare, publishOnce, publisher, readOnce, reader, subscriptions };
