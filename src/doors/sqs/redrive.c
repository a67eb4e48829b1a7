/* redrive.c - see redrive.h. */
#include "doors/sqs/redrive.h"
#include "doors/sqs/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALLOW_UNSUPPORTED                                                                          \
    "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the "     \
    "redrive allow policy, "                                                                       \
    "as it\xe2\x80\x99s in an unsupported format."

__attribute__((format(printf, 4, 5))) static bool
refuse(struct fault *f, struct bytes text, const char *parameter, const char *format, ...)
{
    char    reason[256];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return fault_set(
        f, SHAPE_INVALID_PARAMETER, "Value %.*s for parameter %s is invalid. Reason: %s",
        (int)(text.len < 1024 ? text.len : 1024), (const char *)text.at, parameter, reason);
}

/* A number, or a text of digits; -1: neither. */
static json_int_t receives_of(const json_t *value)
{
    const char *text = json_string_value(value);
    char       *end;
    long        v;

    if (json_is_integer(value))
        return json_integer_value(value);
    if (!text || text[0] < '0' || text[0] > '9')
        return -1;
    v = strtol(text, &end, 10);
    return *end == 0 ? v : -1;
}

static bool check_members(const json_t *document, struct bytes text, struct fault *f)
{
    static const char *const mandatory[] = { "deadLetterTargetArn", "maxReceiveCount" };

    for (size_t i = 0; i < COUNT(mandatory); i++)
        if (!json_object_get(document, mandatory[i]))
            return refuse(f, text, "RedrivePolicy",
                          "Redrive policy does not contain mandatory attribute: %s.", mandatory[i]);
    if (json_object_size(document) != COUNT(mandatory))
        return refuse(
            f, text, "RedrivePolicy",
            "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].");
    return true;
}

bool redrive_check(const json_t *document, struct bytes text, struct fault *f)
{
    const json_t    *count = json_object_get(document, "maxReceiveCount");
    const json_t    *target = json_object_get(document, "deadLetterTargetArn");
    struct queue_ref ref;
    json_int_t       receives;

    if (!json_is_object(document))
        return refuse(f, text, "RedrivePolicy", "Redrive policy is not a valid JSON map.");
    if (!check_members(document, text, f))
        return false;
    receives = receives_of(count);
    if (receives < 1 || receives > REDRIVE_RECEIVES_MAX)
        return refuse(f, text, "RedrivePolicy",
                      "Invalid value for maxReceiveCount: %" JSON_INTEGER_FORMAT
                      ", valid values are from 1 to 1000 both inclusive.",
                      receives);
    if (!json_is_string(target) || !queue_arn_parse(bytes_str(json_string_value(target)), &ref))
        return refuse(f, text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.");
    return true;
}

bool redrive_parse(const json_t *document, struct arena *a, struct redrive_policy *out)
{
    struct fault ignored = { .shape = SHAPE_NONE };
    const char  *target = json_string_value(json_object_get(document, "deadLetterTargetArn"));

    if (!redrive_check(document, bytes_str(""), &ignored))
        return false;
    out->target_arn = bytes_of(arena_str(a, bytes_str(target)), strlen(target));
    out->receives_max = (uint32_t)receives_of(json_object_get(document, "maxReceiveCount"));
    return true;
}

static bool is_text_array(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return json_is_array(value);
}

static bool check_sources(const char *permission, const json_t *sources, struct bytes text,
                          struct fault *f)
{
    bool by_queue = strcmp(permission, "byQueue") == 0;

    if (!by_queue && sources)
        return refuse(f, text, "RedriveAllowPolicy",
                      "Amazon SQS can't create the redrive allow policy. To specify one or more "
                      "source queue ARNs, you must set redrivePermission to byQueue.");
    if (by_queue && json_array_size(sources) == 0)
        return refuse(f, text, "RedriveAllowPolicy",
                      "Amazon SQS can't create the redrive allow policy. When you specify the "
                      "byQueue permission type, you must also specify one or more sourceQueueArns "
                      "values.");
    if (json_array_size(sources) > REDRIVE_SOURCES_MAX)
        return refuse(f, text, "RedriveAllowPolicy",
                      "Amazon SQS can't create the redrive allow policy. The maximum number of "
                      "source queue ARNs you can specify is 10.");
    return true;
}

bool redrive_allow_check(const json_t *document, struct bytes text, struct fault *f)
{
    const char   *permission = json_string_value(json_object_get(document, "redrivePermission"));
    const json_t *sources = json_object_get(document, "sourceQueueArns");
    bool          is_known =
        permission && (strcmp(permission, "allowAll") == 0 || strcmp(permission, "denyAll") == 0 ||
                       strcmp(permission, "byQueue") == 0);

    if (!is_known || json_object_size(document) != (sources ? 2 : 1) ||
        (sources && !is_text_array(sources)))
        return fault_set(f, SHAPE_INVALID_ATTRIBUTE_VALUE, "%s", ALLOW_UNSUPPORTED);
    return check_sources(permission, sources, text, f);
}

bool redrive_is_allowed(const struct queue_settings *target, struct bytes source_arn)
{
    struct bytes text = target->values[ATTR_REDRIVE_ALLOW_POLICY];
    json_t *document = text.len > 0 ? json_loadb((const char *)text.at, text.len, 0, NULL) : NULL;
    const char   *permission = json_string_value(json_object_get(document, "redrivePermission"));
    const json_t *sources = json_object_get(document, "sourceQueueArns");
    bool          ok = !permission || strcmp(permission, "allowAll") == 0;

    for (size_t i = 0; i < json_array_size(sources); i++)
        ok = ok || bytes_eq_str(source_arn, json_string_value(json_array_get(sources, i)));
    json_decref(document);
    return ok;
}
