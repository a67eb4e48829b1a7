'use strict';
/*
 * security.test.js - who may come in: TLS, users, logins, with kafkajs, kcat and amqplib. Users are made with
 * `myna add_user` while the broker runs. Output is TAP.
 */
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const amqp = require('amqplib');
const assert = require('assert');
const crypto = require('crypto');
const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, ResourcePatternTypes, logLevel } =
    require('kafkajs');
const path = require('path');
const tls = require('tls');
const { BINARY, Broker, freePorts } = require('./broker');
const { Results, failure, until } = require('./suite');

const results = new Results();
const BODY_BYTES = 900000;

let broker;
let ports;
let pem;

/* ---- certificates and users ---- */

function openssl(...args) {
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8', cwd: broker.folder });
    assert.strictEqual(status, 0, stderr);
}

/** name.crt and name.key, signed by itself, or by `by`. */
function certificate(name, subject, by) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
    if (by) {
        openssl('req', ...key, '-out', `${name}.csr`, '-subj', subject);
        openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial',
            '-out', `${name}.crt`, '-days', '2');
    } else {
        openssl('req', '-x509', ...key, '-out', `${name}.crt`, '-days', '2', '-subj', subject,
            '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
    }
}

const file = (name) => path.join(broker.folder, name);
const read = (name) => fs.readFileSync(file(name));

function myna(verb, ...args) {
    const { status, stdout, stderr } = spawnSync(BINARY, [verb, '--data', broker.data, ...args],
        { encoding: 'utf8', input: 'from-stdin\n' });
    return { status, out: stdout, err: stderr };
}

function make(verb, ...args) {
    const { status, err } = myna(verb, ...args);
    assert.strictEqual(status, 0, err);
}

const signers = [
    ['RS256', crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES256', crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })],
];

function token([alg, { privateKey, kid }], claims) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1000) + 60;
    const said = { sub: 'clara', iss: 'https://login.example', aud: 'broker', exp, ...claims };
    const text = `${part({ alg, kid })}.${part(said)}`;
    const signature = crypto.sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
}

/** The broker's file of keys, changed in one step. */
function publish(pairs) {
    fs.writeFileSync(file('next.json'), JSON.stringify({
        keys: pairs.map(([, { publicKey, kid }]) => ({ ...publicKey.export({ format: 'jwk' }), kid })),
    }));
    fs.renameSync(file('next.json'), file('keys.json'));
}

/** Certificate and key are one file here, so that they change in one step. */
function install(name) {
    fs.writeFileSync(file('next.pem'), Buffer.concat([read(`${name}.crt`), read(`${name}.key`)]));
    fs.renameSync(file('next.pem'), file('installed.pem'));
}

async function start() {
    broker = await Broker.create();
    ports = (await freePorts(6)).slice(4);
    certificate('server', '/CN=localhost');
    certificate('other', '/CN=localhost');
    certificate('authority', '/CN=authority');
    certificate('orders', '/O=Shop/CN=orders', 'authority');
    pem = { ca: read('server.crt') };
    install('server');
    signers.forEach(([, pair], i) => { pair.kid = `key-${i}`; });
    publish(signers);
    await broker.start(['--tls-certificate', file('installed.pem'), '--tls-key', file('installed.pem'),
        '--tls-client-authorities', file('authority.crt'), '--kafka-sasl-required',
        '--oauth-keys', file('keys.json'), '--oauth-issuer', 'https://login.example', '--oauth-audience', 'broker',
        '--kafka-tls-port', String(ports[0]), '--amqp-tls-port', String(ports[1])]);
}

/* ---- clients ---- */

function kafka(at, sasl, ssl) {
    return new Kafka({ brokers: [at], sasl, ssl, logLevel: logLevel.NOTHING, retry: { retries: 0 } });
}

const sasl = (mechanism, username, password) => ({ mechanism, username, password });
const plainly = (mechanism, username, password) => kafka(broker.at('kafka'), sasl(mechanism, username, password));
const sealed = (ssl = pem) => kafka(`localhost:${ports[0]}`, undefined, ssl);

/** Messages there and back. */
async function roundTrip(client, topic, count, value) {
    const producer = client.producer();
    const consumer = client.consumer({ groupId: `${topic}-readers`, maxWaitTimeInMs: 100 });
    let got = 0;

    await producer.connect();
    for (let i = 0; i < count; i += 1) {
        await producer.send({ topic, messages: [{ value }] });
    }
    await producer.disconnect();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => { got += message.value.equals(value) ? 1 : 0; } });
    await until(() => got === count);
    await consumer.disconnect();
}

async function connects(client) {
    const admin = client.admin();
    try {
        await admin.connect();
        return await admin.listTopics();
    } finally {
        await admin.disconnect();
    }
}

