'use strict';
/*
 * try.js CLIENT - what make run invites to: the client publishes one message to "hello" and shows what is there for it.
 * Needs a broker on the default ports. CLIENT is kafkajs, amqplib, sqs or pubsub.
 */
const PORTS = { kafka: 9092, amqp: 5672, sqs: 9324, pubsub: 8085 };
const QUIET_MS = 1500;

const name = process.argv[2];
if (!['kafkajs', 'amqplib', 'sqs', 'pubsub'].includes(name)) {
    console.error('usage: tools/try kafkajs | amqplib | sqs | pubsub');
    process.exit(2);
}
process.removeAllListeners('warning');
process.on('warning', () => {});

async function main() {
    const client = require(`./adapters/${name}`);
    const at = `127.0.0.1:${PORTS[client.door]}`;
    const body = `hello from ${name} at ${new Date().toISOString()}`;
    const message = { body, key: 'greeting', headers: { by: name } };

    await client.prepare(at, 'hello');
    await client.publish(at, 'hello', [message], () => {});
    console.log(`${name} published to "hello": ${message.body}`);
    let shown = 0;
    const done = setInterval(() => {
        if (shown === 0) {
            console.log(`${name} received nothing yet`);
        }
        process.exit(0);
    }, QUIET_MS);
    await client.receive(at, 'hello', Infinity, (m) => {
        shown += 1;
        done.refresh();
        console.log(`${name} received: ${m.body}   key ${m.key}, headers ${JSON.stringify(m.headers)}`);
    });
}

main().catch((error) => {
    console.error(`${name}: ${error.message}`);
    process.exit(1);
});
