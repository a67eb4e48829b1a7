/* inflate.c - see inflate.h. One function per codec, one table. */
#include "engine/inflate.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

enum { STEP_BYTES = 64 * 1024 };

/* Room for one more step, or NULL when the limit is reached. */
static uint8_t *step(struct buf *out)
{
    return out->len + STEP_BYTES <= BATCH_INFLATED_BYTES_MAX ? buf_room(out, STEP_BYTES) : NULL;
}

static enum err inflate_gzip(struct bytes in, struct buf *out)
{
    enum { WINDOW_BITS_AUTO = 15 + 32 };
    z_stream z = { .next_in = (uint8_t *)(uintptr_t)in.at, .avail_in = (uInt)in.len };
    enum err err = ERR_OK;
    int      code = Z_OK;

    if (inflateInit2(&z, WINDOW_BITS_AUTO) != Z_OK)
        return ERR_BAD_RECORD;
    while (code != Z_STREAM_END && err == ERR_OK) {
        z.next_out = step(out);
        z.avail_out = STEP_BYTES;
        if (!z.next_out) {
            err = ERR_TOO_BIG;
            break;
        }
        code = inflate(&z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END)
            err = ERR_BAD_RECORD;
        out->len += STEP_BYTES - z.avail_out;
    }
    inflateEnd(&z);
    return err;
}

static enum err inflate_snappy_block(struct bytes in, struct buf *out)
{
    size_t len;

    if (snappy_uncompressed_length((const char *)in.at, in.len, &len) != SNAPPY_OK)
        return ERR_BAD_RECORD;
    if (len > BATCH_INFLATED_BYTES_MAX - out->len)
        return ERR_TOO_BIG;
    if (snappy_uncompress((const char *)in.at, in.len, (char *)buf_room(out, len), &len) !=
        SNAPPY_OK)
        return ERR_BAD_RECORD;
    out->len += len;
    return ERR_OK;
}

static enum err inflate_snappy(struct bytes in, struct buf *out)
{
    static const uint8_t xerial[8] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };
    struct rd            r = rd_of(in);
    enum err             err = ERR_OK;

    if (in.len < 16 || memcmp(in.at, xerial, sizeof xerial) != 0)
        return inflate_snappy_block(in, out);
    rd_bytes(&r, 16);
    while (rd_left(&r) > 0 && err == ERR_OK) {
        uint32_t     len = rd_u32(&r);
        struct bytes block = rd_bytes(&r, len);

        err = r.failed ? ERR_BAD_RECORD : inflate_snappy_block(block, out);
    }
    return err;
}

static enum err inflate_lz4(struct bytes in, struct buf *out)
{
    LZ4F_dctx     *ctx;
    const uint8_t *at = in.at;
    size_t         left = in.len;
    size_t         more = 1;
    enum err       err = ERR_OK;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return ERR_BAD_RECORD;
    while (more > 0 && err == ERR_OK) {
        size_t   used = left;
        size_t   made = STEP_BYTES;
        uint8_t *to = step(out);

        if (!to) {
            err = ERR_TOO_BIG;
            break;
        }
        more = LZ4F_decompress(ctx, to, &made, at, &used, NULL);
        if (LZ4F_isError(more) || (made == 0 && used == 0 && more > 0))
            err = ERR_BAD_RECORD;
        out->len += made;
        at += used;
        left -= used;
    }
    LZ4F_freeDecompressionContext(ctx);
    return err;
}

static enum err inflate_zstd(struct bytes in, struct buf *out)
{
    ZSTD_DCtx    *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer from = { in.at, in.len, 0 };
    size_t        more = 1;
    enum err      err = ctx ? ERR_OK : ERR_BAD_RECORD;

    while (err == ERR_OK && more > 0) {
        ZSTD_outBuffer to = { step(out), STEP_BYTES, 0 };
        size_t         before = from.pos;

        if (!to.dst) {
            err = ERR_TOO_BIG;
            break;
        }
        more = ZSTD_decompressStream(ctx, &to, &from);
        if (ZSTD_isError(more) || (to.pos == 0 && from.pos == before && more > 0))
            err = ERR_BAD_RECORD;
        out->len += to.pos;
    }
    ZSTD_freeDCtx(ctx);
    return err;
}

enum err inflate_records(unsigned codec, struct bytes in, struct buf *out)
{
    static enum err (*const inflaters[])(struct bytes, struct buf *) = {
        [CODEC_GZIP] = inflate_gzip,
        [CODEC_SNAPPY] = inflate_snappy,
        [CODEC_LZ4] = inflate_lz4,
        [CODEC_ZSTD] = inflate_zstd,
    };

    if (codec >= COUNT(inflaters) || !inflaters[codec])
        return ERR_BAD_RECORD;
    return inflaters[codec](in, out);
}
