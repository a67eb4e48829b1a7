/*
 * loop.c - a turn of the loop, on libuv.
 *
 *   poll      sockets; the async handle, whose callback runs the mails
 *   check     end of the turn: tasks put off by loop_later
 *   timer     one uv_timer for all of base/timers, armed for the soonest
 *   prepare   tasks put off by timers, then arm the uv_timer; poll
 *
 *   L1  A task runs once per loop_later, never from inside it.
 *   L2  While tasks wait, the loop does not block (the idle handle is active).
 *   L3  After loop_stop only members and jobs keep the loop alive: its own handles are unreferenced then.
 *
 * Thread: see loop.h. stop_asked is the only field other threads touch, besides the mailbox.
 */
#include "net/loop.h"
#include "base/mem.h"
#include "net/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum { TASK_ROUNDS_MAX = 4 };

struct loop {
    uv_loop_t      uv;
    uv_async_t     wake;
    uv_prepare_t   prepare;
    uv_check_t     check;
    uv_idle_t      idle;
    uv_timer_t     timer;
    struct mailbox mailbox;
    struct timers  timers;
    int64_t        armed_ms; /* what timer is set to; INT64_MAX: stopped */
    struct list    tasks;
    struct list    members;
    struct list    jobs;
    struct loop_job *running; /* the first of them; its thread has it */
    pthread_t      job_thread;
    bool           has_thread; /* else the loop has run it itself */
    struct mail    job_end;
    struct pool    receive;
    struct pool    send;
    atomic_bool    stop_asked;
    bool           is_stopping;
};

static void run_tasks(struct loop *l)
{
    struct list  batch;
    struct list *node;

    /* Move all into a list of our own: what they put off waits for the next round. */
    list_insert(&l->tasks, &batch);
    batch.prev->next = &batch;
    list_remove(&l->tasks);
    while ((node = list_pop(&batch)) != NULL) {
        struct loop_task *t = CONTAINER(node, struct loop_task, in_loop);

        t->run(t);
    }
}

static void on_idle(uv_idle_t *h)
{
    (void)h;
}

/* Few rounds: a task that feeds another (frames into a socket) should not cost a turn, one that feeds itself
 * must not keep the loop from its sockets (L2). */
static void end_turn(struct loop *l)
{
    for (int i = 0; i < TASK_ROUNDS_MAX && !list_empty(&l->tasks); i++)
        run_tasks(l);
    if (list_empty(&l->tasks))
        uv_idle_stop(&l->idle);
    else
        uv_idle_start(&l->idle, on_idle);
}

static void on_timer(uv_timer_t *h)
{
    struct loop *l = h->data;

    l->armed_ms = INT64_MAX;
    timers_run(&l->timers, loop_now_ms(l));
}

