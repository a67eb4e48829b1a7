'use strict';
/* amqplib against the AMQP door. Codes and texts are RabbitMQ's; PEER=host:port shows it. */
const assert = require('assert');
const net = require('net');
const amqp = require('amqplib');
const kafkajs = require('./adapters/kafkajs');
const { failure, suite, until } = require('./suite');

let sequence = 0;

/** A name no other check uses. */
function fresh(what) {
    sequence += 1;
    return `amqp-${what}-${process.pid}-${sequence}`;
}

/** A channel of its own whose errors are kept, since a refused method closes it. */
async function channel(c, kind = 'createChannel') {
    const ch = await c.connection[kind]();
    ch.errors = [];
    ch.on('error', (error) => ch.errors.push(error));
    return ch;
}

async function queue(ch, options = { durable: true }) {
    return (await ch.assertQueue(fresh('q'), options)).queue;
}

async function get(ch, name) {
    return until(() => ch.get(name));
}

/** Consumes into a list; each entry is the message as amqplib gives it. */
async function collect(ch, name, options) {
    const got = [];
    const { consumerTag } = await ch.consume(name, (m) => got.push(m), options);
    return { got, consumerTag };
}

async function refused(promise, code, text) {
    const error = await failure(promise);
    assert.strictEqual(error.code, code, error.message);
    assert.ok(error.message.includes(text), error.message);
}

const texts = (got) => got.map((m) => m.content.toString());

async function connectionFacts(c) {
    const { serverProperties } = c.connection.connection;
    for (const name of ['publisher_confirms', 'exchange_exchange_bindings', 'basic.nack', 'consumer_cancel_notify',
        'connection.blocked', 'consumer_priorities', 'authentication_failure_close', 'per_consumer_qos',
        'direct_reply_to']) {
        assert.strictEqual(serverProperties.capabilities[name], true, name);
    }
    assert.ok(serverProperties.product);
}

async function wrongPassword(c) {
    const error = await failure(amqp.connect(`amqp://guest:wrong@${c.at}`));
    assert.match(error.message, /403|ACCESS[-_]REFUSED/i);
}

async function unknownVhost(c) {
    const error = await failure(amqp.connect(`amqp://guest:guest@${c.at}/no-such-vhost?heartbeat=5`));
    assert.match(error.message, /ConnectionClose|530/);
}

async function heartbeats(c) {
    const connection = await amqp.connect(`amqp://${c.at}?heartbeat=2`);
    let problem = null;
    connection.on('error', (error) => { problem = error; });
    await new Promise((resolve) => { setTimeout(resolve, 7000); });
    assert.strictEqual(problem, null);
    await (await connection.createChannel()).close();
    await connection.close();
}

async function manyChannels(c) {
    const channels = await Promise.all(Array.from({ length: 100 }, () => c.connection.createChannel()));
    await Promise.all(channels.map((ch) => ch.close()));
    await (await c.connection.createChannel()).close();
}

async function tinyFrames(c) {
    const connection = await amqp.connect(`amqp://${c.at}?frameMax=8192`);
    const ch = await connection.createConfirmChannel();
    const name = await queue(ch);
    const body = Buffer.alloc(100000, 'abcdefghij');
    ch.sendToQueue(name, body);
    await ch.waitForConfirms();
    assert.deepStrictEqual((await get(ch, name)).content, body);
    await connection.close();
}

async function wrongHeader(c) {
    const [host, port] = c.at.split(':');
    const answer = await new Promise((resolve) => {
        const socket = net.connect(Number(port), host, () => socket.write('AMQP\x09\x09\x09\x09'));
        let got = Buffer.alloc(0);
        socket.on('data', (chunk) => { got = Buffer.concat([got, chunk]); });
        socket.on('close', () => resolve(got));
        socket.on('error', () => {});
    });
    assert.strictEqual(answer.toString('latin1'), 'AMQP\x00\x00\x09\x01');
}

async function confirms(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => new Promise((resolve) => {
        ch.sendToQueue(name, Buffer.from(String(i)), { persistent: i % 2 === 0 }, (error) => resolve(error));
    })));
    assert.ok(answers.every((error) => error === null));
    const { messageCount } = await ch.checkQueue(name);
    assert.strictEqual(messageCount, 200);
    await ch.close();
}

