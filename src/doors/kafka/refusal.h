/*
 * refusal.h - what an API says of something that is refused, made from the request by the layouts of both.
 *
 * An element of the answer says of what it speaks (fields of the same name as in the request), the error wherever it
 * has a place for one, for each of its parts if it has parts, and of everything else that it is not known.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_KAFKA_REFUSAL_H
#define DOORS_KAFKA_REFUSAL_H

#include "doors/kafka/wire.h"

/* Any array of a message: what WIRE_ARRAY and WIRE_STRINGS have in common. */
struct wire_elements {
    size_t count;
    void  *at;
};

const struct wire_field *wire_find(const struct wire_layout *layout, const char *name);
/* The field by which an element is named: its first text. */
const struct wire_field *wire_name(const struct wire_layout *layout);
/* Of the elements of an array. */
size_t wire_element_size(const struct wire_field *f);

static inline struct wire_elements wire_elements(const void *message, const struct wire_field *f)
{
    struct wire_elements e;

    memcpy(&e, (const uint8_t *)message + f->offset, sizeof e);
    return e;
}

static inline void wire_set_elements(void *message, const struct wire_field *f, struct wire_elements e)
{
    memcpy((uint8_t *)message + f->offset, &e, sizeof e);
}

static inline struct bytes wire_text(const void *message, const struct wire_field *f)
{
    struct bytes b;

    memcpy(&b, (const uint8_t *)message + f->offset, sizeof b);
    return b;
}

/* An element of the answer's array `to` from one of the request's array `from`. */
void refuse_element(struct arena *arena, const struct wire_field *from, const void *asked,
                    const struct wire_field *to, void *answer, int16_t error);
/* The answer as a whole: its error, and everything else unknown. */
void refuse_all(const struct wire_layout *to, void *answer, int16_t error);

#endif
