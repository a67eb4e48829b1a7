/* ids.c - see ids.h. The generator is xoshiro256** seeded by splitmix64 (Blackman and Vigna). */
#include "doors/sqs/ids.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>

static uint64_t spread(uint64_t *seed)
{
    uint64_t v = *seed += 0x9e3779b97f4a7c15ull;

    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
    v = (v ^ v >> 27) * 0x94d049bb133111ebull;
    return v ^ v >> 31;
}

void ids_init(struct ids *ids, uint64_t seed)
{
    for (size_t i = 0; i < COUNT(ids->state); i++)
        ids->state[i] = spread(&seed);
}

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static uint64_t next(struct ids *ids)
{
    uint64_t *s = ids->state;
    uint64_t  result = rotate(s[1] * 5, 7) * 9;
    uint64_t  t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static void set_version(struct uuid *id, uint8_t version)
{
    id->at[6] = (uint8_t)((id->at[6] & 0x0f) | version << 4);
    id->at[8] = (uint8_t)((id->at[8] & 0x3f) | 0x80);
}

struct uuid ids_next(struct ids *ids)
{
    struct uuid id;

    put_u64(id.at, next(ids));
    put_u64(id.at + 8, next(ids));
    set_version(&id, 4);
    return id;
}

struct uuid ids_of_place(const struct uuid *topic, uint32_t partition, uint64_t offset)
{
    uint8_t     place[28], digest[32];
    struct uuid id;
    int         ok;

    memcpy(place, topic->at, 16);
    put_u32(place + 16, partition);
    put_u64(place + 20, offset);
    ok = EVP_Digest(place, sizeof place, digest, NULL, EVP_sha256(), NULL);
    assert(ok);
    memcpy(id.at, digest, sizeof id.at);
    set_version(&id, 8);
    return id;
}

void uuid_format(const struct uuid *id, char out[UUID_TEXT_BYTES])
{
    const uint8_t *b = id->at;

    snprintf(out, UUID_TEXT_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}
