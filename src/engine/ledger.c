/* ledger.c - see ledger.h. The states of messages and the counts; where they are kept is ledger_chunk.c. */
#include "engine/ledger.h"
#include "base/mem.h"
#include "engine/ledger_int.h"

#include <assert.h>
#include <stdlib.h>

/* ---- the cursor ---- */

static uint64_t fresh_count(const struct lane *l)
{
    return l->end - l->next - l->ahead_count;
}

void lane_update_turn(struct lane *l)
{
    bool is_ready = l->ready.count > 0 || fresh_count(l) > 0;

    if (is_ready && list_empty(&l->in_turn))
        list_push(&l->ledger->turn, &l->in_turn);
    else if (!is_ready)
        list_remove(&l->in_turn);
}

static uint64_t count_delayed(const struct lane *l, uint64_t from, uint64_t to)
{
    uint64_t n = 0;

    if (from >= to)
        return 0;
    for (uint32_t i = chunk_place(l, from / CHUNK_OFFSETS); i < l->chunks.count; i++) {
        const struct chunk *c = l->chunks.at[l->chunks.first + i].chunk;
        struct span         s;

        if (chunk_base(c) >= to)
            break;
        s = chunk_span(c->number, from, to);
        for (unsigned w = 0; w < CHUNK_WORDS; w++)
            n += (uint64_t)__builtin_popcountll(c->delayed[w] & word_mask(w, s.from, s.to));
    }
    return n;
}

/* How many offsets from `bit` on are delayed without a gap. */
static unsigned delayed_run(const struct chunk *c, unsigned bit)
{
    unsigned at = bit;

    while (at < CHUNK_OFFSETS) {
        uint64_t gaps = ~c->delayed[at / 64] >> at % 64;

        if (gaps != 0)
            return at + (unsigned)__builtin_ctzll(gaps) - bit;
        at = (at / 64 + 1) * 64;
    }
    return CHUNK_OFFSETS - bit;
}

/* L2 */
static void step_over_delayed(struct lane *l)
{
    while (l->ahead_count > 0) {
        const struct chunk *c = chunk_find(l, l->next / CHUNK_OFFSETS);
        unsigned            run = c ? delayed_run(c, bit_of(l->next)) : 0;

        l->next += run;
        l->ahead_count -= run;
        if (run == 0 || bit_of(l->next) != 0)
            return;
    }
}

/* Moves the cursor to `to`, which may be behind it, and over the delayed ones that follow. */
static void advance(struct lane *l, uint64_t to)
{
    uint64_t before = fresh_count(l);

    if (l->ahead_count > 0) {
        l->ahead_count -= count_delayed(l, l->next, to);
        l->next = to > l->next ? to : l->next;
        step_over_delayed(l);
    } else if (l->next < to) {
        l->next = to;
    }
    l->ledger->ready_count -= before - fresh_count(l);
}

/* Fresh ones in [next, to) get their ready bits. */
static void keep_fresh(struct lane *l, uint64_t to)
{
    for (uint64_t n = l->next / CHUNK_OFFSETS; n * CHUNK_OFFSETS < to; n++) {
        struct span   s = chunk_span(n, l->next, to);
        struct chunk *c = chunk_make(l, n);

        for (unsigned w = 0; w < CHUNK_WORDS; w++) {
            uint64_t bits = word_mask(w, s.from, s.to) & ~c->delayed[w];

            c->ready[w] |= bits;
            l->ledger->ready_count += (uint64_t)__builtin_popcountll(bits);
        }
        chunk_update_ready(c);
    }
}

/* Moves the cursor to offset; fresh ones on the way stay (L1). */
static void pass(struct lane *l, uint64_t offset)
{
    if (l->next >= offset)
        return;
    keep_fresh(l, offset);
    advance(l, offset);
}

/* ---- states of entries ---- */

