'use strict';
/*
 * tools.js - Apache Kafka's own command-line tools against the Kafka door, each looked at by what it prints.
 *
 *     tools.js VERSION CLASSPATH [PART OF A NAME]
 */
const assert = require('assert');
const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const { suite } = require('../suite');

const [version, classpath] = process.argv.splice(2, 2);
const SUITE = `kafka-tools-${version.split('.').slice(0, 2).join('.')}`;
const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-cp', classpath];
const TOOLS = 'org.apache.kafka.tools';
const CLASSES = { /* command without "kafka-" and ".sh": its class */
    acls: 'AclCommand',
    'broker-api-versions': 'BrokerApiVersionsCommand',
    'client-metrics': 'ClientMetricsCommand',
    cluster: 'ClusterTool',
    configs: 'kafka.admin.ConfigCommand',
    'console-consumer': 'consumer.ConsoleConsumer',
    'console-producer': 'ConsoleProducer',
    'console-share-consumer': 'consumer.ConsoleShareConsumer',
    'consumer-groups': 'consumer.group.ConsumerGroupCommand',
    'consumer-perf-test': 'ConsumerPerformance',
    'delete-records': 'DeleteRecordsCommand',
    features: 'FeatureCommand',
    'get-offsets': 'GetOffsetShell',
    groups: 'GroupsCommand',
    'leader-election': 'LeaderElectionCommand',
    'log-dirs': 'LogDirsCommand',
    'producer-perf-test': 'ProducerPerformance',
    'reassign-partitions': 'reassign.ReassignPartitionsCommand',
    'share-consumer-perf-test': 'ShareConsumerPerformance',
    'share-groups': 'consumer.group.ShareGroupCommand',
    topics: 'TopicCommand',
    transactions: 'TransactionsCommand',
    'verifiable-consumer': 'VerifiableConsumer',
    'verifiable-producer': 'VerifiableProducer',
    'verifiable-share-consumer': 'VerifiableShareConsumer',
};
const CLASSES_OF_3_9 = { /* these were Scala still */
    acls: 'kafka.admin.AclCommand',
    'broker-api-versions': 'kafka.admin.BrokerApiVersionsCommand',
    'console-producer': 'kafka.tools.ConsoleProducer',
};
const TOOL_MS_MAX = 60000; /* only against what hangs */

const [major, minor] = version.split('.').map(Number);

function isSince(wantedMajor, wantedMinor) {
    return major * 1000 + minor >= wantedMajor * 1000 + wantedMinor;
}

function classOf(tool) {
    const found = (!isSince(4, 0) && CLASSES_OF_3_9[tool]) || CLASSES[tool];
    return found.startsWith('kafka.') ? found : `${TOOLS}.${found}`;
}

class Context {
    constructor(broker) {
        this.broker = broker;
        this.at = broker.at('kafka');
        this.folder = fs.mkdtempSync(path.join(broker.folder || '/tmp', 'tools-'));
        this.topics = 0;
    }

    topic(what = 'topic') {
        this.topics += 1;
        return `${what}-${this.topics}`;
    }

    file(name, text) {
        const at = path.join(this.folder, name);
        fs.writeFileSync(at, text);
        return at;
    }

    /** What a tool writes to stdout. It must end with status 0, unless "until" says what ends it. */
    run(tool, args, { input = '', status = 0, until = null } = {}) {
        return new Promise((resolve, reject) => {
            const child = spawn('java', [...JAVA, classOf(tool), ...args], { stdio: 'pipe' });
            const timer = setTimeout(() => child.kill('SIGKILL'), TOOL_MS_MAX);
            let out = '';
            let err = '';
            child.stdout.on('data', (chunk) => {
                out += chunk;
                if (until && until.test(out)) {
                    child.kill();
                }
            });
            child.stderr.on('data', (chunk) => { err += chunk; });
            child.stdin.on('error', () => {});
            child.stdin.end(input);
            child.once('error', reject);
            child.once('close', (code) => {
                clearTimeout(timer);
                if (until ? until.test(out) : code === status) {
                    resolve(out);
                } else {
                    reject(new Error(`${tool} ended with ${code}: ${out.slice(-1500)} ${err.slice(-3000)}`));
                }
            });
        });
    }

