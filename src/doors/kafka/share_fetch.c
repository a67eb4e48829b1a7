/*
 * share_fetch.c - ShareFetch and ShareAcknowledge: records are locked for a member, and it says what became of them.
 *
 *   KS1  Records come as whole batches, as with Fetch, and beside them which offsets are locked for the member, in
 *        runs of
 *        equal delivery counts. The others in the batches are none of its business.
 *   KS2  Acknowledgements come first. Their errors and those of fetching stand side by side.
 *   KS3  A request that renews locks fetches nothing (KIP-1222), and says so in all of its limits.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/batches.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/share.h"

enum {
    SHARE_FETCH_BYTES_MAX = 55 * 1024 * 1024,
    MEMBER_ID_BYTES_MAX = 36,
    MODE_RECORD_LIMIT = 1, /* KIP-1206; else whole batches */
};

struct share_state {
    struct share_fetch_call *call;
    size_t                   batch_count;
    struct batch_ref        *batches; /* each once, in the order they are sent */
};

/* ---- request ---- */

static const struct share_ack *acks_of(struct kafka_request *r, const struct share_request_partition *p)
{
    size_t            count = p->acknowledgement_batches.count;
    struct share_ack *acks = kafka_array(r, count, sizeof *acks);

    for (size_t i = 0; i < count; i++) {
        const struct share_ack_batch *from = &p->acknowledgement_batches.at[i];

        acks[i] = (struct share_ack){ from->first_offset, from->last_offset, from->acknowledge_types.count,
                                      from->acknowledge_types.at };
    }
    return acks;
}

static void take_topics(struct kafka_request *r, const struct share_request_topic *topics, size_t count)
{
    struct share_fetch_call *c = ((struct share_state *)r->state)->call;
    size_t                   all = 0;

    for (size_t i = 0; i < count; i++)
        all += topics[i].partitions.count;
    c->items = kafka_array(r, all, sizeof *c->items);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < topics[i].partitions.count; k++) {
            const struct share_request_partition *p = &topics[i].partitions.at[k];

            c->items[c->item_count++] = (struct share_item){
                .part = { topics[i].topic_id, (uint32_t)p->partition_index },
                .ack_count = p->acknowledgement_batches.count,
                .acks = acks_of(r, p),
            };
        }
}

static void take_forgotten(struct kafka_request *r, const struct share_fetch_request *q)
{
    struct share_fetch_call *c = ((struct share_state *)r->state)->call;
    size_t                   all = 0;

    for (size_t i = 0; i < q->forgotten_topics_data.count; i++)
        all += q->forgotten_topics_data.at[i].partitions.count;
    c->forgotten = kafka_array(r, all, sizeof *c->forgotten);
    for (size_t i = 0; i < q->forgotten_topics_data.count; i++) {
        const struct share_forgotten_topic *t = &q->forgotten_topics_data.at[i];

        for (size_t k = 0; k < t->partitions.count; k++)
            c->forgotten[c->forgotten_count++] = (struct share_part){ t->topic_id, (uint32_t)t->partitions.at[k] };
    }
}

static bool is_member_id(struct bytes id)
{
    return id.len > 0 && id.len <= MEMBER_ID_BYTES_MAX;
}

static struct share_fetch_call *begin(struct kafka_request *r, enum call_kind kind, struct bytes group,
                                      struct bytes member, int32_t epoch)
{
    struct share_state *s = arena_struct(&r->arena, struct share_state);

    s->call = kafka_call(r, sizeof *s->call, kind);
    s->call->ns = kafka_ns();
    s->call->group = group;
    s->call->member_id = member;
    s->call->place = (uint32_t)kafka_nodes_of(r).self;
    s->call->epoch = epoch;
    r->state = s;
    return s->call;
}

/* ---- answer ---- */

/* The batches of the partition's messages, each once. */
static struct wire_slices take_batches(struct kafka_request *r, const struct share_answer *from)
{
    struct share_state *s = r->state;
    struct batch_ref   *first = &s->batches[s->batch_count];
    size_t              n = 0;

