/*
 * share_offsets.c - DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets: where share groups are.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/share.h"

static int16_t whole_error(enum err err)
{
    return err == ERR_BAD_NAME ? KAFKA_INVALID_GROUP_ID : kafka_group_error(err);
}

static struct bytes text_of(enum err err)
{
    return err ? bytes_str(err_text(err)) : (struct bytes){ 0 };
}

/* ---- DescribeShareGroupOffsets ---- */

/* One call for each group; in order of the request, or of the engine, which keeps topics together. */
struct describe_state {
    size_t                      count;
    struct share_offsets_call **calls;
};

static struct share_offsets_call *get_call(struct kafka_request *r, const struct share_offsets_request_group *g)
{
    struct share_offsets_call *c = kafka_call(r, sizeof *c, CALL_SHARE_OFFSETS_GET);
    size_t                     all = 0;

    c->ns = kafka_ns();
    c->group = g->group_id;
    c->all = g->topics.at == NULL;
    for (size_t i = 0; i < g->topics.count; i++)
        all += g->topics.at[i].partitions.count;
    c->items = kafka_array(r, all, sizeof *c->items);
    for (size_t i = 0; i < g->topics.count; i++)
        for (size_t k = 0; k < g->topics.at[i].partitions.count; k++)
            c->items[c->item_count++] = (struct share_offset){
                .topic = g->topics.at[i].topic_name,
                .partition = (uint32_t)g->topics.at[i].partitions.at[k],
            };
    return c;
}

static size_t run_of(const struct share_offsets_call *c, size_t from)
{
    size_t n = 1;

    while (from + n < c->item_count && bytes_eq(c->items[from].topic, c->items[from + n].topic))
        n++;
    return n;
}

static void describe_group(struct kafka_request *r, const struct share_offsets_call *c,
                           struct share_offsets_response_group *to)
{
    size_t n = 0;

    to->group_id = c->group;
    to->error_code = whole_error(c->call.err);
    to->error_message = kafka_share_text(r, c->call.err, c->group);
    to->topics.at = kafka_array(r, c->item_count, sizeof *to->topics.at);
    for (size_t i = 0; !c->call.err && i < c->item_count; i += n) {
        struct share_offsets_response_topic *t = &to->topics.at[to->topics.count++];

        n = run_of(c, i);
        t->topic_name = c->items[i].topic;
        t->topic_id = c->items[i].uuid;
        t->partitions.count = n;
        t->partitions.at = kafka_array(r, n, sizeof *t->partitions.at);
        for (size_t k = 0; k < n; k++)
            t->partitions.at[k] = (struct share_offsets_response_partition){
                .partition_index = (int32_t)c->items[i + k].partition,
                .start_offset = c->items[i + k].start,
                .leader_epoch = KAFKA_LEADER_EPOCH,
                .lag = c->items[i + k].lag,
                .error_code = kafka_error(c->items[i + k].err),
                .error_message = text_of(c->items[i + k].err),
            };
    }
}

static void on_got(struct kafka_request *r)
{
    const struct describe_state  *s = r->state;
    struct share_offsets_response a = { .groups.count = s->count };

    a.groups.at = kafka_array(r, s->count, sizeof *a.groups.at);
    for (size_t i = 0; i < s->count; i++)
        describe_group(r, s->calls[i], &a.groups.at[i]);
    kafka_answer(r, &a);
}

void kafka_on_describe_share_offsets(struct kafka_request *r)
{
    const struct share_offsets_request *q = r->body;
    struct describe_state              *s = arena_struct(&r->arena, struct describe_state);

    s->count = q->groups.count;
    s->calls = kafka_array(r, s->count, sizeof(struct share_offsets_call *));
    r->state = s;
    r->on_calls_done = on_got;
    for (size_t i = 0; i < s->count; i++)
        s->calls[i] = get_call(r, &q->groups.at[i]);
    for (size_t i = 0; i < s->count; i++)
        kafka_submit(r, s->calls[i]);
    if (s->count == 0)
        on_got(r);
}

/* ---- AlterShareGroupOffsets ---- */

static void on_set(struct kafka_request *r)
{
    const struct share_alter_request *q = r->body;
    const struct share_offsets_call  *c = r->state;
    struct share_alter_response       a = {
              .error_code = whole_error(c->call.err),
              .error_message = kafka_share_text(r, c->call.err, c->group),
    };
    size_t n = 0;

    a.responses.count = c->call.err ? 0 : q->topics.count;
    a.responses.at = kafka_array(r, a.responses.count, sizeof *a.responses.at);
    for (size_t i = 0; i < a.responses.count; i++) {
        struct share_alter_response_topic *t = &a.responses.at[i];

        t->topic_name = q->topics.at[i].topic_name;
        t->partitions.count = q->topics.at[i].partitions.count;
        t->partitions.at = kafka_array(r, t->partitions.count, sizeof *t->partitions.at);
        for (size_t k = 0; k < t->partitions.count; k++, n++) {
            t->topic_id = c->items[n].uuid;
            t->partitions.at[k] = (struct share_alter_response_partition){
                (int32_t)c->items[n].partition, kafka_error(c->items[n].err), text_of(c->items[n].err)
            };
        }
    }
    kafka_answer(r, &a);
}

void kafka_on_alter_share_offsets(struct kafka_request *r)
{
    const struct share_alter_request *q = r->body;
    struct share_offsets_call        *c = kafka_call(r, sizeof *c, CALL_SHARE_OFFSETS_SET);
    size_t                            all = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        all += q->topics.at[i].partitions.count;
    c->ns = kafka_ns();
    c->group = q->group_id;
    c->items = kafka_array(r, all, sizeof *c->items);
    for (size_t i = 0; i < q->topics.count; i++)
        for (size_t k = 0; k < q->topics.at[i].partitions.count; k++)
            c->items[c->item_count++] = (struct share_offset){
                .topic = q->topics.at[i].topic_name,
                .partition = (uint32_t)q->topics.at[i].partitions.at[k].partition_index,
                .start = q->topics.at[i].partitions.at[k].start_offset,
            };
    r->state = c;
    r->on_calls_done = on_set;
    kafka_submit(r, c);
}

/* ---- DeleteShareGroupOffsets ---- */

static void on_forgotten(struct kafka_request *r)
{
    const struct share_forget_call *c = r->state;
    struct share_forget_response    a = {
           .error_code = whole_error(c->call.err),
           .error_message = kafka_share_text(r, c->call.err, c->group),
    };

    a.responses.count = c->call.err ? 0 : c->item_count;
    a.responses.at = kafka_array(r, a.responses.count, sizeof *a.responses.at);
    for (size_t i = 0; i < a.responses.count; i++)
        a.responses.at[i] = (struct share_forget_response_topic){
            c->items[i].topic, c->items[i].uuid, kafka_error(c->items[i].err), text_of(c->items[i].err)
        };
    kafka_answer(r, &a);
}

void kafka_on_delete_share_offsets(struct kafka_request *r)
{
    const struct share_forget_request *q = r->body;
    struct share_forget_call          *c = kafka_call(r, sizeof *c, CALL_SHARE_FORGET);

    c->ns = kafka_ns();
    c->group = q->group_id;
    c->item_count = q->topics.count;
    c->items = kafka_array(r, c->item_count, sizeof *c->items);
    for (size_t i = 0; i < c->item_count; i++)
        c->items[i].topic = q->topics.at[i].topic_name;
    r->state = c;
    r->on_calls_done = on_forgotten;
    kafka_submit(r, c);
}
