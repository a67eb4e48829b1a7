/*
 * nodes.h - the brokers that this one process is said to be.
 *
 * Usually one, with number 1. With the option for it there are several, on ports that follow one another, so
 * that clients and test suites which insist on several brokers, or on a replication factor of three, have
 * them: nodes on paper. Leaders are spread over them by topic and partition and the replicas of a
 * partition are the nodes that follow its leader; groups have their coordinators likewise. Every
 * node answers for everything, for it is all the same broker, and the data is there once.
 *
 * A topic's replication factor is kept with its settings (configs.h), as a setting that is not shown.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_NODES_H
#define DOORS_KAFKA_NODES_H

#include "doors/kafka/request.h"

struct kafka_nodes {
    unsigned count;
    int32_t  self; /* the one that the request came to */
};
struct kafka_nodes kafka_nodes_of(const struct kafka_request *r);

const char *kafka_node_host(const struct kafka_request *r, int32_t node);
uint16_t kafka_node_port(const struct kafka_request *r, int32_t node);
static inline bool kafka_is_node(const struct kafka_request *r, int32_t node)
{
    return node >= 1 && (unsigned)node <= kafka_nodes_of(r).count;
}
/* Nodes that there are, at least one, each once. */
bool kafka_is_replica_list(const struct kafka_request *r, struct wire_i32s nodes);
int32_t kafka_leader(const struct kafka_request *r, const struct uuid *topic, uint32_t partition);
struct wire_i32s kafka_replicas(struct kafka_request *r, const struct topic_view *topic,
                                uint32_t partition);
int32_t kafka_coordinator(const struct kafka_request *r, struct bytes key);

/* The replication factor among a topic's settings: 1 when it is not said. */
unsigned kafka_replication_read(struct bytes native);
void kafka_replication_write(struct buf *native, unsigned factor);

#endif
