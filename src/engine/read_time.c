/*
 * read_time.c - CALL_LIST_OFFSETS: the first and last offset of logs, and offsets by time.
 *
 * The index has the highest timestamp of every extent and of every batch in the journal. The first
 * of these that is high enough holds the answer: of an extent the batches are looked at, loaded if
 * need be, then the records of the batch.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"

#include <assert.h>

struct seek { /* call.waits; in the call's arena */
    struct load_wait          load;
    struct list_offsets_call *call;
    size_t                    done; /* items */
};

/* The first record of a stored batch with a time of at least t. */
static bool find_in_batch(struct engine *e, const struct log_at *at, int64_t t,
                          struct list_offsets_item *item)
{
    struct batch_reader r;
    struct record       record;
    struct slice        bytes;
    bool                found = false;

    if (log_view(e, at, &bytes) != ERR_OK)
        return false;
    if (batch_open(&r, bytes.bytes) == ERR_OK) {
        while (!found && batch_next(&r, &record, NULL))
            if (record.timestamp_ms >= t) {
                item->offset = (int64_t)at->entry->base_offset + record.offset_delta;
                item->found_ms = record.timestamp_ms;
                found = true;
            }
        batch_close(&r);
    }
    slice_drop(&bytes);
    return found;
}

static bool find_in_extent(struct engine *e, struct load *load, int64_t t,
                           struct list_offsets_item *item)
{
    load_touch(e, load);
    for (uint32_t i = 0; i < load->count; i++)
        if (load->entries[i].max_timestamp_ms >= t &&
            find_in_batch(e, &(struct log_at){ &load->entries[i], load }, t, item))
            return true;
    return false;
}

/* Where to look next, from the offset `from` on: the first place on disk with a time of at least t. */
struct place {
    const struct log_entry *entry; /* of the journal, or NULL */
    struct extent          *extent;
};

static bool find_place(const struct log *l, uint64_t from, int64_t t, struct place *out)
{
    const struct log_entry *entries = log_entries(l);
    struct extent          *extents = log_extents(l);
    size_t                  i = log_entry_index(l, from);
    size_t                  x = log_extent_index(l, from);

    while (i < l->durable_entries && entries[i].max_timestamp_ms < t)
        i++;
    while (x < l->durable_extents && extents[x].max_timestamp_ms < t)
        x++;
    *out = (struct place){ i < l->durable_entries ? &entries[i] : NULL,
                           x < l->durable_extents ? &extents[x] : NULL };
    if (out->entry && out->extent) {
        if (out->entry->base_offset < out->extent->base)
            out->extent = NULL;
        else
            out->entry = NULL;
    }
    return out->entry || out->extent;
}

/* False: an extent must be loaded first. */
static bool find_time(struct engine *e, const struct log *l, struct seek *s,
                      struct list_offsets_item *item, int64_t t)
{
    uint64_t     from = l->start;
    struct place p;

    while (find_place(l, from, t, &p)) {
        if (p.entry) {
            if (find_in_batch(e, &(struct log_at){ p.entry, NULL }, t, item))
                return true;
            from = p.entry->base_offset + p.entry->count;
            continue;
        }
        if (p.extent->is_bad) {
            item->err = ERR_CORRUPT;
            return true;
        }
        if (!p.extent->load) {
            load_want(e, l, p.extent, &s->load);
            return false;
        }
        if (find_in_extent(e, p.extent->load, t, item))
            return true;
        from = p.extent->end;
    }
    return true;
}

static int64_t newest(const struct log *l)
{
    int64_t most = INT64_MIN;

    for (size_t i = 0; i < l->durable_entries; i++)
        if (log_entries(l)[i].max_timestamp_ms > most)
            most = log_entries(l)[i].max_timestamp_ms;
    for (size_t i = 0; i < l->durable_extents; i++)
        if (log_extents(l)[i].max_timestamp_ms > most)
            most = log_extents(l)[i].max_timestamp_ms;
    return most;
}

/* False: it waits for a load. */
static bool list_offset(struct engine *e, struct seek *s, struct list_offsets_item *item)
{
    struct log *l;

    item->offset = -1;
    item->found_ms = -1;
    item->err = read_find_log(e, s->call->ns, item->name, &item->uuid, item->partition, &l);
    if (item->err)
        return true;
    log_durable(e, l);
    if (item->timestamp_ms == OFFSET_LATEST)
        item->offset = (int64_t)l->durable;
    else if (item->timestamp_ms == OFFSET_EARLIEST)
        item->offset = (int64_t)l->start;
    else if (item->timestamp_ms == OFFSET_MAX_TIMESTAMP)
        return find_time(e, l, s, item, newest(l));
    else if (item->timestamp_ms >= 0)
        return find_time(e, l, s, item, item->timestamp_ms);
    else
        item->err = ERR_BAD_ARGUMENT;
    return true;
}

/* True: all is known. */
static bool look(struct engine *e, struct seek *s)
{
    while (s->done < s->call->item_count && list_offset(e, s, &s->call->items[s->done]))
        s->done++;
    return s->done == s->call->item_count;
}

static void on_load(struct engine *e, struct load_wait *w)
{
    struct seek *s = CONTAINER(w, struct seek, load);

    if (look(e, s))
        engine_answer(e, &s->call->call, ERR_OK);
}

static void on_unpark(struct engine *e, struct call *c)
{
    (void)e;
    list_remove(&((struct seek *)c->waits)->load.in_load);
}

static void on_timeout(struct engine *e, struct call *c)
{
    (void)e;
    (void)c;
    assert(false); /* it is parked without a deadline */
}

void read_on_list_offsets(struct engine *e, struct call *c)
{
    struct list_offsets_call *a = (struct list_offsets_call *)c;
    struct seek              *s = arena_struct(&c->arena, struct seek);

    s->call = a;
    s->load.on_load = on_load;
    list_init(&s->load.in_load);
    c->waits = s;
    c->on_unpark = on_unpark;
    if (look(e, s))
        engine_answer(e, c, ERR_OK);
    else
        engine_park(e, c, &e->reads, INT64_MAX, on_timeout);
}
