/*
 * group_admin.c - DescribeGroups, ListGroups, DeleteGroups and OffsetDelete: groups seen from outside.
 *
 * A group that does not exist is "Dead" to DescribeGroups, which only since version 6 is an error
 * (KIP-1043).
 *
 * Thread: the loop's.
 */
#include "doors/kafka/group_admin.h"
#include "doors/kafka/request.h"
#include "engine/share_calls.h"

#include <strings.h>

enum { VERSION_TELLS_NO_GROUP = 6 }; /* of DescribeGroups */

static const char *const state_names[] = {
    [GROUP_EMPTY] = "Empty",
    [GROUP_PREPARING] = "PreparingRebalance",
    [GROUP_COMPLETING] = "CompletingRebalance",
    [GROUP_STABLE] = "Stable",
    [GROUP_ASSIGNING] = "Assigning",
    [GROUP_RECONCILING] = "Reconciling",
};
_Static_assert(COUNT(state_names) == GROUP_STATE_COUNT, "every state has a name");

static const char *const type_names[] = { [GROUP_CLASSIC] = "classic", [GROUP_CONSUMER] = "consumer" };
_Static_assert(COUNT(type_names) == GROUP_TYPE_COUNT, "every type has a name");

const char *kafka_group_state_name(enum group_state state)
{
    return state_names[state];
}

/* ---- DescribeGroups ---- */

static void fill_members(struct kafka_request *r, const struct group_description *from,
                         struct describe_groups_response_group *to)
{
    to->members.count = from->member_count;
    to->members.at = kafka_array(r, from->member_count, sizeof *to->members.at);
    for (size_t i = 0; i < from->member_count; i++) {
        const struct group_member_description *m = &from->members[i];

        to->members.at[i] = (struct describe_groups_response_member){
            .member_id = m->member_id,
            .group_instance_id = m->instance_id,
            .client_id = m->client_id,
            .client_host = m->client_host,
            .member_metadata = m->metadata,
            .member_assignment = m->assignment,
        };
    }
}

static void fill_missing(struct kafka_request *r, struct describe_groups_response_group *g)
{
    struct buf text;

    g->group_state = bytes_str("Dead");
    if (r->version.number < VERSION_TELLS_NO_GROUP)
        return;
    buf_init(&text);
    buf_printf(&text, "Group %.*s not found.", (int)g->group_id.len, (const char *)g->group_id.at);
    g->error_code = KAFKA_GROUP_ID_NOT_FOUND;
    g->error_message = kafka_text(r, &text);
}

static void on_described(struct kafka_request *r)
{
    const struct describe_groups_request *q = r->body;
    const struct group_describe_call     *c = r->state;
    struct describe_groups_response       a = { 0 };

    a.groups.count = c->item_count;
    a.groups.at = kafka_array(r, c->item_count, sizeof *a.groups.at);
    for (size_t i = 0; i < c->item_count; i++) {
        struct describe_groups_response_group *g = &a.groups.at[i];

        g->group_id = c->items[i].group;
        g->authorized_operations = q->include_authorized_operations ? OPERATIONS_GROUP
                                                                    : OPERATIONS_NOT_ASKED;
        if (c->call.err) {
            g->error_code = kafka_group_error(c->call.err);
        } else if (c->items[i].err) {
            fill_missing(r, g);
        } else {
            g->group_state = bytes_str(state_names[c->items[i].state]);
            g->protocol_type = c->items[i].protocol_type;
            g->protocol_data = c->items[i].protocol;
            fill_members(r, &c->items[i], g);
        }
    }
    kafka_answer(r, &a);
}

void kafka_on_describe_groups(struct kafka_request *r)
{
    const struct describe_groups_request *q = r->body;
    struct group_describe_call           *c = kafka_call(r, sizeof *c, CALL_GROUP_DESCRIBE);

    c->ns = kafka_ns();
    c->item_count = q->groups.count;
    c->items = kafka_array(r, q->groups.count, sizeof *c->items);
    for (size_t i = 0; i < q->groups.count; i++)
        c->items[i].group = q->groups.at[i];
    r->state = c;
    r->on_calls_done = on_described;
    kafka_submit(r, c);
}

/* ---- ListGroups ---- */

static struct bytes trimmed(struct bytes b)
{
    while (b.len > 0 && b.at[0] == ' ')
        b = bytes_of(b.at + 1, b.len - 1);
    while (b.len > 0 && b.at[b.len - 1] == ' ')
        b.len--;
    return b;
}

/* No filter lets everything through. */
static bool passes(struct wire_strings filter, const char *name, bool is_trimmed)
{
    for (size_t i = 0; i < filter.count; i++) {
        struct bytes wanted = is_trimmed ? trimmed(filter.at[i]) : filter.at[i];

        if (wanted.len == strlen(name) &&
            strncasecmp((const char *)wanted.at, name, wanted.len) == 0)
            return true;
    }
    return filter.count == 0;
}

struct list_state {
    struct group_list_call     *classic;
    struct share_describe_call *shared;
};

