/* ledger.c - see ledger.h. */
#include "engine/ledger.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SLAB_ENTRIES = 64,
    SLABS_KEPT = 64, /* when nothing is outstanding anywhere */
    BUCKET_BITS_FIRST = 3,
    BUCKET_BITS_KEPT = 10, /* when nothing is outstanding in the lane */
    FLOOR_STEPS = 64,      /* before the lowest entry is searched for */
};

struct held_slab {
    struct held_slab *next;
    struct held       at[SLAB_ENTRIES];
};

/* ---- the pool ---- */

void held_pool_init(struct held_pool *p)
{
    *p = (struct held_pool){ 0 };
}

void held_pool_fini(struct held_pool *p)
{
    while (p->slabs) {
        struct held_slab *s = p->slabs;

        p->slabs = s->next;
        free(s);
    }
    held_pool_init(p);
}

static void add_slab(struct held_pool *p)
{
    struct held_slab *s = mem_new(sizeof *s);

    s->next = p->slabs;
    p->slabs = s;
    p->slab_count++;
    for (int i = SLAB_ENTRIES - 1; i >= 0; i--) {
        s->at[i].chain = p->free;
        p->free = &s->at[i];
    }
}

static struct held *pool_take(struct held_pool *p)
{
    struct held *h;

    if (!p->free)
        add_slab(p);
    h = p->free;
    p->free = h->chain;
    p->used++;
    *h = (struct held){ 0 };
    list_init(&h->in_holder);
    return h;
}

static void pool_give(struct held_pool *p, struct held *h)
{
    h->chain = p->free;
    p->free = h;
    p->used--;
    if (p->used == 0 && p->slab_count > SLABS_KEPT)
        held_pool_fini(p);
}

/* ---- heaps ---- */

static bool is_lower(const struct held *a, const struct held *b)
{
    return a->offset < b->offset;
}

/* Ties are broken by place, so that the order does not depend on the heap's history. */
static bool is_sooner(const struct held *a, const struct held *b)
{
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms;
    if (a->lane != b->lane)
        return a->lane->index < b->lane->index;
    return a->offset < b->offset;
}

typedef bool before_fn(const struct held *a, const struct held *b);

static inline void heap_set(struct held_heap *q, size_t i, struct held *h)
{
    q->at[i] = h;
    h->slot = (uint32_t)i + 1;
}

