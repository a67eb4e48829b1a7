/* configs.c - see configs.h. */
#include "doors/kafka/configs.h"

#define NEVER_MS "9223372036854775807"
#define ANY INT64_MIN
#define TO(member) offsetof(struct topic_policy, member)

/* Names, types, defaults and bounds are Apache Kafka's; only segment.bytes may be smaller here, as
 * it could before Kafka 4. */
const struct topic_config topic_configs[] = {
    { "cleanup.policy", CONFIG_LIST, EFFECT_CLEANUP, "delete", "delete compact", 0, 0 },
    { "compression.gzip.level", CONFIG_INT, EFFECT_NONE, "-1", NULL, -1, 0 },
    { "compression.lz4.level", CONFIG_INT, EFFECT_NONE, "9", NULL, 1, 0 },
    { "compression.type", CONFIG_STRING, EFFECT_FIXED, "producer", "producer", 0, 0 },
    { "compression.zstd.level", CONFIG_INT, EFFECT_NONE, "3", NULL, -131072, 0 },
    { "delete.retention.ms", CONFIG_LONG, EFFECT_NUMBER, "86400000", NULL, 0,
      TO(delete_retention_ms) },
    { "file.delete.delay.ms", CONFIG_LONG, EFFECT_NONE, "60000", NULL, 0, 0 },
    { "flush.messages", CONFIG_LONG, EFFECT_NONE, NEVER_MS, NULL, 1, 0 },
    { "flush.ms", CONFIG_LONG, EFFECT_NONE, NEVER_MS, NULL, 0, 0 },
    { "follower.replication.throttled.replicas", CONFIG_LIST, EFFECT_NONE, "", NULL, 0, 0 },
    { "index.interval.bytes", CONFIG_INT, EFFECT_NONE, "4096", NULL, 0, 0 },
    { "leader.replication.throttled.replicas", CONFIG_LIST, EFFECT_NONE, "", NULL, 0, 0 },
    { "local.retention.bytes", CONFIG_LONG, EFFECT_NONE, "-2", NULL, -2, 0 },
    { "local.retention.ms", CONFIG_LONG, EFFECT_NONE, "-2", NULL, -2, 0 },
    { "max.compaction.lag.ms", CONFIG_LONG, EFFECT_LAG, NEVER_MS, NULL, 1,
      TO(max_compaction_lag_ms) },
    { "max.message.bytes", CONFIG_INT, EFFECT_FIXED, "1048588", NULL, 0, 0 },
    { "message.timestamp.after.max.ms", CONFIG_LONG, EFFECT_FIXED, "3600000", NULL, 0, 0 },
    { "message.timestamp.before.max.ms", CONFIG_LONG, EFFECT_FIXED, NEVER_MS, NULL, 0, 0 },
    { "message.timestamp.type", CONFIG_STRING, EFFECT_TIMESTAMP, "CreateTime",
      "CreateTime LogAppendTime", 0, 0 },
    { "min.cleanable.dirty.ratio", CONFIG_DOUBLE, EFFECT_RATIO, "0.5", NULL, 0, 0 },
    { "min.compaction.lag.ms", CONFIG_LONG, EFFECT_NUMBER, "0", NULL, 0,
      TO(min_compaction_lag_ms) },
    { "min.insync.replicas", CONFIG_INT, EFFECT_FIXED, "1", NULL, 1, 0 },
    { "preallocate", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0 },
    { "remote.log.copy.disable", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0 },
    { "remote.log.delete.on.disable", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0 },
    { "remote.storage.enable", CONFIG_BOOL, EFFECT_FIXED, "false", NULL, 0, 0 },
    { "retention.bytes", CONFIG_LONG, EFFECT_LIMIT, "-1", NULL, ANY, TO(retention_bytes) },
    { "retention.ms", CONFIG_LONG, EFFECT_LIMIT, "604800000", NULL, -1, TO(retention_ms) },
    { "segment.bytes", CONFIG_INT, EFFECT_NUMBER, "1073741824", NULL, 14, TO(segment_bytes) },
    { "segment.index.bytes", CONFIG_INT, EFFECT_NONE, "10485760", NULL, 4, 0 },
    { "segment.jitter.ms", CONFIG_LONG, EFFECT_NONE, "0", NULL, 0, 0 },
    { "segment.ms", CONFIG_LONG, EFFECT_NUMBER, "604800000", NULL, 1, TO(segment_ms) },
    { "unclean.leader.election.enable", CONFIG_BOOL, EFFECT_NONE, "false", NULL, 0, 0 },
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

/* A decimal number; false when it is none or has no room in 64 bits. */
static bool get_number(struct bytes v, int64_t *out)
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

/* The next word of a list with commas between them; *from begins with 0. */
static bool next_word(struct bytes list, size_t *from, struct bytes *word)
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

    while (choices && next_word(v, &from, &word))
        if (!is_choice(word, choices))
            return false;
    return true;
}

static bool has_word(struct bytes list, const char *wanted)
{
    size_t       from = 0;
    struct bytes word;

    while (next_word(list, &from, &word))
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
        return get_number(v, &number) && number >= c->min && number <= INT32_MAX;
    case CONFIG_LONG:
        return get_number(v, &number) && number >= c->min;
    case CONFIG_DOUBLE:
        return get_ratio(v, &ratio);
    case CONFIG_STRING:
        return is_choice(v, c->choices);
    case CONFIG_LIST:
    default:
        return is_list_of(v, c->choices);
    }
}

const char *topic_config_check(const struct topic_config *c, struct bytes value)
{
    if (bytes_is_null(value))
        return "Null is not a value of this setting";
    if (value.len > INT16_MAX || !has_type(c, value))
        return "This is not a value of this setting";
    if (c->effect == EFFECT_FIXED && !bytes_eq_str(value, c->value))
        return "Only the default value of this setting is supported";
    return NULL;
}

/* ---- native ---- */

void topic_config_write(struct buf *native, const struct topic_config *c, struct bytes value)
{
    buf_u16(native, (uint16_t)strlen(c->name));
    buf_str(native, c->name);
    buf_u16(native, (uint16_t)value.len);
    buf_bytes(native, value);
}

struct bytes topic_config_read(struct bytes native, const struct topic_config *c)
{
    struct rd in = rd_of(native);

    while (rd_left(&in) > 0) {
        struct bytes name = rd_bytes(&in, rd_u16(&in));
        struct bytes value = rd_bytes(&in, rd_u16(&in));

        if (!in.failed && bytes_eq_str(name, c->name))
            return value;
    }
    return (struct bytes){ 0 };
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

    get_number(value, &number);
    if (c->effect == EFFECT_LIMIT)
        number = limit_of(number);
    else if (c->effect == EFFECT_LAG && number == INT64_MAX)
        number = 0;
    memcpy((char *)p + c->member, &number, sizeof number);
}

static void set(struct topic_policy *p, const struct topic_config *c, struct bytes value)
{
    switch (c->effect) {
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
    case EFFECT_LIMIT:
    case EFFECT_LAG:
        set_number(p, c, value);
        break;
    case EFFECT_NONE:
    case EFFECT_FIXED:
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
