/* memory.c - see memory.h. */
#include "node/memory.h"
#include "base/mem.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <uv.h>

static void *take(size_t n)
{
    return mem_resize(NULL, n);
}

static void *take_zeroed(size_t n, size_t size)
{
    size_t total;

    return __builtin_mul_overflow(n, size, &total) ? NULL : mem_new(total);
}

static void *crypto_take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return mem_resize(NULL, n);
}

static void *crypto_resize(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return mem_resize(p, n);
}

static void crypto_give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

void memory_of_libraries(void)
{
    json_set_alloc_funcs(take, free);
    CRYPTO_set_mem_functions(crypto_take, crypto_resize, crypto_give);
    uv_replace_allocator(take, mem_resize, take_zeroed, free);
}
