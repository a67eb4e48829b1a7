/* handles.c - see handles.h. */
#include "doors/sqs/handles.h"
#include "base/base64.h"
#include "base/crc32c.h"

enum { HANDLE_BYTES = 29, HANDLE_CHECK_AT = 25, HANDLE_VERSION = 1 };

void handle_format(struct buf *out, const struct lease *lease)
{
    uint8_t raw[HANDLE_BYTES];

    raw[0] = HANDLE_VERSION;
    put_u32(raw + 1, lease->token);
    put_u32(raw + 5, lease->partition);
    put_u64(raw + 9, lease->queue_id);
    put_u64(raw + 17, lease->offset);
    put_u32(raw + HANDLE_CHECK_AT, crc32c(0, raw, HANDLE_CHECK_AT));
    base64url_format(out, bytes_of(raw, sizeof raw));
}

static bool read_raw(const uint8_t *raw, struct lease *out)
{
    if (raw[0] != HANDLE_VERSION ||
        get_u32(raw + HANDLE_CHECK_AT) != crc32c(0, raw, HANDLE_CHECK_AT))
        return false;
    *out = (struct lease){ .token = get_u32(raw + 1),
                           .partition = get_u32(raw + 5),
                           .queue_id = get_u64(raw + 9),
                           .offset = get_u64(raw + 17) };
    return true;
}

bool handle_parse(struct bytes text, struct lease *out)
{
    struct buf raw;
    bool       ok;

    if (text.len != BASE64URL_LEN(HANDLE_BYTES))
        return false;
    buf_init(&raw);
    ok = base64url_parse(&raw, text) && read_raw(raw.at, out);
    buf_fini(&raw);
    return ok;
}
