/* compose.c - see compose.h. */
#include "doors/sqs/compose.h"
#include "base/base64.h"
#include "doors/sqs/legal.h"

#include <stdio.h>

#define TRACE_NAME "AWSTraceHeader"

static struct bytes text_of(const json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

static bool refuse(struct fault *f, const char *value, const char *name, const char *reason)
{
    return fault_set(f, SHAPE_INVALID_PARAMETER,
                     "Value %s for parameter %s is invalid. Reason: %s", value, name, reason);
}

/* ---- message attributes ---- */

static bool check_name(const char *name, struct fault *f)
{
    struct bytes b = bytes_str(name);

    if (b.len == 0)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "The request must contain non-empty message (user) attribute names.");
    if (b.len > ATTRIBUTE_NAME_BYTES_MAX)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Message (user) attribute name must be shorter than 256 bytes.");
    if (!legal_attribute_chars(b))
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Message (user) attributes name can only contain upper and lower score "
                         "characters, digits, periods, hyphens and underscores. ");
    if (!legal_attribute_dots(b))
        return fault_set(
            f, SHAPE_INVALID_PARAMETER,
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These "
            "strings are reserved for internal use. Additionally, they cannot start or end with "
            "'.'.");
    return true;
}

static bool has_prefix(struct bytes type, const char *prefix)
{
    size_t n = strlen(prefix);

    return bytes_starts(type, prefix) && (type.len == n || type.at[n] == '.');
}

static bool check_type(const char *name, struct bytes type, struct fault *f)
{
    if (type.len == 0)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "The message attribute '%s' must contain a non-empty attribute type.",
                         name);
    if (type.len > ATTRIBUTE_TYPE_BYTES_MAX)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Message (user) attribute type must be shorter than 256 bytes.");
    if (!has_prefix(type, "String") && !has_prefix(type, "Number") && !has_prefix(type, "Binary"))
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "The type of message (user) attribute '%s' is invalid. You must use only "
                         "the following supported type prefixes: Binary, Number, String.",
                         name);
    if (!legal_text(type))
        return fault_raise(f, SHAPE_INVALID_CONTENTS);
    return true;
}

static bool refuse_empty(const char *name, const char *type, struct fault *f)
{
    return fault_set(f, SHAPE_INVALID_PARAMETER,
                     "Message (user) attribute '%s' must contain a non-empty value of type '%s'.",
                     name, type);
}

static bool read_binary(struct arena *a, const char *name, const json_t *value, struct bytes *out,
                        struct fault *f)
{
    struct buf bytes;
    bool       ok;

    if (json_string_length(value) == 0)
        return refuse_empty(name, "Binary", f);
    buf_init(&bytes);
    ok = base64_parse(&bytes, text_of(value)) ||
         fault_set(f, SHAPE_SERIALIZATION,
                   "The value of message (user) attribute '%s' is not base64.", name);
    *out = arena_bytes(a, buf_view(&bytes));
    buf_fini(&bytes);
    return ok;
}

static bool read_text(const char *name, bool is_number, const json_t *value, struct bytes *out,
                      struct fault *f)
{
    *out = text_of(value);
    if (out->len == 0)
        return refuse_empty(name, is_number ? "Number" : "String", f);
    if (is_number && !legal_number(*out))
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Can't cast the value of message (user) attribute '%s' to a number.",
                         name);
    if (!legal_text(*out)) /* the same text as for a body, under another name */
        return fault_set(f, SHAPE_INVALID_PARAMETER, "%s",
                         shape_row(SHAPE_INVALID_CONTENTS)->text);
    return true;
}

static bool read_attribute(struct arena *a, const char *name, const json_t *value,
                           struct sqs_attribute *out, struct fault *f)
{
    out->name = bytes_str(name);
    out->type = text_of(json_object_get(value, "DataType"));
    if (!check_name(name, f))
        return false;
    if (json_array_size(json_object_get(value, "StringListValues")) > 0 ||
        json_array_size(json_object_get(value, "BinaryListValues")) > 0)
        return fault_set(
            f, SHAPE_INVALID_PARAMETER,
            "Message attribute list values in SendMessage operation are not supported.");
    if (json_object_size(value) == 0)
        return fault_set(
            f, SHAPE_INVALID_PARAMETER,
            "The message (user) attribute '%s' must contain a non-empty message attribute value.",
            name);
    if (!check_type(name, out->type, f))
        return false;
    if (sqs_attribute_is_binary(out))
        return read_binary(a, name, json_object_get(value, "BinaryValue"), &out->value, f);
    return read_text(name, bytes_starts(out->type, "Number"), json_object_get(value, "StringValue"),
                     &out->value, f);
}

