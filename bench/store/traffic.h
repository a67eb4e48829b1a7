/*
 * traffic.h - a publisher and a consumer of one queue: every message is appended by a call of its
 * own, delivered by a subscription, and settled.
 *
 * As many messages are published as are settled, so the queue keeps the backlog it had. Leases are
 * settled in the groups in which they were delivered, as a client that acknowledges with "multiple"
 * does.
 *
 * Thread: the rig's client.
 */
#ifndef BENCH_STORE_TRAFFIC_H
#define BENCH_STORE_TRAFFIC_H

#include "rig.h"

struct traffic;

struct traffic *traffic_new(struct rig *r, const char *queue, size_t record_bytes);
/* Publishes single messages, `count` of them, that nobody consumes. */
void traffic_fill(struct traffic *t, uint64_t count);
/* Publishes and consumes that long. Returns how many messages were settled; nothing is leased or
 * under way then. */
uint64_t traffic_run(struct traffic *t, double seconds);
void     traffic_free(struct traffic *t);

#endif
