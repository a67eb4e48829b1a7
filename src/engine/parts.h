/*
 * parts.h - sets of partitions.
 *
 *   PA1  A partition is the id of its log: never used again, so a topic that was deleted and made
 *        anew cannot be taken for the old one.
 *   PA2  A set is sorted, without duplicates; its ids are one allocation. All zero is the empty set.
 *   PA3  What a function fills in holds a set already, which is replaced; it may be a source, too.
 *
 * Thread: any.
 */
#ifndef ENGINE_PARTS_H
#define ENGINE_PARTS_H

#include "base/buf.h"

struct parts {
    size_t    count;
    uint64_t *at;
};

void parts_fini(struct parts *p);
void parts_copy(struct parts *to, const struct parts *from);
/* The ids in any order, also twice. */
void parts_from(struct parts *to, const uint64_t *ids, size_t count);
bool parts_have(const struct parts *p, uint64_t id);
bool parts_eq(const struct parts *a, const struct parts *b);
/* Whether all of a are in b. */
bool parts_within(const struct parts *a, const struct parts *b);
bool parts_meet(const struct parts *a, const struct parts *b);
void parts_both(struct parts *to, const struct parts *a, const struct parts *b);  /* a and b */
void parts_minus(struct parts *to, const struct parts *a, const struct parts *b); /* a without b */
void parts_either(struct parts *to, const struct parts *a, const struct parts *b); /* a or b */
/* uvarint count, then each as uvarint distance from the one before. */
void parts_write(struct buf *out, const struct parts *p);
/* Fails r when it is malformed; then to is empty. */
void parts_read(struct rd *r, struct parts *to);

#endif
