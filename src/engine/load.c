/* load.c - see load.h. */
#include "base/diag.h"
#include "engine/load_int.h"
#include "engine/recall.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { AHEAD_EXTENTS = 3, AHEAD_MAX = 16 }; /* loads under way, above which nobody reads ahead */

void load_init(struct loads *s, uint64_t bytes_max)
{
    *s = (struct loads){ .bytes_max = bytes_max };
    list_init(&s->cache);
    list_init(&s->retired);
    list_init(&s->in_flight);
}

struct load *load_new(uint64_t log, uint64_t base, uint64_t end, uint32_t count)
{
    struct load *load = mem_new(sizeof *load + count * sizeof load->entries[0]);

    list_init(&load->in_cache);
    load->log = log;
    load->base = base;
    load->end = end;
    load->count = count;
    return load;
}

void load_keep(struct engine *e, struct load *load)
{
    load->size = load->bytes.bytes.len + sizeof *load + load->count * sizeof load->entries[0];
    e->loads.bytes += load->size;
    list_push(&e->loads.cache, &load->in_cache);
}

void load_free(struct load *load)
{
    slice_drop(&load->bytes);
    free(load);
}

/* ---- the reader thread ---- */

static bool is_wanted(const struct extent_head *got, const struct extent_head *want)
{
    return got->log == want->log && got->base == want->base && got->end == want->end &&
           got->batches == want->batches && got->bytes == want->bytes && got->crc == want->crc;
}

enum err extent_load(struct shard *shard, struct blob_id segment, uint64_t at,
                     const struct extent_head *want, struct log_entry *entries,
                     struct slice *batches)
{
    struct extent_head head;
    struct slice       all;
    enum err err = shard_blob_load(shard, segment, at, EXTENT_HEADER_BYTES + want->bytes, &all);

    if (err)
        return err;
    *batches = slice_of(all.block, all.bytes.at + EXTENT_HEADER_BYTES, want->bytes);
    err = extent_head_decode(all.bytes, &head);
    if (!err && !is_wanted(&head, want))
        err = ERR_CORRUPT;
    if (!err)
        err = extent_index(&head, batches->bytes, entries);
    if (err)
        slice_drop(batches);
    return err;
}

/* Told here, where the bytes were just read: the engine's thread need not look at each batch for it. */
static bool lacks_records(const struct load *load)
{
    struct batch_head head;

    for (uint32_t i = 0; i < load->count; i++) {
        const struct log_entry *x = &load->entries[i];

        if (batch_head(bytes_of(load->bytes.bytes.at + x->position, x->batch_len), &head) == ERR_OK &&
            (uint32_t)head.record_count < x->count)
            return true;
    }
    return false;
}

static void run_reading(struct work *w)
{
    struct reading *r = CONTAINER(w, struct reading, work);
    struct load    *load = load_new(r->want.log, r->want.base, r->want.end, r->want.batches);

    r->err = extent_load(r->shard, r->segment, r->at, &r->want, load->entries, &load->bytes);
    if (r->err) {
        free(load);
        return;
    }
    load->is_sparse = lacks_records(load);
    r->load = load;
}

/* ---- the engine's thread again ---- */

/* The extent that is at this place of log and segment; NULL: none is any more. */
static struct extent *find(struct engine *e, const struct extent_head *want,
                           struct blob_id segment, uint64_t at)
{
    struct log    *l = idmap_get(&e->logs, want->log);
    size_t         i = l ? log_extent_index(l, want->base) : 0;
    struct extent *x = l && i < l->extents.count ? &log_extents(l)[i] : NULL;

    return x && x->base == want->base && x->at == at && x->segment->id.number == segment.number
               ? x
               : NULL;
}

void load_quarantine(struct engine *e, const struct extent_head *want, struct blob_id segment,
                     uint64_t at, enum err err)
{
    struct extent         *x = find(e, want, segment, at);
    const struct log      *l = idmap_get(&e->logs, want->log);
    const struct name_key *k;

    if (!x || x->is_bad)
        return;
    k = &l->topic->key;
    x->is_bad = true;
    diag(DIAG_ERROR,
         "topic %.*s, partition %" PRIu32 ": offsets %" PRIu64 " to %" PRIu64
         " cannot be read (segment %" PRIu64 "-%" PRIu64 " at %" PRIu64 ": %s)",
         (int)k->name.len, (const char *)k->name.at, l->partition, x->base, x->end - 1,
         segment.epoch, segment.number, at, err_text(err));
}

static void settle_extent(struct engine *e, struct reading *r)
{
    struct extent *x = find(e, &r->want, r->segment, r->at);

    if (!x || x->load) {
        if (r->load)
            load_free(r->load);
        return;
    }
    x->is_loading = false;
    if (r->err) {
        load_quarantine(e, &r->want, r->segment, r->at, r->err);
        return;
    }
    if (r->is_check && list_empty(&r->waits)) {
        load_free(r->load);
        return;
    }
    x->load = r->load;
    load_keep(e, x->load);
}

static void on_read(struct mail *mail)
{
    struct reading *r = CONTAINER(CONTAINER(mail, struct work, mail), struct reading, work);
    struct engine  *e = r->engine;
    struct list    *n;

    if (!e) {
        if (r->load)
            load_free(r->load);
        free(r);
        return;
    }
    list_remove(&r->in_flight);
    e->loads.flights--;
    r->settle(e, r);
    while ((n = list_pop(&r->waits)) != NULL) {
        struct load_wait *w = CONTAINER(n, struct load_wait, in_load);

        w->on_load(e, w);
    }
    free(r);
}

