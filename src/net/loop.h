/*
 * loop.h - one thread that owns connections: a libuv loop, its mailbox, its clock and its timers.
 *
 * A turn is: wait for sockets, run what they, the mails and the timers ask for, then the tasks put off to the
 * end of the turn (loop_later). Connections use such tasks to write everything queued during the turn at once,
 * and to report their end outside of the call that caused it.
 *
 * Thread: everything but loop_mailbox's posting side and loop_stop belongs to the loop's own thread.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "base/list.h"
#include "base/mail.h"
#include "base/timers.h"

struct loop;
struct pool;

MUST_CHECK enum err loop_new(struct loop **out);
/* All connections must be closed. */
void loop_free(struct loop *l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
/* One turn: waits until something happens and deals with it. For tests and tools that drive a loop themselves. */
void loop_turn(struct loop *l);
/* Any thread. Closes listeners and connections (conn ops: closed), then loop_run returns. */
void loop_stop(struct loop *l);
/* Mails posted here run on the loop's thread. */
struct mailbox *loop_mailbox(struct loop *l);
/* Monotonic milliseconds, as of this turn. */
int64_t loop_now_ms(const struct loop *l);
/* Monotonic nanoseconds, now: to measure what a turn does. Any thread. */
uint64_t loop_clock_ns(void);
/* Milliseconds since 1970, now: what messages are stamped with. It may jump; nothing is timed by it. */
int64_t loop_wall_ms(const struct loop *l);
/* Timers of this loop: timer_start(loop_timers(l), ...); the loop drives them. */
struct timers *loop_timers(struct loop *l);

/*
 * Work that would hold up the loop: run() on another thread, done() on the loop's after it. One job
 * after the other, in the order given, so whoever makes many makes others wait for theirs but not for
 * the loop. Embedded in its owner, which must live until done(); zeroed but for the functions. A loop
 * that stops does what it was given first.
 */
struct loop_job {
    struct list in_loop;
    void (*run)(struct loop_job *j);
    void (*done)(struct loop_job *j);
};
void loop_offload(struct loop *l, struct loop_job *j);
/* Is one of them not done yet? */
bool loop_has_jobs(const struct loop *l);

/* Something to run once at the end of this turn; embedded in its owner, zeroed but for run. */
struct loop_task {
    struct list in_loop;
    void (*run)(struct loop_task *t);
};
/* Putting off a task that is put off already changes nothing. What a task puts off runs after all that were
 * there before it, in this turn or the next, which then comes at once. */
void loop_later(struct loop *l, struct loop_task *t);
void loop_cancel(struct loop_task *t);

/* The rest is for net/ modules only. */

/* Something that lives on the loop and must end before loop_run can return; stop() is called once by loop_stop. */
struct loop_member {
    struct list in_loop;
    void (*stop)(struct loop_member *m);
};
void loop_join(struct loop *l, struct loop_member *m);
void loop_leave(struct loop_member *m);
/* Nothing lives on it: no listener, no connection. */
bool loop_is_empty(const struct loop *l);
/* After loop_stop nothing new is taken in. */
bool loop_is_stopping(const struct loop *l);
/* The uv_loop_t. */
void *loop_uv(struct loop *l);
/* Shared receive and send memory (net/pool.h). */
struct pool *loop_receive_pool(struct loop *l);
struct pool *loop_send_pool(struct loop *l);

#endif
