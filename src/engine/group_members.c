/* group_members.c - who is in a consumer group; see group_int.h. */
#include "engine/group_int.h"

#include <assert.h>
#include <stdlib.h>

enum { PROTOCOL_NONE = -1 };

void bytes_replace(struct bytes *owned, struct bytes b)
{
    struct bytes copy = { 0 };

    if (!bytes_is_null(b))
        copy = bytes_of(mem_copy(b.at, b.len), b.len);
    free((void *)(uintptr_t)owned->at);
    *owned = copy;
}

static void on_session_end(struct timer *t, int64_t now_ms)
{
    struct member *m = CONTAINER(t, struct member, session);

    (void)now_ms;
    member_on_session_end(m);
}

struct member *member_new(struct group *g, struct bytes id, struct bytes instance_id,
                          bool is_pending)
{
    struct member *m = mem_new(sizeof *m);

    m->group = g;
    m->is_pending = is_pending;
    m->is_new = true;
    m->session.fire = on_session_end;
    bytes_replace(&m->id, id);
    bytes_replace(&m->instance_id, instance_id);
    list_init(&m->join);
    list_init(&m->sync);
    list_push(is_pending ? &g->pending : &g->members, &m->in_group);
    *(is_pending ? &g->pending_count : &g->member_count) += 1;
    map_put(&g->by_id, m->id, m);
    return m;
}

void member_free(struct member *m)
{
    struct group *g = m->group;

    assert(list_empty(&m->join) && list_empty(&m->sync));
    timer_stop(&g->engine->timers, &m->session);
    list_remove(&m->in_group);
    *(m->is_pending ? &g->pending_count : &g->member_count) -= 1;
    map_remove(&g->by_id, m->id);
    if (g->leader == m)
        g->leader = NULL;
    bytes_replace(&m->id, (struct bytes){ 0 });
    bytes_replace(&m->instance_id, (struct bytes){ 0 });
    bytes_replace(&m->assignment, (struct bytes){ 0 });
    bytes_replace(&m->client_id, (struct bytes){ 0 });
    bytes_replace(&m->client_host, (struct bytes){ 0 });
    free(m->protocols);
    free(m);
}

void member_rename(struct member *m, struct bytes id)
{
    map_remove(&m->group->by_id, m->id);
    bytes_replace(&m->id, id);
    map_put(&m->group->by_id, m->id, m);
}

/* Copies the protocols and their bytes into one allocation. */
static struct group_protocol *copy_protocols(const struct group_protocol *from, size_t count)
{
    size_t                 total = count * sizeof *from;
    struct group_protocol *to;
    uint8_t               *at;

    for (size_t i = 0; i < count; i++)
        total += from[i].name.len + from[i].metadata.len;
    to = mem_new(total);
    at = (uint8_t *)(to + count);
    for (size_t i = 0; i < count; i++) {
        to[i].name = bytes_of(at, from[i].name.len);
        at = mempcpy(at, from[i].name.at, from[i].name.len);
        to[i].metadata = bytes_of(at, from[i].metadata.len);
        at = mempcpy(at, from[i].metadata.at, from[i].metadata.len);
    }
    return to;
}

void member_update(struct member *m, const struct group_join_call *j)
{
    free(m->protocols);
    m->protocols = copy_protocols(j->protocols, j->protocol_count);
    m->protocol_count = j->protocol_count;
    bytes_replace(&m->client_id, bytes_is_null(j->client_id) ? bytes_of("", 0) : j->client_id);
    bytes_replace(&m->client_host, bytes_is_null(j->client_host) ? bytes_of("", 0) : j->client_host);
    m->session_ms = j->session_ms;
    m->rebalance_ms = j->rebalance_ms;
}

bool member_offers_same(const struct member *m, const struct group_join_call *j)
{
    if (m->protocol_count != j->protocol_count)
        return false;
    for (size_t i = 0; i < m->protocol_count; i++) {
        if (!bytes_eq(m->protocols[i].name, j->protocols[i].name) ||
            !bytes_eq(m->protocols[i].metadata, j->protocols[i].metadata))
            return false;
    }
    return true;
}

void member_set_assignment(struct member *m, struct bytes assignment)
{
    bytes_replace(&m->assignment, assignment);
}

struct member *group_static_member(struct group *g, struct bytes instance_id)
{
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        struct member *m = CONTAINER(n, struct member, in_group);

        if (!bytes_is_null(m->instance_id) && bytes_eq(m->instance_id, instance_id))
            return m;
    }
    return NULL;
}

static int find_protocol(const struct member *m, struct bytes name)
{
    for (size_t i = 0; i < m->protocol_count; i++) {
        if (bytes_eq(m->protocols[i].name, name))
            return (int)i;
    }
    return PROTOCOL_NONE;
}

struct bytes member_metadata(const struct member *m, struct bytes protocol)
{
    int at = find_protocol(m, protocol);

    return at == PROTOCOL_NONE ? bytes_of("", 0) : m->protocols[at].metadata;
}

static bool all_members_list(const struct group *g, struct bytes name)
{
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        if (find_protocol(CONTAINER(n, struct member, in_group), name) == PROTOCOL_NONE)
            return false;
    }
    return true;
}

bool group_supports(const struct group *g, const struct group_join_call *j)
{
    if (g->member_count == 0)
        return true;
    if (!bytes_eq(g->protocol_type, j->protocol_type))
        return false;
    for (size_t i = 0; i < j->protocol_count; i++) {
        if (all_members_list(g, j->protocols[i].name))
            return true;
    }
    return false;
}

/* The index in `first` of the protocol this member votes for: its favourite among those that all
 * list. */
static int vote_of(const struct member *m, const struct member *first, const bool *is_shared)
{
    for (size_t i = 0; i < m->protocol_count; i++) {
        int at = find_protocol(first, m->protocols[i].name);

        if (at != PROTOCOL_NONE && is_shared[at])
            return at;
    }
    return PROTOCOL_NONE;
}

struct bytes group_pick_protocol(const struct group *g)
{
    bool                 is_shared[GROUP_PROTOCOLS_MAX];
    size_t               votes[GROUP_PROTOCOLS_MAX] = { 0 };
    size_t               best = 0;
    const struct member *first;

    if (g->member_count == 0)
        return (struct bytes){ 0 };
    first = CONTAINER(g->members.next, struct member, in_group);
    for (size_t i = 0; i < first->protocol_count; i++)
        is_shared[i] = all_members_list(g, first->protocols[i].name);
    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        int vote = vote_of(CONTAINER(n, struct member, in_group), first, is_shared);

        if (vote != PROTOCOL_NONE)
            votes[vote]++;
    }
    for (size_t i = 1; i < first->protocol_count; i++) {
        if (votes[i] > votes[best])
            best = i;
    }
    return votes[best] > 0 ? first->protocols[best].name : (struct bytes){ 0 };
}

int64_t group_rebalance_ms(const struct group *g)
{
    int64_t longest = 0;

    for (struct list *n = g->members.next; n != &g->members; n = n->next) {
        const struct member *m = CONTAINER(n, struct member, in_group);

        if (m->rebalance_ms > longest)
            longest = m->rebalance_ms;
    }
    return longest;
}

struct group_join_call *member_join(const struct member *m)
{
    return list_empty(&m->join) ? NULL
                                : (void *)CONTAINER(m->join.next, struct call, parked);
}

struct group_sync_call *member_sync(const struct member *m)
{
    return list_empty(&m->sync) ? NULL
                                : (void *)CONTAINER(m->sync.next, struct call, parked);
}
