'use strict';
/* @aws-sdk/client-sqs v3 against the SQS door (AWS JSON 1.0). The SDK itself checks the MD5 of every body. */
const assert = require('assert');
const crypto = require('crypto');
const http = require('http');
const sqs = require('@aws-sdk/client-sqs');
const { failure, suite, until } = require('./suite');

let sequence = 0;

function fresh(what) {
    sequence += 1;
    return `sqs-${what}-${process.pid}-${sequence}`;
}

/** send(c, 'SendMessage', {...}) */
function send(c, action, input) {
    return c.client.send(new sqs[`${action}Command`](input));
}

async function queue(c, Attributes) {
    return (await send(c, 'CreateQueue', { QueueName: fresh('q'), Attributes })).QueueUrl;
}

async function receive(c, QueueUrl, more = {}) {
    const { Messages = [] } = await send(c, 'ReceiveMessage', { QueueUrl, WaitTimeSeconds: 1, ...more });
    return Messages;
}

async function refused(promise, name, text) {
    const error = await failure(promise);
    assert.strictEqual(error.name, name, `${error.name}: ${error.message}`);
    assert.ok(error.message.includes(text), error.message);
    return error;
}

const seconds = (n) => new Promise((resolve) => { setTimeout(resolve, n * 1000); });

async function createIsIdempotent(c) {
    const QueueName = fresh('same');
    const one = await send(c, 'CreateQueue', { QueueName, Attributes: { VisibilityTimeout: '45' } });
    const two = await send(c, 'CreateQueue', { QueueName, Attributes: { VisibilityTimeout: '45' } });
    assert.strictEqual(one.QueueUrl, two.QueueUrl);
    assert.ok(one.QueueUrl.endsWith(`/000000000000/${QueueName}`), one.QueueUrl);
    assert.ok(one.QueueUrl.startsWith(`http://${c.at}/`), one.QueueUrl);
    await refused(send(c, 'CreateQueue', { QueueName, Attributes: { VisibilityTimeout: '46' } }), 'QueueNameExists',
        'A queue already exists with the same name and a different value for attribute VisibilityTimeout');
}

async function urlAndMissing(c) {
    const QueueName = fresh('url');
    const { QueueUrl } = await send(c, 'CreateQueue', { QueueName });
    assert.strictEqual((await send(c, 'GetQueueUrl', { QueueName })).QueueUrl, QueueUrl);
    const error = await refused(send(c, 'GetQueueUrl', { QueueName: fresh('missing') }), 'QueueDoesNotExist',
        'The specified queue does not exist');
    assert.strictEqual(error.$metadata.httpStatusCode, 400);
    const missing = { QueueUrl: `${QueueUrl}-missing`, MessageBody: 'x' };
    await refused(send(c, 'SendMessage', missing), 'QueueDoesNotExist', '');
}

async function list(c) {
    const prefix = fresh('list');
    for (const i of [1, 2, 3]) {
        await send(c, 'CreateQueue', { QueueName: `${prefix}-${i}` });
    }
    const { QueueUrls } = await send(c, 'ListQueues', { QueueNamePrefix: prefix });
    assert.deepStrictEqual(QueueUrls.map((url) => url.slice(-2)).sort(), ['-1', '-2', '-3']);
    const first = await send(c, 'ListQueues', { QueueNamePrefix: prefix, MaxResults: 2 });
    assert.strictEqual(first.QueueUrls.length, 2);
    const rest = await send(c, 'ListQueues', { QueueNamePrefix: prefix, MaxResults: 2, NextToken: first.NextToken });
    assert.strictEqual(rest.QueueUrls.length, 1);
    assert.strictEqual((await send(c, 'ListQueues', { QueueNamePrefix: fresh('none') })).QueueUrls, undefined);
}

async function badNames(c) {
    for (const QueueName of ['with space', 'ö', 'x'.repeat(81), 'dot.dot']) {
        await refused(send(c, 'CreateQueue', { QueueName }), 'InvalidParameterValue',
            'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length');
    }
}