static bool read_attributes(struct composed *c, struct arena *a, const json_t *map, struct fault *f)
{
    const char *name;
    json_t     *value;

    if (json_object_size(map) > SQS_ATTRIBUTES_MAX)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Number of message attributes [%zu] exceeds the allowed maximum [%d].",
                         json_object_size(map), SQS_ATTRIBUTES_MAX);
    json_object_foreach ((json_t *)map, name, value) {
        struct sqs_attribute *t = &c->message.attributes[c->message.attribute_count++];

        if (!read_attribute(a, name, value, t, f))
            return false;
        c->bytes += t->name.len + t->type.len + t->value.len;
    }
    return true;
}

/* The only one there is; it does not count for the size. */
static bool read_system_attributes(struct composed *c, const json_t *map, struct fault *f)
{
    const char *name;
    json_t     *value;

    json_object_foreach ((json_t *)map, name, value) {
        struct bytes type = text_of(json_object_get(value, "DataType"));

        if (strcmp(name, TRACE_NAME) != 0)
            return fault_set(f, SHAPE_INVALID_PARAMETER,
                             "Message system attribute name '%s' is invalid.", name);
        if (!bytes_eq_str(type, "String"))
            return fault_set(f, SHAPE_INVALID_PARAMETER,
                             "The type of message (system) attribute '" TRACE_NAME
                             "' is invalid. You must use only the following supported type "
                             "prefixes: String.");
        c->message.trace = text_of(json_object_get(value, "StringValue"));
        if (c->message.trace.len == 0 || !legal_text(c->message.trace))
            return fault_set(f, SHAPE_INVALID_PARAMETER,
                             "Message (system) attribute '" TRACE_NAME
                             "' must contain a non-empty value of type 'String'.");
        c->has_system_attributes = true;
    }
    return true;
}

/* ---- the rest ---- */

static bool read_ids(struct composed *c, const json_t *entry, struct fault *f)
{
    const json_t *group = json_object_get(entry, "MessageGroupId");
    const json_t *dedup = json_object_get(entry, "MessageDeduplicationId");

    if (dedup)
        return refuse(f, json_string_value(dedup), "MessageDeduplicationId",
                      "The request includes a parameter that is not valid for this queue type.");
    if (group && !legal_group_id(text_of(group)))
        return refuse(f, json_string_value(group), "MessageGroupId",
                      "MessageGroupId can only include alphanumeric and punctuation characters. 1 "
                      "to 128 in length.");
    c->message.group_id = text_of(group);
    return true;
}

static bool read_delay(struct composed *c, const json_t *entry, struct fault *f)
{
    const json_t *delay = json_object_get(entry, "DelaySeconds");
    json_int_t    seconds = json_integer_value(delay);
    char          text[24];

    c->delay_ms = -1;
    if (!delay)
        return true;
    if (seconds >= 0 && seconds <= DELAY_SECONDS_MAX) {
        c->delay_ms = seconds * 1000;
        return true;
    }
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, seconds);
    return refuse(f, text, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.");
}

bool compose(struct composed *c, struct arena *a, const json_t *entry, struct fault *f)
{
    *c = (struct composed){ 0 };
    c->message.body = text_of(json_object_get(entry, "MessageBody"));
    c->bytes = c->message.body.len;
    if (!legal_text(c->message.body))
        return fault_raise(f, SHAPE_INVALID_CONTENTS);
    return read_delay(c, entry, f) && read_ids(c, entry, f) &&
           read_attributes(c, a, json_object_get(entry, "MessageAttributes"), f) &&
           read_system_attributes(c, json_object_get(entry, "MessageSystemAttributes"), f);
}
