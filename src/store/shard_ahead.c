/*
 * shard_ahead.c - see shard_file.h: replay by two threads. One reads the journal, checks it and
 * judges where it ends; the other, the owner's, applies the frames it is given. So the disk is busy
 * while the engine is, and the search behind the last frame costs no time of its own.
 *
 *     reader --portions of steps--> owner        a step: a frame's body, or a file that is done with
 *
 *   A1  The owner gets every step once and in the order in which the reader had it.
 *   A2  When the owner's function fails it gets nothing more, the reader ends at its next portion,
 *       and that error counts: whatever the reader found out lies behind the frame that failed.
 *   A3  A file leaves the process' memory after its last frame was applied, not when it was read.
 *
 * The portions are a ring. The reader fills the one behind those that were handed over; so it is at
 * most PORTION_COUNT portions ahead. Without threads, or when the system refuses one more, a step is
 * done when it is found.
 */
#include "store/shard_file.h"
#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>

enum {
    PORTION_COUNT = 64,
    PORTION_STEPS = 128,
    PORTION_BYTES = 512 << 10, /* one that has so much is handed over */
};

struct step {
    struct bytes  body;
    uint64_t      position;
    struct block *done; /* instead: the file's mapping */
};

struct portion {
    struct step steps[PORTION_STEPS];
    size_t      count;
    uint64_t    bytes;
};

struct ahead {
    struct disk     *disk;
    shard_replay_fn *fn;
    void            *ctx;
    ahead_find_fn   *find;
    void            *find_ctx;
    enum err         find_err; /* the reader's until it ended */
    struct portion  *filling;  /* the reader's */
    bool             has_reader;
    pthread_mutex_t  lock; /* guards what follows */
    pthread_cond_t   changed;
    size_t           first; /* of the portions that were handed over, with how many there are */
    size_t           count;
    bool             is_over;
    enum err         refused; /* by the owner */
    struct portion   ring[PORTION_COUNT];
};

static enum err take_step(const struct ahead *a, const struct step *s)
{
    if (!s->done)
        return a->fn(a->ctx, s->body, s->position);
    disk_unload(a->disk, s->done);
    return ERR_OK;
}

/* ---- the reader ---- */

/* lock is held. */
static void hand_over(struct ahead *a)
{
    a->count++;
    pthread_cond_broadcast(&a->changed);
}

static enum err next_portion(struct ahead *a)
{
    enum err err;

    pthread_mutex_lock(&a->lock);
    hand_over(a);
    while (a->count == PORTION_COUNT && !a->refused)
        pthread_cond_wait(&a->changed, &a->lock);
    a->filling = &a->ring[(a->first + a->count) % PORTION_COUNT];
    err = a->refused;
    pthread_mutex_unlock(&a->lock);
    if (!err)
        a->filling->count = a->filling->bytes = 0;
    return err;
}

static enum err add(struct ahead *a, const struct step *s)
{
    struct portion *p = a->filling;

    if (!a->has_reader)
        return take_step(a, s);
    p->steps[p->count++] = *s;
    p->bytes += s->body.len;
    return p->count == PORTION_STEPS || p->bytes >= PORTION_BYTES ? next_portion(a) : ERR_OK;
}

enum err shard_ahead_frame(struct ahead *a, struct bytes body, uint64_t position)
{
    return add(a, &(struct step){ .body = body, .position = position });
}

enum err shard_ahead_leave(struct ahead *a, struct block *map)
{
    return add(a, &(struct step){ .done = map });
}

static void *reader_main(void *arg)
{
    struct ahead *a = arg;

    pthread_setname_np(pthread_self(), "replay");
    a->find_err = a->find(a->find_ctx, a);
    pthread_mutex_lock(&a->lock);
    a->is_over = true;
    if (!a->refused)
        hand_over(a);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- the owner ---- */

/* NULL: that was the last. */
static const struct portion *get_portion(struct ahead *a)
{
    const struct portion *p = NULL;

    pthread_mutex_lock(&a->lock);
    while (a->count == 0 && !a->is_over)
        pthread_cond_wait(&a->changed, &a->lock);
    if (a->count > 0)
        p = &a->ring[a->first];
    pthread_mutex_unlock(&a->lock);
    return p;
}

static void give_back(struct ahead *a, enum err err)
{
    pthread_mutex_lock(&a->lock);
    a->first = (a->first + 1) % PORTION_COUNT;
    a->count--;
    a->refused = err;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static enum err take_all(struct ahead *a)
{
    const struct portion *p;
    enum err              err = ERR_OK;

    while (!err && (p = get_portion(a)) != NULL) {
        for (size_t i = 0; i < p->count && !err; i++)
            err = take_step(a, &p->steps[i]);
        give_back(a, err);
    }
    return err;
}

/* Signals are the business of other threads. */
static bool start_reader(struct ahead *a, pthread_t *thread)
{
    sigset_t all;
    sigset_t before;

    a->has_reader = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(thread, NULL, reader_main, a) != 0)
        a->has_reader = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return a->has_reader;
}

enum err shard_ahead_run(struct shard_file *s, shard_replay_fn *fn, void *fn_ctx,
                         ahead_find_fn *find, void *find_ctx)
{
    struct ahead *a = mem_new(sizeof *a);
    pthread_t     thread;
    enum err      err;

    a->disk = s->disk;
    a->fn = fn;
    a->ctx = fn_ctx;
    a->find = find;
    a->find_ctx = find_ctx;
    a->filling = a->ring;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (s->is_threaded && start_reader(a, &thread)) {
        err = take_all(a);
        pthread_join(thread, NULL);
        err = err ? err : a->find_err;
    } else {
        err = find(find_ctx, a);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return err;
}
