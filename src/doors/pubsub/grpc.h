/*
 * grpc.h - what gRPC adds to HTTP/2: message frames, encodings, deadlines, status.
 *
 * A message is framed as  compressed u8 (0 or 1) | length u32 | bytes.  Frames and DATA frames do not line up: one
 * DATA frame may hold many messages, and one message many DATA frames.
 *
 *   R1  A message longer than GRPC_MESSAGE_BYTES_MAX, stored or inflated, is refused as soon as that is known; the
 *       length field alone never makes the reader allocate.
 *   R2  After a fault the reader gives no more messages and keeps no more bytes.
 *
 * Thread: pure, the owner's.
 */
#ifndef DOORS_PUBSUB_GRPC_H
#define DOORS_PUBSUB_GRPC_H

#include "base/buf.h"

enum {
    GRPC_PREFIX_BYTES = 5,
    GRPC_MESSAGE_BYTES_MAX = 20 * 1024 * 1024,
    GRPC_STATUS_TEXT_BYTES_MAX = 1024, /* before percent-encoding; longer texts are cut */
};

enum grpc_code {
    GRPC_OK,
    GRPC_CANCELLED,
    GRPC_UNKNOWN,
    GRPC_INVALID_ARGUMENT,
    GRPC_DEADLINE_EXCEEDED,
    GRPC_NOT_FOUND,
    GRPC_ALREADY_EXISTS,
    GRPC_PERMISSION_DENIED,
    GRPC_RESOURCE_EXHAUSTED,
    GRPC_FAILED_PRECONDITION,
    GRPC_ABORTED,
    GRPC_OUT_OF_RANGE,
    GRPC_UNIMPLEMENTED,
    GRPC_INTERNAL,
    GRPC_UNAVAILABLE,
    GRPC_DATA_LOSS,
    GRPC_UNAUTHENTICATED,
    GRPC_CODE_COUNT
};

enum grpc_encoding { GRPC_IDENTITY, GRPC_GZIP, GRPC_ENCODING_COUNT };

/* The encodings we read, as grpc-accept-encoding says it. */
#define GRPC_ACCEPT_ENCODING "identity,gzip"

/* From the grpc-encoding header; null means identity. False: unknown. */
bool grpc_encoding_parse(struct bytes text, enum grpc_encoding *out);

struct grpc_reader {
    struct buf         in;
    size_t             used; /* of in: messages already given out */
    struct buf         inflated;
    enum grpc_encoding encoding;
    enum grpc_code     fault; /* GRPC_OK: none (R2) */
    const char        *fault_text;
};

void grpc_reader_init(struct grpc_reader *r, enum grpc_encoding encoding);
void grpc_reader_fini(struct grpc_reader *r);
void grpc_reader_feed(struct grpc_reader *r, struct bytes data);
/* The next whole message, valid until the next call on r. False: more bytes are needed, or r->fault says why not. */
bool grpc_reader_next(struct grpc_reader *r, struct bytes *out);
/* Bytes of a message that is not whole yet. */
size_t grpc_reader_waiting(const struct grpc_reader *r);

/* Writes the prefix of an uncompressed message of len bytes. */
void grpc_prefix(uint8_t at[GRPC_PREFIX_BYTES], size_t len);

/* grpc-timeout ("60S", "500m") in milliseconds, rounded up. False: malformed. */
bool grpc_timeout_parse(struct bytes text, int64_t *ms);

/* grpc-message: every byte outside printable ASCII, and '%', as %XX. */
void grpc_percent_encode(struct buf *out, struct bytes text);

#endif
