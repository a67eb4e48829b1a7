/*
 * receive.c - ReceiveMessage: short and long polls.
 *
 *     lease --> messages --> dead letters moved --> some left, or no time: answer
 *       ^                                             none left: once more
 *       +---------------------------------------------+
 *
 * The client may go away while the poll waits. Then the poll is cancelled; messages that were
 * leased in the meantime go back at once, as if they had never been leased, so that a dead client
 * holds nothing until its timeout.
 *
 * Thread: the loop's.
 */
#include "doors/sqs/deadletter.h"
#include "doors/sqs/opened.h"
#include "doors/sqs/present.h"
#include "doors/sqs/request.h"
#include "doors/sqs/sqs_int.h"

enum {
    RECEIVE_MESSAGES_MAX = 10,
    RECEIVE_BYTES_MAX = 16 * 1024 * 1024,
    RECEIVE_ROUNDS_MAX = 64, /* of moving dead letters before an empty answer */
    VISIBILITY_SECONDS_MAX = 43200,
    WAIT_SECONDS_MAX = 20,
};

struct receiving {
    int64_t                   messages_max;
    int64_t                   lease_ms;
    int64_t                   deadline_ms; /* of the poll */
    unsigned                  rounds;
    bool                      has_redrive;
    struct redrive_policy     redrive;
    struct lease_call        *leased; /* whose messages are being worked on */
    struct deadletter_message dead[RECEIVE_MESSAGES_MAX];
    size_t                    dead_count;
};

static void lease(struct request *r);

/* ---- parameters ---- */

static bool refuse(struct fault *f, const char *name, int64_t v, const char *reason)
{
    return fault_set(f, SHAPE_INVALID_PARAMETER,
                     "Value %lld for parameter %s is invalid. Reason: %s", (long long)v, name,
                     reason);
}

static bool read_parameters(struct request *r, struct receiving *w)
{
    int64_t count = request_integer(r->in, "MaxNumberOfMessages", 1);
    int64_t wait = request_integer(r->in, "WaitTimeSeconds",
                                   settings_number(&r->settings, ATTR_RECEIVE_WAIT_SECONDS));
    int64_t visibility = request_integer(r->in, "VisibilityTimeout",
                                         settings_number(&r->settings, ATTR_VISIBILITY_TIMEOUT));

    if (count < 1 || count > RECEIVE_MESSAGES_MAX)
        return refuse(&r->fault, "MaxNumberOfMessages", count,
                      "Must be between 1 and 10, if provided.");
    if (wait < 0 || wait > WAIT_SECONDS_MAX)
        return refuse(&r->fault, "WaitTimeSeconds", wait, "Must be >= 0 and <= 20, if provided.");
    if (visibility < 0 || visibility > VISIBILITY_SECONDS_MAX)
        return refuse(&r->fault, "VisibilityTimeout", visibility,
                      "Must be >= 0 and <= 43200, if provided.");
    w->messages_max = count;
    w->lease_ms = visibility * 1000;
    w->deadline_ms = loop_now_ms(r->door->env.loop) + wait * 1000;
    w->has_redrive = settings_redrive(&r->settings, &r->arena, &w->redrive);
    return true;
}

/* ---- the end ---- */

/* Drops what was leased, and ends the request. */
static void finish(struct request *r)
{
    struct receiving *w = r->work;

    for (size_t i = 0; i < w->leased->message_count; i++)
        slice_drop(&w->leased->messages[i].batch);
    call_free(w->leased);
    request_finish(r);
}

static void on_given_back(struct call *c)
{
    struct request *r = c->ctx;

    call_free(c);
    finish(r);
}

static bool is_moved(const struct receiving *w, const struct message_ref *ref)
{
    for (size_t i = 0; i < w->dead_count; i++)
        if (w->dead[i].ref == ref)
            return w->dead[i].is_moved;
    return false;
}

