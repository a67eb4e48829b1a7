/* configs.c - see configs.h. */
#include "doors/kafka/configs.h"

#include <stdio.h>

#define NEVER_MS "9223372036854775807"
#define ANY INT64_MIN
#define TO(member) offsetof(struct topic_policy, member)

/* Names, types, defaults and bounds are Apache Kafka's; only segment.bytes may be smaller here, as
 * it could before Kafka 4. */
const struct topic_config topic_configs[] = {
    { "cleanup.policy", CONFIG_LIST, EFFECT_CLEANUP, "delete", "delete compact", 0, 0,
      "log.cleanup.policy",
      "What becomes of old records: deleted by age and size, compacted to the last one of each "
      "key, or both." },
    { "compression.gzip.level", CONFIG_INT, EFFECT_NONE, "-1", NULL, -1, 0,
      "compression.gzip.level", "Kept and shown: gzip's own default is used." },
    { "compression.lz4.level", CONFIG_INT, EFFECT_NONE, "9", NULL, 1, 0, "compression.lz4.level",
      "Kept and shown: lz4's own default is used." },
    { "compression.type", CONFIG_STRING, EFFECT_CODEC, "producer",
      "producer uncompressed gzip snappy lz4 zstd", 0, 0, "compression.type",
      "How batches are stored: as the producer has compressed them, or by this codec." },
    { "compression.zstd.level", CONFIG_INT, EFFECT_NONE, "3", NULL, -131072, 0,
      "compression.zstd.level", "Kept and shown: zstd's own default is used." },
    { "delete.retention.ms", CONFIG_LONG, EFFECT_NUMBER, "86400000", NULL, 0,
      TO(delete_retention_ms), "log.cleaner.delete.retention.ms",
      "How long tombstones stay in a compacted topic after the first pass that met them." },
    { "file.delete.delay.ms", CONFIG_LONG, EFFECT_NONE, "60000", NULL, 0, 0,
      "log.segment.delete.delay.ms",
      "Kept and shown: space is given back as soon as nobody reads it." },
    { "flush.messages", CONFIG_LONG, EFFECT_NONE, NEVER_MS, NULL, 1, 0,
      "log.flush.interval.messages",
      "Kept and shown: every acknowledged record is on disk already." },
    { "flush.ms", CONFIG_LONG, EFFECT_NONE, NEVER_MS, NULL, 0, 0, "log.flush.interval.ms",
      "Kept and shown: every acknowledged record is on disk already." },
    { "follower.replication.throttled.replicas", CONFIG_LIST, EFFECT_NONE, "", NULL, 0, 0, NULL,
      "Kept and shown: no replica is ever moved." },
    { "index.interval.bytes", CONFIG_INT, EFFECT_NONE, "4096", NULL, 0, 0,
      "log.index.interval.bytes", "Kept and shown: offsets are found by another index." },
    { "leader.replication.throttled.replicas", CONFIG_LIST, EFFECT_NONE, "", NULL, 0, 0, NULL,
      "Kept and shown: no replica is ever moved." },
    { "local.retention.bytes", CONFIG_LONG, EFFECT_NONE, "-2", NULL, -2, 0,
      "log.local.retention.bytes", "Kept and shown: nothing is stored remotely." },
    { "local.retention.ms", CONFIG_LONG, EFFECT_NONE, "-2", NULL, -2, 0, "log.local.retention.ms",
      "Kept and shown: nothing is stored remotely." },
    { "max.compaction.lag.ms", CONFIG_LONG, EFFECT_LAG, NEVER_MS, NULL, 1,
      TO(max_compaction_lag_ms), "log.cleaner.max.compaction.lag.ms",
      "How long a record may at most wait for compaction." },
    { "max.message.bytes", CONFIG_INT, EFFECT_BOUND, "1048588", NULL, 0,
      TO(batch_bytes_max), "message.max.bytes",
      "The largest batch of records that is taken." },
    { "message.timestamp.after.max.ms", CONFIG_LONG, EFFECT_BOUND, "3600000", NULL, 0,
      TO(future_ms_max),
      "log.message.timestamp.after.max.ms",
      "How far in the future the timestamp of a record may lie." },
    { "message.timestamp.before.max.ms", CONFIG_LONG, EFFECT_LAG, NEVER_MS, NULL, 0,
      TO(past_ms_max),
      "log.message.timestamp.before.max.ms",
      "How far in the past the timestamp of a record may lie." },
    { "message.timestamp.type", CONFIG_STRING, EFFECT_TIMESTAMP, "CreateTime",
      "CreateTime LogAppendTime", 0, 0, "log.message.timestamp.type",
      "Whether records keep the time their producer gave them, or get that of their append." },
    { "min.cleanable.dirty.ratio", CONFIG_DOUBLE, EFFECT_RATIO, "0.5", NULL, 0, 0,
      "log.cleaner.min.cleanable.ratio",
      "Which part of a compacted topic must be new before a pass is worth it." },
    { "min.compaction.lag.ms", CONFIG_LONG, EFFECT_NUMBER, "0", NULL, 0, TO(min_compaction_lag_ms),
      "log.cleaner.min.compaction.lag.ms",
      "How long a record is at least left alone by compaction." },
    { "min.insync.replicas", CONFIG_INT, EFFECT_NODES, "1", NULL, 1, 0, "min.insync.replicas",
      "How many replicas must have a record before it is acknowledged." },
    { "preallocate", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0, "log.preallocate",
      "Kept and shown: files are always made ahead of need." },
    { "remote.log.copy.disable", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0, NULL,
      "Kept and shown: nothing is stored remotely." },
    { "remote.log.delete.on.disable", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0, NULL,
      "Kept and shown: nothing is stored remotely." },
    { "remote.storage.enable", CONFIG_BOOL, EFFECT_FIXED, "false", NULL, 0, 0, NULL,
      "Whether records are stored remotely." },
    { "retention.bytes", CONFIG_LONG, EFFECT_LIMIT, "-1", NULL, ANY, TO(retention_bytes),
      "log.retention.bytes", "How much of each partition is kept; -1: no limit." },
    { "retention.ms", CONFIG_LONG, EFFECT_LIMIT, "604800000", NULL, -1, TO(retention_ms),
      "log.retention.ms", "How long records are kept; -1: no limit." },
    { "segment.bytes", CONFIG_INT, EFFECT_NUMBER, "1073741824", NULL, 14, TO(segment_bytes),
      "log.segment.bytes",
      "Bounds the newest part of a partition, which compaction leaves alone." },
    { "segment.index.bytes", CONFIG_INT, EFFECT_NONE, "10485760", NULL, 4, 0,
      "log.index.size.max.bytes", "Kept and shown: offsets are found by another index." },
    { "segment.jitter.ms", CONFIG_LONG, EFFECT_NONE, "0", NULL, 0, 0, "log.roll.jitter.ms",
      "Kept and shown: partitions do not share a moment at which files end." },
    { "segment.ms", CONFIG_LONG, EFFECT_NUMBER, "604800000", NULL, 1, TO(segment_ms), "log.roll.ms",
      "Bounds the newest part of a partition, which compaction leaves alone." },
    { "unclean.leader.election.enable", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0,
      "unclean.leader.election.enable", "Kept and shown: there is one copy, and it leads." },
};
const size_t topic_config_count = COUNT(topic_configs);

