'use strict';
/*
 * disk_full.js - a small file system, filled up through one door: every door refuses in its own words, consumers go
 * on, what they settle gives its space back, and publishing resumes by itself. The file system is a tmpfs of our own:
 * the program starts itself again in a user namespace to mount it. Output is TAP.
 */
const assert = require('assert');
const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const amqp = require('./clients/node_modules/amqplib');
const { Kafka, logLevel } = require('./clients/node_modules/kafkajs');
const { PubSub } = require('./clients/node_modules/@google-cloud/pubsub');
const {
    CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient,
} = require('./clients/node_modules/@aws-sdk/client-sqs');
const { BINARY, Broker } = require('./clients/broker');
const { Results, failure, until } = require('./clients/suite');

const DISK = '192m';
const KEPT_FREE = '48M';
const BODY_BYTES = 200 * 1024; // within the limits of all four
const QUEUE = 'fill';
const MESSAGES_MAX = 2000; // far more than fit
const WINDOW = 16;
const CHECK_MS_MAX = 180000;

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
process.env.METADATA_SERVER_DETECTION = 'none';

const results = new Results();

function body(n) {
    return Buffer.concat([Buffer.from(`${n}:`.padEnd(16)), Buffer.alloc(BODY_BYTES, 97 + (n % 26))]);
}

function numberOf(content) {
    return Number(/^(\d+):/.exec(content.subarray(0, 16).toString())[1]);
}

async function connect(broker) {
    const connection = await amqp.connect(`amqp://${broker.at('amqp')}`);
    connection.on('error', () => {});
    return connection;
}

/** Publishes with confirms until one is refused; gives the numbers of those that were not. */
async function fill(broker) {
    const connection = await connect(broker);
    const notices = [];
    connection.on('blocked', (reason) => notices.push(reason));
    connection.on('unblocked', () => notices.push('unblocked'));
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(QUEUE, { durable: true });
    const confirmed = [];
    let refused = 0;
    for (let n = 0; n < MESSAGES_MAX && refused === 0; n += WINDOW) {
        await Promise.all(Array.from({ length: WINDOW }, (_, i) => new Promise((resolve) => {
            channel.sendToQueue(QUEUE, body(n + i), { persistent: true }, (error) => {
                if (error) {
                    refused += 1;
                } else {
                    confirmed.push(n + i);
                }
                resolve();
            });
        })));
    }
    assert.ok(refused > 0, 'the disk was never full');
    return { connection, channel, confirmed, notices };
}

function sqsClient(broker) {
    return new SQSClient({
        endpoint: `http://${broker.at('sqs')}`,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        maxAttempts: 1,
    });
}

function kafkaClient(broker) {
    return new Kafka({ brokers: [broker.at('kafka')], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
}

async function refusedByKafka(broker) {
    const producer = kafkaClient(broker).producer();
    await producer.connect();
    const error = await failure(producer.send({ topic: QUEUE, messages: [{ value: 'more' }] }));
    const cause = error.cause || error;
    assert.strictEqual(cause.type, 'KAFKA_STORAGE_ERROR', `${error.name}: ${error.message}`);
    await producer.disconnect();
}

/** Without confirms nobody would hear of a refused message: it waits, whatever becomes of its sender. */
async function waitsByAmqp(broker, n) {
    const connection = await connect(broker);
    const blocked = new Promise((resolve) => { connection.once('blocked', resolve); });
    const channel = await connection.createChannel();
    channel.sendToQueue(QUEUE, body(n), { persistent: true });
    assert.strictEqual(await blocked, 'low on disk');
    await connection.close(); /* amqplib waits for no answer when it is blocked */
}

async function refusedBySqs(broker) {
    const sqs = sqsClient(broker);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
    const error = await failure(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'more' })));
    assert.strictEqual(error.$metadata.httpStatusCode, 503, String(error));
    sqs.destroy();
}

const GRPC_RESOURCE_EXHAUSTED = 8;

function pubsubClient(broker) {
    process.env.PUBSUB_EMULATOR_HOST = broker.at('pubsub');
    return new PubSub({ projectId: 'default' });
}

async function refusedByPubsub(broker) {
    const pubsub = pubsubClient(broker);
    const topic = pubsub.topic(QUEUE, { gaxOpts: { retry: { retryCodes: [], backoffSettings: {} } } });
    const error = await failure(topic.publishMessage({ data: Buffer.from('more') }));
    assert.strictEqual(error.code, GRPC_RESOURCE_EXHAUSTED, String(error));
    await pubsub.close();
}

/** Takes and acknowledges `count` messages; gives their numbers. */
async function drainByAmqp(broker, count) {
    const connection = await connect(broker);
    const channel = await connection.createChannel();
    const got = [];
    await channel.prefetch(20);
    await new Promise((resolve) => {
        channel.consume(QUEUE, (m) => {
            got.push(numberOf(m.content));
            channel.ack(m);
            if (got.length === count) {
                resolve();
            }
        });
    });
    await channel.close();
    await connection.close();
    return got;
}

async function drainBySqs(broker, count) {
    const sqs = sqsClient(broker);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
    const got = [];
    while (got.length < count) {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
        for (const m of Messages) {
            got.push(numberOf(Buffer.from(m.Body)));
            await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: m.ReceiptHandle }));
        }
    }
    sqs.destroy();
    return got;
}

