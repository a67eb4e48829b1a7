/* attributes.c - see attributes.h. */
#include "doors/sqs/attributes.h"
#include "base/buf.h"
#include "doors/sqs/legal.h"
#include "doors/sqs/redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum attribute_kind {
    INTEGER,
    BOOLEAN,
    DOCUMENT,     /* an object; the empty text removes it */
    TEXT,         /* the empty text removes it */
    FACT,         /* read only */
    FIFO_UNKNOWN, /* refused on standard queues as unknown */
    FIFO_ONLY,    /* refused on standard queues by name */
};

struct attribute_row {
    const char         *name;
    enum attribute_kind kind;
    int64_t             min, max;
    const char         *preset; /* NULL: absent until set */
};

static const struct attribute_row rows[] = {
    [ATTR_DELAY_SECONDS] = { "DelaySeconds", INTEGER, 0, 900, "0" },
    [ATTR_MAXIMUM_MESSAGE_SIZE] = { "MaximumMessageSize", INTEGER, 1024, 1048576, "1048576" },
    [ATTR_MESSAGE_RETENTION_PERIOD] = { "MessageRetentionPeriod", INTEGER, 60, 1209600, "345600" },
    [ATTR_RECEIVE_WAIT_SECONDS] = { "ReceiveMessageWaitTimeSeconds", INTEGER, 0, 20, "0" },
    [ATTR_VISIBILITY_TIMEOUT] = { "VisibilityTimeout", INTEGER, 0, 43200, "30" },
    [ATTR_POLICY] = { "Policy", DOCUMENT, 0, POLICY_BYTES_MAX, NULL },
    [ATTR_REDRIVE_POLICY] = { "RedrivePolicy", DOCUMENT, 0, POLICY_BYTES_MAX, NULL },
    [ATTR_REDRIVE_ALLOW_POLICY] = { "RedriveAllowPolicy", DOCUMENT, 0, POLICY_BYTES_MAX, NULL },
    [ATTR_KMS_MASTER_KEY_ID] = { "KmsMasterKeyId", TEXT, 0, 2048, NULL },
    [ATTR_KMS_REUSE_SECONDS] = { "KmsDataKeyReusePeriodSeconds", INTEGER, 60, 86400, "300" },
    [ATTR_SQS_MANAGED_SSE] = { "SqsManagedSseEnabled", BOOLEAN, 0, 0, "true" },
    [ATTR_QUEUE_ARN] = { "QueueArn", FACT, 0, 0, NULL },
    [ATTR_CREATED] = { "CreatedTimestamp", FACT, 0, 0, NULL },
    [ATTR_MODIFIED] = { "LastModifiedTimestamp", FACT, 0, 0, NULL },
    [ATTR_MESSAGES] = { "ApproximateNumberOfMessages", FACT, 0, 0, NULL },
    [ATTR_MESSAGES_NOT_VISIBLE] = { "ApproximateNumberOfMessagesNotVisible", FACT, 0, 0, NULL },
    [ATTR_MESSAGES_DELAYED] = { "ApproximateNumberOfMessagesDelayed", FACT, 0, 0, NULL },
    [ATTR_FIFO_QUEUE] = { "FifoQueue", FIFO_UNKNOWN, 0, 0, NULL },
    [ATTR_CONTENT_BASED_DEDUPLICATION] = { "ContentBasedDeduplication", FIFO_UNKNOWN, 0, 0, NULL },
    [ATTR_DEDUPLICATION_SCOPE] = { "DeduplicationScope", FIFO_ONLY, 0, 0, NULL },
    [ATTR_FIFO_THROUGHPUT_LIMIT] = { "FifoThroughputLimit", FIFO_ONLY, 0, 0, NULL },
};
_Static_assert(COUNT(rows) == ATTR_COUNT, "a new attribute needs a row");

/* ATTR_COUNT when there is none of that name. */
static enum queue_attribute find(const char *name)
{
    size_t at = 0;

    while (at < ATTR_COUNT && strcmp(rows[at].name, name) != 0)
        at++;
    return (enum queue_attribute)at;
}

/* ---- values in and out ---- */

/* Digits only; -1 when it is anything else or beyond any range. */
static int64_t parse_number(struct bytes text)
{
    int64_t v = 0;

    if (text.len == 0 || text.len > 18)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        v = v * 10 + (text.at[i] - '0');
    }
    return v;
}

