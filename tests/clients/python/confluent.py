"""confluent-kafka of PyPI, with a newer librdkafka than Debian's: both group protocols, transactions, kill -9."""
import itertools
import os
import sys

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Producer
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic
from confluent_kafka.admin import OffsetSpec, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion
from confluent_kafka.admin import UserScramCredentialUpsertion

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))
from suite import suite, until  # noqa: E402

numbers = itertools.count(1)
KILLS = 3


def fresh(what):
    return f'rd-{what}-{next(numbers)}'


class Context:
    def __init__(self, at):
        self.at = at
        self.admin = AdminClient({'bootstrap.servers': at})
        self.admin.list_topics(timeout=10)

    def close(self):
        self.admin.poll(0)

    def topic(self, partitions=1, **configs):
        name = fresh('topic')
        self.admin.create_topics([NewTopic(name, partitions, 1, config=configs)])[name].result(10)
        return name

    def producer(self, **more):
        return Producer({'bootstrap.servers': self.at, 'enable.idempotence': True, 'linger.ms': 1, **more})

    def send(self, topic, values, producer=None, **more):
        told = []
        producer = producer or self.producer()
        for v in values:
            producer.produce(topic, v, on_delivery=lambda error, m: told.append((error, m)), **more)
        producer.flush()
        return told

    def consumer(self, **more):
        return Consumer({'bootstrap.servers': self.at, 'auto.offset.reset': 'earliest', 'group.id': fresh('group'),
                         **more})

    def read(self, topic, count, **more):
        consumer = self.consumer(**more)
        consumer.assign([TopicPartition(topic, 0, 0)])
        got = take(consumer, count)
        consumer.close()
        return got


def take(consumer, count):
    got = []
    until(lambda: got.extend(m for m in consumer.consume(count - len(got), 0.1) if not m.error()) or len(got) >= count)
    return got


def values(messages):
    return [m.value().decode() for m in messages]


def texts(count):
    return [str(i) for i in range(count)]


def codec(name):
    def run(c):
        topic = c.topic()
        sent = [f'{i} ' + 'compress me ' * 30 for i in range(200)]
        assert all(error is None for error, _ in c.send(topic, sent, c.producer(**{'compression.type': name})))
        assert values(c.read(topic, 200)) == sent
    return run


def fields(c):
    topic = c.topic()
    c.send(topic, [b'v', None], key=b'k', headers=[('a', b'1'), ('a', None)], timestamp=1700000000000)
    one, two = c.read(topic, 2)
    assert (one.key(), one.value(), one.timestamp()[1]) == (b'k', b'v', 1700000000000)
    assert one.headers() == [('a', b'1'), ('a', None)]
    assert two.value() is None


def protocol(name, **more):
    """Settings of the classic protocol, or of KIP-848 ("consumer")."""
    return {'group.protocol': name, **({'heartbeat.interval.ms': 200} if name == 'classic' else {}), **more}


def shared(settings):
    def run(c):
        topic, group = c.topic(4), fresh('group')
        pair = [c.consumer(**{'group.id': group, **settings}) for _ in range(2)]
        for p in pair:
            p.subscribe([topic])

        def have(*counts):
            for p in pair:
                p.poll(0.05)
            return [len(p.assignment()) for p in pair] == list(counts)

        until(lambda: have(2, 2))
        assert len({p.partition for consumer in pair for p in consumer.assignment()}) == 4
        pair.pop().close()
        until(lambda: have(4))
        pair.pop().close()
    return run


def resumes(settings):
    def run(c):
        topic, group = c.topic(), fresh('group')
        c.send(topic, texts(6))
        for first in ('0', '3'):
            consumer = c.consumer(**{'group.id': group, 'enable.auto.commit': False, **settings})
            consumer.subscribe([topic])
            got = take(consumer, 3)
            assert got[0].value().decode() == first
            consumer.commit(got[-1], asynchronous=False)
            assert consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == int(first) + 3
            consumer.close()
    return run


def static_member(settings):
    def run(c):
        topic, group = c.topic(2), fresh('group')
        had = None
        for _ in range(2):
            consumer = c.consumer(**{'group.id': group, 'group.instance.id': 'one', **settings})
            consumer.subscribe([topic])
            until(lambda: consumer.poll(0.05) is None and len(consumer.assignment()) == 2)
            had = had or consumer.memberid()
            consumer.close()
        found = c.admin.describe_consumer_groups([group])[group].result(10)
        assert found.group_id == group
    return run


