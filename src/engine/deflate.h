/*
 * deflate.h - records compressed with the codecs' own libraries: the counterpart of inflate.h.
 *
 * What every client reads: gzip with its header, one raw snappy block, an lz4 frame of independent
 * 64 KiB blocks, a zstd frame. Thread: pure, any.
 */
#ifndef ENGINE_DEFLATE_H
#define ENGINE_DEFLATE_H

#include "engine/batch.h"

/* Appends the compressed bytes to out. codec is one of enum batch_codec but CODEC_NONE; in has at
 * most BATCH_INFLATED_BYTES_MAX. */
void deflate_records(unsigned codec, struct bytes in, struct buf *out);

#endif