async function mandatoryReturn(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const order = [];
    let returned;
    ch.on('return', (m) => { returned = m; order.push('return'); });
    await new Promise((resolve) => {
        ch.publish('', fresh('nowhere'), Buffer.from('lost'), { mandatory: true, messageId: 'm-1' }, () => {
            order.push('confirm');
            resolve();
        });
    });
    assert.deepStrictEqual(order, ['return', 'confirm']);
    assert.strictEqual(returned.fields.replyCode, 312);
    assert.strictEqual(returned.fields.replyText, 'NO_ROUTE');
    assert.strictEqual(returned.properties.messageId, 'm-1');
    assert.strictEqual(returned.content.toString(), 'lost');
    await ch.close();
}

async function properties(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    const headers = {
        text: 'grün', number: 42, big: 2 ** 40, negative: -7, half: 0.5, yes: true, none: null,
        list: ['a', 1, false], inner: { deep: { deeper: 'x' } }, bytes: Buffer.from([0, 255, 1]),
    };
    const sent = {
        contentType: 'text/plain', contentEncoding: 'utf-8', headers, deliveryMode: 2, priority: 5,
        correlationId: 'c-1', replyTo: 'r-1', expiration: '60000', messageId: 'm-1', timestamp: 1700000000,
        type: 'greeting', userId: 'guest', appId: 'test',
    };
    ch.sendToQueue(name, Buffer.from('body'), sent);
    await ch.waitForConfirms();
    const { properties: got } = await get(ch, name);
    for (const [key, value] of Object.entries(sent)) {
        assert.deepStrictEqual(got[key], value, key);
    }
    await ch.close();
}

async function emptyAndLarge(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    const large = Buffer.alloc(3 << 20, 7);
    ch.sendToQueue(name, Buffer.alloc(0));
    ch.sendToQueue(name, large);
    await ch.waitForConfirms();
    assert.strictEqual((await get(ch, name)).content.length, 0);
    assert.ok((await get(ch, name)).content.equals(large));
    await ch.close();
}

async function directExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const [one, two] = [await queue(ch), await queue(ch)];
    const { exchange } = await ch.assertExchange(fresh('direct'), 'direct');
    await ch.bindQueue(one, exchange, 'a');
    await ch.bindQueue(two, exchange, 'a');
    await ch.bindQueue(two, exchange, 'b');
    ch.publish(exchange, 'a', Buffer.from('to both'));
    ch.publish(exchange, 'b', Buffer.from('to two'));
    ch.publish(exchange, 'c', Buffer.from('to none'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.checkQueue(one)).messageCount, 1);
    assert.strictEqual((await ch.checkQueue(two)).messageCount, 2);
    await ch.unbindQueue(two, exchange, 'a');
    ch.publish(exchange, 'a', Buffer.from('to one'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.checkQueue(one)).messageCount, 2);
    assert.strictEqual((await ch.checkQueue(two)).messageCount, 2);
    await ch.close();
}

async function fanoutExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const queues = await Promise.all([queue(ch), queue(ch), queue(ch)]);
    const { exchange } = await ch.assertExchange(fresh('fanout'), 'fanout');
    await Promise.all(queues.map((name) => ch.bindQueue(name, exchange, '')));
    ch.publish(exchange, 'whatever', Buffer.from('news'));
    await ch.waitForConfirms();
    for (const name of queues) {
        const m = await get(ch, name);
        assert.strictEqual(m.content.toString(), 'news');
        assert.strictEqual(m.fields.exchange, exchange);
        assert.strictEqual(m.fields.routingKey, 'whatever');
    }
    await ch.close();
}