static struct bytes text_of(struct arena *a, const char *text)
{
    return bytes_of(arena_str(a, bytes_str(text)), strlen(text));
}

static struct bytes number_text(struct arena *a, int64_t v)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, v);
    return text_of(a, text);
}

static bool refuse_value(enum queue_attribute at, struct fault *f)
{
    return fault_set(f, SHAPE_INVALID_ATTRIBUTE_VALUE, "Invalid value for the parameter %s.",
                     rows[at].name);
}

static bool read_integer(enum queue_attribute at, struct arena *a, struct bytes text,
                         struct bytes *out, struct fault *f)
{
    int64_t v = parse_number(text);

    if (v < rows[at].min || v > rows[at].max)
        return refuse_value(at, f);
    *out = number_text(a, v);
    return true;
}

static bool read_boolean(enum queue_attribute at, struct arena *a, struct bytes text,
                         struct bytes *out, struct fault *f)
{
    bool is_true = text.len == 4 && strncasecmp((const char *)text.at, "true", 4) == 0;

    if (!is_true && !(text.len == 5 && strncasecmp((const char *)text.at, "false", 5) == 0))
        return refuse_value(at, f);
    *out = text_of(a, is_true ? "true" : "false");
    return true;
}

static bool read_document(enum queue_attribute at, struct arena *a, struct bytes text,
                          struct bytes *out, struct fault *f)
{
    json_t *document;
    bool    ok;

    *out = bytes_of(NULL, 0);
    if (text.len == 0)
        return true;
    if (text.len > (size_t)rows[at].max)
        return refuse_value(at, f);
    document = json_loadb((const char *)text.at, text.len, 0, NULL);
    if (at == ATTR_REDRIVE_POLICY)
        ok = redrive_check(document, text, f);
    else if (at == ATTR_REDRIVE_ALLOW_POLICY)
        ok = redrive_allow_check(document, text, f);
    else
        ok = json_is_object(document) || refuse_value(at, f);
    json_decref(document);
    *out = bytes_of(arena_str(a, text), text.len);
    return ok;
}

static bool read_text(enum queue_attribute at, struct arena *a, struct bytes text,
                      struct bytes *out, struct fault *f)
{
    *out = bytes_of(NULL, 0);
    if (text.len > (size_t)rows[at].max)
        return refuse_value(at, f);
    if (text.len > 0)
        *out = bytes_of(arena_str(a, text), text.len);
    return true;
}

static bool refuse_name(enum queue_attribute at, const char *name, struct fault *f)
{
    if (at < ATTR_COUNT && rows[at].kind == FIFO_ONLY)
        return fault_set(f, SHAPE_INVALID_ATTRIBUTE_NAME,
                         "You can specify the %s only when FifoQueue is set to true.", name);
    return fault_set(f, SHAPE_INVALID_ATTRIBUTE_NAME, "Unknown Attribute %s.", name);
}

static bool read_value(const char *name, struct arena *a, struct bytes text,
                       struct queue_settings *s, struct fault *f)
{
    enum queue_attribute at = find(name);

    if (at >= ATTR_STORED_COUNT)
        return refuse_name(at, name, f);
    if (memchr(text.len > 0 ? text.at : (const uint8_t *)"x", 0, text.len))
        return refuse_value(at, f);
    switch (rows[at].kind) {
    case INTEGER:
        return read_integer(at, a, text, &s->values[at], f);
    case BOOLEAN:
        return read_boolean(at, a, text, &s->values[at], f);
    case DOCUMENT:
        return read_document(at, a, text, &s->values[at], f);
    case TEXT:
        return read_text(at, a, text, &s->values[at], f);
    case FACT:
    case FIFO_UNKNOWN:
    case FIFO_ONLY:
        break;
    }
    return refuse_name(at, name, f);
}

/*
 * The two kinds of encryption exclude each other: a key turns the service's own off, the service's
 * own forgets the key. Both in one request is an error. Taking the key away leaves the service's
 * own off.
 */
static bool settle_encryption(struct queue_settings *s, struct arena *a, const json_t *changes,
                              struct fault *f)
{
    const char *key_name = rows[ATTR_KMS_MASTER_KEY_ID].name;
    const char *own_name = rows[ATTR_SQS_MANAGED_SSE].name;
    bool        sets_key = json_string_length(json_object_get(changes, key_name)) > 0;
    bool        sets_own =
        json_object_get(changes, own_name) && bytes_eq_str(s->values[ATTR_SQS_MANAGED_SSE], "true");