    for (size_t i = 0; i < from->ref_count; i++) {
        struct message_ref *m = &s->call->refs[from->first_ref + i];

        if (n > 0 && first[n - 1].base_offset == m->base_offset)
            slice_drop(&m->batch);
        else
            first[n++] = (struct batch_ref){ m->batch, m->base_offset };
    }
    s->batch_count += n;
    return kafka_batches(r, first, n);
}

static bool goes_on(const struct share_acquired *run, const struct message_ref *m)
{
    return run->last_offset + 1 == (int64_t)m->offset && run->delivery_count == (int16_t)m->counted_attempts;
}

/* KS1 */
static void fill_acquired(struct kafka_request *r, const struct share_answer *from,
                          struct share_fetch_response_partition *to)
{
    const struct share_state *s = r->state;
    struct share_acquired    *runs = kafka_array(r, from->ref_count, sizeof *runs);
    size_t                    n = 0;

    for (size_t i = 0; i < from->ref_count; i++) {
        const struct message_ref *m = &s->call->refs[from->first_ref + i];

        if (n > 0 && goes_on(&runs[n - 1], m))
            runs[n - 1].last_offset++;
        else
            runs[n++] = (struct share_acquired){ (int64_t)m->offset, (int64_t)m->offset,
                                                 (int16_t)m->counted_attempts };
    }
    to->acquired_records.count = n;
    to->acquired_records.at = runs;
}

static struct bytes text_of(enum err err)
{
    return err ? bytes_str(err_text(err)) : (struct bytes){ 0 };
}

static void fill_fetched(struct kafka_request *r, const struct share_answer *from,
                         struct share_fetch_response_partition *to)
{
    *to = (struct share_fetch_response_partition){
        .partition_index = (int32_t)from->part.partition,
        .error_code = kafka_share_error(from->err),
        .error_message = text_of(from->err),
        .acknowledge_error_code = kafka_share_error(from->ack_err),
        .acknowledge_error_message = text_of(from->ack_err),
    };
    fill_acquired(r, from, to);
    to->records = take_batches(r, from);
}

static bool is_same_topic(const struct share_answer *a, const struct share_answer *b)
{
    return memcmp(&a->part.uuid, &b->part.uuid, sizeof a->part.uuid) == 0;
}

/* Answers are in order of their topics: how many of the first one's there are. */
static size_t run_of(const struct share_fetch_call *c, size_t from)
{
    size_t n = 1;

    while (from + n < c->answer_count && is_same_topic(&c->answers[from], &c->answers[from + n]))
        n++;
    return n;
}

static void on_fetched(struct kafka_request *r)
{
    struct share_state            *s = r->state;
    const struct share_fetch_call *c = s->call;
    struct share_fetch_response    a = {
           .error_code = kafka_share_error(c->call.err),
           .error_message = kafka_share_text(r, c->call.err, c->group),
           .acquisition_lock_timeout_ms = (int32_t)c->lock_ms,
    };
    size_t n = 0;

    s->batches = kafka_array(r, c->ref_count, sizeof *s->batches);
    a.responses.at = kafka_array(r, c->answer_count, sizeof *a.responses.at);
    a.node_endpoints.at = kafka_array(r, 0, sizeof *a.node_endpoints.at);
    for (size_t i = 0; !c->call.err && i < c->answer_count; i += n) {
        struct share_fetch_response_topic *t = &a.responses.at[a.responses.count++];

        n = run_of(c, i);
        t->topic_id = c->answers[i].part.uuid;
        t->partitions.count = n;
        t->partitions.at = kafka_array(r, n, sizeof *t->partitions.at);
        for (size_t k = 0; k < n; k++)
            fill_fetched(r, &c->answers[i + k], &t->partitions.at[k]);
    }
    kafka_answer(r, &a);
}

static void drop_batches(struct kafka_request *r)
{
    struct share_state *s = r->state;

    for (size_t i = 0; s && i < s->batch_count; i++)
        slice_drop(&s->batches[i].bytes);
}

/* ---- ShareFetch ---- */

static void refuse_fetch(struct kafka_request *r, const char *why)
{
    struct share_fetch_response a = { .error_code = KAFKA_INVALID_REQUEST, .error_message = bytes_str(why) };

    a.responses.at = kafka_array(r, 0, sizeof *a.responses.at);
    a.node_endpoints.at = kafka_array(r, 0, sizeof *a.node_endpoints.at);
    kafka_answer(r, &a);
}

