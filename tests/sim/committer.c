/* committer.c - see clients.h: commits offsets from outside of groups, and looks at those of all. */
#include "clients.h"
#include "model_group.h"

#include <stdio.h>

enum { ITEMS_MAX = 4, OUT_MAX = 3, TEXT_BYTES = 24, NAMES = 4 };

struct committing {
    struct request request;
    unsigned       group;
    struct m_slot *slot;
    enum err       want;
    bool           has_members; /* for sure */
};

struct looking {
    struct request request;
    unsigned       group;
    struct m_topic *topics[ITEMS_MAX]; /* that the names meant */
};

/* ---- what is committed ---- */

/* The rest of a commit follows from its offset. */
static int32_t epoch_of(int64_t offset)
{
    return (int32_t)(offset % 5) - 1;
}

static struct bytes metadata_of(int64_t offset, char text[TEXT_BYTES])
{
    if (offset % 3 == 0)
        return (struct bytes){ 0 };
    snprintf(text, TEXT_BYTES, "at %lld", (long long)offset);
    return bytes_str(text);
}

void draw_slot(struct world *w, struct call *c, struct offset_item *item)
{
    struct m_topic *t = draw_one_in(&w->draw, 4) ? NULL : model_any_topic(w->model);
    char            name[NAME_BYTES];

    snprintf(name, sizeof name, "%c%d", "tq"[draw_below(&w->draw, 2)],
             (int)draw_below(&w->draw, NAMES));
    item->name = call_bytes(c, bytes_str(t ? t->name : name));
    item->partition = t ? (uint32_t)draw_below(&w->draw, t->partition_count)
                        : (uint32_t)draw_below(&w->draw, PARTITIONS_MAX);
}

static void fill(struct world *w, struct call *c, struct offset_item *item)
{
    char text[TEXT_BYTES];

    item->offset = ++w->model->groups->last_offset;
    item->leader_epoch = epoch_of(item->offset);
    item->metadata = call_bytes(c, metadata_of(item->offset, text));
}

void draw_offset(struct world *w, struct call *c, struct offset_item *item)
{
    draw_slot(w, c, item);
    fill(w, c, item);
}

/* ---- commits ---- */

static void on_commit(struct request *r)
{
    struct committing                *x = (struct committing *)r;
    struct model                     *m = r->client->world->model;
    const struct offsets_commit_call *o = (const struct offsets_commit_call *)r->call;

    model_group_look(m, x->group);
    x->has_members = model_sure_member(m, x->group) != NULL;
    x->slot = model_commit(m, x->group, o->items, r->number, &x->want);
}

static void on_committed(struct request *r)
{
    struct committing                *x = (struct committing *)r;
    struct world                     *w = r->client->world;
    const struct offsets_commit_call *o = (const struct offsets_commit_call *)r->call;
    bool                              is_done = !r->call->err;

    TRACE(w, "committer: %lld for %.*s/%u of group %s: %s, %s", (long long)o->items->offset,
          (int)o->items->name.len, (const char *)o->items->name.at, o->items->partition,
          group_name(x->group), err_name(r->call->err), err_name(o->items->err));
    if (x->slot)
        model_committed(x->slot, r->number, is_done ? DONE : NEVER);
    if (is_done ? o->items->err != x->want : r->call->err != ERR_UNKNOWN_MEMBER)
        violation(w, "a commit is answered as it should be", "%s, %s, not %s",
                  err_text(r->call->err), err_text(o->items->err), err_text(x->want));
    if (is_done && x->has_members)
        violation(w, "a group with members takes no commits from outside", "group %s did",
                  group_name(x->group));
    if (is_done && !o->items->err)
        model_group_touch(w->model, x->group, r->submit_ms);
}

static struct committing *new_commit(struct client *c, unsigned group)
{
    static const struct request_kind kind = { .on_submit = on_commit, .on_answer = on_committed };
    struct committing          *x = request_new(c, &kind, sizeof *x, CALL_OFFSETS_COMMIT,
                                                sizeof(struct offsets_commit_call));
    struct offsets_commit_call *o = (struct offsets_commit_call *)x->request.call;

    x->group = group;
    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = bytes_str(group_name(group));
    o->generation = -1;
    o->item_count = 1;
    o->items = arena_struct(&o->call.arena, struct offset_item);
    draw_offset(c->world, x->request.call, o->items);
    return x;
}

/* ---- looks ---- */

static void on_look(struct request *r)
{
    struct looking                *x = (struct looking *)r;
    struct model                  *m = r->client->world->model;
    const struct offsets_get_call *o = (const struct offsets_get_call *)r->call;

    model_group_look(m, x->group);
    for (size_t i = 0; !o->all && i < o->item_count; i++)
        x->topics[i] = model_topic_named(m, o->items[i].name);
}

