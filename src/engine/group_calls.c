/*
 * group_calls.c - join, sync, heartbeat and leave: what the calls of group_calls.h check and how
 * they move the machine of group.c.
 *
 * Thread: the shard's.
 */
#include "engine/consumer_group.h"

#include <stdio.h>

enum { MEMBER_ID_PREFIX_BYTES_MAX = 1024 };

/* ---- join ---- */

static void park_join(struct member *m, struct group_join_call *j)
{
    member_refuse_join(m, ERR_REBALANCING);
    j->member_id = call_bytes(j, m->id);
    m->group->joining_count++;
    engine_park(m->group->engine, &j->call, &m->join, INT64_MAX, NULL);
}

struct bytes group_make_member_id(struct engine *e, struct group_join_call *j)
{
    struct bytes prefix = bytes_is_null(j->instance_id) ? j->client_id : j->instance_id;
    uint64_t     high = engine_random(e);
    uint64_t     low = engine_random(e);
    size_t       cap;
    char        *text;

    if (prefix.len > MEMBER_ID_PREFIX_BYTES_MAX)
        prefix.len = MEMBER_ID_PREFIX_BYTES_MAX;
    cap = prefix.len + 38;
    text = arena_new(&j->call.arena, cap);
    snprintf(text, cap, "%.*s-%08x-%04x-%04x-%04x-%012llx", (int)prefix.len,
             (const char *)prefix.at, (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
             (unsigned)(high & 0xffff), (unsigned)(low >> 48),
             (unsigned long long)(low & 0xffffffffffff));
    return bytes_str(text);
}

static void add_member(struct group *g, struct group_join_call *j, struct bytes id)
{
    struct member *m = member_new(g, id, j->instance_id, false);

    if (g->member_count == 1 && !bytes_eq(g->protocol_type, j->protocol_type))
        group_put_state(g, false, g->generation, 0, 0, j->protocol_type); /* of all that is here it alone is kept */
    if (!g->leader)
        g->leader = m;
    g->has_grown = true;
    member_update(m, j);
    park_join(m, j);
    member_restart_session(m, GROUP_NEWCOMER_MS);
    group_rebalance(g);
}

/* Takes the place of a static member of the same instance id (GR4). */
static void replace_member(struct member *m, struct group_join_call *j, struct bytes id)
{
    struct group *g = m->group;
    struct bytes  old_leader = g->leader ? call_bytes(j, g->leader->id) : bytes_of("", 0);
    bool          is_leader = g->leader == m;

    member_refuse_join(m, ERR_FENCED_INSTANCE);
    member_refuse_sync(m, ERR_FENCED_INSTANCE);
    member_rename(m, id);
    member_update(m, j);
    m->is_new = false;
    member_restart_session(m, m->session_ms);
    if (g->state != GROUP_STABLE || !bytes_eq(g->protocol, group_pick_protocol(g))) {
        park_join(m, j);
        group_rebalance(g);
        return;
    }
    member_fill_join(m, j);
    j->skip_assignment = is_leader && j->can_skip_assignment;
    if (!j->can_skip_assignment) {
        /* An old client that finds itself the leader would assign anew: it is told of its former
         * self. */
        j->leader = old_leader;
        j->member_count = 0;
    }
    engine_answer(g->engine, &j->call, ERR_OK);
}

static void join_new(struct group *g, struct group_join_call *j)
{
    struct engine *e = g->engine;
    struct member *same = bytes_is_null(j->instance_id) ? NULL
                                                        : group_static_member(g, j->instance_id);
    struct bytes   id = group_make_member_id(e, j);

    if (same) {
        replace_member(same, j, id);
    } else if (g->member_count >= GROUP_MEMBERS_MAX || g->pending_count >= GROUP_MEMBERS_MAX) {
        engine_answer(e, &j->call, ERR_LIMIT);
    } else if (j->needs_known_id && bytes_is_null(j->instance_id)) {
        member_restart_session(member_new(g, id, j->instance_id, true), j->session_ms);
        j->member_id = id;
        engine_answer(e, &j->call, ERR_NEED_MEMBER_ID);
    } else {
        add_member(g, j, id);
    }
}

/* A pending member comes back with the id it was given. */
static void join_pending(struct group *g, struct group_join_call *j, struct member *pending)
{
    struct bytes id = call_bytes(j, pending->id);

    member_free(pending);
    add_member(g, j, id);
}

static bool must_rebalance(const struct member *m, const struct group_join_call *j)
{
    const struct group *g = m->group;

    if (g->state == GROUP_PREPARING)
        return true;
    return !member_offers_same(m, j) || (g->state == GROUP_STABLE && g->leader == m);
}

static void join_known(struct group *g, struct group_join_call *j)
{
    struct member *m = map_get(&g->by_id, j->member_id);
    enum err       err;

    if (m && m->is_pending && bytes_is_null(j->instance_id)) {
        join_pending(g, j, m);
        return;
    }
    err = group_check_member(g, j->member_id, j->instance_id, &m);
    if (err) {
        engine_answer(g->engine, &j->call, err);
    } else if (must_rebalance(m, j)) {
        member_update(m, j);
        park_join(m, j);
        group_rebalance(g);
    } else {
        /* Nothing is new: it may have missed the answer to its join. */
        member_restart_session(m, m->session_ms);
        member_answer_join(m, j);
    }
}

static enum err check_join(struct group_join_call *j)
{
    size_t total = 0;

