/*
 * log.c - one partition: the index of its stored batches.
 *
 * A batch is either in the journal, then it has an entry, or in an extent of a segment. Entries and
 * extents are two arrays, each in order of offset, that forget at the front and grow at the end:
 *
 *     at:  | forgotten ... | first -> count of them | room |
 *
 * An extent's batches are known while it is loaded (load.h). The two interleave freely: a big append
 * goes to an extent at once, small ones before and after it are still in the journal.
 *
 *     offsets   start ........................................ durable ....... end
 *               [ extent ][ extent ] hole [ extent ][e][e][e] [ extent ][e] [e][e]
 *
 *   L1  What has a place in the log, entry or extent, begins at or behind the end of what is before
 *       it, and ends at or before log.end. Offsets in between are holes: nothing is there any more.
 *   L2  The first entries.durable entries and extents.durable extents are on disk; what comes next
 *       begins at log.durable, or log.durable is log.end.
 *   L3  Each entry counts once in engine.pins, each extent in its segment's live bytes.
 *   L4  An extent that is not known to be durable is loaded.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"
#include "base/diag.h"
#include "engine/recall.h"
#include "engine/retention.h"
#include "engine/txn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    ROOM_FIRST = 8,
    ROOM_KEPT = 64, /* an empty array larger than that is given back */
};

struct log *log_new(uint64_t id, struct topic *topic, uint32_t partition)
{
    struct log *l = mem_new(sizeof *l);

    l->id = id;
    l->topic = topic;
    l->partition = partition;
    row_init(&l->row, ROW_LOG);
    list_init(&l->chunks);
    list_init(&l->in_journal);
    list_init(&l->in_settled);
    list_init(&l->in_trims);
    idmap_init(&l->producers);
    return l;
}

void log_free(struct engine *e, struct log *l)
{
    assert(!l->watch && !l->stage);
    compactor_forget(e, l);
    timer_stop(&e->timers, &l->retention);
    room_leave(e, l);
    txn_log_fini(e, l);
    log_trim(e, l, l->end);
    list_remove(&l->in_settled);
    list_remove(&l->in_trims);
    row_remove(e, &l->row);
    log_chunks_fini(e, l);
    producer_log_fini(e, l);
    recall_fini(l);
    free(l->entries.at);
    free(l->extents.at);
    free(l);
}

/* ---- the two arrays ---- */

/* Of a log that has none there is one to point at. */
struct log_entry *log_entries(const struct log *l)
{
    static struct log_entry none;

    return l->entries.at ? l->entries.at + l->entries.first : &none;
}

struct extent *log_extents(const struct log *l)
{
    static struct extent none;

    return l->extents.at ? l->extents.at + l->extents.first : &none;
}

static uint64_t entry_end(const struct log_entry *entry)
{
    return entry->base_offset + entry->count;
}

static void make_entry_room(struct log_entries *es, uint32_t count)
{
    if (es->first + es->count + count <= es->cap)
        return;
    if (es->first > es->cap / 2) {
        memmove(es->at, es->at + es->first, es->count * sizeof *es->at);
        es->first = 0;
    }
    if (es->first + es->count + count <= es->cap)
        return;
    while (es->first + es->count + count > es->cap)
        es->cap = es->cap ? es->cap * 2 : ROOM_FIRST;
    es->at = mem_resize(es->at, es->cap * sizeof *es->at);
}

static void make_extent_room(struct log_extents *xs, uint32_t count)
{
    if (xs->first + xs->count + count <= xs->cap)
        return;
    if (xs->first > xs->cap / 2) {
        memmove(xs->at, xs->at + xs->first, xs->count * sizeof *xs->at);
        xs->first = 0;
    }
    while (xs->first + xs->count + count > xs->cap)
        xs->cap = xs->cap ? xs->cap * 2 : ROOM_FIRST;
    xs->at = mem_resize(xs->at, xs->cap * sizeof *xs->at);
}

static void give_back_room(struct engine *e, struct log *l)
{
    if (l->entries.count == 0) {
        if (!list_empty(&l->in_journal)) {
            list_remove(&l->in_journal);
            e->mover.log_count--;
        }
        l->entries.first = 0;
        if (l->entries.cap > ROOM_KEPT) {
            free(l->entries.at);
            l->entries = (struct log_entries){ 0 };
        }
    }
    if (l->extents.count == 0)
        l->extents.first = 0;
}

void log_push(struct engine *e, struct log *l, const struct log_entry *entry)
{
    log_push_run(e, l, entry, 1);
}

