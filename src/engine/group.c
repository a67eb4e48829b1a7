/*
 * group.c - Kafka consumer groups, classic protocol: who shares the work, and in which generation.
 *
 * Members join with the protocols (assignors) they know; when all have, a generation begins: one
 * protocol all of them list, one leader. The leader computes who gets what and sends it with its
 * sync; everybody's sync answers with the own part. What is in the metadata and in the assignment
 * is the clients' business: opaque bytes, so the cooperative protocol needs nothing here.
 *
 *     EMPTY --join--> PREPARING --all joined, or time up--> COMPLETING --leader's sync--> STABLE
 *       ^               |  ^  ^                                |                            |
 *       +--all left-----+  |  +--join, leave, expiry-----------+                            |
 *                          +-----------join of a newcomer or the leader, leave, expiry------+
 *
 *   GR1  A member is known by an id made here. A dynamic member's first join is sent back with the
 *        id (KIP-394) when its client understands that, so that a join that is retried does not
 *        leave a ghost behind.
 *   GR2  Members expire by their session timeout, never with a connection. One that waits for its
 *        join or sync is not late; a newcomer that waits has GROUP_NEWCOMER_MS. A newcomer whose
 *        connection goes while its join is parked is removed: nobody has its id, or its client will
 *        start over.
 *   GR3  Every parked join and sync is answered when its member leaves, is replaced, expires or
 *        calls again.
 *   GR4  A static member (group.instance.id, KIP-345) that comes back under the same instance id
 *        takes over the place, the assignment and the leadership of the old one without a
 *        rebalance; the old id is fenced.
 *   GR5  Whoever does not join within the longest rebalance timeout of the group is out of the next
 *        generation (static members stay until their session ends); whoever joined and does not
 *        sync within it is removed.
 *   GR6  Of all this only the protocol type is journalled: after a restart members are unknown, rejoin and
 *        find their committed offsets.
 *
 * A group may be of the consumer protocol instead (consumer_group.c): then the machine here is empty, and calls of
 * classic members go there.
 *
 * Answers copy what they show into the call: the group may change before they leave. Reference:
 * KIP-62, KIP-134 (initial delay), KIP-345, KIP-394, KIP-559, KIP-814.
 *
 * Thread: the shard's.
 */
#include "engine/consumer_group.h"

#include <assert.h>
#include <stdlib.h>

/* ---- finding, making, ending ---- */

struct group *group_find(struct engine *e, struct bytes ns, struct bytes name)
{
    return map_get(&e->groups, name_key_of(&e->scratch, ns, name));
}

static void on_join_time_up(struct timer *t, int64_t now_ms);
static void on_sync_time_up(struct timer *t, int64_t now_ms);

struct group *group_new(struct engine *e, struct bytes ns, struct bytes name)
{
    struct group *g = mem_new(sizeof *g);

    g->engine = e;
    row_init(&g->row, ROW_GROUP);
    name_key_init(&g->key, ns, name);
    list_init(&g->members);
    list_init(&g->pending);
    map_init(&g->by_id);
    map_init(&g->offsets);
    g->join_timer.fire = on_join_time_up;
    g->sync_timer.fire = on_sync_time_up;
    g->expiry_timer.fire = group_on_expiry;
    map_put(&e->groups, g->key.whole, g);
    return g;
}

void group_free(struct group *g)
{
    struct engine *e = g->engine;

    row_remove(e, &g->row);
    if (g->consumer)
        consumer_group_free(g->consumer);
    while (!list_empty(&g->members))
        member_free(CONTAINER(g->members.next, struct member, in_group));
    group_forget_pending(g);
    timer_stop(&e->timers, &g->join_timer);
    timer_stop(&e->timers, &g->sync_timer);
    timer_stop(&e->timers, &g->expiry_timer);
    group_offsets_fini(g);
    map_remove(&e->groups, g->key.whole);
    map_fini(&g->by_id);
    bytes_replace(&g->protocol_type, (struct bytes){ 0 });
    bytes_replace(&g->protocol, (struct bytes){ 0 });
    name_key_fini(&g->key);
    free(g);
}

void group_forget_pending(struct group *g)
{
    while (!list_empty(&g->pending))
        member_free(CONTAINER(g->pending.next, struct member, in_group));
}

enum group_state group_state(const struct group *g)
{
    return g->consumer ? consumer_group_state(g->consumer) : g->state;
}

bool group_is_empty(const struct group *g)
{
    return g->consumer ? g->consumer->by_id.count == 0 : g->member_count == 0;
}

