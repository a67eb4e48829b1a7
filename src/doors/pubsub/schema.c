/* schema.c - see schema.h. */
#include "doors/pubsub/schema.h"

#include <stdlib.h>

enum { DEPTH_MAX = 8, TAG_MAX = (1 << 29) - 1 };

enum wire_type { WIRE_VARINT, WIRE_64BIT, WIRE_LENGTH, WIRE_GROUP_BEGIN, WIRE_GROUP_END, WIRE_32BIT };

static enum ps_decode_result check(const ProtobufCMessageDescriptor *type, struct bytes in, unsigned depth);

static enum ps_decode_result check_length_delimited(const ProtobufCFieldDescriptor *field,
                                                    struct bytes value, unsigned depth)
{
    if (field && field->type == PROTOBUF_C_TYPE_STRING) {
        bool has_zero = value.len > 0 && memchr(value.at, 0, value.len);

        return bytes_is_utf8(value) && !has_zero ? PS_DECODED : PS_NOT_UTF8;
    }
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return check(field->descriptor, value, depth + 1);
    return PS_DECODED;
}

static enum ps_decode_result check_field(const ProtobufCMessageDescriptor *type, struct rd *r, unsigned depth)
{
    uint64_t     tag = rd_uvarint64(r);
    uint64_t     id = tag >> 3;
    struct bytes value = { 0 };

    if (r->failed || id == 0 || id > TAG_MAX)
        return PS_MALFORMED;
    switch ((enum wire_type)(tag & 7)) {
    case WIRE_VARINT:
        rd_uvarint64(r);
        break;
    case WIRE_64BIT:
        rd_bytes(r, 8);
        break;
    case WIRE_LENGTH:
        value = rd_bytes(r, rd_uvarint32(r));
        break;
    case WIRE_32BIT:
        rd_bytes(r, 4);
        break;
    case WIRE_GROUP_BEGIN:
    case WIRE_GROUP_END:
    default:
        return PS_MALFORMED;
    }
    if (r->failed)
        return PS_MALFORMED;
    if ((tag & 7) != WIRE_LENGTH)
        return PS_DECODED;
    return check_length_delimited(protobuf_c_message_descriptor_get_field(type, (unsigned)id), value, depth);
}

static enum ps_decode_result check(const ProtobufCMessageDescriptor *type, struct bytes in, unsigned depth)
{
    struct rd             r = rd_of(in);
    enum ps_decode_result result = PS_DECODED;

    if (depth > DEPTH_MAX)
        return PS_MALFORMED;
    while (result == PS_DECODED && rd_left(&r) > 0)
        result = check_field(type, &r, depth);
    return result;
}

struct bounded {
    struct arena *arena;
    size_t        left;
    bool          is_exhausted;
};

static void *bounded_alloc(void *ctx, size_t n)
{
    struct bounded *b = ctx;

    if (n > b->left) {
        b->is_exhausted = true;
        return NULL;
    }
    b->left -= n;
    return arena_new(b->arena, n);
}

/* The arena frees all at once. */
static void bounded_free(void *ctx, void *at)
{
    (void)ctx;
    (void)at;
}

enum ps_decode_result ps_decode(struct arena *a, const ProtobufCMessageDescriptor *type, struct bytes in,
                                ProtobufCMessage **out)
{
    struct bounded        bound = { a, PS_DECODED_BYTES_MAX, false };
    ProtobufCAllocator    allocator = { bounded_alloc, bounded_free, &bound };
    enum ps_decode_result result = check(type, in, 0);

    *out = NULL;
    if (result != PS_DECODED)
        return result;
    *out = protobuf_c_message_unpack(type, &allocator, in.len, in.at);
    if (*out)
        return PS_DECODED;
    return bound.is_exhausted ? PS_TOO_MANY_PARTS : PS_MALFORMED;
}

void *ps_message_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *m = arena_new(a, type->sizeof_message);

    protobuf_c_message_init(type, m);
    return m;
}

void ps_encode(struct buf *out, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);

    protobuf_c_message_pack(m, buf_grow(out, n));
}

struct bytes ps_encode_in(struct arena *a, const ProtobufCMessage *m)
{
    size_t   n = protobuf_c_message_get_packed_size(m);
    uint8_t *at = arena_new(a, n + 1); /* never null: an empty message is not an absent one */

    protobuf_c_message_pack(m, at);
    return bytes_of(at, n);
}

void ps_encode_field(struct buf *out, unsigned id, const ProtobufCMessage *m)
{
    buf_uvarint(out, (uint64_t)id << 3 | WIRE_LENGTH);
    buf_uvarint(out, protobuf_c_message_get_packed_size(m));
    ps_encode(out, m);
}

static void free_taken(struct block *b)
{
    free(b->at);
    free(b);
}

struct slice ps_slice_take(struct buf *b)
{
    struct block *block = mem_new(sizeof *block);
    struct slice  s = slice_of(block, b->at, b->len);

    block_init(block, b->at, b->cap, free_taken);
    buf_init(b);
    return s;
}
