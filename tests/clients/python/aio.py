"""aiokafka of PyPI against the Kafka door."""
import asyncio
import itertools
import os
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced, TopicAlreadyExistsError

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))
from suite import suite  # noqa: E402

numbers = itertools.count(1)
KILLS = 3


def fresh(what):
    return f'aio-{what}-{next(numbers)}'


def texts(count):
    return [str(i).encode() for i in range(count)]


class Context:
    def __init__(self, at):
        self.at = at
        asyncio.run(self.alive())

    async def alive(self):
        async with Admin(self):
            pass

    def close(self):
        pass

    async def topic(self, partitions=1, **configs):
        name = fresh('topic')
        async with Admin(self) as admin:
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        return name

    def producer(self, **more):
        return AIOKafkaProducer(bootstrap_servers=self.at, enable_idempotence=True, **more)

    async def send(self, topic, values, **more):
        async with self.producer(**more) as producer:
            sent = [await producer.send(topic, v) for v in values]
            return [await one for one in sent]

    def consumer(self, *topics, **more):
        return AIOKafkaConsumer(*topics, bootstrap_servers=self.at, auto_offset_reset='earliest',
                                **{'enable_auto_commit': False, 'heartbeat_interval_ms': 200, **more})

    async def read(self, topic, count, **more):
        async with self.consumer(topic, **more) as consumer:
            return await take(consumer, count)


class Admin:
    """An admin client for as long as it is used."""

    def __init__(self, context):
        self.client = AIOKafkaAdminClient(bootstrap_servers=context.at)

    async def __aenter__(self):
        await self.client.start()
        return self.client

    async def __aexit__(self, *why):
        await self.client.close()


async def take(consumer, count):
    return [await consumer.getone() for _ in range(count)]


async def until(what):
    while not what():
        await asyncio.sleep(0.02)


def values(messages):
    return [m.value for m in messages]


async def round_trip(c):
    topic = await c.topic()
    told = await c.send(topic, texts(1000), linger_ms=5)
    assert [m.offset for m in told] == list(range(1000))
    assert values(await c.read(topic, 1000)) == texts(1000)


def codec(name):
    async def run(c):
        topic = await c.topic()
        sent = [b'%d ' % i + b'compress me ' * 30 for i in range(100)]
        await c.send(topic, sent, compression_type=name, linger_ms=20)
        assert values(await c.read(topic, 100)) == sent
    return run


async def fields(c):
    topic = await c.topic()
    async with c.producer() as producer:
        headers = [('a', b'1'), ('a', b'2')]
        await producer.send_and_wait(topic, b'v', key=b'k', headers=headers, timestamp_ms=1700000000000)
        await producer.send_and_wait(topic, None, key=b'gone')
    one, two = await c.read(topic, 2)
    assert (one.key, one.value, one.timestamp) == (b'k', b'v', 1700000000000)
    assert list(one.headers) == headers and two.value is None


async def too_large(c):
    topic = await c.topic()
    async with c.producer(max_request_size=4000000) as producer:
        try:
            await producer.send_and_wait(topic, b'x' * 3000000)
            raise AssertionError('it was taken')
        except MessageSizeTooLargeError:
            pass


async def offsets(c):
    topic = await c.topic()
    tp = TopicPartition(topic, 0)
    async with c.producer() as producer:
        for ms in (1000, 2000, 3000):
            await producer.send_and_wait(topic, b'v', timestamp_ms=ms)
    async with c.consumer() as consumer:
        consumer.assign([tp])
        assert (await consumer.beginning_offsets([tp]), await consumer.end_offsets([tp])) == ({tp: 0}, {tp: 3})
        assert (await consumer.offsets_for_times({tp: 1500}))[tp].offset == 1
        consumer.seek(tp, 2)
        assert (await consumer.getone()).offset == 2
        await consumer.seek_to_beginning(tp)
        assert (await consumer.getone()).offset == 0


async def resumes(c):
    topic, group = await c.topic(), fresh('group')
    await c.send(topic, texts(6))
    for first in (0, 3):
        async with c.consumer(topic, group_id=group) as consumer:
            got = await take(consumer, 3)
            assert got[0].offset == first
            await consumer.commit({TopicPartition(topic, 0): first + 3})
            assert await consumer.committed(TopicPartition(topic, 0)) == first + 3


def shared(assignor):
    async def run(c):
        topic, group = await c.topic(4), fresh('group')
        settings = {'group_id': group, 'partition_assignment_strategy': (assignor,)}
        one = c.consumer(topic, **settings)
        await one.start()
        await until(lambda: len(one.assignment()) == 4)
        async with c.consumer(topic, **settings) as two:
            await until(lambda: len(one.assignment()) == 2 and len(two.assignment()) == 2)
        await until(lambda: len(one.assignment()) == 4)
        await one.stop()
    return run


