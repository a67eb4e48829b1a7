/* wire.c - see wire.h. */
#include "doors/kafka/wire.h"

#include <assert.h>
#include <stdlib.h>

enum { UUID_BYTES = 16 };

/* What WIRE_STRINGS holds. */
static const struct wire_field string_element = {
    "", WIRE_STRING, 0, WIRE_NEVER, WIRE_NEVER, 0, NULL,
};

/* Every array of the C structs looks like this one. */
struct array {
    size_t count;
    void  *at;
};

/* ---- decode ---- */

struct decoder {
    struct wire_version v;
    struct rd          *in;
    struct arena       *arena;
    size_t              left; /* of WIRE_DECODED_BYTES_MAX */
};

static void decode_struct(struct decoder *d, const struct wire_layout *layout, uint8_t *out);

void wire_skip_tags(struct rd *in)
{
    uint32_t count = rd_uvarint32(in);

    for (; count > 0 && !in->failed; count--) {
        rd_uvarint32(in); /* the tag */
        rd_bytes(in, rd_uvarint32(in));
    }
}

static bool is_nullable(const struct wire_field *f, struct wire_version v)
{
    return v.number >= f->nullable_since;
}

/* A length or count: -1 for null. Anything that cannot be is a failure. */
static int64_t decode_length(struct decoder *d, const struct wire_field *f)
{
    int64_t n;

    if (d->v.is_flexible)
        n = (int64_t)rd_uvarint32(d->in) - 1;
    else if (f->type == WIRE_STRING)
        n = (int16_t)rd_u16(d->in);
    else
        n = (int32_t)rd_u32(d->in);
    if (d->in->failed)
        return -1;
    if (n < -1 || (n == -1 && !is_nullable(f, d->v)) || n > (int64_t)rd_left(d->in) ||
        (f->type == WIRE_STRING && n > INT16_MAX))
        rd_fail(d->in);
    return d->in->failed ? -1 : n;
}

static struct bytes decode_bytes(struct decoder *d, const struct wire_field *f)
{
    int64_t n = decode_length(d, f);

    return n < 0 ? (struct bytes){ 0 } : rd_bytes(d->in, (size_t)n);
}

/* Room for an array of what decode_length allowed: every element takes at least one byte of the
 * input. */
static struct array decode_array_room(struct decoder *d, const struct wire_field *f, size_t size)
{
    int64_t      n = decode_length(d, f);
    struct array a = { 0 };

    if (n < 0)
        return a;
    if ((uint64_t)n > d->left / size) {
        rd_fail(d->in);
        return a;
    }
    d->left -= (size_t)n * size;
    a.count = (size_t)n;
    a.at = arena_array(d->arena, a.count ? a.count : 1, size); /* empty is not null */
    return a;
}

static struct array decode_i32s(struct decoder *d, const struct wire_field *f)
{
    struct array a = decode_array_room(d, f, sizeof(int32_t));

    for (size_t i = 0; i < a.count && !d->in->failed; i++)
        ((int32_t *)a.at)[i] = (int32_t)rd_u32(d->in);
    return a;
}

static struct array decode_i64s(struct decoder *d, const struct wire_field *f)
{
    struct array a = decode_array_room(d, f, sizeof(int64_t));

    for (size_t i = 0; i < a.count && !d->in->failed; i++)
        ((int64_t *)a.at)[i] = (int64_t)rd_u64(d->in);
    return a;
}

static struct array decode_i8s(struct decoder *d, const struct wire_field *f)
{
    struct array a = decode_array_room(d, f, sizeof(int8_t));

    for (size_t i = 0; i < a.count && !d->in->failed; i++)
        ((int8_t *)a.at)[i] = (int8_t)rd_u8(d->in);
    return a;
}

static struct array decode_strings(struct decoder *d, const struct wire_field *f)
{
    struct array a = decode_array_room(d, f, sizeof(struct bytes));

    for (size_t i = 0; i < a.count && !d->in->failed; i++)
        ((struct bytes *)a.at)[i] = decode_bytes(d, &string_element);
    return a;
}

static struct array decode_structs(struct decoder *d, const struct wire_field *f)
{
    struct array a = decode_array_room(d, f, f->element->size);

    for (size_t i = 0; i < a.count && !d->in->failed; i++)
        decode_struct(d, f->element, (uint8_t *)a.at + i * f->element->size);
    return a;
}

/* Structs that may be null have a byte before them: 1, or -1 for null. */
static void *decode_option(struct decoder *d, const struct wire_field *f)
{
    int8_t mark = is_nullable(f, d->v) ? (int8_t)rd_u8(d->in) : 1;
    void  *at;

    if (mark < 0 || d->in->failed)
        return NULL;
    if (f->element->size > d->left) {
        rd_fail(d->in);
        return NULL;
    }
    d->left -= f->element->size;
    at = arena_new(d->arena, f->element->size);
    decode_struct(d, f->element, at);
    return at;
}

