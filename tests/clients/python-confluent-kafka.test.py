#!/usr/bin/python3
"""confluent-kafka (Debian's python3-confluent-kafka, librdkafka 2.0.2) against the Kafka door."""
import itertools
import os
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from suite import suite, until

numbers = itertools.count(1)


def fresh(what):
    return f'confluent-{what}-{os.getpid()}-{next(numbers)}'


class Context:
    def __init__(self, at):
        self.at = at
        self.admin = AdminClient({'bootstrap.servers': at})
        self.producer = Producer({'bootstrap.servers': at, 'enable.idempotence': True, 'linger.ms': 5})
        self.admin.list_topics(timeout=10)

    def close(self):
        self.producer.flush(5)

    def topic(self, partitions=1, **configs):
        name = fresh('topic')
        self.admin.create_topics([NewTopic(name, partitions, 1, config=configs)])[name].result(10)
        return name

    def send(self, topic, values, producer=None, **more):
        told = []
        producer = producer or self.producer
        for v in values:
            producer.produce(topic, v, on_delivery=lambda error, m: told.append((error, m)), **more)
        producer.flush(10)
        return told

    def consumer(self, **more):
        return Consumer({'bootstrap.servers': self.at, 'auto.offset.reset': 'earliest', 'group.id': fresh('group'),
                         **more})

    def take(self, consumer, count):
        got = []
        until(lambda: got.extend(consumer.consume(count - len(got), 0.2)) or len(got) >= count)
        assert all(m.error() is None for m in got)
        return got

    def read(self, topic, count):
        consumer = self.consumer()
        consumer.subscribe([topic])
        got = self.take(consumer, count)
        consumer.close()
        return got


def code_of(future):
    try:
        future.result(10)
        return KafkaError.NO_ERROR
    except KafkaException as error:
        return error.args[0].code()


def round_trip(c):
    topic = c.topic()
    told = c.send(topic, [str(i) for i in range(1000)])
    assert [error for error, _ in told if error] == [] and [m.offset() for _, m in told] == list(range(1000))
    assert [m.value() for m in c.read(topic, 1000)] == [str(i).encode() for i in range(1000)]


def fields(c):
    topic = c.topic()
    c.send(topic, [b'v'], key=b'k', headers=[('a', b'1'), ('a', None)], timestamp=1700000000000)
    c.send(topic, [None], key=b'k')
    one, two = c.read(topic, 2)
    assert (one.key(), one.value(), one.timestamp()[1]) == (b'k', b'v', 1700000000000)
    assert one.headers() == [('a', b'1'), ('a', None)]
    assert two.value() is None


def codec(name):
    def run(c):
        topic = c.topic()
        producer = Producer({'bootstrap.servers': c.at, 'compression.type': name})
        assert c.send(topic, [b'compress me ' * 1000], producer)[0][0] is None
        assert c.read(topic, 1)[0].value() == b'compress me ' * 1000
    return run


def too_large(c):
    topic = c.topic(**{'max.message.bytes': '1000'})
    assert c.send(topic, [b'x' * 2000])[0][0].code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert c.send(topic, [b'x'])[0][0] is None


def offsets(c):
    topic = c.topic()
    c.send(topic, [str(i) for i in range(10)])
    consumer = c.consumer()
    assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5) == (0, 10)
    late = int(time.time() * 1000) + 60000
    assert consumer.offsets_for_times([TopicPartition(topic, 0, late)], timeout=5)[0].offset == -1
    consumer.assign([TopicPartition(topic, 0, 7)])
    assert c.take(consumer, 3)[0].value() == b'7'
    consumer.close()


def group_resumes(c):
    topic, group = c.topic(), fresh('group')
    c.send(topic, [str(i) for i in range(6)])
    for first in (b'0', b'3'):
        consumer = c.consumer(**{'group.id': group, 'enable.auto.commit': False})
        consumer.subscribe([topic])
        got = c.take(consumer, 3)
        assert got[0].value() == first
        consumer.commit(got[-1], asynchronous=False)
        assert consumer.committed([TopicPartition(topic, 0)], timeout=5)[0].offset == int(first) + 3
        consumer.close()