async function topicExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const patterns = ['#', '*', 'a.*', 'a.#', '*.b', '#.b', 'a.*.c', 'a.#.c', '*.*.*', 'a.b.c'];
    const keys = ['', 'a', 'b', 'a.b', 'a.c', 'a.b.c', 'a..c', 'x.y.b', 'a.b.b.c'];
    const expected = {
        '#': keys, '*': ['a', 'b'], 'a.*': ['a.b', 'a.c'], 'a.#': ['a', 'a.b', 'a.c', 'a.b.c', 'a..c', 'a.b.b.c'],
        '*.b': ['a.b'], '#.b': ['b', 'a.b', 'x.y.b'], 'a.*.c': ['a.b.c', 'a..c'],
        'a.#.c': ['a.c', 'a.b.c', 'a..c', 'a.b.b.c'], '*.*.*': ['a.b.c', 'a..c', 'x.y.b'], 'a.b.c': ['a.b.c'],
    };
    const { exchange } = await ch.assertExchange(fresh('topic'), 'topic');
    const queues = {};
    for (const pattern of patterns) {
        queues[pattern] = await queue(ch);
        await ch.bindQueue(queues[pattern], exchange, pattern);
    }
    keys.forEach((key) => ch.publish(exchange, key, Buffer.from(key)));
    await ch.waitForConfirms();
    for (const pattern of patterns) {
        const { got } = await collect(ch, queues[pattern], { noAck: true });
        await until(() => got.length >= expected[pattern].length);
        assert.deepStrictEqual(texts(got), expected[pattern], pattern);
    }
    await ch.close();
}

async function headersExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const { exchange } = await ch.assertExchange(fresh('headers'), 'headers');
    const [all, any, none] = [await queue(ch), await queue(ch), await queue(ch)];
    await ch.bindQueue(all, exchange, '', { 'x-match': 'all', a: 1, b: 'two' });
    await ch.bindQueue(any, exchange, '', { 'x-match': 'any', a: 1, b: 'two' });
    await ch.bindQueue(none, exchange, '', {});
    ch.publish(exchange, '', Buffer.from('both'), { headers: { a: 1, b: 'two', c: 3 } });
    ch.publish(exchange, '', Buffer.from('a'), { headers: { a: 1 } });
    ch.publish(exchange, '', Buffer.from('other type'), { headers: { a: '1' } });
    ch.publish(exchange, '', Buffer.from('nothing'));
    await ch.waitForConfirms();
    const count = async (name) => (await ch.checkQueue(name)).messageCount;
    assert.deepStrictEqual([await count(all), await count(any), await count(none)], [1, 2, 4]);
    await ch.close();
}

async function exchangeToExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const { exchange: from } = await ch.assertExchange(fresh('from'), 'topic');
    const { exchange: to } = await ch.assertExchange(fresh('to'), 'fanout');
    const name = await queue(ch);
    await ch.bindExchange(to, from, 'eu.#');
    await ch.bindQueue(name, to, '');
    ch.publish(from, 'eu.de', Buffer.from('yes'));
    ch.publish(from, 'us.ca', Buffer.from('no'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.checkQueue(name)).messageCount, 1);
    await ch.unbindExchange(to, from, 'eu.#');
    ch.publish(from, 'eu.de', Buffer.from('no more'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.checkQueue(name)).messageCount, 1);
    await ch.close();
}

async function alternateExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const returned = [];
    ch.on('return', (m) => returned.push(m.fields.replyText));
    const { exchange: rest } = await ch.assertExchange(fresh('rest'), 'fanout');
    const { exchange } = await ch.assertExchange(fresh('direct'), 'direct', { alternateExchange: rest });
    ch.publish(exchange, 'nobody', Buffer.from('back'), { mandatory: true });
    await ch.waitForConfirms();
    assert.deepStrictEqual(returned, ['NO_ROUTE']);
    const name = await queue(ch);
    await ch.bindQueue(name, rest, '');
    ch.publish(exchange, 'nobody', Buffer.from('kept'), { mandatory: true });
    await ch.waitForConfirms();
    assert.strictEqual(returned.length, 1);
    assert.strictEqual((await get(ch, name)).content.toString(), 'kept');
    await ch.close();
}

/** Exchanges that give each message to one of their queues (plugins of RabbitMQ). */
async function oneOfManyQueues(c) {
    for (const [type, weight] of [['x-consistent-hash', '10'], ['x-modulus-hash', ''], ['x-random', '']]) {
        const ch = await channel(c, 'createConfirmChannel');
        const { exchange } = await ch.assertExchange(fresh(type), type);
        const names = [await queue(ch), await queue(ch)];
        await Promise.all(names.map((name) => ch.bindQueue(name, exchange, weight)));
        for (let i = 0; i < 200; i += 1) {
            ch.publish(exchange, `key-${i}`, Buffer.from(String(i)));
        }
        await ch.waitForConfirms();
        const counts = await Promise.all(names.map(async (name) => (await ch.checkQueue(name)).messageCount));
        assert.strictEqual(counts[0] + counts[1], 200, type);
        assert.ok(Math.min(...counts) > 20, `${type}: ${counts}`);
        await ch.close();
    }
    const ch = await channel(c);
    const { exchange } = await ch.assertExchange(fresh('hash'), 'x-consistent-hash');
    await refused(ch.bindQueue(await queue(ch), exchange, 'heavy'), 406, 'The binding key must be an integer');
}

