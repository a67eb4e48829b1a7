/*
 * consumer_group.c - Kafka consumer groups of the consumer protocol (KIP-848): the server says who reads what.
 *
 * Every change of members, subscriptions or topics gives the group a new epoch; with the next heartbeat of any member a
 * target is computed for that epoch: which member is to have which partitions. Then each member is led from what it
 * has to its target, by the answers to its own heartbeats, without waiting for anybody it takes nothing from:
 *
 *               epoch < target's
 *     STABLE ---------------------> has to give some up?
 *        ^                            | yes                          | no
 *        |                            v                              v
 *        |                        UNREVOKED --says that it did--> all of its target free?
 *        |                            | not in time                  | no
 *        |                            v                              v
 *        |                          fenced                      UNRELEASED --with each heartbeat what is free--+
 *        +------------------- yes ------------------------------------+                                       |
 *        +----------------------------------- all of it ------------------------------------------------------+
 *
 *   CG1  A partition is in the hands of one member at most: what it was told to have, and what it was told to give up
 *        and has not said that it did (`owners`). Only what is in nobody's hands is given to a member.
 *   CG2  A member's epoch grows. A heartbeat with another one than the last is fenced, but for one that repeats the one
 *        before and has nothing it should not have: its answer was lost.
 *   CG3  All of it is journalled before it is answered, so a group goes on after a crash where it was: members keep
 *        epochs and partitions, sessions begin anew.
 *   CG4  What a heartbeat changes is one group of the journal: all or nothing.
 *   CG5  A member that is silent for its session, or takes longer than its rebalance timeout to give up partitions, is
 *        fenced: out of the group, its partitions free.
 *   CG6  A static member that leaves for a while (epoch -2) keeps its partitions until its session ends. Who comes with
 *        its instance id takes them over.
 *
 * Epoch and target of an empty group stay, so epochs of a group are never used twice as long as it is there. Members of
 * the classic protocol may be in such a group, too (consumer_group_classic.c).
 *
 * Thread: the shard's.
 */
#include "engine/assign.h"
#include "engine/consumer_group.h"
#include "engine/group_policy.h"

#include <stdlib.h>

/* ---- groups ---- */

struct consumer_group *consumer_group_new(struct group *g)
{
    struct consumer_group *c = mem_new(sizeof *c);

    c->group = g;
    c->topics_seen = UINT64_MAX; /* it looks with the first heartbeat */
    list_init(&c->members);
    map_init(&c->by_id);
    idmap_init(&c->owners);
    g->consumer = c;
    return c;
}

void consumer_group_free(struct consumer_group *c)
{
    while (!list_empty(&c->members))
        consumer_member_free(CONTAINER(c->members.next, struct consumer_member, in_group));
    c->group->consumer = NULL;
    map_fini(&c->by_id);
    idmap_fini(&c->owners);
    free(c);
}

static bool is_reconciled(const struct consumer_group *c, const struct consumer_state *s)
{
    return s->phase == MEMBER_STABLE && s->epoch == c->target_epoch;
}

enum group_state consumer_group_state(const struct consumer_group *c)
{
    if (c->by_id.count == 0)
        return GROUP_EMPTY;
    if (c->epoch > c->target_epoch)
        return GROUP_ASSIGNING;
    for (const struct list *n = c->members.next; n != &c->members; n = n->next) {
        if (!is_reconciled(c, &CONTAINER(n, struct consumer_member, in_group)->is))
            return GROUP_RECONCILING;
    }
    return GROUP_STABLE;
}

struct consumer_member *consumer_member_find(const struct consumer_group *c, struct bytes id)
{
    return map_get(&c->by_id, id);
}

struct consumer_member *consumer_static_member(const struct consumer_group *c, struct bytes instance_id)
{
    for (const struct list *n = c->members.next; n != &c->members; n = n->next) {
        struct consumer_member *m = CONTAINER(n, struct consumer_member, in_group);

        if (!bytes_is_null(m->is.instance_id) && bytes_eq(m->is.instance_id, instance_id))
            return m;
    }
    return NULL;
}

/* ---- drafts ---- */

void draft_begin(struct member_draft *d, const struct consumer_member *m)
{
    *d = (struct member_draft){ 0 };
    if (!m)
        return;
    d->to = m->is;
    d->to.target = d->to.assigned = d->to.revoking = (struct parts){ 0 };
    parts_copy(&d->to.target, &m->is.target);
    parts_copy(&d->to.assigned, &m->is.assigned);
    parts_copy(&d->to.revoking, &m->is.revoking);
}