async function attributes(c) {
    const QueueUrl = await queue(c, { DelaySeconds: '0', VisibilityTimeout: '12' });
    const { Attributes } = await send(c, 'GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] });
    assert.strictEqual(Attributes.VisibilityTimeout, '12');
    assert.strictEqual(Attributes.MessageRetentionPeriod, '345600');
    assert.strictEqual(Attributes.MaximumMessageSize, '1048576');
    assert.strictEqual(Attributes.ReceiveMessageWaitTimeSeconds, '0');
    assert.strictEqual(Attributes.ApproximateNumberOfMessages, '0');
    assert.match(Attributes.QueueArn, /^arn:aws:sqs:us-east-1:000000000000:sqs-q-/);
    assert.match(Attributes.CreatedTimestamp, /^\d{10}$/);
    await send(c, 'SetQueueAttributes', { QueueUrl, Attributes: { VisibilityTimeout: '7', DelaySeconds: '1' } });
    const AttributeNames = ['VisibilityTimeout', 'DelaySeconds'];
    const some = await send(c, 'GetQueueAttributes', { QueueUrl, AttributeNames });
    assert.deepStrictEqual(some.Attributes, { VisibilityTimeout: '7', DelaySeconds: '1' });
    assert.strictEqual((await send(c, 'GetQueueAttributes', { QueueUrl })).Attributes, undefined);
    await refused(send(c, 'GetQueueAttributes', { QueueUrl, AttributeNames: ['Foobar'] }), 'InvalidAttributeName',
        'Unknown Attribute Foobar.');
    await refused(send(c, 'SetQueueAttributes', { QueueUrl, Attributes: { VisibilityTimeout: '43201' } }),
        'InvalidAttributeValue', 'Invalid value for the parameter VisibilityTimeout.');
}

async function counts(c) {
    const QueueUrl = await queue(c);
    const numbers = async () => {
        const { Attributes: a } = await send(c, 'GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] });
        return [a.ApproximateNumberOfMessages, a.ApproximateNumberOfMessagesNotVisible,
            a.ApproximateNumberOfMessagesDelayed].join();
    };
    for (let i = 0; i < 3; i += 1) {
        await send(c, 'SendMessage', { QueueUrl, MessageBody: `m${i}`, DelaySeconds: i === 2 ? 60 : 0 });
    }
    assert.strictEqual(await numbers(), '2,0,1');
    const [m] = await receive(c, QueueUrl);
    assert.strictEqual(await numbers(), '1,1,1');
    await send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: m.ReceiptHandle });
    assert.strictEqual(await numbers(), '1,0,1');
}

async function sendReceiveDelete(c) {
    const QueueUrl = await queue(c);
    const MessageBody = 'Zeichen: äöü € 漢字 🐦 <xml> & "quotes"\n\ttab';
    const sent = await send(c, 'SendMessage', { QueueUrl, MessageBody });
    assert.match(sent.MessageId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.strictEqual(sent.MD5OfMessageBody, crypto.createHash('md5').update(MessageBody).digest('hex'));
    const [m] = await receive(c, QueueUrl);
    assert.strictEqual(m.Body, MessageBody);
    assert.strictEqual(m.MessageId, sent.MessageId);
    assert.strictEqual(m.Attributes, undefined);
    await send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: m.ReceiptHandle });
    await send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: m.ReceiptHandle });
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 0 }), []);
}

