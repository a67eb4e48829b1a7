/* deadletter.c - see deadletter.h. */
#include "doors/sqs/deadletter.h"
#include "doors/sqs/opened.h"
#include "doors/sqs/redrive.h"
#include "doors/sqs/sqs_int.h"
#include "engine/transact_calls.h"

struct deadletter {
    struct redrive_policy      policy;
    struct bytes               document; /* the RedrivePolicy as it was given, for texts */
    struct queue_ref           target;
    struct deadletter_message *messages;
    size_t                     count;
    deadletter_next_fn        *next;
};

static struct deadletter *begin(struct request *r, deadletter_next_fn *next)
{
    struct deadletter *d = arena_struct(&r->arena, struct deadletter);

    d->next = next;
    r->deadletter = d;
    return d;
}

static void end(struct request *r)
{
    deadletter_next_fn *next = r->deadletter->next;

    r->deadletter = NULL;
    next(r);
}

/* ---- is the target there? ---- */

static void refuse(struct request *r, const char *reason)
{
    struct bytes text = r->deadletter->document;

    fault_set(&r->fault, SHAPE_INVALID_PARAMETER,
              "Value %.*s for parameter RedrivePolicy is invalid. Reason: %s",
              (int)(text.len < 1024 ? text.len : 1024), (const char *)text.at, reason);
}

static bool is_allowed(struct request *r, const struct queue_view *target)
{
    struct bytes          source = queue_arn_format(&r->arena, r->caller.region, r->queue);
    struct queue_settings settings;
    bool                  ok;

    settings_load(&settings, &r->arena, target);
    ok = redrive_is_allowed(&settings, source);
    settings_fini(&settings);
    return ok;
}

static void on_target_found(struct call *c)
{
    struct request        *r = c->ctx;
    struct queue_get_call *get = (struct queue_get_call *)c;

    if (c->err == ERR_NO_QUEUE ||
        (c->err == ERR_OK && (get->count != 1 || get->views[0].owner != 0)))
        refuse(r, "Dead letter target does not exist.");
    else if (c->err != ERR_OK)
        fault_err(&r->fault, c->err);
    else if (!is_allowed(r, &get->views[0]))
        refuse(r, "The dead letter target does not allow this queue, see its RedriveAllowPolicy.");
    call_free(c);
    end(r);
}

void deadletter_check_target(struct request *r, const struct queue_settings *s,
                             deadletter_next_fn *next)
{
    struct deadletter     *d = begin(r, next);
    struct queue_get_call *get;

    d->document = s->values[ATTR_REDRIVE_POLICY];
    if (!settings_redrive(s, &r->arena, &d->policy) ||
        !queue_arn_parse(d->policy.target_arn, &d->target)) {
        end(r);
        return;
    }
    if (!bytes_eq(d->target.account, r->queue.account)) {
        refuse(r, "Dead letter target owner should be same as the source.");
        end(r);
        return;
    }
    get = request_call(r, sizeof *get, CALL_QUEUE_GET, on_target_found);
    get->call.relaxed = true;
    get->ns = namespace_of(d->target.account);
    get->name = d->target.name;
    request_submit(r, get);
}

/* ---- moving ---- */

static void on_moved(struct call *c)
{
    struct request    *r = c->ctx;
    struct deadletter *d = r->deadletter;

    for (size_t i = 0; i < d->count; i++)
        d->messages[i].is_moved = c->err == ERR_OK;
    call_free(c);
    end(r);
}

/* The receive that moves it does not count as one. */
static void add_history(struct request *r, struct sqs_message *m, const struct message_ref *ref)
{
    struct sqs_history *h = &m->history;
    bool                is_first = bytes_is_null(h->source_arn);

    h->source_arn = queue_arn_format(&r->arena, r->caller.region, r->queue);
    h->receives += ref->counted_attempts - 1;
    h->first_receive_ms = is_first ? ref->first_lease_ms : h->first_receive_ms;
    h->sent_ms = is_first ? ref->append_ms : h->sent_ms;
}

static struct slice write_message(struct request *r, const struct sqs_message *m)
{
    struct batch_writer w;
    struct slice        slice;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    record_write(&w, loop_wall_ms(r->door->env.loop), m);
    batch_end(&w);
    slice = slice_copy(buf_view(&b));
    buf_fini(&b);
    return slice;
}

static struct append_call *append_all(struct request *r, const struct deadletter *d, struct arena *arena)
{
    struct append_call *call = arena_struct(arena, struct append_call);
    struct opened       opened;

    call_init(&call->call, CALL_APPEND, NULL, NULL, NULL);
    call->ns = namespace_of(d->target.account);
    call->to_queue = true;
    call->item_count = d->count;
    call->items = arena_array(arena, d->count, sizeof *call->items);
    opened_init(&opened, &r->arena, &r->view->topic_uuid, r->queue.account);
    for (size_t i = 0; i < d->count; i++) {
        struct sqs_message m;

        opened_read(&opened, d->messages[i].ref, &m);
        add_history(r, &m, d->messages[i].ref);
        call->items[i] = (struct append_item){ .name = d->target.name,
                                               .partition = -1,
                                               .key = arena_bytes(arena, m.group_id),
                                               .batch = write_message(r, &m) };
    }
    opened_fini(&opened);
    return call;
}

static struct settle_call *settle_all(const struct deadletter *d, struct arena *arena)
{
    struct settle_call *call = arena_struct(arena, struct settle_call);

    call_init(&call->call, CALL_SETTLE, NULL, NULL, NULL);
    call->stale_ack_ok = true; /* a visibility timeout of 0 is over already */
    call->item_count = d->count;
    call->items = arena_array(arena, d->count, sizeof *call->items);
    for (size_t i = 0; i < d->count; i++)
        call->items[i] =
            (struct settle_item){ .lease = d->messages[i].ref->lease, .action = SETTLE_DEAD_LETTER };
    return call;
}

void deadletter_move(struct request *r, const struct redrive_policy *policy,
                     struct deadletter_message *messages, size_t count, deadletter_next_fn *next)
{
    struct deadletter    *d = begin(r, next);
    struct transact_call *call;
    struct arena         *arena;

    if (!queue_arn_parse(policy->target_arn, &d->target)) {
        end(r);
        return;
    }
    d->messages = messages;
    d->count = count;
    call = request_call(r, sizeof *call, CALL_TRANSACT, on_moved);
    arena = &call->call.arena;
    call->count = 2;
    call->calls = arena_array(arena, call->count, sizeof(struct call *));
    call->calls[0] = &append_all(r, d, arena)->call;
    call->calls[1] = &settle_all(d, arena)->call;
    request_submit(r, call);
}
