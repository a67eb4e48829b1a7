/* move.c - see move.h. */
#include "engine/move.h"
#include "base/diag.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    OWN_BYTES_MIN = 8 << 20, /* of one log: it gets a segment for itself */
    SYNC_BYTES = 16 << 20,   /* written between syncs, so that none of them takes long */
    ROOM_BYTES = 1 << 20,    /* taken at a time beyond what was thought to be enough */
    WINDOW_BYTES = 1 << 20,  /* of the journal, read at once */
    GAP_BYTES = 16 << 10,    /* between two batches, read along */
};

void move_init(struct moves *s)
{
    list_init(&s->waiting);
    list_init(&s->writing);
    s->bytes = 0;
}

/* ---- gathering ---- */

struct move *move_new(struct engine *e, void (*done)(struct engine *e, struct move *m), void *ctx)
{
    struct move *m = mem_new(sizeof *m);

    m->engine = e;
    m->shard = e->shard;
    m->done = done;
    m->ctx = ctx;
    list_init(&m->in_moves);
    return m;
}

/* One more element of an array. */
static void *grow(void *at, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap) {
        *cap = *cap ? 2 * *cap : 4;
        at = mem_resize(at, *cap * size);
    }
    memset((char *)at + *count * size, 0, size);
    ++*count;
    return at;
}

static struct move_piece *last_piece(struct move *m)
{
    return &m->pieces[m->piece_count - 1];
}

void move_add_piece(struct move *m, struct log *l, uint64_t from, uint64_t to)
{
    m->pieces = grow(m->pieces, &m->piece_count, &m->piece_cap, sizeof *m->pieces);
    last_piece(m)->log = l->id;
    last_piece(m)->from = from;
    last_piece(m)->to = to;
    last_piece(m)->bad = SIZE_MAX;
    l->is_moving = true; /* M3 */
}

static struct move_source *add_source(struct move *m, uint64_t bytes)
{
    struct move_piece *p = last_piece(m);

    p->sources = grow(p->sources, &p->source_count, &p->source_cap, sizeof *p->sources);
    p->bytes += bytes;
    m->bytes += bytes;
    return &p->sources[p->source_count - 1];
}

void move_add_batch(struct move *m, const struct log_entry *entry)
{
    struct move_source *s = add_source(m, entry->batch_len);

    s->entry = *entry;
    m->batches++;
    pins_put(&m->engine->pins, entry->position, 1); /* M5 */
}

void move_add_extent(struct move *m, uint64_t log, const struct extent *x)
{
    struct move_source *s = add_source(m, x->bytes);

    s->extent = extent_head_of(log, x);
    s->segment = x->segment->id;
    s->at = x->at;
    x->segment->users++; /* M5 */
}

void move_add_range(struct move *m, uint64_t from, uint64_t to)
{
    struct move_piece *p = last_piece(m);

    if (p->range_count > 0 && p->ranges[p->range_count - 1].to == from) {
        p->ranges[p->range_count - 1].to = to;
        return;
    }
    p->ranges = grow(p->ranges, &p->range_count, &p->range_cap, sizeof *p->ranges);
    p->ranges[p->range_count - 1] = (struct move_range){ from, to };
}

/* M5: nothing is read any more. */
static void release_sources(struct engine *e, struct move_piece *p)
{
    for (size_t i = 0; i < p->source_count; i++)
        if (p->sources[i].extent.batches > 0)
            room_release(e, room_find(e, p->sources[i].segment.number));
        else
            pins_take(&e->pins, p->sources[i].entry.position, 1);
    p->source_count = 0;
}

static void free_piece(struct move_piece *p)
{
    free(p->sources);
    free(p->ranges);
    free(p->made);
}

void move_free(struct move *m)
{
    list_remove(&m->in_moves);
    for (size_t i = 0; i < m->piece_count; i++) {
        struct log *l = m->engine ? idmap_get(&m->engine->logs, m->pieces[i].log) : NULL;

        if (l)
            l->is_moving = false;
        if (m->engine)
            release_sources(m->engine, &m->pieces[i]);
        free_piece(&m->pieces[i]);
    }
    if (m->forget)
        m->forget(m->ctx);
    for (size_t i = 0; i < m->target_count; i++)
        blob_drop(m->targets[i].blob);
    free(m->pieces);
    free(m->targets);
    free(m);
}

/* ---- where to ---- */