async function messageAttributes(c) {
    const QueueUrl = await queue(c);
    const General = { DataType: 'String', StringValue: 'Kenobi' };
    const Hello = { DataType: 'String', StringValue: 'There' };
    const Dotted = { DataType: 'String', StringValue: 'Me' };
    const sent = await send(c, 'SendMessage', {
        QueueUrl, MessageBody: 'x', MessageAttributes: { Hello, 'Help.Me': Dotted, General },
    });
    assert.strictEqual(sent.MD5OfMessageAttributes, '4c360f3fdafd970e05fae2f149d997f5');
    const [none] = await receive(c, QueueUrl, { VisibilityTimeout: 0 });
    assert.strictEqual(none.MessageAttributes, undefined);
    assert.strictEqual(none.MD5OfMessageAttributes, undefined);
    const [all] = await receive(c, QueueUrl, { MessageAttributeNames: ['All'], VisibilityTimeout: 0 });
    assert.deepStrictEqual(all.MessageAttributes, { General, Hello, 'Help.Me': Dotted });
    assert.strictEqual(all.MD5OfMessageAttributes, '4c360f3fdafd970e05fae2f149d997f5');
    const [two] = await receive(c, QueueUrl, { MessageAttributeNames: ['General', 'Hello'], VisibilityTimeout: 0 });
    assert.strictEqual(two.MD5OfMessageAttributes, 'fca026605781cb4126a1e9044df24232');
    const [prefixed] = await receive(c, QueueUrl, { MessageAttributeNames: ['Help.*'] });
    assert.deepStrictEqual(prefixed.MessageAttributes, { 'Help.Me': Dotted });
}

async function attributeTypes(c) {
    const QueueUrl = await queue(c);
    const MessageAttributes = {
        number: { DataType: 'Number', StringValue: '1493147359900' },
        custom: { DataType: 'String.json', StringValue: '{}' },
        binary: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255, 128, 10]) },
        png: { DataType: 'Binary.png', BinaryValue: new Uint8Array([1]) },
    };
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'x', MessageAttributes });
    const [m] = await receive(c, QueueUrl, { MessageAttributeNames: ['All'] });
    assert.deepStrictEqual(m.MessageAttributes, MessageAttributes);
}

async function numberMd5(c) {
    const QueueUrl = await queue(c);
    const sent = await send(c, 'SendMessage', {
        QueueUrl, MessageBody: 'x',
        MessageAttributes: { timestamp: { DataType: 'Number', StringValue: '1493147359900' } },
    });
    assert.strictEqual(sent.MD5OfMessageAttributes, '235c5c510d26fb653d073faed50ae77c');
}

async function systemAttributes(c) {
    const QueueUrl = await queue(c);
    const before = Date.now();
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'x', MessageGroupId: 'tenant-1' });
    const [m] = await receive(c, QueueUrl, { MessageSystemAttributeNames: ['All'], VisibilityTimeout: 0 });
    assert.ok(Math.abs(Number(m.Attributes.SentTimestamp) - before) < 5000, m.Attributes.SentTimestamp);
    assert.strictEqual(m.Attributes.ApproximateReceiveCount, '1');
    assert.strictEqual(m.Attributes.MessageGroupId, 'tenant-1');
    assert.ok(m.Attributes.SenderId);
    const [again] = await receive(c, QueueUrl, { MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
    assert.deepStrictEqual(again.Attributes, { ApproximateReceiveCount: '2' });
}

async function visibility(c) {
    const QueueUrl = await queue(c, { VisibilityTimeout: '3' });
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'x' });
    const [first] = await receive(c, QueueUrl);
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 0 }), []);
    const [second] = await receive(c, QueueUrl, { WaitTimeSeconds: 10 });
    assert.strictEqual(second.MessageId, first.MessageId);
    assert.notStrictEqual(second.ReceiptHandle, first.ReceiptHandle);
    await send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: second.ReceiptHandle });
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 2 }), []);
}

async function oldHandleDeletes(c) {
    const QueueUrl = await queue(c, { VisibilityTimeout: '1' });
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'x' });
    const [first] = await receive(c, QueueUrl);
    await seconds(1.2);
    await send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: first.ReceiptHandle });
    assert.deepStrictEqual(await receive(c, QueueUrl), []);
}

