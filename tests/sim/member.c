/*
 * member.c - see clients.h: consumers of a group, as Kafka's clients are: they join, sync,
 * heartbeat and commit, fall silent, leave, come back; and now and then one acts with what it
 * remembers of an earlier life.
 */
#include "clients.h"
#include "model_group.h"

#include <stdio.h>

enum {
    INSTANCES = 2,
    MEMBERS_MAX = 16,
    ITEMS_MAX = 3,
    SESSION_MORE_MS = 6000,
    REBALANCE_MS_MAX = 8000,
};

enum member_state { AWAY, JOINING, JOINED, SYNCING, AT_WORK };

struct credentials {
    unsigned group;
    char     instance[4]; /* empty: a dynamic member */
    char     id[MEMBER_ID_BYTES];
    int32_t  generation;
};

struct member {
    struct client      client;
    enum member_state  state;
    struct credentials now;
    struct credentials old; /* of an earlier life */
    uint64_t           incarnation;
    size_t             others; /* a leader's list of all members */
    char               other_ids[MEMBERS_MAX][MEMBER_ID_BYTES];
};

struct acting {
    struct request     request;
    struct credentials by;
    bool               may_act; /* GM2 */
    bool               is_old;  /* it is not about the present life of the client */
    uint64_t           incarnation;
    int64_t            patience_ms;
    size_t             count; /* of a commit */
    struct m_slot     *slots[ITEMS_MAX];
    enum err           want[ITEMS_MAX];
};

static struct member *me_of(const struct acting *a)
{
    return (struct member *)a->request.client;
}

static struct world *world_of(const struct acting *a)
{
    return a->request.client->world;
}

/* ---- what every call of a member has ---- */

/* An earlier life, or this one a generation ago. */
static struct credentials past_of(const struct member *me)
{
    struct credentials past = me->now;

    if (me->now.generation <= 1 || (me->old.id[0] && draw_one_in(&me->client.world->draw, 2)))
        return me->old;
    past.generation--;
    return past;
}

static void *new_acting(struct member *me, const struct request_kind *kind, enum call_kind call,
                        size_t size, bool is_old)
{
    struct acting *a = request_new(&me->client, kind, sizeof *a, call, size);

    a->by = is_old ? past_of(me) : me->now;
    a->is_old = is_old;
    return a;
}

static struct bytes instance_of(const struct acting *a)
{
    return a->by.instance[0] ? call_bytes(a->request.call, bytes_str(a->by.instance))
                             : (struct bytes){ 0 };
}

static struct bytes id_of(const struct acting *a)
{
    return call_bytes(a->request.call, bytes_str(a->by.id));
}

static struct bytes group_of(const struct acting *a)
{
    return bytes_str(group_name(a->by.group));
}

static void on_act(struct request *r)
{
    struct acting *a = (struct acting *)r;
    struct model  *m = world_of(a)->model;

    model_group_look(m, a->by.group);
    a->incarnation = model_incarnation(m, a->by.group);
    a->may_act = model_may_act(m, a->by.id, a->by.generation);
}

static void say(const struct acting *a, const char *what)
{
    TRACE(world_of(a), "member %zu: %s %s as %s%s generation %d: %s", a->request.client->index,
          what, group_name(a->by.group), a->by.id, a->is_old ? " (of old)" : "",
          a->by.generation, err_name(a->request.call->err));
}

static bool is_refusal(const struct acting *a, enum err err)
{
    const struct m_member *x = model_member(world_of(a)->model, a->by.id);
    bool                   is_sure = x && x->sure_until_ms > a->request.submit_ms;

    switch ((int)err) {
    case ERR_UNKNOWN_MEMBER:
    case ERR_NO_GROUP:
        if (is_sure && !a->is_old)
            violation(world_of(a), "who keeps in touch stays a member", "%s of group %s: %s",
                      a->by.id, group_name(a->by.group), err_text(err));
        return true;
    case ERR_FENCED_INSTANCE:
        return a->by.instance[0] != 0;
    case ERR_ILLEGAL_GENERATION:
    case ERR_REBALANCING:
    case ERR_CANCELLED:
        return true;
    default:
        return false;
    }
}

