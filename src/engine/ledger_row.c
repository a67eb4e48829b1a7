/*
 * ledger_row.c - a chunk as the catalogue keeps it: runs of neighbours that are in the same state (docs/journal.md,
 * QUEUE_STATE):
 *
 *     { n offsets since the end of the run before, n length, u8 state | bound << 2, n attempts, n of them free,
 *       t first leased, t due }*
 *
 * With 0 attempts there is no entry. What is BLOCKED is ready for a reader; queue_order.c finds out again.
 *
 * Thread: the owner's.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/ledger_int.h"

#include <assert.h>
#include <stdlib.h>

enum { STATE_MASK = 3, IS_BOUND = 4, FLAGS_END = 8, NOT_OPEN = 0xff };

/* All that is written of one offset but its place. */
struct open_state {
    uint8_t  flags; /* NOT_OPEN: settled or fresh */
    uint32_t attempts, free_attempts;
    int64_t  first_lease_ms, due_ms;
};

static bool has_due(uint8_t flags)
{
    unsigned state = flags & STATE_MASK;

    return state == HELD_DELAYED || (state == HELD_LEASED && !(flags & IS_BOUND));
}

static struct open_state entry_state(const struct held *h)
{
    struct open_state s = { .flags = h->state == HELD_BLOCKED ? HELD_READY : h->state };

    if (h->is_bound)
        s.flags |= IS_BOUND;
    if (has_due(s.flags))
        s.due_ms = h->due_ms;
    s.attempts = h->attempts;
    s.free_attempts = h->free_attempts;
    s.first_lease_ms = h->first_lease_ms;
    return s;
}

static struct open_state state_of(const struct chunk *c, unsigned bit)
{
    if (has_bit(c->held, bit))
        return entry_state(slot_at(c, bit)->held);
    if (has_bit(c->delayed, bit))
        return (struct open_state){ .flags = HELD_DELAYED, .due_ms = slot_at(c, bit)->due_ms };
    return (struct open_state){ .flags = has_bit(c->ready, bit) ? HELD_READY : NOT_OPEN };
}

static bool is_same(const struct open_state *a, const struct open_state *b)
{
    return a->flags == b->flags && a->attempts == b->attempts && a->free_attempts == b->free_attempts &&
           a->first_lease_ms == b->first_lease_ms && a->due_ms == b->due_ms;
}

static void encode_run(struct buf *out, const struct open_state *s, unsigned gap, unsigned length)
{
    buf_uvarint(out, gap);
    buf_uvarint(out, length);
    buf_u8(out, s->flags);
    buf_uvarint(out, s->attempts);
    buf_uvarint(out, s->free_attempts);
    buf_varint(out, s->first_lease_ms);
    buf_varint(out, s->due_ms);
}

void chunk_encode(const struct chunk *c, struct buf *out)
{
    unsigned behind = 0; /* the run before */

    for (unsigned bit = 0; bit < CHUNK_OFFSETS;) {
        struct open_state s = state_of(c, bit);
        unsigned          first = bit++;

        if (s.flags == NOT_OPEN)
            continue;
        for (; bit < CHUNK_OFFSETS; bit++) {
            struct open_state next = state_of(c, bit);

            if (!is_same(&s, &next))
                break;
        }
        encode_run(out, &s, first - behind, bit - first);
        behind = bit;
    }
}

static struct open_state decode_state(struct rd *r, uint64_t *gap, uint64_t *length)
{
    struct open_state s;

    *gap = rd_uvarint64(r);
    *length = rd_uvarint64(r);
    s.flags = rd_u8(r);
    s.attempts = rd_uvarint32(r);
    s.free_attempts = rd_uvarint32(r);
    s.first_lease_ms = rd_varint64(r);
    s.due_ms = rd_varint64(r);
    return s;
}