async function changeVisibility(c) {
    const QueueUrl = await queue(c, { VisibilityTimeout: '30' });
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'x' });
    const [m] = await receive(c, QueueUrl);
    await send(c, 'ChangeMessageVisibility', { QueueUrl, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0 });
    const [again] = await receive(c, QueueUrl, { VisibilityTimeout: 3 });
    assert.strictEqual(again.MessageId, m.MessageId);
    await send(c, 'ChangeMessageVisibility', { QueueUrl, ReceiptHandle: again.ReceiptHandle, VisibilityTimeout: 20 });
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 4 }), []);
    await refused(send(c, 'ChangeMessageVisibility', {
        QueueUrl, ReceiptHandle: again.ReceiptHandle, VisibilityTimeout: 43201,
    }), 'InvalidParameterValue', 'VisibilityTimeout');
}

async function garbageHandle(c) {
    const QueueUrl = await queue(c);
    await refused(send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: 'garbage' }), 'ReceiptHandleIsInvalid',
        'The input receipt handle "garbage" is not a valid receipt handle.');
}

async function longPoll(c) {
    const QueueUrl = await queue(c);
    const started = Date.now();
    const waiting = receive(c, QueueUrl, { WaitTimeSeconds: 10 });
    await seconds(0.5);
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'worth waiting for' });
    const [m] = await waiting;
    assert.strictEqual(m.Body, 'worth waiting for');
    assert.ok(Date.now() - started < 5000, 'woken by the arrival');
    const empty = Date.now();
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 1 }), []);
    assert.ok(Date.now() - empty >= 900, 'waited its second');
}

async function delay(c) {
    const QueueUrl = await queue(c);
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'later', DelaySeconds: 1 });
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 0 }), []);
    const [m] = await receive(c, QueueUrl, { WaitTimeSeconds: 5 });
    assert.strictEqual(m.Body, 'later');
    await refused(send(c, 'SendMessage', { QueueUrl, MessageBody: 'x', DelaySeconds: 901 }), 'InvalidParameterValue',
        'Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.');
}

async function batches(c) {
    const QueueUrl = await queue(c);
    const Entries = Array.from({ length: 10 }, (_, i) => ({ Id: `id-${i}`, MessageBody: `body ${i}` }));
    const sent = await send(c, 'SendMessageBatch', { QueueUrl, Entries });
    assert.strictEqual(sent.Successful.length, 10);
    assert.strictEqual(sent.Failed, undefined);
    const got = [];
    await until(async () => {
        got.push(...await receive(c, QueueUrl, { MaxNumberOfMessages: 10 }));
        return got.length >= 10;
    });
    assert.deepStrictEqual(got.map((m) => m.Body).sort(), Entries.map((e) => e.MessageBody));
    const changed = await send(c, 'ChangeMessageVisibilityBatch', {
        QueueUrl, Entries: got.map((m, i) => ({ Id: `${i}`, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 60 })),
    });
    assert.strictEqual(changed.Successful.length, 10);
    const deleted = await send(c, 'DeleteMessageBatch', {
        QueueUrl, Entries: [...got.slice(0, 9).map((m, i) => ({ Id: `${i}`, ReceiptHandle: m.ReceiptHandle })),
            { Id: 'bad', ReceiptHandle: 'garbage' }],
    });
    assert.strictEqual(deleted.Successful.length, 9);
    assert.deepStrictEqual(deleted.Failed.map((f) => [f.Id, f.Code, f.SenderFault]),
        [['bad', 'ReceiptHandleIsInvalid', true]]);
}

