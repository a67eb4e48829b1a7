/*
 * settle.c - DeleteMessage, ChangeMessageVisibility and their batches: what a receipt handle is
 * good for.
 *
 * A handle belongs to one receive. Deleting is lenient, as with the real service's standard queues:
 * an old handle still deletes a message that became visible again, and deleting what is deleted is
 * no error. Changing the visibility with a handle whose time is over changes nothing and is no
 * error, but of a deleted message it is. A handle of another queue is no handle.
 *
 * Thread: the loop's.
 */
#include "doors/sqs/entries.h"
#include "doors/sqs/handles.h"
#include "doors/sqs/request.h"

enum { VISIBILITY_SECONDS_MAX = 43200 };

struct settling_entry {
    const json_t *in;
    struct fault  fault;
    size_t        item; /* of the settle call, when there is no fault */
};

struct settling {
    bool                  is_batch;
    size_t                count;
    struct settling_entry entries[];
};

/* ---- checking ---- */

static bool read_handle(struct request *r, const json_t *in, struct lease *out, struct fault *f)
{
    struct bytes text = request_text(in, "ReceiptHandle");

    if (text.len == 0)
        return fault_set(f, SHAPE_MISSING_PARAMETER,
                         "The request must contain the parameter ReceiptHandle.");
    if (handle_parse(text, out) && out->queue_id == r->view->id)
        return true;
    return fault_set(f, SHAPE_INVALID_HANDLE,
                     "The input receipt handle \"%.*s\" is not a valid receipt handle.",
                     (int)(text.len < 1024 ? text.len : 1024), (const char *)text.at);
}

static bool read_deletion(struct request *r, const json_t *in, struct settle_item *out,
                          struct fault *f)
{
    out->action = SETTLE_ACK;
    return read_handle(r, in, &out->lease, f);
}

static bool read_visibility(struct request *r, const json_t *in, struct settle_item *out,
                            struct fault *f)
{
    int64_t seconds = request_integer(in, "VisibilityTimeout", -1);

    out->action = SETTLE_EXTEND;
    if (!json_object_get(in, "VisibilityTimeout"))
        return fault_set(f, SHAPE_MISSING_PARAMETER,
                         "The request must contain the parameter VisibilityTimeout.");
    if (seconds < 0 || seconds > VISIBILITY_SECONDS_MAX)
        return fault_set(f, SHAPE_INVALID_PARAMETER,
                         "Value %lld for parameter VisibilityTimeout is invalid. Reason: Must be "
                         "between 0 and 43200, if provided.",
                         (long long)seconds);
    out->delay_ms = seconds * 1000;
    return read_handle(r, in, &out->lease, f);
}

/* ---- answering ---- */

static void judge(const json_t *in, const struct settle_item *item, enum err err, struct fault *f)
{
    if (err == ERR_OK || (err == ERR_NO_LEASE && (item->action == SETTLE_ACK || !item->is_gone)))
        return;
    if (err == ERR_NO_LEASE)
        fault_set(f, SHAPE_INVALID_PARAMETER,
                  "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist "
                  "or is not available for visibility timeout change.",
                  json_string_value(json_object_get(in, "ReceiptHandle")));
    else
        fault_err(f, err);
}

static void answer(struct request *r, const struct settling *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct settling_entry *e = &s->entries[i];

        if (!s->is_batch)
            r->fault = e->fault;
        else if (e->fault.shape == SHAPE_NONE)
            entries_succeed(r->out, e->in);
        else
            entries_fail(r->out, e->in, &e->fault);
    }
    request_finish(r);
}

static void on_settled(struct call *c)
{
    struct request     *r = c->ctx;
    struct settling    *s = r->work;
    struct settle_call *call = (struct settle_call *)c;

    for (size_t i = 0; i < s->count; i++) {
        struct settling_entry *e = &s->entries[i];

        if (e->fault.shape == SHAPE_NONE)
            judge(e->in, &call->items[e->item],
                  c->err != ERR_OK ? c->err : call->items[e->item].err, &e->fault);
    }
    call_free(c);
    answer(r, s);
}

/* ---- the four actions ---- */

typedef bool read_fn(struct request *r, const json_t *in, struct settle_item *out, struct fault *f);

/* entries: an array, or NULL for the request itself. */
static void settle(struct request *r, const json_t *entries, read_fn *read_entry)
{
    size_t              count = entries ? json_array_size(entries) : 1;
    struct settling    *s = arena_new(&r->arena, sizeof *s + count * sizeof s->entries[0]);
    struct settle_call *call = request_call(r, sizeof *call, CALL_SETTLE, on_settled);

    r->work = s;
    s->is_batch = entries != NULL;
    s->count = count;
    call->stale_ack_ok = true;
    call->items = arena_array(&call->call.arena, count, sizeof *call->items);
    for (size_t i = 0; i < count; i++) {
        struct settling_entry *e = &s->entries[i];

        e->in = entries ? json_array_get(entries, i) : r->in;
        e->item = call->item_count;
        if (read_entry(r, e->in, &call->items[e->item], &e->fault))
            call->item_count++;
    }
    if (call->item_count > 0) {
        request_submit(r, call);
    } else {
        call_free(call);
        answer(r, s);
    }
}

static void settle_batch(struct request *r, const char *label, read_fn *read_entry)
{
    const json_t *entries = json_object_get(r->in, "Entries");

    if (entries_check(entries, label, &r->fault))
        settle(r, entries, read_entry);
    else
        request_finish(r);
}

void on_delete_message(struct request *r)
{
    settle(r, NULL, read_deletion);
}

void on_delete_message_batch(struct request *r)
{
    settle_batch(r, "DeleteMessageBatchRequestEntry", read_deletion);
}

void on_change_visibility(struct request *r)
{
    settle(r, NULL, read_visibility);
}

void on_change_visibility_batch(struct request *r)
{
    settle_batch(r, "ChangeMessageVisibilityBatchRequestEntry", read_visibility);
}