/* True: it was done. */
static bool check_act(struct acting *a, const char *what)
{
    enum err err = a->request.call->err;

    say(a, what);
    if (err && !is_refusal(a, err))
        violation(world_of(a), "a member is answered as it should be", "%s by %s of group %s: %s",
                  what, a->by.id, group_name(a->by.group), err_text(err));
    if (!err && !a->may_act)
        violation(world_of(a), "who is out cannot act",
                  "%s by %s of group %s in generation %d was done", what, a->by.id,
                  group_name(a->by.group), a->by.generation);
    if (!err)
        model_group_touch(world_of(a)->model, a->by.group, a->request.submit_ms);
    return !err;
}

static void forget(struct member *me)
{
    if (me->now.id[0] && me->now.generation > 0)
        me->old = me->now;
    me->now = (struct credentials){ 0 };
    me->state = AWAY;
}

/* What an answer that was not ERR_OK means for the member's life. */
static void on_refused(struct acting *a)
{
    struct member *me = me_of(a);

    if (a->is_old || strcmp(a->by.id, me->now.id) != 0)
        return;
    if (a->request.call->err == ERR_UNKNOWN_MEMBER || a->request.call->err == ERR_FENCED_INSTANCE)
        forget(me);
    else
        me->state = AWAY; /* joins again */
}

/* ---- join ---- */

static void on_join(struct request *r)
{
    struct acting *a = (struct acting *)r;
    struct model  *m = world_of(a)->model;

    on_act(r);
    a->may_act = a->by.id[0] == 0 || model_may_act(m, a->by.id, INT32_MAX);
    if (a->by.id[0] || a->by.instance[0]) /* it may get other timeouts, or the place of another */
        model_threaten(m, a->by.group, a->by.id[0] ? a->by.id : a->by.instance, r->number);
}

/* Each member once, none that had left before, none of an instance twice. */
static void see_members(const struct acting *a, const struct group_join_call *j)
{
    struct member *me = me_of(a);
    struct model  *m = world_of(a)->model;

    me->others = j->member_count;
    if (j->member_count > MEMBERS_MAX)
        violation(m->world, "no member is admitted twice", "%zu members", j->member_count);
    for (size_t i = 0; i < j->member_count; i++) {
        const struct group_member_view *v = &j->members[i];
        const struct m_member          *x;

        snprintf(me->other_ids[i], MEMBER_ID_BYTES, "%.*s", (int)v->member_id.len,
                 (const char *)v->member_id.at);
        x = model_member(m, me->other_ids[i]);
        if (x && x->out && x->out < a->request.number)
            violation(m->world, "who has left is not a member", "%s of group %s left by call %llu",
                      x->id, group_name(a->by.group), (unsigned long long)x->out);
        for (size_t k = 0; k < i; k++)
            if (bytes_eq(v->member_id, j->members[k].member_id) ||
                (v->instance_id.at && bytes_eq(v->instance_id, j->members[k].instance_id)))
                violation(m->world, "no member is admitted twice", "%s of group %s",
                          me->other_ids[i], group_name(a->by.group));
    }
}

/* The model's member; new when it came without an id. */
static struct m_member *meet(const struct acting *a, struct bytes id)
{
    struct model    *m = world_of(a)->model;
    struct m_member *x;

    if (a->by.id[0] && !bytes_eq_str(id, a->by.id))
        violation(m->world, "a member keeps its id", "%s of group %s became %.*s", a->by.id,
                  group_name(a->by.group), (int)id.len, (const char *)id.at);
    x = a->by.id[0] ? model_member(m, a->by.id)
                    : model_meet_member(m, a->by.group, id, a->request.number);
    if (a->patience_ms < x->patience_ms)
        x->patience_ms = a->patience_ms;
    return x;
}

static void on_admitted(struct acting *a, const struct group_join_call *j)
{
    struct member   *me = me_of(a);
    struct world    *w = world_of(a);
    struct m_member *x = meet(a, j->member_id);

    if (j->generation <= 0 || j->generation < x->generation)
        violation(w, "generations never go back", "%s of group %s: %d after %d", x->id,
                  group_name(a->by.group), j->generation, x->generation);
    x->generation = j->generation;
    model_see_generation(w->model, a->by.group, j, a->incarnation);
    see_members(a, j);
    if (j->skip_assignment || !bytes_eq_str(j->leader, x->id))
        me->others = 0;
    me->now = a->by;
    memcpy(me->now.id, x->id, sizeof me->now.id);
    me->now.generation = j->generation;
    me->incarnation = a->incarnation;
    me->state = JOINED;
}

