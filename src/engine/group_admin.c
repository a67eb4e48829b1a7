/*
 * group_admin.c - groups as seen and changed from outside: describe, list, delete, forget offsets.
 *
 * Deleting is refused to whoever could pull the ground from under members: a group with members stays,
 * and so do the offsets of a topic that a member reads. What members read is in their metadata, which is
 * the clients' business (group.c) but for this one question: of the protocol type "consumer" it
 * begins, in every version, with a version number and the names of the topics.
 *
 * Thread: the shard's.
 */
#include "engine/consumer_group.h"
#include "engine/txn.h"

bool group_is_known(struct engine *e, struct bytes ns, struct bytes group)
{
    return group_find(e, ns, group) != NULL;
}

/* ---- describe, list ---- */

static struct bytes copy(void *call, struct bytes b)
{
    return bytes_is_null(b) ? bytes_of("", 0) : call_bytes(call, b);
}

/* Metadata and assignments belong to a generation that is complete. */
static void describe_members(const struct group *g, struct group_describe_call *d,
                             struct group_description *out)
{
    bool is_stable = g->state == GROUP_STABLE;

    out->members = arena_array(&d->call.arena, g->member_count, sizeof *out->members);
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        const struct member             *m = CONTAINER(n, struct member, in_group);
        struct group_member_description *v = &out->members[out->member_count++];

        v->member_id = copy(d, m->id);
        v->instance_id = bytes_is_null(m->instance_id) ? m->instance_id : copy(d, m->instance_id);
        v->client_id = copy(d, m->client_id);
        v->client_host = copy(d, m->client_host);
        v->metadata = is_stable ? copy(d, member_metadata(m, g->protocol)) : bytes_of("", 0);
        v->assignment = is_stable ? copy(d, m->assignment) : bytes_of("", 0);
    }
}

void group_on_describe(struct engine *e, struct call *c)
{
    struct group_describe_call *d = (struct group_describe_call *)c;

    for (size_t i = 0; i < d->item_count; i++) {
        struct group_description *out = &d->items[i];
        const struct group       *g = group_find(e, d->ns, out->group);

        out->err = !g ? ERR_NO_GROUP : g->consumer ? ERR_UNKNOWN_TYPE : ERR_OK;
        if (out->err)
            continue;
        out->state = g->state;
        out->protocol_type = copy(d, g->protocol_type);
        out->protocol = g->state == GROUP_STABLE ? copy(d, g->protocol) : bytes_of("", 0);
        describe_members(g, d, out);
    }
    engine_answer(e, c, ERR_OK);
}

void group_on_list(struct engine *e, struct call *c)
{
    struct group_list_call *l = (struct group_list_call *)c;
    const struct group     *g;
    size_t                  at = 0;

    l->item_count = 0;
    l->items = arena_array(&c->arena, e->groups.count, sizeof *l->items);
    while ((g = map_next(&e->groups, &at)) != NULL) {
        if (!bytes_eq(g->key.ns, l->ns))
            continue;
        l->items[l->item_count++] = (struct group_description){
            .group = copy(l, g->key.name),
            .type = g->consumer ? GROUP_CONSUMER : GROUP_CLASSIC,
            .state = group_state(g),
            .protocol_type = copy(l, g->protocol_type),
        };
    }
    engine_answer(e, c, ERR_OK);
}

/* ---- delete ---- */

void group_on_delete(struct engine *e, struct call *c)
{
    struct group_delete_call *d = (struct group_delete_call *)c;

    for (size_t i = 0; i < d->item_count; i++) {
        struct group_delete_item *item = &d->items[i];
        struct group             *g = group_find(e, d->ns, item->group);

        if (!g && txn_group_has_pending(e, d->ns, item->group))
            g = group_new(e, d->ns, item->group); /* all there is of it */
        if (!g)
            item->err = share_group_try_delete(e, d->ns, item->group);
        else if (group_state(g) != GROUP_EMPTY)
            item->err = ERR_NOT_EMPTY;
        else
            group_delete(g);
    }
    engine_answer(e, c, ERR_OK);
}

static bool is_of_consumers(const struct group *g)
{
    return bytes_eq_str(g->protocol_type, GROUP_PROTOCOL_CONSUMER);
}

/* version i16 | topics: count i32, { length i16, name }*. What cannot be read may name any topic. */
static bool may_read(struct bytes metadata, struct bytes topic)
{
    struct rd in = rd_of(metadata);
    uint32_t  count;

    rd_u16(&in);
    count = rd_u32(&in);
    for (uint32_t i = 0; i < count && !in.failed; i++) {
        uint16_t len = rd_u16(&in);

        if (bytes_eq(rd_bytes(&in, len), topic))
            return true;
    }
    return in.failed;
}

/* Before there is a common protocol nobody knows what will be read. */
static bool is_subscribed(const struct group *g, struct bytes topic)
{
    if (g->consumer)
        return consumer_reads_topic(g->consumer, topic);
    if (g->member_count == 0)
        return false;
    if (bytes_is_null(g->protocol))
        return true;
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        const struct member *m = CONTAINER(n, struct member, in_group);

        if (may_read(member_metadata(m, g->protocol), topic))
            return true;
    }
    return false;
}

static enum err check_forgetter(const struct group *g, const struct offsets_delete_call *d)
{
    if (d->group.len == 0)
        return ERR_BAD_NAME;
    if (!g)
        return ERR_NO_GROUP;
    return g->state != GROUP_EMPTY && !is_of_consumers(g) ? ERR_NOT_EMPTY : ERR_OK;
}

void group_on_offsets_delete(struct engine *e, struct call *c)
{
    struct offsets_delete_call *d = (struct offsets_delete_call *)c;
    struct group               *g = group_find(e, d->ns, d->group);
    enum err                    err = check_forgetter(g, d);

    for (size_t i = 0; !err && i < d->item_count; i++) {
        struct offsets_delete_item *item = &d->items[i];

        if (!topic_find(e, d->ns, item->name))
            item->err = ERR_NO_TOPIC;
        else if (is_subscribed(g, item->name))
            item->err = ERR_IN_USE;
        else
            group_forget_offset(g, item->name, item->partition);
    }
    if (!err)
        group_release(g);
    engine_answer(e, c, err);
}
