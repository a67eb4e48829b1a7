/*
 * consumer_group_classic.c - both protocols in one group: so that its members can be moved from one to the other one by
 * one, without a moment in which nobody reads.
 *
 *     classic group --first member that speaks the consumer protocol--> consumer group
 *     consumer group --last such member gone, classic ones are left--> classic group, which rebalances
 *
 * In a consumer group a classic member joins, syncs and sends heartbeats as ever. A join is one step of reconciliation:
 * what it says it owns is what it has, the generation it is told is its member epoch. The sync tells its partitions.
 * There is no leader, so no client computes anything. A heartbeat sends it back to join whenever a step is due.
 *
 * What such members are told is kept across restarts, so their answers wait for the disk, which those of a classic
 * group need not.
 *
 * Only members of the protocol type "consumer" can be in such a group: what they say is read (consumer_protocol.c).
 *
 * Thread: the shard's.
 */
#include "engine/consumer_group.h"

#include <stdlib.h>

/* ---- what classic members say ---- */

static void find_parts(struct engine *e, struct bytes ns, struct arena *arena, const struct topic_parts *by_name,
                       size_t count, struct parts *out)
{
    size_t    all = 0;
    size_t    found = 0;
    uint64_t *ids;

    for (size_t i = 0; i < count; i++)
        all += by_name[i].count;
    ids = arena_array(arena, all + 1, sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        const struct topic *t = topic_find(e, ns, by_name[i].name);

        for (size_t k = 0; t && k < by_name[i].count; k++) {
            if (by_name[i].partitions[k] >= 0 && (uint32_t)by_name[i].partitions[k] < t->log_count)
                ids[found++] = t->logs[by_name[i].partitions[k]]->id;
        }
    }
    parts_from(out, ids, found);
}

static bool lists_protocol(const struct group_protocol *protocols, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_eq(protocols[i].name, name))
            return true;
    }
    return false;
}

/* Whether all classic members but the one that joins list it, too. */
static bool all_list(const struct consumer_group *c, const struct group_join_call *j, struct bytes name)
{
    for (const struct list *n = c->members.next; n != &c->members; n = n->next) {
        const struct consumer_state *s = &CONTAINER(n, struct consumer_member, in_group)->is;

        if (s->is_classic && !bytes_eq(s->id, j->member_id) &&
            !lists_protocol(s->protocols, s->protocol_count, name))
            return false;
    }
    return true;
}

static bool has_common_protocol(const struct consumer_group *c, const struct group_join_call *j)
{
    for (size_t i = 0; i < j->protocol_count; i++) {
        if (all_list(c, j, j->protocols[i].name))
            return bytes_eq_str(j->protocol_type, GROUP_PROTOCOL_CONSUMER);
    }
    return false;
}

/* ---- join ---- */

static enum err begin_static(struct consumer_group *c, const struct group_join_call *j, bool is_new,
                             struct bytes id, struct member_draft *d)
{
    const struct consumer_member *m = consumer_static_member(c, j->instance_id);

    if (!is_new && !m)
        return ERR_UNKNOWN_MEMBER;
    if (!is_new && !bytes_eq(m->is.id, id))
        return ERR_FENCED_INSTANCE;
    draft_begin(d, m);
    if (is_new && m)
        draft_take_place(d, m, id);
    return ERR_OK;
}

static enum err begin_join(struct engine *e, struct consumer_group *c, struct group_join_call *j,
                           struct member_draft *d)
{
    bool is_new = j->member_id.len == 0;
    bool is_static = !bytes_is_null(j->instance_id);

    if (c->by_id.count >= GROUP_MEMBERS_MAX && !consumer_member_find(c, j->member_id))
        return ERR_LIMIT;
    if (is_new)
        j->member_id = group_make_member_id(e, j);
    if (is_new && j->needs_known_id && !is_static)
        return ERR_NEED_MEMBER_ID;
    if (is_static)
        return begin_static(c, j, is_new, j->member_id, d);
    draft_begin(d, consumer_member_find(c, j->member_id));
    return ERR_OK;
}

static bool same_topics(const struct consumer_state *s, const struct consumer_subscription *sub)
{
    bool is_same = s->name_count == sub->name_count;

    for (size_t i = 0; is_same && i < s->name_count; i++) {
        is_same = false;
        for (size_t k = 0; k < sub->name_count && !is_same; k++)
            is_same = bytes_eq(s->names[i], sub->names[k]);
    }
    return is_same;
}

