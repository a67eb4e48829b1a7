/*
 * ids.h - message ids and request ids.
 *
 * A message sent by SQS gets a random UUID (version 4), stored with it. A message of another door
 * has none; its MessageId is derived from where it lies (topic, partition, offset: version 8), so
 * that it is the same for every receive, every queue over the topic and after every restart.
 *
 * The generator is seeded once by the door: with the same seed it gives the same ids, which keeps
 * simulated runs repeatable. Ids are not secrets. Thread: the owner's.
 */
#ifndef DOORS_SQS_IDS_H
#define DOORS_SQS_IDS_H

#include "engine/topic_calls.h"

struct ids {
    uint64_t state[4];
};

enum { UUID_TEXT_BYTES = 37 };

void        ids_init(struct ids *ids, uint64_t seed);
struct uuid ids_next(struct ids *ids);
struct uuid ids_of_place(const struct uuid *topic, uint32_t partition, uint64_t offset);
/* Lower case with hyphens and a final 0. */
void uuid_format(const struct uuid *id, char out[UUID_TEXT_BYTES]);

#endif
