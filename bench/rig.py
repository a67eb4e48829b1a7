"""What the benchmark programs share: brokers as processes, C clients, tables, result files."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
OUT = os.path.join(ROOT, 'build/bench')
CFLAGS = ['-std=gnu17', '-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Wshadow', '-Wconversion',
          '-Wno-missing-field-initializers']


def build_client(name, sources, libraries):
    """Compiles build/bench/NAME when one of its sources (files of bench/) is newer."""
    os.makedirs(OUT, exist_ok=True)
    paths, binary = [os.path.join(ROOT, 'bench', s) for s in sources], os.path.join(OUT, name)
    if not os.path.exists(binary) or os.path.getmtime(binary) < max(map(os.path.getmtime, paths)):
        code = [p for p in paths if p.endswith('.c')]
        subprocess.run(['cc', *CFLAGS, *code, '-o', binary, *libraries], check=True)


def hold_to_two_cores():
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    return cores


def client(name, *args, seconds=150):
    done = subprocess.run([os.path.join(OUT, name), *map(str, args)], capture_output=True, text=True, timeout=seconds)
    if done.returncode != 0:
        raise RuntimeError(f'{name} {" ".join(map(str, args))}: {done.stderr.strip() or done.stdout.strip()}')
    return json.loads(done.stdout)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(port, process, seconds):
    for _ in range(int(seconds * 20)):
        if process.poll() is not None:
            raise RuntimeError(f'broker ended with {process.returncode}')
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f'nothing listens on {port}')


def fresh_folder(name):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


class Server:
    """A broker under test: its process, its CPU time (children included), and its end."""
    def __init__(self, name, sync, command, env=None):
        self.name, self.sync = name, sync
        self.log = open(os.path.join(OUT, f'{name}.log'), 'w')
        self.process = subprocess.Popen(command, env=dict(os.environ, **(env or {})), stdout=self.log,
                                        stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)

    def pids(self):
        """The process and what it started: RabbitMQ runs below a shell."""
        parents = {}
        for entry in os.listdir('/proc'):
            with contextlib.suppress(OSError, ValueError):
                with open(f'/proc/{int(entry)}/stat') as file:
                    parents[int(entry)] = int(file.read().rsplit(')', 1)[1].split()[1])
        found = {self.process.pid}
        while True:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                with open(f'/proc/{pid}/stat') as file:
                    fields = file.read().rsplit(')', 1)[1].split()
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf('SC_CLK_TCK')

    def measured(self, run, *args):
        """What run(*args) found, with the broker's CPU time beside it."""
        before = self.cpu_seconds()
        result = run(*args)
        result['cpu_s'] = round(self.cpu_seconds() - before, 3)
        if result.get('bytes'):
            result['cpu_s_per_gb'] = round(result['cpu_s'] / (result['bytes'] / 1e9), 3)
        return result

    def memory_mb(self):
        """Resident: its own memory, and file pages it has mapped (which the page cache would hold anyway)."""
        found = {}
        with open(f'/proc/{self.process.pid}/status') as file:
            for line in file:
                key, _, value = line.partition(':')
                if key in ('RssAnon', 'RssFile', 'RssShmem'):
                    found[key] = int(value.split()[0]) / 1024
        return {'own_mb': round(found['RssAnon'] + found['RssShmem'], 1), 'mapped_mb': round(found['RssFile'], 1)}

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGCONT)
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


def start_myna(data):
    """Myna from build/release on free ports; server.ports names them."""
    ports = {door: free_port() for door in ('kafka', 'amqp', 'sqs', 'pubsub', 'console')}
    command = [os.path.join(ROOT, 'build/release/myna'), '--data', data]
    for door, port in ports.items():
        command += [f'--{door}-port', str(port)]
    server = Server('myna', 'fdatasync before every acknowledgement, shared by all that wait (group commit)', command)
    server.ports = ports
    wait_for_port(ports['pubsub'], server.process, 20)
    return server


def table(title, head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    print(f'\n{title}')
    for row in [head, *rows]:
        cells = [str(cell).ljust(w) if i == 0 else str(cell).rjust(w) for i, (cell, w) in enumerate(zip(row, widths))]
        print('  ' + '  '.join(cells).rstrip(), flush=True)


def save(name, found):
    with open(os.path.join(OUT, f'{name}.json'), 'w') as file:
        json.dump(found, file, indent=2)
        file.write('\n')