void draft_end(struct member_draft *d)
{
    parts_fini(&d->to.target);
    parts_fini(&d->to.assigned);
    parts_fini(&d->to.revoking);
}

void draft_take_place(struct member_draft *d, const struct consumer_member *m, struct bytes id)
{
    d->replaces = m->is.id;
    d->to.id = id;
    d->to.epoch = d->to.previous_epoch = MEMBER_EPOCH_JOIN;
}

/* Who has to give up partitions has so long (CG5); classic members are watched by their joins. */
static void watch_rebalance(struct consumer_member *m)
{
    struct engine *e = m->group->group->engine;

    if (m->is.phase == MEMBER_UNREVOKED && !m->is.is_classic)
        timer_start(&e->timers, &m->rebalance, e->now_ms + m->is.rebalance_ms);
    else
        timer_stop(&e->timers, &m->rebalance);
}

struct consumer_member *draft_commit(struct consumer_group *c, struct member_draft *d)
{
    struct consumer_member *m = consumer_member_find(c, d->to.id);

    if (m && consumer_state_eq(&m->is, &d->to))
        return m;
    consumer_member_put(c, &d->to);
    if (!bytes_is_null(d->replaces))
        consumer_member_drop(c, d->replaces);
    if (!m)
        m = consumer_member_find(c, d->to.id); /* else the id was its own, of before */
    watch_rebalance(m);
    return m;
}

/* ---- target ---- */

/* All members as they will be when the draft is committed. */
static const struct consumer_state **list_states(const struct consumer_group *c, const struct member_draft *d,
                                                 size_t *count)
{
    const struct consumer_state **states = mem_new((c->by_id.count + 1) * sizeof(struct consumer_state *));
    bool                          is_listed = false;

    *count = 0;
    for (const struct list *n = c->members.next; n != &c->members; n = n->next) {
        const struct consumer_state *s = &CONTAINER(n, struct consumer_member, in_group)->is;
        bool is_draft = bytes_eq(s->id, d->to.id) || (!bytes_is_null(d->replaces) && bytes_eq(s->id, d->replaces));

        if (is_draft && is_listed)
            continue;
        states[(*count)++] = is_draft ? &d->to : s;
        is_listed = is_listed || is_draft;
    }
    if (!is_listed)
        states[(*count)++] = &d->to;
    return states;
}

/* What most of those who ask for one ask for. */
static struct bytes favourite(const struct consumer_state *const *states, size_t count)
{
    size_t range = 0;
    size_t uniform = 0;

    for (size_t i = 0; i < count; i++) {
        range += bytes_eq_str(states[i]->assignor, "range");
        uniform += bytes_eq_str(states[i]->assignor, "uniform");
    }
    return bytes_str(range > uniform ? "range" : "uniform");
}

struct bytes consumer_group_assignor(const struct consumer_group *c)
{
    const struct consumer_state **states = mem_new((c->by_id.count + 1) * sizeof(struct consumer_state *));
    size_t                        count = 0;
    struct bytes                  name;

    for (const struct list *n = c->members.next; n != &c->members; n = n->next)
        states[count++] = &CONTAINER(n, struct consumer_member, in_group)->is;
    name = favourite(states, count);
    free(states);
    return name;
}

static struct assign_topic *list_topics(struct subscriptions *s)
{
    struct assign_topic *topics = arena_array(&s->arena, s->topic_count + 1, sizeof *topics);

    for (size_t k = 0; k < s->topic_count; k++) {
        uint64_t *parts = arena_array(&s->arena, s->topics[k]->log_count, sizeof *parts);

        for (uint32_t i = 0; i < s->topics[k]->log_count; i++)
            parts[i] = s->topics[k]->logs[i]->id;
        topics[k] = (struct assign_topic){ s->topics[k]->log_count, parts };
    }
    return topics;
}

