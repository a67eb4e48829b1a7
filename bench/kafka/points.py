"""What is measured: the table POINTS, and how a turn of each kind goes.

A turn gets an awake broker and returns figures, the broker's own CPU time and the client's among them. Topics are new
for each turn and dropped after it, but for those that take long to make ("many", "backlog"), which each broker keeps.
"""
import re
import resource
import subprocess
import time

from brokers import java
from rig import client

CLIENT_HEAP = ['-Xmx512M']  # as the tools' own scripts
ACKED = ['acks=all']
CONSUMER_TIMEOUT_MS = 20000


def driver(broker, command, topic, **options):
    return client('kafka_driver', broker.at, command, f'topic={topic}',
                  *(f'{key}={value}' for key, value in options.items()), seconds=180)


def java_tool(main, *args):
    """The tool's output, and what it took of the clock and of the processors, its start included."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(java(main, *map(str, args), heap=CLIENT_HEAP), capture_output=True, text=True, timeout=180)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f'{main}: {done.stderr.strip() or done.stdout.strip()}')
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return done.stdout, {'seconds': round(time.monotonic() - begin, 3), 'client_cpu_s': round(cpu_s, 3)}


def java_produce(broker, topic, size, records, properties):
    """The steady state as the tool reports it, after the first fifth."""
    out, took = java_tool('org.apache.kafka.tools.ProducerPerformance', '--bootstrap-server', broker.at,
                          '--topic', topic, '--num-records', records, '--warmup-records', records // 5,
                          '--record-size', size, '--throughput', -1, '--command-property', *ACKED, *properties)
    found = re.findall(r'([\d.]+) records/sec \(([\d.]+) MB/sec\).*?(\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th', out)
    if not found:
        raise RuntimeError(f'ProducerPerformance said: {out[-300:]}')
    per_s, _, p50, p99 = map(float, found[-1])
    return {'records': records, 'bytes': records * size, 'records_per_s': per_s, 'mb_per_s': per_s * size / 1e6,
            'p50_ms': p50, 'p99_ms': p99, **took}


def java_consume(broker, topic, size, records):
    out, took = java_tool('org.apache.kafka.tools.ConsumerPerformance', '--bootstrap-server', broker.at,
                          '--topic', topic, '--num-records', records, '--timeout', CONSUMER_TIMEOUT_MS, '--hide-header')
    fields = [f.strip() for f in out.strip().split('\n')[-1].split(',')]
    count, per_s = int(fields[4]), float(fields[9])  # of the time it fetched, without joining the group
    if count < records:
        raise RuntimeError(f'ConsumerPerformance got {count} of {records}')
    return {'records': count, 'bytes': count * size, 'records_per_s': per_s, 'mb_per_s': per_s * size / 1e6,
            **took}


class Point:
    """`over_kafka` and `over_synced`: how many times Kafka's rate is the goal; None: none."""
    kind = 'produce'
    is_kept = False  # its topic stays

    def __init__(self, key, title, partitions=1, over_kafka=1, over_synced=5, cpu=False, **options):
        self.key, self.title, self.partitions = key, title, partitions
        self.over_kafka, self.over_synced, self.cpu = over_kafka, over_synced, cpu
        self.options = options

    def prepare(self, broker, topic):
        driver(broker, 'create', topic, partitions=self.partitions)

    def clean(self, broker, topic):
        driver(broker, 'drop', topic)


class Produce(Point):
    def turn(self, broker, topic, run):
        return {self.key: broker.server.measured(self.measure, broker, topic, run)}

    def measure(self, broker, topic, run):
        return driver(broker, 'produce', topic, partitions=self.partitions, seconds=run.seconds, **self.options)


class ProduceFetch(Produce):
    """Reads back what it wrote: from memory, as a consumer that keeps up a little late does."""
    def turn(self, broker, topic, run):
        found = super().turn(broker, topic, run)
        found[self.key + ' fetch'] = broker.server.measured(self.fetch, broker, topic, found[self.key]['records'])
        return found

    def fetch(self, broker, topic, records):
        return driver(broker, 'fetch', topic, partitions=self.partitions, records=records)


