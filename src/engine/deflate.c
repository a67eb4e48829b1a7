/*
 * deflate.c - see deflate.h. One function per codec, one table.
 *
 * With room for the worst case none of the libraries can fail but for lack of memory, which ends
 * the process like any other (base/mem.h).
 */
#include "engine/deflate.h"

#include <assert.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

static void deflate_gzip(struct bytes in, struct buf *out)
{
    enum { WINDOW_BITS_GZIP = 15 + 16, MEMORY_LEVEL = 8 };
    z_stream z = { .next_in = (uint8_t *)(uintptr_t)in.at, .avail_in = (uInt)in.len };
    int      code = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS_GZIP,
                                 MEMORY_LEVEL, Z_DEFAULT_STRATEGY);

    assert(code == Z_OK);
    z.avail_out = (uInt)deflateBound(&z, (uLong)in.len);
    z.next_out = buf_room(out, z.avail_out);
    code = deflate(&z, Z_FINISH);
    assert(code == Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void deflate_snappy(struct bytes in, struct buf *out)
{
    size_t        len = snappy_max_compressed_length(in.len);
    char         *to = (char *)buf_room(out, len);
    snappy_status status = snappy_compress((const char *)in.at, in.len, to, &len);

    assert(status == SNAPPY_OK);
    (void)status;
    out->len += len;
}

static void deflate_lz4(struct bytes in, struct buf *out)
{
    const LZ4F_preferences_t how = {
        .frameInfo = { .blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent }
    };
    size_t room = LZ4F_compressFrameBound(in.len, &how);
    size_t len = LZ4F_compressFrame(buf_room(out, room), room, in.at, in.len, &how);

    assert(!LZ4F_isError(len));
    out->len += len;
}

static void deflate_zstd(struct bytes in, struct buf *out)
{
    size_t room = ZSTD_compressBound(in.len);
    size_t len = ZSTD_compress(buf_room(out, room), room, in.at, in.len, ZSTD_CLEVEL_DEFAULT);

    assert(!ZSTD_isError(len));
    out->len += len;
}

void deflate_records(unsigned codec, struct bytes in, struct buf *out)
{
    static void (*const deflaters[])(struct bytes, struct buf *) = {
        [CODEC_GZIP] = deflate_gzip,
        [CODEC_SNAPPY] = deflate_snappy,
        [CODEC_LZ4] = deflate_lz4,
        [CODEC_ZSTD] = deflate_zstd,
    };

    assert(codec != CODEC_NONE && codec < COUNT(deflaters));
    deflaters[codec](in, out);
}