/* True: it reads other topics than before. */
static bool take_join(struct consumer_state *s, const struct group_join_call *j,
                      const struct consumer_subscription *sub)
{
    bool has_changed = !same_topics(s, sub) || s->pattern.len > 0;

    s->id = j->member_id;
    s->instance_id = j->instance_id;
    s->rack = sub->rack;
    s->pattern = (struct bytes){ 0 };
    s->client_id = bytes_is_null(j->client_id) ? bytes_of("", 0) : j->client_id;
    s->client_host = bytes_is_null(j->client_host) ? bytes_of("", 0) : j->client_host;
    s->names = sub->names;
    s->name_count = sub->name_count;
    s->rebalance_ms = j->rebalance_ms;
    s->session_ms = j->session_ms;
    s->is_classic = true;
    s->protocol_count = j->protocol_count;
    s->protocols = j->protocols;
    return has_changed;
}

static void answer_join(const struct consumer_member *m, struct group_join_call *j)
{
    j->generation = m->is.epoch;
    j->protocol_type = bytes_str(GROUP_PROTOCOL_CONSUMER);
    j->protocol = call_bytes(j, m->is.protocols[0].name);
    j->leader = bytes_of("", 0);
    j->member_id = call_bytes(j, m->is.id);
    j->member_count = 0;
}

static void carry_out(struct consumer_group *c, struct group_join_call *j, struct member_draft *d,
                      const struct consumer_subscription *sub)
{
    struct engine          *e = c->group->engine;
    struct parts            owned = { 0 };
    struct consumer_member *m;
    bool has_changed = take_join(&d->to, j, sub);

    if (bytes_is_null(d->replaces) && !consumer_member_find(c, d->to.id))
        has_changed = true;
    find_parts(e, c->group->key.ns, &j->call.arena, sub->owned, sub->owned_count, &owned);
    consumer_group_retarget(c, d, has_changed);
    draft_reconcile(c, d, &owned);
    parts_fini(&owned);
    m = draft_commit(c, d);
    consumer_member_alive(m);
    timer_stop(&e->timers, &m->rejoin);
    timer_start(&e->timers, &m->sync, e->now_ms + m->is.rebalance_ms);
    answer_join(m, j);
    if (consumer_group_may_downgrade(c, (struct bytes){ 0 }))
        consumer_group_downgrade(c);
}

static enum err join(struct engine *e, struct consumer_group *c, struct group_join_call *j)
{
    struct consumer_subscription sub;
    struct member_draft          d = { 0 };
    enum err                     err;

    if (!has_common_protocol(c, j) ||
        !consumer_subscription_read(j->protocols[0].metadata, &j->call.arena, &sub))
        return ERR_MIXED_PROTOCOLS;
    err = begin_join(e, c, j, &d);
    if (!err) {
        journal_begin_group(e->journal);
        carry_out(c, j, &d, &sub);
        journal_end_group(e->journal);
    }
    draft_end(&d);
    return err;
}

bool consumer_group_take_join(struct engine *e, struct group_join_call *j)
{
    struct group *g = group_find(e, j->ns, j->group);

    if (!g || !g->consumer)
        return false;
    if (g->consumer->by_id.count == 0) { /* nobody to be mixed with */
        group_put_state(g, false, 0, 0, 0, (struct bytes){ 0 });
        return false;
    }
    j->call.relaxed = false;
    engine_answer(e, &j->call, join(e, g->consumer, j));
    return true;
}

/* ---- sync, heartbeat ---- */

static enum err find_classic(const struct consumer_group *c, struct bytes member_id, struct bytes instance_id,
                             int32_t generation, struct consumer_member **out)
{
    struct consumer_member *m = consumer_member_find(c, member_id);

    if (!bytes_is_null(instance_id)) {
        struct consumer_member *holder = consumer_static_member(c, instance_id);

        if (holder && holder != m)
            return ERR_FENCED_INSTANCE;
        m = holder;
    }
    if (!m || !m->is.is_classic)
        return ERR_UNKNOWN_MEMBER;
    *out = m;
    return generation == m->is.epoch ? ERR_OK : ERR_ILLEGAL_GENERATION;
}

/* It has so long to come back. */
static enum err send_to_join(struct consumer_member *m)
{
    struct engine *e = m->group->group->engine;

    if (!timer_is_started(&m->rejoin))
        timer_start(&e->timers, &m->rejoin, e->now_ms + m->is.rebalance_ms);
    return ERR_REBALANCING;
}

static bool differs(struct bytes asked, struct bytes ours)
{
    return !bytes_is_null(asked) && !bytes_eq(asked, ours);
}