static void decode_number(struct decoder *d, const struct wire_field *f, uint8_t *to)
{
    uint8_t  u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch ((int)f->type) {
    case WIRE_BOOL:
        *(bool *)to = rd_u8(d->in) != 0;
        break;
    case WIRE_I8:
        u8 = rd_u8(d->in);
        memcpy(to, &u8, sizeof u8);
        break;
    case WIRE_I16:
        u16 = rd_u16(d->in);
        memcpy(to, &u16, sizeof u16);
        break;
    case WIRE_I32:
        u32 = rd_u32(d->in);
        memcpy(to, &u32, sizeof u32);
        break;
    default:
        u64 = rd_u64(d->in);
        memcpy(to, &u64, sizeof u64);
        break;
    }
}

static void decode_field(struct decoder *d, const struct wire_field *f, uint8_t *to)
{
    struct bytes b;
    struct array a;
    void        *option;

    switch (f->type) {
    case WIRE_BOOL:
    case WIRE_I8:
    case WIRE_I16:
    case WIRE_I32:
    case WIRE_I64:
        decode_number(d, f, to);
        return;
    case WIRE_UUID:
        b = rd_bytes(d->in, UUID_BYTES);
        if (!d->in->failed)
            memcpy(to, b.at, UUID_BYTES);
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        b = decode_bytes(d, f);
        memcpy(to, &b, sizeof b);
        return;
    case WIRE_I32S:
        a = decode_i32s(d, f);
        break;
    case WIRE_I64S:
        a = decode_i64s(d, f);
        break;
    case WIRE_I8S:
        a = decode_i8s(d, f);
        break;
    case WIRE_STRINGS:
        a = decode_strings(d, f);
        break;
    case WIRE_ARRAY:
        a = decode_structs(d, f);
        break;
    case WIRE_STRUCT:
        option = decode_option(d, f);
        memcpy(to, &option, sizeof option);
        return;
    case WIRE_TAGS:   /* where they end is known only now */
    case WIRE_SLICES: /* only ever written */
    case WIRE_TYPE_COUNT:
    default:
        rd_fail(d->in);
        return;
    }
    memcpy(to, &a, sizeof a);
}

static bool has_field(const struct wire_field *f, struct wire_version v)
{
    return v.number >= f->since && v.number <= f->until;
}

/* The member for tagged fields, or NULL. */
static const struct wire_field *tags_of(const struct wire_layout *layout)
{
    const struct wire_field *last = layout->fields + layout->field_count - 1;

    return layout->field_count > 0 && last->type == WIRE_TAGS ? last : NULL;
}

static void decode_tags(struct decoder *d, const struct wire_layout *layout, uint8_t *out)
{
    const struct wire_field *f = tags_of(layout);
    const uint8_t           *at = d->in->at;
    struct bytes             tags;

    wire_skip_tags(d->in);
    tags = bytes_of(at, d->in->failed ? 0 : (size_t)(d->in->at - at));
    if (f)
        memcpy(out + f->offset, &tags, sizeof tags);
}

static void decode_struct(struct decoder *d, const struct wire_layout *layout, uint8_t *out)
{
    for (size_t i = 0; i < layout->field_count && !d->in->failed; i++) {
        const struct wire_field *f = &layout->fields[i];

        if (has_field(f, d->v) && f->type != WIRE_TAGS)
            decode_field(d, f, out + f->offset);
    }
    if (d->v.is_flexible)
        decode_tags(d, layout, out);
}

bool wire_decode(const struct wire_layout *layout, struct wire_version v, struct rd *in,
                 struct arena *arena, void *out)
{
    struct decoder d = { v, in, arena, WIRE_DECODED_BYTES_MAX };

    memset(out, 0, layout->size);
    decode_struct(&d, layout, out);
    return !in->failed;
}

/* ---- encode ---- */

struct encoder {
    struct wire_version v;
    struct wire_out    *out;
};

static void encode_struct(struct encoder *en, const struct wire_layout *layout, const uint8_t *in);

void wire_out_init(struct wire_out *o)
{
    *o = (struct wire_out){ 0 };
    buf_init(&o->bytes);
}

void wire_out_fini(struct wire_out *o)
{
    buf_fini(&o->bytes);
    free(o->cuts);
}

static void encode_length(struct encoder *en, enum wire_type type, int64_t n)
{
    if (en->v.is_flexible)
        buf_uvarint(&en->out->bytes, (uint64_t)(n + 1));
    else if (type == WIRE_STRING)
        buf_u16(&en->out->bytes, (uint16_t)n);
    else
        buf_u32(&en->out->bytes, (uint32_t)n);
}

static void encode_bytes(struct encoder *en, const struct wire_field *f, struct bytes b)
{
    if (bytes_is_null(b) && is_nullable(f, en->v)) {
        encode_length(en, f->type, -1);
        return;
    }
    assert(f->type != WIRE_STRING || b.len <= INT16_MAX);
    encode_length(en, f->type, (int64_t)b.len);
    buf_bytes(&en->out->bytes, b);
}

static void add_cut(struct wire_out *o, struct slice s)
{
    if (o->cut_count == o->cut_cap) {
        o->cut_cap = o->cut_cap ? 2 * o->cut_cap : 16;
        o->cuts = mem_resize(o->cuts, o->cut_cap * sizeof *o->cuts);
    }
    o->cuts[o->cut_count++] = (struct wire_cut){ o->bytes.len, s };
    o->cut_bytes += s.bytes.len;
}

