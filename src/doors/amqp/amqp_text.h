/*
 * amqp_text.h - AMQP field values as the other doors see them.
 *
 * Text for what is text, a number or true or false; bytes for what is binary; milliseconds for
 * times; null for void; JSON for nested tables and arrays.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_AMQP_TEXT_H
#define DOORS_AMQP_AMQP_TEXT_H

#include "base/buf.h"
#include "engine/table.h"

/* Appends the value's text. False: the value is null and nothing was appended. */
bool amqp_text(struct buf *out, const struct table_value *v);

#endif
