/*
 * settings.c - the actions on what a queue has been set to: attributes and tags.
 *
 * A change reads the settings as they are now, applies itself and writes them back whole. Two
 * changes at the same moment may so lose one of them; the real service promises no more (it asks
 * for 60 seconds between them).
 *
 * Thread: the loop's.
 */
#include "doors/sqs/deadletter.h"
#include "doors/sqs/request.h"

static void on_altered(struct call *c)
{
    struct request *r = c->ctx;

    if (c->err != ERR_OK)
        fault_err(&r->fault, c->err);
    call_free(c);
    request_finish(r);
}

/* Writes r->settings back. */
static void alter(struct request *r)
{
    struct queue_alter_call *call;

    if (r->fault.shape != SHAPE_NONE) {
        request_finish(r);
        return;
    }
    call = request_call(r, sizeof *call, CALL_QUEUE_ALTER, on_altered);
    call->ns = r->ns;
    call->name = r->queue.name;
    call->policy = r->view->policy;
    settings_policy(&r->settings, false, &call->policy);
    call->door = DOOR_SQS;
    call->native = settings_store(&r->settings, &call->call.arena);
    request_submit(r, call);
}

void on_get_queue_attributes(struct request *r)
{
    struct bytes arn = queue_arn_format(&r->arena, r->caller.region, r->queue);
    json_t      *report = attributes_report(&r->settings, r->view, arn,
                                            json_object_get(r->in, "AttributeNames"), &r->fault);

    if (json_object_size(report) > 0)
        json_object_set(r->out, "Attributes", report);
    json_decref(report);
    request_finish(r);
}

void on_set_queue_attributes(struct request *r)
{
    const json_t *changes = json_object_get(r->in, "Attributes");

    if (!settings_change(&r->settings, &r->arena, changes, &r->fault)) {
        request_finish(r);
    } else if (json_object_get(changes, "RedrivePolicy")) {
        deadletter_check_target(r, &r->settings, alter);
    } else {
        alter(r);
    }
}

void on_list_queue_tags(struct request *r)
{
    if (json_object_size(r->settings.tags) > 0)
        json_object_set(r->out, "Tags", r->settings.tags);
    request_finish(r);
}

void on_tag_queue(struct request *r)
{
    json_object_update(r->settings.tags, json_object_get(r->in, "Tags"));
    tags_check(r->settings.tags, &r->fault);
    alter(r);
}

void on_untag_queue(struct request *r)
{
    const json_t *keys = json_object_get(r->in, "TagKeys");

    for (size_t i = 0; i < json_array_size(keys); i++)
        json_object_del(r->settings.tags, json_string_value(json_array_get(keys, i)));
    alter(r);
}
