/*
 * compact_fuzz.c - compaction of arbitrary batches: { u16 length, batch }*. Length, magic and CRC of
 * each are put right, so that what lies behind them is reached.
 *
 * What comes out must be well-formed, have no record that was not there, and stay as it is when it
 * is filtered again (compact.h C6).
 */
#include "engine/compact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { BATCHES_MAX = 16, BATCH_MAX = 16 * 1024, KEYS_BYTES = 4096, NOW_MS = 1000, RETENTION_MS = 10 };

static size_t split(const uint8_t *at, size_t len, struct buf *batches)
{
    struct rd r = rd_of(bytes_of(at, len));
    size_t    n = 0;

    while (n < BATCHES_MAX && rd_left(&r) > 2) {
        size_t            want = rd_u16(&r);
        struct bytes      b = rd_bytes(&r, want < rd_left(&r) ? want : rd_left(&r));
        struct batch_head head;

        if (b.len < BATCH_HEADER_BYTES || b.len > BATCH_MAX)
            continue;
        buf_init(&batches[n]);
        buf_bytes(&batches[n], b);
        put_u32(batches[n].at + 8, (uint32_t)b.len - 12);
        batches[n].at[16] = 2;
        if (batch_head(buf_view(&batches[n]), &head) == ERR_OK)
            batch_seal_head(batches[n].at, batches[n].len, &head);
        n++;
    }
    return n;
}

static bool has_record(struct bytes batch, const struct raw_record *wanted)
{
    struct batch_reader reader;
    struct raw_record   r;
    bool                found = false;

    if (batch_open(&reader, batch) != ERR_OK)
        return false;
    while (!found && batch_next_raw(&reader, &r, NULL))
        found = bytes_eq(r.tail, wanted->tail) && r.attributes == wanted->attributes;
    batch_close(&reader);
    return found;
}

static void check(struct bytes before, struct bytes after)
{
    struct batch_reader reader;
    struct batch_head   head;
    struct raw_record   r;
    enum err            err;
    int                 n = 0;

    if (batch_check(after, &head) != ERR_OK || batch_open(&reader, after) != ERR_OK)
        abort();
    for (; batch_next_raw(&reader, &r, &err); n++)
        if (!has_record(before, &r))
            abort();
    if (err || n != head.record_count)
        abort();
    batch_close(&reader);
}

static bool is_even(void *ctx, int64_t producer_id, uint64_t last_offset)
{
    (void)ctx;
    (void)last_offset;
    return producer_id % 2 == 0;
}

static void filter(struct compact_pass *p, struct buf *batch, uint64_t base)
{
    struct buf once, twice;

    buf_init(&once);
    buf_init(&twice);
    if (compact_batch(p, buf_view(batch), base, &once) == COMPACT_LESS) {
        check(buf_view(batch), buf_view(&once));
        if (compact_batch(p, buf_view(&once), base, &twice) != COMPACT_SAME)
            abort();
    }
    buf_fini(&once);
    buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct buf          batches[BATCHES_MAX];
    size_t              n = split(at, len, batches);
    struct key_offsets *keys = key_offsets_new(KEYS_BYTES);
    struct compact_pass p;

    for (size_t i = 0; i < n; i++)
        compact_note(keys, 1, buf_view(&batches[i]), i << 32);
    compact_begin(&p, keys, 1, NOW_MS, RETENTION_MS);
    p.is_last = is_even;
    for (size_t i = 0; i < n; i++)
        filter(&p, &batches[i], i << 32);
    compact_end(&p);
    key_offsets_free(keys);
    for (size_t i = 0; i < n; i++)
        buf_fini(&batches[i]);
    return 0;
}
