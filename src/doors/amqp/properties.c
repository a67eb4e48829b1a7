/* properties.c - see properties.h. */
#include "doors/amqp/properties.h"
#include "engine/table.h"

#include <stddef.h>

bool content_head_decode(struct bytes payload, struct content_head *out)
{
    struct rd r = rd_of(payload);

    out->class_id = rd_u16(&r);
    out->weight = rd_u16(&r);
    out->body_size = rd_u64(&r);
    out->raw = rd_bytes(&r, rd_left(&r));
    return !r.failed;
}

/* By flag, from bit 15 down: s short string, o octet, L 64 bits, T table. Bits 1 and 0 stand for nothing. */
static const char property_types[] = "ssToossssLssss";
enum { SLOT_DELIVERY_MODE = 3, SLOT_COUNT = 14 };

/* Where the short strings that somebody looks at go. */
static const size_t text_at[SLOT_COUNT] = {
    [5] = offsetof(struct properties, correlation_id),
    [6] = offsetof(struct properties, reply_to),
    [7] = offsetof(struct properties, expiration),
    [8] = offsetof(struct properties, message_id),
    [11] = offsetof(struct properties, user_id),
};

static struct bytes short_string(struct rd *r)
{
    uint8_t len = rd_u8(r);

    return rd_bytes(r, len);
}

static struct bytes long_string(struct rd *r)
{
    uint32_t len = rd_u32(r);

    return rd_bytes(r, len);
}

static void read_property(struct rd *r, unsigned slot, struct properties *out)
{
    struct bytes text;
    uint8_t      octet;

    switch (property_types[slot]) {
    case 'o':
        octet = rd_u8(r);
        if (slot == SLOT_DELIVERY_MODE)
            out->delivery_mode = octet;
        break;
    case 'L':
        out->timestamp = rd_u64(r);
        break;
    case 'T':
        out->headers = long_string(r);
        if (!table_is_valid(out->headers))
            rd_fail(r);
        break;
    default:
        text = short_string(r);
        if (text_at[slot])
            memcpy((char *)out + text_at[slot], &text, sizeof text);
    }
}

bool properties_decode(struct bytes raw, struct properties *out)
{
    struct rd r = rd_of(raw);
    unsigned  left;

    *out = (struct properties){ 0 };
    out->flags = rd_u16(&r);
    left = (unsigned)out->flags & 0xfffc;
    while (left != 0 && !r.failed) {
        unsigned slot = (unsigned)__builtin_clz(left) - 16;

        read_property(&r, slot, out);
        left &= ~(0x8000u >> slot);
    }
    return !r.failed && rd_left(&r) == 0 && (out->flags & 1) == 0;
}
