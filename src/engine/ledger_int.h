/* ledger_int.h - what the files of the ledger share: ledger.c (states), ledger_chunk.c (where things are kept),
 * ledger_row.c (chunks as rows of the catalogue). Thread: the owner's. */
#ifndef ENGINE_LEDGER_INT_H
#define ENGINE_LEDGER_INT_H

#include "engine/ledger.h"

/* ---- places ---- */

static inline uint64_t chunk_base(const struct chunk *c)
{
    return c->number * CHUNK_OFFSETS;
}

static inline unsigned bit_of(uint64_t offset)
{
    return (unsigned)(offset % CHUNK_OFFSETS);
}

static inline bool has_bit(const uint64_t *words, unsigned bit)
{
    return words[bit / 64] >> bit % 64 & 1;
}

static inline void set_bit(uint64_t *words, unsigned bit)
{
    words[bit / 64] |= 1ull << bit % 64;
}

static inline void clear_bit(uint64_t *words, unsigned bit)
{
    words[bit / 64] &= ~(1ull << bit % 64);
}

static inline bool is_zero(const uint64_t *words)
{
    return (words[0] | words[1] | words[2] | words[3]) == 0;
}
_Static_assert(CHUNK_WORDS == 4, "is_zero looks at all words");

/* L8: ledger_row.c */
bool chunk_fold(struct chunk *c);
void chunk_unfold(struct chunk *c);

static inline union held_slot *slot_at(const struct chunk *c, unsigned bit)
{
    if (c->folded)
        chunk_unfold((struct chunk *)(uintptr_t)c);
    return &c->groups[bit / GROUP_OFFSETS][bit % GROUP_OFFSETS];
}

/* The bits of one word that lie in [from, to) of the chunk. */
uint64_t word_mask(unsigned word, unsigned from, unsigned to);
/* The part of a chunk that lies in [first, end). */
struct span {
    unsigned from, to;
};
struct span chunk_span(uint64_t number, uint64_t first, uint64_t end);

/* ---- chunks ---- */

/* Index in the lane's list of the first chunk of that number or a higher one; its count: none. */
uint32_t chunk_place(const struct lane *l, uint64_t number);
/* NULL: there is none. */
struct chunk *chunk_find(const struct lane *l, uint64_t number);
/* Before it changes (row.h R1). */
void chunk_touch(struct chunk *c);
/* Found or made, to be changed. */
struct chunk *chunk_make(struct lane *l, uint64_t number);
/* Freed when it has no bit any more; true then. Its groups go as they become empty. */
bool chunk_drop_if_empty(struct chunk *c);

/* An offset without slot gets an entry, or a due time; its bit is set. */
struct held *chunk_hold(struct chunk *c, unsigned bit);
void chunk_delay(struct chunk *c, unsigned bit, int64_t due_ms);
/* All entries, groups and due times go, the bits stay; and back, for one bit that is set. */
void chunk_strip(struct chunk *c);
struct held *chunk_refill(struct chunk *c, unsigned bit);
void chunk_refill_delay(struct chunk *c, unsigned bit, int64_t due_ms);
/* Whether all its entries were given back and are nobody's. */
bool chunk_can_fold(const struct chunk *c);
/* And back. The entry is the pool's again. The chunk stays, even empty. */
void chunk_forget(struct held *h);
void chunk_undelay(struct chunk *c, unsigned bit);

/* ---- heaps (L7) ---- */

/* After ready bits were set or cleared. */
void chunk_update_ready(struct chunk *c);
/* Something in it is due at due_ms. */
void chunk_note_due(struct chunk *c, int64_t due_ms);
/* soonest_ms from what is there now. */
void chunk_update_due(struct chunk *c);
void chunk_heap_fini(struct chunk_heap *q);

/* ---- ledger.c, for restoring ---- */

/* A new entry enters its first state. */
void held_restore(struct held *h, enum held_state state);
/* After something became ready, or is not any more. */
void lane_update_turn(struct lane *l);

#endif
