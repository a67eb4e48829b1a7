"""The brokers of the comparison: Myna, Apache Kafka as it comes, Apache Kafka that syncs every append.

All three run during the whole benchmark, so that Kafka's code stays compiled; only the one that is measured is awake,
the others are stopped by SIGSTOP. What a broker left unwritten is written before the next one's turn.
"""
import os
import shutil
import subprocess
import time

from rig import OUT, ROOT, Server, free_port, fresh_folder, start_myna, wait_for_port

JARS = os.path.join(ROOT, 'build/kafka/*')
HEAP = ['-Xms1G', '-Xmx1G']  # kafka-server-start.sh's
JVM = ['-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35',
       '-XX:+ExplicitGCInvokesConcurrent', '-Djava.awt.headless=true']  # kafka-run-class.sh's
SETTINGS = {
    'process.roles': 'broker,controller', 'node.id': '1', 'controller.listener.names': 'CONTROLLER',
    'offsets.topic.replication.factor': '1', 'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1', 'transaction.state.log.min.isr': '1',
    'num.network.threads': '3', 'num.io.threads': '8',
    'socket.send.buffer.bytes': '1048576', 'socket.receive.buffer.bytes': '1048576',
    'broker.session.timeout.ms': '3600000',    # its controller must not miss the broker while both are stopped
    # Of 10 MB as Kafka comes. The first touch of an index is a page fault, for which Linux reads far ahead in the hole
    # that the file is: with thousands of partitions that took this Kafka minutes.
    'log.index.size.max.bytes': '262144',
    'log.segment.delete.delay.ms': '100',      # dropped topics leave the disk before the next turn
}
SAID = ('Kafka 4.2.0: KRaft, one node, G1 with a heap of 1 GB, 3 network and 8 I/O threads, socket buffers of 1 MiB, '
        'small indexes,\ncompiled warm; fetches go by sendfile')


def java(main, *args, heap=()):
    return ['java', *heap, *JVM, '-cp', JARS, main, *args]


class Broker:
    """One of the three. `server` is its process while it runs."""
    name = sync = None

    def __init__(self):
        self.folder = fresh_folder(self.name.replace(' ', '-') + '-data')
        self.kept = set()  # topics that stay between turns
        self.server = None
        self.start()

    @property
    def at(self):
        return f'127.0.0.1:{self.port}'

    def freeze(self):
        self.server.freeze()
        os.sync()

    def thaw(self):
        self.server.thaw()
        time.sleep(0.2)

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget_pages(self):
        """Takes its files out of the page cache. Pages that a process has mapped would stay."""
        os.sync()
        for folder, _, names in os.walk(self.folder):
            for name in names:
                try:
                    fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW)
                except OSError:
                    continue  # a socket, or gone
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(fd)

    def make_cold(self):
        self.forget_pages()


class Myna(Broker):
    name = 'myna'
    sync = 'fdatasync before every acknowledgement'

    def start(self):
        self.server = start_myna(os.path.join(self.folder, 'data'))
        self.port = self.server.ports['kafka']

    def make_cold(self):
        """It maps its segments: a new process has none mapped yet."""
        self.server.stop()
        self.start()
        self.forget_pages()


class Kafka(Broker):
    name = 'kafka'
    sync = "never synced, Kafka's default"
    extra = {}

    def start(self):
        self.port, controller = free_port(), free_port()
        settings = dict(SETTINGS, **self.extra)
        settings['log.dirs'] = os.path.join(self.folder, 'logs')
        settings['controller.quorum.voters'] = f'1@127.0.0.1:{controller}'
        settings['listeners'] = f'PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}'
        config = os.path.join(self.folder, 'server.properties')
        with open(config, 'w') as file:
            file.writelines(f'{key}={value}\n' for key, value in settings.items())
        subprocess.run(java('kafka.tools.StorageTool', 'format', '-t', 'bXluYS1iZW5jaC1rYWZrYQ', '-c', config),
                       check=True, capture_output=True)
        self.server = Server(self.name.replace(' ', '-'), self.sync, java('kafka.Kafka', config, heap=HEAP))
        wait_for_port(self.port, self.server.process, 60)


class SyncedKafka(Kafka):
    name = 'kafka synced'
    sync = 'log.flush.interval.messages=1: every append is flushed'
    extra = {'log.flush.interval.messages': '1'}
