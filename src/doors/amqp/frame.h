/*
 * frame.h - AMQP frames: type octet, channel u16, size u32, payload, end octet 206 (AMQP 0-9-1,
 * 4.2.3).
 *
 * Thread: pure functions, any.
 */
#ifndef DOORS_AMQP_FRAME_H
#define DOORS_AMQP_FRAME_H

#include "base/buf.h"

enum frame_type { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, FRAME_HEARTBEAT = 8 };

enum {
    FRAME_END = 206,
    FRAME_HEAD_BYTES = 7,
    FRAME_OVERHEAD = FRAME_HEAD_BYTES + 1,
    FRAME_FUDGE = FRAME_OVERHEAD, /* RabbitMQ forgives senders who forget to count the overhead */
    FRAME_MIN_BYTES = 4096,   /* the least frame_max; RabbitMQ 4's 8192 broke older clients */
    FRAME_LOGIN_BYTES = 8192, /* frame_max before it is negotiated */
};

struct frame {
    uint8_t      type;
    uint16_t     channel;
    struct bytes payload;
};

enum frame_result {
    FRAME_OK,        /* *size bytes are the frame */
    FRAME_MORE,      /* *size bytes are needed in all */
    FRAME_TOO_LARGE, /* the payload announced (left empty) is *size bytes long */
    FRAME_BAD_END,   /* the octet found there is *size */
};
/* Reads the frame at the beginning of in; out borrows. frame_max is never 0. */
enum frame_result frame_parse(struct bytes in, uint32_t frame_max, struct frame *out, size_t *size);

/* Opens a frame at the end of a buffer; frame_end, given its result, closes it. */
size_t frame_begin(struct buf *out, enum frame_type type, uint16_t channel);
void frame_end(struct buf *out, size_t start);
/* The seven octets before a payload, for writers that lay out whole messages. Returns the address
 * behind them. */
uint8_t *frame_put_head(uint8_t *at, enum frame_type type, uint16_t channel, size_t payload_len);

#endif
