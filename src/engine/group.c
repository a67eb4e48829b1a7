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
 *        join or sync is not late; a newcomer that waits has NEWCOMER_MS. A newcomer whose
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
 *   GR6  Nothing of this is journalled: after a restart members are unknown, rejoin and find their
 *        committed offsets.
 *
 * Answers copy what they show into the call: the group may change before they leave. Reference:
 * KIP-62, KIP-134 (initial delay), KIP-345, KIP-394, KIP-559, KIP-814.
 *
 * Thread: the shard's.
 */
#include "engine/group_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { NEWCOMER_MS = 5 * 60 * 1000, MEMBER_ID_BYTES_MAX = 1024 };

/* ---- finding, making, ending ---- */

struct group *group_find(struct engine *e, struct bytes ns, struct bytes name)
{
    struct buf    key;
    struct group *g;

    buf_init(&key);
    g = map_get(&e->groups, name_key_of(&key, ns, name));
    buf_fini(&key);
    return g;
}

static void on_join_time_up(struct timer *t, int64_t now_ms);
static void on_sync_time_up(struct timer *t, int64_t now_ms);

struct group *group_new(struct engine *e, struct bytes ns, struct bytes name)
{
    struct group *g = mem_new(sizeof *g);

    g->engine = e;
    name_key_init(&g->key, ns, name);
    list_init(&g->members);
    list_init(&g->pending);
    map_init(&g->by_id);
    map_init(&g->offsets);
    g->join_timer.fire = on_join_time_up;
    g->sync_timer.fire = on_sync_time_up;
    map_put(&e->groups, g->key.whole, g);
    return g;
}

void group_free(struct group *g)
{
    struct engine *e = g->engine;

    while (!list_empty(&g->members))
        member_free(CONTAINER(g->members.next, struct member, in_group));
    while (!list_empty(&g->pending))
        member_free(CONTAINER(g->pending.next, struct member, in_group));
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

void group_release(struct group *g)
{
    if (g->member_count == 0 && g->pending_count == 0 && g->offsets.count == 0)
        group_free(g);
}

/* Ends the process: parked calls have been answered by the engine. */
void group_fini(struct engine *e)
{
    for (size_t at = 0; e->groups.count > 0; at = 0)
        group_free(map_next(&e->groups, &at));
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

static void restart_session(struct member *m, int64_t length_ms)
{
    struct engine *e = m->group->engine;

    timer_start(&e->timers, &m->session, e->now_ms + length_ms);
}

/* ---- answers ---- */

/* Answers the parked join of m, if there is one, with an error. */
static void refuse_join(struct member *m, enum err err)
{
    struct group_join_call *j = member_join(m);

    if (j) {
        m->group->joining_count--;
        engine_answer(m->group->engine, &j->call, err);
    }
}

static void refuse_sync(struct member *m, enum err err)
{
    struct group_sync_call *s = member_sync(m);

    if (s)
        engine_answer(m->group->engine, &s->call, err);
}

static struct bytes metadata_of(const struct member *m, struct bytes protocol)
{
    for (size_t i = 0; i < m->protocol_count; i++) {
        if (bytes_eq(m->protocols[i].name, protocol))
            return m->protocols[i].metadata;
    }
    return bytes_of("", 0);
}

static void show_members(const struct group *g, struct group_join_call *j)
{
    j->members = arena_array(&j->call.arena, g->member_count, sizeof *j->members);
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        const struct member      *m = CONTAINER(n, struct member, in_group);
        struct group_member_view *v = &j->members[j->member_count++];

        v->member_id = call_bytes(j, m->id);
        v->instance_id = call_bytes(j, m->instance_id);
        v->metadata = call_bytes(j, metadata_of(m, g->protocol));
    }
}

/* Fills in j, a join of m, with the present generation. */
static void fill_generation(const struct member *m, struct group_join_call *j)
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

static void answer_join(const struct member *m, struct group_join_call *j)
{
    fill_generation(m, j);
    engine_answer(m->group->engine, &j->call, ERR_OK);
}

static void answer_sync(struct member *m, struct group_sync_call *s)
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
            refuse_sync(m, ERR_UNKNOWN_MEMBER);
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
    bytes_replace(&g->protocol_type, (struct bytes){ 0 });
    bytes_replace(&g->protocol, (struct bytes){ 0 });
    group_touch(g);
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
        restart_session(m, m->session_ms);
        if (j)
            answer_join(m, j);
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
            refuse_sync(m, ERR_REBALANCING);
            restart_session(m, m->session_ms);
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
static void rebalance(struct group *g)
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
static void remove_member(struct member *m, enum err err)
{
    refuse_join(m, err);
    refuse_sync(m, err);
    member_free(m);
}

static void remove_member_and_rebalance(struct member *m)
{
    struct group *g = m->group;

    remove_member(m, ERR_UNKNOWN_MEMBER);
    if (g->state != GROUP_EMPTY)
        rebalance(g);
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
            remove_member(m, ERR_UNKNOWN_MEMBER);
            is_removed = true;
        }
    }
    if (is_removed)
        rebalance(g);
    group_release(g);
}

void member_on_session_end(struct member *m)
{
    bool is_waiting = !list_empty(&m->join) || !list_empty(&m->sync);

    if (is_waiting && !m->is_new)
        return; /* GR2; its session starts again with the answer */
    remove_member_and_rebalance(m);
}

/* ---- join ---- */

