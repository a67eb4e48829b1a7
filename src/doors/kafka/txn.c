/*
 * txn.c - InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit: the engine's
 * transactions (engine/txn.h) in Kafka's words.
 *
 * There are two versions of the protocol, and what a client does tells which one it speaks (KIP-890):
 * version 5 of EndTxn and TxnOffsetCommit and version 12 of Produce are the second's, AddPartitionsToTxn
 * up to version 3 and AddOffsetsToTxn the first's. Later versions of AddPartitionsToTxn are for brokers
 * among themselves; they ask, or add, for several transactions.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/request.h"
#include "engine/txn_calls.h"

enum {
    NONE = -1,
    SECOND_SINCE = 5,            /* of EndTxn and TxnOffsetCommit */
    CLIENTS_UNTIL = 3,           /* of AddPartitionsToTxn */
    FENCED_SINCE = 2,            /* the version that has PRODUCER_FENCED */
    INIT_FENCED_SINCE = 4,       /* likewise, of InitProducerId */
    ABORTABLE_SINCE_COMMIT = 4,  /* the version that has TRANSACTION_ABORTABLE */
    ABORTABLE_SINCE_ADD = 5,
};

/* ---- InitProducerId ---- */

static void answer_init(struct kafka_request *r, int16_t code, int64_t id, int16_t epoch)
{
    struct init_producer_id_response a = { .error_code = code,
                                           .producer_id = code == KAFKA_NONE ? id : NONE,
                                           .producer_epoch = code == KAFKA_NONE ? epoch : NONE };

    kafka_answer(r, &a);
}

static void on_producer(struct kafka_request *r)
{
    const struct producer_init_call *c = r->state;

    answer_init(r, kafka_error(c->call.err), c->producer_id, c->producer_epoch);
}

static void on_txn_init(struct kafka_request *r)
{
    const struct txn_init_call *c = r->state;

    answer_init(r, kafka_txn_error(c->call.err, r->version.number >= INIT_FENCED_SINCE),
                c->producer_id, c->producer_epoch);
}

static void init_txn(struct kafka_request *r, const struct init_producer_id_request *q)
{
    struct txn_init_call *c = kafka_call(r, sizeof *c, CALL_TXN_INIT);

    c->ns = kafka_ns();
    c->id = q->transactional_id;
    c->timeout_ms = q->transaction_timeout_ms;
    c->producer_id = r->version.number >= 3 ? q->producer_id : NONE;
    c->producer_epoch = r->version.number >= 3 ? q->producer_epoch : (int16_t)NONE;
    r->state = c;
    r->on_calls_done = on_txn_init;
    kafka_submit(r, c);
}

void kafka_on_init_producer_id(struct kafka_request *r)
{
    const struct init_producer_id_request *q = r->body;
    struct producer_init_call             *c;

    if (r->version.number >= 3 && (q->producer_id == NONE) != (q->producer_epoch == NONE)) {
        answer_init(r, KAFKA_INVALID_REQUEST, NONE, NONE);
        return;
    }
    if (!bytes_is_null(q->transactional_id)) {
        init_txn(r, q);
        return;
    }
    c = kafka_call(r, sizeof *c, CALL_PRODUCER_INIT);
    r->state = c;
    r->on_calls_done = on_producer;
    kafka_submit(r, c);
}

/* ---- AddPartitionsToTxn ---- */

struct add_state {
    size_t                count;
    struct txn_add_call **calls;
};

/* One partition that cannot be added spoils it for all. */
static int16_t partition_code(const struct kafka_request *r, const struct txn_add_call *c,
                              const struct txn_partition *p)
{
    if (c->call.err == ERR_NO_TOPIC)
        return p->err ? kafka_error(p->err) : KAFKA_OPERATION_NOT_ATTEMPTED;
    if (c->call.err)
        return kafka_txn_error(c->call.err, r->version.number >= FENCED_SINCE);
    if (p->err == ERR_NOT_IN_TXN && r->version.number < ABORTABLE_SINCE_ADD)
        return KAFKA_INVALID_TXN_STATE;
    return kafka_error(p->err);
}

/* Partitions of one topic follow one another, as in the request. */
static size_t fill_topics(struct kafka_request *r, const struct txn_add_call *c,
                          struct add_partitions_response_topic **out)
{
    struct add_partitions_response_partition *p = kafka_array(r, c->item_count, sizeof *p);
    struct add_partitions_response_topic     *t = kafka_array(r, c->item_count, sizeof *t);
    size_t                                    n = 0;