/** { status, out } of kcat. */
function kcat(args, input = '') {
    return new Promise((resolve) => {
        const child = spawn('kcat', args);
        let out = '';
        child.stdout.on('data', (chunk) => { out += chunk; });
        child.on('close', (status) => resolve({ status, out }));
        child.stdin.end(input);
    });
}

async function kcatRoundTrip(at, topic, options) {
    const flags = ['-b', at, '-t', topic, '-m', '10', ...options.flatMap((option) => ['-X', option])];
    assert.strictEqual((await kcat(['-P', ...flags], 'one\ntwo\n')).status, 0);
    assert.strictEqual((await kcat(['-C', '-e', '-q', ...flags])).out, 'one\ntwo\n');
}

const amqps = (options) => amqp.connect(`amqps://localhost:${ports[1]}`, options);

async function amqpRoundTrip(connection, queue) {
    const channel = await connection.createConfirmChannel();
    const body = Buffer.alloc(BODY_BYTES, 'b');
    await channel.assertQueue(queue);
    channel.sendToQueue(queue, body, { persistent: true });
    await channel.waitForConfirms();
    assert.ok((await channel.get(queue, { noAck: true })).content.equals(body));
    await connection.close();
}

/* ---- checks ---- */

async function bothDoorsOverTls() {
    await roundTrip(sealed(), 'sealed', 10, Buffer.alloc(BODY_BYTES, 'k'));
    await amqpRoundTrip(await amqps(pem), 'sealed-queue');
    await kcatRoundTrip(`localhost:${ports[0]}`, 'sealed-kcat',
        ['security.protocol=ssl', `ssl.ca.location=${file('server.crt')}`]);
}

async function strangersOverTls() {
    await failure(connects(sealed({ ca: read('other.crt') })));
    await failure(connects(kafka(`localhost:${ports[0]}`)));
    await failure(amqps({ ca: read('other.crt') }));
    await failure(amqp.connect(`amqp://localhost:${ports[1]}`));
    await failure(connects(sealed({ ...pem, cert: read('other.crt'), key: read('other.key') })));
    await connects(sealed());
}

function presented() {
    return new Promise((resolve, reject) => {
        const socket = tls.connect({ port: ports[0], host: 'localhost', rejectUnauthorized: false }, () => {
            resolve(socket.getPeerX509Certificate().fingerprint256);
            socket.destroy();
        });
        socket.once('error', reject);
    });
}

async function newFiles() {
    const before = await presented();
    install('other');
    broker.child.kill('SIGHUP');
    await until(async () => await presented() !== before);
    install('server');
    await until(async () => await presented() === before);
}

async function usersByCommand() {
    assert.strictEqual(myna('list_users').out, 'user\ttags\nguest\t[administrator]\n');
    make('add_user', 'anna', 'secret');
    make('add_user', 'bert');
    make('set_user_tags', 'anna', 'administrator', 'monitoring');
    assert.match(myna('add_user', 'anna', 'again').err, /^myna: it exists already\n$/);
    assert.match(myna('delete_user', 'nobody').err, /^myna: no such user\n$/);
    assert.strictEqual(myna('add_user').status, 2);
    assert.strictEqual(myna('list_users').out,
        'user\ttags\nanna\t[administrator,monitoring]\nbert\t[]\nguest\t[administrator]\n');
    const nobody = spawnSync(BINARY, ['list_users', '--data', file('nowhere')], { encoding: 'utf8' });
    assert.strictEqual(nobody.status, 1);
    assert.match(nobody.stderr, /^myna: no broker answers on the data directory [^\n]*\n$/);
}

async function kafkaLogins() {
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
        await roundTrip(plainly(mechanism, 'anna', 'secret'), `by-${mechanism}`, 3, Buffer.from(mechanism));
        await connects(plainly(mechanism, 'bert', 'from-stdin'));
        const wrong = await failure(connects(plainly(mechanism, 'anna', 'wrong')));
        assert.match(String(wrong), /uthentication failed/);
        await failure(connects(plainly(mechanism, 'nobody', 'secret')));
    }
    await connects(plainly('plain', 'guest', 'guest'));
    await failure(connects(kafka(broker.at('kafka'))));
}

async function tokens() {
    const bearer = (value) => kafka(broker.at('kafka'),
        { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) });
    for (const signer of signers) {
        await roundTrip(bearer(token(signer)), `by-token-${signer[0]}`, 3, Buffer.from(signer[0]));
    }
    const [rsa] = signers;
    const stranger = ['RS256', crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })];
    for (const bad of [token(rsa, { exp: 1 }), token(rsa, { aud: 'others' }), token(rsa, { iss: 'me' }),
        token(rsa, { sub: undefined }), token(stranger), 'a.b.c']) {
        await failure(connects(bearer(bad)));
    }
}