async function batchErrors(c) {
    const QueueUrl = await queue(c);
    const entries = (ids) => ids.map((Id) => ({ Id, MessageBody: 'x' }));
    const attempt = (Entries) => send(c, 'SendMessageBatch', { QueueUrl, Entries });
    await refused(attempt(entries(Array.from({ length: 11 }, (_, i) => `${i}`))), 'TooManyEntriesInBatchRequest',
        'Maximum number of entries per request are 10. You have sent 11.');
    await refused(attempt([]), 'EmptyBatchRequest', 'at least one SendMessageBatchRequestEntry in the request');
    await refused(attempt(entries(['1', '1'])), 'BatchEntryIdsNotDistinct', 'Id 1 repeated.');
    await refused(attempt(entries(['a b'])), 'InvalidBatchEntryId', 'A batch entry id can only contain');
    const big = 'x'.repeat(600000);
    await refused(attempt([{ Id: 'a', MessageBody: big }, { Id: 'b', MessageBody: big }]), 'BatchRequestTooLong',
        'Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes.');
}

async function badInput(c) {
    const QueueUrl = await queue(c, { MaximumMessageSize: '1024' });
    await refused(send(c, 'SendMessage', { QueueUrl, MessageBody: 'x'.repeat(1025) }), 'InvalidParameterValue',
        'One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.');
    await refused(send(c, 'SendMessage', { QueueUrl, MessageBody: 'a\u0001b' }), 'InvalidMessageContents',
        'Invalid characters found.');
    await refused(send(c, 'ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 11 }), 'InvalidParameterValue',
        'Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.');
    await refused(send(c, 'ReceiveMessage', { QueueUrl, WaitTimeSeconds: 21 }), 'InvalidParameterValue',
        'Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.');
    await refused(send(c, 'SendMessage', { QueueUrl }), 'MissingParameter',
        'The request must contain the parameter MessageBody.');
}

async function receiveUpToTen(c) {
    const QueueUrl = await queue(c);
    for (let i = 0; i < 3; i += 1) {
        await send(c, 'SendMessageBatch', {
            QueueUrl, Entries: Array.from({ length: 10 }, (_, j) => ({ Id: `${j}`, MessageBody: `${i}-${j}` })),
        });
    }
    assert.strictEqual((await receive(c, QueueUrl)).length, 1);
    const got = await receive(c, QueueUrl, { MaxNumberOfMessages: 10 });
    assert.strictEqual(got.length, 10);
}

async function purge(c) {
    const QueueUrl = await queue(c);
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'a' });
    await send(c, 'SendMessage', { QueueUrl, MessageBody: 'b', DelaySeconds: 1 });
    await send(c, 'PurgeQueue', { QueueUrl });
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 2 }), []);
    const error = await refused(send(c, 'PurgeQueue', { QueueUrl }), 'PurgeQueueInProgress',
        'is allowed every 60 seconds');
    assert.strictEqual(error.$metadata.httpStatusCode, 403);
}

async function remove(c) {
    const QueueUrl = await queue(c);
    await send(c, 'DeleteQueue', { QueueUrl });
    await refused(send(c, 'SendMessage', { QueueUrl, MessageBody: 'x' }), 'QueueDoesNotExist', '');
    const { QueueUrls = [] } = await send(c, 'ListQueues', {});
    assert.ok(!QueueUrls.includes(QueueUrl));
}

async function large(c) {
    const QueueUrl = await queue(c);
    const MessageBody = 'ä'.repeat(524288);
    await send(c, 'SendMessage', { QueueUrl, MessageBody });
    const [m] = await receive(c, QueueUrl);
    assert.strictEqual(m.Body, MessageBody);
}

async function many(c) {
    const QueueUrl = await queue(c);
    await Promise.all(Array.from({ length: 100 }, (_, i) => send(c, 'SendMessage', { QueueUrl, MessageBody: `${i}` })));
    const seen = new Set();
    await until(async () => {
        const got = await receive(c, QueueUrl, { MaxNumberOfMessages: 10 });
        got.forEach((m) => {
            assert.ok(!seen.has(m.Body), 'no message twice');
            seen.add(m.Body);
        });
        return seen.size === 100;
    });
}

/** Plain HTTP, for what the SDK never sends. */
function post(c, headers, body) {
    const [host, port] = c.at.split(':');
    return new Promise((resolve, reject) => {
        const request = http.request({ host, port, method: 'POST', path: '/', headers }, (answer) => {
            let text = '';
            answer.on('data', (chunk) => { text += chunk; });
            answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
        });
        request.on('error', reject);
        request.end(body);
    });
}

