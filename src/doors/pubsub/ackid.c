/* ackid.c - see ackid.h. */
#include "doors/pubsub/ackid.h"

#include "base/base64.h"
#include "base/crc32c.h"

#include <assert.h>

enum { ACKID_VERSION = 1, CRC_BYTES = 4 };

uint32_t ackid_subscription(struct bytes ns, struct bytes name)
{
    uint32_t crc = crc32c(0, ns.at, ns.len);

    crc = crc32c(crc, "", 1); /* the zero byte between them */
    return crc32c(crc, name.at, name.len);
}

size_t ackid_format(const struct lease *lease, uint32_t subscription, char out[ACKID_TEXT_MAX + 1])
{
    struct buf raw, text;
    size_t     len;

    buf_init(&raw);
    buf_init(&text);
    buf_u8(&raw, ACKID_VERSION);
    buf_uvarint(&raw, lease->queue_id);
    buf_uvarint(&raw, lease->partition);
    buf_uvarint(&raw, lease->offset);
    buf_u32(&raw, lease->token);
    buf_u32(&raw, subscription);
    buf_u32(&raw, crc32c(0, raw.at, raw.len));
    base64url_format(&text, buf_view(&raw));
    len = text.len;
    assert(len <= ACKID_TEXT_MAX);
    memcpy(out, text.at, len);
    out[len] = 0;
    buf_fini(&raw);
    buf_fini(&text);
    return len;
}

static bool parse_raw(struct bytes raw, struct lease *lease, uint32_t *subscription)
{
    struct rd r = rd_of(raw);
    uint8_t   version = rd_u8(&r);
    uint32_t  crc;

    lease->queue_id = rd_uvarint64(&r);
    lease->partition = rd_uvarint32(&r);
    lease->offset = rd_uvarint64(&r);
    lease->token = rd_u32(&r);
    *subscription = rd_u32(&r);
    crc = rd_u32(&r);
    return !r.failed && rd_left(&r) == 0 && version == ACKID_VERSION &&
           crc == crc32c(0, raw.at, raw.len - CRC_BYTES);
}

bool ackid_parse(struct bytes text, struct lease *lease, uint32_t *subscription)
{
    struct buf raw;
    bool       ok;

    if (text.len > ACKID_TEXT_MAX)
        return false;
    buf_init(&raw);
    ok = base64url_parse(&raw, text) && parse_raw(buf_view(&raw), lease, subscription);
    buf_fini(&raw);
    return ok;
}
