/* worker.c - see worker.h. */
#include "node/worker.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* How many turns the commit thread commits when another came meanwhile, and when it took this long. */
enum { CROWDED_TURNS = 16, SLOW_TURNS = 32, SLOW_MS = 2 };

struct worker {
    struct mailbox      calls;
    struct mailbox      completions;
    pthread_mutex_t     lock;
    pthread_cond_t      cond;
    bool                has_mail;
    bool                is_stopping;
    pthread_t           thread;
    const struct clock *clock;
    struct shard       *shard;
    struct engine      *engine;
    struct recovery    *recovery;
    unsigned            busy_turns; /* left in which it does not commit itself */
    void (*on_failed)(enum err err, const char *what);
};

static void wake(void *ctx)
{
    struct worker *w = ctx;

    pthread_mutex_lock(&w->lock);
    w->has_mail = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static void run_call(struct mail *m)
{
    struct call *c = CONTAINER(m, struct call, mail);

    engine_submit(c->engine, c);
}

void worker_address(struct worker *w, struct call *c)
{
    c->engine = w->engine;
    c->mail.run = run_call;
}

void worker_submit(struct worker *w, struct mail *first, struct mail *last)
{
    mail_post_chain(&w->calls, first, last);
}

bool worker_is_full(const struct worker *w)
{
    return shard_is_full(w->shard);
}

static void engine_failed(void *ctx, enum err err, const char *what)
{
    struct worker *w = ctx;

    w->on_failed(err, what);
}

/* One sleep of at most until the engine's next timer. False: it is due. */
static bool sleep_until(struct worker *w, int64_t due_ms)
{
    int64_t         monotonic_ms = due_ms - w->clock->offset_ms;
    struct timespec at = { monotonic_ms / 1000, monotonic_ms % 1000 * 1000000 };

    if (due_ms == INT64_MAX)
        return pthread_cond_wait(&w->cond, &w->lock) == 0;
    if (due_ms <= clock_now_ms(w->clock))
        return false;
    return pthread_cond_timedwait(&w->cond, &w->lock, &at) == 0;
}

/*
 * Sleeps until there is mail or the engine's next timer is due. False: the worker was told to stop,
 * and all is on disk and no checkpoint under way.
 */
static bool wait_for_work(struct worker *w)
{
    int64_t due_ms = engine_next_ms(w->engine);
    bool    is_done = false;

    pthread_mutex_lock(&w->lock);
    while (!w->has_mail && !is_done) {
        if (w->is_stopping && engine_is_idle(w->engine) && !engine_is_saving(w->engine))
            is_done = true;
        else if (!sleep_until(w, due_ms))
            break;
    }
    w->has_mail = false;
    pthread_mutex_unlock(&w->lock);
    return !is_done;
}

/*
 * With nobody else to serve, this thread may as well wait for the disk itself (shard_let_go). Whoever came meanwhile
 * had to wait: where there is one there will be more, and what they want gathers while another thread waits. A disk
 * that takes long is waited for there, too.
 */
static void let_go(struct worker *w)
{
    bool    is_alone = w->busy_turns == 0 && mailbox_is_empty(&w->calls);
    int64_t begin_ms = is_alone ? clock_now_ms(w->clock) : 0;

    if (w->busy_turns > 0)
        w->busy_turns--;
    if (!shard_let_go(w->shard, is_alone))
        return;
    if (clock_now_ms(w->clock) - begin_ms >= SLOW_MS)
        w->busy_turns = SLOW_TURNS;
    else if (!mailbox_is_empty(&w->calls))
        w->busy_turns = CROWDED_TURNS;
}

static void *run(void *arg)
{
    struct worker *w = arg;

    pthread_setname_np(pthread_self(), "worker");
    while (wait_for_work(w)) {
        shard_hold(w->shard);
        engine_begin(w->engine, clock_now_ms(w->clock));
        mail_run(&w->completions);
        if (!engine_is_congested(w->engine))
            mail_run(&w->calls);
        engine_end(w->engine);
        let_go(w);
    }
    return NULL;
}

static void on_progress(void *ctx, enum engine_stage stage, uint64_t done, uint64_t all)
{
    struct worker *w = ctx;
    char           line[80];

    if (recovery_note(w->recovery, stage, done, all, clock_now_ms(w->clock), line))
        fprintf(stderr, "myna: %s\n", line);
}

uint64_t worker_replayed_bytes(const struct worker *w)
{
    return engine_replayed_bytes(w->engine);
}

static void init(struct worker *w)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    mailbox_init(&w->calls, wake, w);
    mailbox_init(&w->completions, wake, w);
}

enum err worker_open(struct worker **out, struct volume *v, uint32_t shard,
                     const struct worker_limits *limits,
                     const struct clock *clock, struct recovery *recovery,
                     void (*on_failed)(enum err err, const char *what))
{
    struct worker        *w = mem_new(sizeof *w);
    struct engine_options options = { .scrub_bytes_per_s = limits->scrub_bytes_per_s,
                                      .rights = limits->rights,
                                      .limits = limits->limits,
                                      .on_failed = engine_failed,
                                      .on_progress = on_progress,
                                      .ctx = w };
    enum err              err;

    init(w);
    if (limits->memory > 0)
        engine_share_memory(&options, limits->memory);
    w->clock = clock;
    w->recovery = recovery;
    w->on_failed = on_failed;
    if (getrandom(&options.seed, sizeof options.seed, 0) != (ssize_t)sizeof options.seed)
        options.seed = (uint64_t)clock_now_ms(clock);
    err = shard_claim(&w->shard, v, shard, &w->completions);
    if (err == ERR_OK) {
        shard_set_free_min(w->shard, limits->disk_free_min);
        recovery_begin(recovery, clock_now_ms(clock));
        err = engine_open(&w->engine, w->shard, &options, clock_now_ms(clock));
        recovery_end(recovery);
    }
    if (err) {
        worker_close(w);
        return err;
    }
    *out = w;
    return ERR_OK;
}

void worker_start(struct worker *w)
{
    thread_start(&w->thread, run, w);
}

void worker_stop(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

void worker_close(struct worker *w)
{
    if (w->engine)
        engine_close(w->engine);
    while (mail_run(&w->completions) > 0) /* the last checkpoint is written by now; its end is still to be told */
        ;
    if (w->shard)
        shard_release(w->shard);
    mailbox_fini(&w->calls);
    mailbox_fini(&w->completions);
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
