/*
 * configs.h - the settings a Kafka topic can have: names, types, defaults.
 *
 * Settings given at creation are kept with the topic, as its Kafka part ("native"), and shown
 * again. Those that would change what clients see at once and that we do not do yet may only be
 * given their default (is_fixed); the others say how long records may be kept and how files are
 * laid out, and keeping more and longer breaks no promise.
 *
 * Native layout: per setting: name length u16, name, value length u16, value.
 *
 * Thread: any.
 */
#ifndef DOORS_KAFKA_CONFIGS_H
#define DOORS_KAFKA_CONFIGS_H

#include "base/buf.h"

enum config_type { CONFIG_BOOL, CONFIG_INT, CONFIG_DOUBLE, CONFIG_CHOICE, CONFIG_LIST };

struct topic_config {
    const char      *name;
    enum config_type type;
    bool             is_fixed;
    const char      *value;   /* the default */
    const char      *choices; /* of CHOICE and LIST, with blanks between; NULL: anything */
};

extern const struct topic_config topic_configs[];
extern const size_t              topic_config_count;

/* NULL when there is none of that name. */
const struct topic_config *topic_config_find(struct bytes name);
/* NULL when the setting may have this value; else a sentence why not. */
const char *topic_config_check(const struct topic_config *c, struct bytes value);

void topic_config_write(struct buf *native, const struct topic_config *c, struct bytes value);
/* What native sets c to; null when it does not. */
struct bytes topic_config_read(struct bytes native, const struct topic_config *c);

#endif
