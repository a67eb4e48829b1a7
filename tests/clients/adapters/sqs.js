'use strict';
/* @aws-sdk/client-sqs: queue `name` (standard, so no order is promised); MessageGroupId = key, attributes = headers. */
const {
    CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient, SendMessageBatchCommand,
} = require('@aws-sdk/client-sqs');

const BATCH = 10;
const RECEIVERS = 4;

function client(at) {
    return new SQSClient({
        endpoint: `http://${at}`,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        maxAttempts: 2,
    });
}

async function queueUrl(sqs, name) {
    return (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl;
}

async function prepare(at, name) {
    const sqs = client(at);
    await queueUrl(sqs, name);
    sqs.destroy();
}

function entry(m, i) {
    return {
        Id: String(i),
        MessageBody: m.body,
        MessageGroupId: m.key,
        MessageAttributes: Object.fromEntries(Object.entries(m.headers)
            .map(([k, v]) => [k, { DataType: 'String', StringValue: v }])),
    };
}

async function publish(at, name, messages, onDone) {
    const sqs = client(at);
    const QueueUrl = await queueUrl(sqs, name);
    for (let i = 0; i < messages.length; i += BATCH) {
        const Entries = messages.slice(i, i + BATCH).map(entry);
        const answer = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
        if ((answer.Failed || []).length > 0 || answer.Successful.length !== Entries.length) {
            throw new Error(`send refused: ${JSON.stringify(answer.Failed)}`);
        }
    }
    onDone();
    sqs.destroy();
}

function plain(m) {
    return {
        body: m.Body,
        key: m.Attributes.MessageGroupId || null,
        headers: Object.fromEntries(Object.entries(m.MessageAttributes || {}).map(([k, v]) => [k, v.StringValue])),
        isRepeated: Number(m.Attributes.ApproximateReceiveCount) > 1,
    };
}

async function receiveSome(sqs, QueueUrl, got, count, onMessage) {
    while (got.length < count) {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: BATCH,
            WaitTimeSeconds: 1,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['All'],
        }));
        got.push(...Messages.map(plain));
        Messages.map(plain).forEach(onMessage);
        if (Messages.length > 0) {
            const Entries = Messages.map((m, i) => ({ Id: String(i), ReceiptHandle: m.ReceiptHandle }));
            await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
        }
    }
}

async function receive(at, name, count, onMessage = () => {}) {
    const sqs = client(at);
    const QueueUrl = await queueUrl(sqs, name);
    const got = [];
    const receivers = count < 100 || count === Infinity ? 1 : RECEIVERS;
    await Promise.all(Array.from({ length: receivers }, () => receiveSome(sqs, QueueUrl, got, count, onMessage)));
    sqs.destroy();
    return got;
}

module.exports = { door: 'sqs', prepare, publish, receive };
