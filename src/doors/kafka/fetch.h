/*
 * fetch.h - what reads with and without a session (fetch.c, fetch_session.c) have in common.
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_FETCH_H
#define DOORS_KAFKA_FETCH_H

#include "doors/kafka/request.h"
#include "engine/fetch_calls.h"

enum { FETCH_NO_SESSION = 0 };

/* A read within these limits. */
struct fetch_limits {
    uint32_t bytes_max, bytes_min;
    int64_t  wait_ms;
};
struct fetch_limits kafka_fetch_limits(const struct fetch_request *q);
/* What is wrong with what a partition asks for; ERR_OK: nothing. */
enum err kafka_fetch_check(const struct kafka_request *r, const struct fetch_request_partition *p);
struct fetch_response_partition kafka_fetch_unread(const struct kafka_request *r, int32_t index);
void kafka_fetch_fill(struct kafka_request *r, const struct read_item *item, struct fetch_response_partition *p);
void kafka_fetch_drop(const struct read_item *items, size_t count);

/* The request begins, goes on with, or ends a session. */
void kafka_fetch_in_session(struct kafka_request *r);

#endif