void group_release(struct group *g)
{
    if (!group_is_empty(g) || g->pending_count > 0 || g->offsets.count > 0)
        return;
    if (g->engine->groups.count > GROUPS_IDLE_MAX)
        group_delete(g);
    else
        group_touch(g);
}

/* Ends the process: parked calls have been answered by the engine. */
void group_fini(struct engine *e)
{
    struct group *g;

    for (size_t at = 0; (g = map_next(&e->groups, &at)) != NULL; at--)
        group_free(g);
    map_fini(&e->groups);
}

static void set_state(struct group *g, enum group_state next)
{
    static const bool is_allowed[GROUP_STATE_COUNT][GROUP_STATE_COUNT] = {
        [GROUP_EMPTY] = { [GROUP_PREPARING] = true },
        [GROUP_PREPARING] = { [GROUP_EMPTY] = true, [GROUP_COMPLETING] = true },
        [GROUP_COMPLETING] = { [GROUP_PREPARING] = true, [GROUP_STABLE] = true },
        [GROUP_STABLE] = { [GROUP_PREPARING] = true },
    };

    assert(is_allowed[g->state][next]);
    g->state = next;
}

enum err group_check_member(struct group *g, struct bytes member_id, struct bytes instance_id,
                            struct member **out)
{
    struct member *m = map_get(&g->by_id, member_id);

    if (!bytes_is_null(instance_id)) {
        struct member *holder = group_static_member(g, instance_id);

        if (holder && holder != m)
            return ERR_FENCED_INSTANCE;
        if (!holder)
            return ERR_UNKNOWN_MEMBER;
    }
    if (!m || m->is_pending)
        return ERR_UNKNOWN_MEMBER;
    *out = m;
    return ERR_OK;
}

void member_restart_session(struct member *m, int64_t length_ms)
{
    struct engine *e = m->group->engine;

    timer_start(&e->timers, &m->session, e->now_ms + length_ms);
}

/* ---- answers ---- */

/* Answers the parked join of m, if there is one, with an error. */
void member_refuse_join(struct member *m, enum err err)
{
    struct group_join_call *j = member_join(m);

    if (j) {
        m->group->joining_count--;
        engine_answer(m->group->engine, &j->call, err);
    }
}

void member_refuse_sync(struct member *m, enum err err)
{
    struct group_sync_call *s = member_sync(m);

    if (s)
        engine_answer(m->group->engine, &s->call, err);
}

static void show_members(const struct group *g, struct group_join_call *j)
{
    j->members = arena_array(&j->call.arena, g->member_count, sizeof *j->members);
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        const struct member      *m = CONTAINER(n, struct member, in_group);
        struct group_member_view *v = &j->members[j->member_count++];

        v->member_id = call_bytes(j, m->id);
        v->instance_id = call_bytes(j, m->instance_id);
        v->metadata = call_bytes(j, member_metadata(m, g->protocol));
    }
}

/* Fills in j, a join of m, with the present generation. */
void member_fill_join(const struct member *m, struct group_join_call *j)
{
    const struct group *g = m->group;

    j->generation = g->generation;
    j->protocol_type = call_bytes(j, g->protocol_type);
    j->protocol = call_bytes(j, g->protocol);
    j->leader = g->leader ? call_bytes(j, g->leader->id) : bytes_of("", 0);
    j->member_id = call_bytes(j, m->id);
    if (m == g->leader)
        show_members(g, j);
}

void member_answer_join(const struct member *m, struct group_join_call *j)
{
    member_fill_join(m, j);
    engine_answer(m->group->engine, &j->call, ERR_OK);
}

void member_answer_sync(struct member *m, struct group_sync_call *s)
{
    s->protocol_type = call_bytes(s, m->group->protocol_type);
    s->protocol = call_bytes(s, m->group->protocol);
    s->assignment = bytes_is_null(m->assignment) ? bytes_of("", 0) : call_bytes(s, m->assignment);
    engine_answer(m->group->engine, &s->call, ERR_OK);
}

/* ---- rebalance ---- */

static bool all_have_joined(const struct group *g)
{
    return g->joining_count >= g->member_count && g->pending_count == 0;
}

static void remove_late_members(struct group *g)
{
    struct list *next;

    for (struct list *n = g->members.next; n != &g->members; n = next) {
        struct member *m = CONTAINER(n, struct member, in_group);

        next = n->next;
        if (list_empty(&m->join) && bytes_is_null(m->instance_id)) {
            member_refuse_sync(m, ERR_UNKNOWN_MEMBER);
            member_free(m);
        }
    }
}

