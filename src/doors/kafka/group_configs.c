/* group_configs.c - see group_configs.h. */
#include "doors/kafka/group_configs.h"
#include "doors/kafka/names.h"

#define TO(member) offsetof(struct group_policy, member)

enum {
    SESSION_MS_MIN = 6000,
    SESSION_MS_MAX = 30 * 60 * 1000,
    HEARTBEAT_MS_MIN = 100,
    HEARTBEAT_MS_MAX = 60 * 1000,
    LOCK_MS_MIN = 1000,
    LOCK_MS_MAX = 60 * 60 * 1000,
    DELAY_MS_MAX = 7 * 24 * 60 * 60 * 1000,
};

const struct group_config group_configs[] = {
    { "consumer.heartbeat.interval.ms", CONFIG_INT, GROUP_NUMBER, "5000", HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX,
      TO(consumer_heartbeat_ms), "group.consumer.heartbeat.interval.ms",
      "How often a member of a consumer group tells that it is there." },
    { "consumer.session.timeout.ms", CONFIG_INT, GROUP_NUMBER, "45000", SESSION_MS_MIN, SESSION_MS_MAX,
      TO(consumer_session_ms), "group.consumer.session.timeout.ms",
      "How long a member of a consumer group may be silent." },
    { "errors.deadletterqueue.copy.record.enable", CONFIG_BOOL, GROUP_SWITCH, "true", 0, 0, TO(copies_record), NULL,
      "Whether the record itself goes into the dead letter topic, or only headers that tell where it is." },
    { "errors.deadletterqueue.topic.name", CONFIG_STRING, GROUP_TOPIC, "", 0, 0, TO(dead_letter_topic), NULL,
      "The topic for records that a share group has given up; empty: there is none." },
    { "myna.share.release.delay.max.ms", CONFIG_LONG, GROUP_NUMBER, "0", 0, DELAY_MS_MAX, TO(release_delay_max_ms),
      NULL, "The delay of a release doubles with each delivery up to this one; 0: it stays the same." },
    { "myna.share.release.delay.ms", CONFIG_LONG, GROUP_NUMBER, "0", 0, DELAY_MS_MAX, TO(release_delay_ms), NULL,
      "How long a record that came back is not delivered again." },
    { "share.auto.offset.reset", CONFIG_STRING, GROUP_START, "latest", 0, 0, TO(start), NULL,
      "Where a share group begins in a partition: earliest, latest or by_duration:<ISO 8601 duration>." },
    { "share.delivery.count.limit", CONFIG_INT, GROUP_NUMBER, "5", 1, 100, TO(delivery_limit),
      "group.share.delivery.count.limit", "How often a record is delivered before it is given up." },
    { "share.heartbeat.interval.ms", CONFIG_INT, GROUP_NUMBER, "5000", HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX,
      TO(share_heartbeat_ms), "group.share.heartbeat.interval.ms",
      "How often a member of a share group tells that it is there." },
    { "share.isolation.level", CONFIG_STRING, GROUP_ISOLATION, "read_uncommitted", 0, 0, TO(committed_only), NULL,
      "read_committed: only what was committed of transactions; read_uncommitted: everything." },
    { "share.partition.max.record.locks", CONFIG_INT, GROUP_NUMBER, "2000", 1, 100000, TO(locks_max),
      "group.share.partition.max.record.locks", "How many records of a partition may be locked at once." },
    { "share.record.lock.duration.ms", CONFIG_INT, GROUP_NUMBER, "30000", LOCK_MS_MIN, LOCK_MS_MAX, TO(lock_ms),
      "group.share.record.lock.duration.ms", "How long a record is locked for the member that got it." },
    { "share.renew.acknowledge.enable", CONFIG_BOOL, GROUP_SWITCH, "true", 0, 0, TO(takes_renewals), NULL,
      "Whether members may lock records for longer." },
    { "share.session.timeout.ms", CONFIG_INT, GROUP_NUMBER, "45000", SESSION_MS_MIN, SESSION_MS_MAX,
      TO(share_session_ms), "group.share.session.timeout.ms", "How long a member of a share group may be silent." },
};
const size_t group_config_count = COUNT(group_configs);

const struct group_config *group_config_find(struct bytes name)
{
    for (size_t i = 0; i < COUNT(group_configs); i++) {
        if (bytes_eq_str(name, group_configs[i].name))
            return &group_configs[i];
    }
    return NULL;
}

/* ---- values ---- */

