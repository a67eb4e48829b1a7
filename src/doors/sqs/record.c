/* record.c - see record.h. */
#include "doors/sqs/record.h"
#include "base/base64.h"
#include "doors/sqs/ids.h"
#include "doors/sqs/legal.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#define ENCODING_NAME "myna-encoding"
#define PACKED_NAME "myna-headers"

enum { NATIVE_VERSION = 1 };
enum native_kind {
    NATIVE_ID = 1,
    NATIVE_SENDER = 2,
    NATIVE_TRACE = 3,
    NATIVE_TYPE = 4,
    NATIVE_HISTORY = 5
};
enum { HISTORY_FIXED_BYTES = 20 };

/* ---- writing ---- */

static void add_field(struct buf *b, enum native_kind kind, struct bytes value)
{
    buf_u8(b, (uint8_t)kind);
    buf_uvarint(b, value.len);
    buf_bytes(b, value);
}

static void add_history(struct buf *b, const struct sqs_history *h)
{
    buf_u8(b, NATIVE_HISTORY);
    buf_uvarint(b, HISTORY_FIXED_BYTES + h->source_arn.len);
    buf_u32(b, h->receives);
    buf_u64(b, (uint64_t)h->first_receive_ms);
    buf_u64(b, (uint64_t)h->sent_ms);
    buf_bytes(b, h->source_arn);
}

static void write_native(struct buf *b, const struct sqs_message *m)
{
    buf_u8(b, NATIVE_VERSION);
    add_field(b, NATIVE_ID, bytes_of(m->id.at, sizeof m->id.at));
    add_field(b, NATIVE_SENDER, m->sender);
    if (!bytes_is_null(m->trace))
        add_field(b, NATIVE_TRACE, m->trace);
    for (size_t i = 0; i < m->attribute_count; i++)
        add_field(b, NATIVE_TYPE, m->attributes[i].type);
    if (!bytes_is_null(m->history.source_arn))
        add_history(b, &m->history);
}

void record_write(struct batch_writer *w, int64_t now_ms, const struct sqs_message *m)
{
    struct header headers[SQS_ATTRIBUTES_MAX + 1];
    struct buf    native;
    size_t        n = 0;

    assert(m->attribute_count <= SQS_ATTRIBUTES_MAX);
    for (; n < m->attribute_count; n++)
        headers[n] = (struct header){ m->attributes[n].name, m->attributes[n].value };
    buf_init(&native);
    write_native(&native, m);
    headers[n++] = (struct header){ bytes_str(message_native_name(DOOR_SQS)), buf_view(&native) };
    batch_add(w, now_ms, m->group_id, m->body, headers, n);
    buf_fini(&native);
}

/* ---- reading what SQS wrote ---- */

static bool has_legal_type(const struct sqs_attribute *t)
{
    static const char *const prefixes[] = { "String", "Number", "Binary" };

    for (size_t i = 0; i < COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);

        if (bytes_starts(t->type, prefixes[i]) && (t->type.len == n || t->type.at[n] == '.'))
            return t->type.len <= ATTRIBUTE_TYPE_BYTES_MAX && legal_text(t->type);
    }
    return false;
}

static bool is_legal(const struct sqs_attribute *t)
{
    return has_legal_type(t) && t->value.len > 0 && legal_attribute_name(t->name) &&
           (sqs_attribute_is_binary(t) || legal_text(t->value));
}

static bool read_history(struct bytes value, struct sqs_history *out)
{
    struct rd r = rd_of(value);

    out->receives = rd_u32(&r);
    out->first_receive_ms = (int64_t)rd_u64(&r);
    out->sent_ms = (int64_t)rd_u64(&r);
    out->source_arn = rd_bytes(&r, rd_left(&r));
    return !r.failed && legal_text(out->source_arn);
}

/* One field; false: the native part is not ours. */
static bool read_field(enum native_kind kind, struct bytes value, const struct message *in,
                       struct sqs_message *out)
{
    switch (kind) {
    case NATIVE_ID:
        if (value.len != sizeof out->id.at)
            return false;
        memcpy(out->id.at, value.at, value.len);
        return true;
    case NATIVE_SENDER:
        out->sender = value;
        return legal_text(value);
    case NATIVE_TRACE:
        out->trace = value;
        return legal_text(value);
    case NATIVE_HISTORY:
        return read_history(value, &out->history);
    case NATIVE_TYPE:
        if (out->attribute_count >= SQS_ATTRIBUTES_MAX || out->attribute_count >= in->header_count)
            return false;
        out->attributes[out->attribute_count] =
            (struct sqs_attribute){ in->headers[out->attribute_count].name, value,
                                    in->headers[out->attribute_count].value };
        return is_legal(&out->attributes[out->attribute_count++]);
    }
    return true;
}