const struct topic_config *topic_config_find(struct bytes name)
{
    for (size_t i = 0; i < COUNT(topic_configs); i++) {
        if (bytes_eq_str(name, topic_configs[i].name))
            return &topic_configs[i];
    }
    return NULL;
}

/* ---- values ---- */

bool config_number(struct bytes v, int64_t *out)
{
    bool     is_negative = v.len > 0 && v.at[0] == '-';
    uint64_t most = is_negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t n = 0;

    for (size_t i = is_negative; i < v.len; i++) {
        uint64_t digit = (uint64_t)v.at[i] - '0';

        if (digit > 9 || n > (most - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = (int64_t)(is_negative ? 0 - n : n);
    return v.len > is_negative;
}

/* A decimal fraction from 0 to 1, in millionths; further digits do not count. */
static bool get_ratio(struct bytes v, uint32_t *out)
{
    uint64_t millionths = 0;
    uint64_t unit = DIRTY_RATIO_ONE;
    size_t   digits = 0;
    bool     has_point = false;

    for (size_t i = 0; i < v.len; i++) {
        uint64_t digit = (uint64_t)v.at[i] - '0';

        if (v.at[i] == '.' && !has_point) {
            has_point = true;
        } else if (digit <= 9) {
            millionths = has_point ? millionths + digit * (unit /= 10) : millionths * 10 + digit * unit;
            digits++;
        } else {
            return false;
        }
        if (millionths > DIRTY_RATIO_ONE)
            return false;
    }
    *out = (uint32_t)millionths;
    return digits > 0;
}

static bool is_choice(struct bytes v, const char *choices)
{
    struct bytes all = bytes_str(choices);
    size_t       from = 0;

    for (size_t i = 0; i <= all.len; i++) {
        if (i < all.len && all.at[i] != ' ')
            continue;
        if (bytes_eq(v, bytes_of(all.at + from, i - from)))
            return true;
        from = i + 1;
    }
    return false;
}

bool topic_config_next_word(struct bytes list, size_t *from, struct bytes *word)
{
    size_t end = *from;

    if (*from > list.len)
        return false;
    while (end < list.len && list.at[end] != ',')
        end++;
    *word = bytes_of(list.at + *from, end - *from);
    *from = end + 1;
    return true;
}

static bool is_list_of(struct bytes v, const char *choices)
{
    size_t       from = 0;
    struct bytes word;

    while (choices && topic_config_next_word(v, &from, &word))
        if (!is_choice(word, choices))
            return false;
    return true;
}

static bool has_word(struct bytes list, const char *wanted)
{
    size_t       from = 0;
    struct bytes word;

    while (topic_config_next_word(list, &from, &word))
        if (bytes_eq_str(word, wanted))
            return true;
    return false;
}

static bool has_type(const struct topic_config *c, struct bytes v)
{
    int64_t  number;
    uint32_t ratio;

    switch (c->type) {
    case CONFIG_BOOL:
        return bytes_eq_str(v, "true") || bytes_eq_str(v, "false");
    case CONFIG_INT:
        return config_number(v, &number) && number >= c->min && number <= INT32_MAX;
    case CONFIG_LONG:
        return config_number(v, &number) && number >= c->min;
    case CONFIG_DOUBLE:
        return get_ratio(v, &ratio);
    case CONFIG_STRING:
        return is_choice(v, c->choices);
    case CONFIG_LIST:
    default:
        return is_list_of(v, c->choices);
    }
}

static bool is_over(struct bytes value, unsigned most)
{
    int64_t number;

    return config_number(value, &number) && number > (int64_t)most;
}

const char *topic_config_check(const struct topic_config *c, struct bytes value, unsigned nodes)
{
    if (bytes_is_null(value))
        return "Null is not a value of this setting";
    if (value.len > INT16_MAX || !has_type(c, value))
        return "This is not a value of this setting";
    if (c->effect == EFFECT_FIXED && !bytes_eq_str(value, c->value))
        return "Only the default value of this setting is supported";
    if (c->effect == EFFECT_NODES && is_over(value, nodes))
        return "There are not so many brokers";
    return NULL;
}

/* ---- native ---- */

void topic_config_write_name(struct buf *native, const char *name, struct bytes value)
{
    buf_u16(native, (uint16_t)strlen(name));
    buf_str(native, name);
    buf_u16(native, (uint16_t)value.len);
    buf_bytes(native, value);
}

struct bytes topic_config_read_name(struct bytes native, const char *wanted)
{
    struct rd in = rd_of(native);

    while (rd_left(&in) > 0) {
        struct bytes name = rd_bytes(&in, rd_u16(&in));
        struct bytes value = rd_bytes(&in, rd_u16(&in));

        if (!in.failed && bytes_eq_str(name, wanted))
            return value;
    }
    return (struct bytes){ 0 };
}

void topic_config_write(struct buf *native, const struct topic_config *c, struct bytes value)
{
    topic_config_write_name(native, c->name, value);
}

struct bytes topic_config_read(struct bytes native, const struct topic_config *c)
{
    return topic_config_read_name(native, c->name);
}

/* ---- policy ---- */

/* The policy's 0 is "no limit": a limit of 0, which Kafka allows, is the next best. */
static int64_t limit_of(int64_t number)
{
    if (number < 0)
        return 0;
    return number == 0 ? 1 : number;
}

static void set_number(struct topic_policy *p, const struct topic_config *c, struct bytes value)
{
    int64_t number = 0;

    config_number(value, &number);
    if (c->effect == EFFECT_LIMIT)
        number = limit_of(number);
    else if (c->effect == EFFECT_LAG && number == INT64_MAX)
        number = 0;
    else if (c->effect != EFFECT_NUMBER && number == 0)
        number = 1;
    memcpy((char *)p + c->member, &number, sizeof number);
}

/* By codec, in batch.h's order. */
static const char *const codec_names[] = { "uncompressed", "gzip", "snappy", "lz4", "zstd" };

static void set_codec(struct topic_policy *p, struct bytes value)
{
    for (uint32_t i = 0; i < COUNT(codec_names); i++) {
        if (bytes_eq_str(value, codec_names[i])) {
            p->recodes = true;
            p->codec = i;
        }
    }
}

static void set(struct topic_policy *p, const struct topic_config *c, struct bytes value)
{
    switch (c->effect) {
    case EFFECT_CODEC:
        set_codec(p, value);
        break;
    case EFFECT_CLEANUP:
        p->is_compacted = has_word(value, "compact");
        break;
    case EFFECT_TIMESTAMP:
        p->stamps_append = bytes_eq_str(value, "LogAppendTime");
        break;
    case EFFECT_RATIO:
        get_ratio(value, &p->dirty_ratio);
        break;
    case EFFECT_NUMBER:
    case EFFECT_BOUND:
    case EFFECT_LIMIT:
    case EFFECT_LAG:
        set_number(p, c, value);
        break;
    case EFFECT_NONE:
    case EFFECT_FIXED:
    case EFFECT_NODES:
    default:
        break;
    }
}

const char *topic_config_policy(struct bytes native, struct topic_policy *out)
{
    struct bytes cleanup = bytes_str("delete");

    *out = (struct topic_policy){ .retention = RETAIN_TIME };
    for (size_t i = 0; i < COUNT(topic_configs); i++) {
        const struct topic_config *c = &topic_configs[i];
        struct bytes               value = topic_config_read(native, c);

        if (bytes_is_null(value))
            value = bytes_str(c->value);
        if (c->effect == EFFECT_CLEANUP)
            cleanup = value;
        set(out, c, value);
    }
    if (!has_word(cleanup, "delete"))
        out->retention_ms = out->retention_bytes = 0;
    if (out->max_compaction_lag_ms > 0 && out->max_compaction_lag_ms < out->min_compaction_lag_ms)
        return "max.compaction.lag.ms is less than min.compaction.lag.ms";
    return NULL;
}

/* ---- topics that exist ---- */

/* Whether the topic's policy has a say: what is about compaction has none where there is none. */
static bool is_in_force(const struct topic_config *c, const struct topic_policy *p)
{
    switch (c->effect) {
    case EFFECT_CLEANUP:
    case EFFECT_TIMESTAMP:
    case EFFECT_LIMIT:
        return true;
    case EFFECT_RATIO:
    case EFFECT_NUMBER:
    case EFFECT_LAG:
        return p->is_compacted;
    case EFFECT_NONE:
    case EFFECT_FIXED:
    case EFFECT_NODES:
    case EFFECT_BOUND:
    case EFFECT_CODEC:
    default:
        return false;
    }
}

static int64_t number_in(const struct topic_config *c, const struct topic_policy *p)
{
    int64_t n;

    switch (c->effect) {
    case EFFECT_CLEANUP:
        return p->is_compacted;
    case EFFECT_TIMESTAMP:
        return p->stamps_append;
    case EFFECT_CODEC:
        return p->recodes ? p->codec + 1 : 0;
    case EFFECT_RATIO:
        return p->dirty_ratio;
    case EFFECT_NUMBER:
    case EFFECT_BOUND:
    case EFFECT_LIMIT:
    case EFFECT_LAG:
    case EFFECT_NONE:
    case EFFECT_FIXED:
    case EFFECT_NODES:
    default:
        memcpy(&n, (const char *)p + c->member, sizeof n);
        return n;
    }
}

/* The policy's member in words of the setting. */
static struct bytes text_of(const struct topic_config *c, int64_t n, char space[CONFIG_SHOWN_BYTES])
{
    switch (c->effect) {
    case EFFECT_CLEANUP:
        return bytes_str(n ? "compact" : "delete");
    case EFFECT_TIMESTAMP:
        return bytes_str(n ? "LogAppendTime" : "CreateTime");
    case EFFECT_CODEC:
        return bytes_str(n ? codec_names[n - 1] : "producer");
    case EFFECT_RATIO:
        snprintf(space, CONFIG_SHOWN_BYTES, "%lld.%06lld", (long long)(n / DIRTY_RATIO_ONE),
                 (long long)(n % DIRTY_RATIO_ONE));
        return bytes_str(space);
    case EFFECT_LIMIT:
        n = n == 0 ? -1 : n;
        break;
    case EFFECT_LAG:
        n = n == 0 ? INT64_MAX : n;
        break;
    case EFFECT_NUMBER:
    case EFFECT_BOUND:
    case EFFECT_NONE:
    case EFFECT_FIXED:
    case EFFECT_NODES:
    default:
        break;
    }
    snprintf(space, CONFIG_SHOWN_BYTES, "%lld", (long long)n);
    return bytes_str(space);
}

struct bytes topic_config_show(const struct topic_config *c, struct bytes native,
                               const struct topic_policy *policy, char space[CONFIG_SHOWN_BYTES])
{
    struct topic_policy said;

    if (is_in_force(c, policy) && !topic_config_policy(native, &said) &&
        number_in(c, &said) != number_in(c, policy))
        return text_of(c, number_in(c, policy), space);
    return topic_config_read(native, c);
}

const char *topic_config_alter(struct bytes native, const struct topic_policy *before,
                               struct topic_policy *out)
{
    const char *why = topic_config_policy(native, out);

    if (why)
        return why;
    out->time_basis = before->time_basis;
    out->retention = before->retention;
    if (before->retention == RETAIN_TIME)
        return NULL;
    if (bytes_is_null(topic_config_read(native, topic_config_find(bytes_str("retention.ms")))))
        out->retention_ms = before->retention_ms;
    if (bytes_is_null(topic_config_read(native, topic_config_find(bytes_str("retention.bytes")))))
        out->retention_bytes = before->retention_bytes;
    return NULL;
}