static inline void heap_up(struct held_heap *q, size_t i, struct held *h, before_fn *before)
{
    while (i > 0 && before(h, q->at[(i - 1) / 2])) {
        heap_set(q, i, q->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(q, i, h);
}

static inline void heap_down(struct held_heap *q, size_t i, struct held *h, before_fn *before)
{
    for (;;) {
        size_t c = 2 * i + 1;

        if (c >= q->count)
            break;
        if (c + 1 < q->count && before(q->at[c + 1], q->at[c]))
            c++;
        if (!before(q->at[c], h))
            break;
        heap_set(q, i, q->at[c]);
        i = c;
    }
    heap_set(q, i, h);
}

static inline void heap_push(struct held_heap *q, struct held *h, before_fn *before)
{
    assert(h->slot == 0);
    if (q->count == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 16;
        q->at = mem_resize(q->at, q->cap * sizeof(struct held *));
    }
    heap_up(q, q->count++, h, before);
}

static inline void heap_remove(struct held_heap *q, struct held *h, before_fn *before)
{
    size_t       i = (size_t)h->slot - 1;
    struct held *last = q->at[--q->count];

    assert(q->at[i] == h || last == h);
    h->slot = 0;
    if (last == h)
        return;
    if (i > 0 && before(last, q->at[(i - 1) / 2]))
        heap_up(q, i, last, before);
    else
        heap_down(q, i, last, before);
}

static void heap_fini(struct held_heap *q)
{
    free(q->at);
    *q = (struct held_heap){ 0 };
}

/* ---- finding by offset ---- */

/* Fibonacci hashing: a dense run of offsets, the usual case, spreads evenly. */
static struct held **bucket_of(const struct lane *l, uint64_t offset)
{
    return &l->buckets[offset * 0x9e3779b97f4a7c15ull >> (64 - l->bucket_bits)];
}

struct held *ledger_find(const struct lane *l, uint64_t offset)
{
    struct held *h;

    if (l->held_count == 0)
        return NULL;
    h = *bucket_of(l, offset);
    while (h && h->offset != offset)
        h = h->chain;
    return h;
}

static void rehash(struct lane *l, unsigned bits)
{
    struct held **old = l->buckets;
    size_t        n = old ? (size_t)1 << l->bucket_bits : 0;

    l->bucket_bits = bits;
    l->buckets = mem_new(sizeof(struct held *) << bits);
    for (size_t i = 0; i < n; i++)
        while (old[i]) {
            struct held  *h = old[i];
            struct held **b = bucket_of(l, h->offset);

            old[i] = h->chain;
            h->chain = *b;
            *b = h;
        }
    free(old);
}

static struct held *hold(struct lane *l, uint64_t offset)
{
    struct held  *h = pool_take(l->ledger->pool);
    struct held **b;

    if (!l->buckets)
        rehash(l, BUCKET_BITS_FIRST);
    else if (l->held_count >> l->bucket_bits)
        rehash(l, l->bucket_bits + 1);
    h->lane = l;
    h->offset = offset;
    b = bucket_of(l, offset);
    h->chain = *b;
    *b = h;
    l->held_count++;
    return h;
}

static void forget(struct held *h)
{
    struct lane  *l = h->lane;
    struct held **b = bucket_of(l, h->offset);

    while (*b != h)
        b = &(*b)->chain;
    *b = h->chain;
    l->held_count--;
    if (l->held_count == 0 && l->bucket_bits > BUCKET_BITS_KEPT) {
        free(l->buckets);
        l->buckets = NULL;
    }
    pool_give(l->ledger->pool, h);
}

/* ---- states ---- */

static uint64_t fresh_count(const struct lane *l)
{
    return l->end - l->next - l->ahead_count;
}

static void update_turn(struct lane *l)
{
    bool is_ready = l->ready.count > 0 || fresh_count(l) > 0;

    if (is_ready && list_empty(&l->in_turn))
        list_push(&l->ledger->turn, &l->in_turn);
    else if (!is_ready)
        list_remove(&l->in_turn);
}

/* Out of its heap and out of the count of its state. */
static void leave(struct held *h)
{
    struct ledger *g = h->lane->ledger;

    switch ((enum held_state)h->state) {
    case HELD_READY:
        heap_remove(&h->lane->ready, h, is_lower);
        g->ready_count--;
        break;
    case HELD_LEASED:
        if (!h->is_bound)
            heap_remove(&g->due, h, is_sooner);
        g->leased_count--;
        break;
    case HELD_DELAYED:
        heap_remove(&g->due, h, is_sooner);
        g->delayed_count--;
        break;
    case HELD_BLOCKED:
        g->ready_count--;
        break;
    }
}

static void enter(struct held *h, enum held_state state)
{
    struct ledger *g = h->lane->ledger;

    h->state = (uint8_t)state;
    switch (state) {
    case HELD_READY:
        heap_push(&h->lane->ready, h, is_lower);
        g->ready_count++;
        break;
    case HELD_LEASED:
        if (!h->is_bound)
            heap_push(&g->due, h, is_sooner);
        g->leased_count++;
        break;
    case HELD_DELAYED:
        heap_push(&g->due, h, is_sooner);
        g->delayed_count++;
        break;
    case HELD_BLOCKED:
        g->ready_count++;
        break;
    }
}

/* Moves the cursor to `to` and over the delayed ones that follow (L2). */
static void advance(struct lane *l, uint64_t to)
{
    uint64_t before = fresh_count(l);

    while (l->ahead_count > 0 && (l->next < to || ledger_find(l, l->next))) {
        if (ledger_find(l, l->next))
            l->ahead_count--;
        l->next++;
    }
    if (l->next < to)
        l->next = to;
    l->ledger->ready_count -= before - fresh_count(l);
}

void ledger_init(struct ledger *g, struct held_pool *pool, uint32_t lane_count)
{
    *g = (struct ledger){ .pool = pool, .lane_count = lane_count };
    list_init(&g->turn);
    g->lanes = mem_new(lane_count * sizeof *g->lanes);
    for (uint32_t i = 0; i < lane_count; i++) {
        g->lanes[i].ledger = g;
        g->lanes[i].index = i;
        list_init(&g->lanes[i].in_turn);
    }
}

static void drop_entry(void *ctx, struct held *h)
{
    (void)ctx;
    leave(h);
    forget(h);
}

void ledger_fini(struct ledger *g)
{
    for (uint32_t i = 0; i < g->lane_count; i++) {
        lane_each(&g->lanes[i], drop_entry, NULL);
        heap_fini(&g->lanes[i].ready);
        free(g->lanes[i].buckets);
    }
    heap_fini(&g->due);
    free(g->lanes);
    *g = (struct ledger){ 0 };
    list_init(&g->turn);
}

void ledger_begin(struct ledger *g, uint32_t lane, uint64_t start, uint64_t end)
{
    struct lane *l = &g->lanes[lane];

    assert(start <= end && l->end == 0 && l->held_count == 0);
    l->floor = start;
    l->next = start;
    l->end = end;
    g->ready_count += end - start;
    update_turn(l);
}

void ledger_append(struct ledger *g, uint32_t lane, uint32_t count, int64_t due_ms)
{
    struct lane *l = &g->lanes[lane];

    if (due_ms <= 0) {
        l->end += count;
        g->ready_count += count;
    }
    for (uint32_t i = 0; due_ms > 0 && i < count; i++) {
        struct held *h = hold(l, l->end);

        l->end++;
        l->ahead_count++;
        h->due_ms = due_ms;
        enter(h, HELD_DELAYED);
    }
    advance(l, l->next);
    update_turn(l);
}

bool ledger_peek(const struct ledger *g, struct lane **lane, uint64_t *offset)
{
    struct lane *l;

    if (list_empty(&g->turn))
        return false;
    l = CONTAINER(g->turn.next, struct lane, in_turn);
    *lane = l;
    *offset = l->ready.count > 0 ? l->ready.at[0]->offset : l->next;
    return true;
}

void ledger_rotate(struct ledger *g)
{
    struct list *first = g->turn.next;

    if (first != &g->turn && first->next != &g->turn) {
        list_remove(first);
        list_push(&g->turn, first);
    }
}

/* Moves the cursor past offset; fresh ones on the way stay, as entries. */
static void pass(struct lane *l, uint64_t offset)
{
    while (l->next < offset) {
        uint64_t at = l->next;

        advance(l, at + 1);
        enter(hold(l, at), HELD_READY);
    }
    if (l->next == offset)
        advance(l, offset + 1);
}

/* The entry for offset in no state: the one there was, or a new one with the cursor moved past
 * it. */
static struct held *take_out(struct lane *l, uint64_t offset)
{
    struct held *h = offset == l->next ? NULL : ledger_find(l, offset); /* L2 */

    pass(l, offset);
    if (h)
        leave(h);
    else
        h = hold(l, offset);
    return h;
}

struct held *ledger_lease(struct lane *l, uint64_t offset, const struct lease_terms *terms)
{
    struct held *h = take_out(l, offset);

    if (h->attempts++ == 0)
        h->first_lease_ms = terms->now_ms;
    h->is_bound = terms->is_bound;
    h->due_ms = terms->deadline_ms;
    enter(h, HELD_LEASED);
    update_turn(l);
    return h;
}

void ledger_settle(struct lane *l, uint64_t offset)
{
    struct held *h = offset == l->next ? NULL : ledger_find(l, offset);

    pass(l, offset);
    if (h)
        held_settle(h);
    else
        update_turn(l);
}

struct held *ledger_block(struct lane *l, uint64_t offset)
{
    struct held *h = take_out(l, offset);

    enter(h, HELD_BLOCKED);
    update_turn(l);
    return h;
}

void held_unblock(struct held *h)
{
    assert(h->state == HELD_BLOCKED);
    leave(h);
    enter(h, HELD_READY);
    update_turn(h->lane);
}

void held_settle(struct held *h)
{
    struct lane *l = h->lane;

    leave(h);
    forget(h);
    update_turn(l);
}

void held_release(struct held *h, int64_t ready_ms, bool is_free)
{
    leave(h);
    h->is_bound = false;
    if (is_free && h->free_attempts < UINT16_MAX)
        h->free_attempts++;
    h->due_ms = ready_ms;
    enter(h, ready_ms > 0 ? HELD_DELAYED : HELD_READY);
    update_turn(h->lane);
}

void held_extend(struct held *h, int64_t deadline_ms)
{
    assert(h->state == HELD_LEASED && !h->is_bound);
    leave(h);
    h->due_ms = deadline_ms;
    enter(h, HELD_LEASED);
}

bool held_wake(struct held *h)
{
    struct lane *l = h->lane;
    bool         is_held = h->offset < l->next;

    assert(h->state == HELD_DELAYED);
    leave(h);
    if (is_held) {
        enter(h, HELD_READY);
    } else { /* L3 */
        l->ahead_count--;
        forget(h);
        l->ledger->ready_count++;
    }
    update_turn(l);
    return is_held;
}

bool ledger_restore(struct lane *l, const struct held *like)
{
    bool         is_ahead = like->offset >= l->next;
    struct held *h;

    if (like->offset >= l->end || ledger_find(l, like->offset))
        return false;
    if (is_ahead && (like->state != HELD_DELAYED || like->attempts > 0 || like->offset == l->next))
        return false; /* L2, L3 */
    h = hold(l, like->offset);
    h->due_ms = like->due_ms;
    h->attempts = like->attempts;
    h->free_attempts = like->free_attempts;
    h->first_lease_ms = like->first_lease_ms;
    h->is_bound = like->is_bound;
    if (h->offset < l->floor)
        l->floor = h->offset;
    if (is_ahead) {
        l->ahead_count++;
        l->ledger->ready_count--;
    }
    enter(h, (enum held_state)like->state);
    update_turn(l);
    return true;
}

struct held *ledger_due(const struct ledger *g, int64_t now_ms)
{
    return g->due.count > 0 && g->due.at[0]->due_ms <= now_ms ? g->due.at[0] : NULL;
}

int64_t ledger_due_ms(const struct ledger *g)
{
    return g->due.count > 0 ? g->due.at[0]->due_ms : INT64_MAX;
}

/* ---- whole lanes ---- */

void lane_each(struct lane *l, void (*visit)(void *ctx, struct held *h), void *ctx)
{
    size_t n = l->buckets ? (size_t)1 << l->bucket_bits : 0;

    for (size_t i = 0; i < n && l->held_count > 0; i++) {
        struct held *h = l->buckets[i];

        while (h) {
            struct held *after = h->chain;

            visit(ctx, h);
            h = after;
        }
    }
}

struct purge {
    bool     leased_too;
    uint64_t count;
    void (*before)(void *ctx, struct held *h);
    void *ctx;
};

static void purge_entry(void *ctx, struct held *h)
{
    struct purge *p = ctx;

    if (h->state == HELD_LEASED && !p->leased_too)
        return;
    p->before(p->ctx, h);
    leave(h);
    forget(h);
    p->count++;
}

uint64_t ledger_purge(struct ledger *g, bool leased_too,
                      void (*before)(void *ctx, struct held *h), void *ctx)
{
    struct purge p = { leased_too, 0, before, ctx };

    for (uint32_t i = 0; i < g->lane_count; i++) {
        struct lane *l = &g->lanes[i];

        p.count += fresh_count(l);
        advance(l, l->end);
        lane_each(l, purge_entry, &p);
        update_turn(l);
    }
    return p.count;
}

static void keep_lowest(void *ctx, struct held *h)
{
    uint64_t *lowest = ctx;

    if (h->offset < *lowest)
        *lowest = h->offset;
}

uint64_t lane_floor(struct lane *l)
{
    size_t steps = 0;

    if (l->held_count == l->ahead_count)
        l->floor = l->next;
    while (l->floor < l->next && !ledger_find(l, l->floor)) {
        l->floor++;
        if (++steps > FLOOR_STEPS + l->held_count) {
            l->floor = l->next;
            lane_each(l, keep_lowest, &l->floor);
        }
    }
    return l->floor;
}
