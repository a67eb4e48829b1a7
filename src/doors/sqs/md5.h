/*
 * md5.h - the digests clients check: of a body, and of message attributes.
 *
 * Attributes, sorted by name (byte order), each as: length u32 big-endian and name, length and
 * DataType with its suffix, one byte 1 (text) or 2 (binary), length and value.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_MD5_H
#define DOORS_SQS_MD5_H

#include "doors/sqs/message.h"

enum { MD5_TEXT_BYTES = 33 };

void md5_text(struct bytes b, char out[MD5_TEXT_BYTES]);
/* attributes are not changed; count is at most SQS_ATTRIBUTES_MAX. */
void md5_attributes(const struct sqs_attribute *attributes, size_t count, char out[MD5_TEXT_BYTES]);

#endif
