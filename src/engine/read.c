/*
 * read.c - reading logs: whole batches by offset, long polls, offsets by time.
 *
 * A read shows only what is on disk (log_durable), so its answer is relaxed: nothing in it can be
 * taken back. A read that finds too little parks on every log it asked for and looks again when
 * one of them has more on disk.
 *
 * Thread: the shard's.
 */
#include "engine/engine_int.h"

#include <assert.h>

/* One log a parked read waits for; in the call's arena. */
struct read_wait {
    struct list       in_log; /* log.readers */
    struct read_call *call;
};

static enum err find_log(struct engine *e, struct bytes ns, struct bytes name,
                         const struct uuid *uuid, uint32_t partition, struct log **out)
{
    struct topic *t = bytes_is_null(name) ? topic_find_uuid(e, uuid) : topic_find(e, ns, name);

    *out = NULL;
    if (!t)
        return ERR_NO_TOPIC;
    if (partition >= t->log_count)
        return ERR_NO_PARTITION;
    *out = t->logs[partition];
    return ERR_OK;
}

/* How many durable entries from first on fit into bytes_max; the first one does when it may be oversized. */
static size_t count_entries(const struct log *l, size_t first, uint32_t bytes_max, bool first_always,
                            uint32_t *bytes)
{
    const struct log_entry *at = l->entries.at + l->entries.first;
    size_t                  n = 0;

    *bytes = 0;
    while (first + n < l->durable_count) {
        uint32_t len = at[first + n].batch_len;

        if ((uint64_t)*bytes + len > bytes_max && !(first_always && n == 0))
            break;
        *bytes += len;
        n++;
    }
    return n;
}

static enum err take_batches(struct engine *e, struct read_call *a, struct read_item *item,
                             struct log *l, uint32_t bytes_max, bool first_always, uint32_t *bytes)
{
    const struct log_entry *at = log_find(l, item->offset);
    size_t                  first = (size_t)(at - (l->entries.at + l->entries.first));
    size_t                  n = count_entries(l, first, bytes_max, first_always, bytes);

    item->batches = arena_array(&a->call.arena, n, sizeof *item->batches);
    for (size_t i = 0; i < n; i++) {
        struct batch_ref *ref = &item->batches[item->batch_count];
        enum err err = journal_view(e->journal, at[i].position, at[i].batch_len, &ref->bytes);

        if (err)
            return err;
        ref->base_offset = at[i].base_offset;
        item->batch_count++;
    }
    return ERR_OK;
}

/* Fills one item; *bytes is what it took. */
static void read_item(struct engine *e, struct read_call *a, struct read_item *item,
                      uint32_t bytes_left, bool first_always, uint32_t *bytes)
{
    struct log *l;

    *bytes = 0;
    item->err = find_log(e, a->ns, item->name, &item->uuid, item->partition, &l);
    if (item->err)
        return;
    item->high_watermark = log_durable(e, l);
    item->log_start = l->start;
    if (item->offset < l->start || item->offset > item->high_watermark) {
        item->err = ERR_OUT_OF_RANGE;
        return;
    }
    if (item->offset == item->high_watermark)
        return;
    item->err = take_batches(e, a, item, l,
                             bytes_left < item->bytes_max ? bytes_left : item->bytes_max,
                             first_always, bytes);
}

static void drop_batches(struct read_call *a)
{
    for (size_t i = 0; i < a->item_count; i++) {
        for (size_t k = 0; k < a->items[i].batch_count; k++)
            slice_drop(&a->items[i].batches[k].bytes);
        a->items[i].batch_count = 0;
    }
}

/* True when the answer is ready: enough bytes, or an item failed. */
static bool collect(struct engine *e, struct read_call *a)
{
    uint32_t total = 0;
    bool     failed = false;

    for (size_t i = 0; i < a->item_count; i++) {
        uint32_t left = a->bytes_max > total ? a->bytes_max - total : 0;
        uint32_t bytes;

        read_item(e, a, &a->items[i], left, total == 0, &bytes);
        total += bytes;
        failed |= a->items[i].err != ERR_OK;
    }
    return failed || total >= a->bytes_min;
}

static void answer(struct engine *e, struct read_call *a)
{
    a->call.relaxed = true;
    engine_answer(e, &a->call, ERR_OK);
}

static void on_timeout(struct engine *e, struct call *c)
{
    struct read_call *a = (struct read_call *)c;

    collect(e, a);
    answer(e, a);
}

static void on_unpark(struct engine *e, struct call *c)
{
    struct read_wait *waits = c->waits;
    size_t            n = ((struct read_call *)c)->item_count;

    (void)e;
    for (size_t i = 0; i < n; i++)
        if (waits[i].call)
            list_remove(&waits[i].in_log);
}

