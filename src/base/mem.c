/* mem.c - see mem.h. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * What glibc keeps for each thread (tcache) are blocks of up to 1,032 bytes, and calloc does not look
 * there: small blocks are had by malloc and zeroed here, and a chunk just fits.
 */
enum { ALIGN = 16, KEPT_BYTES = 1032, CHUNK_BYTES = 1008 };

struct arena_chunk {
    struct arena_chunk   *next;
    _Alignas(16) uint8_t  data[];
};

_Static_assert(sizeof(struct arena_chunk) + CHUNK_BYTES <= KEPT_BYTES, "a chunk is kept for reuse");

static _Noreturn void out_of_memory(size_t n)
{
    fprintf(stderr, "myna: out of memory (wanted %zu bytes)\n", n);
    abort();
}

_Noreturn void mem_exhausted(const char *what)
{
    fprintf(stderr, "myna: out of memory (in %s)\n", what);
    abort();
}

void *mem_new(size_t n)
{
    void *p = n <= KEPT_BYTES ? malloc(n ? n : 1) : calloc(1, n);

    if (!p)
        out_of_memory(n);
    return n <= KEPT_BYTES ? memset(p, 0, n) : p;
}

void *mem_resize(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);

    if (!q)
        out_of_memory(n);
    return q;
}

void *mem_copy(const void *p, size_t n)
{
    void *q = mem_new(n);

    if (n > 0)
        memcpy(q, p, n);
    return q;
}

void arena_init(struct arena *a)
{
    *a = (struct arena){ 0 };
}

void arena_fini(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;

        a->chunks = c->next;
        free(c);
    }
    arena_init(a);
}

/* Returns where its bytes begin. */
static uint8_t *add_chunk(struct arena *a, struct arena_chunk *c)
{
    c->next = a->chunks;
    a->chunks = c;
    return c->data;
}

void *arena_new(struct arena *a, size_t n)
{
    uint8_t *p;

    n = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN; /* nothing has an address, too */
    if (n > CHUNK_BYTES)
        return add_chunk(a, mem_new(sizeof(struct arena_chunk) + n));
    if (n > a->left) {
        a->at = add_chunk(a, mem_resize(NULL, sizeof(struct arena_chunk) + CHUNK_BYTES));
        a->left = CHUNK_BYTES;
    }
    p = a->at;
    a->at += n;
    a->left -= n;
    return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        out_of_memory(SIZE_MAX);
    return arena_new(a, total);
}

struct bytes arena_bytes(struct arena *a, struct bytes b)
{
    uint8_t *p;

    if (!b.at)
        return b;
    p = arena_new(a, b.len ? b.len : 1);
    if (b.len > 0)
        memcpy(p, b.at, b.len);
    return bytes_of(p, b.len);
}

char *arena_str(struct arena *a, struct bytes b)
{
    char *p = arena_new(a, b.len + 1);

    if (b.len > 0)
        memcpy(p, b.at, b.len);
    return p;
}
