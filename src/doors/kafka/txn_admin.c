/*
 * txn_admin.c - DescribeProducers, DescribeTransactions, ListTransactions (KIP-664): what hangs, and
 * whose it is.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/request.h"
#include "engine/pattern.h"
#include "engine/txn_calls.h"

enum { NONE = -1 };

/* Kafka has four states more; here none of them outlives a turn. */
static const char *const state_names[] = {
    [TXN_EMPTY] = "Empty",
    [TXN_ONGOING] = "Ongoing",
    [TXN_COMMITTED] = "CompleteCommit",
    [TXN_ABORTED] = "CompleteAbort",
};
_Static_assert(COUNT(state_names) == TXN_STATE_COUNT, "a new state needs a name");
static const char *const other_states[] = { "PrepareCommit", "PrepareAbort", "Dead",
                                            "PrepareEpochFence" };
enum { STATE_OTHER = 31 }; /* a bit that no transaction's state has */

/* ---- DescribeProducers ---- */

struct producers_state {
    struct describe_producers_response             response;
    struct producers_get_call                     *call;
    struct describe_producers_response_partition **targets; /* of the call's items */
};

static void fill_producers(struct kafka_request *r, const struct producers_item *item,
                           struct describe_producers_response_partition *p)
{
    p->error_code = kafka_error(item->err);
    p->error_message = item->err ? bytes_str(err_text(item->err)) : (struct bytes){ 0 };
    p->producers.count = item->count;
    p->producers.at = kafka_array(r, item->count, sizeof *p->producers.at);
    for (size_t i = 0; i < item->count; i++) {
        const struct producer_view *v = &item->producers[i];

        p->producers.at[i] = (struct describe_producers_response_producer){
            .producer_id = v->producer_id,
            .producer_epoch = v->producer_epoch,
            .last_sequence = v->last_sequence,
            .last_timestamp = v->last_ms,
            .coordinator_epoch = v->has_ended ? 0 : NONE,
            .current_txn_start_offset = v->txn_first,
        };
    }
}

static void on_producers(struct kafka_request *r)
{
    struct producers_state *s = r->state;

    for (size_t i = 0; i < s->call->item_count; i++) {
        if (s->call->call.err)
            s->call->items[i].err = s->call->call.err;
        fill_producers(r, &s->call->items[i], s->targets[i]);
    }
    kafka_answer(r, &s->response);
}

static void take_topic(struct kafka_request *r, const struct describe_producers_request_topic *from,
                       struct describe_producers_response_topic *to)
{
    struct producers_state *s = r->state;

    to->name = from->name;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++) {
        size_t n = s->call->item_count++;

        to->partitions.at[i].index = from->partitions.at[i];
        s->targets[n] = &to->partitions.at[i];
        s->call->items[n] = (struct producers_item){
            .name = from->name, .partition = (uint32_t)from->partitions.at[i]
        };
    }
}

void kafka_on_describe_producers(struct kafka_request *r)
{
    const struct describe_producers_request *q = r->body;
    struct producers_state                  *s = arena_struct(&r->arena, struct producers_state);
    size_t                                   count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    r->state = s;
    r->on_calls_done = on_producers;
    s->call = kafka_call(r, sizeof *s->call, CALL_PRODUCERS_GET);
    s->call->ns = kafka_ns();
    s->call->items = kafka_array(r, count, sizeof *s->call->items);
    s->targets = kafka_array(r, count, sizeof(struct describe_producers_response_partition *));
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_topic(r, &q->topics.at[i], &s->response.topics.at[i]);
    kafka_submit(r, s->call);
}

/* ---- DescribeTransactions ---- */

/* Partitions of one topic follow one another. */
static void fill_topics(struct kafka_request *r, const struct txn_view *v,
                        struct describe_txns_response_txn *t)
{
    int32_t *p = kafka_array(r, v->partition_count, sizeof *p);

    t->topics.at = kafka_array(r, v->partition_count, sizeof *t->topics.at);
    for (size_t i = 0; i < v->partition_count; i++) {
        struct describe_txns_response_topic *topic = &t->topics.at[t->topics.count];

        if (t->topics.count == 0 || !bytes_eq(topic[-1].name, v->partitions[i].name)) {
            topic->name = v->partitions[i].name;
            topic->partitions.at = p + i;
            t->topics.count++;
            topic++;
        }
        p[i] = (int32_t)v->partitions[i].partition;
        topic[-1].partitions.count++;
    }
}