/* Out of the count and the bits of its state. */
static void leave(struct held *h)
{
    struct chunk  *c = h->chunk;
    struct ledger *g = c->lane->ledger;

    switch ((enum held_state)h->state) {
    case HELD_READY:
        clear_bit(c->ready, bit_of(h->offset));
        chunk_update_ready(c);
        g->ready_count--;
        break;
    case HELD_LEASED:
        g->leased_count--;
        break;
    case HELD_DELAYED:
        g->delayed_count--;
        break;
    case HELD_BLOCKED:
        g->ready_count--;
        break;
    }
}

static void enter(struct held *h, enum held_state state)
{
    struct chunk  *c = h->chunk;
    struct ledger *g = c->lane->ledger;

    h->state = (uint8_t)state;
    switch (state) {
    case HELD_READY:
        set_bit(c->ready, bit_of(h->offset));
        chunk_update_ready(c);
        g->ready_count++;
        break;
    case HELD_LEASED:
        if (!h->is_bound)
            chunk_note_due(c, h->due_ms);
        g->leased_count++;
        break;
    case HELD_DELAYED:
        chunk_note_due(c, h->due_ms);
        g->delayed_count++;
        break;
    case HELD_BLOCKED:
        g->ready_count++;
        break;
    }
}

void held_restore(struct held *h, enum held_state state)
{
    enter(h, state);
}

struct held *ledger_find(const struct lane *l, uint64_t offset)
{
    const struct chunk *c = chunk_find(l, offset / CHUNK_OFFSETS);

    return c && has_bit(c->held, bit_of(offset)) ? slot_at(c, bit_of(offset))->held : NULL;
}

bool ledger_is_at_hand(const struct lane *l, uint64_t offset)
{
    const struct chunk *c = chunk_find(l, offset / CHUNK_OFFSETS);

    return c && !c->folded && has_bit(c->held, bit_of(offset));
}

bool ledger_is_open(const struct lane *l, uint64_t offset)
{
    const struct chunk *c;
    unsigned            bit = bit_of(offset);

    if (offset >= l->next)
        return offset < l->end;
    c = chunk_find(l, offset / CHUNK_OFFSETS);
    return c && (has_bit(c->held, bit) || has_bit(c->ready, bit) || has_bit(c->delayed, bit));
}

/* ---- beginning and end ---- */

static void begin_lane(struct ledger *g, uint32_t i)
{
    g->lanes[i].ledger = g;
    g->lanes[i].index = i;
    list_init(&g->lanes[i].in_turn);
}

void ledger_init(struct ledger *g, struct held_pool *pool, uint32_t lane_count)
{
    *g = (struct ledger){ .pool = pool, .lane_count = lane_count };
    list_init(&g->turn);
    g->lanes = mem_new(lane_count * sizeof *g->lanes);
    for (uint32_t i = 0; i < lane_count; i++)
        begin_lane(g, i);
}

/* The lane lives elsewhere now: its chunks and the lane before it in turn learn that. */
static void move_lane(struct lane *to, struct lane *from)
{
    *to = *from;
    list_init(&to->in_turn);
    if (!list_empty(&from->in_turn)) {
        list_insert(&from->in_turn, &to->in_turn);
        list_remove(&from->in_turn);
    }
    for (uint32_t i = 0; i < to->chunks.count; i++)
        to->chunks.at[to->chunks.first + i].chunk->lane = to;
}

void ledger_grow(struct ledger *g, uint32_t lane_count)
{
    struct lane *old = g->lanes;

    assert(lane_count >= g->lane_count);
    g->lanes = mem_new(lane_count * sizeof *g->lanes);
    for (uint32_t i = 0; i < g->lane_count; i++)
        move_lane(&g->lanes[i], &old[i]);
    for (uint32_t i = g->lane_count; i < lane_count; i++)
        begin_lane(g, i);
    g->lane_count = lane_count;
    free(old);
}

static void ignore(void *ctx, struct held *h)
{
    (void)ctx;
    (void)h;
}

void ledger_detach(struct ledger *g, enum fate fate)
{
    ledger_purge(g, fate, true, ignore, NULL);
    free(g->lanes);
    g->lanes = NULL;
    g->lane_count = 0;
    list_init(&g->turn);
}

