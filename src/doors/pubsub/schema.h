/*
 * schema.h - protobuf messages in and out, over protobuf-c, for input that nobody vouches for.
 *
 * Decoding is two passes. The first walks the bytes along the descriptor and refuses what protobuf-c would let
 * through: texts that are not UTF-8 or hold a zero character (protobuf-c's strings end there), groups, too deep
 * nesting. The second is protobuf-c's own, with an allocator that takes from one arena and stops at
 * PS_DECODED_BYTES_MAX: a megabyte of tiny elements must not become a gigabyte of structs.
 *
 * Thread: pure, the owner's.
 */
#ifndef DOORS_PUBSUB_SCHEMA_H
#define DOORS_PUBSUB_SCHEMA_H

#include "base/block.h"
#include "base/buf.h"
#include "base/mem.h"
#include "pubsub.pb-c.h"

/* The generated names carry the whole package; PB(Topic) is the struct of the message Topic. */
#define PB(name) Google__Pubsub__V1__##name
#define PB_STATE_ACTIVE GOOGLE__PUBSUB__V1__STATE__ACTIVE

enum { PS_DECODED_BYTES_MAX = 96 * 1024 * 1024 };

enum ps_decode_result {
    PS_DECODED,
    PS_MALFORMED,
    PS_NOT_UTF8,      /* or a zero character in a text that cannot have one */
    PS_TOO_MANY_PARTS /* it would take more than PS_DECODED_BYTES_MAX */
};

/* The message lives in the arena; *out is NULL when the result is not PS_DECODED. */
enum ps_decode_result ps_decode(struct arena *a, const ProtobufCMessageDescriptor *type, struct bytes in,
                                ProtobufCMessage **out);

/* Room for a message of this type, with its defaults. */
void *ps_message_new(struct arena *a, const ProtobufCMessageDescriptor *type);
/* Appends the encoding. */
void ps_encode(struct buf *out, const ProtobufCMessage *m);
/* The encoding as a block of the arena. */
struct bytes ps_encode_in(struct arena *a, const ProtobufCMessage *m);
/* Appends field number `id`, length-delimited, holding m. */
void ps_encode_field(struct buf *out, unsigned id, const ProtobufCMessage *m);

static inline struct bytes ps_bytes(ProtobufCBinaryData b)
{
    return bytes_of(b.data, b.len);
}

/* Borrows: protobuf-c does not write through it. */
static inline ProtobufCBinaryData ps_binary(struct bytes b)
{
    return (ProtobufCBinaryData){ b.len, (uint8_t *)(uintptr_t)b.at };
}

/* The buffer's bytes as a slice, without copying; the buffer is empty afterwards. */
struct slice ps_slice_take(struct buf *b);

#endif