/** What was sent while the disk was full by a client that tries again by itself. */
function persistentPublish(broker) {
    const pubsub = pubsubClient(broker);
    const sent = pubsub.topic(QUEUE).publishMessage({ data: body(900000) });
    sent.catch(() => {}); /* looked at later */
    return { sent, close: () => pubsub.close() };
}

const brokers = [];

async function withBroker(fn) {
    const broker = await Broker.create();
    brokers.push(broker);
    try {
        await broker.start(['--disk-free-min', KEPT_FREE]);
        return await fn(broker);
    } finally {
        await broker.dispose();
    }
}

function sorted(numbers) {
    return [...numbers].sort((a, b) => a - b);
}

/** Stops in order although something was said. */
async function stop(broker) {
    broker.child.kill('SIGTERM');
    assert.deepStrictEqual(await broker.exited, { code: 0, signal: null });
}

function verify(broker) {
    const { status, stdout } = spawnSync(BINARY, ['verify', broker.data], { encoding: 'utf8' });
    assert.match(stdout, /, 0 findings\n$/);
    assert.strictEqual(status, 0);
}

async function everyDoorRefusesAndResumes() {
    await withBroker(async (broker) => {
        const { connection, channel, confirmed, notices } = await fill(broker);
        assert.ok(confirmed.length > 100, `only ${confirmed.length} fitted`);
        await until(() => broker.stderr !== '');
        assert.deepStrictEqual(notices, ['low on disk']);
        await refusedByKafka(broker);
        await waitsByAmqp(broker, 900003);
        await refusedBySqs(broker);
        await refusedByPubsub(broker);
        const persistent = persistentPublish(broker);
        const some = await drainBySqs(broker, 5); /* which makes no room yet */
        const got = await drainByAmqp(broker, confirmed.length - some.length);
        assert.deepStrictEqual(sorted([...got, ...some]), confirmed);
        await persistent.sent;
        await persistent.close();
        await until(() => notices.length === 2);
        assert.deepStrictEqual(notices, ['low on disk', 'unblocked']);
        channel.sendToQueue(QUEUE, body(900001), { persistent: true });
        await channel.waitForConfirms();
        const sent = await kafkaClient(broker).producer();
        await sent.connect();
        await sent.send({ topic: QUEUE, messages: [{ value: body(900002) }] });
        await sent.disconnect();
        assert.deepStrictEqual(sorted(await drainByAmqp(broker, 4)), [900000, 900001, 900002, 900003]);
        await connection.close();
        await until(() => /goes on/.test(broker.stderr));
        assert.match(broker.stderr, /^myna: warn: disk: only \d+ MiB are free[^\n]*\n[^\n]*publishing goes on\n$/);
        await stop(broker);
        verify(broker);
    });
}

async function aFullDiskIsStartedOn() {
    await withBroker(async (broker) => {
        const { confirmed } = await fill(broker);
        await broker.kill9();
        verify(broker);
        await broker.start(['--disk-free-min', KEPT_FREE]);
        assert.deepStrictEqual(sorted(await drainByAmqp(broker, confirmed.length)), confirmed);
        await until(() => /publishing goes on/.test(broker.stderr) || !/are free/.test(broker.stderr));
        const connection = await connect(broker);
        const channel = await connection.createConfirmChannel();
        await until(() => new Promise((resolve) => {
            channel.sendToQueue(QUEUE, body(1), { persistent: true }, (error) => resolve(!error));
        }));
        await connection.close();
        await stop(broker);
        verify(broker);
    });
}

/** Filled by somebody else, to the last byte. */
async function aDiskWithoutAnySpaceIsSaid() {
    await withBroker(async (broker) => {
        await stop(broker);
        const ballast = path.join(broker.folder, 'ballast');
        spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4096']);
        const error = await failure(broker.start());
        assert.match(error.message, /lies on a disk without free space/);
        fs.rmSync(ballast);
        await broker.start();
        await broker.stop();
    });
}

async function inside() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'myna-full-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder]);
    if (mounted.status !== 0) {
        fs.rmdirSync(folder);
        process.stdout.write('ok 1 - a full disk # SKIP no small file system can be mounted here\n1..1\n');
        return;
    }
    process.env.TMPDIR = folder;
    try {
        await results.check('every door refuses in its words and resumes', everyDoorRefusesAndResumes, CHECK_MS_MAX);
        await results.check('a disk that is full is started on', aFullDiskIsStartedOn, CHECK_MS_MAX);
        await results.check('a disk without any space is said', aDiskWithoutAnySpaceIsSaid, CHECK_MS_MAX);
    } finally {
        await Promise.all(brokers.map((broker) => broker.dispose())); /* of checks that took too long */
        spawnSync('umount', [folder]);
        fs.rmdirSync(folder);
    }
    results.end();
}

function outside() {
    const again = spawnSync('unshare', ['--user', '--map-root-user', '--mount', process.execPath, __filename, 'inside'],
        { stdio: 'inherit' });
    if (again.error || again.status === null) {
        process.stdout.write('ok 1 - a full disk # SKIP no user namespaces here\n1..1\n');
        return 0;
    }
    return again.status;
}

if (process.argv[2] === 'inside') {
    inside();
} else {
    process.exitCode = outside();
}
