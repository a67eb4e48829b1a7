/*
 * producer.c - idempotent publishing: identities, epochs and sequence numbers (KIP-98, KIP-360).
 *
 * Per log and producer id the epoch and the last five batches are kept. They need no journal
 * record of their own: every batch carries its id, epoch and sequence, so replaying the appends
 * rebuilds them; checkpoints store them as PRODUCER_STATE.
 *
 *   P1  A batch whose (first, last) sequence is one of the five is a duplicate and answers with
 *       the offset it had.
 *   P2  The next batch begins with the sequence after the last one (2^31 - 1 is followed by 0); a
 *       new epoch begins with 0. The mark at the end of a transaction may bring a new epoch.
 *   P3  Without state (never seen, or forgotten) any sequence begins.
 *   P4  A producer that said nothing for FORGET_MS is forgotten, and beyond STATES_MAX whoever was
 *       silent longest, but not one with an open transaction. That is not journalled: a replay knows
 *       from the times of batches whom it forgot.
 *   P5  A producer id is never given twice: PRODUCER_MADE, or the change that gives it to a
 *       transactional id, raises last_producer.
 *
 * Changes (docs/journal.md):
 *   PRODUCER_MADE   producer id
 *   PRODUCER_STATE  log id, producer id, epoch, last_ms, has ended a transaction, batch count, each
 *   { first sequence, last sequence, base offset, append_ms }
 *
 * Thread: the shard's.
 */
#include "engine/txn.h"

#include <stdlib.h>

enum {
    FORGET_MS = 24 * 60 * 60 * 1000, /* Kafka's producer.id.expiration.ms */
    STATES_MAX = 500000,             /* of all logs */
};

static int32_t sequence_add(int32_t sequence, int32_t n)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)n) & INT32_MAX);
}

bool producer_is_sound(const struct batch_head *head)
{
    if (head->attributes & BATCH_CONTROL)
        return head->producer_id >= 0 && head->producer_epoch >= 0;
    if (head->producer_id < 0)
        return !(head->attributes & BATCH_TRANSACTIONAL);
    return head->base_sequence >= 0 && head->producer_epoch >= 0;
}

enum err producer_check(const struct log *l, const struct batch_head *head,
                        struct producer_batch *first)
{
    const struct producer_state *p;
    int32_t                      last = sequence_add(head->base_sequence, head->last_offset_delta);

    if (!producer_is_sound(head))
        return ERR_BAD_RECORD;
    if (head->producer_id < 0)
        return ERR_OK;
    p = idmap_get(&l->producers, (uint64_t)head->producer_id);
    if (!p)
        return ERR_OK; /* P3 */
    if (head->producer_epoch < p->epoch)
        return ERR_FENCED_PRODUCER;
    if (p->open && !(head->attributes & BATCH_TRANSACTIONAL))
        return ERR_TXN_STATE;
    if (head->producer_epoch > p->epoch || p->count == 0)
        return head->base_sequence == 0 ? ERR_OK : ERR_BAD_SEQUENCE;
    for (int i = 0; i < p->count; i++)
        if (p->batches[i].first_sequence == head->base_sequence &&
            p->batches[i].last_sequence == last) {
            *first = p->batches[i]; /* P1 */
            return ERR_EXISTS;
        }
    if (head->base_sequence != sequence_add(p->batches[p->count - 1].last_sequence, 1))
        return ERR_BAD_SEQUENCE; /* P2 */
    return ERR_OK;
}

static struct producer_state *state_new(struct log *l, int64_t id)
{
    struct producer_state *p = mem_new(sizeof *p);

    row_init(&p->row, ROW_PRODUCER_STATE);
    list_init(&p->in_age);
    p->log = l;
    p->id = id;
    return p;
}

static void state_free(struct engine *e, struct producer_state *p)
{
    if (!list_empty(&p->in_age))
        e->writers.count--;
    list_remove(&p->in_age);
    row_remove(e, &p->row);
    free(p);
}

/* ---- forgetting (P4) ---- */

static void on_age(struct timer *t, int64_t now_ms);

static struct producer_state *oldest(const struct engine *e)
{
    return CONTAINER(e->writers.by_age.next, struct producer_state, in_age);
}

static void arm(struct engine *e)
{
    e->writers.timer.fire = on_age;
    if (!list_empty(&e->writers.by_age) && !timer_is_started(&e->writers.timer))
        timer_start(&e->timers, &e->writers.timer, oldest(e)->last_ms + FORGET_MS);
}