/** The delayed-message plugin's exchange. */
async function delayedExchange(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const { exchange } = await ch.assertExchange(fresh('delayed'), 'x-delayed-message',
        { arguments: { 'x-delayed-type': 'direct' } });
    const name = await queue(ch);
    await ch.bindQueue(name, exchange, 'k');
    const { got } = await collect(ch, name, { noAck: true });
    const sent = Date.now();
    ch.publish(exchange, 'k', Buffer.from('later'), { headers: { 'x-delay': 400 } });
    ch.publish(exchange, 'k', Buffer.from('now'));
    await ch.waitForConfirms();
    await until(() => got.length === 2);
    assert.deepStrictEqual(texts(got), ['now', 'later']);
    assert.ok(Date.now() - sent >= 400);
    await ch.close();
    const wrong = await channel(c);
    await refused(wrong.assertExchange(fresh('delayed'), 'x-delayed-message'), 406, 'x-delayed-type');
}

async function predeclared(c) {
    const ch = await channel(c);
    for (const name of ['amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers', 'amq.match']) {
        await ch.checkExchange(name);
    }
    await ch.close();
}

async function oneCopyPerQueue(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const { exchange } = await ch.assertExchange(fresh('topic'), 'topic');
    const name = await queue(ch);
    await ch.bindQueue(name, exchange, 'a.#');
    await ch.bindQueue(name, exchange, '#.b');
    ch.publish(exchange, 'a.b', Buffer.from('once'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.checkQueue(name)).messageCount, 1);
    await ch.close();
}

async function consumeInOrder(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    const { got } = await collect(ch, name);
    for (let i = 0; i < 500; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)), { persistent: true });
    }
    await until(() => got.length === 500);
    assert.deepStrictEqual(texts(got), Array.from({ length: 500 }, (_, i) => String(i)));
    assert.deepStrictEqual(got.map((m) => m.fields.deliveryTag), Array.from({ length: 500 }, (_, i) => i + 1));
    assert.ok(got.every((m) => m.fields.redelivered === false));
    ch.ackAll();
    await ch.close();
    const after = await channel(c);
    assert.strictEqual((await after.checkQueue(name)).messageCount, 0);
    await after.close();
}

async function roundRobin(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    const [one, two] = [await collect(ch, name, { noAck: true }), await collect(ch, name, { noAck: true })];
    for (let i = 0; i < 10; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)));
        await ch.waitForConfirms();
    }
    await until(() => one.got.length + two.got.length === 10);
    assert.deepStrictEqual([one.got.length, two.got.length], [5, 5]);
    await ch.close();
}

async function prefetch(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    for (let i = 0; i < 10; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)));
    }
    await ch.waitForConfirms();
    await ch.prefetch(3);
    const { got } = await collect(ch, name);
    await until(() => got.length === 3);
    await ch.checkQueue(name);
    assert.strictEqual(got.length, 3);
    ch.ack(got[0]);
    await until(() => got.length === 4);
    ch.ack(got[3], true);
    await until(() => got.length === 7);
    await ch.checkQueue(name);
    assert.strictEqual(got.length, 7);
    await ch.close();
}

async function globalPrefetch(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const [one, two] = [await queue(ch), await queue(ch)];
    for (let i = 0; i < 5; i += 1) {
        ch.sendToQueue(one, Buffer.from('x'));
        ch.sendToQueue(two, Buffer.from('y'));
    }
    await ch.waitForConfirms();
    await ch.prefetch(4, true);
    const [a, b] = [await collect(ch, one), await collect(ch, two)];
    await until(() => a.got.length + b.got.length === 4);
    await ch.checkQueue(one);
    assert.strictEqual(a.got.length + b.got.length, 4);
    await ch.close();
}

