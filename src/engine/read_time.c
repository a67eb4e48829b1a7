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
#include "engine/txn.h"

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

/* In the batches of one load, or in one of the journal. */
static bool find_near(struct engine *e, const struct log_at *at, int64_t t,
                      struct list_offsets_item *item)
{
    uint32_t i;

    if (!at->load)
        return find_in_batch(e, at, t, item);
    load_touch(e, at->load);
    for (i = (uint32_t)(at->entry - at->load->entries); i < at->load->count; i++)
        if (at->load->entries[i].batch_len > 0 && at->load->entries[i].max_timestamp_ms >= t &&
            find_in_batch(e, &(struct log_at){ &at->load->entries[i], at->load }, t, item))
            return true;
    return false;
}

/* Where to look next, from the offset `from` on: the first place on disk with a time of at least t. */
static bool find_place(const struct log *l, uint64_t *from, int64_t t)
{
    const struct log_entry *entries = log_entries(l);
    const struct extent    *extents = log_extents(l);
    size_t                  i = log_entry_index(l, *from);
    size_t                  x = log_extent_index(l, *from);
    uint64_t                base = UINT64_MAX;

    while (i < l->entries.durable && entries[i].max_timestamp_ms < t)
        i++;
    while (x < l->extents.durable && extents[x].max_timestamp_ms < t)
        x++;
    if (i < l->entries.durable)
        base = entries[i].base_offset;
    if (x < l->extents.durable && extents[x].base < base)
        base = extents[x].base;
    *from = base > *from ? base : *from;
    return base != UINT64_MAX;
}

/* False: something must be loaded first. */
static bool find_time(struct engine *e, struct log *l, struct seek *s,
                      struct list_offsets_item *item, int64_t t)
{
    uint64_t        from = l->start;
    struct log_span span;
    struct log_at   at;

    while (find_place(l, &from, t)) {
        switch (log_find(l, from, &at, &span)) {
        case LOG_COLD:
            load_want(e, l, from, &s->load);
            return false;
        case LOG_BAD:
        case LOG_END:
            item->err = ERR_CORRUPT;
            return true;
        case LOG_FOUND:
            if (find_near(e, &at, t, item))
                return true;
            from = at.load ? at.load->end : span.end;
            break;
        }
    }
    return true;
}

uint64_t read_time_start(struct engine *e, struct log *l, int64_t t)
{
    struct list_offsets_item item = { 0 };
    uint64_t                 durable = log_durable(e, l);
    uint64_t                 from = l->start;
    struct log_span          span;
    struct log_at            at;

    while (find_place(l, &from, t)) {
        if (log_find(l, from, &at, &span) != LOG_FOUND)
            return from;
        if (find_near(e, &at, t, &item))
            return (uint64_t)item.offset;
        from = at.load ? at.load->end : span.end;
    }
    return durable;
}

static int64_t newest(const struct log *l)
{
    int64_t most = INT64_MIN;

    for (size_t i = 0; i < l->entries.durable; i++)
        if (log_entries(l)[i].max_timestamp_ms > most)
            most = log_entries(l)[i].max_timestamp_ms;
    for (size_t i = 0; i < l->extents.durable; i++)
        if (log_extents(l)[i].max_timestamp_ms > most)
            most = log_extents(l)[i].max_timestamp_ms;
    return most;
}

/* What was found lies where it may not be shown yet. */
static void hide(struct list_offsets_item *item, uint64_t end)
{
    if (item->offset < 0 || (uint64_t)item->offset < end)
        return;
    item->offset = -1;
    item->found_ms = -1;
}

/* False: it waits for a load. */
static bool list_offset(struct engine *e, struct seek *s, struct list_offsets_item *item)
{
    struct log *l;
    uint64_t    end;
    bool        is_known = true;

    item->offset = -1;
    item->found_ms = -1;
    item->err = read_find_log(e, s->call->ns, item->name, &item->uuid, item->partition, &l);
    if (item->err)
        return true;
    log_durable(e, l);
    end = s->call->committed_only ? txn_log_committed(l) : l->durable;
    if (item->timestamp_ms == OFFSET_LATEST) {
        item->offset = (int64_t)end;
        return true;
    }
    if (item->timestamp_ms == OFFSET_EARLIEST)
        item->offset = (int64_t)l->start;
    else if (item->timestamp_ms == OFFSET_MAX_TIMESTAMP)
        is_known = find_time(e, l, s, item, newest(l));
    else if (item->timestamp_ms >= 0)
        is_known = find_time(e, l, s, item, item->timestamp_ms);
    else
        item->err = ERR_BAD_ARGUMENT;
    if (item->timestamp_ms != OFFSET_EARLIEST)
        hide(item, end);
    return is_known;
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
