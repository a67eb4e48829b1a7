'use strict';
/*
 * amqplib: queue `name`; routing key = key, headers = headers. To give each message a routing key of its own it is
 * published to a topic exchange that is bound to the queue by "#".
 */
const amqp = require('amqplib');

async function withChannel(at, fn) {
    const connection = await amqp.connect(`amqp://${at}`);
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    const result = await fn(channel);
    await connection.close();
    return result;
}

async function prepare(at, name) {
    await withChannel(at, (channel) => channel.assertQueue(name, { durable: true }));
}

async function publish(at, name, messages, onDone) {
    const exchange = `${name}-by-key`;
    await withChannel(at, async (channel) => {
        await channel.assertQueue(name, { durable: true });
        await channel.assertExchange(exchange, 'topic', { durable: true });
        await channel.bindQueue(name, exchange, '#');
        for (const m of messages) {
            channel.publish(exchange, m.key, Buffer.from(m.body), { persistent: true, headers: m.headers });
        }
        await channel.waitForConfirms();
        onDone();
    });
}

async function receive(at, name, count, onMessage = () => {}) {
    return withChannel(at, async (channel) => {
        const got = [];
        await channel.assertQueue(name, { durable: true });
        await channel.prefetch(500);
        await new Promise((resolve, reject) => {
            channel.once('error', reject);
            channel.consume(name, (m) => {
                got.push({
                    body: m.content.toString(),
                    key: m.fields.routingKey,
                    headers: m.properties.headers,
                    isRepeated: m.fields.redelivered,
                });
                onMessage(got[got.length - 1]);
                channel.ack(m);
                if (got.length === count) {
                    resolve();
                }
            }).catch(reject);
        });
        await channel.close();
        return got;
    });
}

module.exports = { door: 'amqp', prepare, publish, receive };
