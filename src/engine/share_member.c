/*
 * share_member.c - heartbeats: members come, tell what they subscribe to, are told what is theirs, and go.
 *
 *     (none) --epoch 0--> member of epoch N --heartbeat of epoch N, or of the one before--> member of the group's epoch
 *       ^                                     `--of another one: fenced
 *       `---- epoch -1, or no heartbeat for share_session_ms: its locks end, too
 *
 *   SM1  The group's epoch goes up when members, subscriptions, or topics they name change, and with it the target: who
 *        has which partitions. A partition may have several members, so nobody waits for anybody to give one up.
 *   SM2  Topics are looked at again when some came, went or grew (engine.topic_changes), with the next heartbeat.
 *   SM3  A member's epoch is the group's as of its last heartbeat. The one before is taken as well: the answer
 *        that told
 *        the new one may be lost.
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

#include <stdlib.h>

/* ---- members as objects ---- */

static void clear_topics(struct share_member *m)
{
    for (size_t i = 0; i < m->topic_count; i++)
        bytes_replace(&m->topics[i], (struct bytes){ 0 });
    free(m->topics);
    m->topics = NULL;
    m->topic_count = 0;
}

void share_member_free(struct share_member *m)
{
    struct share_group *g = m->group;

    timer_stop(&g->engine->timers, &m->session);
    map_remove(&g->by_id, m->id);
    list_remove(&m->in_group);
    g->member_count--;
    clear_topics(m);
    parts_fini(&m->target);
    bytes_replace(&m->id, (struct bytes){ 0 });
    bytes_replace(&m->client_id, (struct bytes){ 0 });
    bytes_replace(&m->client_host, (struct bytes){ 0 });
    bytes_replace(&m->rack, (struct bytes){ 0 });
    free(m);
}

static void on_session_end(struct timer *t, int64_t now_ms);

static struct share_member *member_of(const struct list *node)
{
    return CONTAINER(node, struct share_member, in_group);
}

static struct share_member *share_member_new(struct share_group *g, struct bytes id)
{
    struct share_member *m = mem_new(sizeof *m);
    struct list         *n = g->members.next;

    m->group = g;
    bytes_replace(&m->id, id);
    m->session.fire = on_session_end;
    list_init(&m->in_group);
    while (n != &g->members && bytes_cmp(member_of(n)->id, id) < 0)
        n = n->next;
    list_insert(n, &m->in_group);
    map_put(&g->by_id, m->id, m);
    g->member_count++;
    return m;
}

