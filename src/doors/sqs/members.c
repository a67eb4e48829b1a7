/* members.c - see members.h. */
#include "doors/sqs/members.h"

#include <stdlib.h>

static bool check_value(const struct member *m, json_t *parent, const char *key, json_t *value,
                        struct fault *f);

static bool unexpected(const json_t *value, struct fault *f)
{
    if (json_is_object(value))
        return fault_set(f, SHAPE_SERIALIZATION,
                         "Start of structure or map found where not expected.");
    if (json_is_array(value))
        return fault_set(f, SHAPE_SERIALIZATION, "Start of list found where not expected");
    return fault_set(f, SHAPE_SERIALIZATION,
                     "Unexpected value found where a structure, map or list was expected.");
}

/* Numbers and booleans become their text, in the parent. */
static bool check_text(json_t *parent, const char *key, json_t *value, struct fault *f)
{
    char *text;

    if (json_is_string(value))
        return true;
    if (json_is_object(value) || json_is_array(value))
        return unexpected(value, f);
    text = json_dumps(value, JSON_ENCODE_ANY);
    json_object_set_new(parent, key, json_string(text));
    free(text);
    return true;
}

static bool check_integer(const json_t *value, struct fault *f)
{
    if (json_is_integer(value))
        return true;
    if (json_is_object(value) || json_is_array(value))
        return unexpected(value, f);
    return fault_set(f, SHAPE_SERIALIZATION, "%s can not be converted to an Integer",
                     json_is_string(value)  ? "STRING_VALUE"
                     : json_is_true(value)  ? "TRUE_VALUE"
                     : json_is_false(value) ? "FALSE_VALUE"
                                            : "DECIMAL_VALUE");
}

static bool check_texts(const json_t *list, struct fault *f)
{
    if (!json_is_array(list))
        return unexpected(list, f);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return unexpected(json_array_get(list, i), f);
    return true;
}

static bool check_structs(const struct member *m, const json_t *list, struct fault *f)
{
    if (!json_is_array(list))
        return unexpected(list, f);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *entry = json_array_get(list, i);

        if (!json_is_object(entry))
            return unexpected(entry, f);
        if (!members_check(m->members, entry, f))
            return false;
    }
    return true;
}

/* Nulls in a map are as if they were not there. */
static bool check_map(const struct member *m, json_t *map, struct fault *f)
{
    static const struct member text = { "", MEMBER_TEXT, false, NULL };
    const char                *key;
    json_t                    *value;
    void                      *next;

    if (!json_is_object(map))
        return unexpected(map, f);
    json_object_foreach_safe (map, next, key, value) {
        if (json_is_null(value)) {
            json_object_del(map, key);
        } else if (m->kind == MEMBER_TEXT_MAP) {
            if (!check_value(&text, map, key, value, f))
                return false;
        } else if (!json_is_object(value)) {
            return unexpected(value, f);
        } else if (!members_check(m->members, value, f)) {
            return false;
        }
    }
    return true;
}

static bool check_value(const struct member *m, json_t *parent, const char *key, json_t *value,
                        struct fault *f)
{
    switch (m->kind) {
    case MEMBER_TEXT:
        return check_text(parent, key, value, f);
    case MEMBER_INTEGER:
        return check_integer(value, f);
    case MEMBER_TEXTS:
        return check_texts(value, f);
    case MEMBER_STRUCTS:
        return check_structs(m, value, f);
    case MEMBER_TEXT_MAP:
    case MEMBER_STRUCT_MAP:
        return check_map(m, value, f);
    }
    return false;
}

/* The empty text counts as missing, as with the real service. */
static bool is_missing(const json_t *value)
{
    return !value || (json_is_string(value) && json_string_length(value) == 0);
}

bool members_check(const struct member *members, json_t *in, struct fault *f)
{
    for (const struct member *m = members; m->name; m++) {
        json_t *value = json_object_get(in, m->name);

        if (json_is_null(value))
            json_object_del(in, m->name);
        else if (value && !check_value(m, in, m->name, value, f))
            return false;
    }
    for (const struct member *m = members; m->name; m++)
        if (m->is_required && is_missing(json_object_get(in, m->name)))
            return fault_set(f, SHAPE_MISSING_PARAMETER,
                             "The request must contain the parameter %s.", m->name);
    return true;
}
