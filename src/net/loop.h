/*
 * loop.h - one thread that owns connections: a libuv loop, its mailbox, its clock and its timers.
 *
 * Thread: everything but loop_mailbox's posting side and loop_stop belongs to the loop's own thread.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "base/mail.h"
#include "base/timers.h"

struct loop;

MUST_CHECK enum err loop_new(struct loop **out);
/* All connections must be closed. */
void loop_free(struct loop *l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
/* Any thread. Closes listeners and connections (conn ops: closed), then loop_run returns. */
void loop_stop(struct loop *l);
/* Mails posted here run on the loop's thread. */
struct mailbox *loop_mailbox(struct loop *l);
/* Monotonic milliseconds, as of this turn. */
int64_t loop_now_ms(const struct loop *l);
/* Timers of this loop: timer_start(loop_timers(l), ...); the loop drives them. */
struct timers *loop_timers(struct loop *l);
/* The uv_loop_t, for net/ modules only. */
void *loop_uv(struct loop *l);

#endif