void log_push_run(struct engine *e, struct log *l, const struct log_entry *entries, uint32_t count)
{
    assert(entries->base_offset >= l->end); /* L1 */
    row_touch(e, &l->row);
    log_chunks_on_run(e, l, entries, count);
    log_load_entries(e, l, entries, count);
    l->end = entry_end(&entries[count - 1]);
}

typedef void pins_fn(struct pins *p, uint64_t position, uint64_t count);

/* L3: all that lie in one stretch at once. */
static void count_in(struct pins *p, pins_fn *fn, const struct log_entry *entries, uint32_t count)
{
    for (uint32_t i = 0, n; i < count; i += n) {
        uint64_t stretch = entries[i].position / PINS_STRETCH_BYTES;

        for (n = 1; i + n < count && entries[i + n].position / PINS_STRETCH_BYTES == stretch;)
            n++;
        fn(p, entries[i].position, n);
    }
}

void log_load_entries(struct engine *e, struct log *l, const struct log_entry *entries,
                      uint32_t count)
{
    if (l->entries.count == 0) {
        list_push(&e->mover.logs, &l->in_journal);
        e->mover.log_count++;
    }
    make_entry_room(&l->entries, count);
    memcpy(l->entries.at + l->entries.first + l->entries.count, entries, count * sizeof *entries);
    l->entries.count += count;
    for (uint32_t i = 0; i < count; i++)
        l->bytes += entries[i].batch_len;
    count_in(&e->pins, pins_put, entries, count);
}

void log_push_extent(struct engine *e, struct log *l, const struct extent *x)
{
    assert(x->base >= l->end && x->end > x->base); /* L1 */
    row_touch(e, &l->row);
    log_chunks_on_push(e, l, x->base);
    log_load_extent(e, l, x);
    l->end = x->end;
}

void log_load_extent(struct engine *e, struct log *l, const struct extent *x)
{
    struct extent *at;

    make_extent_room(&l->extents, 1);
    at = &l->extents.at[l->extents.first + l->extents.count++];
    *at = *x;
    l->bytes += x->bytes;
    room_put(e, at);
}

