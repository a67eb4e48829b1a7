/* checkpoint.c - see checkpoint.h. */
#include "engine/checkpoint.h"
#include "engine/engine_int.h"
#include "engine/outbox.h"
#include "store/catalogue.h"

#include <stdlib.h>

enum { PROGRESS_ROWS = 1024 };

enum state { IDLE, GATHERING, GATHERED, COMMITTING };

struct checkpoint {
    struct engine    *engine;
    struct catalogue *catalogue;
    enum state        state;
    bool              is_wanted;
    bool              must_be_full; /* the last one failed */
    uint64_t          loaded_rows;
    uint64_t          position;     /* of the last one gathered */
    uint64_t          keep;         /* what lies below it neither that one nor a log needed then */
    struct timer      pressure;     /* K4: runs while the disk is full */
    bool              is_pressed;   /* it has fired since the last one */
    uint64_t          counted_from; /* growth of the journal is counted from here: a claim moves its end far on */
};

static enum err load(void *ctx, uint8_t kind, struct bytes head)
{
    struct checkpoint *c = ctx;

    if (++c->loaded_rows % PROGRESS_ROWS == 0)
        engine_progress(c->engine, ENGINE_LOADS, c->loaded_rows,
                        catalogue_row_count(c->catalogue));
    return engine_apply(c->engine, kind, head, bytes_of(NULL, 0), 0);
}

/* Half of what the journal may be kept for: so it is not much longer than that. */
static void set_defaults(struct checkpoint_options *o, uint64_t journal_bytes_max)
{
    if (o->every_bytes == 0)
        o->every_bytes = journal_bytes_max / 2;
    if (o->every_rows == 0)
        o->every_rows = CHECKPOINT_EVERY_ROWS;
    if (o->turn_rows == 0)
        o->turn_rows = CHECKPOINT_TURN_ROWS;
}

static void on_pressure(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    CONTAINER(t, struct checkpoint, pressure)->is_pressed = true;
}

enum err checkpoint_open(struct checkpoint **out, struct engine *e, struct shard *shard,
                         uint64_t *position)
{
    struct checkpoint *c = mem_new(sizeof *c);
    enum err           err;

    c->engine = e;
    c->pressure.fire = on_pressure;
    set_defaults(&e->options.checkpoint, e->options.journal_bytes_max);
    err = catalogue_open(&c->catalogue, shard);
    rows_load(&e->rows, c->catalogue);
    if (err == ERR_OK)
        err = catalogue_load(c->catalogue, load, c, position);
    rows_loaded(&e->rows);
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

/* What lies below this is not needed once a checkpoint stands for the journal up to position. */
static uint64_t trimmable(const struct engine *e, uint64_t position)
{
    uint64_t pinned = log_pinned(e);
    uint64_t outgoing = outbox_pinned(e->outbox);

    if (outgoing < pinned)
        pinned = outgoing;
    return pinned < position ? pinned : position;
}

static void begin(struct checkpoint *c)
{
    struct engine *e = c->engine;

    row_touch(e, &e->ids);
    rows_begin(e, c->must_be_full);
    row_touch(e, &e->ids); /* written at once: nobody tells when these change */
    c->is_pressed = false;
    c->position = journal_end(e->journal);
    c->keep = trimmable(e, c->position);
    c->counted_from = c->position;
    c->state = GATHERING;
    c->is_wanted = false;
}

static void on_done(void *ctx, enum err err, uint64_t position)
{
    struct checkpoint *c = ctx;

    (void)position;
    c->state = IDLE;
    c->must_be_full = err != ERR_OK;
    if (err == ERR_OK)
        journal_trim(c->engine->journal, c->keep); /* K3 */
}

void checkpoint_on_durable(struct checkpoint *c)
{
    struct journal *j = c->engine->journal;

    if (c->state != GATHERED || journal_durable(j) < c->position)
        return;
    c->state = COMMITTING;
    catalogue_commit(c->catalogue, j, c->position, on_done, c);
}

/* K4 */
static void watch_space(struct checkpoint *c)
{
    struct engine *e = c->engine;

    if (!journal_is_full(e->journal))
        c->is_pressed = false;
    else if (!c->is_pressed && !timer_is_started(&c->pressure))
        timer_start(&e->timers, &c->pressure, e->now_ms + CHECKPOINT_FULL_MS);
}

static bool is_time(const struct checkpoint *c)
{
    const struct engine             *e = c->engine;
    const struct checkpoint_options *o = &e->options.checkpoint;

    return c->is_wanted || (c->is_pressed && journal_end(e->journal) != c->position) ||
           journal_end(e->journal) - c->counted_from >= o->every_bytes ||
           e->rows.dirty_count >= o->every_rows;
}

static void gather(struct checkpoint *c, size_t rows)
{
    if (!rows_step(c->engine, rows))
        return;
    c->state = GATHERED;
    checkpoint_on_durable(c);
}

void checkpoint_on_turn(struct checkpoint *c)
{
    watch_space(c);
    if (c->state == IDLE && is_time(c))
        begin(c);
    if (c->state == GATHERING)
        gather(c, c->engine->options.checkpoint.turn_rows);
}

void checkpoint_want(struct checkpoint *c)
{
    c->is_wanted = true;
}

bool checkpoint_is_idle(const struct checkpoint *c)
{
    return c->state == IDLE;
}

bool checkpoint_wants_turn(const struct checkpoint *c)
{
    return c->state == GATHERING || (c->state == IDLE && c->is_wanted);
}

void checkpoint_close(struct checkpoint *c, bool final)
{
    if (!c)
        return;
    timer_stop(&c->engine->timers, &c->pressure);
    if (final && c->state == IDLE && journal_end(c->engine->journal) != c->position)
        begin(c);
    if (final && c->state == GATHERING)
        gather(c, SIZE_MAX);
    if (c->catalogue)
        catalogue_close(c->catalogue);
    free(c);
}
