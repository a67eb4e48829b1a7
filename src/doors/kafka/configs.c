/* configs.c - see configs.h. */
#include "doors/kafka/configs.h"

#define NEVER_MS "9223372036854775807"

/* Names and defaults are Apache Kafka's. */
const struct topic_config topic_configs[] = {
    { "cleanup.policy", CONFIG_LIST, false, "delete", "delete compact" },
    { "compression.gzip.level", CONFIG_INT, false, "-1", NULL },
    { "compression.lz4.level", CONFIG_INT, false, "9", NULL },
    { "compression.type", CONFIG_CHOICE, true, "producer", "producer" },
    { "compression.zstd.level", CONFIG_INT, false, "3", NULL },
    { "delete.retention.ms", CONFIG_INT, false, "86400000", NULL },
    { "file.delete.delay.ms", CONFIG_INT, false, "60000", NULL },
    { "flush.messages", CONFIG_INT, false, NEVER_MS, NULL },
    { "flush.ms", CONFIG_INT, false, NEVER_MS, NULL },
    { "follower.replication.throttled.replicas", CONFIG_LIST, false, "", NULL },
    { "index.interval.bytes", CONFIG_INT, false, "4096", NULL },
    { "leader.replication.throttled.replicas", CONFIG_LIST, false, "", NULL },
    { "local.retention.bytes", CONFIG_INT, false, "-2", NULL },
    { "local.retention.ms", CONFIG_INT, false, "-2", NULL },
    { "max.compaction.lag.ms", CONFIG_INT, false, NEVER_MS, NULL },
    { "max.message.bytes", CONFIG_INT, true, "1048588", NULL },
    { "message.timestamp.after.max.ms", CONFIG_INT, true, "3600000", NULL },
    { "message.timestamp.before.max.ms", CONFIG_INT, true, NEVER_MS, NULL },
    { "message.timestamp.type", CONFIG_CHOICE, true, "CreateTime", "CreateTime LogAppendTime" },
    { "min.cleanable.dirty.ratio", CONFIG_DOUBLE, false, "0.5", NULL },
    { "min.compaction.lag.ms", CONFIG_INT, false, "0", NULL },
    { "min.insync.replicas", CONFIG_INT, true, "1", NULL },
    { "preallocate", CONFIG_BOOL, false, "false", NULL },
    { "remote.log.copy.disable", CONFIG_BOOL, false, "false", NULL },
    { "remote.log.delete.on.disable", CONFIG_BOOL, false, "false", NULL },
    { "remote.storage.enable", CONFIG_BOOL, true, "false", NULL },
    { "retention.bytes", CONFIG_INT, false, "-1", NULL },
    { "retention.ms", CONFIG_INT, false, "604800000", NULL },
    { "segment.bytes", CONFIG_INT, false, "1073741824", NULL },
    { "segment.index.bytes", CONFIG_INT, false, "10485760", NULL },
    { "segment.jitter.ms", CONFIG_INT, false, "0", NULL },
    { "segment.ms", CONFIG_INT, false, "604800000", NULL },
    { "unclean.leader.election.enable", CONFIG_BOOL, false, "false", NULL },
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

/* A decimal number, with a fraction when one is allowed. */
static bool is_number(struct bytes v, bool has_fraction)
{
    size_t digits = 0;

    for (size_t i = 0; i < v.len; i++) {
        if (v.at[i] >= '0' && v.at[i] <= '9')
            digits++;
        else if (has_fraction && v.at[i] == '.')
            has_fraction = false;
        else if (v.at[i] != '-' || i > 0)
            return false;
    }
    return digits > 0 && digits < 20;
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

/* Words with commas between them, each a choice. */
static bool is_list_of(struct bytes v, const char *choices)
{
    size_t from = 0;

    for (size_t i = 0; i <= v.len; i++) {
        if (i < v.len && v.at[i] != ',')
            continue;
        if (choices && !is_choice(bytes_of(v.at + from, i - from), choices))
            return false;
        from = i + 1;
    }
    return true;
}

static bool has_type(const struct topic_config *c, struct bytes v)
{
    switch (c->type) {
    case CONFIG_BOOL:
        return bytes_eq_str(v, "true") || bytes_eq_str(v, "false");
    case CONFIG_INT:
        return is_number(v, false);
    case CONFIG_DOUBLE:
        return is_number(v, true);
    case CONFIG_CHOICE:
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
    if (c->is_fixed && !bytes_eq_str(value, c->value))
        return "Only the default value of this setting is supported";
    return NULL;
}

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
