/*
 * consumer_protocol.c - what classic members of the protocol type "consumer" tell each other: which topics they read
 * and which partitions they have got. Groups in which both protocols meet read and write it; else it is opaque.
 *
 * subscription: version i16 | topics i32 { text } | user data i32 bytes | from 1 on: owned i32 { text, i32 { i32 } } |
 * from 2 on: generation i32 | from 3 on: rack, text. assignment: version i16 | i32 { text topic, i32 { i32
 * partition } } | user data i32 bytes. A text is an i16 length and the bytes; -1 is null. Newer versions may add to
 * the end.
 *
 * Thread: any.
 */
#include "engine/consumer_group.h"

enum { SAYS_OWNED = 1, SAYS_GENERATION = 2, SAYS_RACK = 3, NULL_LENGTH = 0xffff, VERSION_MAX = 3 };

static struct bytes read_text(struct rd *r)
{
    uint16_t len = rd_u16(r);

    return len == NULL_LENGTH ? (struct bytes){ 0 } : rd_bytes(r, len);
}

/* A count of things of so many octets at least. */
static size_t read_count(struct rd *r, size_t octets)
{
    uint32_t count = rd_u32(r);

    if (count > rd_left(r) / octets) {
        rd_fail(r);
        return 0;
    }
    return count;
}

static void skip_user_data(struct rd *r)
{
    uint32_t len = rd_u32(r);

    if (len != UINT32_MAX)
        rd_bytes(r, len);
}

static struct topic_parts *read_parts(struct rd *r, struct arena *arena, size_t *count)
{
    struct topic_parts *parts;

    *count = read_count(r, 6);
    parts = arena_array(arena, *count + 1, sizeof *parts);
    for (size_t i = 0; i < *count && !r->failed; i++) {
        parts[i].name = read_text(r);
        parts[i].count = read_count(r, 4);
        parts[i].partitions = arena_array(arena, parts[i].count + 1, sizeof *parts[i].partitions);
        for (size_t k = 0; k < parts[i].count; k++)
            parts[i].partitions[k] = (int32_t)rd_u32(r);
    }
    return parts;
}

bool consumer_subscription_read(struct bytes metadata, struct arena *arena, struct consumer_subscription *out)
{
    struct rd r = rd_of(metadata);
    int       version = (int16_t)rd_u16(&r);

    *out = (struct consumer_subscription){ .version = version < VERSION_MAX ? version : VERSION_MAX };
    out->name_count = read_count(&r, 2);
    out->names = arena_array(arena, out->name_count + 1, sizeof *out->names);
    for (size_t i = 0; i < out->name_count; i++)
        out->names[i] = read_text(&r);
    skip_user_data(&r);
    if (version >= SAYS_OWNED)
        out->owned = read_parts(&r, arena, &out->owned_count);
    if (version >= SAYS_GENERATION)
        rd_u32(&r);
    if (version >= SAYS_RACK)
        out->rack = read_text(&r);
    return version >= 0 && !r.failed;
}

bool consumer_assignment_read(struct bytes assignment, struct arena *arena, struct topic_parts **out, size_t *count)
{
    struct rd r = rd_of(assignment);
    int       version;

    *count = 0;
    if (assignment.len == 0)
        return true; /* none yet */
    version = (int16_t)rd_u16(&r);
    *out = read_parts(&r, arena, count);
    if (r.failed || version < 0)
        *count = 0;
    return version >= 0 && !r.failed;
}

struct bytes consumer_assignment_write(struct arena *arena, const struct topic_parts *parts, size_t count, int version)
{
    struct bytes kept;
    struct buf   out;

    buf_init(&out);
    buf_u16(&out, (uint16_t)version);
    buf_u32(&out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        buf_u16(&out, (uint16_t)parts[i].name.len);
        buf_bytes(&out, parts[i].name);
        buf_u32(&out, (uint32_t)parts[i].count);
        for (size_t k = 0; k < parts[i].count; k++)
            buf_u32(&out, (uint32_t)parts[i].partitions[k]);
    }
    buf_u32(&out, UINT32_MAX); /* user data: null */
    kept = arena_bytes(arena, buf_view(&out));
    buf_fini(&out);
    return kept;
}
