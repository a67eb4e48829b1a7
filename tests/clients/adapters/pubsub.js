'use strict';
/*
 * @google-cloud/pubsub: topic `name`, subscription `name`-reader; orderingKey = key, attributes = headers. A
 * subscription sees only what is published after it was made, so prepare comes before the publish.
 */
const { PubSub } = require('@google-cloud/pubsub');

process.env.METADATA_SERVER_DETECTION = 'none'; /* no look for Google's own machines */

const ALREADY_EXISTS = 6;

function client(at) {
    process.env.PUBSUB_EMULATOR_HOST = at;
    return new PubSub({ projectId: 'default' });
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

async function prepare(at, name) {
    const pubsub = client(at);
    await orThere(pubsub.createTopic(name));
    await orThere(pubsub.topic(name).createSubscription(`${name}-reader`, { enableMessageOrdering: true }));
    await pubsub.close();
}

async function publish(at, name, messages, onDone) {
    const pubsub = client(at);
    await orThere(pubsub.createTopic(name));
    const topic = pubsub.topic(name, {
        messageOrdering: true,
        batching: { maxMessages: 500, maxMilliseconds: 5 },
    });
    await Promise.all(messages.map((m) => topic.publishMessage({
        data: Buffer.from(m.body), orderingKey: m.key, attributes: m.headers,
    })));
    onDone();
    await pubsub.close();
}

async function receive(at, name, count, onMessage = () => {}) {
    const pubsub = client(at);
    const subscription = pubsub.subscription(`${name}-reader`, { flowControl: { maxMessages: 1000 } });
    const got = [];
    await new Promise((resolve, reject) => {
        subscription.on('error', reject);
        subscription.on('message', (m) => {
            got.push({ body: m.data.toString(), key: m.orderingKey || null, headers: { ...m.attributes } });
            onMessage(got[got.length - 1]);
            m.ack();
            if (got.length === count) {
                resolve();
            }
        });
    });
    await subscription.close();
    await pubsub.close();
    return got;
}

module.exports = { door: 'pubsub', prepare, publish, receive };
