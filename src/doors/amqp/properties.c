/* properties.c - see properties.h. */
#include "doors/amqp/properties.h"

#include "engine/table.h"

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
static const char property_types[14] = "ssToossssLssss";
enum { SLOT_HEADERS = 2, SLOT_DELIVERY_MODE = 3, SLOT_EXPIRATION = 7, SLOT_USER_ID = 11 };

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
        (void)rd_u64(r);
        break;
    case 'T':
        out->headers = long_string(r);
        if (!table_is_valid(out->headers))
            rd_fail(r);
        break;
    default:
        text = short_string(r);
        if (slot == SLOT_EXPIRATION)
            out->expiration = text;
        else if (slot == SLOT_USER_ID)
            out->user_id = text;
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
