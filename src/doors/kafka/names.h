/*
 * names.h - which topic names Kafka allows.
 *
 * Topics made through other doors may be called anything up to 255 bytes; Kafka clients can use
 * those too, as long as the name is text. Only what they create must obey Kafka's rule.
 *
 * Thread: any.
 */
#ifndef DOORS_KAFKA_NAMES_H
#define DOORS_KAFKA_NAMES_H

#include "base/bytes.h"

enum { KAFKA_NAME_BYTES_MAX = 249 };

/* 1 to 249 letters, digits, dots, underscores and dashes, but not "." or "..". */
bool kafka_is_topic_name(struct bytes name);
/* What can be said in a string of the protocol. */
bool kafka_is_showable(struct bytes name);

#endif
