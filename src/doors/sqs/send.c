/*
 * send.c - SendMessage and SendMessageBatch.
 *
 * A batch answers for each entry by itself, but three things fail it as a whole before anything is
 * stored: its frame (entries.h), its total size, and a value of a wrong JSON type. Entries that are
 * in order are appended in one call. Those that follow each other with the same delay and no group
 * become one stored batch; an entry with a group has its own, because the group chooses the
 * partition.
 *
 * Thread: the loop's.
 */
#include "doors/sqs/compose.h"
#include "doors/sqs/entries.h"
#include "doors/sqs/legal.h"
#include "doors/sqs/md5.h"
#include "doors/sqs/record.h"
#include "doors/sqs/request.h"
#include "doors/sqs/sqs_int.h"

#define LABEL "SendMessageBatchRequestEntry"

enum { BATCH_MESSAGES_BYTES_MAX = 1048576, TRACE_BYTES_MAX = 1024 };

struct sending_entry {
    const json_t   *in;
    struct composed composed;
    struct fault    fault;
    size_t          item; /* of the append call, when there is no fault */
};

struct sending {
    size_t               count;
    struct sending_entry entries[];
};

/* ---- storing ---- */

static bool joins(const struct composed *c, const struct composed *before)
{
    return before && before->delay_ms == c->delay_ms && bytes_is_null(before->message.group_id) &&
           bytes_is_null(c->message.group_id);
}

/* Gives every good entry its item; returns how many there are. */
static size_t plan(struct sending *s)
{
    const struct composed *before = NULL;
    size_t                 count = 0;

    for (size_t i = 0; i < s->count; i++) {
        struct sending_entry *e = &s->entries[i];

        if (e->fault.shape != SHAPE_NONE)
            continue;
        if (!joins(&e->composed, before))
            count++;
        e->item = count - 1;
        before = &e->composed;
    }
    return count;
}

static struct slice write_item(struct request *r, const struct sending *s, size_t item)
{
    int64_t             now_ms = loop_wall_ms(r->door->env.loop);
    struct batch_writer w;
    struct slice        slice;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    for (size_t i = 0; i < s->count; i++)
        if (s->entries[i].fault.shape == SHAPE_NONE && s->entries[i].item == item)
            record_write(&w, now_ms, &s->entries[i].composed.message);
    batch_end(&w);
    slice = slice_copy(buf_view(&b));
    buf_fini(&b);
    return slice;
}

static void append(struct request *r, struct sending *s, call_done_fn *done)
{
    struct append_call *call = request_call(r, sizeof *call, CALL_APPEND, done);
    size_t              item_count = plan(s);

    call->ns = r->ns;
    call->to_queue = true;
    call->item_count = item_count;
    call->items = arena_array(&call->call.arena, item_count, sizeof *call->items);
    for (size_t i = 0; i < s->count; i++) {
        const struct sending_entry *e = &s->entries[i];

        if (e->fault.shape == SHAPE_NONE)
            call->items[e->item] = (struct append_item){ .name = r->queue.name,
                                                         .partition = -1,
                                                         .key = e->composed.message.group_id,
                                                         .delay_ms = e->composed.delay_ms };
    }
    for (size_t i = 0; i < item_count; i++)
        call->items[i].batch = write_item(r, s, i);
    request_submit(r, call);
}

/* ---- checking ---- */

static bool check_size(struct request *r, const struct composed *c, const char *what,
                       struct fault *f)
{
    int64_t max = settings_number(&r->settings, ATTR_MAXIMUM_MESSAGE_SIZE);

    if (c->bytes <= (size_t)max)
        return true;
    return fault_set(f, SHAPE_INVALID_PARAMETER,
                     "One or more parameters %s. Reason: Message must be shorter than %lld bytes.",
                     what, (long long)max);
}

/* The X-Ray header of the request stands in for the system attribute. */
static void complete(struct request *r, struct composed *c)
{
    struct bytes header = r->http ? http_header(r->http, "x-amzn-trace-id") : bytes_of(NULL, 0);

    c->message.id = ids_next(&r->door->ids);
    c->message.sender = r->caller.account;
    if (!c->has_system_attributes && header.len > 0 && header.len <= TRACE_BYTES_MAX &&
        legal_text(header))
        c->message.trace = arena_bytes(&r->arena, header);
}

static struct sending *sending_new(struct request *r, size_t count)
{
    struct sending *s = arena_new(&r->arena, sizeof *s + count * sizeof s->entries[0]);

