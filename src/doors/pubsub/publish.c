/*
 * publish.c - the handler of Publish: checks, then one append of all messages.
 *
 * Neighbours with the same ordering key share one stored batch, because the key picks the partition; with one key per
 * request, as the clients send them, that is one batch. The answer leaves when the append is on disk (call.h C3).
 */
#include "doors/pubsub/publish.h"

#include "doors/pubsub/door_int.h"
#include "doors/pubsub/record.h"
#include "engine/topic_calls.h"

#include <stdio.h>

enum {
    REQUEST_MESSAGES_MAX = 1000,
    REQUEST_BYTES_MAX = 10 * 1000 * 1000,
    MESSAGE_ID_CHARS = 21, /* of a 64-bit number, and a 0 */
};

/* ---- checks ---- */

static bool is_number_in(struct rpc *r, const char *what, size_t n, size_t min, size_t max)
{
    if (n < min)
        rpc_fail(r, GRPC_INVALID_ARGUMENT,
                 "The value for %s is too small. You passed %zu in the request, but the minimum value is %zu.",
                 what, n, min);
    else if (n > max)
        rpc_fail(r, GRPC_INVALID_ARGUMENT,
                 "The value for %s is too large. You passed %zu in the request, but the maximum value is %zu.",
                 what, n, max);
    return n >= min && n <= max;
}

/* "goog" is Google's own prefix; its clients carry trace contexts and schema stamps under "googclient_". */
static bool is_key_allowed(struct bytes key)
{
    return !bytes_starts(key, "goog") || bytes_starts(key, "googclient_");
}

static bool is_short(struct rpc *r, const char *what, size_t n, size_t max)
{
    if (n > max)
        rpc_fail(r, GRPC_INVALID_ARGUMENT,
                 "One of the attributes in the request has a %s that is too long. The length is %zu characters, "
                 "but the maximum allowed is %zu. Refer to https://cloud.google.com/pubsub/quotas for more "
                 "information.",
                 what, n, max);
    return n <= max;
}

static bool is_attribute_ok(struct rpc *r, const PB(Attribute) *a)
{
    struct bytes key = ps_bytes(a->key);
    struct bytes value = ps_bytes(a->value);

    if (!bytes_is_utf8(key) || !bytes_is_utf8(value)) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT, "An attribute is malformed: string field contains invalid UTF-8.");
        return false;
    }
    if (key.len == 0 || !is_key_allowed(key)) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT, key.len == 0 ? "Message attribute keys must be non-empty."
                                                        : "Message attribute keys must not begin with 'goog'.");
        return false;
    }
    return is_short(r, "key", key.len, PS_ATTRIBUTE_KEY_BYTES_MAX) &&
           is_short(r, "value", value.len, PS_ATTRIBUTE_VALUE_BYTES_MAX);
}

static bool is_message_ok(struct rpc *r, const PB(PubsubMessage) *m)
{
    size_t i;

    if (m->data.len == 0 && m->n_attributes == 0) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT,
                 "One or more messages in the publish request is empty. Each message must contain either non-empty "
                 "data, or at least one attribute.");
        return false;
    }
    if (!bytes_is_utf8(ps_bytes(m->ordering_key))) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT, "The ordering key is malformed: string field contains invalid UTF-8.");
        return false;
    }
    if (!is_number_in(r, "ordering_key_size", m->ordering_key.len, 0, PS_ORDERING_KEY_BYTES_MAX) ||
        !is_number_in(r, "num_attributes", m->n_attributes, 0, PS_ATTRIBUTES_MAX))
        return false;
    for (i = 0; i < m->n_attributes; i++)
        if (!is_attribute_ok(r, m->attributes[i]))
            return false;
    return true;
}