async function newKeys() {
    const bearer = (value) => kafka(broker.at('kafka'),
        { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) });
    const isGood = (signer) => connects(bearer(token(signer))).then(() => true, () => false);
    const [rsa, ec] = signers;

    publish([ec]);
    broker.child.kill('SIGHUP');
    await until(async () => !await isGood(rsa));
    assert.ok(await isGood(ec));
    publish(signers);
    await until(() => isGood(rsa));
}

async function kcatLogins() {
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
        await kcatRoundTrip(broker.at('kafka'), `kcat-${mechanism}`, ['security.protocol=sasl_plaintext',
            `sasl.mechanism=${mechanism}`, 'sasl.username=anna', 'sasl.password=secret']);
    }
    await kcatRoundTrip(`localhost:${ports[0]}`, 'kcat-sealed-login', ['security.protocol=sasl_ssl',
        `ssl.ca.location=${file('server.crt')}`, 'sasl.mechanism=SCRAM-SHA-512', 'sasl.username=anna',
        'sasl.password=secret']);
}

async function amqpLogins() {
    const at = broker.at('amqp');
    await amqpRoundTrip(await amqp.connect(`amqp://anna:secret@${at}`), 'of-anna');
    await amqpRoundTrip(await amqp.connect(`amqp://guest:guest@${at}`), 'of-guest');
    for (const who of ['anna:wrong', 'nobody:secret', 'guest:']) {
        assert.match(String(await failure(amqp.connect(`amqp://${who}@${at}`))), /ACCESS_REFUSED/);
    }
}

async function amqpCertificates() {
    const shown = { ...pem, cert: read('orders.crt'), key: read('orders.key'),
        credentials: amqp.credentials.external() };
    assert.match(String(await failure(amqps(shown))), /ACCESS_REFUSED/);
    make('add_user', 'CN=orders,O=Shop', 'of no use');
    await amqpRoundTrip(await amqps(shown), 'of-orders');
}

async function userIds() {
    const connection = await amqp.connect(`amqp://anna:secret@${broker.at('amqp')}`);
    const channel = await connection.createConfirmChannel();
    connection.on('error', () => {});
    await channel.assertQueue('ids');
    channel.sendToQueue('ids', Buffer.from('mine'), { userId: 'anna' });
    await channel.waitForConfirms();
    const closed = new Promise((resolve) => { channel.on('error', resolve); });
    channel.sendToQueue('ids', Buffer.from('not mine'), { userId: 'bert' });
    assert.match(String(await closed), /user_id property set to 'bert' but authenticated user was 'anna'/);
    await connection.close();
}

async function changesOfUsers() {
    make('change_password', 'bert', 'new');
    await failure(connects(plainly('scram-sha-256', 'bert', 'from-stdin')));
    await connects(plainly('scram-sha-256', 'bert', 'new'));
    make('delete_user', 'bert');
    await failure(connects(plainly('plain', 'bert', 'new')));
    make('delete_user', 'guest');
    await failure(amqp.connect(`amqp://guest:guest@${broker.at('amqp')}`));
}

async function usersSurvive() {
    await broker.kill9();
    await broker.start(['--kafka-sasl-required', '--kafka-acls', '--kafka-super-users', 'User:sue']);
    await connects(plainly('scram-sha-512', 'anna', 'secret'));
    await failure(connects(plainly('plain', 'guest', 'guest')));
    assert.strictEqual(myna('list_users').out, 'user\ttags\nCN=orders,O=Shop\t[]\nanna\t[administrator,monitoring]\n');
}

/* ---- ACLs ---- */