static void on_joined(struct request *r)
{
    struct acting                *a = (struct acting *)r;
    const struct group_join_call *j = (const struct group_join_call *)r->call;
    struct member                *me = me_of(a);

    if (r->call->err == ERR_NEED_MEMBER_ID && j->needs_known_id && !a->by.id[0]) {
        say(a, "join");
        me->now = a->by;
        memcpy(me->now.id, meet(a, j->member_id)->id, sizeof me->now.id);
        me->state = AWAY;
    } else if (check_act(a, "join")) {
        on_admitted(a, j);
    } else {
        on_refused(a);
    }
}

static void on_join_lost(struct request *r)
{
    me_of((struct acting *)r)->state = AWAY;
}

static void offer(struct group_join_call *j, struct draw *d)
{
    static const char *const names[] = { "range", "sticky" }; /* the first is everybody's */
    bool                     is_both = draw_one_in(d, 2);
    bool                     is_last = is_both && draw_one_in(d, 2);

    j->protocol_type = bytes_str("consumer");
    j->protocol_count = is_both ? 2 : 1;
    j->protocols = arena_array(&j->call.arena, 2, sizeof *j->protocols);
    for (size_t i = 0; i < j->protocol_count; i++)
        j->protocols[i] = (struct group_protocol){ bytes_str(names[i ^ is_last]),
                                                   bytes_str("metadata") };
}

/* A static member that starts again has its old name. */
static void be_somebody(struct member *me)
{
    struct draw *d = &me->client.world->draw;

    me->now = (struct credentials){ .group = (unsigned)draw_below(d, GROUPS) };
    if (me->old.instance[0] && draw_one_in(d, 2)) {
        me->now.group = me->old.group;
        memcpy(me->now.instance, me->old.instance, sizeof me->now.instance);
    } else if (draw_one_in(d, 2)) {
        snprintf(me->now.instance, sizeof me->now.instance, "%c%d", STATIC_PREFIX,
                 (int)draw_below(d, INSTANCES));
    }
}

static void join(struct member *me)
{
    static const struct request_kind kind = { on_join, on_joined, on_join_lost };
    struct draw            *d = &me->client.world->draw;
    struct acting          *a;
    struct group_join_call *j;

    if (!me->now.id[0])
        be_somebody(me);
    a = new_acting(me, &kind, CALL_GROUP_JOIN, sizeof *j, false);
    j = (struct group_join_call *)a->request.call;
    j->ns = bytes_str(NAMESPACE_DEFAULT);
    j->group = group_of(a);
    j->client_id = bytes_str("c");
    j->member_id = id_of(a);
    j->instance_id = instance_of(a);
    j->needs_known_id = draw_one_in(d, 2);
    j->can_skip_assignment = draw_one_in(d, 2);
    j->session_ms = GROUP_SESSION_MS_MIN + (int32_t)draw_below(d, SESSION_MORE_MS);
    j->rebalance_ms = (int32_t)draw_range(d, 1, REBALANCE_MS_MAX);
    a->patience_ms = j->rebalance_ms < j->session_ms ? j->rebalance_ms : j->session_ms;
    offer(j, d);
    me->state = JOINING;
    request_send(a);
}

/* ---- sync ---- */

static void assign(struct member *me, struct group_sync_call *s)
{
    uint64_t number = ++me->client.world->model->groups->last_assignment;

    s->assignment_count = me->others;
    s->assignments = arena_array(&s->call.arena, me->others, sizeof *s->assignments);
    for (size_t i = 0; i < me->others; i++) {
        char text[ASSIGNMENT_BYTES];

        snprintf(text, sizeof text, "%d %llu %s", me->now.generation, (unsigned long long)number,
                 me->other_ids[i]);
        s->assignments[i].member_id = call_bytes(s, bytes_str(me->other_ids[i]));
        s->assignments[i].assignment = call_bytes(s, bytes_str(text));
    }
}

/* It is that of this member, or of the one whose place it has. */
static bool is_mine(const struct acting *a, const char *id)
{
    size_t len = strlen(a->by.instance);

    return strcmp(id, a->by.id) == 0 || (len > 0 && strncmp(id, a->by.instance, len) == 0);
}