static bool take(struct bytes *v, const char *prefix)
{
    size_t len = strlen(prefix);

    if (v->len < len || memcmp(v->at, prefix, len) != 0)
        return false;
    *v = bytes_of(v->at + len, v->len - len);
    return true;
}

/* "12." or "12": what is before the unit, in thousandths of it; digits beyond the third do not count. */
static bool take_number(struct bytes *v, int64_t *thousandths, bool *has_fraction)
{
    int64_t n = 0;
    int64_t unit = 1000;
    size_t  i = 0;

    *has_fraction = false;
    for (; i < v->len; i++) {
        int64_t digit = v->at[i] - '0';

        if (v->at[i] == '.' && !*has_fraction && i > 0) {
            *has_fraction = true;
            continue;
        }
        if (digit < 0 || digit > 9)
            break;
        if (n > INT64_MAX / 100000000)
            return false;
        n = *has_fraction ? n + digit * (unit /= 10) : n * 10 + digit * 1000;
    }
    *thousandths = n;
    *v = bytes_of(v->at + i, v->len - i);
    return i > 0;
}

/* ISO 8601 as Kafka takes it: PnDTnHnMn.nS, each part at most once, in this order, one of them at least. */
static bool get_duration(struct bytes v, int64_t *out)
{
    static const struct { const char *unit; int64_t seconds; bool is_time; } units[] = {
        { "D", 24 * 60 * 60, false }, { "H", 60 * 60, true }, { "M", 60, true }, { "S", 1, true },
    };
    bool   has_time = false;
    size_t next = 0;

    *out = 0;
    if (!take(&v, "P") || v.len == 0)
        return false;
    while (v.len > 0) {
        int64_t thousandths;
        bool    has_fraction;

        has_time |= take(&v, "T");
        if (!take_number(&v, &thousandths, &has_fraction))
            return false;
        while (next < COUNT(units) && (units[next].is_time != has_time || !take(&v, units[next].unit)))
            next++;
        if (next == COUNT(units) || (has_fraction && units[next].seconds != 1) ||
            thousandths > (INT64_MAX - *out) / units[next].seconds)
            return false;
        *out += thousandths * units[next++].seconds;
    }
    return true;
}

static bool get_start(struct bytes v, int64_t *out)
{
    *out = bytes_eq_str(v, "earliest") ? OFFSET_EARLIEST : OFFSET_LATEST;
    if (*out == OFFSET_EARLIEST || bytes_eq_str(v, "latest"))
        return true;
    return take(&v, "by_duration:") && get_duration(v, out);
}

/* The value as a number of the policy; false when it is none of this setting. */
static bool get(const struct group_config *c, struct bytes v, int64_t *out)
{
    *out = 0;
    switch (c->effect) {
    case GROUP_NUMBER:
        return config_number(v, out) && *out >= c->min && *out <= c->max;
    case GROUP_SWITCH:
        *out = bytes_eq_str(v, "true");
        return *out || bytes_eq_str(v, "false");
    case GROUP_START:
        return get_start(v, out);
    case GROUP_ISOLATION:
        *out = bytes_eq_str(v, "read_committed");
        return *out || bytes_eq_str(v, "read_uncommitted");
    case GROUP_TOPIC:
    default:
        return v.len == 0 || kafka_is_topic_name(v);
    }
}

const char *group_config_check(const struct group_config *c, struct bytes value)
{
    int64_t number;

    if (bytes_is_null(value))
        return "Null is not a value of this setting";
    return value.len <= INT16_MAX && get(c, value, &number) ? NULL : "This is not a value of this setting";
}

const char *group_config_policy(struct bytes native, struct group_policy *out)
{
    *out = group_policy_default;
    for (size_t i = 0; i < COUNT(group_configs); i++) {
        const struct group_config *c = &group_configs[i];
        struct bytes               value = topic_config_read_name(native, c->name);
        int64_t                    number;

        if (bytes_is_null(value) || !get(c, value, &number))
            continue;
        if (c->effect == GROUP_TOPIC)
            memcpy((char *)out + c->member, &value, sizeof value);
        else
            memcpy((char *)out + c->member, &number, sizeof number);
    }
    if (out->consumer_session_ms <= out->consumer_heartbeat_ms)
        return "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms";
    if (out->share_session_ms <= out->share_heartbeat_ms)
        return "share.session.timeout.ms must be greater than share.heartbeat.interval.ms";
    return NULL;
}
