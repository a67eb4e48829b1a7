/* frame.c - see frame.h. */
#include "doors/amqp/frame.h"

enum frame_result frame_parse(struct bytes in, uint32_t frame_max, struct frame *out, size_t *size)
{
    uint32_t len;

    if (in.len < FRAME_HEAD_BYTES) {
        *size = FRAME_HEAD_BYTES;
        return FRAME_MORE;
    }
    out->type = in.at[0];
    out->channel = get_u16(in.at + 1);
    out->payload = bytes_of(in.at + FRAME_HEAD_BYTES, 0);
    len = get_u32(in.at + 3);
    *size = len;
    if (len > frame_max - FRAME_OVERHEAD + FRAME_FUDGE)
        return FRAME_TOO_LARGE;
    *size = (size_t)len + FRAME_OVERHEAD;
    if (in.len < *size)
        return FRAME_MORE;
    out->payload.len = len;
    if (in.at[FRAME_HEAD_BYTES + len] != FRAME_END) {
        *size = in.at[FRAME_HEAD_BYTES + len];
        return FRAME_BAD_END;
    }
    return FRAME_OK;
}

size_t frame_begin(struct buf *out, enum frame_type type, uint16_t channel)
{
    size_t start = out->len;

    frame_put_head(buf_grow(out, FRAME_HEAD_BYTES), type, channel, 0);
    return start;
}

void frame_end(struct buf *out, size_t start)
{
    put_u32(out->at + start + 3, (uint32_t)(out->len - start - FRAME_HEAD_BYTES));
    buf_u8(out, FRAME_END);
}

uint8_t *frame_put_head(uint8_t *at, enum frame_type type, uint16_t channel, size_t payload_len)
{
    at[0] = (uint8_t)type;
    put_u16(at + 1, channel);
    put_u32(at + 3, (uint32_t)payload_len);
    return at + FRAME_HEAD_BYTES;
}