async function requeueOrder(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    for (let i = 0; i < 5; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)), { persistent: true });
    }
    await ch.waitForConfirms();
    const first = [];
    for (let i = 0; i < 3; i += 1) {
        first.push(await get(ch, name));
    }
    ch.nack(first[1], false, true);
    ch.nack(first[0], false, true);
    ch.ack(first[2]);
    const { got } = await collect(ch, name);
    await until(() => got.length === 4);
    assert.deepStrictEqual(texts(got), ['0', '1', '3', '4']);
    assert.deepStrictEqual(got.map((m) => m.fields.redelivered), [true, true, false, false]);
    await ch.close();
}

async function nackMultiple(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    for (let i = 0; i < 4; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)));
    }
    await ch.waitForConfirms();
    const got = [];
    for (let i = 0; i < 4; i += 1) {
        got.push(await get(ch, name));
    }
    ch.nack(got[2], true, true);
    ch.nack(got[3], false, false);
    await until(async () => (await ch.checkQueue(name)).messageCount === 3);
    assert.strictEqual((await get(ch, name)).content.toString(), '0');
    await ch.close();
}

async function rejectDrops(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    ch.sendToQueue(name, Buffer.from('a'));
    ch.sendToQueue(name, Buffer.from('b'));
    await ch.waitForConfirms();
    ch.reject(await get(ch, name), false);
    const b = await get(ch, name);
    assert.strictEqual(b.content.toString(), 'b');
    ch.reject(b, true);
    const again = await get(ch, name);
    assert.strictEqual(again.content.toString(), 'b');
    assert.strictEqual(again.fields.redelivered, true);
    ch.ack(again);
    assert.strictEqual(await ch.get(name), false);
    await ch.close();
}

async function closeRequeues(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    for (let i = 0; i < 5; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)));
    }
    await ch.waitForConfirms();
    const { got } = await collect(ch, name);
    await until(() => got.length === 5);
    ch.ack(got[1]);
    await ch.close();
    const next = await channel(c);
    const again = await collect(next, name, { noAck: true });
    await until(() => again.got.length === 4);
    assert.deepStrictEqual(texts(again.got), ['0', '2', '3', '4']);
    assert.ok(again.got.every((m) => m.fields.redelivered));
    await next.close();
}

async function recover(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    ch.sendToQueue(name, Buffer.from('again'));
    await ch.waitForConfirms();
    await get(ch, name);
    await ch.recover();
    const again = await get(ch, name);
    assert.strictEqual(again.fields.redelivered, true);
    ch.ack(again);
    await ch.close();
}

async function getCounts(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    assert.strictEqual(await ch.get(name), false);
    for (let i = 0; i < 3; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)));
    }
    await ch.waitForConfirms();
    assert.strictEqual((await ch.get(name)).fields.messageCount, 2);
    assert.strictEqual((await ch.get(name)).fields.messageCount, 1);
    await ch.close();
}

async function cancelStops(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    const { got, consumerTag } = await collect(ch, name);
    assert.match(consumerTag, /^amq\.ctag-/);
    await ch.cancel(consumerTag);
    ch.sendToQueue(name, Buffer.from('later'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.checkQueue(name)).messageCount, 1);
    assert.strictEqual(got.length, 0);
    await ch.close();
}

async function cancelNotify(c) {
    const ch = await channel(c);
    const name = await queue(ch);
    const got = [];
    await ch.consume(name, (m) => got.push(m));
    await ch.deleteQueue(name);
    await until(() => got.length === 1);
    assert.strictEqual(got[0], null);
    await ch.close();
}

async function purgeAndDelete(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    for (let i = 0; i < 5; i += 1) {
        ch.sendToQueue(name, Buffer.from(String(i)));
    }
    await ch.waitForConfirms();
    await get(ch, name);
    assert.strictEqual((await ch.purgeQueue(name)).messageCount, 4);
    ch.sendToQueue(name, Buffer.from('one'));
    await ch.waitForConfirms();
    assert.strictEqual((await ch.deleteQueue(name)).messageCount, 1);
    assert.strictEqual((await ch.deleteQueue(name)).messageCount, 0);
    await ch.deleteExchange(fresh('never-there'));
    await ch.close();
}

