/* entries.c - see entries.h. */
#include "doors/sqs/entries.h"
#include "doors/sqs/legal.h"

static const char *id_of(const json_t *entries, size_t i)
{
    return json_string_value(json_object_get(json_array_get(entries, i), "Id"));
}

static bool check_id(const json_t *entries, size_t i, const char *label, struct fault *f)
{
    const char *id = id_of(entries, i);

    if (!id)
        return fault_set(f, SHAPE_MISSING_PARAMETER,
                         "The request must contain the parameter %s.%zu.Id.", label, i + 1);
    if (!legal_batch_id(bytes_str(id)))
        return fault_raise(f, SHAPE_INVALID_ENTRY_ID);
    for (size_t j = 0; j < i; j++)
        if (strcmp(id_of(entries, j), id) == 0)
            return fault_set(f, SHAPE_ENTRY_IDS_NOT_DISTINCT, "Id %s repeated.", id);
    return true;
}

bool entries_check(const json_t *entries, const char *label, struct fault *f)
{
    size_t count = json_array_size(entries);

    if (count == 0)
        return fault_set(f, SHAPE_EMPTY_BATCH,
                         "There should be at least one %s in the request.", label);
    if (count > ENTRIES_MAX)
        return fault_set(f, SHAPE_TOO_MANY_ENTRIES,
                         "Maximum number of entries per request are %d. You have sent %zu.",
                         ENTRIES_MAX, count);
    for (size_t i = 0; i < count; i++)
        if (!check_id(entries, i, label, f))
            return false;
    return true;
}

/* Appends a new object to one of the two lists, which is made when it is the first. */
static json_t *add(json_t *out, const char *list_name, const json_t *entry)
{
    json_t *list = json_object_get(out, list_name);
    json_t *result = json_object();

    if (!list) {
        list = json_array();
        json_object_set_new(out, list_name, list);
    }
    json_object_set(result, "Id", json_object_get(entry, "Id"));
    json_array_append_new(list, result);
    return result;
}

json_t *entries_succeed(json_t *out, const json_t *entry)
{
    return add(out, "Successful", entry);
}

void entries_fail(json_t *out, const json_t *entry, const struct fault *f)
{
    json_t *result = add(out, "Failed", entry);

    json_object_set_new(result, "SenderFault", json_boolean(shape_is_sender(f->shape)));
    json_object_set_new(result, "Code", json_string(shape_row(f->shape)->code));
    json_object_set_new(result, "Message", json_string(f->text));
}