async function rawErrors(c) {
    const type = { 'content-type': 'application/x-amz-json-1.0' };
    const missing = await post(c, { ...type, 'x-amz-target': 'AmazonSQS.GetQueueUrl', 'x-amzn-query-mode': 'true' },
        '{"QueueName":"surely-missing"}');
    assert.strictEqual(missing.status, 400);
    assert.match(missing.headers['x-amzn-query-error'], /^AWS\.SimpleQueueService\.NonExistentQueue;Sender$/);
    assert.strictEqual(JSON.parse(missing.text).__type, 'com.amazonaws.sqs#QueueDoesNotExist');
    assert.match(missing.headers['x-amzn-requestid'], /^[0-9a-f-]{36}$/);
    const unknown = await post(c, { ...type, 'x-amz-target': 'AmazonSQS.FooBar' }, '{}');
    assert.ok(unknown.status >= 400 && unknown.status < 500, String(unknown.status));
    const garbage = await post(c, { ...type, 'x-amz-target': 'AmazonSQS.ListQueues' }, '{"a":');
    assert.ok(garbage.status >= 400 && garbage.status < 500, String(garbage.status));
    const nulls = await post(c, { ...type, 'x-amz-target': 'AmazonSQS.ListQueues' },
        '{"QueueNamePrefix":null,"Unknown":[1]}');
    assert.strictEqual(nulls.status, 200);
}

/** Whoever hangs up while it waits must not be given the message that comes next. */
async function hangUp(c) {
    const QueueUrl = await queue(c);
    for (let i = 0; i < 3; i += 1) {
        const abort = new AbortController();
        const poll = new sqs.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 });
        const waiting = failure(c.client.send(poll, { abortSignal: abort.signal }));
        await seconds(0.2);
        abort.abort();
        await waiting;
        await seconds(0.2);
        await send(c, 'SendMessage', { QueueUrl, MessageBody: `for the living ${i}` });
        const [m] = await receive(c, QueueUrl, { MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
        assert.strictEqual(m.Body, `for the living ${i}`);
        assert.strictEqual(m.Attributes.ApproximateReceiveCount, '1');
        await send(c, 'DeleteMessage', { QueueUrl, ReceiptHandle: m.ReceiptHandle });
    }
}

async function deletedWhileWaiting(c) {
    const QueueUrl = await queue(c);
    const waiting = refused(send(c, 'ReceiveMessage', { QueueUrl, WaitTimeSeconds: 15 }), 'QueueDoesNotExist', '');
    await seconds(0.3);
    await send(c, 'DeleteQueue', { QueueUrl });
    await waiting;
}

async function deadLetters(c) {
    const dead = await queue(c);
    const { Attributes } = await send(c, 'GetQueueAttributes', { QueueUrl: dead, AttributeNames: ['QueueArn'] });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 1 });
    const QueueUrl = await queue(c, { RedrivePolicy, VisibilityTimeout: '0' });
    const { queueUrls } = await send(c, 'ListDeadLetterSourceQueues', { QueueUrl: dead });
    assert.deepStrictEqual(queueUrls, [QueueUrl]);
    const MyAttribute = { DataType: 'String', StringValue: 'foobar' };
    const sent = await send(c, 'SendMessage', { QueueUrl, MessageBody: 'poison', MessageAttributes: { MyAttribute } });
    const all = { MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] };
    const [first] = await receive(c, QueueUrl, all);
    assert.deepStrictEqual(await receive(c, QueueUrl, { WaitTimeSeconds: 0 }), []);
    const [m] = await receive(c, dead, all);
    assert.strictEqual(m.MessageId, sent.MessageId);
    assert.strictEqual(m.Attributes.ApproximateReceiveCount, '2');
    assert.strictEqual(m.Attributes.SentTimestamp, first.Attributes.SentTimestamp);
    assert.ok(m.Attributes.DeadLetterQueueSourceArn.endsWith(QueueUrl.split('/').pop()));
    assert.strictEqual(m.MD5OfMessageAttributes, 'adb59cd4678ea5a855436b949cd07ab6');
    const missing = { deadLetterTargetArn: `${Attributes.QueueArn}x`, maxReceiveCount: 1 };
    await refused(send(c, 'SetQueueAttributes', { QueueUrl, Attributes: { RedrivePolicy: JSON.stringify(missing) } }),
        'InvalidParameterValue', 'Reason: Dead letter target does not exist.');
}