    if (sets_key && sets_own)
        return fault_set(f, SHAPE_INVALID_ATTRIBUTE_NAME,
                         "You can use one type of server-side encryption (SSE) at one time. You "
                         "can either enable KMS SSE or SQS SSE.");
    if (sets_key)
        s->values[ATTR_SQS_MANAGED_SSE] = text_of(a, "false");
    if (sets_own)
        s->values[ATTR_KMS_MASTER_KEY_ID] = s->values[ATTR_KMS_REUSE_SECONDS] = bytes_of(NULL, 0);
    return true;
}

bool settings_change(struct queue_settings *s, struct arena *a, const json_t *attributes,
                     struct fault *f)
{
    const char *name;
    json_t     *value;

    json_object_foreach ((json_t *)attributes, name, value) {
        struct bytes text = bytes_of(json_string_value(value), json_string_length(value));

        if (!read_value(name, a, text, s, f))
            return false;
    }
    return settle_encryption(s, a, attributes, f);
}

bool tags_check(const json_t *tags, struct fault *f)
{
    const char *name;
    json_t     *value;

    if (json_object_size(tags) > QUEUE_TAGS_MAX)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Too many tags added for queue. Maximum is %d.", QUEUE_TAGS_MAX);
    json_object_foreach ((json_t *)tags, name, value) {
        size_t name_bytes = strlen(name), value_bytes = json_string_length(value);

        if (name_bytes == 0 || name_bytes > TAG_NAME_BYTES_MAX || value_bytes > TAG_VALUE_BYTES_MAX)
            return fault_set(
                f, SHAPE_INVALID_PARAMETER,
                "Tag keys must be between 1 and 128 characters in length, tag values at most 256.");
    }
    return true;
}

/* ---- what a queue keeps ---- */

static void load_attributes(struct queue_settings *s, struct arena *a, const json_t *attributes)
{
    for (size_t at = 0; at < ATTR_STORED_COUNT; at++) {
        const json_t *value = json_object_get(attributes, rows[at].name);

        if (json_is_string(value))
            s->values[at] = text_of(a, json_string_value(value));
    }
}

/* What the policy of a queue of another door says in terms of SQS; what is out of its ranges stays
 * the default. */
static void load_policy(struct queue_settings *s, struct arena *a,
                        const struct queue_policy *policy)
{
    const struct {
        enum queue_attribute at;
        int64_t              ms;
    } from[] = { { ATTR_VISIBILITY_TIMEOUT, policy->lease_ms },
                 { ATTR_DELAY_SECONDS, policy->delay_ms },
                 { ATTR_MESSAGE_RETENTION_PERIOD, policy->retention_ms } };

    for (size_t i = 0; i < COUNT(from); i++) {
        const struct attribute_row *row = &rows[from[i].at];
        int64_t                     seconds = from[i].ms / 1000;

        if (seconds > 0 && seconds >= row->min && seconds <= row->max)
            s->values[from[i].at] = number_text(a, seconds);
    }
}

void settings_load(struct queue_settings *s, struct arena *a, const struct queue_view *view)
{
    struct bytes native = view->native[DOOR_SQS];
    json_t      *stored =
        native.len > 0 ? json_loadb((const char *)native.at, native.len, 0, NULL) : NULL;
    json_t *tags = json_object_get(stored, "tags");

    *s = (struct queue_settings){ 0 };
    if (stored)
        load_attributes(s, a, json_object_get(stored, "attributes"));
    else
        load_policy(s, a, &view->policy);
    s->tags = json_is_object(tags) ? json_incref(tags) : json_object();
    json_decref(stored);
}

void settings_fini(struct queue_settings *s)
{
    json_decref(s->tags);
    s->tags = NULL;
}

static json_t *json_text(struct bytes text)
{
    return json_stringn_nocheck((const char *)text.at, text.len);
}

struct bytes settings_store(const struct queue_settings *s, struct arena *a)
{
    json_t      *whole = json_object();
    json_t      *attributes = json_object();
    struct bytes native;
    char        *text;

    for (size_t at = 0; at < ATTR_STORED_COUNT; at++)
        if (!bytes_is_null(s->values[at]))
            json_object_set_new(attributes, rows[at].name, json_text(s->values[at]));
    json_object_set_new(whole, "attributes", attributes);
    if (json_object_size(s->tags) > 0)
        json_object_set(whole, "tags", s->tags);
    text = json_dumps(whole, JSON_COMPACT);
    native = arena_bytes(a, bytes_str(text));
    free(text);
    json_decref(whole);
    return native;
}