    /** The same with the broker's address. */
    ask(tool, args, more) {
        return this.run(tool, ['--bootstrap-server', this.at, ...args], more);
    }

    async create(partitions = 1, ...configs) {
        const topic = this.topic();
        const out = await this.ask('topics', ['--create', '--topic', topic, '--partitions', String(partitions),
            ...configs.flatMap((c) => ['--config', c])]);
        assert.match(out, new RegExp(`^Created topic ${topic}\\.$`, 'm'));
        return topic;
    }

    produce(topic, lines, ...args) {
        return this.ask('console-producer', ['--topic', topic, ...args], { input: `${lines.join('\n')}\n` });
    }

    async consume(topic, count, ...args) {
        const out = await this.ask('console-consumer', ['--topic', topic, '--from-beginning',
            '--max-messages', String(count), ...args]);
        return out.trimEnd().split('\n');
    }
}

async function topics(c) {
    const topic = await c.create(3, 'retention.ms=60000');
    const shown = await c.ask('topics', ['--describe', '--topic', topic]);
    assert.match(shown, new RegExp(`^Topic: ${topic}\tTopicId: [\\w-]{22}\tPartitionCount: 3\tReplicationFactor: 1\t`
        + 'Configs: retention.ms=60000$', 'm'));
    assert.strictEqual(shown.match(/Leader: 1\tReplicas: 1\tIsr: 1/g).length, 3);
    await c.ask('topics', ['--alter', '--topic', topic, '--partitions', '5']);
    assert.match(await c.ask('topics', ['--describe', '--topic', topic]), /PartitionCount: 5\t/);
    assert.match(await c.ask('topics', ['--list']), new RegExp(`^${topic}$`, 'm'));
    assert.match(await c.ask('topics', ['--create', '--topic', topic], { status: 1 }), /already exists/);
    assert.strictEqual(await c.ask('topics', ['--describe', '--unavailable-partitions']), '');
    await c.ask('topics', ['--delete', '--topic', topic]);
    assert.doesNotMatch(await c.ask('topics', ['--list']), new RegExp(`^${topic}$`, 'm'));
}