void ledger_fini(struct ledger *g)
{
    ledger_detach(g, FATE_PURGED);
    *g = (struct ledger){ 0 };
    list_init(&g->turn);
}

void ledger_begin(struct ledger *g, uint32_t lane, uint64_t start, uint64_t end)
{
    struct lane *l = &g->lanes[lane];

    assert(start <= end && l->end == 0 && l->chunks.count == 0);
    l->next = start;
    l->end = end;
    g->ready_count += end - start;
    g->routed += end - start;
    lane_update_turn(l);
}

bool ledger_is_conserved(const struct ledger *g)
{
    uint64_t sum = g->ready_count + g->leased_count + g->delayed_count;

    for (int i = 0; i < FATE_COUNT; i++)
        sum += g->fates[i];
    return sum == g->routed;
}

/* ---- coming in ---- */

static void append_delayed(struct lane *l, uint32_t count, int64_t due_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        chunk_delay(chunk_make(l, l->end / CHUNK_OFFSETS), bit_of(l->end), due_ms);
        l->end++;
        l->ahead_count++;
    }
    l->ledger->delayed_count += count;
    advance(l, l->next);
}

void ledger_append(struct ledger *g, uint32_t lane, uint32_t count, int64_t due_ms)
{
    struct lane *l = &g->lanes[lane];

    g->routed += count;
    if (due_ms > 0) {
        append_delayed(l, count, due_ms);
    } else {
        l->end += count;
        g->ready_count += count;
    }
    lane_update_turn(l);
}

/* ---- handing out ---- */

static uint64_t lowest_ready(const struct chunk *c)
{
    unsigned w = 0;

    while (c->ready[w] == 0)
        w++;
    return chunk_base(c) + w * 64 + (unsigned)__builtin_ctzll(c->ready[w]);
}

bool lane_peek(const struct lane *l, uint64_t *offset)
{
    *offset = l->ready.count > 0 ? lowest_ready(l->ready.at[0]) : l->next; /* L5 */
    return l->ready.count > 0 || fresh_count(l) > 0;
}

bool ledger_peek(const struct ledger *g, struct lane **lane, uint64_t *offset)
{
    if (list_empty(&g->turn))
        return false;
    *lane = CONTAINER(g->turn.next, struct lane, in_turn);
    return lane_peek(*lane, offset);
}

void ledger_rotate(struct ledger *g)
{
    struct list *first = g->turn.next;

    if (first != &g->turn && first->next != &g->turn) {
        list_remove(first);
        list_push(&g->turn, first);
    }
}

/* A message behind the cursor that has a bit and no entry: the bit goes. False: it has none, it is settled. */
static bool clear_bare(struct chunk *c, unsigned bit)
{
    struct ledger *g = c->lane->ledger;

    if (has_bit(c->ready, bit)) {
        clear_bit(c->ready, bit);
        chunk_update_ready(c);
        g->ready_count--;
        return true;
    }
    if (!has_bit(c->delayed, bit))
        return false;
    chunk_undelay(c, bit);
    g->delayed_count--;
    return true;
}

/* The entry for an open offset in no state: the one there was, or a new one, with the cursor moved past it. */
static struct held *take_out(struct lane *l, uint64_t offset)
{
    struct chunk *c;
    struct held  *h;

    pass(l, offset);
    c = chunk_make(l, offset / CHUNK_OFFSETS);
    if (l->next == offset) {
        advance(l, offset + 1);
    } else if (has_bit(c->held, bit_of(offset))) {
        h = slot_at(c, bit_of(offset))->held;
        leave(h);
        return h;
    } else {
        clear_bare(c, bit_of(offset));
    }
    return chunk_hold(c, bit_of(offset));
}

static void begin_lease(struct held *h, const struct lease_terms *terms)
{
    if (h->attempts++ == 0)
        h->first_lease_ms = terms->now_ms;
    h->is_bound = terms->is_bound;
    h->due_ms = terms->deadline_ms;
    enter(h, HELD_LEASED);
}

struct held *ledger_lease(struct lane *l, uint64_t offset, const struct lease_terms *terms)
{
    struct held *h;

