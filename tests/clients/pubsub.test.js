'use strict';
/* @google-cloud/pubsub against the Pub/Sub door, reached as its emulator is. Codes and texts are the service's. */
const assert = require('assert');
const { Duration, PubSub, v1 } = require('@google-cloud/pubsub');
const { failure, suite, until } = require('./suite');

process.env.METADATA_SERVER_DETECTION = 'none'; /* no look for Google's own machines */

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const PROJECT = 'default';

let sequence = 0;

function fresh(what) {
    sequence += 1;
    return `pubsub-${what}-${process.pid}-${sequence}`;
}

async function topicAndSubscription(c, options) {
    const [topic] = await c.pubsub.createTopic(fresh('topic'));
    const [subscription] = await topic.createSubscription(fresh('sub'), options);
    return { topic, subscription };
}

const topicPath = (id) => `projects/${PROJECT}/topics/${id}`;
const text = (m) => m.data.toString();

/** Publishes strings one after the other. */
async function publish(topic, bodies) {
    const ids = [];
    for (const body of bodies) {
        ids.push(await topic.publishMessage({ data: Buffer.from(body) }));
    }
    return ids;
}

/** Unary pull by the generated client, which shows the protocol as it is. */
async function pull(c, subscription, maxMessages = 100) {
    const [{ receivedMessages }] = await c.subscriber.pull({ subscription: subscription.name, maxMessages });
    return receivedMessages;
}

async function pullCount(c, subscription, count) {
    const got = [];
    await until(async () => {
        got.push(...await pull(c, subscription, count - got.length));
        return got.length >= count;
    });
    return got;
}

async function refused(promise, code, what) {
    const error = await failure(promise);
    assert.strictEqual(error.code, code, error.message);
    assert.ok(error.message.includes(what), error.message);
}

/** Opens a streaming pull that collects; stop() closes it. */
function listen(subscription, onMessage = (m) => m.ack()) {
    const got = [];
    const errors = [];
    subscription.on('error', (error) => errors.push(error));
    subscription.on('message', (m) => {
        got.push(m);
        onMessage(m);
    });
    return {
        got,
        errors,
        async stop() {
            await subscription.close();
            subscription.removeAllListeners();
            assert.deepStrictEqual(errors, []);
        },
    };
}

async function topics(c) {
    const id = fresh('topic');
    const [topic] = await c.pubsub.createTopic(id);
    assert.strictEqual(topic.name, topicPath(id));
    const [metadata] = await topic.getMetadata();
    assert.strictEqual(metadata.name, topicPath(id));
    await refused(c.pubsub.createTopic(id), ALREADY_EXISTS, `Resource already exists in the project (resource=${id}).`);
    const [all] = await c.pubsub.getTopics();
    assert.ok(all.some((t) => t.name === topicPath(id)));
    await topic.delete();
    await refused(topic.getMetadata(), NOT_FOUND, `Resource not found (resource=${id}).`);
    await refused(topic.delete(), NOT_FOUND, `Resource not found (resource=${id}).`);
}

async function topicLabels(c) {
    const id = fresh('labelled');
    await c.publisher.createTopic({ name: topicPath(id), labels: { team: 'blue' } });
    const [topic] = await c.publisher.getTopic({ topic: topicPath(id) });
    assert.deepStrictEqual(topic.labels, { team: 'blue' });
    const [updated] = await c.publisher.updateTopic({
        topic: { name: topicPath(id), labels: { team: 'red' }, messageRetentionDuration: { seconds: 86400 } },
        updateMask: { paths: ['labels', 'message_retention_duration'] },
    });
    assert.deepStrictEqual(updated.labels, { team: 'red' });
    assert.strictEqual(Number(updated.messageRetentionDuration.seconds), 86400);
}

async function badNames(c) {
    for (const id of ['ab', '1abc', 'goog-mine', 'sp ace', 'x'.repeat(256)]) {
        await refused(c.publisher.createTopic({ name: topicPath(id) }), INVALID_ARGUMENT,
            'Invalid resource name given');
    }
}

async function paging(c) {
    const prefix = fresh('page');
    for (let i = 0; i < 5; i += 1) {
        await c.pubsub.createTopic(`${prefix}-${i}`);
    }
    const found = [];
    for (let pageToken = ''; pageToken !== null;) {
        const [page, , answer] = await c.publisher.listTopics(
            { project: `projects/${PROJECT}`, pageSize: 2, pageToken }, { autoPaginate: false },
        );
        assert.ok(page.length <= 2);
        found.push(...page.map((t) => t.name));
        pageToken = (answer && answer.nextPageToken) || null;
    }
    for (let i = 0; i < 5; i += 1) {
        assert.strictEqual(found.filter((name) => name === topicPath(`${prefix}-${i}`)).length, 1);
    }
}