/* The leader stays when it has joined, else the first who has takes over. False when nobody has. */
static bool elect_leader(struct group *g)
{
    if (g->leader && !list_empty(&g->leader->join))
        return true;
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        struct member *m = CONTAINER(n, struct member, in_group);

        if (!list_empty(&m->join)) {
            g->leader = m;
            return true;
        }
    }
    return false;
}

static void become_empty(struct group *g)
{
    set_state(g, GROUP_EMPTY);
    bytes_replace(&g->protocol, (struct bytes){ 0 });
    group_touch(g);
}

void group_drop_members(struct group *g, enum err err)
{
    struct engine *e = g->engine;

    while (!list_empty(&g->members))
        member_remove(CONTAINER(g->members.next, struct member, in_group), err);
    timer_stop(&e->timers, &g->join_timer);
    timer_stop(&e->timers, &g->sync_timer);
    g->state = GROUP_EMPTY;
    g->is_initial = false;
    bytes_replace(&g->protocol, (struct bytes){ 0 });
}

void group_resume(struct group *g)
{
    assert(g->state == GROUP_EMPTY && g->member_count > 0);
    g->state = GROUP_STABLE;
    bytes_replace(&g->protocol, group_pick_protocol(g));
    group_rebalance(g);
}

/* Answers every join with the new generation and waits for the syncs. */
static void begin_generation(struct group *g)
{
    struct engine *e = g->engine;

    bytes_replace(&g->protocol, group_pick_protocol(g));
    assert(!bytes_is_null(g->protocol)); /* group_supports let nobody in who has none in common */
    set_state(g, GROUP_COMPLETING);
    timer_start(&e->timers, &g->sync_timer, e->now_ms + group_rebalance_ms(g));
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        struct member          *m = CONTAINER(n, struct member, in_group);
        struct group_join_call *j = member_join(m);

        m->has_synced = false;
        m->is_new = false;
        member_restart_session(m, m->session_ms);
        if (j)
            member_answer_join(m, j);
    }
    g->joining_count = 0;
}

/* Ends PREPARING: those who have joined are the next generation. */
static void complete_join(struct group *g)
{
    struct engine *e = g->engine;

    timer_stop(&e->timers, &g->join_timer);
    g->is_initial = false;
    remove_late_members(g);
    if (g->member_count > 0 && !elect_leader(g)) {
        /* Only static members that are away: wait until they come back or their sessions end. */
        timer_start(&e->timers, &g->join_timer, e->now_ms + group_rebalance_ms(g));
        return;
    }
    g->generation = g->generation == INT32_MAX ? 1 : g->generation + 1;
    if (g->member_count == 0)
        become_empty(g);
    else
        begin_generation(g);
}

static void complete_join_if_all_have(struct group *g)
{
    if (g->state == GROUP_PREPARING && !g->is_initial && all_have_joined(g))
        complete_join(g);
}

/* Newcomers of an empty group get a moment to come together; each one that comes extends it
 * (KIP-134). */
static void begin_initial_delay(struct group *g)
{
    struct engine *e = g->engine;

    g->is_initial = true;
    g->has_grown = false;
    g->delay_left_ms = group_rebalance_ms(g) - GROUP_INITIAL_DELAY_MS;
    timer_start(&e->timers, &g->join_timer, e->now_ms + GROUP_INITIAL_DELAY_MS);
}

static void prepare_rebalance(struct group *g)
{
    struct engine *e = g->engine;
    bool           was_empty = g->state == GROUP_EMPTY;

    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        struct member *m = CONTAINER(n, struct member, in_group);

        if (member_sync(m)) {
            member_refuse_sync(m, ERR_REBALANCING);
            member_restart_session(m, m->session_ms);
        }
    }
    timer_stop(&e->timers, &g->sync_timer);
    set_state(g, GROUP_PREPARING);
    if (was_empty) {
        begin_initial_delay(g);
        return;
    }
    g->is_initial = false;
    timer_start(&e->timers, &g->join_timer, e->now_ms + group_rebalance_ms(g));
    complete_join_if_all_have(g);
}

/* After any change of the membership. */
void group_rebalance(struct group *g)
{
    if (g->state == GROUP_PREPARING)
        complete_join_if_all_have(g);
    else
        prepare_rebalance(g);
}

