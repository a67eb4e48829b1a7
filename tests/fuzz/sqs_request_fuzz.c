/* sqs_request_fuzz.c - a request's body through everything that reads it, for the action its first
 * byte names. What can be sent must come back the same from a stored batch; settings must come back
 * the same from their stored text. */
#include "doors/sqs/actions.h"
#include "doors/sqs/attributes.h"
#include "doors/sqs/compose.h"
#include "doors/sqs/entries.h"
#include "doors/sqs/names.h"
#include "doors/sqs/opened.h"
#include "doors/sqs/pages.h"
#include "doors/sqs/present.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static const struct uuid topic = { { 1 } };

/* Writes, opens, shows. */
static void round_trip(struct arena *a, const struct sqs_message *in)
{
    const struct wanted wanted = { 0 };
    struct batch_writer w;
    struct sqs_message  out;
    struct message_ref  ref = { .attempts = 1, .counted_attempts = 1 };
    struct opened       opened;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    record_write(&w, 1, in);
    batch_end(&w);
    ref.batch.bytes = buf_view(&b);
    opened_init(&opened, a, &topic, bytes_str(ACCOUNT_DEFAULT));
    opened_read(&opened, &ref, &out);
    must(in->body.len == 0 ||
         (bytes_eq(in->body, out.body) && memcmp(in->id.at, out.id.at, 16) == 0));
    for (size_t i = 0; in->body.len > 0 && i < in->attribute_count; i++)
        must(bytes_eq(in->attributes[i].name, out.attributes[i].name) &&
             bytes_eq(in->attributes[i].value, out.attributes[i].value));
    json_decref(present_message(&out, &ref, &wanted));
    opened_fini(&opened);
    buf_fini(&b);
}

static void send_one(struct arena *a, const json_t *entry)
{
    struct fault    f = { .shape = SHAPE_NONE };
    struct composed c;

    if (compose(&c, a, entry, &f))
        round_trip(a, &c.message);
    else
        must(f.shape != SHAPE_NONE && bytes_is_utf8(bytes_str(f.text)));
}

static void send_entries(struct arena *a, const json_t *entries)
{
    struct fault f = { .shape = SHAPE_NONE };
    json_t      *out = json_object();

    if (entries_check(entries, "X", &f))
        for (size_t i = 0; i < json_array_size(entries); i++) {
            send_one(a, json_array_get(entries, i));
            entries_succeed(out, json_array_get(entries, i));
        }
    json_decref(out);
}

static void change_settings(struct arena *a, const json_t *in)
{
    struct fault          f = { .shape = SHAPE_NONE };
    struct queue_view     view = { .id = 1 };
    struct queue_settings s, again;
    struct redrive_policy redrive;

    settings_load(&s, a, &view);
    tags_check(json_object_get(in, "tags"), &f);
    if (settings_change(&s, a, json_object_get(in, "Attributes"), &f)) {
        view.native[DOOR_SQS] = settings_store(&s, a);
        settings_load(&again, a, &view);
        must(!settings_difference(&again, &s) && !settings_difference(&s, &again));
        settings_redrive(&again, a, &redrive);
        settings_fini(&again);
    }
    settings_fini(&s);
}

static void read_names(struct arena *a, const json_t *in)
{
    const char      *url = json_string_value(json_object_get(in, "QueueUrl"));
    struct fault     f = { .shape = SHAPE_NONE };
    struct queue_ref ref;
    struct page      page;

    if (url && queue_url_parse(a, bytes_str(url), bytes_str(ACCOUNT_DEFAULT), &ref))
        queue_url_format(a, bytes_str("http://h"), ref);
    if (page_begin(&page, a, in, &f)) {
        page_wants(&page, bytes_str("name"));
        json_decref(page.list);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct fault         f = { .shape = SHAPE_NONE };
    const struct action *action = len > 0 ? action_at(at[0] % 32) : NULL;
    json_t *in = action ? json_loadb((const char *)at + 1, len - 1, JSON_ALLOW_NUL, NULL) : NULL;
    struct arena a;

    arena_init(&a);
    if (json_is_object(in) && members_check(action->members, in, &f)) {
        read_names(&a, in);
        if (action->handle == on_send_message)
            send_one(&a, in);
        else if (action->handle == on_send_message_batch)
            send_entries(&a, json_object_get(in, "Entries"));
        else if (action->handle == on_create_queue || action->handle == on_set_queue_attributes)
            change_settings(&a, in);
    }
    json_decref(in);
    arena_fini(&a);
    return 0;
}