static void assign_all(struct subscriptions *s, const struct consumer_state *const *states, struct assign_input *in)
{
    *in = (struct assign_input){ .topic_count = s->topic_count,
                                 .topics = list_topics(s),
                                 .member_count = s->member_count,
                                 .members = arena_array(&s->arena, s->member_count + 1, sizeof *in->members) };
    for (size_t i = 0; i < s->member_count; i++) {
        in->members[i] = (struct assign_member){ .id = states[i]->id,
                                                 .instance_id = states[i]->instance_id,
                                                 .topic_count = s->members[i].topic_count,
                                                 .topics = s->members[i].topics,
                                                 .before = &states[i]->target };
    }
    assign_find(favourite(states, s->member_count))(in);
}

static void take_targets(struct consumer_group *c, struct member_draft *d, const struct consumer_state *const *states,
                         struct assign_input *in)
{
    for (size_t i = 0; i < in->member_count; i++) {
        struct parts *after = &in->members[i].after;

        if (states[i] == &d->to) {
            parts_fini(&d->to.target);
            d->to.target = *after;
            continue;
        }
        if (!parts_eq(&states[i]->target, after)) {
            struct consumer_state to = *states[i];

            to.target = *after;
            consumer_member_put(c, &to);
        }
        parts_fini(after);
    }
}

void consumer_group_retarget(struct consumer_group *c, struct member_draft *d, bool has_changed)
{
    const struct consumer_state **states;
    struct subscriptions          s;
    size_t                        count;
    bool                          is_stale = c->topics_seen != c->group->engine->topic_changes;
    int32_t                       epoch = c->epoch;

    if (!has_changed && !is_stale && c->epoch == c->target_epoch)
        return;
    states = list_states(c, d, &count);
    subscriptions_init(&s, c->group->engine, c->group->key.ns, states, count);
    if (has_changed || (is_stale && s.hash != c->topics_hash))
        epoch++;
    c->topics_seen = c->group->engine->topic_changes;
    if (epoch > c->target_epoch) {
        struct assign_input in;

        assign_all(&s, states, &in);
        take_targets(c, d, states, &in);
        group_put_state(c->group, true, epoch, epoch, s.hash, bytes_str(GROUP_PROTOCOL_CONSUMER));
    }
    subscriptions_fini(&s);
    free(states);
}

/* ---- reconciliation ---- */

/* CG1. What the member itself is about to give up may stay with it. */
static bool is_free(const struct consumer_group *c, const struct member_draft *d, uint64_t part)
{
    const struct consumer_member *m = idmap_get(&c->owners, part);

    return !m || bytes_eq(m->is.id, d->to.id) ||
           (!bytes_is_null(d->replaces) && bytes_eq(m->is.id, d->replaces));
}

/* Of what it wants, what it may have. True: not all of it. */
static bool take_free(const struct consumer_group *c, const struct member_draft *d, struct parts *wanted)
{
    size_t kept = 0;
    size_t count = wanted->count;

    for (size_t i = 0; i < count; i++) {
        if (is_free(c, d, wanted->at[i]))
            wanted->at[kept++] = wanted->at[i];
    }
    wanted->count = kept;
    return kept < count;
}

static bool still_has(const struct parts *owned, const struct parts *revoking)
{
    return revoking->count > 0 && (!owned || parts_meet(owned, revoking));
}

static void move_to_epoch(struct consumer_state *s, int32_t epoch)
{
    s->previous_epoch = s->epoch;
    s->epoch = epoch;
}

static void step(struct consumer_group *c, struct member_draft *d, int32_t epoch, const struct parts *owned)
{
    struct consumer_state *s = &d->to;
    struct parts           kept = { 0 };
    struct parts           wanted = { 0 };
    bool                   is_short;

    parts_both(&kept, &s->assigned, &s->target);
    parts_minus(&wanted, &s->target, &kept);
    parts_minus(&s->revoking, &s->assigned, &kept);
    if (still_has(owned, &s->revoking)) {
        s->phase = MEMBER_UNREVOKED;
        move_to_epoch(s, epoch);
        parts_copy(&s->assigned, &kept);
    } else {
        is_short = take_free(c, d, &wanted);
        parts_either(&s->assigned, &kept, &wanted);
        parts_fini(&s->revoking);
        s->phase = is_short ? MEMBER_UNRELEASED : MEMBER_STABLE;
        move_to_epoch(s, c->target_epoch);
    }
    parts_fini(&kept);
    parts_fini(&wanted);
}

void draft_reconcile(struct consumer_group *c, struct member_draft *d, const struct parts *owned)
{
    struct consumer_state *s = &d->to;

    if (is_reconciled(c, s))
        return;
    if (s->phase != MEMBER_UNREVOKED)
        step(c, d, s->epoch, owned);
    else if (!still_has(owned, &s->revoking))
        step(c, d, s->epoch + 1, owned);
}

