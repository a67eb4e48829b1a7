/*
 * configs.h - the settings a Kafka topic can have: names, types, defaults, bounds, and what each
 * does here.
 *
 * Settings given at creation are kept with the topic, as its Kafka part ("native"), and shown
 * again. What they do is one of three things (enum config_effect): those about how long records
 * are kept, compaction and timestamps become members of the topic's policy; those that would change
 * what clients see and that we do not do may only have their default; the others lay out files in
 * a way that this broker does not, and keeping them breaks no promise.
 *
 * Two settings have a meaning of their own here, because logs are not cut into segments by topic:
 * segment.ms and segment.bytes bound the newest part of a log, which compaction leaves alone, as
 * Kafka leaves its active segment alone. Retention does not wait for either.
 *
 * Native layout: per setting: name length u16, name, value length u16, value.
 *
 * Thread: any.
 */
#ifndef DOORS_KAFKA_CONFIGS_H
#define DOORS_KAFKA_CONFIGS_H

#include "base/buf.h"
#include "engine/topic_calls.h"

/* The protocol's numbers (DescribeConfigs). */
enum config_type {
    CONFIG_BOOL = 1,
    CONFIG_STRING = 2,
    CONFIG_INT = 3,
    CONFIG_LONG = 5,
    CONFIG_DOUBLE = 6,
    CONFIG_LIST = 7,
};

enum config_effect {
    EFFECT_NONE,    /* kept and shown */
    EFFECT_FIXED,   /* only the default is supported */
    EFFECT_NODES,   /* kept and shown; at most as many as there are nodes */
    EFFECT_CLEANUP, /* from here on: a member of the policy. Whether it is compacted, whether by age and size */
    EFFECT_TIMESTAMP,
    EFFECT_CODEC,
    EFFECT_RATIO,
    EFFECT_NUMBER, /* the number as it is */
    EFFECT_BOUND,  /* likewise; none may be 0 */
    EFFECT_LIMIT,  /* negative: no limit, which the policy calls 0 */
    EFFECT_LAG,    /* the largest number: no limit. 0 is the next best */
};

struct topic_config {
    const char        *name;
    enum config_type   type;
    enum config_effect effect;
    const char        *value;   /* the default */
    const char        *choices; /* of STRING and LIST, with blanks between; NULL: anything */
    int64_t            min;     /* of INT and LONG */
    size_t             member;  /* of struct topic_policy: NUMBER, LIMIT and LAG */
    const char        *broker;  /* the broker's setting of the same meaning; NULL: there is none */
    const char        *text;    /* what it is for */
};

extern const struct topic_config topic_configs[];
extern const size_t              topic_config_count;

/* NULL when there is none of that name. */
const struct topic_config *topic_config_find(struct bytes name);
/* NULL when the setting may have this value where there are so many nodes (nodes.h); else a sentence why not. */
const char *topic_config_check(const struct topic_config *c, struct bytes value, unsigned nodes);

/* A decimal number; false when it is none or has no room in 64 bits. */
bool config_number(struct bytes v, int64_t *out);

void topic_config_write(struct buf *native, const struct topic_config *c, struct bytes value);
/* What native sets c to; null when it does not. */
struct bytes topic_config_read(struct bytes native, const struct topic_config *c);

/* The same for what is kept with the settings and is none. */
void topic_config_write_name(struct buf *native, const char *name, struct bytes value);
struct bytes topic_config_read_name(struct bytes native, const char *name);

/* The parts of a list, with commas between them; *from begins with 0. */
bool topic_config_next_word(struct bytes list, size_t *from, struct bytes *word);

enum { CONFIG_SHOWN_BYTES = 24 };
/* What the setting is on a topic: null when it is at its default. Other doors change policies, too: where native and
 * policy disagree the policy is right. The text may be in space. */
struct bytes topic_config_show(const struct topic_config *c, struct bytes native,
                               const struct topic_policy *policy, char space[CONFIG_SHOWN_BYTES]);
/* The policy of a topic after its settings became `native`; before: what it was. A topic that other doors made keeps
 * what they decided about its records and is not named in native. NULL, or a sentence why they do not go together. */
const char *topic_config_alter(struct bytes native, const struct topic_policy *before,
                               struct topic_policy *out);

/* What the settings, each of them checked, amount to. NULL, or a sentence why they do not go
 * together. */
const char *topic_config_policy(struct bytes native, struct topic_policy *out);

#endif