async def transactions(c):
    topic = await c.topic()
    async with c.producer(transactional_id=fresh('txn')) as producer:
        for i in range(20):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b'%d' % i)
            await (producer.abort_transaction() if i % 2 else producer.commit_transaction())
    assert values(await c.read(topic, 10, isolation_level='read_committed')) == texts(20)[::2]
    assert len(await c.read(topic, 20)) == 20


async def offsets_go_along(c):
    topic, group = await c.topic(), fresh('group')
    tp = TopicPartition(topic, 0)
    async with c.producer(transactional_id=fresh('txn')) as producer:
        for offset, end in ((4, producer.abort_transaction), (5, producer.commit_transaction)):
            await producer.begin_transaction()
            await producer.send_offsets_to_transaction({tp: offset}, group)
            await end()
    async with c.consumer(group_id=group) as consumer:
        consumer.assign([tp])
        assert await consumer.committed(tp) == 5


async def fenced(c):
    topic, name = await c.topic(), fresh('txn')
    older = c.producer(transactional_id=name)
    await older.start()
    await older.begin_transaction()
    await older.send_and_wait(topic, b'old')
    async with c.producer(transactional_id=name) as newer, newer.transaction():
        await newer.send_and_wait(topic, b'new')
    try:
        await older.commit_transaction()
        raise AssertionError('the older one could commit')
    except ProducerFenced:
        pass
    await older.stop()
    assert values(await c.read(topic, 1, isolation_level='read_committed')) == [b'new']


async def administration(c):
    topic = await c.topic(2)
    async with Admin(c) as admin:
        assert topic in await admin.list_topics()
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        assert answer.topic_errors[0][1] == TopicAlreadyExistsError.errno
        await admin.create_partitions({topic: NewPartitions(5)})
        assert len((await admin.describe_topics([topic]))[0]['partitions']) == 5
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {'retention.ms': '60000'})
        await admin.alter_configs([resource])
        found = (await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))[0].resources[0][4]
        assert [e[1] for e in found if e[0] == 'retention.ms'] == ['60000']
        await admin.delete_topics([topic])
        assert topic not in await admin.list_topics()


async def groups_admin(c):
    topic, group = await c.topic(), fresh('group')
    await c.send(topic, texts(1))
    async with c.consumer(topic, group_id=group) as consumer, Admin(c) as admin:
        await take(consumer, 1)
        await consumer.commit()
        assert (group, 'consumer') in await admin.list_consumer_groups()
        found = await admin.list_consumer_group_offsets(group)
        assert found[TopicPartition(topic, 0)].offset == 1


async def crash_producer(c):
    topic = await c.topic()
    async with c.producer(request_timeout_ms=5000) as producer:
        sent = []
        for i, v in enumerate(texts(1500)):
            sent.append(await producer.send(topic, v))
            if i % 500 == 250:
                c.broker.crash()
        for one in sent:
            await one
    assert values(await c.read(topic, 1500)) == texts(1500)


async def crash_group(c):
    topic, seen = await c.topic(), set()
    async with c.consumer(topic, group_id=fresh('group')) as consumer:
        for i in range(KILLS + 1):
            await c.send(topic, [b'%d' % i])
            while b'%d' % i not in seen:
                try:
                    seen.add((await consumer.getone()).value)
                except KafkaError:
                    await asyncio.sleep(0.05)
            if i < KILLS:
                c.broker.crash()


def check(name, run):
    return name, lambda c: asyncio.run(run(c))


suite('aiokafka', Context, Context.close, [check(name, run) for name, run in [
    ('an idempotent producer, consume 1,000', round_trip),
    *[(f'compression {name}', codec(name)) for name in ('gzip', 'snappy', 'lz4', 'zstd')],
    ('key, value, headers, time, nulls', fields),
    ('a message over the limit', too_large),
    ('seek; offsets at the ends and by time', offsets),
    ('a group commits and resumes', resumes),
    ('two share, one leaves: range', shared(RangePartitionAssignor)),
    ('two share, one leaves: round-robin', shared(RoundRobinPartitionAssignor)),
    ('two share, one leaves: sticky', shared(StickyPartitionAssignor)),
    ('transactions: committed and aborted', transactions),
    ('transactions: offsets go along', offsets_go_along),
    ('transactions: the older producer is fenced', fenced),
    ('topics, configs', administration),
    ('groups: list, offsets', groups_admin),
    ('kill -9: an idempotent producer goes on, none lost, none twice', crash_producer),
    ('kill -9: a group goes on', crash_group),
]])
