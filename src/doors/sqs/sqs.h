/*
 * sqs.h - the SQS door: Amazon SQS over HTTP, AWS JSON 1.0.
 *
 * What is not an action: GET / says what this is, GET /health whether the engine answers, anything
 * else is refused in the words of the real service. Signatures are not checked; the access key id
 * only chooses the account (names.h).
 *
 * Thread: the loop's.
 */
#ifndef DOORS_SQS_SQS_H
#define DOORS_SQS_SQS_H

#include "net/door.h"

/* Errors as listener_open. */
MUST_CHECK enum err sqs_door_open(struct door_server **out, const struct door_env *env);

#endif
