/* walk.c - see walk.h. */
#include "engine/walk.h"

#include <stdlib.h>

static void add(struct walk *w, const struct extent_head *head, uint64_t at)
{
    if (w->count == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 64;
        w->found = mem_resize(w->found, w->cap * sizeof *w->found);
    }
    w->found[w->count++] = (struct walk_extent){ head->log, head->base, head->end, at };
}

/* Behind the last extent there is anything, usually nothing. */
static void run_walk(struct work *work)
{
    struct walk *w = CONTAINER(work, struct walk, work);
    uint64_t     at = SEGMENT_HEADER_BYTES;

    while (at + EXTENT_HEADER_BYTES <= w->bytes) {
        struct extent_head head;
        struct slice       bytes;
        bool               is_extent;

        w->err = shard_blob_load(w->shard, w->segment, at, EXTENT_HEADER_BYTES, &bytes);
        if (w->err)
            return;
        is_extent = extent_head_decode(bytes.bytes, &head) == ERR_OK;
        slice_drop(&bytes);
        if (!is_extent)
            return;
        add(w, &head, at);
        at += extent_size(head.bytes);
    }
}

static void on_walked(struct mail *mail)
{
    struct walk *w = CONTAINER(CONTAINER(mail, struct work, mail), struct walk, work);

    list_remove(&w->in_walks);
    if (w->engine) {
        w->done(w->engine, w, w->ctx);
        journal_kick(w->engine->journal);
    }
    free(w->found);
    free(w);
}

void walk_start(struct engine *e, const struct segment *s,
                void (*done)(struct engine *e, const struct walk *w, void *ctx), void *ctx)
{
    struct walk *w = mem_new(sizeof *w);

    w->work.run = run_walk;
    w->work.mail.run = on_walked;
    w->engine = e;
    w->shard = e->shard;
    w->segment = s->id;
    w->bytes = s->end;
    w->done = done;
    w->ctx = ctx;
    list_init(&w->in_walks);
    list_push(&e->walks, &w->in_walks);
    shard_work(e->shard, WORK_TIDY, &w->work);
}

bool walk_is_extent(const struct walk *w, size_t i, const struct extent *x)
{
    const struct walk_extent *f = &w->found[i];

    return !x->is_bad && x->base == f->base && x->end == f->end && x->at == f->at &&
           x->segment->id.epoch == w->segment.epoch &&
           x->segment->id.number == w->segment.number;
}

void walk_fini(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->walks)) != NULL)
        CONTAINER(n, struct walk, in_walks)->engine = NULL;
}
