"""suite.py - suite.js for clients in Python: one broker, checks one after the other, TAP.

The first argument of the program, if any, selects checks by a part of their name. PEER=host:port runs the same checks
against another broker.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
BINARY = os.path.abspath(os.environ.get('MYNA', os.path.join(ROOT, 'build/release/myna')))
START_S_MAX = 20
CHECK_S_MAX = 60


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Broker:
    """A Myna of its own; stop() fails unless it ends with status 0 and wrote nothing to stderr."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='myna-test-')
        self.port = int(os.environ.get('MYNA_PORT', 0)) or free_port()
        self.at = f'127.0.0.1:{self.port}'
        self.start()

    def start(self):
        shut = [f'--{door}-port=0' for door in ('amqp', 'sqs', 'pubsub', 'console', 'kafka-tls', 'amqp-tls')]
        self.child = subprocess.Popen(
            [BINARY, '--data', os.path.join(self.folder, 'data'), '--kafka-port', str(self.port)] + shut,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.wait_ready()

    def crash(self):
        """kill -9, and its next start, within a check."""
        self.child.kill()
        self.child.wait()
        self.start()
        signal.alarm(CHECK_S_MAX)

    def wait_ready(self):
        signal.alarm(START_S_MAX)
        for line in self.child.stdout:
            if line.strip() == 'ready':
                signal.alarm(0)
                return
        raise RuntimeError(f'broker ended: {self.child.stderr.read()}')

    def stop(self):
        self.child.terminate()
        _, errors = self.child.communicate(timeout=START_S_MAX)
        assert self.child.returncode == 0 and errors == '', f'{self.child.returncode}: {errors}'

    def dispose(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Peer:
    def __init__(self):
        self.at = os.environ['PEER']

    def stop(self):
        pass

    def dispose(self):
        pass


def on_alarm(_signal, _frame):
    raise TimeoutError('it took too long')


def until(what, every_s=0.02):
    """Polls until there is something true; the time limit of the check ends it."""
    while True:
        found = what()
        if found:
            return found
        time.sleep(every_s)


class Results:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, run):
        self.count += 1
        signal.alarm(CHECK_S_MAX)
        try:
            run()
            print(f'ok {self.count} - {name}', flush=True)
        except Exception:  # whatever it is, it is what the check found
            self.failed += 1
            text = '\n# '.join(traceback.format_exc().strip().split('\n')[-12:])
            print(f'not ok {self.count} - {name}\n# {text}', flush=True)
        finally:
            signal.alarm(0)


def suite(client, connect, close, checks):
    """checks: pairs of a name and a function of what connect(address) gave, which has the broker as .broker."""
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    results = Results()
    state = {}
    signal.signal(signal.SIGALRM, on_alarm)

    def begin():
        state['broker'] = Peer() if 'PEER' in os.environ else Broker()
        state['context'] = connect(state['broker'].at)
        state['context'].broker = state['broker']

    def end():
        close(state['context'])
        state['broker'].stop()

    results.check(f'{client}: broker starts, client connects', begin)
    for name, run in checks if 'context' in state else []:
        if only in name:
            results.check(f'{client}: {name}', lambda run=run: run(state['context']))
    results.check(f'{client}: client closes, broker stops cleanly', end)
    if 'broker' in state:
        state['broker'].dispose()
    print(f'1..{results.count}')
    sys.exit(1 if results.failed else 0)