    if (j->group.len == 0 || j->group.len > GROUP_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (j->session_ms < GROUP_SESSION_MS_MIN || j->session_ms > GROUP_SESSION_MS_MAX)
        return ERR_BAD_SESSION_TIMEOUT;
    if (j->protocol_type.len == 0 || j->protocol_count == 0)
        return ERR_MIXED_PROTOCOLS;
    for (size_t i = 0; i < j->protocol_count; i++)
        total += j->protocols[i].name.len + j->protocols[i].metadata.len;
    if (j->protocol_count > GROUP_PROTOCOLS_MAX || total > GROUP_MEMBER_BYTES_MAX)
        return ERR_TOO_BIG;
    if (j->rebalance_ms < 0)
        j->rebalance_ms = j->session_ms;
    return ERR_OK;
}

void group_on_join(struct engine *e, struct call *c)
{
    struct group_join_call *j = (struct group_join_call *)c;
    enum err                err = check_join(j);
    struct group           *g;

    if (err) {
        engine_answer(e, c, err);
        return;
    }
    if (consumer_group_take_join(e, j))
        return;
    g = group_find(e, j->ns, j->group);
    if (!g && j->member_id.len == 0 && !share_group_is_known(e, j->ns, j->group))
        g = group_new(e, j->ns, j->group);
    if (!g)
        engine_answer(e, c, share_group_is_known(e, j->ns, j->group) ? ERR_MIXED_PROTOCOLS : ERR_UNKNOWN_MEMBER);
    else if (!group_supports(g, j))
        engine_answer(e, c, ERR_MIXED_PROTOCOLS);
    else if (j->member_id.len == 0)
        join_new(g, j);
    else
        join_known(g, j);
}

/* ---- sync ---- */

static bool differs(struct bytes asked, struct bytes ours)
{
    return !bytes_is_null(asked) && !bytes_eq(asked, ours);
}

static enum err check_sync(struct group *g, const struct group_sync_call *s, struct member **out)
{
    enum err err = group_check_member(g, s->member_id, s->instance_id, out);

    if (err)
        return err;
    if (s->generation != g->generation)
        return ERR_ILLEGAL_GENERATION;
    if (differs(s->protocol_type, g->protocol_type) || differs(s->protocol, g->protocol))
        return ERR_MIXED_PROTOCOLS;
    if (g->state == GROUP_PREPARING)
        return ERR_REBALANCING;
    for (size_t i = 0; i < s->assignment_count; i++) {
        if (s->assignments[i].assignment.len > GROUP_MEMBER_BYTES_MAX)
            return ERR_TOO_BIG;
    }
    return ERR_OK;
}

void group_on_sync(struct engine *e, struct call *c)
{
    struct group_sync_call *s = (struct group_sync_call *)c;
    struct group           *g = group_find(e, s->ns, s->group);
    struct member          *m = NULL;
    enum err                err;

    if (consumer_group_take_sync(e, s))
        return;
    err = g ? check_sync(g, s, &m) : ERR_UNKNOWN_MEMBER;
    if (s->group.len == 0)
        err = ERR_BAD_NAME;
    if (err) {
        engine_answer(e, c, err);
        return;
    }
    m->has_synced = true;
    if (g->state == GROUP_STABLE) {
        member_restart_session(m, m->session_ms);
        member_answer_sync(m, s);
        return;
    }
    member_refuse_sync(m, ERR_REBALANCING);
    engine_park(e, c, &m->sync, INT64_MAX, NULL);
    if (m == g->leader)
        group_assign(g, s);
}

/* ---- heartbeat, leave ---- */

void group_on_heartbeat(struct engine *e, struct call *c)
{
    struct group_heartbeat_call *h = (struct group_heartbeat_call *)c;
    struct group                *g = group_find(e, h->ns, h->group);
    struct member               *m = NULL;
    enum err                     err = ERR_UNKNOWN_MEMBER;

    if (consumer_group_take_heartbeat(e, h))
        return;
    if (h->group.len == 0)
        err = ERR_BAD_NAME;
    else if (g)
        err = group_check_member(g, h->member_id, h->instance_id, &m);
    if (!err && h->generation != g->generation)
        err = ERR_ILLEGAL_GENERATION;
    if (!err) {
        member_restart_session(m, m->is_new ? GROUP_NEWCOMER_MS : m->session_ms);
        if (g->state == GROUP_PREPARING)
            err = ERR_REBALANCING;
    }
    engine_answer(e, c, err);
}

static enum err find_leaver(struct group *g, const struct group_leave_item *item,
                            struct member **out)
{
    struct member *m;

    if (item->member_id.len > 0) {
        m = map_get(&g->by_id, item->member_id);
        if (!m || !m->is_pending)
            return group_check_member(g, item->member_id, item->instance_id, out);
    } else {
        m = bytes_is_null(item->instance_id) ? NULL : group_static_member(g, item->instance_id);
    }
    *out = m;
    return m ? ERR_OK : ERR_UNKNOWN_MEMBER;
}

static bool remove_leavers(struct group *g, struct group_leave_call *l)
{
    bool is_removed = false;

    for (size_t i = 0; i < l->item_count; i++) {
        struct member *m = NULL;

        l->items[i].err = find_leaver(g, &l->items[i], &m);
        if (!l->items[i].err) {
            member_remove(m, ERR_UNKNOWN_MEMBER);
            is_removed = true;
        }
    }
    return is_removed;
}

void group_on_leave(struct engine *e, struct call *c)
{
    struct group_leave_call *l = (struct group_leave_call *)c;
    struct group            *g = group_find(e, l->ns, l->group);

    if (consumer_group_take_leave(e, l))
        return;
    for (size_t i = 0; i < l->item_count; i++)
        l->items[i].err = ERR_UNKNOWN_MEMBER;
    if (g) {
        if (remove_leavers(g, l) && g->state != GROUP_EMPTY)
            group_rebalance(g);
        group_release(g);
    }
    engine_answer(e, c, l->group.len == 0 ? ERR_BAD_NAME : ERR_OK);
}
