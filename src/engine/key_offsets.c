/* key_offsets.c - see key_offsets.h. */
#include "engine/key_offsets.h"
#include "base/mem.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct entry {
    uint64_t hash[2];
    uint64_t offset; /* + 1; 0: free */
};
_Static_assert(sizeof(struct entry) == KEY_OFFSETS_ENTRY_BYTES, "memory per key is a promise");

struct key_offsets {
    EVP_MD_CTX   *hasher;
    EVP_MD       *sha256;
    struct entry *entries;
    size_t        cap, count, count_max;
};

struct key_offsets *key_offsets_new(size_t bytes)
{
    struct key_offsets *m = mem_new(sizeof *m);

    m->cap = bytes / sizeof *m->entries;
    if (m->cap < 2)
        m->cap = 2;
    m->count_max = m->cap - m->cap / 10;
    if (m->count_max == m->cap) /* one is always free: a search ends there */
        m->count_max--;
    m->entries = mem_new(m->cap * sizeof *m->entries);
    m->hasher = EVP_MD_CTX_new();
    m->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(m->hasher && m->sha256);
    return m;
}

void key_offsets_free(struct key_offsets *m)
{
    if (!m)
        return;
    EVP_MD_CTX_free(m->hasher);
    EVP_MD_free(m->sha256);
    free(m->entries);
    free(m);
}

size_t key_offsets_room(const struct key_offsets *m)
{
    return m->count_max - m->count;
}

static void hash(struct key_offsets *m, uint64_t space, struct bytes key, uint64_t out[2])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    int     ok = EVP_DigestInit_ex2(m->hasher, m->sha256, NULL);

    ok = ok && EVP_DigestUpdate(m->hasher, &space, sizeof space);
    ok = ok && EVP_DigestUpdate(m->hasher, key.at, key.len);
    ok = ok && EVP_DigestFinal_ex(m->hasher, digest, NULL);
    assert(ok);
    memcpy(out, digest, 2 * sizeof *out);
}

/* The key's entry, or the free one where it belongs. */
static struct entry *find(struct key_offsets *m, uint64_t space, struct bytes key, uint64_t h[2])
{
    size_t i;

    hash(m, space, key, h);
    i = (size_t)(h[0] % m->cap);
    while (m->entries[i].offset > 0 &&
           (m->entries[i].hash[0] != h[0] || m->entries[i].hash[1] != h[1]))
        i = i + 1 < m->cap ? i + 1 : 0;
    return &m->entries[i];
}

void key_offsets_put(struct key_offsets *m, uint64_t space, struct bytes key, uint64_t offset)
{
    uint64_t      h[2];
    struct entry *e = find(m, space, key, h);

    if (e->offset == 0) {
        assert(m->count < m->count_max);
        m->count++;
        *e = (struct entry){ { h[0], h[1] }, 0 };
    }
    if (offset + 1 > e->offset)
        e->offset = offset + 1;
}

uint64_t key_offsets_get(struct key_offsets *m, uint64_t space, struct bytes key)
{
    uint64_t h[2];

    return find(m, space, key, h)->offset - 1;
}
