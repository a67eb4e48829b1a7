/*
 * amqp_record.h - an AMQP message as a stored record, and any stored record as an AMQP message.
 *
 * In. One batch of one record: key = routing key (null when empty), value = body, first header
 * "myna-amqp" = what AMQP needs to give the message back exactly, then the AMQP headers as text
 * for the other doors (amqp_text.h). Layout of "myna-amqp":
 *
 *     0 version u8 = 1 | 1 exchange: length u8, name | flags u16 | the properties, byte for byte as
 *                                                                 the publisher sent them
 *
 * (without an entry BCC in the headers table, which no consumer may see). The routing key is the
 * record's key.
 *
 * Out. A record that came by this door leaves as it came. Any other gets exchange "", routing key
 * = its key when that has 1 to 255 bytes, else the queue's name, delivery mode 2, its time as
 * timestamp in seconds, and a headers table: text as long strings (S), values that are not UTF-8
 * as byte arrays (x), null as void (V). A header whose name is longer than 255 bytes or that
 * would not fit into a header frame any more is left out.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_AMQP_RECORD_H
#define DOORS_AMQP_AMQP_RECORD_H

#include "base/block.h"
#include "base/buf.h"
#include "doors/amqp/properties.h"
#include "engine/batch.h"

enum {
    RECORD_NATIVE_VERSION = 1,
    RECORD_TRUST_BYTES = 1024 * 1024, /* memory a message is given before its bytes have come */
};

/* What the record is made of; everything borrows. */
struct record_parts {
    struct bytes      exchange;
    struct bytes      key;
    struct bytes      raw; /* flags and properties */
    struct properties properties;
    int64_t           now_ms;
    uint64_t          body_len;
};

/*
 * Where small batches are cut from, one behind the other: one allocation and one count for hundreds
 * of them. A block is left to its holders when it is used up.
 */
struct record_mint {
    struct block *block; /* NULL until needed */
    size_t        used;
    unsigned      holds; /* of the block, still to be given away */
};
void amqp_record_mint_fini(struct record_mint *m);

/*
 * A batch under construction: opened when the content header is there, filled as body frames
 * come, closed into a slice. The bytes of the body are copied once, to where they stay.
 */
struct record_draft {
    struct block *block; /* NULL: none is open */
    uint8_t      *at;    /* of the batch in it */
    size_t        room;
    size_t        filled;
    size_t        total;
    int64_t       now_ms;
    struct buf    tail;       /* what follows the body; kept for the next draft */
    size_t        headers_at; /* in the tail: the AMQP headers table as it is stored */
    size_t        headers_len;
};
void amqp_record_open(struct record_draft *d, const struct record_parts *parts,
                      struct record_mint *mint);
void amqp_record_add(struct record_draft *d, struct bytes body);
/* The whole batch, held by the caller; all body bytes were added. */
struct slice amqp_record_close(struct record_draft *d);
/* The AMQP headers table inside the batch just closed; empty when it has none. */
struct bytes amqp_record_headers(const struct record_draft *d, struct bytes batch);
/* Gives up a draft that is open. Not needed after amqp_record_close. */
void amqp_record_abort(struct record_draft *d);
void amqp_record_draft_fini(struct record_draft *d);

/* An AMQP message to send. Borrows from the batch or from the reader. */
struct record_message {
    struct bytes exchange;
    struct bytes key;
    struct bytes properties; /* flags and properties */
    struct bytes body;
};

enum { RECORD_FAST_HEADERS = 16 };

/* Storage for reading; may be used again and again. */
struct record_reader {
    struct buf          properties;
    struct batch_reader batch;
    bool                is_open;
    struct header       headers[RECORD_FAST_HEADERS];
};
/*
 * The record at delta of a stored batch, as an AMQP message that fits header frames of
 * header_bytes_max. queue names the routing key of those that have none. False when the batch is
 * malformed or has no such record. out is valid until the next call.
 */
bool amqp_record_read(struct record_reader *r, struct bytes batch, int32_t delta,
                      struct bytes queue, size_t header_bytes_max, struct record_message *out);
void amqp_record_reader_fini(struct record_reader *r);

#endif