async function subscriptions(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const [metadata] = await subscription.getMetadata();
    assert.strictEqual(metadata.topic, topic.name);
    assert.strictEqual(metadata.ackDeadlineSeconds, 10);
    assert.strictEqual(metadata.state, 'ACTIVE');
    assert.strictEqual(String(metadata.messageRetentionDuration.seconds), '604800');
    assert.strictEqual(String(metadata.expirationPolicy.ttl.seconds), '2678400');
    const id = subscription.name.split('/').pop();
    await refused(topic.createSubscription(id), ALREADY_EXISTS, `(resource=${id})`);
    const [all] = await c.pubsub.getSubscriptions();
    assert.ok(all.some((s) => s.name === subscription.name));
    const [ofTopic] = await topic.getSubscriptions();
    assert.deepStrictEqual(ofTopic.map((s) => s.name), [subscription.name]);
    await subscription.delete();
    await refused(subscription.getMetadata(), NOT_FOUND, `Resource not found (resource=${id}).`);
}

async function subscriptionErrors(c) {
    const [topic] = await c.pubsub.createTopic(fresh('topic'));
    const missing = fresh('missing');
    await refused(c.pubsub.topic(missing).createSubscription(fresh('sub')), NOT_FOUND,
        `Resource not found (resource=${missing}).`);
    await refused(topic.createSubscription(fresh('sub'), { ackDeadlineSeconds: 601 }), INVALID_ARGUMENT,
        'Invalid ack deadline given (ack_deadline=601).');
    await refused(c.subscriber.pull({ subscription: `projects/${PROJECT}/subscriptions/${missing}`, maxMessages: 1 }),
        NOT_FOUND, `(resource=${missing})`);
}

async function topicDeleted(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    await publish(topic, ['kept']);
    await topic.delete();
    const [metadata] = await subscription.getMetadata();
    assert.strictEqual(metadata.topic, '_deleted-topic_');
}

async function publishAndPull(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const ids = await publish(topic, ['one', 'two', 'three']);
    assert.ok(ids.every((id) => /^\d+$/.test(id)), ids.join());
    assert.strictEqual(new Set(ids).size, 3);
    const got = await pullCount(c, subscription, 3);
    assert.deepStrictEqual(got.map((r) => text(r.message)), ['one', 'two', 'three']);
    assert.deepStrictEqual(got.map((r) => r.message.messageId), ids);
    assert.ok(got.every((r) => Math.abs(Number(r.message.publishTime.seconds) * 1000 - Date.now()) < 60000));
    assert.ok(got.every((r) => r.deliveryAttempt === 0));
    await c.subscriber.acknowledge({ subscription: subscription.name, ackIds: got.map((r) => r.ackId) });
}

async function messageFields(c) {
    const { topic, subscription } = await topicAndSubscription(c, { enableMessageOrdering: true });
    const ordered = c.pubsub.topic(topic.name, { messageOrdering: true });
    const data = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await ordered.publishMessage({ data, attributes: { a: '1', grüße: 'Straße' }, orderingKey: 'k' });
    await topic.publishMessage({ attributes: { only: 'attributes' } });
    const [one, two] = await pullCount(c, subscription, 2);
    assert.ok(Buffer.from(one.message.data).equals(data));
    assert.deepStrictEqual({ ...one.message.attributes }, { a: '1', grüße: 'Straße' });
    assert.strictEqual(one.message.orderingKey, 'k');
    assert.strictEqual(two.message.data.length, 0);
    assert.deepStrictEqual({ ...two.message.attributes }, { only: 'attributes' });
}

async function publishErrors(c) {
    const missing = fresh('missing');
    const message = (body) => ({ data: Buffer.from(body) });
    await refused(c.publisher.publish({ topic: topicPath(missing), messages: [message('x')] }), NOT_FOUND,
        `Resource not found (resource=${missing}).`);
    const [topic] = await c.pubsub.createTopic(fresh('topic'));
    await refused(c.publisher.publish({ topic: topic.name, messages: [{ orderingKey: 'k' }] }), INVALID_ARGUMENT, '');
    await refused(c.publisher.publish({
        topic: topic.name, messages: Array.from({ length: 1001 }, () => message('x')),
    }), INVALID_ARGUMENT, 'The value for message_count is too large. You passed 1001');
}

async function batchOfThousand(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const messages = Array.from({ length: 1000 }, (_, i) => ({ data: Buffer.from(String(i)) }));
    const [{ messageIds }] = await c.publisher.publish({ topic: topic.name, messages });
    assert.strictEqual(messageIds.length, 1000);
    const got = await pullCount(c, subscription, 1000);
    assert.deepStrictEqual(got.map((r) => r.message.messageId), messageIds);
}

