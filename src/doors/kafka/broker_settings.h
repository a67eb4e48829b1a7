/*
 * broker_settings.h - the settings of the broker, as Kafka names them: what a client may read. They
 * say what this broker does; none can be changed while it runs.
 *
 * Those with which topics begin are not listed here, they are a column of topic_configs.
 *
 * Thread: any.
 */
#ifndef DOORS_KAFKA_BROKER_SETTINGS_H
#define DOORS_KAFKA_BROKER_SETTINGS_H

#include "doors/kafka/configs.h"

/* Whose value it is. The texts of the others are in the table. */
enum broker_fact {
    FACT_FIXED,
    FACT_NODE,       /* the number of this node */
    FACT_LISTENERS,  /* where it listens */
    FACT_ADVERTISED, /* where clients are told to go */
    FACT_DATA,       /* the data directory */
};

struct broker_setting {
    const char      *name;
    enum config_type type;
    enum broker_fact fact;
    const char      *value; /* of FACT_FIXED */
    const char      *text;
};

extern const struct broker_setting broker_settings[];
extern const size_t                broker_setting_count;

#endif
