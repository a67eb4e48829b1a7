"""What a run found, as tables to read on the way, and as the page build/bench/kafka.md for docs/performance.md."""
import os

import rig
from goals import median_of, ratio

CORES = 2
BUSY = 0.85  # of the cores: more, and what is left decides
CLIENTS_SHARE = 0.5
KAFKAS = ('kafka', 'kafka synced')


def number(value):
    return '' if value is None else f'{value:,.{0 if value >= 1000 else 1 if value >= 10 else 2}f}'


def who_limits(turns):
    """'clients' where they take most of cores that have nothing left: then a faster broker would not show."""
    clients, broker, seconds = (median_of(turns, key) for key in ('client_cpu_s', 'cpu_s', 'seconds'))
    if None in (clients, broker, seconds):
        return ''
    is_busy = clients + broker > BUSY * CORES * seconds or clients > BUSY * seconds
    return 'clients' if is_busy and clients > CLIENTS_SHARE * (clients + broker) else ''


def show_rates(title, found):
    ours = median_of(found['myna'], 'mb_per_s')
    rows = []
    for name, turns in found.items():
        mine = median_of(turns, 'mb_per_s')
        spread = [t['mb_per_s'] for t in turns if 'mb_per_s' in t]
        rows.append((name, number(median_of(turns, 'records_per_s')), number(mine),
                     f'{number(min(spread))} to {number(max(spread))}' if spread else '',
                     number(median_of(turns, 'p50_ms')), number(median_of(turns, 'p99_ms')),
                     number(median_of(turns, 'cpu_s_per_gb')), number(median_of(turns, 'cpu_s')),
                     number(median_of(turns, 'client_cpu_s')), who_limits(turns),
                     '' if name == 'myna' else number(ratio(ours, mine))))
    rig.table(title, ('', 'records/s', 'MB/s', 'turns', 'p50 ms', 'p99 ms', 'CPU s/GB', 'CPU s', 'clients CPU s',
                      'limited by', 'myna is'), rows)


def quantiles(turns, what):
    return [number(median_of(turns, what, q)) for q in ('p50_ms', 'p99_ms', 'p999_ms', 'max_ms')]


def show_latency(title, found):
    rows = [(f'{name} {what}', *quantiles(turns, what), number(median_of(turns, 'cpu_s')))
            for name, turns in found.items() for what in ('received', 'acknowledged') if any(quantiles(turns, what))]
    rig.table(title, ('', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'CPU s'), rows)


def title_of(point, key):
    """A point may have more than one key: what it wrote is read, too."""
    return point.title + key[len(point.key):]


def show(point, results):
    for key, found in results.items():
        if point.kind != 'latency':
            show_rates(title_of(point, key), found)
        if point.kind != 'produce':
            show_latency(title_of(point, key), found)


def show_memory(title, memory):
    rows = [(name, m['own_mb'], m['mapped_mb']) for name, m in memory.items()]
    rig.table(title, ('', 'own MB', 'mapped files MB'), rows)


def show_goals(goals):
    rows = [(g['goal'], number(g['value']), f'{g["relation"]} {number(g["bound"])}', 'met' if g['met'] else 'MISSED')
            for g in goals.all]
    rig.table('Goals', ('', 'is', 'must be', ''), rows)


# ---- the page ----

def row(*cells):
    return '| ' + ' | '.join(cells) + ' |'


def rate_rows(found_by_point):
    yield row('', 'Myna records/s', 'MB/s', 'Kafka', 'synced', 'Myna is', 'times synced', 'CPU s/GB, Myna', 'Kafka', '')
    yield row(*['---'] * 10)
    for point, results in found_by_point:
        for key, found in results.items():
            if point.kind == 'latency':
                continue
            rates = {name: median_of(turns, 'mb_per_s') for name, turns in found.items()}
            ratios = [number(ratio(rates['myna'], rates[name])) for name in KAFKAS]
            cpu = [number(median_of(found[name], 'cpu_s_per_gb')) for name in ('myna', 'kafka')]
            yield row(title_of(point, key), number(median_of(found['myna'], 'records_per_s')),
                      *map(number, rates.values()), *ratios, *cpu, who_limits(found['myna']))


def latency_rows(found_by_point):
    yield row('', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms')
    yield row(*['---'] * 5)
    for point, results in found_by_point:
        for key, found in results.items():
            for name, turns in found.items():
                for what in ('received', 'acknowledged'):
                    if any(quantiles(turns, what)):
                        yield row(f'{title_of(point, key)}, {what}: {name}', *quantiles(turns, what))


def write_page(found_by_point, memory, goals, last_line):
    page = [last_line, '', *rate_rows(found_by_point), '', *latency_rows(found_by_point), '',
            row('memory, MB', *KAFKAS, 'myna'), row(*['---'] * 4)]
    page += [row(f'{key} partitions', *(number(m[name]['own_mb']) for name in (*KAFKAS, 'myna')))
             for key, m in memory.items()]
    page += ['', row('goal missed', 'is', 'must be'), row(*['---'] * 3)]
    page += [row(g['goal'], number(g['value']), f'{g["relation"]} {number(g["bound"])}')
             for g in goals.all if not g['met']]
    with open(os.path.join(rig.OUT, 'kafka.md'), 'w') as file:
        file.write('\n'.join(page) + '\n')
