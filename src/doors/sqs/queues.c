/*
 * queues.c - the actions on whole queues: create, find, list, delete, purge.
 *
 * CreateQueue is idempotent: when the queue exists, the attributes the client gives must equal
 * those in force; what it does not give is not compared, nor are tags. A queue that another door
 * declared becomes an SQS queue by it: the settings are added, and only what the client gives by
 * name changes the policy, so that nothing of the other door's messages expires by a default of
 * ours.
 *
 * Thread: the loop's.
 */
#include "doors/sqs/deadletter.h"
#include "doors/sqs/legal.h"
#include "doors/sqs/pages.h"
#include "doors/sqs/request.h"
#include "doors/sqs/sqs_int.h"

#include <assert.h>
#include <strings.h>

/* Queues the AMQP door names itself belong to one connection. */
#define SERVER_NAMED_PREFIX "amq.gen-"

/* ---- CreateQueue ---- */

struct creation {
    struct queue_settings wanted;
    struct queue_policy   policy;
};

static bool ends_with(struct bytes b, const char *suffix)
{
    size_t n = strlen(suffix);

    return b.len >= n && memcmp(b.at + b.len - n, suffix, n) == 0;
}

/*
 * FIFO queues promise an order within each group and a memory of five minutes against duplicates;
 * the engine keeps neither for a queue yet, and half of it would be worse than a clear refusal.
 */
static bool check_fifo(struct bytes name, const char *fifo, struct fault *f)
{
    if (fifo && strcasecmp(fifo, "true") == 0 && ends_with(name, ".fifo"))
        return fault_set(f, SHAPE_UNSUPPORTED,
                         "FIFO queues are not available: FifoQueue=true is refused.");
    if (fifo && strcasecmp(fifo, "true") == 0)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "The name of a FIFO queue can only include alphanumeric characters, "
                         "hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in "
                         "length");
    return true;
}

