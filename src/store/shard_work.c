/*
 * shard_work.c - see shard_file.h: the two work threads. Each takes what was handed to its lane, one
 * after the other, and posts it back. Without threads volume_file_step does one at a time.
 */
#include "store/shard_file.h"
#include "base/thread.h"

#include <assert.h>

static const char *const names[WORK_LANE_COUNT] = {
    [WORK_READ] = "reader",
    [WORK_TIDY] = "tidy",
};

void shard_work_init(struct shard_file *s)
{
    for (size_t i = 0; i < WORK_LANE_COUNT; i++) {
        s->lanes[i].last = &s->lanes[i].first;
        s->lanes[i].shard = s;
        pthread_cond_init(&s->lanes[i].wake, NULL);
    }
}

void shard_work_fini(struct shard_file *s)
{
    for (size_t i = 0; i < WORK_LANE_COUNT; i++)
        pthread_cond_destroy(&s->lanes[i].wake);
}

void shard_work_add(struct shard *base, enum work_lane lane, struct work *w)
{
    struct shard_file *s = shard_file_of(base);
    struct lane       *l = &s->lanes[lane];

    assert(s->stage == SHARD_STARTED);
    w->next = NULL;
    pthread_mutex_lock(&s->lock);
    *l->last = w;
    l->last = &w->next;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&s->lock);
}

/* lock is held before and after, not between. */
static bool turn(struct shard_file *s, struct lane *l)
{
    struct work *w = l->first;

    if (!w)
        return false;
    l->first = w->next;
    if (!l->first)
        l->last = &l->first;
    pthread_mutex_unlock(&s->lock);
    w->run(w);
    mail_post(s->base.box, &w->mail); /* w is its owner's again */
    pthread_mutex_lock(&s->lock);
    return true;
}

bool shard_work_turn(struct shard_file *s, enum work_lane lane)
{
    bool is_something;

    pthread_mutex_lock(&s->lock);
    is_something = turn(s, &s->lanes[lane]);
    pthread_mutex_unlock(&s->lock);
    return is_something;
}

static void *lane_main(void *arg)
{
    struct lane       *l = arg;
    struct shard_file *s = l->shard;

    pthread_setname_np(pthread_self(), names[l - s->lanes]);
    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (turn(s, l))
            continue;
        if (l->is_stopping)
            break;
        pthread_cond_wait(&l->wake, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void shard_work_start(struct shard_file *s)
{
    for (size_t i = 0; i < WORK_LANE_COUNT; i++)
        thread_start(&s->lanes[i].thread, lane_main, &s->lanes[i]);
}

static void stop(struct shard_file *s, struct lane *l)
{
    pthread_mutex_lock(&s->lock);
    l->is_stopping = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(l->thread, NULL);
}

void shard_work_stop(struct shard_file *s)
{
    for (size_t i = 0; i < WORK_LANE_COUNT; i++)
        if (s->is_threaded)
            stop(s, &s->lanes[i]);
        else
            while (shard_work_turn(s, (enum work_lane)i))
                ;
}