static void add_group(const struct list_groups_request *q, struct list_groups_response *a, struct bytes group,
                      struct bytes protocol, const char *state, const char *type)
{
    if (passes(q->states_filter, state, true) && passes(q->types_filter, type, false))
        a->groups.at[a->groups.count++] = (struct list_groups_response_group){
            group, protocol, bytes_str(state), bytes_str(type)
        };
}

static void on_listed(struct kafka_request *r)
{
    const struct list_groups_request *q = r->body;
    const struct list_state          *s = r->state;
    const struct group_list_call     *c = s->classic;
    const struct share_describe_call *h = s->shared;
    struct list_groups_response       a = { .error_code = kafka_group_error(c->call.err ? c->call.err : h->call.err) };

    a.groups.at = kafka_array(r, c->item_count + h->item_count, sizeof *a.groups.at);
    for (size_t i = 0; i < c->item_count; i++)
        add_group(q, &a, c->items[i].group, c->items[i].protocol_type, state_names[c->items[i].state],
                  type_names[c->items[i].type]);
    for (size_t i = 0; i < h->item_count; i++)
        add_group(q, &a, h->items[i].group, bytes_str("share"), h->items[i].member_count > 0 ? "Stable" : "Empty",
                  "share");
    kafka_answer(r, &a);
}

void kafka_on_list_groups(struct kafka_request *r)
{
    struct list_state *s = arena_struct(&r->arena, struct list_state);

    s->classic = kafka_call(r, sizeof *s->classic, CALL_GROUP_LIST);
    s->classic->ns = kafka_ns();
    s->shared = kafka_call(r, sizeof *s->shared, CALL_SHARE_DESCRIBE);
    s->shared->ns = kafka_ns();
    s->shared->all = true;
    r->state = s;
    r->on_calls_done = on_listed;
    kafka_submit(r, s->classic);
    kafka_submit(r, s->shared);
}

/* ---- DeleteGroups ---- */

static void on_deleted(struct kafka_request *r)
{
    const struct group_delete_call *c = r->state;
    struct delete_groups_response   a = { 0 };

    a.results.count = c->item_count;
    a.results.at = kafka_array(r, c->item_count, sizeof *a.results.at);
    for (size_t i = 0; i < c->item_count; i++) {
        enum err err = c->call.err ? c->call.err : c->items[i].err;

        a.results.at[i].group_id = c->items[i].group;
        a.results.at[i].error_code = kafka_group_error(err);
    }
    kafka_answer(r, &a);
}

void kafka_on_delete_groups(struct kafka_request *r)
{
    const struct delete_groups_request *q = r->body;
    struct group_delete_call           *c = kafka_call(r, sizeof *c, CALL_GROUP_DELETE);

    c->ns = kafka_ns();
    c->item_count = q->groups_names.count;
    c->items = kafka_array(r, c->item_count, sizeof *c->items);
    for (size_t i = 0; i < c->item_count; i++)
        c->items[i].group = q->groups_names.at[i];
    r->state = c;
    r->on_calls_done = on_deleted;
    kafka_submit(r, c);
}

/* ---- OffsetDelete ---- */

static int16_t item_error(enum err err)
{
    return err == ERR_IN_USE ? KAFKA_GROUP_SUBSCRIBED_TO_TOPIC : kafka_error(err);
}

/* Items are in the order of the request; an error of the whole has no topics. */
static void on_forgotten(struct kafka_request *r)
{
    const struct offset_delete_request *q = r->body;
    const struct offsets_delete_call   *c = r->state;
    struct offset_delete_response       a = { .error_code = kafka_group_error(c->call.err) };
    size_t                              n = 0;

    a.topics.count = c->call.err ? 0 : q->topics.count;
    a.topics.at = kafka_array(r, a.topics.count, sizeof *a.topics.at);
    for (size_t i = 0; i < a.topics.count; i++) {
        struct offset_delete_response_topic *t = &a.topics.at[i];

        t->name = q->topics.at[i].name;
        t->partitions.count = q->topics.at[i].partitions.count;
        t->partitions.at = kafka_array(r, t->partitions.count, sizeof *t->partitions.at);
        for (size_t k = 0; k < t->partitions.count; k++, n++) {
            t->partitions.at[k].partition_index = (int32_t)c->items[n].partition;
            t->partitions.at[k].error_code = item_error(c->items[n].err);
        }
    }
    kafka_answer(r, &a);
}

void kafka_on_offset_delete(struct kafka_request *r)
{
    const struct offset_delete_request *q = r->body;
    struct offsets_delete_call         *c = kafka_call(r, sizeof *c, CALL_OFFSETS_DELETE);
    size_t                              count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    c->ns = kafka_ns();
    c->group = q->group_id;
    c->items = kafka_array(r, count, sizeof *c->items);
    for (size_t i = 0; i < q->topics.count; i++) {
        const struct offset_delete_request_topic *t = &q->topics.at[i];

        for (size_t k = 0; k < t->partitions.count; k++)
            c->items[c->item_count++] = (struct offsets_delete_item){
                .name = t->name,
                .partition = (uint32_t)t->partitions.at[k].partition_index,
            };
    }
    r->state = c;
    r->on_calls_done = on_forgotten;
    kafka_submit(r, c);
}