async function topicConfigs(c) {
    const topic = await c.create();
    const of = ['--entity-type', 'topics', '--entity-name', topic];
    assert.match(await c.ask('configs', ['--alter', ...of, '--add-config',
        'retention.bytes=1000,cleanup.policy=[compact,delete]']), /^Completed updating config for topic/m);
    const changed = await c.ask('configs', ['--describe', ...of]);
    assert.match(changed, /^ {2}retention\.bytes=1000 .*synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.bytes=1000/m);
    assert.match(changed, /^ {2}cleanup\.policy=compact,delete /m);
    await c.ask('configs', ['--alter', ...of, '--delete-config', 'retention.bytes']);
    assert.doesNotMatch(await c.ask('configs', ['--describe', ...of]), /retention\.bytes/);
    const all = await c.ask('configs', ['--describe', ...of, '--all']);
    assert.match(all, /^ {2}retention\.ms=604800000 sensitive=false synonyms=\{DEFAULT_CONFIG:log\.retention\.ms/m);
    await assert.rejects(c.ask('configs', ['--alter', ...of, '--add-config', 'retention.ms=soon']), /InvalidConfig/);
}

async function brokerConfigs(c) {
    const shown = await c.ask('configs', ['--describe', '--entity-type', 'brokers', '--entity-name', '1', '--all']);
    assert.match(shown, /^ {2}auto\.create\.topics\.enable=true /m);
    assert.match(shown, new RegExp(`^  advertised.listeners=PLAINTEXT://${c.at} `, 'm'));
    assert.match(await c.ask('configs', ['--describe', '--entity-type', 'brokers']),
        /^Dynamic configs for broker 1 are/m);
}

async function users(c) {
    const of = ['--entity-type', 'users', '--entity-name', 'anna'];
    await c.ask('configs', ['--alter', ...of, '--add-config', 'SCRAM-SHA-256=[iterations=8192,password=secret]']);
    assert.match(await c.ask('configs', ['--describe', ...of]),
        /^SCRAM credential configs for user-principal 'anna' are SCRAM-SHA-256=iterations=8192$/m);
    await c.ask('configs', ['--alter', ...of, '--delete-config', 'SCRAM-SHA-256']);
    assert.doesNotMatch(await c.ask('configs', ['--describe', ...of]), /SCRAM-SHA-256/);
}

async function quotas(c) {
    const of = ['--entity-type', 'clients', '--entity-name', 'slow'];
    await c.ask('configs', ['--alter', ...of, '--add-config', 'producer_byte_rate=1000000']);
    assert.match(await c.ask('configs', ['--describe', ...of]),
        /^Quota configs for client-id 'slow' are producer_byte_rate=1000000\.0$/m);
    await c.ask('configs', ['--alter', ...of, '--delete-config', 'producer_byte_rate']);
    assert.doesNotMatch(await c.ask('configs', ['--describe', ...of]), /producer_byte_rate/);
}

async function restart(c, extra) {
    await c.broker.stop();
    await c.broker.start(extra);
}

async function acls(c) {
    const topic = await c.create();
    await restart(c, ['--kafka-acls', '--kafka-super-users', 'User:ANONYMOUS']);
    const rule = ['--allow-principal', 'User:anna', '--operation', 'Read', '--topic', topic];
    assert.match(await c.ask('acls', ['--add', ...rule]), new RegExp(`resourceType=TOPIC, name=${topic}`));
    assert.match(await c.ask('acls', ['--list']), new RegExp(`name=${topic}, patternType=LITERAL[^]*`
        + 'principal=User:anna, host=\\*, operation=READ, permissionType=ALLOW'));
    await c.ask('acls', ['--remove', '--force', ...rule]);
    assert.doesNotMatch(await c.ask('acls', ['--list']), new RegExp(topic));
    await restart(c, []);
}

async function console_(c) {
    const topic = c.topic();
    const lines = [1, 2, 3].map((n) => `a:1,b:2\tkey${n}\tvalue${n}`);
    const [reader, formatter] = isSince(4, 2) ? ['--reader-property', '--formatter-property']
        : ['--property', '--property'];
    await c.produce(topic, lines, reader, 'parse.key=true', reader, 'parse.headers=true');
    const show = ['key', 'headers', 'offset', 'partition'].flatMap((what) => [formatter, `print.${what}=true`]);
    assert.deepStrictEqual(await c.consume(topic, 3, ...show),
        [0, 1, 2].map((n) => `Partition:0\tOffset:${n}\ta:1,b:2\tkey${n + 1}\tvalue${n + 1}`));
}

async function consoleCodecs(c) {
    const topic = c.topic();
    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
        await c.produce(topic, [`by ${codec}`, `more by ${codec}`], '--compression-codec', codec);
    }
    assert.strictEqual((await c.consume(topic, 8)).join(' '),
        'by gzip more by gzip by snappy more by snappy by lz4 more by lz4 by zstd more by zstd');
}