static bool is_request_ok(struct rpc *r, const PB(PublishRequest) *m)
{
    size_t i;

    if (!is_number_in(r, "message_count", m->n_messages, 1, REQUEST_MESSAGES_MAX) ||
        !is_number_in(r, "request_size", r->request_bytes, 0, REQUEST_BYTES_MAX))
        return false;
    for (i = 0; i < m->n_messages; i++)
        if (!is_message_ok(r, m->messages[i]))
            return false;
    return true;
}

/* ---- appending ---- */

struct publish_append {
    struct append_call append; /* first */
    size_t            *counts; /* messages of each item */
};

static void reply(struct rpc *r, const struct publish_append *c, size_t message_count)
{
    PB(PublishResponse) *response = ps_message_new(&r->arena, r->method->response);
    size_t               i, k;

    response->message_ids = arena_array(&r->arena, message_count, sizeof *response->message_ids);
    for (i = 0; i < c->append.item_count; i++) {
        const struct append_item *item = &c->append.items[i];

        for (k = 0; k < c->counts[i]; k++) {
            char *id = arena_new(&r->arena, MESSAGE_ID_CHARS);

            snprintf(id, MESSAGE_ID_CHARS, "%llu",
                     (unsigned long long)ps_message_id((uint32_t)item->partition, item->base_offset + k));
            response->message_ids[response->n_message_ids++] = id;
        }
    }
    rpc_reply(r, &response->base);
}

static void on_appended(struct call *call)
{
    struct publish_append *c = (struct publish_append *)call;
    struct rpc            *r = call->ctx;
    enum err               err = call->err;
    size_t                 count = 0;
    size_t                 i;

    for (i = 0; i < c->append.item_count; i++) {
        if (err == ERR_OK)
            err = c->append.items[i].err;
        count += c->counts[i];
    }
    if (err == ERR_OK)
        reply(r, c, count);
    else
        rpc_fail_err(r, err);
    rpc_call_free(r, call);
}

static size_t run_length(const PB(PublishRequest) *m, size_t first)
{
    struct bytes key = ps_bytes(m->messages[first]->ordering_key);
    size_t       i = first + 1;

    while (i < m->n_messages && bytes_eq(ps_bytes(m->messages[i]->ordering_key), key))
        i++;
    return i - first;
}

static struct slice batch_of(const PB(PublishRequest) *m, size_t first, size_t count, int64_t now_ms)
{
    struct buf          out;
    struct batch_writer w;
    size_t              i;

    buf_init(&out);
    batch_begin(&w, &out);
    for (i = first; i < first + count; i++)
        ps_record_add(&w, now_ms, m->messages[i]);
    batch_end(&w);
    return ps_slice_take(&out);
}

static void add_item(struct publish_append *c, const PB(PublishRequest) *m, size_t first, size_t count,
                     const struct rpc *r)
{
    struct bytes key = ps_bytes(m->messages[first]->ordering_key);

    c->counts[c->append.item_count] = count;
    c->append.items[c->append.item_count++] = (struct append_item){
        .name = r->name.id,
        .partition = -1,
        .key = key.len > 0 ? key : bytes_of(NULL, 0),
        .batch = batch_of(m, first, count, loop_wall_ms(r->door->env.loop)),
        .delay_ms = -1,
    };
}

void ps_publish_on_publish(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(PublishRequest) *m = (const PB(PublishRequest) *)request;
    struct publish_append    *c;
    size_t                    i, n;

    if (!rpc_take_name(r, m->topic, PS_TOPICS) || !is_request_ok(r, m))
        return;
    c = rpc_call_new(r, sizeof *c, CALL_APPEND, on_appended);
    c->append.ns = r->name.ns;
    c->append.items = arena_array(&c->append.call.arena, m->n_messages, sizeof *c->append.items);
    c->counts = arena_array(&c->append.call.arena, m->n_messages, sizeof *c->counts);
    for (i = 0; i < m->n_messages; i += n) {
        n = run_length(m, i);
        add_item(c, m, i, n, r);
    }
    rpc_submit(r, c);
}