static bool read_own(const struct message *in, struct sqs_message *out)
{
    struct rd r = rd_of(in->native);
    bool      has_id = false;

    *out = (struct sqs_message){ .body = in->value };
    if (rd_u8(&r) != NATIVE_VERSION || in->value.len == 0 || !legal_text(in->value))
        return false;
    while (rd_left(&r) > 0) {
        uint8_t      kind = rd_u8(&r);
        uint64_t     len = rd_uvarint64(&r);
        struct bytes value = rd_bytes(&r, len);

        if (r.failed || !read_field((enum native_kind)kind, value, in, out))
            return false;
        has_id = has_id || kind == NATIVE_ID;
    }
    return !r.failed && has_id && out->attribute_count == in->header_count;
}

/* ---- reading what another door wrote ---- */

static struct bytes to_base64(struct arena *a, struct bytes b)
{
    struct buf   text;
    struct bytes copy;

    buf_init(&text);
    base64_format(&text, b);
    copy = arena_bytes(a, buf_view(&text));
    buf_fini(&text);
    return copy;
}

static void add_attribute(struct sqs_message *m, struct bytes name, const char *type,
                          struct bytes value)
{
    assert(m->attribute_count < SQS_ATTRIBUTES_MAX);
    m->attributes[m->attribute_count++] = (struct sqs_attribute){ name, bytes_str(type), value };
}

/* A header that can be an attribute as it is, and is not one already. */
static bool is_mappable(const struct header *h, const struct sqs_message *m)
{
    if (h->value.len == 0 || !legal_attribute_name(h->name) ||
        bytes_eq_str(h->name, ENCODING_NAME) || bytes_eq_str(h->name, PACKED_NAME))
        return false;
    for (size_t i = 0; i < m->attribute_count; i++)
        if (bytes_eq(m->attributes[i].name, h->name))
            return false;
    return true;
}

static json_t *json_of(struct arena *a, struct bytes b)
{
    struct bytes text;

    if (bytes_is_null(b))
        return json_null();
    if (bytes_is_utf8(b))
        return json_stringn_nocheck((const char *)b.at, b.len);
    text = to_base64(a, b);
    return json_pack("{s:s%}", "base64", (const char *)text.at, text.len);
}

/* Takes over packed, the pairs that did not fit. */
static void add_packed(struct arena *a, struct sqs_message *m, json_t *packed)
{
    char *text = json_dumps(packed, JSON_COMPACT);

    add_attribute(m, bytes_str(PACKED_NAME), "String", arena_bytes(a, bytes_str(text)));
    free(text);
    json_decref(packed);
}

/* Maps headers until only room for `keep` attributes is left; the rest goes into packed. */
static json_t *map_headers(struct arena *a, const struct message *in, size_t keep,
                           struct sqs_message *out)
{
    json_t *packed = json_array();

    for (size_t i = 0; i < in->header_count; i++) {
        const struct header *h = &in->headers[i];
        json_t              *pair;

        if (out->attribute_count + keep < SQS_ATTRIBUTES_MAX && is_mappable(h, out)) {
            add_attribute(out, h->name, legal_text(h->value) ? "String" : "Binary", h->value);
            continue;
        }
        pair = json_array();
        json_array_append_new(pair, json_of(a, h->name));
        json_array_append_new(pair, json_of(a, h->value));
        json_array_append_new(packed, pair);
    }
    return packed;
}

static void read_headers(struct arena *a, const struct message *in, struct sqs_message *out)
{
    size_t  before = out->attribute_count;
    json_t *packed = map_headers(a, in, 0, out);

    /* The packed attribute needs a place itself: do it again with one fewer. */
    if (json_array_size(packed) > 0 && out->attribute_count == SQS_ATTRIBUTES_MAX) {
        json_decref(packed);
        out->attribute_count = before;
        packed = map_headers(a, in, 1, out);
    }
    if (json_array_size(packed) > 0)
        add_packed(a, out, packed);
    else
        json_decref(packed);
}

static void read_foreign(struct arena *a, const struct message *in, const struct place *place,
                         struct sqs_message *out)
{
    *out = (struct sqs_message){ .id = ids_of_place(&place->topic, place->partition, place->offset),
                                 .sender = place->account,
                                 .body = in->value };
    if (!legal_text(in->value)) {
        out->body = to_base64(a, in->value);
        add_attribute(out, bytes_str(ENCODING_NAME), "String", bytes_str("base64"));
    }
    read_headers(a, in, out);
}

void record_read(struct arena *a, const struct message *in, const struct place *place,
                 struct sqs_message *out)
{
    if (in->origin != DOOR_SQS || !read_own(in, out))
        read_foreign(a, in, place, out);
    if (legal_group_id(in->key))
        out->group_id = in->key;
}

void record_unreadable(const struct place *place, struct sqs_message *out)
{
    *out = (struct sqs_message){ .id = ids_of_place(&place->topic, place->partition, place->offset),
                                 .sender = place->account };
    add_attribute(out, bytes_str("myna-error"), "String",
                  bytes_str("the stored record cannot be read"));
}
