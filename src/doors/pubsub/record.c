/* record.c - see record.h. */
#include "doors/pubsub/record.h"

#include "base/base64.h"

#include <assert.h>
#include <stdio.h>

#define KEY_ATTRIBUTE "myna-key"
#define BASE64_ATTRIBUTE "myna-base64"
#define LEFT_OUT_ATTRIBUTE "myna-left-out"

enum {
    PARTITION_SHIFT = 48,
    OWN_ATTRIBUTES = 3,      /* the three above */
    HEADERS_SEEN_MAX = 1000, /* looking for equal names is quadratic */
};

uint64_t ps_message_id(uint32_t partition, uint64_t offset)
{
    return ((uint64_t)partition << PARTITION_SHIFT) + offset;
}

/* ---- to a record ---- */

static bool is_reserved(struct bytes name)
{
    int door;

    for (door = 0; door < DOOR_COUNT; door++) {
        const char *reserved = message_native_name((enum door)door);

        if (reserved && bytes_eq_str(name, reserved))
            return true;
    }
    return false;
}

static void add_native_attribute(struct buf *native, struct bytes key, struct bytes value)
{
    buf_uvarint(native, key.len);
    buf_bytes(native, key);
    buf_uvarint(native, value.len);
    buf_bytes(native, value);
}

/* A map on the wire may repeat a key; the last one counts. */
static bool is_overridden(const PB(PubsubMessage) *m, size_t at)
{
    size_t i;

    for (i = at + 1; i < m->n_attributes; i++)
        if (bytes_eq(ps_bytes(m->attributes[i]->key), ps_bytes(m->attributes[at]->key)))
            return true;
    return false;
}

void ps_record_add(struct batch_writer *w, int64_t timestamp_ms, const PB(PubsubMessage) *m)
{
    static const uint8_t empty[1];
    struct header        headers[PS_ATTRIBUTES_MAX + 1];
    struct bytes         key = ps_bytes(m->ordering_key);
    struct buf           native;
    size_t               count = 0;
    size_t               i;

    assert(m->n_attributes <= PS_ATTRIBUTES_MAX);
    buf_init(&native);
    buf_u8(&native, PS_RECORD_VERSION);
    for (i = 0; i < m->n_attributes; i++) {
        struct bytes name = ps_bytes(m->attributes[i]->key);
        struct bytes value = ps_bytes(m->attributes[i]->value);

        if (is_overridden(m, i))
            continue;
        if (is_reserved(name))
            add_native_attribute(&native, name, value);
        else
            headers[count++] = (struct header){ name, value.at ? value : bytes_of(empty, 0) };
    }
    headers[count].name = bytes_str(message_native_name(DOOR_PUBSUB));
    headers[count++].value = buf_view(&native);
    batch_add(w, timestamp_ms, key.len > 0 ? key : bytes_of(NULL, 0),
              m->data.len > 0 ? ps_bytes(m->data) : bytes_of(empty, 0), headers, count);
    buf_fini(&native);
}

/* ---- from a record ---- */

struct attributes {
    struct arena    *arena;
    PB(Attribute)  **at;
    size_t           count;
    size_t           left_out;
};

static PB(Attribute) *push(struct attributes *as, struct bytes key)
{
    PB(Attribute) *a = ps_message_new(as->arena, &google__pubsub__v1__attribute__descriptor);

    a->key = ps_binary(key);
    as->at[as->count++] = a;
    return a;
}

static PB(Attribute) *find(const struct attributes *as, struct bytes key)
{
    size_t i;

    for (i = 0; i < as->count; i++)
        if (bytes_eq(ps_bytes(as->at[i]->key), key))
            return as->at[i];
    return NULL;
}

static struct bytes base64_of(struct arena *a, struct bytes b)
{
    struct buf   text;
    struct bytes copy;

    buf_init(&text);
    base64_format(&text, b);
    copy = arena_bytes(a, buf_view(&text));
    buf_fini(&text);
    return copy;
}

