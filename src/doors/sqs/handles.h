/*
 * handles.h - receipt handles: a lease as opaque text.
 *
 * 29 bytes in base64url without padding, 39 characters:
 *
 *     0 version u8 = 1 | 1 token u32 | 5 partition u32 | 9 queue id u64 | 17 offset u64
 *     25 check u32
 *
 * The check is the CRC-32C of the bytes before it: it tells a handle from garbage and typing
 * errors, it is no secret. Nothing has to be remembered to read a handle, so handles survive
 * restarts; the token makes each receive's different.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_HANDLES_H
#define DOORS_SQS_HANDLES_H

#include "base/buf.h"
#include "engine/queue_calls.h"

void handle_format(struct buf *out, const struct lease *lease);
/* False when the text is not a handle of ours. */
bool handle_parse(struct bytes text, struct lease *out);

#endif
