'use strict';
/* kafkajs_admin.js - kafkajs' admin client: groups and their offsets, settings, partitions, brokers on paper. */
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { ConfigResourceTypes, Kafka, logLevel } = require('kafkajs');
const { Broker, freeRow } = require('./broker');
const { consume, fresh, numbers, readAll, send, topic } = require('./kafkajs_steps');
const { failure, until } = require('./suite');

async function groupLife(c) {
    const name = await topic(c, 2);
    const groupId = fresh('group');
    const reader = await consume(c, groupId, name);
    const { groups } = await c.admin.listGroups();
    assert.deepStrictEqual(groups.find((g) => g.groupId === groupId), { groupId, protocolType: 'consumer' });
    const { groups: [found] } = await c.admin.describeGroups([groupId]);
    assert.strictEqual(found.state, 'Stable');
    assert.strictEqual(found.protocol, 'RoundRobinAssigner');
    assert.strictEqual(found.members[0].clientId, 'myna-test');
    assert.strictEqual(found.members[0].clientHost, '/127.0.0.1');
    const error = await failure(c.admin.deleteGroups([groupId]));
    assert.strictEqual(error.groups[0].error.type, 'NON_EMPTY_GROUP');
    await reader.stop();
    const { groups: [left] } = await c.admin.describeGroups([groupId]);
    assert.deepStrictEqual([left.state, left.members], ['Empty', []]);
    await c.admin.deleteGroups([groupId]);
    const { groups: [gone] } = await c.admin.describeGroups([groupId]);
    assert.strictEqual(gone.state, 'Dead');
    const missing = await failure(c.admin.deleteGroups([groupId]));
    assert.strictEqual(missing.groups[0].error.type, 'GROUP_ID_NOT_FOUND');
}

async function setAndResetOffsets(c) {
    const name = await topic(c);
    const groupId = fresh('group');
    const committed = async () => {
        const [{ partitions: [p] }] = await c.admin.fetchOffsets({ groupId, topics: [name] });
        return p.offset;
    };
    await send(c, name, numbers(5));
    await c.admin.setOffsets({ groupId, topic: name, partitions: [{ partition: 0, offset: '3' }] });
    assert.strictEqual(await committed(), '3');
    const reader = await consume(c, groupId, name);
    await until(() => reader.got.length === 2);
    const busy = await failure(c.admin.resetOffsets({ groupId, topic: name }));
    assert.match(busy.message, /must have no running instances/);
    await reader.stop();
    await c.admin.resetOffsets({ groupId, topic: name, earliest: true });
    const [{ partitions: [p] }] = await c.admin.fetchOffsets({ groupId, topics: [name], resolveOffsets: true });
    assert.strictEqual(p.offset, '0');
    assert.strictEqual((await readAll(c, name, 5)).length, 5);
}

async function describeConfigs(c) {
    const name = await topic(c);
    const ask = async (type, resource, configNames) => {
        const { resources: [found] } = await c.admin.describeConfigs({
            includeSynonyms: true, resources: [{ type, name: resource, configNames }],
        });
        return found.configEntries;
    };
    const all = await ask(ConfigResourceTypes.TOPIC, name);
    assert.ok(all.length >= 30);
    assert.ok(all.every((e) => e.configSource === 5 && !e.readOnly && !e.isSensitive));
    const [retention] = await ask(ConfigResourceTypes.TOPIC, name, ['retention.ms']);
    assert.strictEqual(retention.configValue, '604800000');
    assert.strictEqual(retention.configSynonyms[0].configName, 'log.retention.ms');
    const broker = await ask(ConfigResourceTypes.BROKER, '1');
    assert.ok(broker.find((e) => e.configName === 'node.id' && e.configValue === '1'));
}