async function groups(c) {
    const topic = await c.create();
    const group = c.topic('group');
    await c.produce(topic, ['1', '2', '3', '4']);
    await c.consume(topic, 3, '--group', group);
    const ask = (...args) => c.ask('consumer-groups', args);
    assert.match(await ask('--list'), new RegExp(`^${group}$`, 'm'));
    assert.match(await ask('--list', '--state'), new RegExp(`^${group} +Empty *$`, 'm'));
    assert.match(await ask('--describe', '--group', group), new RegExp(`^${group} +${topic} +0 +3 +4 +1 +-`, 'm'));
    assert.match(await ask('--describe', '--group', group, '--state'), new RegExp(`^${group} .* Empty +0 *$`, 'm'));
    const reset = ['--reset-offsets', '--group', group, '--topic', topic];
    assert.match(await ask(...reset, '--to-earliest', '--execute'), new RegExp(`\\b${group} +${topic} +0 +0\\b`));
    assert.match(await ask(...reset, '--shift-by', '2', '--dry-run'), new RegExp(`\\b${group} +${topic} +0 +2\\b`));
    assert.match(await ask(...reset, '--to-datetime', '2999-01-01T00:00:00.000', '--dry-run'),
        new RegExp(`\\b${group} +${topic} +0 +4\\b`));
    assert.deepStrictEqual(await c.consume(topic, 4, '--group', group), ['1', '2', '3', '4']);
    assert.match(await ask('--delete-offsets', '--group', group, '--topic', topic),
        new RegExp(`\\b${topic} +0 +Successful`));
    await c.consume(topic, 4, '--group', group);
    assert.match(await ask('--delete', '--group', group), /was successful/);
    assert.doesNotMatch(await ask('--list'), new RegExp(`^${group}$`, 'm'));
}

async function groupMembers(c) {
    const topic = await c.create(2);
    const group = c.topic('group');
    await c.produce(topic, ['1']);
    const consumer = c.ask('console-consumer', ['--topic', topic, '--from-beginning', '--group', group,
        isSince(4, 2) ? '--command-property' : '--consumer-property', 'client.id=reader'], { until: /^end$/m });
    let shown = '';
    while (!/^\S+ +reader-\S+ +\/127\.0\.0\.1 +reader +2/m.test(shown)) {
        shown = await c.ask('consumer-groups', ['--describe', '--group', group, '--members', '--verbose'])
            .catch((error) => error.message); /* no such group yet */
    }
    assert.match(await c.ask('consumer-groups', ['--describe', '--group', group, '--state']),
        new RegExp(`^${group} .* range +Stable +1`, 'm'));
    await assert.doesNotReject(c.produce(topic, ['end']));
    await consumer;
}

async function allGroups(c) {
    const group = c.topic('group');
    const topic = await c.create();
    await c.produce(topic, ['1']);
    await c.consume(topic, 1, '--group', group);
    assert.match(await c.ask('groups', ['--list']), new RegExp(`^${group} +Classic +consumer *$`, 'm'));
}

async function offsets(c) {
    const topic = await c.create(2);
    await c.produce(topic, ['1', '2', '3']);
    const ask = async (time) => (await c.ask('get-offsets', ['--topic', topic, '--time', time])).trim().split('\n')
        .map((line) => Number(line.split(':')[2])).reduce((a, b) => a + b);
    assert.strictEqual(await ask('latest'), 3);
    assert.strictEqual(await ask('earliest'), 0);
    assert.strictEqual(await ask('earliest-local'), 0);
    assert.ok(await ask('max-timestamp') >= 0);
    assert.strictEqual(await ask('0'), 0);
}

async function deleteRecords(c) {
    const topic = await c.create();
    await c.produce(topic, ['1', '2', '3']);
    const text = JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: 2 }] });
    const file = c.file('delete.json', text);
    assert.match(await c.ask('delete-records', ['--offset-json-file', file]),
        new RegExp(`^partition: ${topic}-0\tlow_watermark: 2$`, 'm'));
    assert.deepStrictEqual(await c.consume(topic, 1), ['3']);
}

async function logDirs(c) {
    const topic = await c.create();
    await c.produce(topic, ['x'.repeat(5000)]);
    const out = await c.ask('log-dirs', ['--describe', '--topic-list', topic]);
    const { brokers: [{ broker, logDirs: [dir] }] } = JSON.parse(/^\{.*\}$/m.exec(out)[0]);
    assert.strictEqual(broker, 1);
    assert.strictEqual(dir.error, null);
    assert.strictEqual(dir.partitions[0].partition, `${topic}-0`);
    assert.ok(dir.partitions[0].size > 5000 && dir.partitions[0].offsetLag === 0);
}

