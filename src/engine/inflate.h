/*
 * inflate.h - the records of a compressed batch, inflated with the codecs' own libraries.
 *
 * Snappy comes raw (librdkafka, Go) or in xerial blocks (Java: magic 82 'SNAPPY' 00, two i32
 * versions, then {i32 length, raw block}); lz4 as frames; gzip with its header; zstd as frames.
 * Thread: pure, any.
 */
#ifndef ENGINE_INFLATE_H
#define ENGINE_INFLATE_H

#include "engine/batch.h"

/* Appends the inflated bytes to out. ERR_BAD_RECORD: undecodable; ERR_TOO_BIG: over BATCH_INFLATED_BYTES_MAX. */
MUST_CHECK enum err inflate_records(unsigned codec, struct bytes in, struct buf *out);

#endif
