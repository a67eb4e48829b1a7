/* schema.c - the layouts of the lists in schema.h. */
#include "doors/kafka/schema.h"

enum { LAST = WIRE_NEVER, NEVER = WIRE_NEVER };

#define ROW(S, name, type, since, until, nullable_since, element)                                  \
    { #name, WIRE_##type, since, until, nullable_since, offsetof(struct S, name), element },
#define PLAIN(S, type, name, since, until, nullable_since)                                         \
    ROW(S, name, type, since, until, nullable_since, NULL)
#define ARRAY(S, element, name, since, until, nullable_since)                                      \
    ROW(S, name, ARRAY, since, until, nullable_since, &layout_##element)
#define OPTION(S, element, name, since, until, nullable_since)                                     \
    ROW(S, name, STRUCT, since, until, nullable_since, &layout_##element)
#define X(name, FIELDS)                                                                            \
    static const struct wire_field fields_##name[] = { FIELDS(name, PLAIN, ARRAY, OPTION) };       \
    const struct wire_layout       layout_##name = { #name, sizeof(struct name),                   \
                                                     COUNT(fields_##name), fields_##name };
SCHEMA_LIST(X)
#undef X
