'use strict';
/*
 * sqs.js - @aws-sdk/client-sqs without retries of its own, so that each publish is sent once: a publisher in batches, a
 * reader that deletes, and somebody who makes and deletes queues.
 */
const { SMALL_BYTES_MAX, body, clients, idOf, sleep } = require('./control');

const {
    ChangeMessageVisibilityCommand, CreateQueueCommand, DeleteMessageBatchCommand, DeleteQueueCommand,
    ListQueuesCommand, ReceiveMessageCommand, SQSClient, SendMessageBatchCommand,
} = clients('@aws-sdk/client-sqs');

const BATCH = 10;
const VISIBILITY_S = 2;

function client(control) {
    return new SQSClient({
        endpoint: `http://${control.at.sqs}`,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        maxAttempts: 1,
        requestHandler: { requestTimeout: 4000, connectionTimeout: 1000, throwOnRequestTimeout: true },
    });
}

async function withQueue(control, lane, work) {
    const sqs = client(control);
    try {
        const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: lane }));
        await work(sqs, QueueUrl);
    } finally {
        sqs.destroy();
    }
}

function publisher(control, lane, name) {
    const { history } = control;

    async function publish(sqs, QueueUrl) {
        const producer = history.producer(name, lane);
        while (control.isLoading) {
            await control.room(lane, 0);
            const ids = Array.from({ length: BATCH }, () => history.sending(producer));
            const Entries = ids.map((id, i) => ({
                Id: String(i), MessageBody: body(id, SMALL_BYTES_MAX),
            }));
            const { Successful = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
            Successful.forEach(({ Id }) => history.acked(ids[Number(Id)]));
        }
    }
    control.role(name, async () => {
        if (control.isLoading) {
            await withQueue(control, lane, publish);
        }
    });
}

/** Reads a queue; makes one of fifty visible again, which has to come again with its receive count. */
function reader(control, lane) {
    const { history } = control;
    const queue = history.lane(lane, { isOrdered: false });
    let count = 0;

    async function settle(sqs, QueueUrl, messages, leasedAt) {
        const Entries = [];
        for (const m of messages) {
            count += 1;
            if (count % 50 === 0) {
                await sqs.send(new ChangeMessageVisibilityCommand({
                    QueueUrl, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
                }));
            } else {
                Entries.push({ Id: String(Entries.length), ReceiptHandle: m.ReceiptHandle, id: idOf(m.Body) });
            }
        }
        if (Entries.length === 0) {
            return;
        }
        const command = { QueueUrl, Entries: Entries.map(({ Id, ReceiptHandle }) => ({ Id, ReceiptHandle })) };
        const { Successful = [] } = await sqs.send(new DeleteMessageBatchCommand(command));
        if (Date.now() < leasedAt + VISIBILITY_S * 1000) {
            Successful.forEach(({ Id }) => history.settled(Entries[Number(Id)].id));
        }
    }

    async function read(sqs, QueueUrl) {
        while (!control.isStopped) {
            const leasedAt = Date.now();
            const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
                QueueUrl, MaxNumberOfMessages: BATCH, WaitTimeSeconds: 1, VisibilityTimeout: VISIBILITY_S,
                MessageSystemAttributeNames: ['ApproximateReceiveCount'],
            }));
            for (const m of Messages) {
                history.delivered(queue, idOf(m.Body), Number(m.Attributes.ApproximateReceiveCount) > 1);
            }
            await settle(sqs, QueueUrl, Messages, leasedAt);
        }
    }
    control.role(`${lane} reader`, () => withQueue(control, lane, read));
}

function definer(control, everyMs) {
    const { history } = control;
    const urls = new Map();
    let n = 0;

    async function change(sqs) {
        while (control.isLoading) {
            const name = `sqs-made-${n}`;
            const old = `sqs-made-${n - 3}`;
            n += 1;
            history.defining('queue', name);
            urls.set(name, (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl);
            history.defined('queue', name, 'made');
            if (urls.has(old)) {
                history.defining('queue', old);
                await sqs.send(new DeleteQueueCommand({ QueueUrl: urls.get(old) }));
                history.defined('queue', old, 'gone');
                urls.delete(old);
            }
            await sleep(everyMs);
        }
    }
    control.role('sqs definer', async () => {
        const sqs = client(control);
        try {
            await change(sqs);
        } finally {
            sqs.destroy();
        }
    });
}

/** Publishes messages with these ids; resolves when all are acknowledged. */
async function publishOnce(control, lane, ids) {
    await withQueue(control, lane, async (sqs, QueueUrl) => {
        const Entries = ids.map((id, n) => ({ Id: String(n), MessageBody: body(id, SMALL_BYTES_MAX) }));
        const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
        if (Failed.length > 0) {
            throw new Error(`send refused: ${Failed[0].Code}`);
        }
    });
}

/** Reads and settles up to so many messages; how many there were. */
async function readOnce(control, lane, count) {
    const { history } = control;
    let ids = [];
    await withQueue(control, lane.name, async (sqs, QueueUrl) => {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
            QueueUrl, MaxNumberOfMessages: count, VisibilityTimeout: VISIBILITY_S,
            MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }));
        ids = Messages.map((m) => idOf(m.Body));
        ids.forEach((id, i) => history.delivered(lane, id, Number(Messages[i].Attributes.ApproximateReceiveCount) > 1));
        if (ids.length > 0) {
            const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
            const { Successful = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
            Successful.forEach(({ Id }) => history.settled(ids[Number(Id)]));
        }
    });
    return ids.length;
}

/** The names of all queues, whatever door made them. */
async function queues(control) {
    const sqs = client(control);
    const names = [];
    let NextToken;
    do {
        const page = await sqs.send(new ListQueuesCommand({ MaxResults: 1000, NextToken }));
        names.push(...(page.QueueUrls || []).map((url) => url.slice(url.lastIndexOf('/') + 1)));
        NextToken = page.NextToken;
    } while (NextToken);
    sqs.destroy();
    return names;
}

module.exports = { definer, publishOnce, publisher, queues, readOnce, reader };