static enum err sync_member(struct consumer_member *m, struct group_sync_call *s)
{
    struct engine               *e = m->group->group->engine;
    struct consumer_subscription sub;
    struct topic_parts          *parts;
    size_t                       count;

    if (differs(s->protocol_type, bytes_str(GROUP_PROTOCOL_CONSUMER)) ||
        differs(s->protocol, m->is.protocols[0].name))
        return ERR_MIXED_PROTOCOLS;
    if (m->group->epoch > m->is.epoch && m->is.phase != MEMBER_UNREVOKED)
        return send_to_join(m);
    timer_stop(&e->timers, &m->sync);
    consumer_member_alive(m);
    if (!consumer_subscription_read(m->is.protocols[0].metadata, &s->call.arena, &sub))
        sub.version = 0;
    parts = parts_by_topic(e, &s->call.arena, &m->is.assigned, &count);
    s->assignment = consumer_assignment_write(&s->call.arena, parts, count, sub.version);
    s->protocol_type = bytes_str(GROUP_PROTOCOL_CONSUMER);
    s->protocol = call_bytes(s, m->is.protocols[0].name);
    return ERR_OK;
}

bool consumer_group_take_sync(struct engine *e, struct group_sync_call *s)
{
    struct group           *g = group_find(e, s->ns, s->group);
    struct consumer_member *m = NULL;
    enum err                err;

    if (!g || !g->consumer)
        return false;
    s->call.relaxed = false;
    err = find_classic(g->consumer, s->member_id, s->instance_id, s->generation, &m);
    engine_answer(e, &s->call, err ? err : sync_member(m, s));
    return true;
}

/* What it waits for is in other hands yet. */
static bool is_waiting(const struct consumer_member *m)
{
    for (size_t i = 0; i < m->is.target.count; i++) {
        uint64_t part = m->is.target.at[i];

        if (!parts_have(&m->is.assigned, part) && idmap_get(&m->group->owners, part))
            return true;
    }
    return false;
}

static enum err beat_member(struct consumer_member *m)
{
    consumer_member_alive(m);
    if (m->is.epoch < m->group->epoch || m->is.phase == MEMBER_UNREVOKED ||
        (m->is.phase == MEMBER_UNRELEASED && !is_waiting(m)))
        return send_to_join(m);
    return ERR_OK;
}

bool consumer_group_take_heartbeat(struct engine *e, struct group_heartbeat_call *h)
{
    struct group           *g = group_find(e, h->ns, h->group);
    struct consumer_member *m = NULL;
    enum err                err;

    if (!g || !g->consumer)
        return false;
    h->call.relaxed = false;
    err = find_classic(g->consumer, h->member_id, h->instance_id, h->generation, &m);
    engine_answer(e, &h->call, err ? err : beat_member(m));
    return true;
}

/* ---- leave ---- */

static enum err find_leaver(const struct consumer_group *c, const struct group_leave_item *item,
                            struct consumer_member **out)
{
    struct consumer_member *m = bytes_is_null(item->instance_id) ? consumer_member_find(c, item->member_id)
                                                                 : consumer_static_member(c, item->instance_id);

    if (!m)
        return ERR_UNKNOWN_MEMBER;
    if (item->member_id.len > 0 && !bytes_eq(m->is.id, item->member_id))
        return ERR_FENCED_INSTANCE;
    *out = m;
    return m->is.is_classic ? ERR_OK : ERR_UNKNOWN_MEMBER;
}

bool consumer_group_take_leave(struct engine *e, struct group_leave_call *l)
{
    struct group          *g = group_find(e, l->ns, l->group);
    struct consumer_group *c = g ? g->consumer : NULL;
    bool                   is_changed = false;

    if (!c)
        return false;
    l->call.relaxed = false;
    journal_begin_group(e->journal);
    for (size_t i = 0; i < l->item_count; i++) {
        struct consumer_member *m = NULL;

        l->items[i].err = find_leaver(c, &l->items[i], &m);
        if (!l->items[i].err) {
            l->items[i].member_id = call_bytes(l, m->is.id);
            consumer_member_drop(c, l->items[i].member_id);
            is_changed = true;
        }
    }
    if (is_changed)
        group_put_state(g, true, c->epoch + 1, c->target_epoch, c->topics_hash, g->protocol_type);
    journal_end_group(e->journal);
    group_release(g);
    engine_answer(e, &l->call, ERR_OK);
    return true;
}

/* ---- from one protocol to the other ---- */

static struct bytes metadata_of(const struct group *g, const struct member *m)
{
    return bytes_is_null(g->protocol) ? m->protocols[0].metadata : member_metadata(m, g->protocol);
}

