/*
 * share_admin.c - share groups as seen and changed from outside.
 *
 * Where a group is can be changed only while it has no members. Then nothing is locked but by fetches of members that
 * are gone; such locks end. A topic that the group does not read yet is read from then on, its other partitions from
 * where the policy says.
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

static struct bytes copy(void *call, struct bytes b)
{
    return bytes_is_null(b) ? b : call_bytes(call, b);
}

/* ---- describe, list ---- */

static void describe_member(const struct share_member *m, struct call *c, struct share_member_view *out)
{
    *out = (struct share_member_view){
        .id = copy(c, m->id),
        .client_id = copy(c, m->client_id),
        .client_host = copy(c, m->client_host),
        .rack = copy(c, m->rack),
        .epoch = m->epoch,
        .topic_count = m->topic_count,
        .topics = arena_array(&c->arena, m->topic_count + 1, sizeof *out->topics),
    };
    for (size_t i = 0; i < m->topic_count; i++)
        out->topics[i] = copy(c, m->topics[i]);
    out->target = share_show_target(m, c, &out->target_count);
}

static void describe(const struct share_group *g, struct call *c, struct share_group_view *out)
{
    out->epoch = g->epoch;
    out->member_count = 0;
    out->members = arena_array(&c->arena, g->member_count + 1, sizeof *out->members);
    for (struct list *n = g->members.next; n != &g->members; n = n->next)
        describe_member(CONTAINER(n, struct share_member, in_group), c, &out->members[out->member_count++]);
}

static void list_all(struct engine *e, struct share_describe_call *a)
{
    const struct share_group *g;
    size_t                    at = 0;

    a->item_count = 0;
    a->items = arena_array(&a->call.arena, e->share_groups.count + 1, sizeof *a->items);
    while ((g = map_next(&e->share_groups, &at)) != NULL) {
        if (!g->is_real || !bytes_eq(g->key.ns, a->ns))
            continue;
        a->items[a->item_count++] = (struct share_group_view){
            .group = copy(a, g->key.name),
            .epoch = g->epoch,
            .member_count = g->member_count,
        };
    }
}

void share_on_describe(struct engine *e, struct call *c)
{
    struct share_describe_call *a = (struct share_describe_call *)c;

    if (a->all)
        list_all(e, a);
    for (size_t i = 0; !a->all && i < a->item_count; i++) {
        const struct share_group *g = share_group_find(e, a->ns, a->items[i].group);

        a->items[i].err = g ? ERR_OK : ERR_NO_GROUP;
        if (g)
            describe(g, c, &a->items[i]);
    }
    engine_answer(e, c, ERR_OK);
}

/* ---- offsets ---- */

static enum err find_group(struct engine *e, struct bytes ns, struct bytes name, struct share_group **out)
{
    *out = share_group_find(e, ns, name);
    if (name.len == 0)
        return ERR_BAD_NAME;
    return *out ? ERR_OK : ERR_NO_GROUP;
}

/* What is not settled, as far as members can see it: below what is open of transactions, if they want that. */
static void show_lane(const struct queue *q, uint32_t partition, struct share_offset *out)
{
    const struct lane *l = &q->ledger.lanes[partition];

    out->start = (int64_t)lane_floor(l);
    out->lag = (int64_t)lane_open_count(l);
}

static void show_offset(struct engine *e, const struct share_group *g, struct share_offset *out)
{
    const struct topic *t = topic_find(e, g->key.ns, out->topic);
    const struct queue *q = t ? share_queue_of(g, t) : NULL;

    out->start = out->lag = -1;
    out->err = ERR_OK;
    if (!t || out->partition >= t->log_count) {
        out->err = t ? ERR_NO_PARTITION : ERR_NO_TOPIC;
        return;
    }
    out->uuid = t->uuid;
    if (q)
        show_lane(q, out->partition, out);
}

