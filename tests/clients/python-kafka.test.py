#!/usr/bin/python3
"""kafka-python (Debian's python3-kafka) against the Kafka door: produce, consume, groups, admin."""
import itertools
import os
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import GroupIdNotFoundError, InvalidReplicationFactorError, MessageSizeTooLargeError
from kafka.errors import NonEmptyGroupError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from suite import suite, until

numbers = itertools.count(1)


def fresh(what):
    return f'py-{what}-{os.getpid()}-{next(numbers)}'


class Context:
    def __init__(self, at):
        self.at = at
        self.admin = KafkaAdminClient(bootstrap_servers=at, client_id='myna-test')
        self.producer = KafkaProducer(bootstrap_servers=at, acks='all', linger_ms=5)

    def close(self):
        self.producer.close()
        self.admin.close()

    def topic(self, partitions=1, **configs):
        name = fresh('topic')
        self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        return name

    def send(self, topic, values, **more):
        sent = [self.producer.send(topic, v.encode(), **more) for v in values]
        self.producer.flush()
        return [f.get(5) for f in sent]

    def consumer(self, *topics, **more):
        return KafkaConsumer(*topics, bootstrap_servers=self.at, auto_offset_reset='earliest',
                             consumer_timeout_ms=10000, **more)

    def read(self, topic, count):
        consumer = self.consumer(topic)
        got = list(itertools.islice(consumer, count))
        consumer.close()
        return got


def refused(error, run):
    try:
        run()
    except error:
        return
    raise AssertionError(f'expected {error.__name__}')


def round_trip(c):
    topic = c.topic()
    sent = c.send(topic, [str(i) for i in range(100)])
    assert [m.offset for m in sent] == list(range(100))
    assert [m.value.decode() for m in c.read(topic, 100)] == [str(i) for i in range(100)]


def fields(c):
    topic = c.topic()
    c.producer.send(topic, value=b'v', key=b'k', headers=[('a', b'1'), ('a', b'2')], timestamp_ms=1700000000000).get(5)
    c.producer.send(topic, value=None, key=b'k').get(5)
    one, two = c.read(topic, 2)
    assert (one.key, one.value, one.timestamp) == (b'k', b'v', 1700000000000)
    assert one.headers == [('a', b'1'), ('a', b'2')]
    assert two.value is None


def gzip(c):
    topic = c.topic()
    producer = KafkaProducer(bootstrap_servers=c.at, compression_type='gzip')
    producer.send(topic, b'compress me ' * 1000).get(5)
    producer.close()
    assert c.read(topic, 1)[0].value == b'compress me ' * 1000


def too_large(c):
    topic = c.topic(**{'max.message.bytes': '1000'})
    future = c.producer.send(topic, b'x' * 2000)
    refused(MessageSizeTooLargeError, lambda: future.get(5))


def seek_and_ends(c):
    topic = c.topic()
    c.send(topic, [str(i) for i in range(10)])
    tp = TopicPartition(topic, 0)
    consumer = c.consumer()
    consumer.assign([tp])
    assert consumer.beginning_offsets([tp])[tp] == 0 and consumer.end_offsets([tp])[tp] == 10
    consumer.seek(tp, 7)
    assert next(consumer).value == b'7'
    late = int(time.time() * 1000) + 60000
    assert consumer.offsets_for_times({tp: late})[tp] is None
    assert consumer.offsets_for_times({tp: 0})[tp].offset == 0
    consumer.close()


def group_resumes(c):
    topic, group = c.topic(), fresh('group')
    c.send(topic, [str(i) for i in range(6)])
    for wanted in (['0', '1', '2'], ['3', '4', '5']):
        consumer = c.consumer(topic, group_id=group, enable_auto_commit=False)
        got = list(itertools.islice(consumer, 3))
        assert [m.value.decode() for m in got] == wanted
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(got[-1].offset + 1, 'note')})
        consumer.close()
    offsets = c.admin.list_consumer_group_offsets(group)
    assert offsets[TopicPartition(topic, 0)] == OffsetAndMetadata(6, 'note')


def two_share(c):
    """Each in a thread of its own: a join waits for the other one's."""
    topic, group = c.topic(4), fresh('group')
    taken, done = [set(), set()], threading.Event()

    def run(i):
        consumer = c.consumer(topic, group_id=group, heartbeat_interval_ms=200)
        while not done.is_set():
            consumer.poll(50)
            taken[i] = consumer.assignment()
        consumer.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for t in threads:
        t.start()
    try:
        until(lambda: len(taken[0]) == 2 and len(taken[1]) == 2 and len(taken[0] | taken[1]) == 4)
    finally:
        done.set()
        for t in threads:
            t.join()


def groups_admin(c):
    topic, group = c.topic(), fresh('group')
    consumer = c.consumer(topic, group_id=group)
    until(lambda: consumer.poll(50) is not None and consumer.assignment())
    assert (group, 'consumer') in c.admin.list_consumer_groups()
    found = c.admin.describe_consumer_groups([group])[0]
    assert (found.state, found.protocol, len(found.members)) == ('Stable', 'range', 1)
    assert found.members[0].member_assignment.assignment == [(topic, [0])]
    assert isinstance(c.admin.delete_consumer_groups([group])[0][1](), NonEmptyGroupError)
    consumer.close()
    assert c.admin.describe_consumer_groups([group])[0].state == 'Empty'
    assert c.admin.delete_consumer_groups([group])[0][1].errno == 0
    assert c.admin.delete_consumer_groups([group])[0][1] is GroupIdNotFoundError


def topics_admin(c):
    topic = c.topic(2)
    assert topic in c.admin.list_topics()
    assert len(c.admin.describe_topics([topic])[0]['partitions']) == 2
    refused(TopicAlreadyExistsError, lambda: c.admin.create_topics([NewTopic(topic, 1, 1)]))
    refused(InvalidReplicationFactorError, lambda: c.admin.create_topics([NewTopic(fresh('rf'), 1, 3)]))
    c.admin.create_partitions({topic: NewPartitions(5)})
    assert len(c.admin.describe_topics([topic])[0]['partitions']) == 5
    c.admin.delete_topics([topic])
    assert topic not in c.admin.list_topics()


def configs_admin(c):
    topic = c.topic()

    def value():
        answer = c.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {'retention.ms': None})])
        return answer[0].resources[0][4][0][1]

    assert value() == '604800000'
    c.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {'retention.ms': '60000'})])
    assert value() == '60000'


def cluster(c):
    found = c.admin.describe_cluster()
    assert [f"{b['host']}:{b['port']}" for b in found['brokers']] == [c.at]
    assert found['controller_id'] == found['brokers'][0]['node_id']


suite('python-kafka', Context, Context.close, [
    ('produce and consume 100', round_trip),
    ('key, value, headers, time, nulls', fields),
    ('gzip', gzip),
    ('a message over the limit of its topic', too_large),
    ('seek; offsets at the ends and by time', seek_and_ends),
    ('a group commits and resumes', group_resumes),
    ('two share a topic', two_share),
    ('groups: list, describe, delete', groups_admin),
    ('topics: create, describe, grow, delete', topics_admin),
    ('configs', configs_admin),
    ('cluster', cluster),
])