static void on_join_time_up(struct timer *t, int64_t now_ms)
{
    struct group *g = CONTAINER(t, struct group, join_timer);

    if (g->is_initial && g->has_grown && g->delay_left_ms > 0) {
        int64_t more = g->delay_left_ms < GROUP_INITIAL_DELAY_MS ? g->delay_left_ms
                                                                : GROUP_INITIAL_DELAY_MS;

        g->has_grown = false;
        g->delay_left_ms -= more;
        timer_start(&g->engine->timers, t, now_ms + more);
        return;
    }
    complete_join(g);
    group_release(g);
}

/* Removes m and answers what it waits for. The caller rebalances. */
void member_remove(struct member *m, enum err err)
{
    member_refuse_join(m, err);
    member_refuse_sync(m, err);
    member_free(m);
}

static void remove_member_and_rebalance(struct member *m)
{
    struct group *g = m->group;

    member_remove(m, ERR_UNKNOWN_MEMBER);
    if (g->state != GROUP_EMPTY)
        group_rebalance(g);
    group_release(g);
}

/* GR5: those who never came for their assignment go. */
static void on_sync_time_up(struct timer *t, int64_t now_ms)
{
    struct group *g = CONTAINER(t, struct group, sync_timer);
    bool          is_removed = false;
    struct list  *next;

    (void)now_ms;
    for (struct list *n = g->members.next; n != &g->members; n = next) {
        struct member *m = CONTAINER(n, struct member, in_group);

        next = n->next;
        if (!m->has_synced) {
            member_remove(m, ERR_UNKNOWN_MEMBER);
            is_removed = true;
        }
    }
    if (is_removed)
        group_rebalance(g);
    group_release(g);
}

void member_on_session_end(struct member *m)
{
    bool is_waiting = !list_empty(&m->join) || !list_empty(&m->sync);

    if (is_waiting && !m->is_new)
        return; /* GR2; its session starts again with the answer */
    remove_member_and_rebalance(m);
}

/* The leader has spoken: everybody that waits gets its part. */
void group_assign(struct group *g, const struct group_sync_call *s)
{
    for (struct list *n = g->members.next; n != &g->members; n = n->next)
        member_set_assignment(CONTAINER(n, struct member, in_group), (struct bytes){ 0 });
    for (size_t i = 0; i < s->assignment_count; i++) {
        struct member *m = map_get(&g->by_id, s->assignments[i].member_id);

        if (m && !m->is_pending)
            member_set_assignment(m, s->assignments[i].assignment);
    }
    set_state(g, GROUP_STABLE);
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        struct member          *m = CONTAINER(n, struct member, in_group);
        struct group_sync_call *waiting = member_sync(m);

        if (waiting) {
            member_restart_session(m, m->session_ms);
            member_answer_sync(m, waiting);
        }
    }
}

/* ---- connections that go ---- */

static struct call *parked_group_call(struct session *s)
{
    for (struct list *n = s->parked.next; n != &s->parked; n = n->next) {
        struct call *c = CONTAINER(n, struct call, in_session);

        if (c->kind == CALL_GROUP_JOIN || c->kind == CALL_GROUP_SYNC)
            return c;
    }
    return NULL;
}

/* The member stays; only its call ends. GR2: unless nobody else can know its id. */
static void cancel_join(struct engine *e, struct group_join_call *j)
{
    struct group  *g = group_find(e, j->ns, j->group);
    struct member *m = g ? map_get(&g->by_id, j->member_id) : NULL;

    assert(m && member_join(m) == j);
    member_refuse_join(m, ERR_CANCELLED);
    if (m->is_new)
        remove_member_and_rebalance(m);
    else
        member_restart_session(m, m->session_ms);
}

static void cancel_sync(struct engine *e, struct group_sync_call *s)
{
    struct group  *g = group_find(e, s->ns, s->group);
    struct member *m = g ? map_get(&g->by_id, s->member_id) : NULL;

    assert(m && member_sync(m) == s);
    member_refuse_sync(m, ERR_CANCELLED);
    member_restart_session(m, m->session_ms);
}

/* Called before the session's parked calls are cancelled, so that the group knows whose calls
 * they were. */
void group_on_session_close(struct engine *e, struct session *s)
{
    struct call *c;

    while ((c = parked_group_call(s)) != NULL) {
        if (c->kind == CALL_GROUP_JOIN)
            cancel_join(e, (struct group_join_call *)c);
        else
            cancel_sync(e, (struct group_sync_call *)c);
    }
}

/* After a replay: members of the consumer protocol are there, and their sessions begin anew. */
void group_on_recovered(struct engine *e)
{
    struct group *g;
    size_t        at = 0;

    while ((g = map_next(&e->groups, &at)) != NULL) {
        if (g->consumer)
            consumer_group_on_recovered(g->consumer);
    }
}