static size_t count_lanes(const struct share_group *g)
{
    size_t n = 0;

    for (struct list *i = g->queues.next; i != &g->queues; i = i->next)
        n += CONTAINER(i, struct share_queue, in_group)->queue->ledger.lane_count;
    return n;
}

static void show_all(struct share_offsets_call *a, const struct share_group *g)
{
    a->item_count = 0;
    a->items = arena_array(&a->call.arena, count_lanes(g) + 1, sizeof *a->items);
    for (struct list *i = g->queues.next; i != &g->queues; i = i->next) {
        const struct queue *q = CONTAINER(i, struct share_queue, in_group)->queue;

        for (uint32_t p = 0; p < q->ledger.lane_count; p++) {
            struct share_offset *out = &a->items[a->item_count++];

            *out = (struct share_offset){ .topic = copy(a, q->topic->key.name), .uuid = q->topic->uuid, .partition
            = p };
            show_lane(q, p, out);
        }
    }
}

void share_on_offsets_get(struct engine *e, struct call *c)
{
    struct share_offsets_call *a = (struct share_offsets_call *)c;
    struct share_group        *g;
    enum err                   err = find_group(e, a->ns, a->group, &g);

    if (!err && a->all)
        show_all(a, g);
    for (size_t i = 0; !err && !a->all && i < a->item_count; i++)
        show_offset(e, g, &a->items[i]);
    engine_answer(e, c, err);
}

static void set_offset(struct engine *e, struct share_group *g, struct share_offset *o)
{
    struct topic *t = topic_find(e, g->key.ns, o->topic);
    struct log   *l;
    struct queue *q;
    uint64_t      start = o->start > 0 ? (uint64_t)o->start : 0;

    o->err = !t ? ERR_NO_TOPIC : o->partition >= t->log_count ? ERR_NO_PARTITION : ERR_OK;
    if (o->err)
        return;
    o->uuid = t->uuid;
    share_queue_make(g, t);
    q = share_queue_of(g, t);
    l = t->logs[o->partition];
    if (start < l->start)
        start = l->start;
    queue_seek(e, q, o->partition, start < l->end ? start : l->end);
}

static enum err find_empty(struct engine *e, struct bytes ns, struct bytes name, struct share_group **out)
{
    enum err err = find_group(e, ns, name, out);

    return !err && (*out)->member_count > 0 ? ERR_NOT_EMPTY : err;
}

void share_on_offsets_set(struct engine *e, struct call *c)
{
    struct share_offsets_call *a = (struct share_offsets_call *)c;
    struct share_group        *g;
    enum err                   err = find_empty(e, a->ns, a->group, &g);

    for (size_t i = 0; !err && i < a->item_count; i++)
        set_offset(e, g, &a->items[i]);
    engine_answer(e, c, err);
}

static void forget(struct engine *e, struct share_group *g, struct share_forget_item *item)
{
    const struct topic *t = topic_find(e, g->key.ns, item->topic);
    struct queue       *q = t ? share_queue_of(g, t) : NULL;

    item->err = t ? ERR_OK : ERR_NO_TOPIC;
    if (t)
        item->uuid = t->uuid;
    if (q)
        queue_delete(e, q);
}

void share_on_forget(struct engine *e, struct call *c)
{
    struct share_forget_call *a = (struct share_forget_call *)c;
    struct share_group       *g;
    enum err                  err = find_empty(e, a->ns, a->group, &g);

    for (size_t i = 0; !err && i < a->item_count; i++)
        forget(e, g, &a->items[i]);
    engine_answer(e, c, err);
}

/* ---- as a group among others ---- */

bool share_group_is_known(struct engine *e, struct bytes ns, struct bytes group)
{
    return share_group_find(e, ns, group) != NULL;
}

enum err share_group_try_delete(struct engine *e, struct bytes ns, struct bytes group)
{
    struct share_group *g;
    enum err            err = find_empty(e, ns, group, &g);

    if (!err)
        share_group_delete(g);
    return err;
}