/* What the extents of a piece take at most: each but the last of two neighbours together is more
 * than half full. What a filter makes of it may be larger: flush_extent takes more then. */
static uint64_t space_for(const struct move_piece *p)
{
    uint64_t extents = 2 * (p->bytes / EXTENT_BYTES_MAX) + p->source_count / 2 + 2;

    if (extents > p->source_count + 1 && p->bytes < EXTENT_BYTES_MAX)
        extents = p->source_count + 1;
    return p->bytes + extents * (EXTENT_HEADER_BYTES + EXTENT_ALIGN);
}

static size_t add_target(struct move *m, uint64_t log)
{
    struct move_target *t;

    m->targets = grow(m->targets, &m->target_count, &m->target_cap, sizeof *m->targets);
    t = &m->targets[m->target_count - 1];
    t->segment = room_order(m->engine, log);
    t->id = t->segment->id;
    t->log = log;
    t->bytes = t->end = SEGMENT_HEADER_BYTES;
    m->position = t->segment->position;
    return m->target_count - 1;
}

static void choose_targets(struct move *m)
{
    uint64_t most = m->engine->options.segment_bytes;
    uint64_t own = most / 4 < OWN_BYTES_MIN ? most / 4 : OWN_BYTES_MIN;
    size_t   shared = SIZE_MAX;

    for (size_t i = 0; i < m->piece_count && !m->is_read_only; i++) {
        struct move_piece *p = &m->pieces[i];
        uint64_t           bytes = space_for(p);

        if (bytes >= own) {
            p->target = add_target(m, p->log);
        } else {
            if (shared == SIZE_MAX || m->targets[shared].bytes + bytes > most)
                shared = add_target(m, 0);
            p->target = shared;
        }
        m->targets[p->target].bytes += bytes;
    }
}

/* ---- the tidy thread ---- */

struct writing {
    struct move         *move;
    struct move_piece   *piece;
    struct move_target  *target;
    struct extent_writer w;
    uint64_t             unsynced;
    struct buf           changed; /* by the filter */
    struct buf           window;  /* of the journal, read last */
    uint64_t             window_at;
};

static enum err make_room(struct writing *g, size_t size)
{
    uint64_t bytes = g->target->end + size;

    if (bytes <= blob_reserved(g->target->blob))
        return ERR_OK;
    return blob_reserve(g->target->blob, bytes + ROOM_BYTES);
}

static enum err flush_extent(struct writing *g)
{
    static const uint8_t zeros[EXTENT_ALIGN];
    const struct extent_head *h = &g->w.head;
    struct move_piece        *p = g->piece;
    size_t                    size = (size_t)extent_size(h->bytes);
    struct iovec              iov[2];
    enum err                  err;

    if (h->batches == 0)
        return ERR_OK;
    extent_end(&g->w);
    err = make_room(g, size);
    if (err)
        return err;
    assert(g->target->end + size <= blob_reserved(g->target->blob));
    iov[0] = (struct iovec){ g->w.out.at, g->w.out.len };
    iov[1] = (struct iovec){ (void *)(uintptr_t)zeros, size - g->w.out.len };
    err = blob_write(g->target->blob, g->target->end, iov, 2);
    if (err)
        return err;
    p->made = grow(p->made, &p->made_count, &p->made_cap, sizeof *p->made);
    p->made[p->made_count - 1] = extent_of_head(h, (uint32_t)g->target->end);
    g->target->end += size;
    g->unsynced += size;
    extent_begin(&g->w, p->log);
    if (g->unsynced < SYNC_BYTES)
        return ERR_OK;
    g->unsynced = 0;
    return blob_sync(g->target->blob);
}

static enum err add_batch(struct writing *g, const struct log_entry *entry, struct bytes batch)
{
    enum err err = ERR_OK;

    if (g->move->is_read_only)
        return ERR_OK;
    if (!extent_has_room(&g->w, entry))
        err = flush_extent(g);
    if (!err)
        extent_add(&g->w, entry, batch);
    return err;
}

static enum err add_changed(struct writing *g, const struct log_entry *was)
{
    struct log_entry  entry = *was;
    struct batch_head head;
    enum err          err = batch_head(buf_view(&g->changed), &head);

    assert(!err);
    (void)err;
    entry.batch_len = (uint32_t)g->changed.len;
    entry.max_timestamp_ms = head.max_timestamp_ms;
    return add_batch(g, &entry, buf_view(&g->changed));
}