const acl = (principal, resourceName, operation, more = {}) => ({
    resourceType: AclResourceTypes.TOPIC,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${principal}`,
    host: '*',
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
    ...more,
});
const ofGroup = { resourceType: AclResourceTypes.GROUP };
const byPrefix = { resourcePatternType: ResourcePatternTypes.PREFIXED };
const as = (who) => plainly('scram-sha-256', who, 'secret');

async function withAdmin(who, fn) {
    const admin = as(who).admin();
    await admin.connect();
    try {
        return await fn(admin);
    } finally {
        await admin.disconnect();
    }
}

async function produce(who, topic) {
    const producer = as(who).producer();
    await producer.connect();
    try {
        await producer.send({ topic, messages: [{ value: 'v' }] });
    } finally {
        await producer.disconnect();
    }
}

async function refused(what, promise) {
    assert.match(String(await failure(promise)), new RegExp(`${what} authorization failed`));
}

async function rightsOfUsers() {
    for (const who of ['sue', 'carl', 'dora']) {
        make('add_user', who, 'secret');
    }
    await withAdmin('sue', (admin) => admin.createTopics({ topics: [{ topic: 'orders' }, { topic: 'secret' }] }));
    assert.deepStrictEqual(await withAdmin('carl', (admin) => admin.listTopics()), []);
    for (const topic of ['orders', 'missing']) {
        await refused('Topic', produce('carl', topic));
        await refused('Topic', withAdmin('carl', (admin) => admin.fetchTopicOffsets(topic)));
    }
    await refused('Cluster', withAdmin('carl', (admin) => admin.createAcls({ acl: [acl('carl', '*', 'ALL')] })));
    await withAdmin('sue', (admin) => admin.createAcls({ acl: [
        acl('carl', 'ord', 'WRITE', byPrefix), acl('carl', 'orders', 'READ'), acl('carl', 'readers-', 'READ',
            { ...ofGroup, ...byPrefix }), acl('*', 'secret', 'READ', { permissionType: AclPermissionTypes.DENY })] }));
    assert.deepStrictEqual(await withAdmin('carl', (admin) => admin.listTopics()), ['orders']);
    await produce('carl', 'orders');
    await refused('Topic', produce('dora', 'orders'));
}

async function rightsOfReaders() {
    const consumer = (groupId) => as('carl').consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 0 } });
    const stranger = consumer('others');
    const reader = consumer('readers-1');
    let got = 0;

    await stranger.connect();
    await stranger.subscribe({ topics: ['orders'] });
    const crash = new Promise((resolve, reject) => {
        stranger.on(stranger.events.CRASH, ({ payload }) => reject(payload.error));
    });
    await stranger.run({ eachMessage: async () => {} });
    assert.match(String(await failure(crash)), /GroupCoordinatorNotFound/); /* who may not describe it finds none */
    await stranger.disconnect();
    await reader.connect();
    await reader.subscribe({ topics: ['orders'], fromBeginning: true });
    await reader.run({ eachMessage: async () => { got += 1; } });
    await until(() => got === 1);
    await reader.disconnect();
    assert.strictEqual((await withAdmin('dora', (admin) => admin.listGroups())).groups.length, 0);
    assert.deepStrictEqual((await withAdmin('carl', (admin) => admin.listGroups())).groups
        .map(({ groupId }) => groupId), ['readers-1']);
}

async function rightsGoAndStay() {
    const all = { resourceType: AclResourceTypes.TOPIC, resourceName: 'orders',
        resourcePatternType: ResourcePatternTypes.MATCH, operation: AclOperationTypes.ANY,
        permissionType: AclPermissionTypes.ANY };
    await broker.kill9();
    await broker.start(['--kafka-sasl-required', '--kafka-acls', '--kafka-super-users', 'User:sue']);
    await produce('carl', 'orders');
    const { resources } = await withAdmin('sue', (admin) => admin.describeAcls(all));
    assert.deepStrictEqual(resources.map(({ resourceName, acls }) => [resourceName, acls.length]),
        [['ord', 1], ['orders', 1]]);
    const { filterResponses } = await withAdmin('sue', (admin) => admin.deleteAcls({ filters: [all] }));
    assert.strictEqual(filterResponses[0].matchingAcls.length, 2);
    await refused('Topic', produce('carl', 'orders'));
    assert.deepStrictEqual(await withAdmin('carl', (admin) => admin.listTopics()), []);
}

async function main() {
    process.on('unhandledRejection', () => { results.failed += 1; });
    await results.check('security: broker starts with TLS and users', start);
    await results.check('security: Kafka and RabbitMQ clients over TLS', bothDoorsOverTls);
    await results.check('security: wrong certificates and plain bytes are refused', strangersOverTls);
    await results.check('security: new certificates after SIGHUP, and by themselves', newFiles);
    await results.check('security: users are made by command', usersByCommand);
    await results.check('security: kafkajs logs in by PLAIN and SCRAM', kafkaLogins);
    await results.check('security: kafkajs logs in by signed tokens', tokens);
    await results.check('security: new keys of tokens after SIGHUP, and by themselves', newKeys);
    await results.check('security: kcat logs in by PLAIN and SCRAM, also over TLS', kcatLogins);
    await results.check('security: amqplib logs in as any user', amqpLogins);
    await results.check('security: a certificate is a login (EXTERNAL)', amqpCertificates);
    await results.check('security: the user-id of a message is checked', userIds);
    await results.check('security: passwords change, users go', changesOfUsers);
    await results.check('security: users survive kill -9', usersSurvive);
    await results.check('security: kafkajs may do what ACLs allow', rightsOfUsers);
    await results.check('security: groups are of whom ACLs say', rightsOfReaders);
    await results.check('security: ACLs survive kill -9 and are deleted', rightsGoAndStay);
    await results.check('security: broker stops cleanly', () => broker.stop());
    await broker.dispose();
    results.end();
}

main();