/* V2, V4 */
static void take_header(struct attributes *as, const struct header *h)
{
    PB(Attribute) *a = find(as, h->name);
    bool name_fits = h->name.len > 0 && h->name.len <= PS_ATTRIBUTE_KEY_BYTES_MAX && bytes_is_utf8(h->name);

    if (!name_fits || h->value.len > PS_ATTRIBUTE_VALUE_BYTES_MAX ||
        (!a && as->count == PS_ATTRIBUTES_MAX - OWN_ATTRIBUTES)) {
        as->left_out++;
        return;
    }
    if (!a)
        a = push(as, h->name);
    a->value = ps_binary(h->value);
}

/* V3 */
static void show_binary_values(struct attributes *as)
{
    size_t     count = as->count;
    size_t     i;
    struct buf names;

    buf_init(&names);
    for (i = 0; i < count; i++) {
        PB(Attribute) *a = as->at[i];

        if (bytes_is_utf8(ps_bytes(a->value)))
            continue;
        a->value = ps_binary(base64_of(as->arena, ps_bytes(a->value)));
        if (names.len > 0)
            buf_u8(&names, ',');
        buf_bytes(&names, ps_bytes(a->key));
    }
    if (names.len > 0)
        push(as, bytes_str(BASE64_ATTRIBUTE))->value = ps_binary(arena_bytes(as->arena, buf_view(&names)));
    buf_fini(&names);
}

static void push_count(struct attributes *as, const char *key, size_t count)
{
    char text[24];
    int  n = snprintf(text, sizeof text, "%zu", count);

    push(as, bytes_str(key))->value = ps_binary(arena_bytes(as->arena, bytes_of(text, (size_t)n)));
}

static void show_foreign(struct attributes *as, const struct message *m, PB(PubsubMessage) *out)
{
    size_t seen = m->header_count < HEADERS_SEEN_MAX ? m->header_count : HEADERS_SEEN_MAX;
    size_t i;

    as->left_out = m->header_count - seen;
    for (i = 0; i < seen; i++)
        take_header(as, &m->headers[i]);
    show_binary_values(as);
    if (m->key.len <= PS_ORDERING_KEY_BYTES_MAX && bytes_is_utf8(m->key))
        out->ordering_key = ps_binary(m->key);
    else
        push(as, bytes_str(KEY_ATTRIBUTE))->value = ps_binary(base64_of(as->arena, m->key));
    if (as->left_out > 0)
        push_count(as, LEFT_OUT_ATTRIBUTE, as->left_out);
}

static void show_native_attributes(struct attributes *as, struct bytes native)
{
    struct rd r = rd_of(native);

    rd_u8(&r);
    while (rd_left(&r) > 0 && as->count < PS_ATTRIBUTES_MAX) {
        struct bytes key = rd_bytes(&r, rd_uvarint32(&r));
        struct bytes value = rd_bytes(&r, rd_uvarint32(&r));

        if (r.failed || !bytes_is_utf8(key) || !bytes_is_utf8(value))
            return;
        push(as, key)->value = ps_binary(value);
    }
}

/* What this door wrote is given back as it came. */
static void show_own(struct attributes *as, const struct message *m, PB(PubsubMessage) *out)
{
    size_t i;

    for (i = 0; i < m->header_count && as->count < PS_ATTRIBUTES_MAX; i++)
        push(as, m->headers[i].name)->value = ps_binary(m->headers[i].value);
    show_native_attributes(as, m->native);
    out->ordering_key = ps_binary(m->key);
}

/* A Kafka client may write any header, so a native part is believed only when this door could have written the
 * record. */
static bool is_own(const struct message *m)
{
    size_t i;

    if (m->origin != DOOR_PUBSUB || m->native.len == 0 || m->native.at[0] != PS_RECORD_VERSION ||
        m->header_count > PS_ATTRIBUTES_MAX || !bytes_is_utf8(m->key))
        return false;
    for (i = 0; i < m->header_count; i++)
        if (!bytes_is_utf8(m->headers[i].name) || !bytes_is_utf8(m->headers[i].value))
            return false;
    return true;
}

void ps_record_show(const struct message *m, struct arena *a, PB(PubsubMessage) *out)
{
    struct attributes as = { .arena = a };

    as.at = arena_array(a, PS_ATTRIBUTES_MAX, sizeof *as.at);
    if (is_own(m))
        show_own(&as, m, out);
    else
        show_foreign(&as, m, out);
    out->data = ps_binary(m->value);
    out->attributes = as.at;
    out->n_attributes = as.count;
}