static void park_join(struct member *m, struct group_join_call *j)
{
    refuse_join(m, ERR_REBALANCING);
    j->member_id = call_bytes(j, m->id);
    m->group->joining_count++;
    engine_park(m->group->engine, &j->call, &m->join, INT64_MAX, NULL);
}

static struct bytes make_member_id(struct engine *e, struct group_join_call *j)
{
    struct bytes prefix = bytes_is_null(j->instance_id) ? j->client_id : j->instance_id;
    uint64_t     high = engine_random(e);
    uint64_t     low = engine_random(e);
    size_t       cap;
    char        *text;

    if (prefix.len > MEMBER_ID_BYTES_MAX)
        prefix.len = MEMBER_ID_BYTES_MAX;
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

    if (g->member_count == 1)
        bytes_replace(&g->protocol_type, j->protocol_type);
    if (!g->leader)
        g->leader = m;
    g->has_grown = true;
    member_update(m, j);
    park_join(m, j);
    restart_session(m, NEWCOMER_MS);
    rebalance(g);
}

/* Takes the place of a static member of the same instance id (GR4). */
static void replace_member(struct member *m, struct group_join_call *j, struct bytes id)
{
    struct group *g = m->group;
    struct bytes  old_leader = g->leader ? call_bytes(j, g->leader->id) : bytes_of("", 0);
    bool          is_leader = g->leader == m;

    refuse_join(m, ERR_FENCED_INSTANCE);
    refuse_sync(m, ERR_FENCED_INSTANCE);
    member_rename(m, id);
    member_update(m, j);
    m->is_new = false;
    restart_session(m, m->session_ms);
    if (g->state != GROUP_STABLE || !bytes_eq(g->protocol, group_pick_protocol(g))) {
        park_join(m, j);
        rebalance(g);
        return;
    }
    fill_generation(m, j);
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
    struct bytes   id = make_member_id(e, j);

    if (same) {
        replace_member(same, j, id);
    } else if (g->member_count >= GROUP_MEMBERS_MAX || g->pending_count >= GROUP_MEMBERS_MAX) {
        engine_answer(e, &j->call, ERR_LIMIT);
    } else if (j->needs_known_id && bytes_is_null(j->instance_id)) {
        restart_session(member_new(g, id, j->instance_id, true), j->session_ms);
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
        rebalance(g);
    } else {
        /* Nothing is new: it may have missed the answer to its join. */
        restart_session(m, m->session_ms);
        answer_join(m, j);
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
    g = group_find(e, j->ns, j->group);
    if (!g && j->member_id.len == 0)
        g = group_new(e, j->ns, j->group);
    if (!g)
        engine_answer(e, c, ERR_UNKNOWN_MEMBER);
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

/* The leader has spoken: everybody that waits gets its part. */
static void assign(struct group *g, const struct group_sync_call *s)
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
            restart_session(m, m->session_ms);
            answer_sync(m, waiting);
        }
    }
}

void group_on_sync(struct engine *e, struct call *c)
{
    struct group_sync_call *s = (struct group_sync_call *)c;
    struct group           *g = group_find(e, s->ns, s->group);
    struct member          *m = NULL;
    enum err                err = g ? check_sync(g, s, &m) : ERR_UNKNOWN_MEMBER;

    if (s->group.len == 0)
        err = ERR_BAD_NAME;
    if (err) {
        engine_answer(e, c, err);
        return;
    }
    m->has_synced = true;
    if (g->state == GROUP_STABLE) {
        restart_session(m, m->session_ms);
        answer_sync(m, s);
        return;
    }
    refuse_sync(m, ERR_REBALANCING);
    engine_park(e, c, &m->sync, INT64_MAX, NULL);
    if (m == g->leader)
        assign(g, s);
}

/* ---- heartbeat, leave ---- */

void group_on_heartbeat(struct engine *e, struct call *c)
{
    struct group_heartbeat_call *h = (struct group_heartbeat_call *)c;
    struct group                *g = group_find(e, h->ns, h->group);
    struct member               *m = NULL;
    enum err                     err = ERR_UNKNOWN_MEMBER;

    if (h->group.len == 0)
        err = ERR_BAD_NAME;
    else if (g)
        err = group_check_member(g, h->member_id, h->instance_id, &m);
    if (!err && h->generation != g->generation)
        err = ERR_ILLEGAL_GENERATION;
    if (!err) {
        restart_session(m, m->is_new ? NEWCOMER_MS : m->session_ms);
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
            remove_member(m, ERR_UNKNOWN_MEMBER);
            is_removed = true;
        }
    }
    return is_removed;
}

void group_on_leave(struct engine *e, struct call *c)
{
    struct group_leave_call *l = (struct group_leave_call *)c;
    struct group            *g = group_find(e, l->ns, l->group);

    for (size_t i = 0; i < l->item_count; i++)
        l->items[i].err = ERR_UNKNOWN_MEMBER;
    if (g) {
        if (remove_leavers(g, l) && g->state != GROUP_EMPTY)
            rebalance(g);
        group_release(g);
    }
    engine_answer(e, c, l->group.len == 0 ? ERR_BAD_NAME : ERR_OK);
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
    refuse_join(m, ERR_CANCELLED);
    if (m->is_new)
        remove_member_and_rebalance(m);
    else
        restart_session(m, m->session_ms);
}

static void cancel_sync(struct engine *e, struct group_sync_call *s)
{
    struct group  *g = group_find(e, s->ns, s->group);
    struct member *m = g ? map_get(&g->by_id, s->member_id) : NULL;

    assert(m && member_sync(m) == s);
    refuse_sync(m, ERR_CANCELLED);
    restart_session(m, m->session_ms);
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