    if (offset != l->next && !ledger_is_open(l, offset))
        return NULL;
    h = take_out(l, offset);
    if (h->state == HELD_LEASED) {
        enter(h, HELD_LEASED);
        return NULL;
    }
    begin_lease(h, terms);
    lane_update_turn(l);
    return h;
}

/* What follows the cursor, in one chunk: in no state but fresh. */
static uint64_t lease_fresh(struct lane *l, uint64_t count, const struct lease_terms *terms)
{
    uint64_t      first = l->next;
    uint64_t      left = CHUNK_OFFSETS - first % CHUNK_OFFSETS;
    uint64_t      n = count < left ? count : left;
    struct chunk *c = chunk_make(l, first / CHUNK_OFFSETS);

    advance(l, first + n);
    for (uint64_t i = 0; i < n; i++)
        begin_lease(chunk_hold(c, bit_of(first + i)), terms);
    return n;
}

bool ledger_lease_range(struct lane *l, uint64_t first, uint64_t count,
                        const struct lease_terms *terms)
{
    assert(first <= l->end && count <= l->end - first);
    while (count > 0) {
        uint64_t n = 1;

        if (first == l->next && l->ahead_count == 0)
            n = lease_fresh(l, count, terms);
        else if (!ledger_lease(l, first, terms))
            return false;
        first += n;
        count -= n;
    }
    lane_update_turn(l);
    return true;
}

struct held *ledger_block(struct lane *l, uint64_t offset)
{
    struct held *h = take_out(l, offset);

    enter(h, HELD_BLOCKED);
    lane_update_turn(l);
    return h;
}

void held_unblock(struct held *h)
{
    assert(h->state == HELD_BLOCKED);
    leave(h);
    enter(h, HELD_READY);
    lane_update_turn(held_lane(h));
}

/* ---- settling ---- */

void held_settle(struct held *h, enum fate fate)
{
    struct chunk *c = h->chunk;
    struct lane  *l = c->lane;

    chunk_touch(c);
    leave(h);
    chunk_forget(h);
    l->ledger->fates[fate]++;
    lane_update_turn(l);
    chunk_drop_if_empty(c);
}

static bool settle_bare(struct lane *l, uint64_t offset, enum fate fate)
{
    struct chunk *c = chunk_find(l, offset / CHUNK_OFFSETS);

    if (!c)
        return false;
    chunk_touch(c);
    if (!clear_bare(c, bit_of(offset)))
        return false;
    l->ledger->fates[fate]++;
    lane_update_turn(l);
    chunk_drop_if_empty(c);
    return true;
}

bool ledger_settle(struct lane *l, uint64_t offset, enum fate fate)
{
    struct held *h;

    pass(l, offset);
    if (offset == l->next && offset < l->end) {
        advance(l, offset + 1);
        l->ledger->fates[fate]++;
        lane_update_turn(l);
        return true;
    }
    h = ledger_find(l, offset);
    if (!h)
        return settle_bare(l, offset, fate);
    held_settle(h, fate);
    return true;
}

struct sweep {
    bool           leased_too;
    held_visit_fn *before;
    void          *ctx;
};

/* `before` may move other entries between states, so each is looked at afresh. */
static uint64_t sweep_held(struct chunk *c, struct span s, const struct sweep *sweep)
{
    uint64_t n = 0;

    for (unsigned w = 0; w < CHUNK_WORDS; w++) {
        uint64_t mask = word_mask(w, s.from, s.to);
        uint64_t left;

        while ((left = c->held[w] & mask) != 0) {
            struct held *h = slot_at(c, w * 64 + (unsigned)__builtin_ctzll(left))->held;

            mask &= ~(left ^ (left - 1)); /* those behind it */
            if (h->state == HELD_LEASED && !sweep->leased_too)
                continue;
            sweep->before(sweep->ctx, h);
            leave(h);
            chunk_forget(h);
            n++;
        }
    }
    return n;
}