static void park(struct engine *e, struct read_call *a)
{
    struct read_wait *waits = arena_array(&a->call.arena, a->item_count, sizeof *waits);

    for (size_t i = 0; i < a->item_count; i++) {
        struct read_item *item = &a->items[i];
        struct log       *l;

        if (find_log(e, a->ns, item->name, &item->uuid, item->partition, &l) != ERR_OK)
            continue;
        waits[i].call = a;
        list_push(&l->readers, &waits[i].in_log);
        if (l->durable_count < l->entries.count && list_empty(&l->fresh))
            list_push(&e->fresh, &l->fresh);
    }
    a->call.waits = waits;
    a->call.on_unpark = on_unpark;
    engine_park(e, &a->call, &e->reads, e->now_ms + a->wait_ms, on_timeout);
}

void read_on_read(struct engine *e, struct call *c)
{
    struct read_call *a = (struct read_call *)c;

    if (collect(e, a) || a->wait_ms <= 0) {
        answer(e, a);
        return;
    }
    drop_batches(a);
    park(e, a);
}

/* Looks at one parked read again; false leaves it parked. */
static bool retry(struct engine *e, struct read_call *a)
{
    if (collect(e, a)) {
        answer(e, a);
        return true;
    }
    drop_batches(a);
    return false;
}

void read_wake(struct engine *e, struct log *l)
{
    struct list *n = l->readers.next;

    while (n != &l->readers) {
        struct read_wait *w = CONTAINER(n, struct read_wait, in_log);

        n = n->next;
        /* An answered read may have had more nodes in this list: begin again. */
        if (retry(e, w->call))
            n = l->readers.next;
    }
}

void read_on_durable(struct engine *e)
{
    struct list *n = e->fresh.next;

    while (n != &e->fresh) {
        struct log *l = CONTAINER(n, struct log, fresh);
        size_t      before = l->durable_count;

        n = n->next;
        log_durable(e, l);
        if (l->durable_count == l->entries.count || list_empty(&l->readers))
            list_remove(&l->fresh);
        if (l->durable_count > before)
            read_wake(e, l);
    }
}

void read_abandon(struct engine *e, struct log *l)
{
    while (!list_empty(&l->readers)) {
        struct read_wait *w = CONTAINER(l->readers.next, struct read_wait, in_log);

        for (size_t i = 0; i < w->call->item_count; i++)
            w->call->items[i].err = ERR_NO_TOPIC;
        answer(e, w->call);
    }
}

/* ---- CALL_LIST_OFFSETS ---- */

/* The first record of a stored batch with a time of at least t. */
static bool find_in_batch(struct engine *e, const struct log_entry *entry, int64_t t,
                          struct list_offsets_item *item)
{
    struct batch_reader r;
    struct record       record;
    struct slice        bytes;
    bool                found = false;

    if (journal_view(e->journal, entry->position, entry->batch_len, &bytes) != ERR_OK)
        return false;
    if (batch_open(&r, bytes.bytes) == ERR_OK) {
        while (!found && batch_next(&r, &record, NULL))
            if (record.timestamp_ms >= t) {
                item->offset = (int64_t)entry->base_offset + record.offset_delta;
                item->found_ms = record.timestamp_ms;
                found = true;
            }
        batch_close(&r);
    }
    slice_drop(&bytes);
    return found;
}

static void find_time(struct engine *e, const struct log *l, struct list_offsets_item *item)
{
    const struct log_entry *at = l->entries.at + l->entries.first;

    for (size_t i = 0; i < l->durable_count; i++)
        if (at[i].max_timestamp_ms >= item->timestamp_ms &&
            find_in_batch(e, &at[i], item->timestamp_ms, item))
            return;
}

static void find_newest(struct engine *e, const struct log *l, struct list_offsets_item *item)
{
    const struct log_entry *at = l->entries.at + l->entries.first;
    const struct log_entry *best = NULL;

    for (size_t i = 0; i < l->durable_count; i++)
        if (!best || at[i].max_timestamp_ms > best->max_timestamp_ms)
            best = &at[i];
    if (best)
        find_in_batch(e, best, best->max_timestamp_ms, item);
}

static void list_offset(struct engine *e, const struct list_offsets_call *a,
                        struct list_offsets_item *item)
{
    struct log *l;

    item->offset = -1;
    item->found_ms = -1;
    item->err = find_log(e, a->ns, item->name, &item->uuid, item->partition, &l);
    if (item->err)
        return;
    log_durable(e, l);
    if (item->timestamp_ms == OFFSET_LATEST)
        item->offset = (int64_t)l->durable;
    else if (item->timestamp_ms == OFFSET_EARLIEST)
        item->offset = (int64_t)l->start;
    else if (item->timestamp_ms == OFFSET_MAX_TIMESTAMP)
        find_newest(e, l, item);
    else if (item->timestamp_ms >= 0)
        find_time(e, l, item);
    else
        item->err = ERR_BAD_ARGUMENT;
}

void read_on_list_offsets(struct engine *e, struct call *c)
{
    struct list_offsets_call *a = (struct list_offsets_call *)c;

    for (size_t i = 0; i < a->item_count; i++)
        list_offset(e, a, &a->items[i]);
    engine_answer(e, c, ERR_OK);
}
