/*
 * members.h - what an action's input may hold, in tables, and the one check of a request against
 * them.
 *
 * After members_check a handler can trust every type it finds: texts are JSON strings, integers are
 * integers, lists, maps and structures are what they should be, and nothing is null. As the real
 * service does, numbers and booleans given for a text are taken as their text, members nobody knows
 * are ignored, and anything else of a wrong type is a SerializationException for the whole request.
 * The tables know no syntax: the query syntax will be read into the same JSON objects.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_MEMBERS_H
#define DOORS_SQS_MEMBERS_H

#include "doors/sqs/errors.h"

#include <jansson.h>

enum member_kind {
    MEMBER_TEXT,
    MEMBER_INTEGER,
    MEMBER_TEXTS,      /* a list of texts */
    MEMBER_TEXT_MAP,   /* name -> text */
    MEMBER_STRUCTS,    /* a list of structures */
    MEMBER_STRUCT_MAP, /* name -> structure */
};

struct member {
    const char      *name;
    enum member_kind kind;
    bool is_required; /* only of the request itself: batch entries answer for themselves */
    const struct member *members; /* of the structures */
};

/* members ends with a row without name. in is an object and is changed in place. */
bool members_check(const struct member *members, json_t *in, struct fault *f);

#endif