    s->count = count;
    r->work = s;
    return s;
}

/* ---- answering ---- */

static void describe(json_t *out, const struct composed *c)
{
    const struct sqs_attribute trace = { bytes_str("AWSTraceHeader"), bytes_str("String"),
                                         c->message.trace };
    char                       digest[MD5_TEXT_BYTES], id[UUID_TEXT_BYTES];

    md5_text(c->message.body, digest);
    json_object_set_new(out, "MD5OfMessageBody", json_string(digest));
    if (c->message.attribute_count > 0) {
        md5_attributes(c->message.attributes, c->message.attribute_count, digest);
        json_object_set_new(out, "MD5OfMessageAttributes", json_string(digest));
    }
    if (c->has_system_attributes) {
        md5_attributes(&trace, 1, digest);
        json_object_set_new(out, "MD5OfMessageSystemAttributes", json_string(digest));
    }
    uuid_format(&c->message.id, id);
    json_object_set_new(out, "MessageId", json_string(id));
}

static enum err item_err(const struct append_call *call, size_t item)
{
    return call->call.err != ERR_OK ? call->call.err : call->items[item].err;
}

static void on_sent(struct call *c)
{
    struct request *r = c->ctx;
    struct sending *s = r->work;
    enum err        err = item_err((struct append_call *)c, 0);

    if (err == ERR_OK)
        describe(r->out, &s->entries[0].composed);
    else
        fault_err(&r->fault, err);
    call_free(c);
    request_finish(r);
}

void on_send_message(struct request *r)
{
    struct sending       *s = sending_new(r, 1);
    struct sending_entry *e = &s->entries[0];

    if (!compose(&e->composed, &r->arena, r->in, &r->fault) ||
        !check_size(r, &e->composed, "are invalid", &r->fault)) {
        request_finish(r);
        return;
    }
    complete(r, &e->composed);
    append(r, s, on_sent);
}

static void answer_batch(struct request *r, const struct sending *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct sending_entry *e = &s->entries[i];

        if (e->fault.shape == SHAPE_NONE)
            describe(entries_succeed(r->out, e->in), &e->composed);
        else
            entries_fail(r->out, e->in, &e->fault);
    }
    request_finish(r);
}

static void on_batch_sent(struct call *c)
{
    struct request *r = c->ctx;
    struct sending *s = r->work;

    for (size_t i = 0; i < s->count; i++) {
        struct sending_entry *e = &s->entries[i];
        enum err              err =
            e->fault.shape == SHAPE_NONE ? item_err((struct append_call *)c, e->item) : ERR_OK;

        if (err != ERR_OK)
            fault_err(&e->fault, err);
    }
    call_free(c);
    answer_batch(r, s);
}

static void compose_entry(struct request *r, struct sending_entry *e, size_t i)
{
    if (json_string_length(json_object_get(e->in, "MessageBody")) == 0)
        fault_set(&e->fault, SHAPE_MISSING_PARAMETER,
                  "The request must contain the parameter " LABEL ".%zu.MessageBody.", i + 1);
    else if (compose(&e->composed, &r->arena, e->in, &e->fault) &&
             check_size(r, &e->composed, "cannot be validated", &e->fault))
        complete(r, &e->composed);
}

/* Entries that fail for another reason count, too, as far as they could be read. */
static bool check_total(const struct sending *s, struct fault *f)
{
    size_t total = 0;

    for (size_t i = 0; i < s->count; i++)
        total += s->entries[i].composed.bytes;
    if (total <= BATCH_MESSAGES_BYTES_MAX)
        return true;
    return fault_set(f, SHAPE_BATCH_TOO_LONG,
                     "Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
                     BATCH_MESSAGES_BYTES_MAX, total);
}

void on_send_message_batch(struct request *r)
{
    const json_t   *entries = json_object_get(r->in, "Entries");
    struct sending *s;
    size_t          good = 0;

    if (!entries_check(entries, LABEL, &r->fault)) {
        request_finish(r);
        return;
    }
    s = sending_new(r, json_array_size(entries));
    for (size_t i = 0; i < s->count; i++) {
        s->entries[i].in = json_array_get(entries, i);
        compose_entry(r, &s->entries[i], i);
        good += s->entries[i].fault.shape == SHAPE_NONE;
    }
    if (!check_total(s, &r->fault))
        request_finish(r);
    else if (good == 0)
        answer_batch(r, s);
    else
        append(r, s, on_batch_sent);
}
