/*
 * throttle.h - quotas in force: who is over his is told how long he has to wait, and not listened to for so long.
 *
 *   TH1  What counts is counted when a request is answered: bytes of a Produce as they came, of records that a Fetch
 *        brings, and the time that this thread had to do with it.
 *   TH2  The answer leaves at once and says how long (throttle_time_ms); then nothing is read from the connection for
 *        that time (KIP-219), so what the client sends meanwhile waits in its own buffers. Nothing ends a connection
 *        because of it.
 *   TH3  Where no quota is set this costs a look at a number.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_THROTTLE_H
#define DOORS_KAFKA_THROTTLE_H

#include "doors/kafka/request.h"

/* This thread begins to work for a request, and stops: on_calls_done, kafka_submit. */
void throttle_begin(struct kafka_conn *c);
void throttle_pause(struct kafka_request *r);
/* How long its client has to wait after this request, whose answer has so many bytes of records. */
int32_t throttle_answer(struct kafka_request *r, size_t record_bytes);
/* The same answer that says so. */
const void *throttle_tell(struct kafka_request *r, const void *response, int32_t wait_ms);
/* Partitions that a request makes or deletes. False: not now; where the version has no error for it, it may. */
bool throttle_takes_mutations(struct kafka_request *r, uint32_t partitions, int16_t strict_since);
/* A new connection from there: how long it has to wait for its end; 0: it is welcome. */
int64_t throttle_connection(struct kafka_conn *c);

#endif
