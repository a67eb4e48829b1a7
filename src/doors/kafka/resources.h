/*
 * resources.h - what can have settings, by the protocol's numbers.
 * Thread: any.
 */
#ifndef DOORS_KAFKA_RESOURCES_H
#define DOORS_KAFKA_RESOURCES_H

#include "doors/kafka/request.h"

enum resource_type {
    RESOURCE_TOPIC = 2,
    RESOURCE_BROKER = 4,
    RESOURCE_BROKER_LOGGER = 8,
    RESOURCE_CLIENT_METRICS = 16,
    RESOURCE_GROUP = 32,
};

struct resource_refusal {
    int16_t      code; /* KAFKA_NONE: it is a resource of that type */
    struct bytes text;
};

/* Whether name names a broker's settings: its number, or nothing for those of all brokers. */
struct resource_refusal resource_check_broker(struct kafka_request *r, struct bytes name);
/* Whether there can be a group of that name. */
struct resource_refusal resource_check_group(struct bytes name);
/* What is said of a type that has no settings here. */
struct resource_refusal resource_no_settings(struct kafka_request *r, int8_t type);

#endif
