/* group_admin.c - see clients.h: describes, lists and deletes groups, and forgets their offsets. */
#include "clients.h"
#include "model_group.h"
#include "model_txn.h"

#include <stdio.h>

enum { OUT_MAX = 2 };

struct administering {
    struct request request;
    unsigned       group;
    bool           is_anchored; /* it is there for sure */
    bool           has_members; /* likewise */
    struct m_slot *slot;        /* whose offset is to be forgotten; NULL: there is no such topic */
};

static struct world *world_of(const struct administering *x)
{
    return x->request.client->world;
}

static void *new_request(struct client *c, const struct request_kind *kind, enum call_kind call,
                         size_t size)
{
    struct administering *x = request_new(c, kind, sizeof *x, call, size);

    x->group = (unsigned)draw_below(&c->world->draw, GROUPS);
    return x;
}

static void on_submit(struct request *r)
{
    struct administering *x = (struct administering *)r;
    struct model         *m = world_of(x)->model;

    model_group_look(m, x->group);
    x->is_anchored = model_incarnation(m, x->group) != 0;
    x->has_members = model_sure_member(m, x->group) != NULL;
}

static void must_be_there(const struct administering *x, bool is_there, const char *what)
{
    if (!is_there && (x->is_anchored || x->has_members))
        violation(world_of(x), "a group with members or offsets is there", "group %s: %s",
                  group_name(x->group), what);
}

/* ---- describe, list ---- */

static void see_member(const struct administering *x, const struct group_description *d, size_t i)
{
    const struct group_member_description *v = &d->members[i];
    const struct m_member                 *known;
    char                                   id[MEMBER_ID_BYTES];

    snprintf(id, sizeof id, "%.*s", (int)v->member_id.len, (const char *)v->member_id.at);
    known = model_member(world_of(x)->model, id);
    if (known && known->out && known->out < x->request.number)
        violation(world_of(x), "who has left is not a member", "%s of group %s left by call %llu",
                  id, group_name(x->group), (unsigned long long)known->out);
    for (size_t k = 0; k < i; k++)
        if (bytes_eq(v->member_id, d->members[k].member_id) ||
            (v->instance_id.at && bytes_eq(v->instance_id, d->members[k].instance_id)))
            violation(world_of(x), "no member is admitted twice", "%s of group %s", id,
                      group_name(x->group));
}

static void on_described(struct request *r)
{
    struct administering           *x = (struct administering *)r;
    const struct group_description *d = ((struct group_describe_call *)r->call)->items;

    must_be_there(x, !d->err, err_text(d->err));
    if (x->has_members && (d->state == GROUP_EMPTY || d->member_count == 0))
        violation(world_of(x), "who keeps in touch stays a member", "group %s is shown as empty",
                  group_name(x->group));
    for (size_t i = 0; !d->err && i < d->member_count; i++)
        see_member(x, d, i);
}

static void describe(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_described };
    struct administering       *x = new_request(c, &kind, CALL_GROUP_DESCRIBE,
                                                sizeof(struct group_describe_call));
    struct group_describe_call *d = (struct group_describe_call *)x->request.call;

    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->item_count = 1;
    d->items = arena_struct(&d->call.arena, struct group_description);
    d->items->group = bytes_str(group_name(x->group));
    request_send(x);
}

static void on_listed(struct request *r)
{
    struct administering         *x = (struct administering *)r;
    const struct group_list_call *l = (const struct group_list_call *)r->call;
    unsigned                      count = 0;

    for (size_t i = 0; i < l->item_count; i++)
        count += bytes_eq_str(l->items[i].group, group_name(x->group));
    must_be_there(x, count == 1, "it is not in the list once");
}

static void list_groups(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_listed };
    struct administering            *x = new_request(c, &kind, CALL_GROUP_LIST,
                                                     sizeof(struct group_list_call));

    ((struct group_list_call *)x->request.call)->ns = bytes_str(NAMESPACE_DEFAULT);
    request_send(x);
}