class ManyPartitions(Produce):
    """A topic with so many partitions that to make it takes longer than to measure it."""
    is_kept = True

    def prepare(self, broker, topic):
        driver(broker, 'create', topic, partitions=self.partitions)
        driver(broker, 'touch', topic, partitions=self.partitions)


class JavaProduce(Point):
    def turn(self, broker, topic, run):
        size, records = self.options['bytes'], int(self.options['records'] * run.part)
        found = {self.key: broker.server.measured(java_produce, broker, topic, size, records,
                                                  self.options['properties'])}
        if self.options.get('consume'):
            found[self.key + ' consume'] = broker.server.measured(java_consume, broker, topic, size, records)
        return found


class JavaManyPartitions(JavaProduce):
    is_kept = True
    prepare = ManyPartitions.prepare


class Latency(Point):
    kind = 'latency'

    def turn(self, broker, topic, run):
        return {self.key: broker.server.measured(self.measure, broker, topic, run)}

    def measure(self, broker, topic, run):
        return driver(broker, 'paced', topic, partitions=self.partitions, seconds=2 * run.seconds, **self.options)


class CatchUp(Point):
    """A consumer reads a backlog that is in no memory any more, while a producer goes on at a fixed rate."""
    kind = 'catch-up'
    is_kept = True

    def prepare(self, broker, topic):
        driver(broker, 'create', topic)

    def turn(self, broker, topic, run):
        if not hasattr(broker, 'backlog'):
            broker.backlog = driver(broker, 'produce', topic, bytes=1024, linger=20, seconds=2 * run.seconds)['records']
        broker.make_cold()
        return {self.key: broker.server.measured(self.measure, broker, topic)}

    def measure(self, broker, topic):
        return driver(broker, 'paced', topic, backlog=broker.backlog, **self.options)


def produce_points():
    """The grid of the C driver: record sizes, ways to produce, partitions."""
    ways = [('linger 0', {'linger': 0}), ('batching', {'linger': 20}), ('16 producers', {'linger': 5, 'producers': 16})]
    for partitions in (1, 100):
        for size in (100, 1024):
            for way, options in ways:
                kind = ProduceFetch if way == 'batching' else Produce
                yield kind(f'{way}, {size} B, {partitions}p', f'{way}, {size} B, {partitions} partitions',
                           partitions=partitions, bytes=size, cpu=way == 'batching' and size == 1024, **options)


def java_points():
    ways = [('linger 0', ['linger.ms=0']), ('batching', ['linger.ms=20', 'batch.size=262144'])]
    for size, records in ((100, 2000000), (1024, 400000)):
        for way, properties in ways:
            yield JavaProduce(f'java {way}, {size} B', f'java tools, {way}, {size} B', bytes=size, records=records,
                              properties=properties, consume=way == 'batching', cpu=way == 'batching' and size == 1024)


def many_points(partitions):
    for size in (100, 1024):
        yield ManyPartitions(f'many, {size} B', f'one producer, {size} B, {partitions} partitions',
                             partitions=partitions, over_kafka=3, bytes=size, linger=5, inflight=1000, queue=5000)
    yield JavaManyPartitions('java many, 1024 B', f'java tools, 1024 B, {partitions} partitions', partitions=partitions,
                             over_kafka=3, bytes=1024, records=100000, properties=['linger.ms=5'])


def points(many):
    """All of them, `many` partitions last: they slow Kafka down for good."""
    return [
        *produce_points(),
        *(Produce(f'pipelined, {size} B', f'one record a request, up to 1,000 under way, {size} B', over_kafka=3,
                  bytes=size, linger=0, batch=1, inflight=1000, queue=2000) for size in (100, 1024)),
        *java_points(),
        Latency('latency, 1000/s', 'end to end, 1 KiB, 1,000 records/s', bytes=1024, rate=1000, linger=0),
        Latency('latency, 5000/s', 'end to end, 100 B, 5,000 records/s', bytes=100, rate=5000, linger=0),
        CatchUp('catch-up', 'cold backlog of 1 KiB records while 5,000/s come in', bytes=1024, rate=5000, linger=0),
        *many_points(many),
    ]
