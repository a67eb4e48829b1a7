/*
 * retention.h - records that go by themselves: those of logs by age and size (struct topic_policy),
 * those of queues by age (struct queue_policy).
 *
 * Nothing here is polled. Each log that has a limit has a timer for the moment when its oldest part
 * is over that limit; each queue that has one, for its oldest message. So an idle log costs nothing
 * and still loses its records when it should. A part is a batch in the journal or an extent in a
 * segment: what goes is always whole parts at the front.
 *
 *   R1  A part goes by age when its time and that of all parts before it is longer ago than
 *       retention_ms; by size when the log without it still has retention_bytes.
 *   R2  With RETAIN_BOTH, nothing goes that a queue over the topic still needs.
 *   R3  Only what is on disk goes, and that it is gone is journalled (LOG_TRIMMED): what a client
 *       was told about the start of a log stays true.
 *   R4  A queue's messages that are older than its own retention_ms are settled as expired, but
 *       those that are leased: they are when they come back.
 *   R5  A turn does a bounded share of it. What is left has its timer a millisecond later, what
 *       comes next in the same log or queue has it RETENTION_STEP_MS later.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_RETENTION_H
#define ENGINE_RETENTION_H

#include "engine/engine_int.h"

enum { RETENTION_STEP_MS = 1000 };

/* The log may have something to lose, sooner or later: it got a batch, a queue settled something. Cheap. */
void retention_arm(struct engine *e, struct log *l);
/* The policy of the topic is another one. */
void retention_on_policy(struct engine *e, struct topic *t);
/* After a replay: all logs. */
void retention_on_recovered(struct engine *e);
/* The queue has something ready, or its policy is another one (then the timer was stopped). Cheap. */
void retention_arm_queue(struct queue *q);
/* Journals and applies: records below offset are gone, for the log and its queues. */
void retention_cut(struct engine *e, struct log *l, uint64_t offset);

#endif
