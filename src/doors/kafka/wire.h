/*
 * wire.h - reads and writes Kafka's messages by table: one decoder, one encoder, for every API and
 * version.
 *
 * A layout says which fields a struct has, in the order of the wire, of what type, since and until
 * which version, and where in the C struct each lives. wire_decode fills such a struct from bytes,
 * wire_encode writes one. The layouts and their structs are made from one list (schema.h), so they
 * cannot disagree.
 *
 *   WI1  Decoded strings, bytes and records borrow from the input; arrays live in the arena. A
 *        version without a field leaves it zero (null).
 *   WI2  No count or length is believed before it was compared with what is left of the input, and
 *        all arrays of one message together take at most WIRE_DECODED_BYTES_MAX.
 *   WI3  Null where a version does not allow it is malformed when read, and empty when written.
 *   WI4  Records are not copied when written: the output notes where their slices go in.
 *   WI5  Tagged fields are skipped when read and not written, as if all had their defaults, but for
 *        structs that have a member for all of them (TAGS): its content is for whoever fills it in.
 *
 * "Flexible" versions (KIP-482) write lengths plus one as varints, 0 for null, and end each struct
 * with tagged fields.
 *
 * Thread: pure functions, any.
 */
#ifndef DOORS_KAFKA_WIRE_H
#define DOORS_KAFKA_WIRE_H

#include "base/block.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    WIRE_DECODED_BYTES_MAX = 16 * 1024 * 1024, /* 400,000 partitions, say */
    WIRE_NEVER = 127, /* as a version */
};

enum wire_type {
    WIRE_BOOL,    /* bool */
    WIRE_I8,      /* int8_t */
    WIRE_I16,     /* int16_t */
    WIRE_I32,     /* int32_t */
    WIRE_I64,     /* int64_t */
    WIRE_UUID,    /* struct uuid */
    WIRE_STRING,  /* struct bytes */
    WIRE_BYTES,   /* struct bytes */
    WIRE_RECORDS, /* struct bytes: a produce request's, borrowed */
    WIRE_SLICES,  /* struct wire_slices: a fetch response's, sent without copying */
    WIRE_I32S,    /* struct wire_i32s */
    WIRE_I64S,    /* struct wire_i64s */
    WIRE_I8S,     /* struct wire_i8s */
    WIRE_STRINGS, /* struct wire_strings */
    WIRE_ARRAY,   /* struct { size_t count; struct x *at; }; null when at is NULL */
    WIRE_STRUCT,  /* struct x *: NULL is null. In versions where it is never null nothing marks that it is there */
    WIRE_TAGS,    /* struct bytes: the tagged fields of its struct as they are on the wire, its last member */
    WIRE_TYPE_COUNT
};

struct wire_slices {
    size_t              count;
    const struct slice *at;
};
struct wire_i32s {
    size_t   count;
    int32_t *at;
};
struct wire_i64s {
    size_t   count;
    int64_t *at;
};
struct wire_i8s {
    size_t  count;
    int8_t *at;
};
struct wire_strings {
    size_t        count;
    struct bytes *at;
};

struct wire_field {
    const char               *name;
    enum wire_type            type;
    int8_t                    since, until; /* versions, both included */
    int8_t                    nullable_since;
    uint16_t                  offset;
    const struct wire_layout *element; /* of WIRE_ARRAY and WIRE_STRUCT */
};

struct wire_layout {
    const char              *name;
    size_t                   size;
    size_t                   field_count;
    const struct wire_field *fields;
};

/* Which dialect of a layout is meant. */
struct wire_version {
    int16_t number;
    bool    is_flexible;
};

/* Fills out (layout->size bytes). False: the input is malformed or over a limit. */
MUST_CHECK bool wire_decode(const struct wire_layout *layout, struct wire_version v, struct rd *in,
                            struct arena *arena, void *out);

/* Encoded bytes with slices to be inserted: what leaves is at[0, cuts[0].at), cuts[0].slice,
 * at[cuts[0].at, cuts[1].at) ... */
struct wire_cut {
    size_t       at;
    struct slice slice; /* not held by the output */
};
struct wire_out {
    struct buf       bytes;
    struct wire_cut *cuts;
    size_t           cut_count, cut_cap;
    size_t           cut_bytes; /* of all slices */
};
void wire_out_init(struct wire_out *o);
void wire_out_fini(struct wire_out *o);
void wire_encode(const struct wire_layout *layout, struct wire_version v, const void *in,
                 struct wire_out *out);

/* Tagged fields: skipped, or none. */
void wire_skip_tags(struct rd *in);

#endif