async function tags(c) {
    const { QueueUrl } = await send(c, 'CreateQueue', { QueueName: fresh('tags'), tags: { a: '1' } });
    await send(c, 'TagQueue', { QueueUrl, Tags: { b: '2', c: '' } });
    assert.deepStrictEqual((await send(c, 'ListQueueTags', { QueueUrl })).Tags, { a: '1', b: '2', c: '' });
    await send(c, 'UntagQueue', { QueueUrl, TagKeys: ['a', 'b', 'c'] });
    assert.strictEqual((await send(c, 'ListQueueTags', { QueueUrl })).Tags, undefined);
}

/** Another account is another namespace. */
async function accounts(c) {
    const QueueName = fresh('account');
    const other = new sqs.SQSClient({
        endpoint: `http://${c.at}`,
        region: 'eu-west-1',
        credentials: { accessKeyId: '123456789012', secretAccessKey: 'test' },
    });
    const { QueueUrl } = await other.send(new sqs.CreateQueueCommand({ QueueName }));
    assert.ok(QueueUrl.endsWith(`/123456789012/${QueueName}`), QueueUrl);
    await refused(send(c, 'GetQueueUrl', { QueueName }), 'QueueDoesNotExist', '');
    const found = await send(c, 'GetQueueUrl', { QueueName, QueueOwnerAWSAccountId: '123456789012' });
    assert.strictEqual(found.QueueUrl, QueueUrl);
    other.destroy();
}

const checks = [
    ['create is idempotent, or names the attribute that differs', createIsIdempotent],
    ['queue url; missing queues', urlAndMissing],
    ['list by prefix, in pages', list],
    ['bad queue names', badNames],
    ['attributes: defaults, set, get some, errors', attributes],
    ['approximate counts', counts],
    ['send, receive, delete, delete again', sendReceiveDelete],
    ['message attributes: filters and MD5', messageAttributes],
    ['attribute types come back', attributeTypes],
    ['MD5 of a number attribute', numberMd5],
    ['system attributes', systemAttributes],
    ['visibility timeout', visibility],
    ['an old receipt handle still deletes', oldHandleDeletes],
    ['change visibility', changeVisibility],
    ['a garbage receipt handle', garbageHandle],
    ['long poll: woken by an arrival, or waits its time', longPoll],
    ['delay', delay],
    ['batches: send, change visibility, delete', batches],
    ['batch errors', batchErrors],
    ['input errors', badInput],
    ['receive up to ten', receiveUpToTen],
    ['purge', purge],
    ['delete queue', remove],
    ['a body of 1 MiB', large],
    ['100 sends at once', many],
    ['errors on the wire', rawErrors],
    ['a client that hangs up claims nothing', hangUp],
    ['queue deleted under a long poll', deletedWhileWaiting],
    ['dead letters', deadLetters],
    ['tags', tags],
    ['accounts', accounts],
];

suite('sqs', {
    async open(broker) {
        const at = broker.at('sqs');
        const client = new sqs.SQSClient({
            endpoint: `http://${at}`,
            region: 'us-east-1',
            credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
            maxAttempts: 1,
        });
        await client.send(new sqs.ListQueuesCommand({}));
        return { at, client };
    },
    async close(c) {
        c.client.destroy();
    },
    checks,
});
