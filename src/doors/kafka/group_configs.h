/*
 * group_configs.h - the settings a Kafka group can have: names, types, defaults, bounds, and the member of the group's
 * policy that each is.
 *
 * Names, defaults and most bounds are Apache Kafka's: of consumer and share groups as in 4.2, the limits of deliveries
 * and locks and renewals as its later versions have them, the dead letter topic as in KIP-1191. Two are our own:
 * myna.share.release.delay.ms and its largest value, for records that come back later.
 *
 * What was set is kept as it was written (configs.h, "native") and shown again.
 *
 * Thread: any.
 */
#ifndef DOORS_KAFKA_GROUP_CONFIGS_H
#define DOORS_KAFKA_GROUP_CONFIGS_H

#include "doors/kafka/configs.h"
#include "engine/group_policy_calls.h"

enum group_effect {
    GROUP_NUMBER,
    GROUP_SWITCH,    /* true, false */
    GROUP_START,     /* earliest, latest, by_duration:P... */
    GROUP_ISOLATION, /* read_committed, read_uncommitted */
    GROUP_TOPIC,     /* a topic's name; empty: none */
};

struct group_config {
    const char       *name;
    enum config_type  type;
    enum group_effect effect;
    const char       *value; /* the default */
    int64_t           min, max;
    size_t            member; /* of struct group_policy */
    const char       *broker; /* the broker's setting of the same meaning; NULL: there is none */
    const char       *text;   /* what it is for */
};

extern const struct group_config group_configs[];
extern const size_t              group_config_count;

/* NULL when there is none of that name. */
const struct group_config *group_config_find(struct bytes name);
/* NULL when the setting may have this value; else a sentence why not. */
const char *group_config_check(const struct group_config *c, struct bytes value);
/* What the settings, each of them checked, amount to; its bytes are native's. NULL, or a sentence why they do not go
 * together. */
const char *group_config_policy(struct bytes native, struct group_policy *out);

#endif
