/* metrics.c - see metrics.h. */
#include "doors/console/metrics.h"

#include <inttypes.h>
#include <stddef.h>

enum type { GAUGE, COUNTER };

static const char *const types[] = { [GAUGE] = "gauge", [COUNTER] = "counter" };

struct metric {
    const char *name;
    enum type   type;
    size_t      at; /* of the member in struct tally */
    const char *help;
};

#define ROW(name, type, member, help) { name, type, offsetof(struct tally, member), help }

static const struct metric engine_metrics[] = {
    ROW("myna_topics", GAUGE, topics, "topics"),
    ROW("myna_logs", GAUGE, logs, "logs (partitions) of all topics"),
    ROW("myna_log_bytes", GAUGE, log_bytes, "bytes of the record batches in all logs"),
    ROW("myna_queues", GAUGE, queues, "queues and subscriptions"),
    ROW("myna_exchanges", GAUGE, exchanges, "exchanges"),
    ROW("myna_groups", GAUGE, groups, "consumer groups"),
    ROW("myna_consumers", GAUGE, consumers, "consumers of queues, streams and subscriptions"),
    ROW("myna_users", GAUGE, users, "users"),
    ROW("myna_messages_ready", GAUGE, ready, "messages in queues that a consumer may take"),
    ROW("myna_messages_leased", GAUGE, leased, "messages in the hands of consumers, not settled"),
    ROW("myna_messages_delayed", GAUGE, delayed, "messages in queues that are not due yet"),
    ROW("myna_messages_routed_total", COUNTER, routed,
        "messages that entered queues: ready, leased, delayed, or with a fate"),
    ROW("myna_journal_bytes", GAUGE, journal_bytes, "bytes of the journal that are kept"),
    ROW("myna_journal_pending_bytes", GAUGE, pending_bytes,
        "bytes journalled and not yet on disk"),
};

static void put_head(struct buf *out, const char *name, enum type type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void put(struct buf *out, const char *name, enum type type, const char *help,
                uint64_t value)
{
    put_head(out, name, type, help);
    buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

static void put_fates(struct buf *out, const struct tally *t)
{
    static const char name[] = "myna_messages_fate_total";

    put_head(out, name, COUNTER, "messages that left queues, by what became of them");
    for (size_t i = 0; i < FATE_COUNT; i++)
        buf_printf(out, "%s{fate=\"%s\"} %" PRIu64 "\n", name, fate_text((enum fate)i),
                   t->fates[i]);
}

void metrics_put_engine(struct buf *out, const struct tally *t)
{
    for (size_t i = 0; i < COUNT(engine_metrics); i++) {
        const struct metric *m = &engine_metrics[i];
        uint64_t             value;

        memcpy(&value, (const char *)t + m->at, sizeof value);
        put(out, m->name, m->type, m->help, value);
    }
    put_fates(out, t);
}

void metrics_put_process(struct buf *out, const struct process_figures *p)
{
    static const char cpu[] = "process_cpu_seconds_total";

    put(out, "process_resident_memory_bytes", GAUGE, "memory that is in use", p->resident_bytes);
    put(out, "process_open_fds", GAUGE, "open files and sockets", p->open_files);
    put_head(out, cpu, COUNTER, "processor time, user and system");
    buf_printf(out, "%s %.2f\n", cpu, p->cpu_seconds);
}

void metrics_put_node(struct buf *out, const char *version, bool is_ready, bool is_full)
{
    put_head(out, "myna_build_info", GAUGE, "the version in a label");
    buf_printf(out, "myna_build_info{version=\"%s\"} 1\n", version);
    put(out, "myna_ready", GAUGE, "1 when recovery is over", is_ready);
    put(out, "myna_disk_full", GAUGE, "1 while publishes are refused for lack of disk space",
        is_full);
}
