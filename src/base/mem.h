/*
 * mem.h - allocation that cannot fail, and arenas.
 *
 * Small allocations abort with one line when memory is gone; nobody tests them for NULL. Where a library cannot go on
 * without memory, mem_exhausted() ends the process the same way. An arena hands out memory
 * that is freed all at once: one per request or engine call. Arena memory is zeroed and 16-byte aligned.
 *
 * Thread: the owner's.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/bytes.h"

void *mem_new(size_t n); /* zeroed; free() */
void *mem_resize(void *p, size_t n);
void *mem_copy(const void *p, size_t n);
_Noreturn void mem_exhausted(const char *what);

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    uint8_t            *at;
    size_t              left;
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
void *arena_new(struct arena *a, size_t n);
/* n * size bytes; aborts on overflow (counts are bounded by the caller). */
void *arena_array(struct arena *a, size_t n, size_t size);
struct bytes arena_bytes(struct arena *a, struct bytes b); /* null stays null */
char *arena_str(struct arena *a, struct bytes b);          /* copy with a final 0 */

#define arena_struct(arena, type) ((type *)arena_new((arena), sizeof(type)))

#endif
