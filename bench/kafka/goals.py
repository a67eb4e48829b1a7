"""The goals, and the last line.

  rate      never slower than Kafka that does not sync; five times Kafka that does; three times the former with many
            partitions, and for one producer with a record a request and many requests under way
  latency   p99 and p99.9 from end to end below both Kafkas'
  CPU       a fifth of unsynced Kafka's for each GB
  memory    a tenth of unsynced Kafka's
"""
import statistics

CPU_PART = 1 / 5
MEMORY_PART = 1 / 10


def median_of(turns, *path):
    """The median of a figure over the turns that gave one; None: none did."""
    values = []
    for turn in turns:
        for key in path:
            turn = turn.get(key) if isinstance(turn, dict) else None
        if turn is not None:
            values.append(turn)
    return statistics.median(values) if values else None


def ratio(a, b):
    return a / b if a is not None and b else None


class Goals:
    def __init__(self):
        self.all = []
        self.worst = {'kafka': None, 'kafka synced': None}

    def add(self, text, value, relation, bound):
        """A goal without a figure is missed."""
        met = value is not None and (value >= bound if relation == '>=' else value <= bound)
        self.all.append({'goal': text, 'value': value, 'relation': relation, 'bound': bound, 'met': met})

    def rate(self, title, found, over, bound):
        value = ratio(*(median_of(found[name], 'mb_per_s') for name in ('myna', over)))
        if value is not None:
            self.worst[over] = min(value, self.worst[over] or value)
        self.add(f'{title}: times {over}', value, '>=', bound)

    def late(self, title, found, over):
        for quantile in ('p99_ms', 'p999_ms'):
            value = ratio(*(median_of(found[name], 'received', quantile) for name in ('myna', over)))
            self.add(f'{title}: {quantile[:-3]}, part of {over}', value, '<=', 1)

    def cpu(self, title, found):
        value = ratio(*(median_of(found[name], 'cpu_s_per_gb') for name in ('myna', 'kafka')))
        self.add(f'{title}: CPU for each GB, part of kafka', value, '<=', CPU_PART)

    def memory(self, title, found):
        value = ratio(found['myna']['own_mb'], found['kafka']['own_mb'])
        self.add(f'{title}: memory, part of kafka', value, '<=', MEMORY_PART)

    def of_point(self, point, results):
        """Reads have no sync to wait for: the goal over synced Kafka is for writes."""
        for key, found in results.items():
            is_read = key != point.key
            title = point.title + key[len(point.key):]
            if point.kind == 'latency':
                self.late(title, found, 'kafka')
                self.late(title, found, 'kafka synced')
                continue
            self.rate(title, found, 'kafka', 1 if is_read else point.over_kafka)
            if not is_read and point.kind == 'produce':
                self.rate(title, found, 'kafka synced', point.over_synced)
            if point.cpu:
                self.cpu(title, found)

    def last_line(self):
        met = sum(goal['met'] for goal in self.all)
        worst = [f'{value:.2f}' if value is not None else 'none' for value in self.worst.values()]
        return (f'bench-kafka: {met} of {len(self.all)} goals met, '
                f'worst ratio {worst[0]} vs unsynced, {worst[1]} vs synced')
