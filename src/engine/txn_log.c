/* txn_log.c - what a log knows of transactions; see txn.h, T3 to T6. */
#include "engine/log_int.h"
#include "engine/queue_int.h"
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum {
    GIVEN_MAX = 1 << 30, /* offsets that queues are told of at once */
    HELD_MAX = 100000,   /* runs of a log whose delay is remembered; beyond, it is each queue's own */
};

enum { DUE_BY_QUEUE = -1, DUE_AT_ONCE = 0 };

static struct log_open *open_of(struct list *node)
{
    return CONTAINER(node, struct log_open, in_log);
}

static struct log_txns *txns_of(struct log *l, uint64_t from)
{
    struct log_txns *t = l->txns;

    if (t)
        return t;
    t = mem_new(sizeof *t);
    row_init(&t->row, ROW_LOG_TXNS);
    list_init(&t->open);
    list_init(&t->ending);
    t->log = l;
    t->from = from;
    t->shown = UINT64_MAX;
    l->txns = t;
    return t;
}

static void abort_free(struct engine *e, struct log_aborted *a)
{
    row_remove(e, &a->row);
    e->txns.aborted_count--;
    free(a);
}

static void free_opens(struct list *all)
{
    struct list *n;

    while ((n = list_pop(all)) != NULL)
        free(open_of(n));
}

void txn_log_fini(struct engine *e, struct log *l)
{
    struct log_txns *t = l->txns;

    if (!t)
        return;
    row_remove(e, &t->row);
    for (size_t i = 0; i < t->aborts.count; i++)
        abort_free(e, t->aborts.at[t->aborts.first + i]);
    free_opens(&t->open);
    free_opens(&t->ending);
    free(t->aborts.at);
    free(t->held.at);
    free(t);
    l->txns = NULL;
}

/* ---- stable ---- */

uint64_t txn_log_stable(const struct log *l)
{
    uint64_t first;

    if (!l->txns || list_empty(&l->txns->open))
        return l->end;
    first = open_of(l->txns->open.next)->first;
    if (first > l->end) /* still staged */
        first = l->end;
    return first > l->start ? first : l->start;
}

/* Markers ascend: those on disk come first. */
static void drop_ended(struct log_txns *t, uint64_t durable)
{
    while (!list_empty(&t->ending) && open_of(t->ending.next)->marker < durable) {
        struct list *n = list_pop(&t->ending);

        free(open_of(n));
    }
}

uint64_t txn_log_committed(struct log *l)
{
    struct log_txns *t = l->txns;
    uint64_t         committed = l->durable;

    if (!t)
        return committed;
    drop_ended(t, l->durable);
    if (!list_empty(&t->open) && open_of(t->open.next)->first < committed)
        committed = open_of(t->open.next)->first;
    for (struct list *n = t->ending.next; n != &t->ending; n = n->next)
        if (open_of(n)->first < committed)
            committed = open_of(n)->first;
    return committed > l->start ? committed : l->start;
}

bool txn_log_is_open(const struct log *l)
{
    return l->txns && l->txns->shown != UINT64_MAX;
}

struct log_open *txn_log_find(const struct log *l, int64_t producer)
{
    if (!l->txns)
        return NULL;
    for (struct list *n = l->txns->open.next; n != &l->txns->open; n = n->next)
        if (open_of(n)->producer == producer)
            return open_of(n);
    return NULL;
}

/* ---- queues (T4) ---- */

/* What lies in [from, to) is theirs. due_ms: or each queue's own delay from now_ms on. */
static void give(struct engine *e, struct log *l, uint64_t from, uint64_t to, int64_t due_ms,
                 int64_t now_ms)
{
    struct list *queues = &l->topic->queues;

    while (from < to) {
        uint32_t count = to - from < GIVEN_MAX ? (uint32_t)(to - from) : GIVEN_MAX;

        for (struct list *n = queues->next; n != queues; n = n->next) {
            struct queue *q = queue_in_topic(n);
            int64_t       delay_ms = queue_delay_ms(q);
            int64_t       own_ms = delay_ms > 0 ? now_ms + delay_ms : DUE_AT_ONCE;

            if (queue_is_shared(q))
                queue_mark_dirty(e, q); /* what it waited for may be final now */
            else
                queue_on_append(e, q, l, from, count, due_ms >= 0 ? due_ms : own_ms);
        }
        from += count;
    }
}

