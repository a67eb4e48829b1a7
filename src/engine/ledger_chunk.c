/*
 * ledger_chunk.c - where a ledger keeps what is outstanding: the pool of entries, the chunks of a lane with their
 * slots, and the two heaps they are in. What it means is in ledger.c.
 *
 *     lane.chunks, by number      chunk                     groups of 16 slots
 *     [12 | 13 | 40 | 41] ---->   held, ready, delayed ---> [held* | due | - | ...]
 *
 * A queue that is used in order touches the first and the last chunk of its list, which are found at once; the others
 * by halving.
 *
 * Thread: the owner's.
 */
#include "base/mem.h"
#include "engine/ledger_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLAB_ENTRIES = 64,
    SLABS_KEPT = 64, /* when nothing is outstanding anywhere */
    LIST_FIRST = 4,
    HEAP_FIRST = 4,
    GROUP_BYTES = GROUP_OFFSETS * sizeof(union held_slot),
};

struct held_slab {
    struct held_slab *next;
    struct held       at[SLAB_ENTRIES];
};

/* ---- the pool ---- */

void held_pool_init(struct held_pool *p, struct engine *e)
{
    *p = (struct held_pool){ .engine = e };
}

static void free_slabs(struct held_pool *p)
{
    while (p->slabs) {
        struct held_slab *s = p->slabs;

        p->slabs = s->next;
        free(s);
    }
    p->free = NULL;
    p->slab_count = 0;
}

void held_pool_fini(struct held_pool *p)
{
    assert(p->used == 0 && p->chunk_count == 0 && p->group_count == 0 && p->lease_bytes == 0);
    free_slabs(p);
}

uint64_t held_pool_bytes(const struct held_pool *p)
{
    return p->slab_count * sizeof(struct held_slab) + p->chunk_count * sizeof(struct chunk) +
           p->group_count * (uint64_t)GROUP_BYTES;
}

/* A free entry's holder is the next free one. */
static void add_slab(struct held_pool *p)
{
    struct held_slab *s = mem_new(sizeof *s);

    s->next = p->slabs;
    p->slabs = s;
    p->slab_count++;
    for (int i = SLAB_ENTRIES - 1; i >= 0; i--) {
        s->at[i].holder = p->free;
        p->free = &s->at[i];
    }
}

static struct held *pool_take(struct held_pool *p)
{
    struct held *h;

    if (!p->free)
        add_slab(p);
    h = p->free;
    p->free = h->holder;
    p->used++;
    p->lease_bytes += sizeof *h;
    *h = (struct held){ 0 };
    list_init(&h->in_holder);
    return h;
}

static void pool_give(struct held_pool *p, struct held *h)
{
    h->holder = p->free;
    p->free = h;
    p->used--;
    p->lease_bytes -= sizeof *h;
    if (p->used == 0 && p->slab_count > SLABS_KEPT)
        free_slabs(p);
}

static struct held_pool *pool_of(const struct chunk *c)
{
    return c->lane->ledger->pool;
}

void chunk_touch(struct chunk *c)
{
    if (pool_of(c)->engine)
        row_touch(pool_of(c)->engine, &c->row);
}

/* ---- parts of a chunk ---- */

uint64_t word_mask(unsigned word, unsigned from, unsigned to)
{
    unsigned low = word * 64;
    uint64_t mask = ~0ull;

    if (to <= low || from >= low + 64)
        return 0;
    if (from > low)
        mask &= ~0ull << (from - low);
    if (to < low + 64)
        mask &= ~(~0ull << (to - low));
    return mask;
}

struct span chunk_span(uint64_t number, uint64_t first, uint64_t end)
{
    uint64_t base = number * CHUNK_OFFSETS;

    return (struct span){
        .from = first > base ? (unsigned)(first - base) : 0,
        .to = end - base < CHUNK_OFFSETS ? (unsigned)(end - base) : CHUNK_OFFSETS,
    };
}

static uint64_t group_bits(const uint64_t *words, unsigned group)
{
    return words[group / 4] >> group % 4 * GROUP_OFFSETS & 0xffff;
}
_Static_assert(GROUP_OFFSETS == 16, "group_bits");

/* ---- slots ---- */

static void make_group(struct chunk *c, unsigned group)
{
    if (c->groups[group])
        return;
    c->groups[group] = mem_new(GROUP_BYTES);
    pool_of(c)->group_count++;
}

