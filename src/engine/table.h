/*
 * table.h - AMQP field tables and arrays, read in place.
 *
 * Types are RabbitMQ's, not the specification's (reference: RabbitMQ's "errata" page): t bool, b
 * i8, B u8, s i16, u u16, I i32, i u32, l and L i64, f f32, d f64, D decimal (scale octet, i32), S
 * long string, A array, T u64 seconds, F table, V void, x bytes. A table is a sequence of { name:
 * short string, type octet, value }, an array of { type octet, value }; both are passed here
 * without their leading length. Order and repeated names are kept: nothing is ever re-encoded.
 *
 *   struct table_reader r = table_open(headers);
 *   while (table_next(&r, &name, &value)) ...
 *   if (r.rd.failed) ...                      malformed
 *
 * Thread: pure functions, any.
 */
#ifndef ENGINE_TABLE_H
#define ENGINE_TABLE_H

#include "base/bytes.h"

enum { TABLE_DEPTH_MAX = 64 };

struct table_value {
    char         type;    /* one of the letters above */
    uint8_t      scale;   /* D: the number is integer / 10^scale */
    int64_t      integer; /* t b B s u I i l L T D */
    double       real;    /* f d */
    struct bytes bytes;   /* S x: the content; A F: the elements, for table_open */
};

struct table_reader {
    struct rd rd;
};

static inline struct table_reader table_open(struct bytes table)
{
    return (struct table_reader){ rd_of(table) };
}

/* The next field of a table; false at its end or when the rest is malformed (then r->rd.failed). */
bool table_next(struct table_reader *r, struct bytes *name, struct table_value *out);
/* The next element of an array, likewise. */
bool table_next_element(struct table_reader *r, struct table_value *out);
/* Whether all of it, nested tables and arrays included, is well formed and at most TABLE_DEPTH_MAX
 * deep. */
bool table_is_valid(struct bytes table);
/* The first field of that name; false when there is none before the end or the first malformed
 * one. */
bool table_find(struct bytes table, const char *name, struct table_value *out);
/* Whether it is of an integer type (b B s u I i l L). */
bool table_is_integer(const struct table_value *v);
/* Same kind and same value. Integers of all widths are one kind, f and d another (RabbitMQ's
 * equivalence). */
bool table_value_eq(const struct table_value *a, const struct table_value *b);

#endif
