/*
 * ledger.h - the books of one queue: which messages are ready, leased, delayed or done, and what became of those that
 * are. Knows no clock, and of the engine only that its chunks are rows.
 *
 * A lane per log of the topic. A message that nobody has touched costs nothing:
 *
 *     offsets:   0 ......... floor ............ next ................ end
 *                settled   | settled or open   | fresh, or delayed    | not appended yet
 *                          |                   | ("ahead")            |
 *
 *   append -> fresh --lease--> LEASED --settle--> (nothing; a fate is counted)
 *     |         ^                | ^ release, deadline
 *     | delay   | due, ahead     v |
 *     `-> delayed --due--> READY, DELAYED --lease--> LEASED
 *
 * What is neither fresh nor settled lies in chunks of CHUNK_OFFSETS offsets, three bits for each of them: `held`,
 * it has an entry (struct held) with all that is known of it; `ready`, it may be handed out, with an entry or without;
 * `delayed`, it was appended with a delay and never leased, and all that is kept of it is when it is due.
 *
 *   L1  Below next, no bit means settled; from next on, no bit means fresh: ready and never leased.
 *   L2  next itself is fresh: the cursor steps over delayed ones.
 *   L3  From next on there are no entries, and the only bit is `delayed`. When such a one is due it is fresh again.
 *   L4  An entry has its `ready` bit when it is READY, and never its `delayed` bit. BLOCKED ones count as ready.
 *   L5  What came back is handed out before what is fresh, each in offset order; lanes take turns.
 *   L6  routed = ready_count + leased_count + delayed_count + the sum of fates.
 *   L7  A chunk with a ready bit is in its lane's heap (lowest first). One with something that becomes due is in the
 *       ledger's (soonest first), where soonest_ms may be too early, never too late. One without any bit is gone.
 *   L8  A chunk whose entries are nobody's, all of them given back, may be folded: they take a few bytes until one of
 *       its slots is looked at. That changes no state and no count.
 *
 * Memory: 10 bytes for a delayed message that was never leased, when its neighbours are, too; an entry for a lease. A
 * pool keeps the entries of all ledgers of a shard and counts. Thread: the owner's.
 */
#ifndef ENGINE_LEDGER_H
#define ENGINE_LEDGER_H

#include "base/list.h"
#include "engine/fate.h"
#include "engine/row.h"

#include <stdint.h>

enum {
    CHUNK_OFFSETS = 256,
    CHUNK_WORDS = CHUNK_OFFSETS / 64,
    GROUP_OFFSETS = 16,
    CHUNK_GROUPS = CHUNK_OFFSETS / GROUP_OFFSETS,
};

struct chunk;
struct lane;

/* BLOCKED: ready, but not before another one (queue_order.c); counted as ready. The first three are on disk. */
enum held_state { HELD_READY, HELD_LEASED, HELD_DELAYED, HELD_BLOCKED };

/* One message that is or was leased. */
struct held {
    uint64_t      offset;
    int64_t       due_ms; /* DELAYED: ready then; LEASED and not bound: ends then */
    int64_t       first_lease_ms;
    struct chunk *chunk;
    void         *holder;    /* the caller's, NULL at first */
    void         *order;     /* likewise */
    struct list   in_holder; /* the caller's, unlinked at first */
    uint32_t      attempts;  /* leases so far; the token of the present one */
    uint32_t      bytes;     /* the caller's */
    uint16_t      free_attempts; /* how many of them do not count */
    uint8_t       state;
    bool          is_bound;
    bool          is_marked; /* the caller's */
};
_Static_assert(sizeof(struct held) <= 80, "memory per lease is a promise");

/* By the bits of its chunk: an entry, or when it is due. */
union held_slot {
    struct held *held;
    int64_t      due_ms;
};

struct chunk {
    struct row       row;
    struct lane     *lane;
    uint64_t         number; /* of its first offset / CHUNK_OFFSETS */
    int64_t          soonest_ms; /* INT64_MAX: nothing becomes due */
    uint32_t         ready_slot, due_slot; /* in their heaps, from 1; 0: not in it */
    uint64_t         held[CHUNK_WORDS], ready[CHUNK_WORDS], delayed[CHUNK_WORDS];
    union held_slot *groups[CHUNK_GROUPS]; /* made when one of its offsets needs a slot */
    uint8_t         *folded; /* L8: instead of groups and entries, what a checkpoint would say of it */
    uint32_t         folded_len;
};

/* Entries, chunks and slots of all ledgers. */
struct held_pool {
    struct engine    *engine; /* whose rows the chunks are; NULL: they are nobody's */
    struct held      *free;
    struct held_slab *slabs;
    size_t            slab_count;
    size_t            used; /* entries */
    size_t            chunk_count, group_count;
    uint64_t          lease_bytes; /* of entries and of the chunks and groups that have some */
};
void held_pool_init(struct held_pool *p, struct engine *e);
void held_pool_fini(struct held_pool *p);
/* All that is in use, delayed messages included. */
uint64_t held_pool_bytes(const struct held_pool *p);

struct chunk_heap {
    struct chunk **at;
    uint32_t       count, cap;
};

struct chunk_list { /* by number */
    struct chunk_ref {
        uint64_t      number;
        struct chunk *chunk;
    } *at;
    uint32_t first, count, cap;
};

struct lane {
    struct ledger    *ledger;
    uint32_t          index;
    uint64_t          next, end;
    uint64_t          ahead_count; /* delayed ones from next on */
    struct chunk_list chunks;
    struct chunk_heap ready;
    struct list       in_turn; /* ledger.turn while it has something ready */
};