async function deleteConditions(c) {
    let ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch);
    ch.sendToQueue(name, Buffer.from('x'));
    await ch.waitForConfirms();
    await refused(ch.deleteQueue(name, { ifEmpty: true }), 406, `queue '${name}' in vhost '/' not empty`);
    ch = await channel(c);
    await collect(ch, name, { noAck: true });
    const other = await channel(c);
    await refused(other.deleteQueue(name, { ifUnused: true }), 406, `queue '${name}' in vhost '/' in use`);
    await ch.close();
}

async function serverNamed(c) {
    const ch = await channel(c);
    const { queue: name } = await ch.assertQueue('', { exclusive: true });
    assert.match(name, /^amq\.gen-[A-Za-z0-9_-]{22}$/);
    await ch.close();
}

async function exclusiveQueue(c) {
    const owner = await amqp.connect(`amqp://${c.at}`);
    const mine = await owner.createChannel();
    const { queue: name } = await mine.assertQueue(fresh('own'), { exclusive: true });
    const ch = await channel(c);
    await refused(ch.assertQueue(name, { exclusive: true }), 405, 'cannot obtain exclusive access to locked queue');
    await owner.close();
    const after = await channel(c);
    await refused(after.checkQueue(name), 404, `no queue '${name}' in vhost '/'`);
}

async function autoDelete(c) {
    const ch = await channel(c);
    const { queue: name } = await ch.assertQueue(fresh('auto'), { autoDelete: true, durable: false });
    const { consumerTag } = await collect(ch, name);
    await ch.cancel(consumerTag);
    await refused(ch.checkQueue(name), 404, 'no queue');
}

async function exclusiveConsumer(c) {
    const ch = await channel(c);
    const name = await queue(ch);
    await collect(ch, name, { exclusive: true });
    const other = await channel(c);
    await refused(other.consume(name, () => {}), 403, `queue '${name}' in vhost '/' in exclusive use`);
    await ch.close();
}

async function queueExpires(c) {
    const ch = await channel(c);
    const name = await queue(ch, { durable: true, expires: 200 });
    await new Promise((resolve) => { setTimeout(resolve, 600); });
    await refused(ch.checkQueue(name), 404, 'no queue');
}

async function singleActive(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const name = await queue(ch, { durable: true, arguments: { 'x-single-active-consumer': true } });
    const first = await collect(ch, name);
    const second = await collect(ch, name);
    const send = async (texts_) => {
        texts_.forEach((text) => ch.sendToQueue(name, Buffer.from(text)));
        await ch.waitForConfirms();
    };
    await send(['1', '2', '3']);
    await until(() => first.got.length === 3);
    first.got.forEach((m) => ch.ack(m));
    await ch.cancel(first.consumerTag);
    await send(['4', '5']);
    await until(() => second.got.length === 2);
    assert.deepStrictEqual([texts(first.got), texts(second.got)], [['1', '2', '3'], ['4', '5']]);
    await refused(ch.consume(name, () => {}, { exclusive: true }), 403, 'in exclusive use');
}

const REPLY_TO = 'amq.rabbitmq.reply-to';

/** A requester of direct reply-to: { ch, ask(queue, text, options) }. */
async function requester(c) {
    const ch = await channel(c, 'createConfirmChannel');
    const { got } = await collect(ch, REPLY_TO, { noAck: true });
    return {
        ch,
        async ask(name, text) {
            ch.sendToQueue(name, Buffer.from(text), { replyTo: REPLY_TO, correlationId: text });
            await ch.waitForConfirms();
        },
        answer: (n) => until(() => got[n - 1]),
    };
}

async function directReplyTo(c) {
    const server = await channel(c, 'createConfirmChannel');
    const name = await queue(server);
    const clients = [await requester(c), await requester(c)];
    await Promise.all(clients.map((client, i) => client.ask(name, `from ${i}`)));
    for (let i = 0; i < 2; i += 1) {
        const m = await get(server, name);
        assert.ok(m.properties.replyTo.startsWith(`${REPLY_TO}.`), m.properties.replyTo);
        assert.strictEqual((await server.checkQueue(m.properties.replyTo)).consumerCount, 1);
        server.sendToQueue(m.properties.replyTo, Buffer.from(`re: ${m.content}`), {
            correlationId: m.properties.correlationId, mandatory: true });
        server.ack(m);
    }
    for (const [i, client] of clients.entries()) {
        const m = await client.answer(1);
        assert.strictEqual(m.content.toString(), `re: from ${i}`);
        assert.strictEqual(m.properties.correlationId, `from ${i}`);
        assert.strictEqual(m.fields.exchange, '');
    }
    await clients[0].ch.close();
    await clients[1].ask(name, 'and gone');
    const late = (await get(server, name)).properties.replyTo;
    await clients[1].ch.close();
    await refused(server.checkQueue(late), 404, 'NOT_FOUND');
}