/* Index of the first entry that ends behind offset; count when there is none. */
uint32_t log_entry_index(const struct log *l, uint64_t offset)
{
    const struct log_entry *at = log_entries(l);
    uint32_t                low = 0;
    uint32_t                high = l->entries.count;

    if (high > 0 && offset >= at[high - 1].base_offset) /* the tail is what consumers want most */
        return offset < entry_end(&at[high - 1]) ? high - 1 : high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (entry_end(&at[middle]) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t log_extent_index(const struct log *l, uint64_t offset)
{
    const struct extent *at = log_extents(l);
    uint32_t             low = 0;
    uint32_t             high = l->extents.count;

    if (high > 0 && offset >= at[high - 1].end)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (at[middle].end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t log_next_base(const struct log *l, uint64_t offset)
{
    size_t   entry = log_entry_index(l, offset);
    size_t   extent = log_extent_index(l, offset);
    uint64_t base = entry < l->entries.count ? log_entries(l)[entry].base_offset : UINT64_MAX;

    if (extent < l->extents.count && log_extents(l)[extent].base < base)
        base = log_extents(l)[extent].base;
    return base;
}

/* ---- finding ---- */

struct log_place log_place(const struct log *l, uint64_t offset)
{
    size_t           entry = log_entry_index(l, offset);
    size_t           x = log_extent_index(l, offset);
    struct log_place p = { entry < l->entries.count ? &log_entries(l)[entry] : NULL,
                           x < l->extents.count ? &log_extents(l)[x] : NULL };

    if (p.entry && p.extent) {
        if (p.extent->base < p.entry->base_offset)
            p.entry = NULL;
        else
            p.extent = NULL;
    }
    return p;
}

static enum log_answer find_in_extent(const struct extent *x, uint64_t offset, struct log_at *at)
{
    const struct load *load = x->load;
    size_t             low = 0;
    size_t             high;

    if (x->is_bad)
        return LOG_BAD;
    if (!load)
        return LOG_COLD;
    high = load->count - 1; /* the last one ends behind offset */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (entry_end(&load->entries[middle]) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    *at = (struct log_at){ &load->entries[low], x->load };
    return LOG_FOUND;
}

static enum log_answer find_entry(const struct log *l, const struct log_entry *entry,
                                  struct log_at *at)
{
    if (!recall_is_hot(l->topic->engine, entry))
        return recall_find(l, entry, at);
    *at = (struct log_at){ entry, NULL };
    return LOG_FOUND;
}

enum log_answer log_find(const struct log *l, uint64_t offset, struct log_at *at,
                         struct log_span *span)
{
    struct log_place p = log_place(l, offset);

    if (!p.extent && !p.entry)
        return LOG_END;
    if (span)
        *span = p.extent ? (struct log_span){ p.extent->base, p.extent->end }
                         : (struct log_span){ p.entry->base_offset, entry_end(p.entry) };
    return p.extent ? find_in_extent(p.extent, offset, at) : find_entry(l, p.entry, at);
}

bool log_part(const struct log *l, uint64_t offset, struct log_part *out)
{
    struct log_place p = log_place(l, offset);

    if (p.extent)
        *out = (struct log_part){ p.extent->base, p.extent->end, p.extent->bytes,
                                  p.extent->max_timestamp_ms, p.extent->append_ms };
    else if (p.entry)
        *out = (struct log_part){ p.entry->base_offset, entry_end(p.entry), p.entry->batch_len,
                                  p.entry->max_timestamp_ms, p.entry->append_ms };
    return p.extent || p.entry;
}

bool log_step(const struct log *l, struct log_at *at)
{
    const struct log_entry *past = at->load ? at->load->entries + at->load->count
                                            : log_entries(l) + l->entries.count;
    const struct log_entry *next = at->entry + 1;

    if (next >= past || (!at->load && next->base_offset != entry_end(at->entry)) ||
        next->batch_len == 0) /* a damaged one: recall.h */
        return false;
    at->entry = next;
    return true;
}

enum err log_view(struct engine *e, const struct log_at *at, struct slice *out)
{
    struct slice *all;

    if (!at->load)
        return journal_view(e->journal, at->entry->position, at->entry->batch_len, out);
    all = &at->load->bytes;
    *out = slice_hold(
        slice_of(all->block, all->bytes.at + at->entry->position, at->entry->batch_len));
    return ERR_OK;
}

uint64_t log_position(const struct log_at *at)
{
    return at->load ? at->load->position : at->entry->position + at->entry->batch_len;
}

/* ---- how far it is on disk ---- */

/* What comes first of what is not known to be on disk: its end, and the position of the journal it
 * waits for. False: all is. */
static bool next_undurable(const struct log *l, bool *is_extent, uint64_t *position)
{
    const struct log_entry *entry = log_entries(l) + l->entries.durable;
    const struct extent    *x = log_extents(l) + l->extents.durable;
    bool                    has_entry = l->entries.durable < l->entries.count;
    bool                    has_extent = l->extents.durable < l->extents.count;

    if (!has_entry && !has_extent)
        return false;
    *is_extent = has_extent && (!has_entry || x->base < entry->base_offset);
    if (*is_extent)
        *position = x->load ? x->load->position : 0; /* L4 */
    else
        *position = entry->position + entry->batch_len;
    return true;
}

uint64_t log_pinned(const struct engine *e)
{
    return pins_oldest(&e->pins);
}

uint64_t log_durable(const struct engine *e, struct log *l)
{
    uint64_t on_disk = journal_durable(e->journal);
    uint64_t position;
    bool     is_extent;

    while (next_undurable(l, &is_extent, &position)) {
        if (position > on_disk) {
            l->durable = is_extent ? log_extents(l)[l->extents.durable].base
                                   : log_entries(l)[l->entries.durable].base_offset;
            return l->durable;
        }
        if (is_extent)
            l->extents.durable++;
        else
            l->entries.durable++;
    }
    l->durable = l->end;
    return l->durable;
}

bool log_is_durable(const struct log *l)
{
    return l->entries.durable == l->entries.count && l->extents.durable == l->extents.count;
}

/* ---- forgetting ---- */

/* Entries [i, i + n) are not the log's any more. */
static void remove_entries(struct engine *e, struct log *l, uint32_t i, uint32_t n)
{
    struct log_entry *at = log_entries(l);

    for (uint32_t k = i; k < i + n; k++) {
        if (l->recalls)
            recall_forget(l, &at[k]);
        l->bytes -= at[k].batch_len;
    }
    count_in(&e->pins, pins_take, at + i, n);
    if (i == 0)
        l->entries.first += n;
    else
        memmove(at + i, at + i + n, (l->entries.count - i - n) * sizeof *at);
    l->entries.count -= n;
    if (l->entries.durable > i)
        l->entries.durable = l->entries.durable > i + n ? l->entries.durable - n : i;
}

static void remove_extents(struct engine *e, struct log *l, uint32_t i, uint32_t n)
{
    struct extent *at = log_extents(l);

    for (uint32_t k = i; k < i + n; k++) {
        l->bytes -= at[k].bytes;
        room_take(e, &at[k]);
    }
    if (i == 0)
        l->extents.first += n;
    else
        memmove(at + i, at + i + n, (l->extents.count - i - n) * sizeof *at);
    l->extents.count -= n;
    if (l->extents.durable > i)
        l->extents.durable = l->extents.durable > i + n ? l->extents.durable - n : i;
}

void log_trim(struct engine *e, struct log *l, uint64_t offset)
{
    row_touch(e, &l->row);
    log_chunks_on_trim(e, l, offset);
    remove_entries(e, l, 0, log_entry_index(l, offset));
    remove_extents(e, l, 0, log_extent_index(l, offset));
    if (offset > l->start)
        l->start = offset < l->end ? offset : l->end;
    fetch_session_on_trim(l);
    if (l->start > l->durable)
        l->durable = l->start;
    give_back_room(e, l);
    recall_on_trim(e, l);
    txn_log_trimmed(e, l);
}

/* What empties a segment is journalled (room.h S2), and behind the settles it follows from: those may
 * still be in a queue's writer. The rest follows from them in a replay, too; its start counts as
 * theirs. */
void log_settled(struct engine *e, struct log *l, uint64_t offset)
{
    if (log_extent_index(l, offset) == 0) {
        log_trim(e, l, offset);
        l->trimmed_at = UINT64_MAX; /* until they have their place in the journal */
    }
    l->settled_to = offset;
    if (list_empty(&l->in_trims))
        list_push(&e->trims, &l->in_trims);
}

void log_trim_settled(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->trims)) != NULL) {
        struct log *l = CONTAINER(n, struct log, in_trims);

        if (l->settled_to <= l->start) {
            l->trimmed_at = journal_end(e->journal);
            continue;
        }
        retention_cut(e, l, l->settled_to);
    }
}

/* ---- replacing ---- */

/* What of a log begins in [from, to), as indices; false when something lies across an end. */
struct stretch {
    uint32_t entry, entry_past;
    uint32_t extent, extent_past;
};

static bool find_stretch(const struct log *l, uint64_t from, uint64_t to, struct stretch *s)
{
    const struct log_entry *entries = log_entries(l);
    const struct extent    *extents = log_extents(l);

    *s = (struct stretch){ log_entry_index(l, from), log_entry_index(l, to),
                           log_extent_index(l, from), log_extent_index(l, to) };
    return (s->entry == l->entries.count || entries[s->entry].base_offset >= from) &&
           (s->entry_past == l->entries.count || entries[s->entry_past].base_offset >= to) &&
           (s->extent == l->extents.count || extents[s->extent].base >= from) &&
           (s->extent_past == l->extents.count || extents[s->extent_past].base >= to);
}

static bool are_in_order(const struct extent *made, size_t count, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < count; i++) {
        if (made[i].base < from || made[i].end <= made[i].base || made[i].end > to)
            return false;
        from = made[i].end;
    }
    return true;
}

static void insert_extents(struct engine *e, struct log *l, uint32_t i, const struct extent *made,
                           uint32_t count)
{
    struct extent *at;

    if (count == 0)
        return;
    make_extent_room(&l->extents, count);
    at = log_extents(l);
    memmove(at + i + count, at + i, (l->extents.count - i) * sizeof *at);
    memcpy(at + i, made, count * sizeof *at);
    l->extents.count += count;
    if (l->extents.durable >= i)
        l->extents.durable += count;
    for (uint32_t k = i; k < i + count; k++) {
        l->bytes += at[k].bytes;
        room_put(e, &at[k]);
    }
}

bool log_replace(struct engine *e, struct log *l, uint64_t from, uint64_t to,
                 const struct extent *made, size_t count)
{
    struct stretch s;

    while (count > 0 && made[0].end <= l->start) { /* trimmed meanwhile */
        made++;
        count--;
    }
    if (to > l->end || !are_in_order(made, count, from, to) || !find_stretch(l, from, to, &s))
        return false;
    row_touch(e, &l->row);
    log_chunks_on_replace(e, l, from, to);
    remove_entries(e, l, s.entry, s.entry_past - s.entry);
    remove_extents(e, l, s.extent, s.extent_past - s.extent);
    insert_extents(e, l, s.extent, made, (uint32_t)count);
    log_chunks_on_replaced(e, l, from, to);
    give_back_room(e, l);
    return true;
}