struct reading *load_reading_new(struct engine *e, void (*run)(struct work *w),
                                 void (*on_settle)(struct engine *e, struct reading *r))
{
    struct reading *r = mem_new(sizeof *r);

    r->work.mail.run = on_read;
    r->work.run = run;
    r->settle = on_settle;
    r->engine = e;
    r->shard = e->shard;
    list_init(&r->in_flight);
    list_init(&r->waits);
    list_push(&e->loads.in_flight, &r->in_flight);
    e->loads.flights++;
    return r;
}

static struct reading *begin(struct engine *e, const struct log *l, struct extent *x,
                             enum work_lane lane)
{
    struct reading *r = load_reading_new(e, run_reading, settle_extent);

    r->segment = x->segment->id;
    r->at = x->at;
    r->want = extent_head_of(l->id, x);
    x->is_loading = true;
    shard_work(e->shard, lane, &r->work);
    return r;
}

static struct reading *find_or_begin(struct engine *e, const struct log *l, struct extent *x)
{
    assert(!x->load && !x->is_bad);
    for (struct list *n = e->loads.in_flight.next; x->is_loading && n != &e->loads.in_flight;
         n = n->next) {
        struct reading *r = CONTAINER(n, struct reading, in_flight);

        if (r->want.log == l->id && r->want.base == x->base && r->at == x->at &&
            r->segment.number == x->segment->id.number)
            return r;
    }
    return begin(e, l, x, WORK_READ);
}

void load_want(struct engine *e, struct log *l, uint64_t offset, struct load_wait *w)
{
    struct log_place p = log_place(l, offset);
    struct reading  *r = p.extent ? find_or_begin(e, l, p.extent) : recall_want(e, l, p.entry);

    if (w && list_empty(&w->in_load))
        list_push(&r->waits, &w->in_load);
}

/* What it takes is returned as the offset behind it; UINT64_MAX: there is nothing to load. */
static uint64_t read_ahead(struct engine *e, struct log *l, uint64_t offset)
{
    struct log_place p = log_place(l, offset);

    if (p.entry)
        return recall_is_hot(e, p.entry) ? UINT64_MAX : recall_ahead(e, l, p.entry);
    if (!p.extent)
        return UINT64_MAX;
    if (!p.extent->load && !p.extent->is_loading && !p.extent->is_bad)
        begin(e, l, p.extent, WORK_READ);
    return p.extent->end;
}

/* More than one, so that the reader thread has the next at hand when it is done with the first. */
void load_ahead(struct engine *e, struct log *l, const struct load *load)
{
    uint64_t offset = load->end;

    for (int i = 0; i < AHEAD_EXTENTS && offset < l->end && e->loads.flights < AHEAD_MAX; i++)
        offset = read_ahead(e, l, offset);
}

void load_check(struct engine *e, const struct log *l, struct extent *x)
{
    assert(!x->load && !x->is_loading && !x->is_bad);
    begin(e, l, x, WORK_TIDY)->is_check = true;
}

/* ---- the cache ---- */

struct load *load_add(struct engine *e, const struct log *l, const struct extent *x,
                      struct slice bytes)
{
    struct load *load = load_new(l->id, x->base, x->end, x->batches);

    load->bytes = bytes;
    load_keep(e, load);
    return load;
}

static void drop(struct engine *e, struct load *load)
{
    list_remove(&load->in_cache);
    e->loads.bytes -= load->size;
    load_free(load);
}

void load_drop(struct engine *e, struct extent *x)
{
    if (x->load)
        drop(e, x->load);
    x->load = NULL;
}

void load_retire(struct engine *e, struct load *load)
{
    list_remove(&load->in_cache);
    list_push(&e->loads.retired, &load->in_cache);
}

void load_touch(struct engine *e, struct load *load)
{
    if (load->is_behind)
        return;
    list_remove(&load->in_cache);
    list_push(&e->loads.cache, &load->in_cache);
}

static struct extent *extent_of(struct engine *e, const struct load *load)
{
    struct log *l = idmap_get(&e->logs, load->log);

    return &log_extents(l)[log_extent_index(l, load->base)];
}

static void drop_recalled(struct engine *e, struct load *load)
{
    recall_drop(e, load);
    drop(e, load);
}

static void drop_retired(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->loads.retired)) != NULL)
        drop(e, CONTAINER(n, struct load, in_cache));
}

void load_shrink(struct engine *e)
{
    uint64_t     durable = journal_durable(e->journal);
    struct list *n;

    drop_retired(e);
    n = e->loads.cache.next;
    while (e->loads.bytes > e->loads.bytes_max && n != &e->loads.cache) {
        struct load *load = CONTAINER(n, struct load, in_cache);

        n = n->next;
        if (load->is_recalled)
            drop_recalled(e, load);
        else if (load->position <= durable) /* D3 */
            load_drop(e, extent_of(e, load));
    }
}

bool load_is_idle(const struct engine *e)
{
    return list_empty(&e->loads.in_flight);
}

/* What is on its way is freed by its own mail. */
void load_fini(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->loads.in_flight)) != NULL) {
        struct reading *r = CONTAINER(n, struct reading, in_flight);

        assert(list_empty(&r->waits));
        r->engine = NULL;
    }
    drop_retired(e);
    while (!list_empty(&e->loads.cache)) { /* all logs are gone, and their extents with them */
        struct load *load = CONTAINER(e->loads.cache.next, struct load, in_cache);

        assert(load->is_recalled);
        drop(e, load);
    }
}