struct bytes settings_text(const struct queue_settings *s, enum queue_attribute at)
{
    if (at == ATTR_KMS_REUSE_SECONDS && bytes_is_null(s->values[ATTR_KMS_MASTER_KEY_ID]))
        return bytes_of(NULL, 0);
    return bytes_is_null(s->values[at]) ? bytes_str(rows[at].preset) : s->values[at];
}

int64_t settings_number(const struct queue_settings *s, enum queue_attribute at)
{
    return parse_number(settings_text(s, at));
}

const char *settings_difference(const struct queue_settings *have,
                                const struct queue_settings *wanted)
{
    for (size_t at = 0; at < ATTR_STORED_COUNT; at++)
        if (!bytes_is_null(wanted->values[at]) &&
            !bytes_eq(settings_text(have, (enum queue_attribute)at),
                      settings_text(wanted, (enum queue_attribute)at)))
            return rows[at].name;
    return NULL;
}

static void put_ms(const struct queue_settings *s, enum queue_attribute at, bool with_default,
                   int64_t *ms)
{
    if (with_default || !bytes_is_null(s->values[at]))
        *ms = settings_number(s, at) * 1000;
}

void settings_policy(const struct queue_settings *s, bool with_defaults,
                     struct queue_policy *policy)
{
    put_ms(s, ATTR_VISIBILITY_TIMEOUT, with_defaults, &policy->lease_ms);
    put_ms(s, ATTR_DELAY_SECONDS, with_defaults, &policy->delay_ms);
    put_ms(s, ATTR_MESSAGE_RETENTION_PERIOD, with_defaults, &policy->retention_ms);
}

bool settings_redrive(const struct queue_settings *s, struct arena *a, struct redrive_policy *out)
{
    struct bytes text = s->values[ATTR_REDRIVE_POLICY];
    json_t *document = text.len > 0 ? json_loadb((const char *)text.at, text.len, 0, NULL) : NULL;
    bool    ok = document && redrive_parse(document, a, out);

    json_decref(document);
    return ok;
}

/* ---- GetQueueAttributes ---- */

static json_t *json_number_text(uint64_t v)
{
    return json_sprintf("%" PRIu64, v);
}

/* NULL when the queue has none. */
static json_t *value_of(enum queue_attribute at, const struct queue_settings *s,
                        const struct queue_view *view, struct bytes arn)
{
    switch ((int)at) {
    case ATTR_QUEUE_ARN:
        return json_text(arn);
    case ATTR_CREATED:
        return json_number_text((uint64_t)view->created_ms / 1000);
    case ATTR_MODIFIED:
        return json_number_text((uint64_t)view->altered_ms / 1000);
    case ATTR_MESSAGES:
        return json_number_text(view->ready_count);
    case ATTR_MESSAGES_NOT_VISIBLE:
        return json_number_text(view->leased_count);
    case ATTR_MESSAGES_DELAYED:
        return json_number_text(view->delayed_count);
    default:
        break;
    }
    if (at >= ATTR_STORED_COUNT || bytes_is_null(settings_text(s, at)))
        return NULL;
    return json_text(settings_text(s, at));
}

/* Which attributes are asked for, by their number. */
static bool read_names(const json_t *names, bool wanted[ATTR_COUNT], struct fault *f)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char          *name = json_string_value(json_array_get(names, i));
        enum queue_attribute at = find(name);
        bool                 all = strcmp(name, "All") == 0;

        if (!all && at == ATTR_COUNT)
            return fault_set(f, SHAPE_INVALID_ATTRIBUTE_NAME, "Unknown Attribute %s.", name);
        for (size_t j = all ? 0 : at; j < (all ? (size_t)ATTR_COUNT : at + 1u); j++)
            wanted[j] = true;
    }
    return true;
}

json_t *attributes_report(const struct queue_settings *s, const struct queue_view *view,
                          struct bytes arn, const json_t *names, struct fault *f)
{
    bool    wanted[ATTR_COUNT] = { false };
    json_t *report;

    if (!read_names(names, wanted, f))
        return NULL;
    report = json_object();
    for (size_t at = 0; at < ATTR_COUNT; at++) {
        json_t *value = wanted[at] ? value_of((enum queue_attribute)at, s, view, arn) : NULL;

        if (value)
            json_object_set_new(report, rows[at].name, value);
    }
    return report;
}