/* Nobody is there to take the messages: they are ready again at once. */
static void give_back(struct request *r)
{
    struct receiving   *w = r->work;
    struct settle_call *call = request_call(r, sizeof *call, CALL_SETTLE, on_given_back);

    call->requeue_free = true;
    call->items = arena_array(&call->call.arena, w->leased->message_count, sizeof *call->items);
    for (size_t i = 0; i < w->leased->message_count; i++)
        if (!is_moved(w, &w->leased->messages[i]))
            call->items[call->item_count++] =
                (struct settle_item){ .lease = w->leased->messages[i].lease,
                                      .action = SETTLE_RELEASE };
    request_submit(r, call);
}

static void answer(struct request *r)
{
    struct receiving *w = r->work;
    struct wanted     wanted = wanted_of(r->in);
    json_t           *list = json_array();
    struct opened     opened;

    opened_init(&opened, &r->arena, &r->view->topic_uuid, r->queue.account);
    for (size_t i = 0; i < w->leased->message_count; i++) {
        struct message_ref *ref = &w->leased->messages[i];
        struct sqs_message  m;

        if (is_moved(w, ref))
            continue;
        opened_read(&opened, ref, &m);
        json_array_append_new(list, present_message(&m, ref, &wanted));
    }
    opened_fini(&opened);
    if (json_array_size(list) > 0)
        json_object_set(r->out, "Messages", list);
    json_decref(list);
    finish(r);
}

/* ---- between lease and answer ---- */

/* Dead letters are out of the way. */
static void on_moved(struct request *r)
{
    struct receiving *w = r->work;
    size_t            left = w->leased->message_count;
    int64_t           now_ms = loop_now_ms(r->door->env.loop);

    for (size_t i = 0; i < w->dead_count; i++)
        left -= w->dead[i].is_moved;
    if (!r->http) {
        give_back(r);
    } else if (left > 0 || w->rounds >= RECEIVE_ROUNDS_MAX ||
               (w->rounds > 1 && now_ms > w->deadline_ms)) {
        answer(r);
    } else {
        for (size_t i = 0; i < w->leased->message_count; i++)
            slice_drop(&w->leased->messages[i].batch);
        call_free(w->leased);
        lease(r);
    }
}

static void find_dead(struct request *r, struct receiving *w)
{
    for (size_t i = 0; i < w->leased->message_count; i++)
        if (w->leased->messages[i].counted_attempts > w->redrive.receives_max)
            w->dead[w->dead_count++] =
                (struct deadletter_message){ &w->leased->messages[i], false };
    if (w->dead_count > 0)
        deadletter_move(r, &w->redrive, w->dead, w->dead_count, on_moved);
    else
        answer(r);
}

static void on_leased(struct call *c)
{
    struct request   *r = c->ctx;
    struct receiving *w = r->work;

    r->can_wait = false;
    w->leased = (struct lease_call *)c;
    w->dead_count = 0;
    if (c->err != ERR_OK) {
        fault_err(&r->fault, c->err);
        finish(r);
    } else if (!r->http && w->leased->message_count > 0) {
        give_back(r);
    } else if (w->has_redrive && w->leased->message_count > 0) {
        find_dead(r, w);
    } else {
        answer(r);
    }
}

static void lease(struct request *r)
{
    struct receiving  *w = r->work;
    int64_t            left_ms = w->deadline_ms - loop_now_ms(r->door->env.loop);
    struct lease_call *call = request_call(r, sizeof *call, CALL_LEASE, on_leased);

    w->rounds++;
    call->ns = r->ns;
    call->queue = r->queue.name;
    call->messages_max = (uint32_t)w->messages_max;
    call->bytes_max = RECEIVE_BYTES_MAX;
    call->wait_ms = left_ms > 0 ? left_ms : 0;
    call->lease_ms = w->lease_ms;
    r->can_wait = call->wait_ms > 0;
    request_submit(r, call);
}

void on_receive_message(struct request *r)
{
    struct receiving *w = arena_struct(&r->arena, struct receiving);

    r->work = w;
    if (!r->http || !read_parameters(r, w))
        request_finish(r);
    else
        lease(r);
}