async function alterConfigs(c) {
    const name = await topic(c);
    const alter = (configEntries, validateOnly = false) => c.admin.alterConfigs({
        validateOnly, resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }],
    });
    const value = async () => {
        const { resources: [found] } = await c.admin.describeConfigs({
            includeSynonyms: false,
            resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: ['retention.ms'] }],
        });
        return found.configEntries[0].configValue;
    };
    await alter([{ name: 'retention.ms', value: '60000' }], true);
    assert.strictEqual(await value(), '604800000');
    await alter([{ name: 'retention.ms', value: '60000' }]);
    assert.strictEqual(await value(), '60000');
    assert.strictEqual((await failure(alter([{ name: 'retention.ms', value: 'soon' }]))).type, 'INVALID_CONFIG');
    await alter([{ name: 'retention.bytes', value: '1000' }]);
    assert.strictEqual(await value(), '604800000');
}

async function growAndTrim(c) {
    const name = await topic(c);
    await send(c, name, numbers(10));
    await c.admin.createPartitions({ topicPartitions: [{ topic: name, count: 3 }] });
    const { topics: [found] } = await c.admin.fetchTopicMetadata({ topics: [name] });
    assert.strictEqual(found.partitions.length, 3);
    const error = await failure(c.admin.createPartitions({ topicPartitions: [{ topic: name, count: 2 }] }));
    assert.strictEqual(error.errors ? error.errors[0].type : error.type, 'INVALID_PARTITIONS');
    await c.admin.fetchTopicOffsets(name); // the client learns who leads
    await c.admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: '4' }] });
    const ends = (await c.admin.fetchTopicOffsets(name)).find((p) => p.partition === 0);
    assert.deepStrictEqual([ends.low, ends.high], ['4', '10']);
    await c.admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: '-1' }] });
    assert.strictEqual((await c.admin.fetchTopicOffsets(name)).find((p) => p.partition === 0).low, '10');
}

/* A broker of its own that is three of them. */
async function threeNodes() {
    const broker = new Broker([await freeRow(3), 0, 0, 0], fs.mkdtempSync(path.join(os.tmpdir(), 'myna-test-')));
    await broker.start(['--kafka-nodes', '3', '--kafka-tls-port', '0', '--amqp-tls-port', '0']);
    const kafka = new Kafka({ clientId: 'myna-test', brokers: [broker.at('kafka')], logLevel: logLevel.NOTHING });
    const c = { kafka, admin: kafka.admin(), producer: kafka.producer() };
    await c.admin.connect();
    await c.producer.connect();
    const { brokers } = await c.admin.describeCluster();
    assert.deepStrictEqual(brokers.map((b) => b.nodeId), [1, 2, 3]);
    assert.deepStrictEqual(brokers.map((b) => b.port), [0, 1, 2].map((i) => broker.ports.kafka + i));
    const name = fresh('replicated');
    await c.admin.createTopics({ topics: [{ topic: name, numPartitions: 6, replicationFactor: 3 }] });
    const { topics: [found] } = await c.admin.fetchTopicMetadata({ topics: [name] });
    assert.deepStrictEqual([...new Set(found.partitions.map((p) => p.leader))].sort(), [1, 2, 3]);
    assert.ok(found.partitions.every((p) => p.replicas.length === 3 && p.isr.length === 3));
    await send(c, name, numbers(60));
    assert.strictEqual((await readAll(c, name, 60)).length, 60);
    await c.producer.disconnect();
    await c.admin.disconnect();
    await broker.stop();
    await broker.dispose();
}

const checks = [
    ['groups: list, describe, delete', groupLife],
    ['offsets: set, reset, fetch', setAndResetOffsets],
    ['configs of topics and brokers', describeConfigs],
    ['alter configs', alterConfigs],
    ['partitions grow and are trimmed', growAndTrim],
];

/* These have a broker of their own. */
const ownBrokerChecks = process.env.PEER ? [] : [['three brokers on paper', threeNodes]];

module.exports = { checks: [...checks, ...ownBrokerChecks] };