static union held_slot *make_slot(struct chunk *c, unsigned bit)
{
    if (c->folded)
        chunk_unfold(c);
    make_group(c, bit / GROUP_OFFSETS);
    return slot_at(c, bit);
}

static void free_group(struct chunk *c, unsigned group)
{
    free(c->groups[group]);
    c->groups[group] = NULL;
    pool_of(c)->group_count--;
}

static void free_slot(struct chunk *c, unsigned bit)
{
    unsigned group = bit / GROUP_OFFSETS;

    if (group_bits(c->held, group) == 0 && group_bits(c->delayed, group) == 0)
        free_group(c, group);
}

/* The first entry of a group, or of the chunk. */
static void begin_group(struct chunk *c, unsigned group)
{
    pool_of(c)->lease_bytes += GROUP_BYTES + (is_zero(c->held) ? sizeof *c : 0);
    make_group(c, group);
}

/* There is none any more. */
static void end_group(struct chunk *c, unsigned group)
{
    pool_of(c)->lease_bytes -= GROUP_BYTES + (is_zero(c->held) ? sizeof *c : 0);
    if (group_bits(c->delayed, group) == 0)
        free_group(c, group);
}

struct held *chunk_hold(struct chunk *c, unsigned bit)
{
    unsigned     group = bit / GROUP_OFFSETS;
    struct held *h = pool_take(pool_of(c));

    if (c->folded)
        chunk_unfold(c);
    if (group_bits(c->held, group) == 0)
        begin_group(c, group);
    h->chunk = c;
    h->offset = chunk_base(c) + bit;
    c->groups[group][bit % GROUP_OFFSETS].held = h;
    set_bit(c->held, bit);
    return h;
}

void chunk_forget(struct held *h)
{
    struct chunk *c = h->chunk;
    unsigned      bit = bit_of(h->offset);

    clear_bit(c->held, bit);
    if (group_bits(c->held, bit / GROUP_OFFSETS) == 0)
        end_group(c, bit / GROUP_OFFSETS);
    pool_give(pool_of(c), h);
}

void chunk_delay(struct chunk *c, unsigned bit, int64_t due_ms)
{
    make_slot(c, bit)->due_ms = due_ms;
    set_bit(c->delayed, bit);
    chunk_note_due(c, due_ms);
}

void chunk_undelay(struct chunk *c, unsigned bit)
{
    if (c->folded)
        chunk_unfold(c);
    clear_bit(c->delayed, bit);
    free_slot(c, bit);
}

/* ---- folding (L8) ---- */

static struct held *entry_at(const struct chunk *c, unsigned word, uint64_t bits)
{
    return slot_at(c, word * 64 + (unsigned)__builtin_ctzll(bits))->held;
}

bool chunk_can_fold(const struct chunk *c)
{
    if (c->folded || is_zero(c->held))
        return false;
    for (unsigned w = 0; w < CHUNK_WORDS; w++)
        for (uint64_t left = c->held[w]; left; left &= left - 1) {
            const struct held *h = entry_at(c, w, left);

            if ((h->state != HELD_READY && h->state != HELD_DELAYED) || h->holder || h->order ||
                !list_empty(&h->in_holder))
                return false;
        }
    return true;
}

void chunk_strip(struct chunk *c)
{
    struct held_pool *p = pool_of(c);

    for (unsigned w = 0; w < CHUNK_WORDS; w++)
        for (uint64_t left = c->held[w]; left; left &= left - 1)
            pool_give(p, entry_at(c, w, left));
    p->lease_bytes -= sizeof *c;
    for (unsigned i = 0; i < CHUNK_GROUPS; i++) {
        if (!c->groups[i])
            continue;
        if (group_bits(c->held, i) != 0)
            p->lease_bytes -= GROUP_BYTES;
        free(c->groups[i]);
        c->groups[i] = NULL;
        p->group_count--;
    }
}

static union held_slot *refill_slot(struct chunk *c, unsigned bit)
{
    struct held_pool *p = pool_of(c);
    unsigned          group = bit / GROUP_OFFSETS;

    if (!c->groups[group] && group_bits(c->held, group) != 0)
        p->lease_bytes += GROUP_BYTES;
    return make_slot(c, bit);
}

struct held *chunk_refill(struct chunk *c, unsigned bit)
{
    struct held *h = pool_take(pool_of(c));

    h->chunk = c;
    h->offset = chunk_base(c) + bit;
    refill_slot(c, bit)->held = h;
    return h;
}