    *out = t;
    for (size_t i = 0; i < c->item_count; i++) {
        if (n == 0 || !bytes_eq(t[n - 1].name, c->items[i].name)) {
            t[n].name = c->items[i].name;
            t[n++].partitions.at = p + i;
        }
        p[i] = (struct add_partitions_response_partition){
            .index = (int32_t)c->items[i].partition,
            .error_code = partition_code(r, c, &c->items[i]),
        };
        t[n - 1].partitions.count++;
    }
    return n;
}

static void on_added(struct kafka_request *r)
{
    struct add_state              *s = r->state;
    struct add_partitions_response a = { 0 };

    if (r->version.number <= CLIENTS_UNTIL) {
        a.topics.count = fill_topics(r, s->calls[0], &a.topics.at);
        kafka_answer(r, &a);
        return;
    }
    a.transactions.count = s->count;
    a.transactions.at = kafka_array(r, s->count, sizeof *a.transactions.at);
    for (size_t i = 0; i < s->count; i++) {
        struct add_partitions_response_txn *t = &a.transactions.at[i];

        t->transactional_id = s->calls[i]->id;
        t->topics.count = fill_topics(r, s->calls[i], &t->topics.at);
    }
    kafka_answer(r, &a);
}

static void add_items(struct kafka_request *r, struct txn_add_call *c, size_t count,
                      const struct add_partitions_request_topic *topics)
{
    size_t items = 0;

    for (size_t i = 0; i < count; i++)
        items += topics[i].partitions.count;
    c->items = kafka_array(r, items, sizeof *c->items);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < topics[i].partitions.count; k++)
            c->items[c->item_count++] = (struct txn_partition){
                .name = topics[i].name,
                .partition = (uint32_t)topics[i].partitions.at[k],
            };
}

static void submit_add(struct kafka_request *r, const struct add_partitions_request_txn *q)
{
    struct add_state    *s = r->state;
    struct txn_add_call *c = kafka_call(r, sizeof *c, CALL_TXN_ADD);

    c->ns = kafka_ns();
    c->id = q->transactional_id;
    c->producer_id = q->producer_id;
    c->producer_epoch = q->producer_epoch;
    c->is_check = q->verify_only;
    c->bumps = r->version.number > CLIENTS_UNTIL;
    add_items(r, c, q->topics.count, q->topics.at);
    s->calls[s->count++] = c;
    kafka_submit(r, c);
}

void kafka_on_add_partitions_to_txn(struct kafka_request *r)
{
    const struct add_partitions_request *q = r->body;
    struct add_state                    *s = arena_struct(&r->arena, struct add_state);
    struct add_partitions_request_txn    one = { .transactional_id = q->transactional_id,
                                                 .producer_id = q->producer_id,
                                                 .producer_epoch = q->producer_epoch };

    r->state = s;
    r->on_calls_done = on_added;
    s->calls = kafka_array(r, q->transactions.count + 1, sizeof(struct txn_add_call *));
    if (r->version.number <= CLIENTS_UNTIL) {
        one.topics.count = q->topics.count;
        one.topics.at = q->topics.at;
        submit_add(r, &one);
        return;
    }
    for (size_t i = 0; i < q->transactions.count; i++)
        submit_add(r, &q->transactions.at[i]);
    if (s->count == 0)
        on_added(r);
}

/* ---- AddOffsetsToTxn ---- */

static void on_offsets_added(struct kafka_request *r)
{
    const struct txn_add_call  *c = r->state;
    struct add_offsets_response a = { 0 };

    a.error_code = kafka_txn_error(c->call.err, r->version.number >= FENCED_SINCE);
    kafka_answer(r, &a);
}

void kafka_on_add_offsets_to_txn(struct kafka_request *r)
{
    const struct add_offsets_request *q = r->body;
    struct txn_add_call              *c = kafka_call(r, sizeof *c, CALL_TXN_ADD);

    c->ns = kafka_ns();
    c->id = q->transactional_id;
    c->producer_id = q->producer_id;
    c->producer_epoch = q->producer_epoch;
    c->group = q->group_id;
    r->state = c;
    r->on_calls_done = on_offsets_added;
    kafka_submit(r, c);
}

/* ---- EndTxn ---- */