async function directReplyToMisused(c) {
    const acks = await channel(c);
    await refused(acks.consume(REPLY_TO, () => {}), 406, 'reply consumer cannot acknowledge');
    const twice = await channel(c);
    await twice.consume(REPLY_TO, () => {}, { noAck: true });
    await refused(twice.consume(REPLY_TO, () => {}, { noAck: true }), 406, 'reply consumer already set');
    const none = await channel(c);
    none.sendToQueue('nobody', Buffer.from('?'), { replyTo: REPLY_TO });
    await until(() => none.errors.length > 0);
    assert.match(none.errors[0].message, /fast reply consumer does not exist/);
    const there = await channel(c);
    assert.strictEqual((await there.checkQueue(REPLY_TO)).consumerCount, 1);
    await there.close();
}

/** Who answers may come by another door. */
async function answerFromKafka(c) {
    const server = await channel(c);
    const name = await queue(server);
    const client = await requester(c);
    await client.ask(name, 'who?');
    const { replyTo } = (await get(server, name)).properties;
    await kafkajs.publish(c.kafka, replyTo, [{ body: 'kafkajs', key: null, headers: {} }], () => {});
    assert.strictEqual((await client.answer(1)).content.toString(), 'kafkajs');
    await client.ch.close();
    await server.close();
}

async function notFound(c) {
    const name = fresh('missing');
    const missing = `NOT_FOUND - no queue '${name}' in vhost '/'`;
    await refused((await channel(c)).checkQueue(name), 404, missing);
    await refused((await channel(c)).consume(name, () => {}), 404, missing);
    await refused((await channel(c)).get(name), 404, missing);
    await refused((await channel(c)).purgeQueue(name), 404, missing);
    await refused((await channel(c)).bindQueue(name, 'amq.topic', '#'), 404, missing);
    await refused((await channel(c)).checkExchange(name), 404, `NOT_FOUND - no exchange '${name}' in vhost '/'`);
}

async function publishToMissing(c) {
    const ch = await channel(c);
    const name = fresh('missing');
    ch.publish(name, 'k', Buffer.from('x'));
    await until(() => ch.errors.length > 0);
    assert.strictEqual(ch.errors[0].code, 404);
    assert.ok(ch.errors[0].message.includes(`NOT_FOUND - no exchange '${name}' in vhost '/'`));
}

async function inequivalent(c) {
    const ch = await channel(c);
    const name = await queue(ch);
    await ch.assertQueue(name, { durable: true });
    await refused(ch.assertQueue(name, { durable: false }), 406,
        `PRECONDITION_FAILED - inequivalent arg 'durable' for queue '${name}' in vhost '/': `
        + "received 'false' but current is 'true'");
    const next = await channel(c);
    const { exchange } = await next.assertExchange(fresh('x'), 'direct');
    await refused(next.assertExchange(exchange, 'fanout'), 406,
        `inequivalent arg 'type' for exchange '${exchange}' in vhost '/': received 'fanout' but current is 'direct'`);
}

async function reservedNames(c) {
    const name = `amq.${fresh('mine')}`;
    await refused((await channel(c)).assertExchange(name, 'direct'), 403,
        `ACCESS_REFUSED - exchange name '${name}' contains reserved prefix 'amq.*'`);
    await refused((await channel(c)).bindQueue('x', '', 'k'), 403, 'operation not permitted on the default exchange');
}

async function unknownTag(c) {
    const ch = await channel(c);
    ch.ack({ fields: { deliveryTag: 99 } });
    await until(() => ch.errors.length > 0);
    assert.strictEqual(ch.errors[0].code, 406);
    assert.ok(ch.errors[0].message.includes('PRECONDITION_FAILED - unknown delivery tag 99'), ch.errors[0].message);
}