/* ---- delete, forget ---- */

static void check_end(const struct administering *x, const char *what, enum err err)
{
    TRACE(world_of(x), "group admin: %s of group %s: %s", what, group_name(x->group),
          err_name(err));
    if (!err && x->has_members)
        violation(world_of(x), "a group with members keeps its offsets", "%s of group %s", what,
                  group_name(x->group));
    must_be_there(x, err != ERR_NO_GROUP, what);
}

static void on_delete(struct request *r)
{
    on_submit(r);
    model_forget_group(r->client->world->model, ((struct administering *)r)->group, r->number);
    model_txn_group_deleted(r->client->world->model, ((struct administering *)r)->group);
}

static void on_deleted(struct request *r)
{
    struct administering *x = (struct administering *)r;
    enum err              err = ((struct group_delete_call *)r->call)->items->err;

    check_end(x, "delete", err);
    if (err && err != ERR_NO_GROUP && err != ERR_NOT_EMPTY)
        violation(world_of(x), "a group is deleted or it is not", "group %s: %s",
                  group_name(x->group), err_text(err));
    model_group_forgotten(world_of(x)->model, x->group, r->number, err ? NEVER : DONE);
}

static void delete(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_delete, .on_answer = on_deleted };
    struct administering     *x = new_request(c, &kind, CALL_GROUP_DELETE,
                                              sizeof(struct group_delete_call));
    struct group_delete_call *d = (struct group_delete_call *)x->request.call;

    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->item_count = 1;
    d->items = arena_struct(&d->call.arena, struct group_delete_item);
    d->items->group = bytes_str(group_name(x->group));
    request_send(x);
}

static void on_forget(struct request *r)
{
    struct administering             *x = (struct administering *)r;
    const struct offsets_delete_item *item = ((struct offsets_delete_call *)r->call)->items;
    struct m_topic                   *t = model_topic_named(world_of(x)->model, item->name);

    on_submit(r);
    if (!t)
        return;
    x->slot = model_slot(world_of(x)->model, x->group, t, item->partition);
    model_forget_slot(world_of(x)->model, x->slot, r->number);
}

static void on_forgotten(struct request *r)
{
    struct administering             *x = (struct administering *)r;
    const struct offsets_delete_item *item = ((struct offsets_delete_call *)r->call)->items;
    enum err                          err = r->call->err ? r->call->err : item->err;

    check_end(x, "forget", err);
    if (err == ERR_NO_TOPIC ? x->slot != NULL : err && err != ERR_IN_USE && err != ERR_NO_GROUP)
        violation(world_of(x), "an offset is forgotten or it is not", "%.*s of group %s: %s",
                  (int)item->name.len, (const char *)item->name.at, group_name(x->group),
                  err_text(err));
    if (x->slot)
        model_committed(x->slot, r->number, err ? NEVER : DONE);
}

static void forget(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_forget, .on_answer = on_forgotten };
    struct administering       *x = new_request(c, &kind, CALL_OFFSETS_DELETE,
                                                sizeof(struct offsets_delete_call));
    struct offsets_delete_call *d = (struct offsets_delete_call *)x->request.call;
    struct offset_item          at = { 0 };

    draw_slot(c->world, x->request.call, &at);
    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->group = bytes_str(group_name(x->group));
    d->item_count = 1;
    d->items = arena_struct(&d->call.arena, struct offsets_delete_item);
    d->items->name = at.name;
    d->items->partition = at.partition;
    request_send(x);
}

static void step(struct client *c)
{
    struct draw *d = &c->world->draw;

    if (c->out >= OUT_MAX)
        return;
    if (draw_one_in(d, 6))
        forget(c);
    else if (draw_one_in(d, 12))
        delete(c);
    else if (draw_one_in(d, 3))
        list_groups(c);
    else
        describe(c);
}

const struct client_kind group_admin_kind = {
    .name = "group admin",
    .size = sizeof(struct client),
    .step = step,
};