async function elections(c) {
    const topic = await c.create();
    assert.match(await c.ask('leader-election', ['--election-type', 'preferred', '--topic', topic, '--partition', '0']),
        new RegExp(`^Valid replica already elected for partitions ${topic}-0$`, 'm'));
    await c.ask('leader-election', ['--election-type', 'preferred', '--all-topic-partitions']);
    assert.match(await c.ask('reassign-partitions', ['--list']), /^No partition reassignments found\.$/m);
}

async function cluster(c) {
    assert.match(await c.ask('features', ['describe']),
        /^Feature: transaction\.version\tSupportedMinVersion: 0\tSupportedMaxVersion: 2\tFinalizedVersionLevel: 2\t/m);
    assert.match(await c.run('cluster', ['cluster-id', '--bootstrap-server', c.at]), /^Cluster ID: [\w-]{22}$/m);
    const versions = await c.ask('broker-api-versions', []);
    assert.match(versions, new RegExp(`^${c.at} \\(id: 1 rack: null.*\\) -> \\($`, 'm'));
    assert.match(versions, /^\tProduce\(0\): 0 to 13 \[usable: \d+\],$/m);
    if (isSince(4, 0)) {
        assert.match(await c.run('cluster', ['list-endpoints', '--bootstrap-server', c.at]),
            new RegExp(`^1 +127.0.0.1 +${c.at.split(':')[1]} `, 'm'));
    }
}

async function transactions(c) {
    const topic = await c.create();
    await c.run('producer-perf-test', ['--topic', topic, '--num-records', '500', '--record-size', '100',
        '--throughput', '-1', '--transactional-id', 'perf', '--transaction-duration-ms', '50',
        '--producer-props', `bootstrap.servers=${c.at}`]);
    assert.match(await c.ask('transactions', ['list']), /^perf\S* *\t1 *\t\d+ *\tCompleteCommit *\t?$/m);
    const id = /^(perf\S*)/m.exec(await c.ask('transactions', ['list']))[1];
    assert.match(await c.ask('transactions', ['describe', '--transactional-id', id]), /\tCompleteCommit *\t/);
    assert.match(await c.ask('transactions', ['describe-producers', '--topic', topic, '--partition', '0']),
        /^\d+ *\t\d+ *\t-?\d+ *\t-?\d+ *\t\d+ *\tNone *\t?$/m);
    assert.match(await c.ask('transactions', ['find-hanging', '--broker-id', '1']), /^Topic *\tPartition/m);
}

async function perf(c) {
    const topic = await c.create(3);
    assert.match(await c.run('producer-perf-test', ['--topic', topic, '--num-records', '20000', '--record-size', '100',
        '--throughput', '-1', '--producer-props', `bootstrap.servers=${c.at}`, 'acks=all', 'compression.type=lz4']),
    /^20000 records sent, [\d.]+ records\/sec/m);
    const out = await c.ask('consumer-perf-test', ['--topic', topic, '--messages', '20000']);
    const [, found] = out.trim().split('\n').slice(-2);
    assert.strictEqual(found.split(', ')[4], '20000');
}

async function verifiable(c) {
    const topic = await c.create();
    const told = await c.ask('verifiable-producer', ['--topic', topic, '--max-messages', '200', '--acks', '-1']);
    assert.strictEqual(told.match(/"producer_send_success"/g).length, 200);
    assert.match(told, /"name":"tool_data","sent":200,"acked":200,/);
    const got = await c.ask('verifiable-consumer', ['--topic', topic, '--group-id', c.topic('group'), '--verbose',
        '--reset-policy', 'earliest', '--max-messages', '200'], { until: /"offsets_committed".*"offset":200/ });
    assert.deepStrictEqual([...got.matchAll(/"record_data".*"value":"(\d+)"/g)].map((m) => Number(m[1])),
        Array.from({ length: 200 }, (_, n) => n));
    assert.doesNotMatch(got, /"success":false/);
}