static enum err filter_batch(struct writing *g, const struct log_entry *entry, struct bytes batch)
{
    buf_clear(&g->changed);
    switch (g->move->filter(g->move->ctx, g->piece->log, entry, batch, &g->changed)) {
    case MOVE_LESS:
        return add_changed(g, entry);
    case MOVE_NOT:
        return ERR_OK;
    case MOVE_SAME:
    default:
        return add_batch(g, entry, batch);
    }
}

/* ERR_CORRUPT: M2. */
static enum err write_batch(struct writing *g, const struct log_entry *entry, struct bytes batch)
{
    struct batch_head head;

    if (batch_head(batch, &head) != ERR_OK || !batch_is_whole(batch, &head) ||
        (uint32_t)head.last_offset_delta + 1 != entry->count)
        return ERR_CORRUPT;
    return g->move->filter ? filter_batch(g, entry, batch) : add_batch(g, entry, batch);
}

static bool is_kept(const struct move_piece *p, const struct log_entry *entry)
{
    for (size_t i = 0; i < p->range_count; i++)
        if (entry->base_offset < p->ranges[i].to &&
            p->ranges[i].from < entry->base_offset + entry->count)
            return true;
    return false;
}

static enum err write_batches_of(struct writing *g, struct bytes batches,
                                 const struct log_entry *entries, uint32_t count)
{
    enum err err = ERR_OK;

    for (uint32_t i = 0; i < count && !err; i++)
        if (is_kept(g->piece, &entries[i]))
            err = write_batch(g, &entries[i],
                              bytes_of(batches.at + entries[i].position, entries[i].batch_len));
    return err;
}

static enum err write_extent(struct writing *g, const struct move_source *s)
{
    struct log_entry *entries = mem_new(s->extent.batches * sizeof *entries);
    struct slice      bytes = { 0 };
    enum err err = extent_load(g->move->shard, s->segment, s->at, &s->extent, entries, &bytes);

    if (err == ERR_DISK_FAILED) /* to read: what is written is another matter */
        err = ERR_CORRUPT;
    if (!err)
        err = write_batches_of(g, bytes.bytes, entries, s->extent.batches);
    slice_drop(&bytes);
    free(entries);
    return err;
}

/* Where what is read together with source i ends: what follows it closely. */
static uint64_t window_end(const struct move_piece *p, size_t i)
{
    uint64_t start = p->sources[i].entry.position;
    uint64_t end = start + p->sources[i].entry.batch_len;

    while (++i < p->source_count) {
        const struct move_source *s = &p->sources[i];

        if (s->extent.batches > 0 || s->entry.position < end ||
            s->entry.position - end > GAP_BYTES ||
            s->entry.position + s->entry.batch_len - start > WINDOW_BYTES)
            break;
        end = s->entry.position + s->entry.batch_len;
    }
    return end;
}

static enum err read_window(struct writing *g, uint64_t start, uint64_t end)
{
    buf_clear(&g->window);
    g->window_at = start;
    buf_grow(&g->window, (size_t)(end - start));
    return shard_load(g->move->shard, start, (size_t)(end - start), g->window.at);
}

/* Some of what is read at once may be unreadable, or lie in the next file. */
static enum err write_from_journal(struct writing *g, size_t i)
{
    const struct log_entry *entry = &g->piece->sources[i].entry;
    uint64_t                end = entry->position + entry->batch_len;
    enum err                err = ERR_OK;

    if (entry->position < g->window_at || end > g->window_at + g->window.len) {
        uint64_t more = window_end(g->piece, i);

        err = read_window(g, entry->position, more);
        if (err && more > end)
            err = read_window(g, entry->position, end);
    }
    if (err) {
        buf_clear(&g->window);
        return ERR_CORRUPT;
    }
    return write_batch(g, entry,
                       bytes_of(g->window.at + (entry->position - g->window_at), entry->batch_len));
}

/* What was written of a bad piece stays unused. */
static enum err write_piece(struct writing *g)
{
    struct move_piece *p = g->piece;
    enum err           err = ERR_OK;

    extent_begin(&g->w, p->log);
    for (size_t i = 0; i < p->source_count && !err; i++) {
        const struct move_source *s = &p->sources[i];

        err = s->extent.batches > 0 ? write_extent(g, s) : write_from_journal(g, i);
        if (err == ERR_CORRUPT) {
            p->bad = i;
            return ERR_OK;
        }
    }
    return err ? err : flush_extent(g);
}