async function channelErrorSparesOthers(c) {
    const good = await channel(c);
    const name = await queue(good);
    const bad = await channel(c);
    await failure(bad.checkQueue(fresh('missing')));
    assert.strictEqual((await good.checkQueue(name)).queue, name);
    await good.close();
}

async function consumerTagTwice(c) {
    const connection = await amqp.connect(`amqp://${c.at}`);
    const closed = new Promise((resolve) => { connection.on('error', resolve); });
    const ch = await connection.createChannel();
    ch.on('error', () => {});
    const name = await queue(ch);
    await ch.consume(name, () => {}, { consumerTag: 'twice' });
    await failure(ch.consume(name, () => {}, { consumerTag: 'twice' }));
    const error = await closed;
    assert.strictEqual(error.code, 530);
    assert.ok(error.message.includes("attempt to reuse consumer tag 'twice'"), error.message);
}

const checks = [
    ['capabilities of the server', connectionFacts],
    ['a wrong password is refused', wrongPassword],
    ['an unknown vhost is refused', unknownVhost],
    ['a wrong protocol header is answered with ours', wrongHeader],
    ['heartbeats keep an idle connection', heartbeats],
    ['100 channels open and close', manyChannels],
    ['frame-max 8192 splits a body', tinyFrames],
    ['confirms of 200 persistent and transient messages', confirms],
    ['mandatory: return comes before its confirm', mandatoryReturn],
    ['all properties and header types come back', properties],
    ['an empty body and one of 3 MiB', emptyAndLarge],
    ['direct exchange, unbind', directExchange],
    ['fanout exchange', fanoutExchange],
    ['topic exchange: words, * and #', topicExchange],
    ['headers exchange: all, any, no arguments, types', headersExchange],
    ['exchange to exchange', exchangeToExchange],
    ['alternate exchange, and only then a return', alternateExchange],
    ['x-consistent-hash, x-modulus-hash, x-random: one of the queues', oneOfManyQueues],
    ['x-delayed-message: x-delay', delayedExchange],
    ['predeclared exchanges', predeclared],
    ['two matching bindings give one copy', oneCopyPerQueue],
    ['consume 500 in order, ack all', consumeInOrder],
    ['two consumers take turns', roundRobin],
    ['qos per consumer, ack multiple', prefetch],
    ['qos of the channel', globalPrefetch],
    ['nack requeues in the original order, redelivered', requeueOrder],
    ['nack multiple; nack without requeue', nackMultiple],
    ['reject drops or requeues', rejectDrops],
    ['closing a channel requeues its unacked in order', closeRequeues],
    ['recover requeues', recover],
    ['get tells what is left', getCounts],
    ['cancel stops deliveries', cancelStops],
    ['deleting a queue cancels its consumer', cancelNotify],
    ['purge and delete tell counts, delete of nothing is fine', purgeAndDelete],
    ['delete if-empty, if-unused', deleteConditions],
    ['a server-named queue', serverNamed],
    ['an exclusive queue is locked and goes with its connection', exclusiveQueue],
    ['an auto-delete queue goes with its last consumer', autoDelete],
    ['an exclusive consumer', exclusiveConsumer],
    ['x-expires: an unused queue goes', queueExpires],
    ['a single active consumer, and the next', singleActive],
    ['direct reply-to: two requesters, one server', directReplyTo],
    ['direct reply-to: 406 when it is misused', directReplyToMisused],
    ['direct reply-to: kafkajs answers', answerFromKafka],
    ['404 with texts', notFound],
    ['publish to a missing exchange: 404', publishToMissing],
    ['406 for another declaration', inequivalent],
    ['403 for reserved names and the default exchange', reservedNames],
    ['406 for an unknown delivery tag', unknownTag],
    ['a channel error spares other channels', channelErrorSparesOthers],
    ['530 for a consumer tag used twice', consumerTagTwice],
];

suite('amqplib', {
    async open(broker) {
        const at = broker.at('amqp');
        const connection = await amqp.connect(`amqp://${at}`);
        connection.on('error', () => {});
        return { at, connection, kafka: broker.at('kafka') };
    },
    async close(c) {
        await c.connection.close();
    },
    checks,
});