/* What lies below offset. */
static void forget_held(struct log_held *h, uint64_t offset)
{
    size_t n = 0;

    while (n < h->count && h->at[n].base + h->at[n].count <= offset)
        n++;
    h->count -= n;
    if (n > 0)
        memmove(h->at, h->at + n, h->count * sizeof *h->at);
    if (h->count > 0 && h->at[0].base < offset) {
        h->at[0].count -= offset - h->at[0].base;
        h->at[0].base = offset;
    }
}

/* Up to stable, each with its delay. */
static void show(struct engine *e, struct log *l, int64_t now_ms)
{
    struct log_txns *t = l->txns;
    uint64_t         to = txn_log_stable(l);
    uint64_t         from = t->shown;

    row_touch(e, &t->row);
    for (size_t i = 0; i < t->held.count && t->held.at[i].base < to; i++) {
        const struct withheld *h = &t->held.at[i];
        uint64_t               past = h->base + h->count < to ? h->base + h->count : to;

        give(e, l, from, h->base, DUE_BY_QUEUE, now_ms);
        give(e, l, h->base, past, h->due_ms, now_ms);
        from = past;
    }
    give(e, l, from, to, DUE_BY_QUEUE, now_ms);
    forget_held(&t->held, to);
    t->shown = list_empty(&t->open) ? UINT64_MAX : to;
}

static void hold_back(struct log_held *h, uint64_t base, uint64_t count, int64_t due_ms)
{
    struct withheld *last = h->count > 0 ? &h->at[h->count - 1] : NULL;

    if (last && last->due_ms == due_ms && last->base + last->count == base) {
        last->count += count;
        return;
    }
    if (h->count == HELD_MAX)
        return;
    if (h->count == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 8;
        h->at = mem_resize(h->at, h->cap * sizeof *h->at);
    }
    h->at[h->count++] = (struct withheld){ base, count, due_ms };
}

void txn_log_note(struct engine *e, struct log *l, const struct log_entry *entry, int64_t delay_ms)
{
    row_touch(e, &l->txns->row);
    if (delay_ms >= 0)
        hold_back(&l->txns->held, entry->base_offset, entry->count,
                  delay_ms > 0 ? entry->append_ms + delay_ms : DUE_AT_ONCE);
    show(e, l, entry->append_ms);
}

/* ---- beginning and end ---- */

/* Nothing more is shown than is now. */
static void stop_showing(struct log *l)
{
    if (l->txns->shown == UINT64_MAX)
        l->txns->shown = l->end;
}

struct log_open *txn_log_begin(struct engine *e, struct log *l, int64_t producer, uint64_t base)
{
    struct log_open *o = mem_new(sizeof *o);
    struct log_txns *t = txns_of(l, base);

    row_touch(e, &t->row);
    stop_showing(l);
    *o = (struct log_open){ .producer = producer, .first = base, .marker = UINT64_MAX };
    list_push(&t->open, &o->in_log); /* T3: base is the end of the log */
    return o;
}

static void push_abort(struct log_aborts *as, struct log_aborted *a)
{
    if (as->first + as->count == as->cap && as->first > as->cap / 2) {
        memmove(as->at, as->at + as->first, as->count * sizeof(struct log_aborted *));
        as->first = 0;
    }
    if (as->first + as->count == as->cap) {
        as->cap = as->cap ? 2 * as->cap : 8;
        as->at = mem_resize(as->at, as->cap * sizeof(struct log_aborted *));
    }
    as->at[as->first + as->count++] = a;
}

static void add_abort(struct engine *e, struct log *l, const struct log_aborted *from)
{
    struct log_aborted *a = mem_new(sizeof *a);

    *a = *from;
    a->log = l;
    row_init(&a->row, ROW_LOG_ABORTED);
    push_abort(&l->txns->aborts, a);
    e->txns.aborted_count++;
    row_touch(e, &a->row);
}

void txn_log_end(struct engine *e, struct log *l, struct log_open *open, bool is_commit, uint64_t base)
{
    struct log_txns *t = txns_of(l, base);

    row_touch(e, &t->row);
    if (e->is_open)
        drop_ended(t, log_durable(e, l)); /* of a log that nobody reads nobody else does */
    if (!open)
        return;
    stop_showing(l); /* until the marker is in, too */
    open->marker = base;
    list_remove(&open->in_log);
    list_push(&t->ending, &open->in_log);
    if (!is_commit)
        add_abort(e, l,
                  &(struct log_aborted){
                      .producer = open->producer,
                      .first = open->first,
                      .marker = base,
                      .stable = list_empty(&t->open) ? base + 1 : open_of(t->open.next)->first,
                  });
}

