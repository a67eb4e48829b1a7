/* load.c - see load.h. */
#include "base/diag.h"
#include "engine/log_int.h"
#include "store/blob.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { AHEAD_EXTENTS = 3, AHEAD_MAX = 16 }; /* loads under way, above which nobody reads ahead */

/* One load on its way. The reader thread has what lies between the marks; the rest is ours. */
struct reading {
    struct work    work;
    struct engine *engine; /* NULL: it is gone, nobody wants this any more */
    struct list    in_flight;
    struct list    waits; /* struct load_wait */
    bool           is_check; /* kept only if somebody waits */
    /* for the reader thread */
    struct shard      *shard;
    struct blob_id     segment;
    uint64_t           at;
    struct extent_head want;
    struct load       *load; /* out */
    enum err           err;  /* out */
    /* until here */
};

void load_init(struct loads *s, uint64_t bytes_max)
{
    *s = (struct loads){ .bytes_max = bytes_max };
    list_init(&s->cache);
    list_init(&s->in_flight);
}

static struct load *new_load(uint64_t log, uint64_t base, uint32_t count)
{
    struct load *load = mem_new(sizeof *load + count * sizeof load->entries[0]);

    list_init(&load->in_cache);
    load->log = log;
    load->base = base;
    load->count = count;
    return load;
}

static void keep(struct engine *e, struct load *load)
{
    load->size =
        load->bytes.bytes.len + sizeof *load + load->count * sizeof load->entries[0];
    e->loads.bytes += load->size;
    list_push(&e->loads.cache, &load->in_cache);
}

static void free_load(struct load *load)
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

static void run_reading(struct work *w)
{
    struct reading *r = CONTAINER(w, struct reading, work);
    struct load    *load = new_load(r->want.log, r->want.base, r->want.batches);

    r->err = extent_load(r->shard, r->segment, r->at, &r->want, load->entries, &load->bytes);
    if (r->err)
        free(load);
    else
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

static void settle(struct engine *e, struct reading *r)
{
    struct extent *x = find(e, &r->want, r->segment, r->at);

    if (!x || x->load) {
        if (r->load)
            free_load(r->load);
        return;
    }
    x->is_loading = false;
    if (r->err) {
        load_quarantine(e, &r->want, r->segment, r->at, r->err);
        return;
    }
    if (r->is_check && list_empty(&r->waits)) {
        free_load(r->load);
        return;
    }
    x->load = r->load;
    keep(e, x->load);
}

static void on_read(struct mail *mail)
{
    struct reading *r = CONTAINER(CONTAINER(mail, struct work, mail), struct reading, work);
    struct engine  *e = r->engine;
    struct list    *n;

    if (!e) {
        if (r->load)
            free_load(r->load);
        free(r);
        return;
    }
    list_remove(&r->in_flight);
    e->loads.flights--;
    settle(e, r);
    while ((n = list_pop(&r->waits)) != NULL) {
        struct load_wait *w = CONTAINER(n, struct load_wait, in_load);

        w->on_load(e, w);
    }
    free(r);
}

static struct reading *begin(struct engine *e, const struct log *l, struct extent *x,
                             enum work_lane lane)
{
    struct reading *r = mem_new(sizeof *r);

    r->work.mail.run = on_read;
    r->work.run = run_reading;
    r->engine = e;
    r->shard = e->shard;
    r->segment = x->segment->id;
    r->at = x->at;
    r->want = extent_head_of(l->id, x);
    list_init(&r->in_flight);
    list_init(&r->waits);
    list_push(&e->loads.in_flight, &r->in_flight);
    e->loads.flights++;
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

void load_want(struct engine *e, const struct log *l, struct extent *x, struct load_wait *w)
{
    struct reading *r = find_or_begin(e, l, x);

    if (w && list_empty(&w->in_load))
        list_push(&r->waits, &w->in_load);
}

/* More than one, so that the reader thread has the next at hand when it is done with the first. */
void load_ahead(struct engine *e, const struct log *l, const struct load *load)
{
    size_t first = log_extent_index(l, load->base) + 1;

    for (size_t i = first; i < l->extents.count && i < first + AHEAD_EXTENTS; i++) {
        struct extent *x = &log_extents(l)[i];

        if (!x->load && !x->is_loading && !x->is_bad && e->loads.flights < AHEAD_MAX)
            begin(e, l, x, WORK_READ);
    }
}

void load_check(struct engine *e, const struct log *l, struct extent *x)
{
    assert(!x->load && !x->is_loading && !x->is_bad);
    begin(e, l, x, WORK_TIDY)->is_check = true;
}

/* ---- the cache ---- */

struct load *load_add(struct engine *e, uint64_t log, uint64_t base, uint32_t count,
                      struct slice bytes)
{
    struct load *load = new_load(log, base, count);

    load->bytes = bytes;
    keep(e, load);
    return load;
}

void load_drop(struct engine *e, struct extent *x)
{
    if (!x->load)
        return;
    list_remove(&x->load->in_cache);
    e->loads.bytes -= x->load->size;
    free_load(x->load);
    x->load = NULL;
}

void load_touch(struct engine *e, struct load *load)
{
    list_remove(&load->in_cache);
    list_push(&e->loads.cache, &load->in_cache);
}

static struct extent *extent_of(struct engine *e, const struct load *load)
{
    struct log *l = idmap_get(&e->logs, load->log);

    return &log_extents(l)[log_extent_index(l, load->base)];
}

void load_shrink(struct engine *e)
{
    uint64_t     durable = journal_durable(e->journal);
    struct list *n = e->loads.cache.next;

    while (e->loads.bytes > e->loads.bytes_max && n != &e->loads.cache) {
        struct load *load = CONTAINER(n, struct load, in_cache);

        n = n->next;
        if (load->position <= durable) /* D3 */
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
    assert(list_empty(&e->loads.cache)); /* all logs are gone */
}