static void on_ended(struct kafka_request *r)
{
    const struct txn_end_call *c = r->state;
    struct end_txn_response    a = { .producer_id = NONE, .producer_epoch = NONE };

    a.error_code = kafka_txn_error(c->call.err, r->version.number >= FENCED_SINCE);
    if (!c->call.err) {
        a.producer_id = c->producer_id;
        a.producer_epoch = c->producer_epoch;
    }
    kafka_answer(r, &a);
}

void kafka_on_end_txn(struct kafka_request *r)
{
    const struct end_txn_request *q = r->body;
    struct txn_end_call          *c = kafka_call(r, sizeof *c, CALL_TXN_END);

    c->ns = kafka_ns();
    c->id = q->transactional_id;
    c->producer_id = q->producer_id;
    c->producer_epoch = q->producer_epoch;
    c->is_commit = q->committed;
    c->bumps = r->version.number >= SECOND_SINCE;
    r->state = c;
    r->on_calls_done = on_ended;
    kafka_submit(r, c);
}

/* ---- TxnOffsetCommit ---- */

struct offsets_state {
    struct txn_offsets_response             response;
    struct txn_offsets_call                *call;
    struct txn_offsets_response_partition **targets; /* of the call's items */
};

static int16_t commit_code(const struct kafka_request *r, enum err err)
{
    switch ((int)err) {
    case ERR_NO_GROUP:
        return KAFKA_ILLEGAL_GENERATION;
    case ERR_NOT_IN_TXN:
        return r->version.number >= ABORTABLE_SINCE_COMMIT ? KAFKA_TRANSACTION_ABORTABLE
                                                           : KAFKA_INVALID_TXN_STATE;
    default:
        return kafka_group_error(err);
    }
}

static int16_t item_code(enum err err)
{
    return err == ERR_TOO_BIG ? KAFKA_OFFSET_METADATA_TOO_LARGE : kafka_error(err);
}

static void on_offsets(struct kafka_request *r)
{
    struct offsets_state *s = r->state;
    enum err              err = s->call->commit.call.err;

    for (size_t i = 0; i < s->call->commit.item_count; i++)
        s->targets[i]->error_code =
            err ? commit_code(r, err) : item_code(s->call->commit.items[i].err);
    kafka_answer(r, &s->response);
}

static void take_offsets(struct kafka_request *r, const struct txn_offsets_request_topic *from,
                         struct txn_offsets_response_topic *to)
{
    struct offsets_state *s = r->state;

    to->name = from->name;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++) {
        const struct txn_offsets_request_partition *p = &from->partitions.at[i];
        size_t                                      n = s->call->commit.item_count++;

        to->partitions.at[i].index = p->index;
        s->targets[n] = &to->partitions.at[i];
        s->call->commit.items[n] = (struct offset_item){
            .name = from->name,
            .partition = (uint32_t)p->index,
            .offset = p->committed_offset,
            .leader_epoch = r->version.number >= 2 ? p->committed_leader_epoch : NONE,
            .metadata = p->committed_metadata,
        };
    }
}

static struct txn_offsets_call *offsets_call(struct kafka_request *r, size_t items_max)
{
    const struct txn_offsets_request *q = r->body;
    struct txn_offsets_call          *c = kafka_call(r, sizeof *c, CALL_TXN_OFFSETS);

    c->commit.ns = kafka_ns();
    c->commit.group = q->group_id;
    c->commit.generation = r->version.number >= 3 ? q->generation_id : NONE;
    c->commit.member_id = q->member_id;
    c->commit.instance_id = q->group_instance_id;
    c->commit.items = kafka_array(r, items_max, sizeof *c->commit.items);
    c->id = q->transactional_id;
    c->producer_id = q->producer_id;
    c->producer_epoch = q->producer_epoch;
    c->bumps = r->version.number >= SECOND_SINCE;
    return c;
}

void kafka_on_txn_offset_commit(struct kafka_request *r)
{
    const struct txn_offsets_request *q = r->body;
    struct offsets_state             *s = arena_struct(&r->arena, struct offsets_state);
    size_t                            count = 0;

    r->state = s;
    r->on_calls_done = on_offsets;
    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    s->call = offsets_call(r, count);
    s->targets = kafka_array(r, count, sizeof(struct txn_offsets_response_partition *));
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_offsets(r, &q->topics.at[i], &s->response.topics.at[i]);
    kafka_submit(r, s->call);
}
