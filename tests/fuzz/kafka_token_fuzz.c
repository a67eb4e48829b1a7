/* kafka_token_fuzz.c - up to the first zero byte a set of keys, behind it a token. One that is taken names somebody. */
#include "doors/token.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    const uint8_t     *zero = len > 0 ? memchr(at, 0, len) : NULL;
    size_t             first = zero ? (size_t)(zero - at) : len;
    struct bytes       text = zero ? bytes_of(zero + 1, len - first - 1) : bytes_of(at, len);
    struct token_rules rules = { "i", "a" };
    struct token_keys *keys;
    struct arena       arena;
    struct token       token;
    const char        *why;

    if (len > 64 * 1024 || token_keys_parse(&keys, bytes_of(at, first), &why) != ERR_OK)
        return 0;
    arena_init(&arena);
    why = token_verify(keys, len % 2 ? &rules : &(struct token_rules){ 0 }, text, 1700000000000, &arena, &token);
    if (!why && token.subject.len == 0)
        abort();
    arena_fini(&arena);
    token_keys_free(keys);
    return 0;
}
