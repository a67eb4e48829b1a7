/*
 * recode.c - see recode.h. Of the header only codec, length and checksum become others, so offsets,
 * timestamps and what a producer numbered stay as they are.
 */
#include "engine/recode.h"
#include "engine/deflate.h"
#include "engine/inflate.h"

static enum err put_records(struct bytes records, unsigned from, unsigned to, struct buf *out)
{
    struct buf plain;
    enum err   err = ERR_OK;

    buf_init(&plain);
    if (from != CODEC_NONE) {
        err = inflate_records(from, records, &plain);
        records = buf_view(&plain);
    }
    if (!err && to != CODEC_NONE)
        deflate_records(to, records, out);
    else if (!err)
        buf_bytes(out, records);
    buf_fini(&plain);
    return err;
}

enum err recode_batch(struct slice *batch, struct batch_head *head, unsigned codec)
{
    struct batch_head as = *head;
    struct buf        out;
    enum err          err;

    as.attributes = (uint16_t)((head->attributes & ~(unsigned)BATCH_CODEC_MASK) | codec);
    buf_init(&out);
    buf_grow(&out, BATCH_HEADER_BYTES);
    err = put_records(bytes_of(batch->bytes.at + BATCH_HEADER_BYTES,
                               batch->bytes.len - BATCH_HEADER_BYTES),
                      head->attributes & BATCH_CODEC_MASK, codec, &out);
    if (!err && out.len > BATCH_BYTES_MAX)
        err = ERR_TOO_BIG;
    if (!err) {
        batch_seal_head(out.at, out.len, &as);
        err = batch_head(buf_view(&out), &as); /* its count may be a lie that deflated bytes could hide */
    }
    if (!err) {
        slice_drop(batch);
        *batch = slice_copy(buf_view(&out));
        *head = as;
    }
    buf_fini(&out);
    return err;
}
