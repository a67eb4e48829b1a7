/*
 * amqp_record_fuzz.c - stored batches of any door as AMQP messages, and AMQP contents as stored
 * batches.
 *
 * Bytes that begin with 0 and another octet are a content: a third octet for the length of flags
 * and properties, these, the body; what goes in must come out to the byte. All others are a
 * batch, read at its first records.
 */
#include "doors/amqp/amqp_record.h"
#include "engine/message.h"
#include "engine/table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { HEADER_BYTES_MAX = 4096 };

static void read_all(struct bytes batch)
{
    struct record_reader  r = { 0 };
    struct record_message m;
    struct properties     p;

    for (int32_t delta = 0; delta < 4; delta++)
        if (amqp_record_read(&r, batch, delta, bytes_str("queue"), HEADER_BYTES_MAX, &m) &&
            (m.key.len > UINT8_MAX || m.exchange.len > UINT8_MAX))
            abort();
    if (r.properties.len > 0 && (r.properties.len + CONTENT_HEAD_BYTES > HEADER_BYTES_MAX ||
                                 !properties_decode(buf_view(&r.properties), &p)))
        abort();
    amqp_record_reader_fini(&r);
}

static void round_trip(struct bytes raw, struct bytes body)
{
    struct record_parts p = {
        .exchange = bytes_str("x"), .key = bytes_str("k"), .raw = raw, .now_ms = 1
    };
    struct record_mint    mint = { 0 };
    struct record_draft   d = { 0 };
    struct record_reader  r = { 0 };
    struct record_message m;
    struct batch_head     head;
    struct table_value    v;
    struct slice          batch;
    bool                  has_bcc;

    if (!properties_decode(raw, &p.properties))
        return;
    p.body_len = body.len;
    amqp_record_open(&d, &p, &mint);
    amqp_record_add(&d, bytes_of(body.at, body.len / 2));
    amqp_record_add(&d, bytes_of(body.at + body.len / 2, body.len - body.len / 2));
    batch = amqp_record_close(&d);
    has_bcc = table_find(p.properties.headers, "BCC", &v);
    if (batch_check(batch.bytes, &head) != ERR_OK ||
        !amqp_record_read(&r, batch.bytes, 0, bytes_str("q"), HEADER_BYTES_MAX, &m) ||
        !bytes_eq(m.body, body) || (!has_bcc && !bytes_eq(m.properties, raw)))
        abort();
    if (table_find(amqp_record_headers(&d, batch.bytes), "BCC", &v))
        abort();
    slice_drop(&batch);
    amqp_record_reader_fini(&r);
    amqp_record_draft_fini(&d);
    amqp_record_mint_fini(&mint);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    size_t split;

    if (len < 3 || len > 1 << 20)
        return 0;
    if (at[0] != 0 || at[1] == 0) {
        read_all(bytes_of(at, len));
        return 0;
    }
    split = 3 + (size_t)at[2] * 4;
    split = split < len ? split : len;
    round_trip(bytes_of(at + 3, split - 3), bytes_of(at + split, len - split));
    return 0;
}