static enum err make_target(struct move *m, struct move_target *t)
{
    return segment_create(m->shard, t->id, t->log, t->bytes, &t->blob);
}

static enum err write_all(struct move *m)
{
    struct writing g = { .move = m };
    enum err       err = ERR_OK;

    for (size_t i = 0; i < m->target_count && !err; i++)
        err = make_target(m, &m->targets[i]);
    for (size_t i = 0; i < m->piece_count && !err; i++) {
        g.piece = &m->pieces[i];
        g.target = m->is_read_only ? NULL : &m->targets[g.piece->target];
        err = write_piece(&g);
    }
    for (size_t i = 0; i < m->target_count && !err; i++)
        err = blob_seal(m->targets[i].blob, m->targets[i].end); /* M1: synced, too */
    extent_fini(&g.w);
    buf_fini(&g.changed);
    buf_fini(&g.window);
    return err;
}

static void run_move(struct work *w)
{
    struct move *m = CONTAINER(w, struct move, work);

    m->err = write_all(m);
}

/* ---- the engine's thread again ---- */

/* M4 */
static void leave_alone(struct engine *e, struct log *l, const struct move_source *s)
{
    const struct name_key *k = &l->topic->key;

    if (s->extent.batches > 0) {
        load_quarantine(e, &s->extent, s->segment, s->at, ERR_CORRUPT);
        return;
    }
    l->is_damaged = true;
    diag(DIAG_ERROR,
         "topic %.*s, partition %" PRIu32 ": the batch at offset %" PRIu64
         " is damaged; the log stays in the journal",
         (int)k->name.len, (const char *)k->name.at, l->partition, s->entry.base_offset);
}

static void apply_piece(struct engine *e, struct move *m, struct move_piece *p)
{
    struct log *l = idmap_get(&e->logs, p->log);

    if (!l)
        return;
    l->is_moving = false;
    if (p->bad != SIZE_MAX) {
        leave_alone(e, l, &p->sources[p->bad]);
        return;
    }
    if (m->is_read_only)
        return;
    for (size_t i = 0; i < p->made_count; i++)
        p->made[i].segment = m->targets[p->target].segment;
    extent_move(e, l, p->from, p->to, p->made, p->made_count);
}

static void on_written(struct mail *mail)
{
    struct move   *m = CONTAINER(CONTAINER(mail, struct work, mail), struct move, work);
    struct engine *e = m->engine;

    if (!e) {
        move_free(m);
        return;
    }
    for (size_t i = 0; i < m->piece_count && !m->err; i++)
        apply_piece(e, m, &m->pieces[i]);
    for (size_t i = 0; i < m->target_count; i++) {
        room_return(e, m->targets[i].segment, m->err ? 0 : m->targets[i].end);
        e->moves.bytes += m->err ? 0 : m->targets[i].end;
    }
    for (size_t i = 0; i < m->piece_count; i++)
        release_sources(e, &m->pieces[i]);
    if (m->err && m->err != ERR_NO_SPACE)
        e->options.on_failed(e->options.ctx, m->err, "a segment");
    m->forget = NULL;
    m->done(e, m);
    move_free(m);
    journal_kick(e->journal);
}

void move_start(struct move *m)
{
    assert(m->piece_count > 0);
    m->work.run = run_move;
    m->work.mail.run = on_written;
    choose_targets(m);
    list_push(&m->engine->moves.waiting, &m->in_moves);
    move_on_durable(m->engine); /* one that writes nothing waits for nothing */
}

void move_on_durable(struct engine *e)
{
    uint64_t durable = journal_durable(e->journal);

    while (!list_empty(&e->moves.waiting)) {
        struct move *m = CONTAINER(e->moves.waiting.next, struct move, in_moves);

        if (m->position > durable)
            break;
        list_remove(&m->in_moves);
        list_push(&e->moves.writing, &m->in_moves);
        shard_work(e->shard, WORK_TIDY, &m->work);
    }
}

bool move_is_idle(const struct engine *e)
{
    return list_empty(&e->moves.waiting) && list_empty(&e->moves.writing);
}

/* What is being written is freed by its own mail. */
void move_fini(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->moves.writing)) != NULL)
        CONTAINER(n, struct move, in_moves)->engine = NULL;
    while ((n = list_pop(&e->moves.waiting)) != NULL)
        move_free(CONTAINER(n, struct move, in_moves));
}