static void encode_slices(struct encoder *en, const struct wire_field *f, struct wire_slices s)
{
    int64_t total = 0;

    for (size_t i = 0; i < s.count; i++)
        total += (int64_t)s.at[i].bytes.len;
    encode_length(en, f->type, total);
    for (size_t i = 0; i < s.count; i++)
        add_cut(en->out, s.at[i]);
}

static void encode_array(struct encoder *en, const struct wire_field *f, struct array a)
{
    if (!a.at && is_nullable(f, en->v)) {
        encode_length(en, f->type, -1);
        return;
    }
    encode_length(en, f->type, (int64_t)a.count);
    for (size_t i = 0; i < a.count; i++) {
        if (f->type == WIRE_I32S)
            buf_u32(&en->out->bytes, (uint32_t)((int32_t *)a.at)[i]);
        else if (f->type == WIRE_I64S)
            buf_u64(&en->out->bytes, (uint64_t)((int64_t *)a.at)[i]);
        else if (f->type == WIRE_I8S)
            buf_u8(&en->out->bytes, (uint8_t)((int8_t *)a.at)[i]);
        else if (f->type == WIRE_STRINGS)
            encode_bytes(en, &string_element, ((struct bytes *)a.at)[i]);
        else
            encode_struct(en, f->element, (const uint8_t *)a.at + i * f->element->size);
    }
}

enum { EMPTY_BYTES_MAX = 64 }; /* of a struct that is written when it is not there */

static void encode_option(struct encoder *en, const struct wire_field *f, const void *at)
{
    static _Alignas(16) const uint8_t empty[EMPTY_BYTES_MAX];

    if (is_nullable(f, en->v)) {
        buf_u8(&en->out->bytes, at ? 1 : UINT8_MAX);
    } else {
        assert(f->element->size <= sizeof empty);
        at = at ? at : empty; /* WI3 */
    }
    if (at)
        encode_struct(en, f->element, at);
}

static void encode_number(struct encoder *en, const struct wire_field *f, const uint8_t *from)
{
    struct buf *b = &en->out->bytes;
    uint16_t    u16;
    uint32_t    u32;
    uint64_t    u64;

    switch ((int)f->type) {
    case WIRE_BOOL:
        buf_u8(b, *(const bool *)from);
        break;
    case WIRE_I8:
        buf_u8(b, *from);
        break;
    case WIRE_I16:
        memcpy(&u16, from, sizeof u16);
        buf_u16(b, u16);
        break;
    case WIRE_I32:
        memcpy(&u32, from, sizeof u32);
        buf_u32(b, u32);
        break;
    default:
        memcpy(&u64, from, sizeof u64);
        buf_u64(b, u64);
        break;
    }
}

static void encode_field(struct encoder *en, const struct wire_field *f, const uint8_t *from)
{
    struct bytes       b;
    struct array       a;
    struct wire_slices s;
    const void        *option;

    switch (f->type) {
    case WIRE_BOOL:
    case WIRE_I8:
    case WIRE_I16:
    case WIRE_I32:
    case WIRE_I64:
        encode_number(en, f, from);
        break;
    case WIRE_UUID:
        buf_add(&en->out->bytes, from, UUID_BYTES);
        break;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        memcpy(&b, from, sizeof b);
        encode_bytes(en, f, b);
        break;
    case WIRE_SLICES:
        memcpy(&s, from, sizeof s);
        encode_slices(en, f, s);
        break;
    case WIRE_STRUCT:
        memcpy(&option, from, sizeof option);
        encode_option(en, f, option);
        break;
    case WIRE_I32S:
    case WIRE_I64S:
    case WIRE_I8S:
    case WIRE_STRINGS:
    case WIRE_ARRAY:
        memcpy(&a, from, sizeof a);
        encode_array(en, f, a);
        break;
    case WIRE_TAGS: /* encode_tags */
    case WIRE_TYPE_COUNT:
    default:
        assert(false);
    }
}

static void encode_tags(struct encoder *en, const struct wire_layout *layout, const uint8_t *in)
{
    const struct wire_field *f = tags_of(layout);
    struct bytes             tags = { 0 };

    if (f)
        memcpy(&tags, in + f->offset, sizeof tags);
    if (tags.len > 0)
        buf_bytes(&en->out->bytes, tags);
    else
        buf_u8(&en->out->bytes, 0);
}

static void encode_struct(struct encoder *en, const struct wire_layout *layout, const uint8_t *in)
{
    for (size_t i = 0; i < layout->field_count; i++) {
        const struct wire_field *f = &layout->fields[i];

        if (has_field(f, en->v) && f->type != WIRE_TAGS)
            encode_field(en, f, in + f->offset);
    }
    if (en->v.is_flexible)
        encode_tags(en, layout, in);
}

void wire_encode(const struct wire_layout *layout, struct wire_version v, const void *in,
                 struct wire_out *out)
{
    struct encoder en = { v, out };

    encode_struct(&en, layout, in);
}