/* The one that was silent longest; one with an open transaction gets another day. */
static void forget_oldest(struct engine *e)
{
    struct producer_state *p = oldest(e);

    if (p->open) {
        list_remove(&p->in_age);
        list_push(&e->writers.by_age, &p->in_age);
        return;
    }
    idmap_remove(&p->log->producers, (uint64_t)p->id);
    state_free(e, p);
}

static void on_age(struct timer *t, int64_t now_ms)
{
    struct engine *e = CONTAINER(CONTAINER(t, struct producers, timer), struct engine, writers);
    size_t         left = e->writers.count;

    while (left-- > 0 && oldest(e)->last_ms + FORGET_MS <= now_ms)
        forget_oldest(e);
    if (!list_empty(&e->writers.by_age))
        timer_start(&e->timers, t,
                    oldest(e)->last_ms + FORGET_MS > now_ms ? oldest(e)->last_ms + FORGET_MS
                                                            : now_ms + FORGET_MS);
}

/* It spoke: it is the youngest now. */
static void note_word(struct engine *e, struct producer_state *p, int64_t append_ms)
{
    if (list_empty(&p->in_age))
        e->writers.count++;
    p->last_ms = append_ms;
    list_remove(&p->in_age);
    list_push(&e->writers.by_age, &p->in_age);
    if (e->writers.count > STATES_MAX)
        forget_oldest(e);
    arm(e);
}

/* ---- noting ---- */

/* P4 */
static bool is_forgotten(const struct producer_state *p, int64_t now_ms)
{
    return !p->open && p->last_ms + FORGET_MS <= now_ms;
}

/* Found or made, with this epoch, about to change. */
static struct producer_state *state_of_epoch(struct engine *e, struct log *l, int64_t id,
                                             int16_t epoch, int64_t now_ms)
{
    struct producer_state *p = idmap_get(&l->producers, (uint64_t)id);

    if (!p) {
        p = state_new(l, id);
        p->epoch = epoch;
        idmap_put(&l->producers, (uint64_t)p->id, p);
    }
    row_touch(e, &p->row);
    if (!list_empty(&p->in_age) && is_forgotten(p, now_ms)) {
        p->has_ended = false;
        p->count = 0;
    }
    if (p->epoch != epoch) {
        p->epoch = epoch;
        p->count = 0;
    }
    return p;
}

void producer_note(struct engine *e, struct log *l, const struct batch_head *head, uint64_t base_offset,
                   int64_t append_ms)
{
    struct producer_state *p = state_of_epoch(e, l, head->producer_id, head->producer_epoch, append_ms);

    if (p->count == PRODUCER_BATCHES)
        memmove(p->batches, p->batches + 1, sizeof p->batches[0] * --p->count);
    p->batches[p->count++] =
        (struct producer_batch){ head->base_sequence,
                                 sequence_add(head->base_sequence, head->last_offset_delta),
                                 base_offset, append_ms };
    if (head->attributes & BATCH_TRANSACTIONAL && !p->open)
        p->open = txn_log_begin(e, l, p->id, base_offset);
    note_word(e, p, append_ms);
}

void producer_note_marker(struct engine *e, struct log *l, const struct batch_head *head,
                          bool is_commit, uint64_t base_offset, int64_t append_ms)
{
    struct producer_state *p = state_of_epoch(e, l, head->producer_id, head->producer_epoch, append_ms);

    p->has_ended = true;
    txn_log_end(e, l, p->open, is_commit, base_offset);
    p->open = NULL;
    note_word(e, p, append_ms);
}

void producer_log_fini(struct engine *e, struct log *l)
{
    size_t                 at = 0;
    struct producer_state *p;

    while ((p = idmap_next(&l->producers, &at)) != NULL)
        state_free(e, p);
    idmap_fini(&l->producers);
}

static const struct producer_state *state_of(const struct row *row)
{
    return CONTAINER(row, struct producer_state, row);
}

void producer_state_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, state_of(row)->log->id);
    buf_u64(out, (uint64_t)state_of(row)->id);
}

void producer_state_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct producer_state *p = state_of(row);

    (void)e;
    buf_uvarint(out, p->log->id);
    buf_uvarint(out, (uint64_t)p->id);
    buf_uvarint(out, (uint64_t)p->epoch);
    buf_varint(out, p->last_ms);
    buf_uvarint(out, p->has_ended);
    buf_uvarint(out, p->count);
    for (int i = 0; i < p->count; i++) {
        buf_uvarint(out, (uint64_t)p->batches[i].first_sequence);
        buf_uvarint(out, (uint64_t)p->batches[i].last_sequence);
        buf_uvarint(out, p->batches[i].base_offset);
        buf_varint(out, p->batches[i].append_ms);
    }
}

