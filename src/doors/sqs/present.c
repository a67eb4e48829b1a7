/* present.c - see present.h. */
#include "doors/sqs/present.h"
#include "base/base64.h"
#include "doors/sqs/handles.h"
#include "doors/sqs/ids.h"
#include "doors/sqs/md5.h"

#include <inttypes.h>

struct wanted wanted_of(const json_t *in)
{
    const json_t *newer = json_object_get(in, "MessageSystemAttributeNames");
    const json_t *older = json_object_get(in, "AttributeNames");

    return (struct wanted){ .system = json_array_size(newer) > 0 ? newer : older,
                            .attributes = json_object_get(in, "MessageAttributeNames") };
}

static json_t *json_of(struct bytes text)
{
    return text.len > 0 ? json_stringn_nocheck((const char *)text.at, text.len) : json_string("");
}

/* ---- system attributes ---- */

static bool wants_system(const struct wanted *w, const char *name)
{
    for (size_t i = 0; i < json_array_size(w->system); i++) {
        const char *asked = json_string_value(json_array_get(w->system, i));

        if (strcmp(asked, "All") == 0 || strcmp(asked, name) == 0)
            return true;
    }
    return false;
}

/* Takes over value; NULL is nothing. */
static void add_system(json_t *out, const struct wanted *w, const char *name, json_t *value)
{
    if (value && wants_system(w, name))
        json_object_set_new(out, name, value);
    else
        json_decref(value);
}

static json_t *system_attributes(const struct sqs_message *m, const struct message_ref *ref,
                                 const struct wanted *w)
{
    bool    moved = !bytes_is_null(m->history.source_arn);
    int64_t sent_ms = moved ? m->history.sent_ms : ref->append_ms;
    int64_t first_ms = moved ? m->history.first_receive_ms : ref->first_lease_ms;
    json_t *out = json_object();

    add_system(out, w, "SenderId", json_of(m->sender));
    add_system(out, w, "SentTimestamp", json_sprintf("%" PRId64, sent_ms));
    add_system(out, w, "ApproximateReceiveCount",
               json_sprintf("%" PRIu64, (uint64_t)m->history.receives + ref->counted_attempts));
    add_system(out, w, "ApproximateFirstReceiveTimestamp", json_sprintf("%" PRId64, first_ms));
    add_system(out, w, "MessageGroupId", bytes_is_null(m->group_id) ? NULL : json_of(m->group_id));
    add_system(out, w, "AWSTraceHeader", bytes_is_null(m->trace) ? NULL : json_of(m->trace));
    add_system(out, w, "DeadLetterQueueSourceArn", moved ? json_of(m->history.source_arn) : NULL);
    return out;
}

/* ---- message attributes ---- */

static bool matches(const char *asked, struct bytes name)
{
    size_t n = strlen(asked);

    if (strcmp(asked, "All") == 0 || strcmp(asked, "*") == 0 || strcmp(asked, ".*") == 0)
        return true;
    if (n > 2 && strcmp(asked + n - 2, ".*") == 0)
        return name.len >= n - 2 && memcmp(name.at, asked, n - 2) == 0;
    return bytes_eq_str(name, asked);
}

static bool wants_attribute(const struct wanted *w, struct bytes name)
{
    for (size_t i = 0; i < json_array_size(w->attributes); i++)
        if (matches(json_string_value(json_array_get(w->attributes, i)), name))
            return true;
    return false;
}

static json_t *attribute_json(const struct sqs_attribute *t)
{
    json_t    *out = json_object();
    struct buf text;

    if (sqs_attribute_is_binary(t)) {
        buf_init(&text);
        base64_format(&text, t->value);
        json_object_set_new(out, "BinaryValue", json_of(buf_view(&text)));
        buf_fini(&text);
    } else {
        json_object_set_new(out, "StringValue", json_of(t->value));
    }
    json_object_set_new(out, "DataType", json_of(t->type));
    return out;
}

/* The digest covers only what is shown. */
static void add_attributes(json_t *out, const struct sqs_message *m, const struct wanted *w)
{
    struct sqs_attribute shown[SQS_ATTRIBUTES_MAX];
    char                 digest[MD5_TEXT_BYTES];
    json_t              *map;
    size_t               count = 0;

    for (size_t i = 0; i < m->attribute_count; i++)
        if (wants_attribute(w, m->attributes[i].name))
            shown[count++] = m->attributes[i];
    if (count == 0)
        return;
    map = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_setn_new_nocheck(map, (const char *)shown[i].name.at, shown[i].name.len,
                                     attribute_json(&shown[i]));
    md5_attributes(shown, count, digest);
    json_object_set_new(out, "MD5OfMessageAttributes", json_string(digest));
    json_object_set_new(out, "MessageAttributes", map);
}

json_t *present_message(const struct sqs_message *m, const struct message_ref *ref,
                        const struct wanted *w)
{
    char       id[UUID_TEXT_BYTES], digest[MD5_TEXT_BYTES];
    json_t    *out = json_object();
    json_t    *system = system_attributes(m, ref, w);
    struct buf handle;

    uuid_format(&m->id, id);
    md5_text(m->body, digest);
    buf_init(&handle);
    handle_format(&handle, &ref->lease);
    json_object_set_new(out, "MessageId", json_string(id));
    json_object_set_new(out, "ReceiptHandle", json_of(buf_view(&handle)));
    json_object_set_new(out, "MD5OfBody", json_string(digest));
    json_object_set_new(out, "Body", json_of(m->body));
    if (json_object_size(system) > 0)
        json_object_set(out, "Attributes", system);
    add_attributes(out, m, w);
    json_decref(system);
    buf_fini(&handle);
    return out;
}