/* ---- what was aborted ---- */

static struct txn_aborts aborts_of(const struct log_txns *t)
{
    return (struct txn_aborts){ t->aborts.count, t->aborts.at + t->aborts.first };
}

/* Those whose markers lie below offset. */
static void forget_aborts(struct engine *e, struct log *l, uint64_t offset)
{
    struct log_aborts *as = &l->txns->aborts;

    while (as->count > 0 && as->at[as->first]->marker < offset) {
        abort_free(e, as->at[as->first++]);
        as->count--;
    }
}

void txn_log_trimmed(struct engine *e, struct log *l)
{
    if (!l->txns)
        return;
    forget_aborts(e, l, l->start);
    if (txn_log_is_open(l) && l->txns->shown < l->start)
        show(e, l, 0); /* T6: what is below start is evicted next */
}

void txn_log_compacted(struct engine *e, struct log *l, uint64_t clean)
{
    if (l->txns)
        forget_aborts(e, l, clean);
}

/* Index of the first whose marker is at or behind offset. */
static size_t first_abort(const struct txn_aborts *as, uint64_t offset)
{
    size_t low = 0;
    size_t high = as->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (as->at[middle]->marker < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The transaction that aborted what the producer wrote at base; NULL: none. */
static const struct log_aborted *find_abort(const struct txn_aborts *as, int64_t producer,
                                            uint64_t base)
{
    for (size_t i = first_abort(as, base); i < as->count; i++) {
        if (as->at[i]->producer == producer && as->at[i]->first <= base)
            return as->at[i];
        if (as->at[i]->stable > base)
            break;
    }
    return NULL;
}

bool txn_aborts_have(const struct txn_aborts *as, int64_t producer, uint64_t base)
{
    return find_abort(as, producer, base) != NULL;
}

struct txn_aborts txn_log_aborts(const struct log *l)
{
    struct txn_aborts   copy = { 0 };
    struct txn_aborts   as;
    struct log_aborted *copies;

    if (!l->txns || l->txns->aborts.count == 0)
        return copy;
    as = aborts_of(l->txns);
    copy.count = as.count;
    copy.at = mem_new(as.count * (sizeof(struct log_aborted *) + sizeof *copies));
    copies = (struct log_aborted *)(void *)(copy.at + as.count);
    for (size_t i = 0; i < as.count; i++) {
        copies[i] = *as.at[i];
        copy.at[i] = &copies[i];
    }
    return copy;
}

bool txn_log_is_hidden(const struct log *l, const struct batch_head *head, uint64_t base)
{
    struct txn_aborts as;

    if (head->attributes & BATCH_CONTROL)
        return true;
    if (!l->txns || !(head->attributes & BATCH_TRANSACTIONAL))
        return false;
    as = aborts_of(l->txns);
    return txn_aborts_have(&as, head->producer_id, base);
}

/* What a client makes of an answer. */
struct telling {
    struct txn_aborts     aborts;
    struct idmap          hidden; /* producer -> struct log_aborted, until its marker comes */
    struct aborted_range *ranges;
    size_t                count;
};

/* False: the client would take the batch for another than it is. */
static bool tell_batch(struct telling *t, const struct batch_ref *ref)
{
    const struct log_aborted *now;
    const struct log_aborted *before;
    struct batch_head         head;

    if (batch_head(ref->bytes.bytes, &head) != ERR_OK || !(head.attributes & BATCH_TRANSACTIONAL))
        return true;
    if (head.attributes & BATCH_CONTROL) {
        idmap_remove(&t->hidden, (uint64_t)head.producer_id);
        return true;
    }
    before = idmap_get(&t->hidden, (uint64_t)head.producer_id);
    now = find_abort(&t->aborts, head.producer_id, ref->base_offset);
    if (before)
        return before == now;
    if (!now)
        return true;
    idmap_put(&t->hidden, (uint64_t)head.producer_id, (void *)(uintptr_t)now);
    t->ranges[t->count++] = (struct aborted_range){ now->producer, now->first };
    return true;
}

size_t txn_log_tell(const struct log *l, const struct batch_ref *batches, size_t *count,
                    struct arena *arena, struct aborted_range **out)
{
    struct telling t = { 0 };
    size_t         i = 0;

    *out = NULL;
    if (!l->txns || l->txns->aborts.count == 0)
        return 0;
    t.aborts = aborts_of(l->txns);
    t.ranges = arena_array(arena, *count, sizeof *t.ranges);
    idmap_init(&t.hidden);
    while (i < *count && tell_batch(&t, &batches[i]))
        i++;
    *count = i;
    idmap_fini(&t.hidden);
    *out = t.ranges;
    return t.count;
}

/* ---- rows ---- */

static const struct log_txns *txns_of_row(const struct row *row)
{
    return CONTAINER(row, struct log_txns, row);
}

void log_txns_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, txns_of_row(row)->log->id);
}