def shared(strategy):
    def run(c):
        topic, group = c.topic(4), fresh('group')
        pair = [c.consumer(**{'group.id': group, 'partition.assignment.strategy': strategy,
                              'heartbeat.interval.ms': 200}) for _ in range(2)]
        for p in pair:
            p.subscribe([topic])

        def is_shared():
            for p in pair:
                p.poll(0.05)
            return [len(p.assignment()) for p in pair] == [2, 2]

        until(is_shared)
        pair[1].close()
        until(lambda: pair[0].poll(0.05) is None and len(pair[0].assignment()) == 4)
        pair[0].close()
    return run


def groups_admin(c):
    topic, group = c.topic(), fresh('group')
    consumer = c.consumer(**{'group.id': group})
    consumer.subscribe([topic])
    until(lambda: consumer.poll(0.05) is None and consumer.assignment())
    found = c.admin.list_groups(group, timeout=5)[0]
    assert (found.state, found.protocol_type, len(found.members)) == ('Stable', 'consumer', 1)
    assert found.members[0].client_host == '/127.0.0.1'
    consumer.close()
    assert group in [g.id for g in c.admin.list_groups(timeout=5)]


def topics_admin(c):
    topic = c.topic(2)
    assert len(c.admin.list_topics(topic, timeout=5).topics[topic].partitions) == 2
    assert code_of(c.admin.create_topics([NewTopic(topic, 1, 1)])[topic]) == KafkaError.TOPIC_ALREADY_EXISTS
    assert code_of(c.admin.create_topics([NewTopic('x', 1, 3)])['x']) == KafkaError.INVALID_REPLICATION_FACTOR
    assert code_of(c.admin.create_partitions([NewPartitions(topic, 5)])[topic]) == KafkaError.NO_ERROR
    assert code_of(c.admin.create_partitions([NewPartitions(topic, 5)])[topic]) == KafkaError.INVALID_PARTITIONS
    assert len(c.admin.list_topics(topic, timeout=5).topics[topic].partitions) == 5
    assert code_of(c.admin.delete_topics([topic])[topic]) == KafkaError.NO_ERROR
    assert topic not in c.admin.list_topics(timeout=5).topics


def configs_admin(c):
    topic = c.topic(**{'retention.ms': '60000'})

    def entry(name):
        resource = ConfigResource('topic', topic)
        return c.admin.describe_configs([resource])[resource].result(10)[name]

    assert (entry('retention.ms').value, entry('retention.ms').is_default) == ('60000', False)
    changed = ConfigResource('topic', topic, set_config={'retention.bytes': '1000'})
    c.admin.alter_configs([changed])[changed].result(10)
    assert entry('retention.bytes').value == '1000'
    assert entry('retention.ms').value == '604800000'
    wrong = ConfigResource('topic', topic, set_config={'retention.ms': 'soon'})
    assert code_of(c.admin.alter_configs([wrong])[wrong]) == KafkaError.INVALID_CONFIG


def cluster(c):
    found = c.admin.list_topics(timeout=5)
    assert [f'{b.host}:{b.port}' for b in found.brokers.values()] == [c.at]
    assert found.controller_id in found.brokers and len(found.cluster_id) == 22


suite('python-confluent-kafka', Context, Context.close, [
    ('an idempotent producer, consume 1,000', round_trip),
    ('key, value, headers, time, nulls', fields),
    *[(f'compression {name}', codec(name)) for name in ('gzip', 'snappy', 'lz4', 'zstd')],
    ('a message over the limit of its topic', too_large),
    ('offsets at the ends and by time', offsets),
    ('a group commits and resumes', group_resumes),
    ('two share a topic, range', shared('range')),
    ('two share a topic, cooperative-sticky', shared('cooperative-sticky')),
    ('groups: list, describe', groups_admin),
    ('topics: create, describe, grow, delete', topics_admin),
    ('configs', configs_admin),
    ('cluster', cluster),
])