/* The member as one of the consumer protocol's groups. False: what it says cannot be read. */
static bool convert_member(const struct group *g, const struct member *m, struct arena *arena,
                           struct consumer_state *to)
{
    struct consumer_subscription sub;
    struct topic_parts          *parts = NULL;
    size_t                       count;

    if (!consumer_subscription_read(metadata_of(g, m), arena, &sub) ||
        !consumer_assignment_read(m->assignment, arena, &parts, &count))
        return false;
    *to = (struct consumer_state){ .id = m->id,
                                   .instance_id = m->instance_id,
                                   .rack = sub.rack,
                                   .client_id = m->client_id,
                                   .client_host = m->client_host,
                                   .name_count = sub.name_count,
                                   .names = sub.names,
                                   .rebalance_ms = m->rebalance_ms,
                                   .epoch = g->generation,
                                   .previous_epoch = g->generation,
                                   .is_classic = true,
                                   .session_ms = m->session_ms,
                                   .protocol_count = m->protocol_count,
                                   .protocols = m->protocols };
    find_parts(g->engine, g->key.ns, arena, parts, count, &to->assigned);
    return true;
}

/* A partition that a client gave to two members stays with the first (CG1). */
static void put_converted(struct consumer_group *c, struct consumer_state *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->assigned.count; i++) {
        if (!idmap_get(&c->owners, s->assigned.at[i]))
            s->assigned.at[kept++] = s->assigned.at[i];
    }
    s->assigned.count = kept;
    s->target = s->assigned; /* the same bytes: written, not kept */
    consumer_member_put(c, s);
    consumer_member_alive(consumer_member_find(c, s->id));
}

struct consumer_group *consumer_group_upgrade(struct group *g)
{
    struct consumer_state *states = mem_new((g->member_count + 1) * sizeof *states);
    size_t                 count = 0;
    struct arena           arena;
    bool                   is_possible = bytes_eq_str(g->protocol_type, GROUP_PROTOCOL_CONSUMER);

    arena_init(&arena);
    for (const struct list *n = g->members.next; n != &g->members && is_possible; n = n->next)
        is_possible = convert_member(g, CONTAINER(n, struct member, in_group), &arena, &states[count++]);
    if (is_possible) {
        group_put_state(g, true, g->generation, g->generation, 0, g->protocol_type);
        for (size_t i = 0; i < count; i++)
            put_converted(g->consumer, &states[i]);
        group_forget_pending(g);
        group_drop_members(g, ERR_REBALANCING);
    }
    for (size_t i = 0; i < count; i++)
        parts_fini(&states[i].assigned);
    arena_fini(&arena);
    free(states);
    return g->consumer;
}

bool consumer_group_may_downgrade(const struct consumer_group *c, struct bytes except)
{
    size_t left = 0;

    for (const struct list *n = c->members.next; n != &c->members; n = n->next) {
        const struct consumer_state *s = &CONTAINER(n, struct consumer_member, in_group)->is;

        if (!bytes_is_null(except) && bytes_eq(s->id, except))
            continue;
        if (!s->is_classic)
            return false;
        left++;
    }
    return left > 0;
}

static void revive_member(struct group *g, const struct consumer_state *s, struct arena *arena)
{
    struct member               *m = member_new(g, s->id, s->instance_id, false);
    struct consumer_subscription sub;
    struct topic_parts          *parts;
    size_t                       count;
    const struct group_join_call j = { .client_id = s->client_id,
                                       .client_host = s->client_host,
                                       .session_ms = s->session_ms,
                                       .rebalance_ms = s->rebalance_ms,
                                       .protocol_count = s->protocol_count,
                                       .protocols = s->protocols };

    if (!consumer_subscription_read(s->protocols[0].metadata, arena, &sub))
        sub.version = 0;
    parts = parts_by_topic(g->engine, arena, &s->assigned, &count);
    member_update(m, &j);
    member_set_assignment(m, consumer_assignment_write(arena, parts, count, sub.version));
    m->is_new = false;
    member_restart_session(m, m->session_ms);
}

void consumer_group_downgrade(struct consumer_group *c)
{
    struct group *g = c->group;
    int32_t       epoch = c->epoch;
    struct arena  arena;

    arena_init(&arena);
    for (const struct list *n = c->members.next; n != &c->members; n = n->next)
        revive_member(g, &CONTAINER(n, struct consumer_member, in_group)->is, &arena);
    arena_fini(&arena);
    group_put_state(g, false, epoch, 0, 0, bytes_str(GROUP_PROTOCOL_CONSUMER));
    group_resume(g);
}
