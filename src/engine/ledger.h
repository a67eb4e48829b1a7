/*
 * ledger.h - the books of one queue: which messages are ready, leased, delayed or done. Knows no
 * engine and no clock.
 *
 * A lane per log of the topic. A message that nobody has touched costs nothing; only what is
 * outstanding has an entry:
 *
 *     offsets:   0 ......... floor ............ next ................ end
 *                settled   | settled or held  | fresh, or held and   | not appended yet
 *                          |                  | delayed ("ahead")    |
 *
 *   append -> fresh --lease--> LEASED --settle--> (no entry)
 *     |         ^                | ^ release, deadline
 *     | delay   | due, ahead     v |
 *     `-----> DELAYED --due--> READY --lease--> LEASED
 *                ^---release with delay---'
 *
 *   L1  Below next, no entry means settled; from next on, no entry means ready and never leased.
 *   L2  next itself has no entry: the cursor steps over delayed messages.
 *   L3  From next on, entries are delayed and were never leased. When such a one is due it is
 *       forgotten: it is fresh again.
 *   L4  An entry lies in one heap at most: READY in its lane's (lowest offset first), DELAYED and
 *       leases with a deadline in the ledger's (soonest first), BLOCKED and leases without a
 *       deadline in none.
 *   L5  What came back is handed out before what is fresh, each in offset order; lanes take turns.
 *   L6  ready_count + leased_count + delayed_count + settled = appended.
 *
 * A pool keeps the entries of all ledgers of a shard. Thread: the owner's.
 */
#ifndef ENGINE_LEDGER_H
#define ENGINE_LEDGER_H

#include "base/list.h"

#include <stdint.h>

struct lane;

/* BLOCKED: ready, but not before another one (queue_order.c); counted as ready. The first three are
 * on disk. */
enum held_state { HELD_READY, HELD_LEASED, HELD_DELAYED, HELD_BLOCKED };

/* One outstanding message: 88 bytes, and 8 to 24 for finding it. */
struct held {
    uint64_t     offset;
    int64_t      due_ms; /* DELAYED: ready then; LEASED and not bound: ends then */
    int64_t      first_lease_ms;
    struct lane *lane;
    struct held *chain;     /* next in its bucket or in the pool */
    void        *holder;    /* the caller's, NULL at first */
    void        *order;     /* likewise */
    struct list  in_holder; /* the caller's, unlinked at first */
    uint32_t     attempts;  /* leases so far; the token of the present one */
    uint32_t     bytes;     /* the caller's */
    uint32_t     slot;      /* in its heap, from 1; 0: in none */
    uint16_t     free_attempts; /* how many of them do not count */
    uint8_t      state;
    bool         is_bound;
};
_Static_assert(sizeof(struct held) <= 88, "memory per outstanding message is a promise");

struct held_pool {
    struct held      *free;
    struct held_slab *slabs;
    size_t            slab_count;
    size_t            used;
};
void held_pool_init(struct held_pool *p);
void held_pool_fini(struct held_pool *p);

struct held_heap {
    struct held **at;
    size_t        count, cap;
};

struct lane {
    struct ledger   *ledger;
    uint32_t         index;
    uint64_t         floor; /* everything below is settled; not always the highest such */
    uint64_t         next, end;
    size_t           held_count;
    size_t           ahead_count; /* of those, from next on */
    struct held    **buckets;     /* by hash of the offset */
    unsigned         bucket_bits;
    struct held_heap ready;
    struct list      in_turn; /* ledger.turn while it has something ready */
};

struct ledger {
    struct held_pool *pool;
    uint32_t          lane_count;
    struct lane      *lanes;
    struct list       turn; /* lanes with something ready, whose turn it is first */
    struct held_heap  due;
    uint64_t          ready_count, leased_count, delayed_count;
};

struct lease_terms {
    int64_t now_ms;
    int64_t deadline_ms; /* not looked at when bound */
    bool    is_bound;
};

void ledger_init(struct ledger *g, struct held_pool *pool, uint32_t lane_count);
/* Entries go back to the pool; their holders are the caller's business. */
void ledger_fini(struct ledger *g);
/* Before anything else in the lane: [start, end) is ready. */
void ledger_begin(struct ledger *g, uint32_t lane, uint64_t start, uint64_t end);

/* [end, end + count) came in; with due_ms > 0 they are ready only then. */
void ledger_append(struct ledger *g, uint32_t lane, uint32_t count, int64_t due_ms);
/* The message to hand out next, not taken yet; false when none is ready. */
bool ledger_peek(const struct ledger *g, struct lane **lane, uint64_t *offset);
/* The next one comes from another lane, if there is one. */
void ledger_rotate(struct ledger *g);
/* Leases one message, held or fresh; fresh ones before it become READY entries. attempts goes
 * up. */
struct held *ledger_lease(struct lane *l, uint64_t offset, const struct lease_terms *terms);
/* Settles one message, held or fresh; fresh ones before it become READY entries. */
void ledger_settle(struct lane *l, uint64_t offset);
/* Makes a ready message BLOCKED, so that the next one is seen. */
struct held *ledger_block(struct lane *l, uint64_t offset);
/* The entry, or NULL: settled below next, fresh from it on. */
struct held *ledger_find(const struct lane *l, uint64_t offset);

/* Settles a held one. */
void held_settle(struct held *h);
/* Ready again: at once (0) or at ready_ms. is_free: the lease does not count as an attempt. */
void held_release(struct held *h, int64_t ready_ms, bool is_free);
/* Moves the deadline of a lease that is not bound. */
void held_extend(struct held *h, int64_t deadline_ms);
/* A delayed one is ready now; false: it is gone (L3). */
bool held_wake(struct held *h);
/* A BLOCKED one is READY again. */
void held_unblock(struct held *h);
/* The soonest of the delayed and leased ones that is due at now_ms, or NULL. */
struct held *ledger_due(const struct ledger *g, int64_t now_ms);
int64_t ledger_due_ms(const struct ledger *g); /* INT64_MAX: never */

/* Settles everything that is not leased, with leased_too that as well. Returns how many.
 * before(ctx, h) sees each entry. */
uint64_t ledger_purge(struct ledger *g, bool leased_too,
                      void (*before)(void *ctx, struct held *h), void *ctx);
/* First offset of the lane that is not settled. Cheap on average, not always. */
uint64_t lane_floor(struct lane *l);
/* A new entry with offset, state, due_ms, attempts, free_attempts, first_lease_ms and is_bound as
 * in like; the cursor does not move. False when that cannot be. */
bool ledger_restore(struct lane *l, const struct held *like);
/* Visits every entry of the lane; visit may settle or release the one it sees. */
void lane_each(struct lane *l, void (*visit)(void *ctx, struct held *h), void *ctx);

#endif