struct ledger {
    struct held_pool *pool;
    uint32_t          lane_count;
    struct lane      *lanes;
    struct list       turn; /* lanes with something ready, whose turn it is first */
    struct chunk_heap due;
    uint64_t          ready_count, leased_count, delayed_count;
    uint64_t          routed; /* since the queue was made, with what its topic held then */
    uint64_t          fates[FATE_COUNT];
};

struct lease_terms {
    int64_t now_ms;
    int64_t deadline_ms; /* not looked at when bound */
    bool    is_bound;
};

typedef void held_visit_fn(void *ctx, struct held *h);

void ledger_init(struct ledger *g, struct held_pool *pool, uint32_t lane_count);
/* More lanes, empty. Pointers to lanes are not valid afterwards. */
void ledger_grow(struct ledger *g, uint32_t lane_count);
/* Entries go back to the pool; their holders are the caller's business. */
void ledger_fini(struct ledger *g);
/* Its topic is gone: all that is open gets that fate, and there are no lanes any more. */
void ledger_detach(struct ledger *g, enum fate fate);
/* Before anything else in the lane: [start, end) is ready. */
void ledger_begin(struct ledger *g, uint32_t lane, uint64_t start, uint64_t end);
/* L6 */
bool ledger_is_conserved(const struct ledger *g);

/* [end, end + count) came in; with due_ms > 0 they are ready only then. */
void ledger_append(struct ledger *g, uint32_t lane, uint32_t count, int64_t due_ms);
/* The message to hand out next, not taken yet; false when none is ready. */
bool ledger_peek(const struct ledger *g, struct lane **lane, uint64_t *offset);
/* The next one comes from another lane, if there is one. */
void ledger_rotate(struct ledger *g);
/* Leases one message; fresh ones before it become ready ones behind the cursor. attempts goes up. NULL: it is leased
 * or settled already. */
struct held *ledger_lease(struct lane *l, uint64_t offset, const struct lease_terms *terms);
/* Leases each of [first, first + count), which lie below the lane's end. False: one is leased or settled already; then
 * those before it are leased. */
bool ledger_lease_range(struct lane *l, uint64_t first, uint64_t count, const struct lease_terms *terms);
/* Settles one message in whatever state; fresh ones before it become ready ones behind the cursor. False: it is
 * settled already. */
bool ledger_settle(struct lane *l, uint64_t offset, enum fate fate);
/* Settles what is open in [first, first + count), without leased_too all but the leased ones, and returns how many.
 * Costs what is outstanding there, not the length. before(ctx, h) sees each entry; it settles nothing itself. */
uint64_t ledger_settle_range(struct lane *l, uint64_t first, uint64_t count, enum fate fate, bool leased_too,
                             held_visit_fn *before, void *ctx);
/* The same for all lanes. */
uint64_t ledger_purge(struct ledger *g, enum fate fate, bool leased_too, held_visit_fn *before, void *ctx);
/* Makes a ready message BLOCKED, so that the next one is seen. */
struct held *ledger_block(struct lane *l, uint64_t offset);
/* The entry, or NULL: it has none, L1 tells why. */
struct held *ledger_find(const struct lane *l, uint64_t offset);
/* Whether it has one that is in memory (L8). */
bool ledger_is_at_hand(const struct lane *l, uint64_t offset);
/* Folds what can be of at most max chunks, the first of which has this number or a higher one; *number becomes that of
 * the next one, UINT64_MAX when there is none. Returns how many chunks were folded. */
uint32_t lane_fold(struct lane *l, uint64_t *number, uint32_t max);
/* Whether it is neither settled nor beyond the end. */
bool ledger_is_open(const struct lane *l, uint64_t offset);
/* Whether anything in [base, end) is not settled: if so, its record is still needed. What is beyond the lane's end
 * counts as needed. */
bool ledger_needs_range(const struct lane *l, uint64_t base, uint64_t end);

static inline struct lane *held_lane(const struct held *h)
{
    return h->chunk->lane;
}

/* Settles a held one. */
void held_settle(struct held *h, enum fate fate);
/* Ready again: at once (0) or at ready_ms. is_free: the lease does not count as an attempt. */
void held_release(struct held *h, int64_t ready_ms, bool is_free);
/* Moves the deadline of a lease that is not bound. */
void held_extend(struct held *h, int64_t deadline_ms);
/* A DELAYED one is ready now. */
void held_wake(struct held *h);
/* A BLOCKED one is READY again. */
void held_unblock(struct held *h);

/*
 * Passes on what is due at now_ms: delayed ones without an entry become ready; each entry that is due is shown to
 * visit, which releases, extends or wakes it (and may do the same to others), but settles nothing. False: more than
 * about max were due, the rest is left.
 */
bool ledger_run_due(struct ledger *g, int64_t now_ms, uint64_t max, held_visit_fn *visit, void *ctx);
/* When to call it next, or earlier; INT64_MAX: never. */
int64_t ledger_due_ms(const struct ledger *g);

/* The lane's message to hand out next, which is its oldest one that is ready; false when there is none. */
bool lane_peek(const struct lane *l, uint64_t *offset);
/* How many of the lane's messages are not settled. */
uint64_t lane_open_count(const struct lane *l);
/* Of a lane in which everything is settled: from start on, which lies below its end, all is fresh again, as if it came
 * in once more. */
void lane_reopen(struct lane *l, uint64_t start);
/* First offset of the lane that is not settled. */
uint64_t lane_floor(const struct lane *l);
/* Visits every entry of the lane in offset order. visit settles and leases nothing. */
void lane_each(struct lane *l, held_visit_fn *visit, void *ctx);

/* What a checkpoint says of a chunk, and back: into a lane that has nothing in that chunk yet. False: it makes no
 * sense. */
struct buf;
struct rd;
void chunk_encode(const struct chunk *c, struct buf *out);
bool ledger_restore(struct lane *l, uint64_t number, struct rd *r);

#endif