static void check_item(struct world *w, const struct offset_item *item)
{
    char         text[TEXT_BYTES];
    struct bytes metadata = metadata_of(item->offset, text);

    if (item->offset >= 0 && (item->leader_epoch != epoch_of(item->offset) ||
                              bytes_is_null(item->metadata) != bytes_is_null(metadata) ||
                              !bytes_eq(item->metadata, metadata)))
        violation(w, "what was committed comes back whole", "offset %lld", (long long)item->offset);
}

static void on_looked(struct request *r)
{
    struct looking                *x = (struct looking *)r;
    struct world                  *w = r->client->world;
    const struct offsets_get_call *o = (const struct offsets_get_call *)r->call;

    if (r->call->err)
        violation(w, "everybody can look at offsets", "%s", err_text(r->call->err));
    for (size_t i = 0; i < o->item_count; i++) {
        const struct offset_item *item = &o->items[i];

        check_item(w, item);
        if (item->err || (!x->topics[i] && item->offset >= 0))
            violation(w, "offsets go with their topic", "group %s, %.*s/%u: %lld, %s",
                      group_name(x->group), (int)item->name.len, (const char *)item->name.at,
                      item->partition, (long long)item->offset, err_text(item->err));
        if (x->topics[i])
            model_see_offset(w->model,
                             model_slot(w->model, x->group, x->topics[i], item->partition),
                             r->number, item->offset);
    }
}

static void *new_look(struct client *c, const struct request_kind *kind, unsigned group)
{
    struct looking          *x = request_new(c, kind, sizeof *x, CALL_OFFSETS_GET,
                                             sizeof(struct offsets_get_call));
    struct offsets_get_call *o = (struct offsets_get_call *)x->request.call;

    x->group = group;
    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = bytes_str(group_name(group));
    return x;
}

static void look(struct client *c, unsigned group)
{
    static const struct request_kind kind = { .on_submit = on_look, .on_answer = on_looked };
    struct looking          *x = new_look(c, &kind, group);
    struct offsets_get_call *o = (struct offsets_get_call *)x->request.call;

    o->item_count = (size_t)draw_range(&c->world->draw, 1, ITEMS_MAX);
    o->items = arena_array(&o->call.arena, o->item_count, sizeof *o->items);
    for (size_t i = 0; i < o->item_count; i++)
        draw_slot(c->world, x->request.call, &o->items[i]);
    request_send(x);
}

/* ---- all of a group ---- */

static bool was_there(const struct m_topic *t, uint64_t number)
{
    return t->made < number && (!t->gone || t->gone > number);
}

static const struct offset_item *find_item(const struct offsets_get_call *o, const struct m_slot *s)
{
    for (size_t i = 0; i < o->item_count; i++)
        if (bytes_eq_str(o->items[i].name, s->topic->name) && o->items[i].partition == s->partition)
            return &o->items[i];
    return NULL;
}

static void on_all(struct request *r)
{
    struct looking          *x = (struct looking *)r;
    struct world            *w = r->client->world;
    struct offsets_get_call *o = (struct offsets_get_call *)r->call;
    size_t                   known = 0;

    for (struct m_slot *s = w->model->groups->slots; s; s = s->next) {
        const struct offset_item *item = find_item(o, s);

        if (s->group != x->group || !was_there(s->topic, r->number))
            continue;
        known += item != NULL;
        model_see_offset(w->model, s, r->number, item ? item->offset : -1);
    }
    for (size_t i = 0; i < o->item_count; i++)
        check_item(w, &o->items[i]);
    if (known != o->item_count)
        violation(w, "nothing is there that was never committed", "%zu offsets of group %s, %zu "
                  "of them known", o->item_count, group_name(x->group), known);
}

static struct looking *new_look_at_all(struct client *c, unsigned group)
{
    static const struct request_kind kind = { .on_submit = on_look, .on_answer = on_all };
    struct looking                  *x = new_look(c, &kind, group);

    ((struct offsets_get_call *)x->request.call)->all = true;
    return x;
}

bool committer_look(struct client *c, unsigned group)
{
    struct looking *x = new_look_at_all(c, group);

    if (!request_ask(x))
        return false;
    on_all(&x->request);
    request_free(x);
    return true;
}

/* ---- what to do next ---- */

bool committer_begin(struct client *c)
{
    for (unsigned i = 0; i < GROUPS_ANCHORED; i++) {
        struct committing          *x = new_commit(c, i);
        struct offsets_commit_call *o = (struct offsets_commit_call *)x->request.call;

        o->items->name = bytes_str(ANCHOR_TOPIC);
        o->items->partition = 0;
        request_send(x);
    }
    return world_settle(c->world);
}

static void step(struct client *c)
{
    struct draw *d = &c->world->draw;
    unsigned     group = (unsigned)draw_below(d, GROUPS);

    if (c->out >= OUT_MAX)
        return;
    if (draw_one_in(d, 4))
        request_send(new_commit(c, group));
    else if (draw_one_in(d, 4))
        request_send(new_look_at_all(c, group));
    else
        look(c, group);
}

const struct client_kind committer_kind = {
    .name = "committer",
    .size = sizeof(struct client),
    .step = step,
};