static void fill_txn(struct kafka_request *r, const struct txn_view *v,
                     struct describe_txns_response_txn *t)
{
    t->transactional_id = v->id;
    t->transaction_state = bytes_of("", 0);
    t->topics.at = kafka_array(r, 0, sizeof *t->topics.at);
    if (v->err) {
        t->error_code = v->id.len == 0 ? KAFKA_INVALID_REQUEST : kafka_error(v->err);
        return;
    }
    t->transaction_state = bytes_str(state_names[v->state]);
    t->transaction_timeout_ms = v->timeout_ms;
    t->transaction_start_time_ms = v->started_ms;
    t->producer_id = v->producer_id;
    t->producer_epoch = v->producer_epoch;
    fill_topics(r, v, t);
}

static void on_described(struct kafka_request *r)
{
    const struct txn_list_call   *c = r->state;
    struct describe_txns_response a = { 0 };

    a.transactions.count = c->view_count;
    a.transactions.at = kafka_array(r, c->view_count, sizeof *a.transactions.at);
    for (size_t i = 0; i < c->view_count; i++)
        fill_txn(r, &c->views[i], &a.transactions.at[i]);
    kafka_answer(r, &a);
}

void kafka_on_describe_transactions(struct kafka_request *r)
{
    const struct describe_txns_request *q = r->body;
    struct txn_list_call               *c = kafka_call(r, sizeof *c, CALL_TXN_LIST);

    c->ns = kafka_ns();
    c->id_count = q->transactional_ids.count;
    c->ids = q->transactional_ids.at;
    r->state = c;
    r->on_calls_done = on_described;
    kafka_submit(r, c);
}

/* ---- ListTransactions ---- */

struct list_state {
    struct list_txns_response response;
    struct txn_list_call     *call;
    struct pattern           *pattern; /* of the ids that are wanted; NULL: all */
};

static void on_free(struct kafka_request *r)
{
    struct list_state *s = r->state;

    pattern_free(s->pattern);
}

static void on_listed(struct kafka_request *r)
{
    struct list_state    *s = r->state;
    struct txn_list_call *c = s->call;

    s->response.error_code = kafka_error(c->call.err);
    s->response.transactions.at =
        kafka_array(r, c->view_count, sizeof *s->response.transactions.at);
    for (size_t i = 0; i < c->view_count; i++) {
        if (s->pattern && !pattern_fits(s->pattern, c->views[i].id))
            continue;
        s->response.transactions.at[s->response.transactions.count++] = (struct list_txns_response_txn){
            .transactional_id = c->views[i].id,
            .producer_id = c->views[i].producer_id,
            .transaction_state = bytes_str(state_names[c->views[i].state]),
        };
    }
    kafka_answer(r, &s->response);
}

/* The bit of a state; 0: there is no such state. */
static unsigned state_bit(struct bytes name)
{
    for (unsigned i = 0; i < COUNT(state_names); i++)
        if (bytes_eq_str(name, state_names[i]))
            return 1u << i;
    for (size_t i = 0; i < COUNT(other_states); i++)
        if (bytes_eq_str(name, other_states[i]))
            return 1u << STATE_OTHER;
    return 0;
}

static void take_states(struct kafka_request *r, const struct list_txns_request *q)
{
    struct list_state   *s = r->state;
    struct wire_strings *unknown = &s->response.unknown_state_filters;

    unknown->at = kafka_array(r, q->state_filters.count, sizeof *unknown->at);
    for (size_t i = 0; i < q->state_filters.count; i++) {
        unsigned bit = state_bit(q->state_filters.at[i]);

        if (bit == 0)
            unknown->at[unknown->count++] = q->state_filters.at[i];
        s->call->states |= bit;
    }
}

void kafka_on_list_transactions(struct kafka_request *r)
{
    const struct list_txns_request *q = r->body;
    struct list_state              *s = arena_struct(&r->arena, struct list_state);

    r->state = s;
    r->on_free = on_free;
    r->on_calls_done = on_listed;
    if (q->transactional_id_pattern.len > 0 && pattern_new(&s->pattern, q->transactional_id_pattern)) {
        s->response.error_code = KAFKA_INVALID_REGULAR_EXPRESSION;
        kafka_answer(r, &s->response);
        return;
    }
    s->call = kafka_call(r, sizeof *s->call, CALL_TXN_LIST);
    s->call->ns = kafka_ns();
    s->call->producer_count = q->producer_id_filters.count;
    s->call->producers = q->producer_id_filters.at;
    s->call->running_ms = r->version.number >= 1 ? q->duration_filter : NONE;
    take_states(r, q);
    kafka_submit(r, s->call);
}
