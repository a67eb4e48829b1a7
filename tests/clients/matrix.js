'use strict';
/*
 * matrix.js - published here, received there: four doors, each with its own unmodified client (Kafka with two), so 16
 * cells; three passes over all of them.
 *
 *   live           a few messages that differ in body, key and headers; compared field by field.
 *   after kill -9  the same, with the broker killed the moment the publish is acknowledged, and started again.
 *   in bulk        MATRIX_MESSAGES (10,000) a cell: none lost, none duplicated unflagged, order kept where promised.
 *
 * What counts as the same field: body = data; key = AMQP routing key = SQS MessageGroupId = Pub/Sub ordering key;
 * headers = attributes. Prints a table a pass; the last line is "matrix: 16/16 live, 16/16 after kill -9". With TAP=1
 * each cell is also a TAP line. Exit status 0 only if every cell of every pass is good.
 */
const { Broker, DOORS } = require('./broker');
const { WorkerPool } = require('./worker_pool');

const CLIENTS = { kafka: ['kafkajs', 'kcat'], amqp: ['amqplib'], sqs: ['sqs'], pubsub: ['pubsub'] };
const BULK = Number(process.env.MATRIX_MESSAGES || 10000);
const BULK_KEYS = 8;
const CELL_MS_MAX = 90000;
const BULK_MS_MAX = 300000;

/* The order each side promises; a cell promises the weaker one. SQS standard queues promise none to their receivers. */
const PUBLISHES_IN_ORDER = { kafka: 'all', amqp: 'all', sqs: 'all', pubsub: 'by key' };
const RECEIVES_IN_ORDER = { kafka: 'all', amqp: 'all', sqs: 'none', pubsub: 'by key' };

function samples(cell) {
    const headers = { source: cell, 'trace-id': '4bf92f3577b34da6', grüße: 'Straße' };
    return [
        { body: `first of ${cell}`, key: 'order-7', headers: { source: cell } },
        { body: '{"id": 7, "note": "Zeichen: äöü € 漢字 🐦"}', key: 'order-7', headers: { source: cell, kind: 'json' } },
        { body: 'x'.repeat(70000), key: 'order-8', headers: { source: cell, kind: 'long', empty: 'no' } },
        { body: ' leading and trailing space ', key: 'eu.orders.created', headers: { a: '1', b: '2', c: '3' } },
        { body: 'last', key: 'order-9', headers: { source: headers.source, 'trace-id': headers['trace-id'] } },
    ];
}

function bulk(cell) {
    return Array.from({ length: BULK }, (_, i) => ({
        body: `${i} of ${cell}`, key: `key-${i % BULK_KEYS}`, headers: { source: cell },
    }));
}