def transactions(c):
    topic = c.topic()
    producer = c.producer(**{'transactional.id': fresh('txn')})
    producer.init_transactions(30)
    for i in range(20):
        producer.begin_transaction()
        producer.produce(topic, str(i))
        producer.flush()
        if i % 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    assert values(c.read(topic, 10)) == texts(20)[::2]
    assert values(c.read(topic, 20, **{'isolation.level': 'read_uncommitted'})) == texts(20)


def offsets_go_along(c):
    topic, group = c.topic(), fresh('group')
    c.send(topic, texts(10))
    consumer = c.consumer(**{'group.id': group, 'enable.auto.commit': False})
    consumer.subscribe([topic])
    take(consumer, 1)
    producer = c.producer(**{'transactional.id': fresh('txn')})
    producer.init_transactions(30)
    for offset, end in ((4, producer.abort_transaction), (5, producer.commit_transaction)):
        producer.begin_transaction()
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, offset)], consumer.consumer_group_metadata(), 30)
        end(30)
    assert consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 5
    consumer.close()


def fenced(c):
    topic, name = c.topic(), fresh('txn')
    older = c.producer(**{'transactional.id': name})
    older.init_transactions(30)
    older.begin_transaction()
    older.produce(topic, 'old')
    older.flush()
    newer = c.producer(**{'transactional.id': name})
    newer.init_transactions(30)
    newer.begin_transaction()
    newer.produce(topic, 'new')
    newer.commit_transaction(30)
    try:
        older.commit_transaction(30)
        raise AssertionError('the older one could commit')
    except KafkaException as error:
        assert error.args[0].code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH), error
    assert values(c.read(topic, 1)) == ['new']


def topics_admin(c):
    topic = c.topic(2)
    found = c.admin.describe_topics(TopicCollection([topic]))[topic].result(10)
    assert len(found.partitions) == 2 and str(found.topic_id)
    c.admin.create_partitions([NewPartitions(topic, 5)])[topic].result(10)
    assert len(c.admin.list_topics(topic, timeout=10).topics[topic].partitions) == 5
    c.send(topic, texts(4), partition=0)
    kept = c.admin.delete_records([TopicPartition(topic, 0, 3)])
    assert next(iter(kept.values())).result(10).low_watermark == 3
    for spec, offset in ((OffsetSpec.earliest(), 3), (OffsetSpec.latest(), 4)):
        asked = c.admin.list_offsets({TopicPartition(topic, 0): spec}, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        assert next(iter(asked.values())).result(10).offset == offset
    c.admin.delete_topics([topic])[topic].result(10)
    assert topic not in c.admin.list_topics(timeout=10).topics


def configs_admin(c):
    topic = c.topic()

    def alter(how, name, value):
        entry = ConfigEntry(name, value, incremental_operation=how)
        resource = ConfigResource('topic', topic, incremental_configs=[entry])
        c.admin.incremental_alter_configs([resource])[resource].result(10)
        resource = ConfigResource('topic', topic)
        return c.admin.describe_configs([resource])[resource].result(10)[name].value

    assert alter(AlterConfigOpType.SET, 'retention.ms', '60000') == '60000'
    assert alter(AlterConfigOpType.APPEND, 'cleanup.policy', 'compact') == 'delete,compact'
    assert alter(AlterConfigOpType.SUBTRACT, 'cleanup.policy', 'delete') == 'compact'
    assert alter(AlterConfigOpType.DELETE, 'retention.ms', None) == '604800000'


def groups_admin(c):
    topic, group = c.topic(), fresh('group')
    wanted = [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 3)])]
    c.admin.alter_consumer_group_offsets(wanted)[group].result(10)
    found = c.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(10)
    assert found.topic_partitions[0].offset == 3
    assert group in [g.group_id for g in c.admin.list_consumer_groups().result(10).valid]
    c.admin.delete_consumer_groups([group])[group].result(10)
    assert group not in [g.group_id for g in c.admin.list_consumer_groups().result(10).valid]