static uint32_t at_least_0(int32_t n)
{
    return n > 0 ? (uint32_t)n : 0;
}

/* KS3 */
static bool is_bad_renewal(const struct share_fetch_request *q)
{
    return q->is_renew_ack && (q->max_bytes != 0 || q->min_bytes != 0 || q->max_records != 0 || q->max_wait_ms != 0);
}

void kafka_on_share_fetch(struct kafka_request *r)
{
    const struct share_fetch_request *q = r->body;
    struct share_fetch_call          *c;

    if (!is_member_id(q->member_id)) {
        refuse_fetch(r, "Invalid member id in the request.");
        return;
    }
    if (is_bad_renewal(q)) {
        refuse_fetch(r, "A request that renews must have limits of 0.");
        return;
    }
    c = begin(r, CALL_SHARE_FETCH, q->group_id, q->member_id, q->share_session_epoch);
    c->renews = q->is_renew_ack;
    c->wait_ms = at_least_0(q->max_wait_ms);
    c->bytes_max = at_least_0(q->max_bytes);
    if (c->bytes_max > SHARE_FETCH_BYTES_MAX)
        c->bytes_max = SHARE_FETCH_BYTES_MAX;
    c->messages_max = at_least_0(q->max_records);
    c->whole_batches = q->share_acquire_mode != MODE_RECORD_LIMIT;
    take_topics(r, q->topics.at, q->topics.count);
    take_forgotten(r, q);
    r->on_calls_done = on_fetched;
    r->on_free = drop_batches;
    kafka_submit(r, c);
}

/* ---- ShareAcknowledge ---- */

static void fill_acknowledged(const struct share_answer *from, struct share_acknowledge_response_partition *to)
{
    *to = (struct share_acknowledge_response_partition){
        .partition_index = (int32_t)from->part.partition,
        .error_code = kafka_share_error(from->ack_err),
        .error_message = text_of(from->ack_err),
    };
}

static void on_acknowledged(struct kafka_request *r)
{
    const struct share_fetch_call    *c = ((struct share_state *)r->state)->call;
    struct share_acknowledge_response a = {
        .error_code = kafka_share_error(c->call.err),
        .error_message = kafka_share_text(r, c->call.err, c->group),
        .acquisition_lock_timeout_ms = (int32_t)c->lock_ms,
    };
    size_t n = 0;

    a.responses.at = kafka_array(r, c->answer_count, sizeof *a.responses.at);
    a.node_endpoints.at = kafka_array(r, 0, sizeof *a.node_endpoints.at);
    for (size_t i = 0; !c->call.err && i < c->answer_count; i += n) {
        struct share_acknowledge_response_topic *t = &a.responses.at[a.responses.count++];

        n = run_of(c, i);
        t->topic_id = c->answers[i].part.uuid;
        t->partitions.count = n;
        t->partitions.at = kafka_array(r, n, sizeof *t->partitions.at);
        for (size_t k = 0; k < n; k++)
            fill_acknowledged(&c->answers[i + k], &t->partitions.at[k]);
    }
    kafka_answer(r, &a);
}

void kafka_on_share_acknowledge(struct kafka_request *r)
{
    const struct share_acknowledge_request *q = r->body;
    struct share_acknowledge_response       a = { .error_code = KAFKA_INVALID_REQUEST,
                                                  .error_message = bytes_str("Invalid member id in the request.") };
    struct share_fetch_call                *c;

    if (!is_member_id(q->member_id)) {
        a.responses.at = kafka_array(r, 0, sizeof *a.responses.at);
        a.node_endpoints.at = kafka_array(r, 0, sizeof *a.node_endpoints.at);
        kafka_answer(r, &a);
        return;
    }
    c = begin(r, CALL_SHARE_ACKNOWLEDGE, q->group_id, q->member_id, q->share_session_epoch);
    c->renews = q->is_renew_ack;
    take_topics(r, q->topics.at, q->topics.count);
    r->on_calls_done = on_acknowledged;
    kafka_submit(r, c);
}