/* ---- who goes ---- */

static const struct group_policy *policy_of(const struct consumer_group *c)
{
    return group_policy_of(c->group->engine, c->group->key.ns, c->group->key.name);
}

void consumer_member_alive(struct consumer_member *m)
{
    struct engine *e = m->group->group->engine;
    int64_t        length_ms = m->is.is_classic ? m->is.session_ms : policy_of(m->group)->consumer_session_ms;

    timer_start(&e->timers, &m->session, e->now_ms + length_ms);
}

void consumer_group_fence(struct consumer_group *c, struct bytes id)
{
    struct group *g = c->group;
    bool          is_downgraded = consumer_group_may_downgrade(c, id);

    journal_begin_group(g->engine->journal);
    consumer_member_drop(c, id);
    if (is_downgraded)
        consumer_group_downgrade(c);
    else
        group_put_state(g, true, c->epoch + 1, c->target_epoch, c->topics_hash, g->protocol_type);
    journal_end_group(g->engine->journal);
    group_release(g);
}

static void on_session_end(struct timer *t, int64_t now_ms)
{
    struct consumer_member *m = CONTAINER(t, struct consumer_member, session);

    (void)now_ms;
    consumer_group_fence(m->group, m->is.id);
}

static void on_rebalance_end(struct timer *t, int64_t now_ms)
{
    struct consumer_member *m = CONTAINER(t, struct consumer_member, rebalance);

    (void)now_ms;
    consumer_group_fence(m->group, m->is.id);
}

static void on_rejoin_end(struct timer *t, int64_t now_ms)
{
    struct consumer_member *m = CONTAINER(t, struct consumer_member, rejoin);

    (void)now_ms;
    consumer_group_fence(m->group, m->is.id);
}

static void on_sync_end(struct timer *t, int64_t now_ms)
{
    struct consumer_member *m = CONTAINER(t, struct consumer_member, sync);

    (void)now_ms;
    consumer_group_fence(m->group, m->is.id);
}

void consumer_member_init_timers(struct consumer_member *m)
{
    m->session.fire = on_session_end;
    m->rebalance.fire = on_rebalance_end;
    m->rejoin.fire = on_rejoin_end;
    m->sync.fire = on_sync_end;
}

/* CG3 */
void consumer_group_on_recovered(struct consumer_group *c)
{
    for (struct list *n = c->members.next; n != &c->members; n = n->next) {
        struct consumer_member *m = CONTAINER(n, struct consumer_member, in_group);

        consumer_member_alive(m);
        watch_rebalance(m);
    }
}

/* ---- partitions by topic ---- */

static int compare_logs(const void *a, const void *b)
{
    const struct log *const *x = a;
    const struct log *const *y = b;
    uint64_t                 first_x = (*x)->topic->logs[0]->id;
    uint64_t                 first_y = (*y)->topic->logs[0]->id;

    if (first_x != first_y)
        return first_x < first_y ? -1 : 1;
    return ((*x)->partition > (*y)->partition) - ((*x)->partition < (*y)->partition);
}

struct topic_parts *parts_by_topic(struct engine *e, struct arena *arena, const struct parts *p, size_t *count)
{
    const struct log  **logs = arena_array(arena, p->count + 1, sizeof(struct log *));
    struct topic_parts *topics = arena_array(arena, p->count + 1, sizeof *topics);
    int32_t            *partitions = arena_array(arena, p->count + 1, sizeof *partitions);
    size_t              log_count = 0;

    *count = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct log *l = idmap_get(&e->logs, p->at[i]);

        if (l)
            logs[log_count++] = l;
    }
    if (log_count > 0)
        qsort(logs, log_count, sizeof(struct log *), compare_logs);
    for (size_t i = 0; i < log_count; i++) {
        if (i == 0 || logs[i]->topic != logs[i - 1]->topic)
            topics[(*count)++] = (struct topic_parts){ .uuid = logs[i]->topic->uuid,
                                                       .name = arena_bytes(arena, logs[i]->topic->key.name),
                                                       .partitions = partitions + i };
        topics[*count - 1].count++;
        partitions[i] = (int32_t)logs[i]->partition;
    }
    return topics;
}
