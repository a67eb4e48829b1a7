/* kafka_scram_fuzz.c - both messages of a SCRAM login, separated by a zero byte; the last "%" of the second stands for
 * the nonce that the client was given. */
#include "doors/kafka/scram.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void try(enum credential_kind kind, struct bytes first, struct bytes last)
{
    static const uint8_t secret[SCRAM_SECRET_BYTES], random[SCRAM_NONCE_BYTES], key[64];
    struct credential    c = { .iterations = 4096, .salt = bytes_of(key, 8) };
    struct scram        *s = scram_new(kind);
    struct buf           final, out;

    buf_init(&final);
    buf_init(&out);
    c.stored = c.server = bytes_of(key, password_hash_bytes(kind));
    if (scram_read_first(s, first)) {
        scram_challenge(s, first.len % 2 ? &c : NULL, secret, random);
        for (size_t i = 0; i < last.len; i++) {
            if (last.at[i] == '%')
                buf_bytes(&final, s->nonce);
            else
                buf_u8(&final, last.at[i]);
        }
        if (scram_read_final(s, buf_view(&final), &out))
            abort(); /* nobody can know a key whose hash is all zeroes */
    }
    buf_fini(&final);
    buf_fini(&out);
    scram_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    const uint8_t *zero = len > 0 ? memchr(at, 0, len) : NULL;
    size_t         first = zero ? (size_t)(zero - at) : len;
    struct bytes   last = zero ? bytes_of(zero + 1, len - first - 1) : bytes_of(NULL, 0);

    if (len > 16 * 1024)
        return 0;
    try(CREDENTIAL_SCRAM_SHA_256, bytes_of(at, first), last);
    try(CREDENTIAL_SCRAM_SHA_512, bytes_of(at, first), last);
    return 0;
}