def scram_admin(c):
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    put = UserScramCredentialUpsertion('otto', info, b'secret')
    c.admin.alter_user_scram_credentials([put])['otto'].result(10)
    found = c.admin.describe_user_scram_credentials(['otto'])['otto'].result(10)
    assert [i.iterations for i in found.scram_credential_infos] == [4096]
    gone = UserScramCredentialDeletion('otto', ScramMechanism.SCRAM_SHA_512)
    c.admin.alter_user_scram_credentials([gone])['otto'].result(10)


def cluster(c):
    found = c.admin.describe_cluster().result(10)
    assert [f'{n.host}:{n.port}' for n in found.nodes] == [c.at] and len(found.cluster_id) == 22


def crash_producer(c):
    topic = c.topic()
    told = []
    producer = c.producer()
    for i in range(3000):
        producer.produce(topic, str(i), on_delivery=lambda error, m: told.append(error))
        if i % 1000 == 500:
            producer.poll(0.01)
            c.broker.crash()
    producer.flush()
    assert told == [None] * 3000
    assert values(c.read(topic, 3000)) == texts(3000)


def crash_group(settings):
    def run(c):
        topic, seen = c.topic(2), set()
        consumer = c.consumer(**settings)
        consumer.subscribe([topic])
        for i in range(KILLS + 1):
            c.send(topic, [f'{i}.{n}' for n in range(20)])
            until(lambda: seen.update(values(take(consumer, 1))) or len(seen) == 20 * (i + 1))
            if i < KILLS:
                c.broker.crash()
        consumer.close()
    return run


def crash_copy(c):
    source, target, group = c.topic(), c.topic(), fresh('copy')
    c.send(source, texts(300))
    kills = [60, 120, 180]

    def some():
        """Consumes, produces and commits as one until all is done, true, or something fails. It begins anew after each
        kill: librdkafka hangs in the offsets of a later transaction (its #5511, #5456)."""
        producer = c.producer(**{'transactional.id': group, 'transaction.timeout.ms': 10000})
        consumer = c.consumer(**{'group.id': group, 'enable.auto.commit': False})
        try:
            producer.init_transactions(30)
            consumer.subscribe([source])
            while True:
                got = take(consumer, 1) + [m for m in consumer.consume(9, 0.01) if not m.error()]
                producer.begin_transaction()
                for m in got:
                    producer.produce(target, m.value())
                producer.send_offsets_to_transaction([TopicPartition(source, 0, got[-1].offset() + 1)],
                                                     consumer.consumer_group_metadata(), 30)
                is_killed = kills and got[-1].offset() >= kills[0]
                if is_killed:
                    kills.pop(0)
                    c.broker.crash()
                producer.commit_transaction(30)
                if is_killed or got[-1].offset() == 299:
                    return got[-1].offset() == 299
        except KafkaException:
            return False
        finally:
            consumer.close()

    until(some)
    assert values(c.read(target, 300)) == texts(300)


def groups_of(name, *assignors):
    return [
        *((f'two share, one leaves: {name}, {a}', shared(protocol(name, **{key: a}))) for key, a in assignors),
        (f'a group commits and resumes: {name}', resumes(protocol(name))),
        (f'a static member: {name}', static_member(protocol(name))),
        (f'kill -9: a group goes on: {name}', crash_group(protocol(name))),
    ]


suite('confluent-kafka', Context, Context.close, [
    *[(f'compression {name}', codec(name)) for name in ('none', 'gzip', 'snappy', 'lz4', 'zstd')],
    ('key, value, headers, time, nulls', fields),
    *groups_of('classic', *(('partition.assignment.strategy', a) for a in ('range', 'cooperative-sticky'))),
    *groups_of('consumer', *(('group.remote.assignor', a) for a in ('uniform', 'range'))),
    ('transactions: committed and aborted', transactions),
    ('transactions: offsets go along', offsets_go_along),
    ('transactions: the older producer is fenced', fenced),
    ('topics: create, describe, grow, offsets, delete', topics_admin),
    ('configs', configs_admin),
    ('groups: offsets, list, delete', groups_admin),
    ('SCRAM credentials', scram_admin),
    ('cluster', cluster),
    ('kill -9: an idempotent producer goes on, none lost, none twice', crash_producer),
    ('kill -9: a transactional copy, none lost, none twice', crash_copy),
])