static bool check_queue_name(struct bytes name, struct fault *f)
{
    if (bytes_is_null(name))
        return fault_set(
            f, SHAPE_INVALID_PARAMETER,
            "Value for parameter QueueName is invalid. Reason: Must specify a queue name.");
    if (name.len == 0)
        return fault_set(f, SHAPE_INVALID_PARAMETER, "Queue name cannot be empty");
    if (!legal_queue_name(name))
        return fault_set(
            f, SHAPE_INVALID_PARAMETER,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    return true;
}

static bool read_creation(struct request *r, struct creation *c)
{
    const json_t *attributes = json_object_get(r->in, "Attributes");
    const json_t *tags = json_object_get(r->in, "tags");
    const char   *fifo = json_string_value(json_object_get(attributes, "FifoQueue"));
    struct bytes  name = request_text(r->in, "QueueName");

    if (!check_fifo(name, fifo, &r->fault) || !check_queue_name(name, &r->fault))
        return false;
    r->queue = (struct queue_ref){ r->caller.account, name };
    r->ns = namespace_of(r->queue.account);
    if (!settings_change(&c->wanted, &r->arena, attributes, &r->fault) ||
        !tags_check(tags, &r->fault))
        return false;
    c->wanted.tags = json_incref((json_t *)tags);
    settings_policy(&c->wanted, true, &c->policy);
    return true;
}

static void answer_queue_url(struct request *r)
{
    json_object_set_new(r->out, "QueueUrl",
                        request_json(queue_url_format(&r->arena, r->base_url, r->queue)));
    request_finish(r);
}

static void on_adopted(struct call *c)
{
    struct request *r = c->ctx;

    if (c->err != ERR_OK)
        fault_err(&r->fault, c->err);
    call_free(c);
    if (r->fault.shape == SHAPE_NONE)
        answer_queue_url(r);
    else
        request_finish(r);
}

/* The queue was another door's: give it what the client asked for by name. */
static void adopt(struct request *r, const struct queue_view *view, struct queue_policy policy)
{
    struct queue_alter_call *alter = request_call(r, sizeof *alter, CALL_QUEUE_ALTER, on_adopted);

    alter->ns = r->ns;
    alter->name = r->queue.name;
    alter->policy = policy;
    alter->door = DOOR_SQS;
    alter->native = call_bytes(alter, view->native[DOOR_SQS]);
    request_submit(r, alter);
}

static bool policies_equal(const struct queue_policy *a, const struct queue_policy *b)
{
    return a->lease_ms == b->lease_ms && a->delay_ms == b->delay_ms &&
           a->retention_ms == b->retention_ms;
}

static void compare(struct request *r, const struct creation *wanted, const struct queue_view *view)
{
    struct queue_settings have;
    const char           *name;

    settings_load(&have, &r->arena, view);
    name = settings_difference(&have, &wanted->wanted);
    if (name)
        fault_set(
            &r->fault, SHAPE_QUEUE_NAME_EXISTS,
            "A queue already exists with the same name and a different value for attribute %s",
            name);
    settings_fini(&have);
}

static void on_declared(struct call *c)
{
    struct request            *r = c->ctx;
    struct queue_declare_call *declare = (struct queue_declare_call *)c;
    struct creation           *wanted = r->work;
    struct queue_policy        policy = declare->view.policy;
    bool is_ours = declare->existed || policies_equal(&policy, &wanted->policy);

    if (c->err != ERR_OK)
        fault_err(&r->fault, c->err == ERR_LOCKED ? ERR_ACCESS : c->err);
    else if (declare->existed)
        compare(r, wanted, &declare->view);
    settings_policy(&wanted->wanted, false, &policy);
    settings_fini(&wanted->wanted);
    if (r->fault.shape == SHAPE_NONE && !is_ours && !policies_equal(&policy, &declare->view.policy))
        adopt(r, &declare->view, policy);
    else if (r->fault.shape == SHAPE_NONE)
        answer_queue_url(r);
    else
        request_finish(r);
    call_free(c);
}

static void declare(struct request *r)
{
    struct creation           *wanted = r->work;
    struct queue_declare_call *call;

    if (r->fault.shape != SHAPE_NONE) {
        settings_fini(&wanted->wanted);
        request_finish(r);
        return;
    }
    call = request_call(r, sizeof *call, CALL_QUEUE_DECLARE, on_declared);
    call->ns = r->ns;
    call->name = r->queue.name;
    call->is_durable = true;
    call->policy = wanted->policy;
    call->door = DOOR_SQS;
    call->native = settings_store(&wanted->wanted, &call->call.arena);
    request_submit(r, call);
}

void on_create_queue(struct request *r)
{
    struct creation *wanted = arena_struct(&r->arena, struct creation);

    r->work = wanted;
    if (!read_creation(r, wanted)) {
        settings_fini(&wanted->wanted);
        request_finish(r);
        return;
    }
    deadletter_check_target(r, &wanted->wanted, declare);
}

/* ---- GetQueueUrl ---- */

static void on_url_found(struct call *c)
{
    struct request        *r = c->ctx;
    struct queue_get_call *get = (struct queue_get_call *)c;
    bool                   found = c->err == ERR_OK && get->count == 1 && get->views[0].owner == 0;

    if (!found)
        fault_err(&r->fault, c->err == ERR_OK ? ERR_NO_QUEUE : c->err);
    call_free(c);
    if (found)
        answer_queue_url(r);
    else
        request_finish(r);
}

void on_get_queue_url(struct request *r)
{
    struct bytes           name = request_text(r->in, "QueueName");
    struct bytes           owner = request_text(r->in, "QueueOwnerAWSAccountId");
    struct queue_get_call *get;

    if (name.len == 0)
        fault_set(&r->fault, SHAPE_INVALID_PARAMETER,
                  "Value for parameter QueueName is invalid. Reason: Must specify a queue name.");
    else if (owner.len > 0 && !legal_account(owner))
        fault_raise(&r->fault, SHAPE_QUEUE_DOES_NOT_EXIST);
    if (r->fault.shape != SHAPE_NONE) {
        request_finish(r);
        return;
    }
    r->queue = (struct queue_ref){ owner.len > 0 ? owner : r->caller.account, name };
    get = request_call(r, sizeof *get, CALL_QUEUE_GET, on_url_found);
    get->ns = namespace_of(r->queue.account);
    get->name = name;
    request_submit(r, get);
}

/* ---- ListQueues, ListDeadLetterSourceQueues ---- */

static bool is_listed(const struct queue_view *view, struct bytes prefix)
{
    return view->owner == 0 && !bytes_starts(view->name, SERVER_NAMED_PREFIX) &&
           view->name.len >= prefix.len &&
           memcmp(view->name.at, prefix.at ? prefix.at : view->name.at, prefix.len) == 0;
}

static json_t *url_of(struct request *r, struct bytes account, const struct queue_view *view)
{
    return request_json(
        queue_url_format(&r->arena, r->base_url, (struct queue_ref){ account, view->name }));
}

static void on_listed(struct call *c)
{
    struct request        *r = c->ctx;
    struct queue_get_call *get = (struct queue_get_call *)c;
    struct page           *page = r->work;
    struct bytes           prefix = request_text(r->in, "QueueNamePrefix");

    if (c->err != ERR_OK)
        fault_err(&r->fault, c->err);
    for (size_t i = 0; c->err == ERR_OK && i < get->count; i++)
        if (is_listed(&get->views[i], prefix) && page_wants(page, get->views[i].name))
            page_add(page, get->views[i].name, url_of(r, r->caller.account, &get->views[i]));
    page_end(page, r->out, "QueueUrls");
    call_free(c);
    request_finish(r);
}

/* Names come sorted, which is what a page goes by. */
static void list(struct request *r, struct bytes ns, call_done_fn *done)
{
    struct page           *page = arena_struct(&r->arena, struct page);
    struct queue_get_call *get;

    r->work = page;
    if (!page_begin(page, &r->arena, r->in, &r->fault)) {
        request_finish(r);
        return;
    }
    get = request_call(r, sizeof *get, CALL_QUEUE_GET, done);
    get->ns = ns;
    request_submit(r, get);
}

void on_list_queues(struct request *r)
{
    list(r, namespace_of(r->caller.account), on_listed);
}

static bool is_source_of(struct request *r, const struct queue_view *view)
{
    struct queue_settings settings;
    struct redrive_policy redrive;
    struct queue_ref      target;
    bool                  is_one;

    settings_load(&settings, &r->arena, view);
    is_one = settings_redrive(&settings, &r->arena, &redrive) &&
             queue_arn_parse(redrive.target_arn, &target) && bytes_eq(target.name, r->queue.name) &&
             bytes_eq(target.account, r->queue.account);
    settings_fini(&settings);
    return is_one;
}

static void on_sources_listed(struct call *c)
{
    struct request        *r = c->ctx;
    struct queue_get_call *get = (struct queue_get_call *)c;
    struct page           *page = r->work;

    if (c->err != ERR_OK)
        fault_err(&r->fault, c->err);
    for (size_t i = 0; c->err == ERR_OK && i < get->count; i++)
        if (is_source_of(r, &get->views[i]) && page_wants(page, get->views[i].name))
            page_add(page, get->views[i].name, url_of(r, r->queue.account, &get->views[i]));
    page_end(page, r->out, "queueUrls");
    if (!json_object_get(r->out, "queueUrls"))
        json_object_set_new(r->out, "queueUrls",
                            json_array()); /* the one list that is there even when empty */
    call_free(c);
    request_finish(r);
}

void on_list_source_queues(struct request *r)
{
    list(r, r->ns, on_sources_listed);
}

/* ---- DeleteQueue, PurgeQueue ---- */

static void on_done(struct call *c)
{
    struct request *r = c->ctx;

    if (c->err != ERR_OK)
        fault_err(&r->fault, c->err);
    call_free(c);
    request_finish(r);
}

void on_delete_queue(struct request *r)
{
    struct queue_delete_call *call = request_call(r, sizeof *call, CALL_QUEUE_DELETE, on_done);

    call->ns = r->ns;
    call->name = r->queue.name;
    request_submit(r, call);
}

void on_purge_queue(struct request *r)
{
    struct queue_purge_call *call;

    if (!purges_begin(&r->door->purges, r->view->id, loop_now_ms(r->door->env.loop))) {
        fault_set(&r->fault, SHAPE_PURGE_IN_PROGRESS,
                  "Only one PurgeQueue operation on %.*s is allowed every 60 seconds.",
                  (int)r->queue.name.len, (const char *)r->queue.name.at);
        request_finish(r);
        return;
    }
    call = request_call(r, sizeof *call, CALL_QUEUE_PURGE, on_done);
    call->ns = r->ns;
    call->name = r->queue.name;
    call->leased_too = true;
    request_submit(r, call);
}