/* The tools of share groups print no more than numbers of what they took. */
async function shares(c) {
    const topic = await c.create(2);
    const group = c.topic('share');
    await c.ask('configs', ['--alter', '--entity-type', 'groups', '--entity-name', group,
        '--add-config', 'share.auto.offset.reset=earliest']);
    await c.produce(topic, ['a', 'b', 'c']);
    assert.match(await c.ask('console-share-consumer', ['--topic', topic, '--group', group, '--max-messages', '3']),
        /^[abc]\n[abc]\n[abc]\n$/);
    const shown = await c.ask('share-groups', ['--describe', '--group', group]);
    const starts = [...shown.matchAll(new RegExp(`^${group} +${topic} +[01] +(\\d+) +0 *$`, 'gm'))];
    assert.strictEqual(starts.reduce((sum, [, start]) => sum + Number(start), 0), 3);
    assert.match(await c.ask('share-groups', ['--list', '--state']), new RegExp(`^${group} +Empty *$`, 'm'));
    await c.ask('share-groups', ['--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute']);
    assert.match(await c.ask('share-groups', ['--describe', '--group', group]),
        new RegExp(`^${group} +${topic} +[01] +0 +[123] *$`, 'm'));
    assert.match(await c.ask('share-groups', ['--delete-offsets', '--group', group, '--topic', topic]),
        new RegExp(`^${topic} +Successful *$`, 'm'));
    assert.match(await c.ask('share-groups', ['--delete', '--group', group]), /was successful/);
    assert.doesNotMatch(await c.ask('share-groups', ['--list']), new RegExp(group));
}

async function verifiableShare(c) {
    const topic = await c.create();
    await c.ask('verifiable-producer', ['--topic', topic, '--max-messages', '200', '--acks', '-1']);
    const got = await c.ask('verifiable-share-consumer', ['--topic', topic, '--group-id', c.topic('share'),
        '--acknowledgement-mode', 'sync', '--offset-reset-strategy', 'earliest', '--max-messages', '200'],
    { until: /"offsets_acknowledged".*"count":200[^]*"shutdown_complete"/ });
    assert.doesNotMatch(got, /"success":false/);
}

const since = (wanted, ...checks) => (isSince(...wanted) ? checks : []);

suite(SUITE, {
    open: (broker) => new Context(broker),
    close: (c) => fs.rmSync(c.folder, { recursive: true }),
    checks: [
        ['kafka-topics', topics],
        ['kafka-configs: topics', topicConfigs],
        ['kafka-configs: brokers', brokerConfigs],
        ['kafka-configs: users', users],
        ['kafka-configs: quotas', quotas],
        ['kafka-acls', acls],
        ['kafka-console-producer, kafka-console-consumer', console_],
        ['console producer: gzip, snappy, lz4, zstd', consoleCodecs],
        ['kafka-consumer-groups: offsets', groups],
        ['kafka-consumer-groups: members', groupMembers],
        ...since([4, 0], ['kafka-groups', allGroups]),
        ['kafka-get-offsets', offsets],
        ['kafka-delete-records', deleteRecords],
        ['kafka-log-dirs', logDirs],
        ['kafka-leader-election, kafka-reassign-partitions', elections],
        ['kafka-features, kafka-cluster, kafka-broker-api-versions', cluster],
        ['kafka-transactions', transactions],
        ['kafka-producer-perf-test, kafka-consumer-perf-test', perf],
        ['kafka-verifiable-producer, kafka-verifiable-consumer', verifiable],
        ...since([4, 2], ['kafka-share-groups, kafka-console-share-consumer', shares],
            ['kafka-verifiable-share-consumer', verifiableShare]),
    ],
});
