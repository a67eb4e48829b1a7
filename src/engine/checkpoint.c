/* checkpoint.c - see checkpoint.h. */
#include "engine/checkpoint.h"
#include "engine/engine_int.h"
#include "store/catalogue.h"

#include <stdlib.h>

enum state { IDLE, GATHERED, COMMITTING };

struct checkpoint {
    struct save       save; /* first: what the modules' x_save are given */
    struct engine    *engine;
    struct catalogue *catalogue;
    enum state        state;
    uint64_t          position;     /* of the last one gathered */
    uint64_t          counted_from; /* growth of the journal is counted from here: a claim moves its end far on */
};

static void add_change(struct save *s, enum change kind, const struct buf *head)
{
    catalogue_add(CONTAINER(s, struct checkpoint, save)->catalogue, (uint8_t)kind, buf_view(head));
}

static void add_definition(struct save *s, const char *what, struct bytes ns, struct bytes name,
                           const char *text)
{
    catalogue_define(CONTAINER(s, struct checkpoint, save)->catalogue, what, ns, name, text);
}

static enum err load(void *ctx, uint8_t kind, struct bytes head)
{
    return engine_apply(ctx, kind, head, bytes_of(NULL, 0), 0);
}

enum err checkpoint_open(struct checkpoint **out, struct engine *e, struct shard *shard,
                         uint64_t *position)
{
    struct checkpoint *c = mem_new(sizeof *c);
    enum err           err;

    c->save.change = add_change;
    c->save.define = add_definition;
    c->engine = e;
    err = catalogue_open(&c->catalogue, shard);
    if (err == ERR_OK)
        err = catalogue_load(c->catalogue, load, e, position);
    if (err) {
        checkpoint_close(c, false);
        return err;
    }
    c->position = *position;
    *out = c;
    return ERR_OK;
}

void checkpoint_on_recovered(struct checkpoint *c, uint64_t replayed_bytes)
{
    c->counted_from = journal_end(c->engine->journal) - replayed_bytes;
}

/* The order is that of what refers to what: queues read topics, bindings lead to queues. */
static void gather(struct checkpoint *c)
{
    struct engine *e = c->engine;

    catalogue_begin(c->catalogue);
    engine_save(e, &c->save);
    topic_save(e, &c->save);
    queue_save(e, &c->save);
    exchange_save(e, &c->save);
    group_save(e, &c->save);
    producer_save(e, &c->save);
    c->position = journal_end(e->journal);
    c->counted_from = c->position;
    c->state = GATHERED;
}

/* K3 */
static void trim(struct engine *e, uint64_t position)
{
    size_t      at = 0;
    struct log *l;

    while ((l = idmap_next(&e->logs, &at)) != NULL)
        if (l->entries.count > 0 && l->entries.at[l->entries.first].position < position)
            position = l->entries.at[l->entries.first].position;
    journal_trim(e->journal, position);
}

static void on_done(void *ctx, enum err err, uint64_t position)
{
    struct checkpoint *c = ctx;

    c->state = IDLE;
    if (err == ERR_OK)
        trim(c->engine, position);
}

void checkpoint_on_durable(struct checkpoint *c)
{
    struct journal *j = c->engine->journal;

    if (c->state != GATHERED || journal_durable(j) < c->position)
        return;
    c->state = COMMITTING;
    catalogue_commit(c->catalogue, j, c->position, on_done, c);
}

void checkpoint_on_turn(struct checkpoint *c)
{
    if (c->state != IDLE ||
        journal_end(c->engine->journal) - c->counted_from < CHECKPOINT_EVERY_BYTES)
        return;
    gather(c);
    checkpoint_on_durable(c);
}

void checkpoint_close(struct checkpoint *c, bool final)
{
    if (!c)
        return;
    if (final && c->state != COMMITTING && journal_end(c->engine->journal) != c->position) {
        gather(c);
        checkpoint_on_durable(c);
    }
    if (c->catalogue)
        catalogue_close(c->catalogue);
    free(c);
}
