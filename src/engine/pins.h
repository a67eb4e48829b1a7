/*
 * pins.h - how many batches that somebody still needs lie where in the journal: what keeps it from
 * being trimmed, and how much of it that is.
 *
 * The journal is looked at in stretches of 64 KiB; only those with something in them take memory.
 *
 *   P1  What pins_oldest gives is not above the position of any batch that was put in and not taken
 *       out.
 *
 * Thread: the owner's.
 */
#ifndef ENGINE_PINS_H
#define ENGINE_PINS_H

#include <stddef.h>
#include <stdint.h>

enum { PINS_STRETCH_BYTES = 64 << 10 };

struct pins_stretch {
    uint64_t number; /* position / PINS_STRETCH_BYTES */
    uint64_t count;
};

struct pins {
    struct pins_stretch *at; /* by number; those in front of first are empty */
    size_t               first, count, cap;
    uint64_t             total; /* batches */
};

void pins_init(struct pins *p);
void pins_fini(struct pins *p);
/* So many in the stretch that position is in. */
void pins_put(struct pins *p, uint64_t position, uint64_t count);
void pins_take(struct pins *p, uint64_t position, uint64_t count);
/* UINT64_MAX: there is none. */
uint64_t pins_oldest(const struct pins *p);
/* Bytes of journal from the oldest one to `end`. Where a claim began far above the one before, the
 * gap does not count. */
uint64_t pins_held(const struct pins *p, uint64_t end);
/* The lowest position with at most `bytes` of journal between it and end, counted as in pins_held; 0
 * when it is less altogether. */
uint64_t pins_back(const struct pins *p, uint64_t end, uint64_t bytes);
/* The lowest position with at most `count` batches at or above it; 0 when there are not more. */
uint64_t pins_back_count(const struct pins *p, uint64_t end, uint64_t count);

#endif