static uint64_t sweep_chunk(struct chunk *c, struct span s, const struct sweep *sweep)
{
    struct ledger *g = c->lane->ledger;
    uint64_t       n;

    chunk_touch(c);
    n = is_zero(c->held) ? 0 : sweep_held(c, s, sweep);
    for (unsigned w = 0; w < CHUNK_WORDS; w++) {
        uint64_t mask = word_mask(w, s.from, s.to);
        uint64_t ready = c->ready[w] & mask & ~c->held[w];
        uint64_t delayed = c->delayed[w] & mask;

        c->ready[w] &= ~ready;
        g->ready_count -= (uint64_t)__builtin_popcountll(ready);
        g->delayed_count -= (uint64_t)__builtin_popcountll(delayed);
        n += (uint64_t)__builtin_popcountll(ready | delayed);
        for (; delayed; delayed &= delayed - 1)
            chunk_undelay(c, w * 64 + (unsigned)__builtin_ctzll(delayed));
    }
    chunk_update_ready(c);
    return n;
}

/* What is outstanding in [first, end), which lies behind the cursor. */
static uint64_t sweep_chunks(struct lane *l, uint64_t first, uint64_t end, const struct sweep *sweep)
{
    uint32_t i = chunk_place(l, first / CHUNK_OFFSETS);
    uint64_t n = 0;

    while (i < l->chunks.count) {
        struct chunk *c = l->chunks.at[l->chunks.first + i].chunk;

        if (chunk_base(c) >= end)
            break;
        n += sweep_chunk(c, chunk_span(c->number, first, end), sweep);
        i += !chunk_drop_if_empty(c);
    }
    return n;
}

uint64_t ledger_settle_range(struct lane *l, uint64_t first, uint64_t count, enum fate fate, bool leased_too,
                             held_visit_fn *before, void *ctx)
{
    const struct sweep sweep = { leased_too, before, ctx };
    uint64_t           end = count < l->end && first < l->end - count ? first + count : l->end;
    uint64_t           n = 0;

    if (end > l->next) {
        pass(l, first);
        if (l->next < end) /* pass may have gone over delayed ones */
            n = end - l->next - count_delayed(l, l->next, end);
        advance(l, end);
    }
    n += sweep_chunks(l, first, end, &sweep);
    l->ledger->fates[fate] += n;
    lane_update_turn(l);
    return n;
}

uint64_t ledger_purge(struct ledger *g, enum fate fate, bool leased_too, held_visit_fn *before, void *ctx)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < g->lane_count; i++)
        n += ledger_settle_range(&g->lanes[i], 0, g->lanes[i].end, fate, leased_too, before, ctx);
    return n;
}

/* ---- the ends of leases and delays ---- */

void held_release(struct held *h, int64_t ready_ms, bool is_free)
{
    chunk_touch(h->chunk);
    leave(h);
    h->is_bound = false;
    if (is_free && h->free_attempts < UINT16_MAX)
        h->free_attempts++;
    h->due_ms = ready_ms;
    enter(h, ready_ms > 0 ? HELD_DELAYED : HELD_READY);
    lane_update_turn(held_lane(h));
}

void held_extend(struct held *h, int64_t deadline_ms)
{
    assert(h->state == HELD_LEASED && !h->is_bound);
    chunk_touch(h->chunk);
    h->due_ms = deadline_ms;
    chunk_note_due(h->chunk, deadline_ms);
}

void held_wake(struct held *h)
{
    assert(h->state == HELD_DELAYED);
    chunk_touch(h->chunk);
    leave(h);
    enter(h, HELD_READY);
    lane_update_turn(held_lane(h));
}

/* A delayed one without entry is due: ready behind the cursor, fresh again before it (L3). */
static void wake_bare(struct chunk *c, unsigned bit)
{
    struct lane *l = c->lane;

    chunk_undelay(c, bit);
    l->ledger->delayed_count--;
    l->ledger->ready_count++;
    if (chunk_base(c) + bit < l->next)
        set_bit(c->ready, bit);
    else
        l->ahead_count--;
}

static bool is_due(const struct held *h, int64_t now_ms)
{
    bool can_be = h->state == HELD_DELAYED || (h->state == HELD_LEASED && !h->is_bound);

    return can_be && h->due_ms <= now_ms;
}