/** A message as one comparable string: headers sorted, nothing else added. */
function canonical({ body, key, headers }) {
    return JSON.stringify([body, key, Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function shorten(text) {
    return text.length > 160 ? `${text.slice(0, 160)}... (${text.length})` : text;
}

/** Messages that came again without saying so. */
function unflaggedCopies(got) {
    const seen = new Set();
    return got.filter((m) => {
        const isCopy = seen.has(canonical(m));
        seen.add(canonical(m));
        return isCopy && !m.isRepeated;
    });
}

function checkContent(sent, got) {
    const have = new Set(got.map(canonical));
    const wanted = new Set(sent.map(canonical));
    const lost = sent.filter((m) => !have.has(canonical(m)));
    const strange = got.filter((m) => !wanted.has(canonical(m)));
    if (lost.length > 0) {
        const instead = strange.length > 0 ? `; instead came ${shorten(canonical(strange[0]))}` : '';
        throw new Error(`${lost.length} of ${sent.length} lost, first ${shorten(canonical(lost[0]))}${instead}`);
    }
    const copies = unflaggedCopies(got);
    if (copies.length > 0) {
        throw new Error(`${copies.length} duplicated unflagged, first ${shorten(canonical(copies[0]))}`);
    }
}

function promisedOrder(from, to) {
    const promise = RECEIVES_IN_ORDER[to];
    return promise === 'all' ? PUBLISHES_IN_ORDER[from] : promise;
}

/** Flagged repeats may come late; the first deliveries must be in the order of the publish. */
function checkOrder(sent, got, promise) {
    const place = new Map(sent.map((m, i) => [canonical(m), i]));
    const last = new Map();
    for (const m of promise === 'none' ? [] : got.filter((one) => !one.isRepeated)) {
        const lane = promise === 'by key' ? m.key : '';
        const at = place.get(canonical(m));
        if (last.has(lane) && at < last.get(lane)) {
            throw new Error(`message ${at} came after ${last.get(lane)}${lane && ` within key ${lane}`}`);
        }
        last.set(lane, at);
    }
}

class Matrix {
    constructor(broker, pool) {
        this.broker = broker;
        this.pool = pool;
        this.tapCount = 0;
    }

    call(client, op, name, rest, msMax) {
        const { door } = require(`./adapters/${client}`);
        return this.pool.call(client, op, [this.broker.at(door), name, ...rest], msMax);
    }

    /** One publisher, one door that receives with all its clients. */
    async exchange(pass, publisher, receiver, name) {
        const { door: from } = require(`./adapters/${publisher}`);
        const isBulk = pass === 'in bulk';
        const msMax = isBulk ? BULK_MS_MAX : CELL_MS_MAX;
        const sent = isBulk ? bulk(name) : samples(name);
        const receivers = isBulk ? CLIENTS[receiver].slice(0, 1) : CLIENTS[receiver];

        /* Only a Pub/Sub subscription has to be there first; the others may come after the publish, and do here. */
        if (receiver === 'pubsub' || pass === 'live') {
            await this.call(receivers[0], 'prepare', name, [], CELL_MS_MAX);
        }
        await this.call(publisher, 'publish', name, [sent], msMax);
        if (pass === 'after kill -9') {
            await this.broker.kill9();
            await this.broker.start();
        }
        for (const client of receivers) {
            const got = await this.call(client, 'receive', name, [sent.length], msMax);
            checkContent(sent, got);
            checkOrder(sent, got, promisedOrder(from, receiver));
        }
    }

    async cell(pass, from, to) {
        const publishers = pass === 'in bulk' ? CLIENTS[from].slice(0, 1) : CLIENTS[from];
        for (const publisher of publishers) {
            const name = `orders-${publisher}-${to}-${pass.replace(/\W+/g, '-')}`;
            await this.exchange(pass, publisher, to, name);
        }
    }

    async pass(pass) {
        const rows = [];
        const failures = [];
        for (const from of DOORS) {
            const row = [];
            for (const to of DOORS) {
                const started = Date.now();
                let why = null;
                try {
                    await this.cell(pass, from, to);
                } catch (error) {
                    why = error.message.split('\n').slice(0, 3).join(' | ');
                    failures.push(`${from} -> ${to}: ${why}`);
                    await this.revive();
                }
                row.push(why ? 'FAILED' : this.note(pass, Date.now() - started));
                this.tap(`matrix ${pass}: ${from} -> ${to}`, why);
            }
            rows.push([from, row]);
        }
        print(pass, rows, failures);
        return DOORS.length ** 2 - failures.length;
    }

    note(pass, ms) {
        return pass === 'in bulk' ? `${(ms / 1000).toFixed(1)} s` : 'ok';
    }

    /** After a failed cell the broker may be down; the next cell deserves a fair start. */
    async revive() {
        if (!this.broker.isRunning) {
            await this.broker.start().catch(() => {});
        }
    }

    tap(name, why) {
        if (process.env.TAP) {
            this.tapCount += 1;
            process.stdout.write(`${why ? 'not ok' : 'ok'} ${this.tapCount} - ${name}\n`);
        }
    }
}

function print(pass, rows, failures) {
    const columns = (cells) => cells.map((c) => c.padEnd(8)).join('').trimEnd();
    const title = pass === 'in bulk' ? `in bulk, ${BULK} messages a cell` : pass;
    const lines = [`${title} (row published, column received)`, columns(['', ...DOORS])];
    for (const [from, row] of rows) {
        lines.push(columns([from, ...row]));
    }
    process.stdout.write(`\n${[...lines, ...failures].join('\n')}\n`);
}

async function main() {
    const broker = await Broker.create();
    const pool = new WorkerPool();
    const matrix = new Matrix(broker, pool);
    const total = DOORS.length ** 2;
    const good = {};
    let end = '';

    try {
        await broker.start();
        for (const pass of ['live', 'after kill -9', ...(BULK > 0 ? ['in bulk'] : [])]) {
            good[pass] = await matrix.pass(pass);
        }
        await broker.stop();
    } catch (error) {
        end = error.message;
        matrix.tap('matrix: broker starts and stops cleanly', end);
    }
    pool.close();
    await broker.dispose();
    const isGood = !end && Object.values(good).every((count) => count === total);
    process.stdout.write(`${end && `${end}\n`}\n`);
    const survived = good['after kill -9'] || 0;
    process.stdout.write(`matrix: ${good.live || 0}/${total} live, ${survived}/${total} after kill -9\n`,
        () => process.exit(isGood ? 0 : 1));
}

main();
