/*
 * describe.h - change records as text, for `myna dump` and for tests that check what is written.
 *
 * One table gives for each kind of change the layout of its head in a small language (describe.c);
 * one walker prints by it. What does not fit its layout to the last byte is reported, never guessed
 * at.
 *
 * Thread: pure functions, any.
 */
#ifndef ENGINE_DESCRIBE_H
#define ENGINE_DESCRIBE_H

#include "base/buf.h"
#include "base/err.h"

/* "QUEUE_LEASED"; NULL: no such kind. */
const char *describe_kind(uint8_t kind);
/* Appends " name=value" for every field of the head. ERR_CORRUPT: the head has another layout, or
 * the kind is unknown; what could be read was appended. */
MUST_CHECK enum err describe_change(struct buf *out, uint8_t kind, struct bytes head);
/* Of stored batches that lie one after the other: appends " name=value" style text about the first,
 * its offsets, records, times and producer, and steps over it. ERR_CORRUPT: it is none, or its checksum
 * is wrong. */
MUST_CHECK enum err describe_batch(struct buf *out, struct bytes *batches);

#endif