async function largeMessage(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const data = Buffer.alloc(5000000, 'myna');
    await topic.publishMessage({ data });
    const listener = listen(subscription);
    await until(() => listener.got.length === 1);
    assert.ok(listener.got[0].data.equals(data));
    await listener.stop();
}

async function startsEmpty(c) {
    const [topic] = await c.pubsub.createTopic(fresh('topic'));
    await publish(topic, ['before']);
    const [subscription] = await topic.createSubscription(fresh('sub'));
    await publish(topic, ['after']);
    const [first] = await pullCount(c, subscription, 1);
    assert.strictEqual(text(first.message), 'after');
}

async function twoSubscriptions(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const [other] = await topic.createSubscription(fresh('sub'));
    await publish(topic, ['to both']);
    assert.strictEqual(text((await pullCount(c, subscription, 1))[0].message), 'to both');
    assert.strictEqual(text((await pullCount(c, other, 1))[0].message), 'to both');
}

async function nackByDeadline(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    await publish(topic, ['again']);
    const [first] = await pullCount(c, subscription, 1);
    const name = subscription.name;
    await c.subscriber.modifyAckDeadline({ subscription: name, ackIds: [first.ackId], ackDeadlineSeconds: 0 });
    const [second] = await pullCount(c, subscription, 1);
    assert.strictEqual(second.message.messageId, first.message.messageId);
    assert.notStrictEqual(second.ackId, first.ackId);
    await c.subscriber.acknowledge({ subscription: name, ackIds: [second.ackId] });
    await c.subscriber.acknowledge({ subscription: name, ackIds: [second.ackId] });
}

async function expiresAndExtends(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const name = subscription.name;
    await publish(topic, ['short', 'long']);
    const [short, long] = await pullCount(c, subscription, 2);
    await c.subscriber.modifyAckDeadline({ subscription: name, ackIds: [short.ackId], ackDeadlineSeconds: 1 });
    await c.subscriber.modifyAckDeadline({ subscription: name, ackIds: [long.ackId], ackDeadlineSeconds: 60 });
    const again = await pullCount(c, subscription, 1);
    assert.deepStrictEqual(again.map((r) => text(r.message)), ['short']);
}

async function badAcks(c) {
    const { subscription } = await topicAndSubscription(c);
    await refused(c.subscriber.acknowledge({ subscription: subscription.name, ackIds: ['garbage'] }), INVALID_ARGUMENT,
        'You have passed an invalid ack ID to the service (ack_id=garbage).');
    await refused(c.subscriber.acknowledge({ subscription: subscription.name, ackIds: [] }), INVALID_ARGUMENT,
        'You have not specified an ack ID in the request.');
    await refused(c.subscriber.pull({ subscription: subscription.name, maxMessages: 0 }), INVALID_ARGUMENT,
        '(argument=max_messages)');
}

async function streaming(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const listener = listen(subscription);
    const bodies = Array.from({ length: 300 }, (_, i) => String(i));
    await Promise.all(bodies.map((body) => topic.publishMessage({ data: Buffer.from(body) })));
    await until(() => listener.got.length >= 300);
    assert.deepStrictEqual(listener.got.map(text).sort((a, b) => a - b), bodies);
    await listener.stop();
}

async function streamingNack(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    let nacked = 0;
    const listener = listen(subscription, (m) => {
        if (nacked < 2) {
            nacked += 1;
            m.nack();
        } else {
            m.ack();
        }
    });
    const [id] = await publish(topic, ['third time lucky']);
    await until(() => listener.got.length === 3);
    assert.deepStrictEqual(listener.got.map((m) => m.id), [id, id, id]);
    await listener.stop();
}

async function flowControl(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const limited = c.pubsub.subscription(subscription.name, {
        flowControl: { maxMessages: 5, allowExcessMessages: false }, streamingOptions: { maxStreams: 1 },
    });
    await publish(topic, Array.from({ length: 20 }, (_, i) => String(i)));
    const listener = listen(limited, () => {});
    await until(() => listener.got.length === 5);
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    assert.strictEqual(listener.got.length, 5);
    listener.got.slice(0, 5).forEach((m) => m.ack());
    await until(() => listener.got.length >= 10);
    listener.got.slice(5).forEach((m) => m.ack());
    await listener.stop();
}

async function outstandingLimit(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    await publish(topic, Array.from({ length: 10 }, (_, i) => String(i)));
    const got = [];
    const stream = c.subscriber.streamingPull();
    stream.on('error', () => {});
    stream.on('data', ({ receivedMessages }) => got.push(...receivedMessages));
    stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10, maxOutstandingMessages: 3 });
    await until(() => got.length === 3);
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    assert.strictEqual(got.length, 3, 'the server holds back');
    await c.subscriber.acknowledge({ subscription: subscription.name, ackIds: [got[0].ackId] });
    await until(() => got.length === 4);
    stream.end();
}