static void see_assignment(const struct acting *a, struct bytes text)
{
    char               copy[ASSIGNMENT_BYTES];
    char               id[ASSIGNMENT_BYTES];
    int                generation;
    unsigned long long number;

    snprintf(copy, sizeof copy, "%.*s", (int)text.len, (const char *)text.at);
    if (sscanf(copy, "%d %llu %127s", &generation, &number, id) != 3 ||
        generation != a->by.generation || !is_mine(a, id))
        violation(world_of(a), "each member gets its part", "%s of group %s in generation %d: '%s'",
                  a->by.id, group_name(a->by.group), a->by.generation, copy);
    model_see_assignment(world_of(a)->model, a->by.group, generation, a->incarnation, number);
}

static void on_synced(struct request *r)
{
    struct acting                *a = (struct acting *)r;
    const struct group_sync_call *s = (const struct group_sync_call *)r->call;
    struct member                *me = me_of(a);
    struct m_member              *x;

    if (!check_act(a, "sync")) {
        on_refused(a);
        return;
    }
    see_assignment(a, s->assignment);
    x = model_member(world_of(a)->model, a->by.id);
    x->synced = a->by.generation;
    m_member_is_well(x, r->number, r->submit_ms);
    if (!a->is_old && me->state == SYNCING)
        me->state = AT_WORK;
}

static void on_sync_lost(struct request *r)
{
    me_of((struct acting *)r)->state = AWAY;
}

static void sync_group(struct member *me, bool is_old)
{
    static const struct request_kind kind = { on_act, on_synced, on_sync_lost };
    struct acting          *a = new_acting(me, &kind, CALL_GROUP_SYNC,
                                           sizeof(struct group_sync_call), is_old);
    struct group_sync_call *s = (struct group_sync_call *)a->request.call;

    a->by.generation -= is_old; /* a leader that came with nothing would end the rebalance so */
    s->ns = bytes_str(NAMESPACE_DEFAULT);
    s->group = group_of(a);
    s->member_id = id_of(a);
    s->instance_id = instance_of(a);
    s->generation = a->by.generation;
    if (!is_old) {
        assign(me, s);
        me->state = SYNCING;
    }
    request_send(a);
}

/* ---- heartbeat, leave ---- */

static void on_beaten(struct request *r)
{
    struct acting   *a = (struct acting *)r;
    struct m_member *x = model_member(world_of(a)->model, a->by.id);

    if (!check_act(a, "heartbeat"))
        on_refused(a);
    else if (x->synced == a->by.generation)
        m_member_is_well(x, r->number, r->submit_ms);
}

static void heartbeat(struct member *me, bool is_old)
{
    static const struct request_kind kind = { .on_submit = on_act, .on_answer = on_beaten };
    struct acting               *a = new_acting(me, &kind, CALL_GROUP_HEARTBEAT,
                                                sizeof(struct group_heartbeat_call), is_old);
    struct group_heartbeat_call *h = (struct group_heartbeat_call *)a->request.call;

    h->ns = bytes_str(NAMESPACE_DEFAULT);
    h->group = group_of(a);
    h->member_id = id_of(a);
    h->instance_id = instance_of(a);
    h->generation = a->by.generation;
    request_send(a);
}

/* By id, or by instance id alone, as administrators do. */
static const char *leaver_of(const struct acting *a)
{
    const struct group_leave_call *l = (const struct group_leave_call *)a->request.call;

    return l->items->member_id.len > 0 ? a->by.id : a->by.instance;
}

static void on_leave(struct request *r)
{
    struct acting *a = (struct acting *)r;

    on_act(r);
    a->may_act = leaver_of(a) == a->by.instance || model_may_act(world_of(a)->model, a->by.id,
                                                                 INT32_MAX);
    model_threaten(world_of(a)->model, a->by.group, leaver_of(a), r->number);
}

static void on_left(struct request *r)
{
    struct acting           *a = (struct acting *)r;
    struct group_leave_call *l = (struct group_leave_call *)r->call;

    r->call->err = l->items->err; /* the call itself is always well */
    if (check_act(a, "leave"))
        model_end_member(world_of(a)->model, a->by.group, leaver_of(a), r->number);
    if (!a->is_old)
        forget(me_of(a));
}

