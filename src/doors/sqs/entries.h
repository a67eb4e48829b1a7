/*
 * entries.h - the frame around every batch action: one to ten entries with distinct ids, each of
 * which succeeds or fails by itself, in an answer with the lists Successful and Failed.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_ENTRIES_H
#define DOORS_SQS_ENTRIES_H

#include "doors/sqs/errors.h"

#include <jansson.h>

enum { ENTRIES_MAX = 10 };

/* Number, ids, distinctness. label names an entry in texts ("SendMessageBatchRequestEntry"). */
bool entries_check(const json_t *entries, const char *label, struct fault *f);
/* Adds to Successful a new object with the Id of the entry; returned for more members, owned by
 * out. */
json_t *entries_succeed(json_t *out, const json_t *entry);
/* Adds to Failed. */
void entries_fail(json_t *out, const json_t *entry, const struct fault *f);

#endif