static uint64_t run_due_chunk(struct chunk *c, int64_t now_ms, held_visit_fn *visit, void *ctx)
{
    uint64_t n = 0;

    chunk_touch(c);
    for (unsigned bit = 0; bit < CHUNK_OFFSETS; bit++)
        if (has_bit(c->delayed, bit) && slot_at(c, bit)->due_ms <= now_ms) {
            wake_bare(c, bit);
            n++;
        } else if (has_bit(c->held, bit) && is_due(slot_at(c, bit)->held, now_ms)) {
            visit(ctx, slot_at(c, bit)->held);
            n++;
        }
    chunk_update_ready(c);
    chunk_update_due(c);
    lane_update_turn(c->lane);
    chunk_drop_if_empty(c);
    return n;
}

bool ledger_run_due(struct ledger *g, int64_t now_ms, uint64_t max, held_visit_fn *visit, void *ctx)
{
    uint64_t n = 0;

    while (ledger_due_ms(g) <= now_ms) {
        if (n >= max)
            return false;
        n += run_due_chunk(g->due.at[0], now_ms, visit, ctx);
    }
    return true;
}

int64_t ledger_due_ms(const struct ledger *g)
{
    return g->due.count > 0 ? g->due.at[0]->soonest_ms : INT64_MAX;
}

/* ---- whole lanes ---- */

static uint64_t lowest_open(const struct chunk *c)
{
    unsigned w = 0;

    while ((c->held[w] | c->ready[w] | c->delayed[w]) == 0)
        w++;
    return chunk_base(c) + w * 64 + (unsigned)__builtin_ctzll(c->held[w] | c->ready[w] | c->delayed[w]);
}

uint64_t lane_floor(const struct lane *l)
{
    uint64_t lowest = l->chunks.count > 0 ? lowest_open(l->chunks.at[l->chunks.first].chunk) : l->next;

    return lowest < l->next ? lowest : l->next;
}

uint64_t lane_open_count(const struct lane *l)
{
    uint64_t n = l->end - l->next;

    for (uint32_t i = 0; i < l->chunks.count; i++) {
        const struct chunk *c = l->chunks.at[l->chunks.first + i].chunk;
        struct span         s = chunk_span(c->number, 0, l->next);

        if (chunk_base(c) >= l->next)
            break;
        for (unsigned w = 0; w < CHUNK_WORDS; w++)
            n += (uint64_t)__builtin_popcountll((c->held[w] | c->ready[w] | c->delayed[w]) &
                                                word_mask(w, s.from, s.to));
    }
    return n;
}

void lane_reopen(struct lane *l, uint64_t start)
{
    struct ledger *g = l->ledger;

    assert(start <= l->end && l->next == l->end && l->chunks.count == 0);
    l->next = start;
    g->ready_count += l->end - start;
    g->routed += l->end - start;
    lane_update_turn(l);
}

bool ledger_needs_range(const struct lane *l, uint64_t base, uint64_t end)
{
    if (base >= end)
        return false;
    if (end > l->next)
        return true;
    for (uint32_t i = chunk_place(l, base / CHUNK_OFFSETS); i < l->chunks.count; i++) {
        const struct chunk *c = l->chunks.at[l->chunks.first + i].chunk;
        struct span         s;

        if (chunk_base(c) >= end)
            break;
        s = chunk_span(c->number, base, end);
        for (unsigned w = 0; w < CHUNK_WORDS; w++)
            if ((c->held[w] | c->ready[w] | c->delayed[w]) & word_mask(w, s.from, s.to))
                return true;
    }
    return false;
}

void lane_each(struct lane *l, held_visit_fn *visit, void *ctx)
{
    for (uint32_t i = 0; i < l->chunks.count; i++) {
        const struct chunk *c = l->chunks.at[l->chunks.first + i].chunk;

        for (unsigned w = 0; w < CHUNK_WORDS; w++)
            for (uint64_t left = c->held[w]; left; left &= left - 1)
                visit(ctx, slot_at(c, w * 64 + (unsigned)__builtin_ctzll(left))->held);
    }
}