/* As PRODUCER_STATE has it; false: that cannot be. */
static bool read_state(struct rd *head, struct producer_state *p)
{
    p->epoch = (int16_t)rd_uvarint64(head);
    p->last_ms = rd_varint64(head);
    p->has_ended = rd_uvarint64(head) != 0;
    p->count = (uint8_t)rd_uvarint64(head);
    if (p->epoch < 0 || p->count > PRODUCER_BATCHES)
        return false;
    for (int i = 0; i < p->count; i++) {
        p->batches[i].first_sequence = (int32_t)rd_uvarint64(head);
        p->batches[i].last_sequence = (int32_t)rd_uvarint64(head);
        p->batches[i].base_offset = rd_uvarint64(head);
        p->batches[i].append_ms = rd_varint64(head);
    }
    return !head->failed;
}

enum err producer_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct log            *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t               id = rd_uvarint64(head);
    struct producer_state *p;

    (void)payload;
    (void)position;
    if (head->failed || !l || id > INT64_MAX || idmap_get(&l->producers, id))
        return ERR_CORRUPT;
    p = state_new(l, (int64_t)id);
    if (!read_state(head, p)) {
        state_free(e, p);
        return ERR_CORRUPT;
    }
    p->open = txn_log_find(l, p->id);
    idmap_put(&l->producers, id, p);
    row_touch(e, &p->row);
    list_push(&e->writers.by_age, &p->in_age); /* in no order, until all are there */
    e->writers.count++;
    return ERR_OK;
}

static int by_age(const void *a, const void *b)
{
    const struct producer_state *x = *(struct producer_state *const *)a;
    const struct producer_state *y = *(struct producer_state *const *)b;

    return (x->last_ms > y->last_ms) - (x->last_ms < y->last_ms);
}

void producer_on_recovered(struct engine *e)
{
    struct producer_state **all = mem_new(e->writers.count * sizeof(struct producer_state *));
    struct list            *n;
    size_t                  count = 0;

    while ((n = list_pop(&e->writers.by_age)) != NULL)
        all[count++] = CONTAINER(n, struct producer_state, in_age);
    if (count > 1)
        qsort(all, count, sizeof(struct producer_state *), by_age);
    for (size_t i = 0; i < count; i++)
        list_push(&e->writers.by_age, &all[i]->in_age);
    free(all);
    arm(e);
}

/* ---- identities ---- */

enum err producer_apply_made(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    uint64_t id = rd_uvarint64(head);

    (void)payload;
    (void)position;
    if (head->failed || id > INT64_MAX)
        return ERR_CORRUPT;
    if ((int64_t)id > e->last_producer)
        e->last_producer = (int64_t)id;
    return ERR_OK;
}

int64_t producer_new_id(struct engine *e)
{
    return ++e->last_producer;
}

void producer_on_init(struct engine *e, struct call *c)
{
    struct producer_init_call *a = (struct producer_init_call *)c;
    struct buf                 head;

    a->producer_id = producer_new_id(e);
    a->producer_epoch = 0;
    buf_init(&head);
    buf_uvarint(&head, (uint64_t)a->producer_id);
    engine_change(e, CHANGE_PRODUCER_MADE, &head, (struct slice){ 0 });
    buf_fini(&head);
    engine_answer(e, c, ERR_OK);
}

/* ---- who writes where ---- */

static void view_of(const struct producer_state *p, struct producer_view *v)
{
    *v = (struct producer_view){
        .producer_id = p->id,
        .producer_epoch = p->epoch,
        .last_sequence = p->count > 0 ? p->batches[p->count - 1].last_sequence : -1,
        .last_ms = p->last_ms,
        .has_ended = p->has_ended,
        .txn_first = p->open ? (int64_t)p->open->first : -1,
    };
}

void producer_on_get(struct engine *e, struct call *c)
{
    struct producers_get_call *a = (struct producers_get_call *)c;

    for (size_t i = 0; i < a->item_count; i++) {
        struct producers_item       *item = &a->items[i];
        const struct producer_state *p;
        struct log                  *l;
        size_t                       at = 0;

        item->err = read_find_log(e, a->ns, item->name, NULL, item->partition, &l);
        if (item->err)
            continue;
        item->producers = arena_array(&c->arena, l->producers.count, sizeof *item->producers);
        while ((p = idmap_next(&l->producers, &at)) != NULL)
            view_of(p, &item->producers[item->count++]);
    }
    engine_answer(e, c, ERR_OK);
}