/* Whether a message can be in that state at all, and there (L2, L3). */
static bool is_possible(const struct lane *l, const struct open_state *s, uint64_t first, uint64_t end)
{
    unsigned state = s->flags & STATE_MASK;
    bool     is_bound = s->flags & IS_BOUND;

    if (s->flags >= FLAGS_END || state > HELD_DELAYED || s->free_attempts > UINT16_MAX ||
        (state == HELD_LEASED ? s->attempts == 0 : is_bound))
        return false;
    if (end <= l->next)
        return true;
    return end <= l->end && state == HELD_DELAYED && s->attempts == 0 && first > l->next;
}

static void restore_entry(struct chunk *c, unsigned bit, const struct open_state *s)
{
    struct held *h = chunk_hold(c, bit);

    h->attempts = s->attempts;
    h->free_attempts = (uint16_t)s->free_attempts;
    h->first_lease_ms = s->first_lease_ms;
    h->due_ms = s->due_ms;
    h->is_bound = s->flags & IS_BOUND;
    held_restore(h, (enum held_state)(s->flags & STATE_MASK));
}

static void restore_bare(struct chunk *c, unsigned bit, const struct open_state *s)
{
    struct lane *l = c->lane;

    if ((s->flags & STATE_MASK) == HELD_READY) {
        set_bit(c->ready, bit);
        l->ledger->ready_count++;
        return;
    }
    chunk_delay(c, bit, s->due_ms);
    l->ledger->delayed_count++;
    if (chunk_base(c) + bit < l->next)
        return;
    l->ahead_count++;
    l->ledger->ready_count--;
}

bool ledger_restore(struct lane *l, uint64_t number, struct rd *r)
{
    struct chunk *c;
    uint64_t      at = 0;

    if (number > l->end / CHUNK_OFFSETS || chunk_find(l, number))
        return false;
    c = chunk_make(l, number);
    while (rd_left(r) > 0 && !r->failed) {
        uint64_t          gap, length;
        struct open_state s = decode_state(r, &gap, &length);

        if (r->failed || gap > CHUNK_OFFSETS - at || length == 0 || length > CHUNK_OFFSETS - at - gap)
            break;
        at += gap;
        if (!is_possible(l, &s, chunk_base(c) + at, chunk_base(c) + at + length))
            break;
        for (; length > 0; length--, at++)
            (s.attempts > 0 ? restore_entry : restore_bare)(c, (unsigned)at, &s);
    }
    chunk_update_ready(c);
    lane_update_turn(l);
    return !chunk_drop_if_empty(c) && !r->failed && rd_left(r) == 0;
}

/* ---- folding (L8) ---- */

bool chunk_fold(struct chunk *c)
{
    struct buf text;

    if (!chunk_can_fold(c))
        return false;
    buf_init(&text);
    chunk_encode(c, &text);
    chunk_strip(c);
    c->folded = mem_copy(text.at, text.len);
    c->folded_len = (uint32_t)text.len;
    buf_fini(&text);
    return true;
}

static void unfold_one(struct chunk *c, unsigned bit, const struct open_state *s)
{
    struct held *h;

    if (has_bit(c->delayed, bit))
        chunk_refill_delay(c, bit, s->due_ms);
    if (!has_bit(c->held, bit)) /* what needs no slot may have changed meanwhile */
        return;
    h = chunk_refill(c, bit);
    h->attempts = s->attempts;
    h->free_attempts = (uint16_t)s->free_attempts;
    h->first_lease_ms = s->first_lease_ms;
    h->due_ms = s->due_ms;
    h->state = s->flags & STATE_MASK;
}

void chunk_unfold(struct chunk *c)
{
    uint8_t  *text = c->folded;
    struct rd r = rd_of(bytes_of(text, c->folded_len));
    uint64_t  at = 0;

    c->folded = NULL;
    c->lane->ledger->pool->lease_bytes += sizeof *c;
    while (rd_left(&r) > 0) {
        uint64_t          gap, length;
        struct open_state s = decode_state(&r, &gap, &length);

        assert(!r.failed);
        for (at += gap; length > 0; length--, at++)
            unfold_one(c, (unsigned)at, &s);
    }
    free(text);
}