async function streamErrors(c) {
    const stream = c.subscriber.streamingPull();
    const error = await new Promise((resolve) => {
        stream.on('error', resolve);
        stream.on('data', () => {});
        const subscription = `projects/${PROJECT}/subscriptions/${fresh('none')}`;
        stream.write({ subscription, streamAckDeadlineSeconds: 10 });
    });
    assert.strictEqual(error.code, NOT_FOUND);
}

async function streamSharing(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const other = c.pubsub.subscription(subscription.name);
    const [a, b] = [listen(subscription), listen(other)];
    await publish(topic, Array.from({ length: 50 }, (_, i) => String(i)));
    await until(() => a.got.length + b.got.length >= 50);
    assert.strictEqual(new Set([...a.got, ...b.got].map((m) => m.id)).size, 50);
    await a.stop();
    await b.stop();
}

async function ordering(c) {
    const { topic, subscription } = await topicAndSubscription(c, { enableMessageOrdering: true });
    const ordered = c.pubsub.topic(topic.name, { messageOrdering: true });
    const keys = ['a', 'b', 'c'];
    const listener = listen(subscription);
    await Promise.all(Array.from({ length: 150 }, (_, i) => ordered.publishMessage({
        data: Buffer.from(String(i)), orderingKey: keys[i % 3],
    })));
    await until(() => listener.got.length >= 150);
    for (const [at, key] of keys.entries()) {
        const mine = listener.got.filter((m) => m.orderingKey === key).map(text);
        assert.deepStrictEqual(mine, Array.from({ length: 50 }, (_, i) => String(i * 3 + at)));
    }
    await listener.stop();
}

async function leaseIsKept(c) {
    const { topic, subscription } = await topicAndSubscription(c);
    const slow = c.pubsub.subscription(subscription.name, {
        minAckDeadline: Duration.from({ seconds: 10 }), maxExtensionTime: Duration.from({ seconds: 60 }),
    });
    const listener = listen(slow, () => {});
    await publish(topic, ['slow']);
    await until(() => listener.got.length === 1);
    await new Promise((resolve) => { setTimeout(resolve, 12000); });
    assert.strictEqual(listener.got.length, 1, 'extended by the client, not delivered again');
    listener.got[0].ack();
    await listener.stop();
}

async function otherProject(c) {
    const id = fresh('same-name');
    const other = new PubSub({ projectId: 'another-project' });
    await c.pubsub.createTopic(id);
    await other.createTopic(id);
    const [mine] = await c.pubsub.topic(id).createSubscription(fresh('sub'));
    await other.topic(id).publishMessage({ data: Buffer.from('theirs') });
    await c.pubsub.topic(id).publishMessage({ data: Buffer.from('ours') });
    assert.strictEqual(text((await pullCount(c, mine, 1))[0].message), 'ours');
    await other.close();
}

const checks = [
    ['topics: create, get, list, delete, texts', topics],
    ['topic labels', topicLabels],
    ['bad topic names', badNames],
    ['lists in pages', paging],
    ['subscriptions: defaults, lists, delete, texts', subscriptions],
    ['subscription errors', subscriptionErrors],
    ['a deleted topic leaves its subscription', topicDeleted],
    ['publish and pull in order', publishAndPull],
    ['data, attributes, ordering key', messageFields],
    ['publish errors', publishErrors],
    ['1,000 messages in one publish', batchOfThousand],
    ['a message of 5 MB', largeMessage],
    ['a subscription starts empty', startsEmpty],
    ['every subscription has its copy', twoSubscriptions],
    ['nack by deadline 0; ack twice', nackByDeadline],
    ['a deadline passes, another is extended', expiresAndExtends],
    ['bad ack ids and limits', badAcks],
    ['streaming pull of 300', streaming],
    ['streaming pull, nack', streamingNack],
    ['flow control of the client', flowControl],
    ['max_outstanding_messages of a stream', outstandingLimit],
    ['stream on a missing subscription', streamErrors],
    ['two streams share a subscription', streamSharing],
    ['order by key', ordering],
    ['a slow handler keeps its lease', leaseIsKept],
    ['projects are apart', otherProject],
];

suite('pubsub', {
    async open(broker) {
        process.env.PUBSUB_EMULATOR_HOST = broker.at('pubsub');
        const pubsub = new PubSub({ projectId: PROJECT });
        const options = await pubsub.getClientConfig();
        const publisher = new v1.PublisherClient(options);
        const subscriber = new v1.SubscriberClient(options);
        await pubsub.getTopics();
        return { pubsub, publisher, subscriber };
    },
    async close(c) {
        await Promise.all([c.pubsub.close(), c.publisher.close(), c.subscriber.close()]);
    },
    checks,
});