static size_t count_open(const struct log_txns *t)
{
    size_t count = 0;

    for (const struct list *n = t->open.next; n != &t->open; n = n->next)
        count++;
    return count;
}

/* What is ending is on disk before this is (checkpoint.h). */
void log_txns_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct log_txns *t = txns_of_row(row);

    (void)e;
    buf_uvarint(out, t->log->id);
    buf_uvarint(out, t->from);
    buf_uvarint(out, count_open(t));
    for (struct list *n = t->open.next; n != &t->open; n = n->next) {
        buf_uvarint(out, (uint64_t)open_of(n)->producer);
        buf_uvarint(out, open_of(n)->first);
    }
    buf_uvarint(out, t->held.count);
    for (size_t i = 0; i < t->held.count; i++) {
        buf_uvarint(out, t->held.at[i].base);
        buf_uvarint(out, t->held.at[i].count);
        buf_varint(out, t->held.at[i].due_ms);
    }
}

static bool load_open(struct engine *e, struct log *l, struct rd *head)
{
    uint64_t producer = rd_uvarint64(head);
    uint64_t first = rd_uvarint64(head);

    if (head->failed || producer > INT64_MAX || first >= l->end ||
        (!list_empty(&l->txns->open) && open_of(l->txns->open.prev)->first >= first))
        return false;
    txn_log_begin(e, l, (int64_t)producer, first);
    return true;
}

static bool load_held(struct log *l, struct rd *head)
{
    struct log_held *h = &l->txns->held;
    uint64_t         base = rd_uvarint64(head);
    uint64_t         count = rd_uvarint64(head);
    int64_t          due_ms = rd_varint64(head);

    if (head->failed || base < l->txns->shown || base >= l->end || count == 0 ||
        count > l->end - base || due_ms < 0 ||
        (h->count > 0 && base < h->at[h->count - 1].base + h->at[h->count - 1].count))
        return false;
    hold_back(h, base, count, due_ms);
    return true;
}

enum err txn_log_apply_open(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct log *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t    from = rd_uvarint64(head);
    uint64_t    count = rd_uvarint64(head);

    (void)payload;
    (void)position;
    if (head->failed || !l || l->txns || from > l->end)
        return ERR_CORRUPT;
    row_touch(e, &txns_of(l, from)->row);
    while (count-- > 0)
        if (!load_open(e, l, head))
            return ERR_CORRUPT;
    if (txn_log_is_open(l))
        l->txns->shown = txn_log_stable(l);
    for (count = rd_uvarint64(head); count > 0; count--)
        if (!txn_log_is_open(l) || !load_held(l, head))
            return ERR_CORRUPT;
    return ERR_OK;
}

static const struct log_aborted *aborted_of(const struct row *row)
{
    return CONTAINER(row, struct log_aborted, row);
}

void log_aborted_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, aborted_of(row)->log->id);
    buf_u64(out, aborted_of(row)->marker);
}

void log_aborted_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct log_aborted *a = aborted_of(row);

    (void)e;
    buf_uvarint(out, a->log->id);
    buf_uvarint(out, (uint64_t)a->producer);
    buf_uvarint(out, a->first);
    buf_uvarint(out, a->marker);
    buf_uvarint(out, a->stable);
}

static bool is_behind_last(const struct log_txns *t, uint64_t marker)
{
    struct txn_aborts as = aborts_of(t);

    return as.count == 0 || as.at[as.count - 1]->marker < marker;
}

enum err txn_log_apply_aborted(struct engine *e, struct rd *head, struct bytes payload,
                               uint64_t position)
{
    struct log        *l = idmap_get(&e->logs, rd_uvarint64(head));
    struct log_aborted a = { .producer = (int64_t)rd_uvarint64(head) };

    (void)payload;
    (void)position;
    a.first = rd_uvarint64(head);
    a.marker = rd_uvarint64(head);
    a.stable = rd_uvarint64(head);
    if (head->failed || !l || !l->txns || a.producer < 0 || a.first >= a.marker || a.marker >= l->end ||
        !is_behind_last(l->txns, a.marker))
        return ERR_CORRUPT;
    add_abort(e, l, &a);
    return ERR_OK;
}