static void arm_timer(struct loop *l)
{
    int64_t due_ms = timers_next_ms(&l->timers);
    int64_t now_ms = loop_now_ms(l);

    if (due_ms == l->armed_ms)
        return;
    l->armed_ms = due_ms;
    if (due_ms == INT64_MAX)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, on_timer, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

static void on_check(uv_check_t *h)
{
    end_turn(h->data);
}

static void on_prepare(uv_prepare_t *h)
{
    struct loop *l = h->data;

    end_turn(l);
    arm_timer(l);
}

static void stop_members(struct loop *l)
{
    struct list *node;

    l->is_stopping = true;
    if (list_empty(&l->jobs))
        uv_unref((uv_handle_t *)&l->wake);
    while ((node = list_pop(&l->members)) != NULL) {
        struct loop_member *m = CONTAINER(node, struct loop_member, in_loop);

        m->stop(m);
    }
}

static void on_wake(uv_async_t *h)
{
    struct loop *l = h->data;

    mail_run(&l->mailbox);
    if (!l->is_stopping && atomic_load(&l->stop_asked))
        stop_members(l);
}

static void wake(void *ctx)
{
    struct loop *l = ctx;

    uv_async_send(&l->wake);
}

/* ---- jobs ---- */

/* On its own thread. */
static void *job_main(void *arg)
{
    struct loop *l = arg;

    pthread_setname_np(pthread_self(), "job");
    l->running->run(l->running);
    mail_post(&l->mailbox, &l->job_end);
    return NULL;
}

/* Where the system refuses a thread the loop does it itself, and is held up. */
static void begin_job(struct loop *l)
{
    l->running = CONTAINER(l->jobs.next, struct loop_job, in_loop);
    l->has_thread = pthread_create(&l->job_thread, NULL, job_main, l) == 0;
    if (!l->has_thread) {
        l->running->run(l->running);
        mail_post(&l->mailbox, &l->job_end);
    }
}

static void on_job_end(struct mail *m)
{
    struct loop     *l = CONTAINER(m, struct loop, job_end);
    struct loop_job *j = l->running;

    if (l->has_thread)
        pthread_join(l->job_thread, NULL);
    list_remove(&j->in_loop);
    if (!list_empty(&l->jobs))
        begin_job(l);
    else if (l->is_stopping)
        uv_unref((uv_handle_t *)&l->wake);
    j->done(j);
}

void loop_offload(struct loop *l, struct loop_job *j)
{
    bool is_first = list_empty(&l->jobs);

    list_push(&l->jobs, &j->in_loop);
    if (!is_first)
        return;
    uv_ref((uv_handle_t *)&l->wake); /* L3 */
    begin_job(l);
}

bool loop_has_jobs(const struct loop *l)
{
    return !list_empty(&l->jobs);
}

/* ---- beginning and end ---- */

static void init_handles(struct loop *l)
{
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->timer);
    l->wake.data = l->prepare.data = l->check.data = l->timer.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->check);
    uv_unref((uv_handle_t *)&l->timer);
}

enum err loop_new(struct loop **out)
{
    struct loop *l = mem_new(sizeof *l);

    if (uv_loop_init(&l->uv) != 0)
        goto fail;
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0) {
        uv_loop_close(&l->uv);
        goto fail;
    }
    init_handles(l);
    mailbox_init(&l->mailbox, wake, l);
    timers_init(&l->timers);
    l->armed_ms = INT64_MAX;
    list_init(&l->tasks);
    list_init(&l->members);
    list_init(&l->jobs);
    l->job_end.run = on_job_end;
    atomic_init(&l->stop_asked, false);
    *out = l;
    return ERR_OK;
fail:
    free(l);
    return ERR_IO;
}

void loop_free(struct loop *l)
{
    int rc;

    assert(list_empty(&l->members) && list_empty(&l->jobs));
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    rc = uv_loop_close(&l->uv);
    assert(rc == 0); /* a handle is still open: somebody did not close a connection or listener */
    (void)rc;
    mailbox_fini(&l->mailbox);
    timers_fini(&l->timers);
    pool_fini(&l->receive);
    pool_fini(&l->send);
    free(l);
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_turn(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_ONCE);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop_asked, true);
    uv_async_send(&l->wake);
}

struct mailbox *loop_mailbox(struct loop *l)
{
    return &l->mailbox;
}

int64_t loop_now_ms(const struct loop *l)
{
    return (int64_t)uv_now(&l->uv);
}

uint64_t loop_clock_ns(void)
{
    return uv_hrtime();
}

int64_t loop_wall_ms(const struct loop *l)
{
    struct timespec now;

    (void)l;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timers *loop_timers(struct loop *l)
{
    return &l->timers;
}

void loop_later(struct loop *l, struct loop_task *t)
{
    if (t->in_loop.next && !list_empty(&t->in_loop))
        return;
    list_push(&l->tasks, &t->in_loop);
}

void loop_cancel(struct loop_task *t)
{
    if (t->in_loop.next)
        list_remove(&t->in_loop);
}

void loop_join(struct loop *l, struct loop_member *m)
{
    list_push(&l->members, &m->in_loop);
}

void loop_leave(struct loop_member *m)
{
    list_remove(&m->in_loop);
}

bool loop_is_empty(const struct loop *l)
{
    return list_empty(&l->members);
}

bool loop_is_stopping(const struct loop *l)
{
    return l->is_stopping;
}

void *loop_uv(struct loop *l)
{
    return &l->uv;
}

struct pool *loop_receive_pool(struct loop *l)
{
    return &l->receive;
}

struct pool *loop_send_pool(struct loop *l)
{
    return &l->send;
}