static void leave(struct member *me, bool is_old)
{
    static const struct request_kind kind = { .on_submit = on_leave, .on_answer = on_left };
    struct acting           *a = new_acting(me, &kind, CALL_GROUP_LEAVE,
                                            sizeof(struct group_leave_call), is_old);
    struct group_leave_call *l = (struct group_leave_call *)a->request.call;
    bool                     is_by_instance = a->by.instance[0] &&
                          draw_one_in(&me->client.world->draw, 2);

    l->ns = bytes_str(NAMESPACE_DEFAULT);
    l->group = group_of(a);
    l->item_count = 1;
    l->items = arena_struct(&l->call.arena, struct group_leave_item);
    l->items->member_id = is_by_instance ? bytes_of("", 0) : id_of(a);
    l->items->instance_id = instance_of(a);
    request_send(a);
}

/* ---- commit ---- */

static void on_commit(struct request *r)
{
    struct acting                    *a = (struct acting *)r;
    const struct offsets_commit_call *o = (const struct offsets_commit_call *)r->call;

    on_act(r);
    for (size_t i = 0; i < a->count; i++)
        a->slots[i] = model_commit(world_of(a)->model, a->by.group, &o->items[i], r->number,
                                   &a->want[i]);
}

static void on_committed(struct request *r)
{
    struct acting                    *a = (struct acting *)r;
    const struct offsets_commit_call *o = (const struct offsets_commit_call *)r->call;
    bool                              is_done = check_act(a, "commit");

    for (size_t i = 0; i < a->count; i++) {
        if (is_done && o->items[i].err != a->want[i])
            violation(world_of(a), "a commit is answered as it should be", "%s, not %s",
                      err_text(o->items[i].err), err_text(a->want[i]));
        if (a->slots[i])
            model_committed(a->slots[i], r->number, is_done ? DONE : NEVER);
    }
    if (!is_done)
        on_refused(a);
}

static void commit(struct member *me, bool is_old)
{
    static const struct request_kind kind = { .on_submit = on_commit, .on_answer = on_committed };
    struct world               *w = me->client.world;
    struct acting              *a = new_acting(me, &kind, CALL_OFFSETS_COMMIT,
                                               sizeof(struct offsets_commit_call), is_old);
    struct offsets_commit_call *o = (struct offsets_commit_call *)a->request.call;

    a->count = (size_t)draw_range(&w->draw, 1, ITEMS_MAX);
    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = group_of(a);
    o->member_id = id_of(a);
    o->instance_id = instance_of(a);
    o->generation = a->by.generation;
    o->item_count = a->count;
    o->items = arena_array(&o->call.arena, a->count, sizeof *o->items);
    for (size_t i = 0; i < a->count; i++)
        draw_offset(w, a->request.call, &o->items[i]);
    request_send(a);
}

/* ---- what to do next ---- */

static void haunt(struct member *me)
{
    static void (*const acts[])(struct member *me, bool is_old) = { commit, commit, heartbeat,
                                                                    sync_group, leave };

    acts[draw_below(&me->client.world->draw, COUNT(acts))](me, true);
}

static void be_in(struct member *me)
{
    switch (draw_below(&me->client.world->draw, 16)) {
    case 0:
        leave(me, false);
        break;
    case 1:
        join(me);
        break;
    case 2:
        sync_group(me, false);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        commit(me, false);
        break;
    default:
        heartbeat(me, false);
        break;
    }
}

static void step(struct client *c)
{
    struct member *me = (struct member *)c;
    struct draw   *d = &c->world->draw;

    if (c->is_closing)
        return;
    if (draw_one_in(d, 60)) {
        session_close(c);
    } else if ((me->old.id[0] || me->now.generation > 1) && draw_one_in(d, 8)) {
        haunt(me);
    } else if (c->out > 0) {
        if (me->state == JOINING && me->now.id[0] && draw_one_in(d, 8))
            join(me); /* it has lost patience */
    } else if (me->state == AWAY) {
        join(me);
    } else if (me->state == JOINED) {
        sync_group(me, false);
    } else {
        be_in(me);
    }
}

/* The connection has gone: the client comes back, or another one does. */
static void on_session_end(struct client *c)
{
    struct member *me = (struct member *)c;

    if (draw_one_in(&c->world->draw, 2))
        forget(me);
    else
        me->state = AWAY;
}

const struct client_kind member_kind = {
    .name = "member",
    .size = sizeof(struct member),
    .step = step,
    .on_session_end = on_session_end,
};