static int by_bytes(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

static bool has_topics(const struct share_member *m, const struct bytes *topics, size_t count)
{
    for (size_t i = 0; i < count && i < m->topic_count; i++)
        if (!bytes_eq(m->topics[i], topics[i]))
            return false;
    return count == m->topic_count;
}

/* False: they are what they were. */
static bool subscribe(struct share_member *m, struct share_heartbeat_call *a)
{
    size_t n = 0;

    if (a->topic_count > 0)
        qsort(a->topics, a->topic_count, sizeof *a->topics, by_bytes);
    for (size_t i = 0; i < a->topic_count; i++)
        if (n == 0 || !bytes_eq(a->topics[n - 1], a->topics[i]))
            a->topics[n++] = a->topics[i];
    if (has_topics(m, a->topics, n))
        return false;
    clear_topics(m);
    m->topics = mem_new((n + 1) * sizeof *m->topics);
    for (size_t i = 0; i < n; i++)
        bytes_replace(&m->topics[i], a->topics[i]);
    m->topic_count = n;
    return true;
}

/* ---- the target (SM1) ---- */

struct targeting {
    struct share_group  *group;
    struct idmap         indexes; /* first log of a topic -> its index + 1 */
    struct assign_topic *topics;
    size_t               topic_count, topic_cap;
    struct arena         arena;
};

static uint32_t index_of(struct targeting *t, struct topic *topic)
{
    uintptr_t known = (uintptr_t)idmap_get(&t->indexes, topic->logs[0]->id);
    uint64_t *ids;

    if (known > 0)
        return (uint32_t)(known - 1);
    share_queue_make(t->group, topic);
    ids = arena_array(&t->arena, topic->log_count, sizeof *ids);
    for (uint32_t i = 0; i < topic->log_count; i++)
        ids[i] = topic->logs[i]->id;
    if (t->topic_count == t->topic_cap) {
        t->topic_cap = t->topic_cap ? 2 * t->topic_cap : 16;
        t->topics = mem_resize(t->topics, t->topic_cap * sizeof *t->topics);
    }
    t->topics[t->topic_count++] = (struct assign_topic){ topic->log_count, ids };
    idmap_put(&t->indexes, topic->logs[0]->id, (void *)(uintptr_t)t->topic_count);
    return (uint32_t)(t->topic_count - 1);
}

static int by_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static struct assign_member input_of(struct targeting *t, const struct share_member *m)
{
    uint32_t            *topics = arena_array(&t->arena, m->topic_count + 1, sizeof *topics);
    struct assign_member out = { .id = m->id, .topics = topics, .before = &m->target };

    for (size_t i = 0; i < m->topic_count; i++) {
        struct topic *topic = topic_find(t->group->engine, t->group->key.ns, m->topics[i]);

        if (topic && !topic->is_private)
            topics[out.topic_count++] = index_of(t, topic);
    }
    if (out.topic_count > 1)
        qsort(topics, out.topic_count, sizeof *topics, by_index);
    return out;
}

/* Whether it differs from what it was. */
static bool take_target(struct share_member *m, struct assign_member *a)
{
    bool is_new = !parts_eq(&m->target, &a->after);

    if (is_new) {
        parts_copy(&m->target, &a->after);
        m->is_told = false;
    }
    parts_fini(&a->after);
    return is_new;
}

/* Whether anybody's target is another one now. */
static bool assign(struct share_group *g)
{
    struct targeting      t = { .group = g };
    struct assign_member *members = mem_new((g->member_count + 1) * sizeof *members);
    struct assign_input   in = { .members = members };
    bool                  is_new = false;
    size_t                i = 0;

    arena_init(&t.arena);
    for (struct list *n = g->members.next; n != &g->members; n = n->next)
        members[in.member_count++] = input_of(&t, member_of(n));
    in.topics = t.topics;
    in.topic_count = t.topic_count;
    assign_simple(&in);
    for (struct list *n = g->members.next; n != &g->members; n = n->next)
        is_new |= take_target(member_of(n), &members[i++]);
    idmap_fini(&t.indexes);
    arena_fini(&t.arena);
    free(t.topics);
    free(members);
    return is_new;
}

static void rebalance(struct share_group *g, bool is_changed)
{
    g->seen = g->engine->topic_changes;
    if (assign(g) || is_changed)
        share_group_set(g->engine, g->key.ns, g->key.name, g->epoch == INT32_MAX ? 1 : g->epoch + 1);
}

/* ---- leaving ---- */

static void remove(struct share_member *m)
{
    struct share_group *g = m->group;

    share_holders_end(g, m->id);
    share_member_free(m);
    rebalance(g, true);
}

static void on_session_end(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    remove(CONTAINER(t, struct share_member, session));
}

/* ---- the call ---- */

static struct share_topic *topic_in(struct share_topic *all, size_t count, const struct topic *t)
{
    for (size_t i = count; i > 0; i--)
        if (memcmp(&all[i - 1].uuid, &t->uuid, sizeof t->uuid) == 0)
            return &all[i - 1];
    return NULL;
}

struct share_topic *share_show_target(const struct share_member *m, struct call *c, size_t *count)
{
    struct share_topic *all = arena_array(&c->arena, m->target.count + 1, sizeof *all);

    *count = 0;
    for (size_t i = 0; i < m->target.count; i++) {
        const struct log   *l = idmap_get(&m->group->engine->logs, m->target.at[i]);
        struct share_topic *t = l ? topic_in(all, *count, l->topic) : NULL;

        if (!l)
            continue;
        if (!t) {
            t = &all[(*count)++];
            t->uuid = l->topic->uuid;
            t->name = call_bytes(c, l->topic->key.name);
            t->partitions = arena_array(&c->arena, l->topic->log_count, sizeof *t->partitions);
        }
        t->partitions[t->count++] = l->partition;
    }
    return all;
}

static enum err check_group(struct engine *e, const struct share_heartbeat_call *a, struct share_group **out)
{
    *out = share_group_find(e, a->ns, a->group);
    if (a->group.len == 0 || a->group.len > GROUP_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (a->epoch < SHARE_LEAVES || a->member_id.len == 0 || a->topic_count > SHARE_TOPICS_MAX)
        return ERR_BAD_ARGUMENT;
    if (*out)
        return ERR_OK;
    return a->epoch != SHARE_JOINS || group_is_known(e, a->ns, a->group) ? ERR_NO_GROUP : ERR_OK;
}

/* SM3 */
static enum err check_member(const struct share_group *g, const struct share_heartbeat_call *a,
                             const struct share_member *m)
{
    if (a->epoch == SHARE_JOINS)
        return !m && g && g->member_count >= SHARE_MEMBERS_MAX ? ERR_LIMIT : ERR_OK;
    if (!m)
        return ERR_UNKNOWN_MEMBER;
    if (a->epoch == SHARE_LEAVES || a->epoch == m->epoch || a->epoch == m->previous_epoch)
        return ERR_OK;
    return ERR_ILLEGAL_GENERATION;
}

static void update(struct share_member *m, struct share_heartbeat_call *a, bool is_new)
{
    struct share_group *g = m->group;
    bool                is_changed = is_new;

    bytes_replace(&m->client_id, a->client_id);
    bytes_replace(&m->client_host, a->client_host);
    if (!bytes_is_null(a->rack))
        bytes_replace(&m->rack, a->rack);
    if (a->subscribes)
        is_changed |= subscribe(m, a);
    if (is_changed || g->seen != g->engine->topic_changes)
        rebalance(g, is_changed);
    if (m->epoch != g->epoch)
        m->previous_epoch = m->epoch;
    m->epoch = g->epoch;
    timer_start(&g->engine->timers, &m->session, g->engine->now_ms + share_policy(g)->share_session_ms);
}

static void tell(struct share_member *m, struct share_heartbeat_call *a, bool is_asked)
{
    a->heartbeat_ms = (int32_t)share_policy(m->group)->share_heartbeat_ms;
    a->epoch = m->epoch;
    a->has_target = is_asked || !m->is_told;
    if (a->has_target)
        a->target = share_show_target(m, &a->call, &a->target_count);
    m->is_told = true;
}

static enum err heartbeat(struct engine *e, struct share_heartbeat_call *a)
{
    bool                 is_asked = a->epoch == SHARE_JOINS || a->subscribes;
    struct share_group  *g;
    struct share_member *m = NULL;
    bool                 is_new;
    enum err             err = check_group(e, a, &g);

    if (!err && g)
        m = map_get(&g->by_id, a->member_id);
    if (!err)
        err = check_member(g, a, m);
    if (err)
        return err;
    if (a->epoch == SHARE_LEAVES) {
        remove(m);
        return ERR_OK;
    }
    if (!g)
        share_group_set(e, a->ns, a->group, 0);
    g = share_group_find(e, a->ns, a->group);
    is_new = !m;
    if (is_new)
        m = share_member_new(g, a->member_id);
    update(m, a, is_new);
    tell(m, a, is_asked);
    return ERR_OK;
}

void share_on_heartbeat(struct engine *e, struct call *c)
{
    engine_answer(e, c, heartbeat(e, (struct share_heartbeat_call *)c));
}