void chunk_refill_delay(struct chunk *c, unsigned bit, int64_t due_ms)
{
    refill_slot(c, bit)->due_ms = due_ms;
}

uint32_t lane_fold(struct lane *l, uint64_t *number, uint32_t max)
{
    uint32_t i = chunk_place(l, *number);
    uint32_t n = 0;

    for (; i < l->chunks.count && max > 0; i++, max--)
        n += chunk_fold(l->chunks.at[l->chunks.first + i].chunk);
    *number = i < l->chunks.count ? l->chunks.at[l->chunks.first + i].number : UINT64_MAX;
    return n;
}

/* ---- the chunks of a lane ---- */

uint32_t chunk_place(const struct lane *l, uint64_t number)
{
    const struct chunk_ref *at;
    uint32_t                low = 0;
    uint32_t                high = l->chunks.count;

    if (high == 0)
        return 0;
    at = l->chunks.at + l->chunks.first;
    if (number <= at[0].number)
        return 0;
    if (number > at[high - 1].number)
        return high;
    if (number == at[high - 1].number)
        return high - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (at[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct chunk *chunk_find(const struct lane *l, uint64_t number)
{
    uint32_t                place = chunk_place(l, number);
    const struct chunk_ref *ref;

    if (place == l->chunks.count)
        return NULL;
    ref = &l->chunks.at[l->chunks.first + place];
    return ref->number == number ? ref->chunk : NULL;
}

static void make_room(struct chunk_list *s)
{
    if (s->first + s->count < s->cap)
        return;
    if (s->first > s->cap / 2) {
        memmove(s->at, s->at + s->first, s->count * sizeof *s->at);
        s->first = 0;
        return;
    }
    s->cap = s->cap ? s->cap * 2 : LIST_FIRST;
    s->at = mem_resize(s->at, s->cap * sizeof *s->at);
}

struct chunk *chunk_make(struct lane *l, uint64_t number)
{
    struct chunk     *c = chunk_find(l, number);
    struct chunk_ref *ref;
    uint32_t          place;

    if (c) {
        chunk_touch(c);
        return c;
    }
    place = chunk_place(l, number);
    c = mem_new(sizeof *c);
    row_init(&c->row, ROW_QUEUE_STATE);
    c->lane = l;
    c->number = number;
    c->soonest_ms = INT64_MAX;
    make_room(&l->chunks);
    ref = &l->chunks.at[l->chunks.first + place];
    memmove(ref + 1, ref, (l->chunks.count - place) * sizeof *ref);
    *ref = (struct chunk_ref){ number, c };
    l->chunks.count++;
    l->ledger->pool->chunk_count++;
    chunk_touch(c);
    return c;
}

/* The first ones go most often: they are left behind instead of moving all others. */
static void unlist(struct lane *l, uint64_t number)
{
    struct chunk_list *s = &l->chunks;
    uint32_t           place = chunk_place(l, number);
    struct chunk_ref  *ref = s->at + s->first + place;

    s->count--;
    if (place == 0)
        s->first++;
    else
        memmove(ref, ref + 1, (s->count - place) * sizeof *ref);
    if (s->count > 0)
        return;
    free(s->at);
    *s = (struct chunk_list){ 0 };
}

/* ---- heaps ---- */

typedef bool before_fn(const struct chunk *a, const struct chunk *b);
typedef uint32_t *slot_fn(struct chunk *c);

/* What a heap is ordered by, and where a chunk keeps its place in it. */
struct heap_kind {
    before_fn *before;
    slot_fn   *slot;
};

static bool is_lower(const struct chunk *a, const struct chunk *b)
{
    return a->number < b->number;
}

static uint32_t *ready_slot(struct chunk *c)
{
    return &c->ready_slot;
}

/* Ties are broken by place, so that the order does not depend on the heap's history. */
static bool is_sooner(const struct chunk *a, const struct chunk *b)
{
    if (a->soonest_ms != b->soonest_ms)
        return a->soonest_ms < b->soonest_ms;
    if (a->lane != b->lane)
        return a->lane->index < b->lane->index;
    return a->number < b->number;
}

static uint32_t *due_slot(struct chunk *c)
{
    return &c->due_slot;
}

static const struct heap_kind by_number = { is_lower, ready_slot };
static const struct heap_kind by_time = { is_sooner, due_slot };

static void heap_set(const struct heap_kind *k, struct chunk_heap *q, uint32_t i, struct chunk *c)
{
    q->at[i] = c;
    *k->slot(c) = i + 1;
}

static void heap_up(const struct heap_kind *k, struct chunk_heap *q, uint32_t i, struct chunk *c)
{
    while (i > 0 && k->before(c, q->at[(i - 1) / 2])) {
        heap_set(k, q, i, q->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(k, q, i, c);
}

static void heap_down(const struct heap_kind *k, struct chunk_heap *q, uint32_t i, struct chunk *c)
{
    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child >= q->count)
            break;
        if (child + 1 < q->count && k->before(q->at[child + 1], q->at[child]))
            child++;
        if (!k->before(q->at[child], c))
            break;
        heap_set(k, q, i, q->at[child]);
        i = child;
    }
    heap_set(k, q, i, c);
}

static void heap_push(const struct heap_kind *k, struct chunk_heap *q, struct chunk *c)
{
    if (q->count == q->cap) {
        q->cap = q->cap ? q->cap * 2 : HEAP_FIRST;
        q->at = mem_resize(q->at, q->cap * sizeof(struct chunk *));
    }
    heap_up(k, q, q->count++, c);
}

static void heap_remove(const struct heap_kind *k, struct chunk_heap *q, struct chunk *c)
{
    uint32_t      i = *k->slot(c) - 1;
    struct chunk *last = q->at[--q->count];

    *k->slot(c) = 0;
    if (last != c && i > 0 && k->before(last, q->at[(i - 1) / 2]))
        heap_up(k, q, i, last);
    else if (last != c)
        heap_down(k, q, i, last);
    if (q->count == 0)
        chunk_heap_fini(q);
}

void chunk_heap_fini(struct chunk_heap *q)
{
    free(q->at);
    *q = (struct chunk_heap){ 0 };
}

void chunk_update_ready(struct chunk *c)
{
    bool is_ready = !is_zero(c->ready);

    if (is_ready && c->ready_slot == 0)
        heap_push(&by_number, &c->lane->ready, c);
    else if (!is_ready && c->ready_slot != 0)
        heap_remove(&by_number, &c->lane->ready, c);
}

static void set_due(struct chunk *c, int64_t soonest_ms)
{
    struct chunk_heap *q = &c->lane->ledger->due;

    if (c->due_slot != 0)
        heap_remove(&by_time, q, c);
    c->soonest_ms = soonest_ms;
    if (soonest_ms != INT64_MAX)
        heap_push(&by_time, q, c);
}

void chunk_note_due(struct chunk *c, int64_t due_ms)
{
    if (due_ms >= c->soonest_ms)
        return;
    if (c->due_slot == 0) {
        set_due(c, due_ms);
        return;
    }
    c->soonest_ms = due_ms;
    heap_up(&by_time, &c->lane->ledger->due, c->due_slot - 1, c);
}

/* When the slot's message is due by itself. */
static int64_t slot_due_ms(const struct chunk *c, unsigned bit)
{
    const struct held *h;

    if (has_bit(c->delayed, bit))
        return slot_at(c, bit)->due_ms;
    h = slot_at(c, bit)->held;
    if (h->state == HELD_DELAYED || (h->state == HELD_LEASED && !h->is_bound))
        return h->due_ms;
    return INT64_MAX;
}

void chunk_update_due(struct chunk *c)
{
    int64_t soonest_ms = INT64_MAX;

    for (unsigned word = 0; word < CHUNK_WORDS; word++)
        for (uint64_t left = c->held[word] | c->delayed[word]; left; left &= left - 1) {
            int64_t due_ms = slot_due_ms(c, word * 64 + (unsigned)__builtin_ctzll(left));

            soonest_ms = due_ms < soonest_ms ? due_ms : soonest_ms;
        }
    set_due(c, soonest_ms);
}

/* ---- the end of a chunk ---- */

bool chunk_drop_if_empty(struct chunk *c)
{
    struct lane *l = c->lane;

    if (!is_zero(c->held) || !is_zero(c->ready) || !is_zero(c->delayed))
        return false;
    if (c->due_slot != 0)
        set_due(c, INT64_MAX);
    assert(c->ready_slot == 0);
    if (pool_of(c)->engine)
        row_remove(pool_of(c)->engine, &c->row);
    unlist(l, c->number);
    l->ledger->pool->chunk_count--;
    assert(!c->folded); /* that has entries */
    free(c);
    return true;
}
