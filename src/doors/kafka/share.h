/*
 * share.h - what the files of share groups have in common (KIP-932): share_groups.c, share_fetch.c, share_offsets.c.
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_SHARE_H
#define DOORS_KAFKA_SHARE_H

#include "doors/kafka/request.h"
#include "engine/share_calls.h"

/* What is said about the members and sessions of a share group, and its records. */
int16_t kafka_share_error(enum err err);
/* "Group G not found.", or what the error says; null: there is none. */
struct bytes kafka_share_text(struct kafka_request *r, enum err err, struct bytes group);

#endif
