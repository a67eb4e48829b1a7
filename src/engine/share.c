/*
 * share.c - share groups (KIP-932): groups whose members take records one by one, like those of a queue, and say
 * of each
 * what became of it.
 *
 * A group has two halves that know little of each other, as in Kafka. The members (share_member.c) tell by heartbeats
 * what they subscribe to and are told which partitions are theirs; more than one may have a partition. What is fetched
 * and acknowledged (share_session.c, share_fetch.c, share_settle.c) goes by the member's id alone: whoever holds locks
 * is a share_holder, member or not.
 *
 *     topic ---- queue ---- lane per partition:   settled | leased, released, delayed | fresh
 *                  |                                      ^ start offset (SPSO)       ^ next
 *             share_queue: who waits, how much is locked, what is to be buried
 *
 *     record:   fresh --fetch--> leased (attempt 1, 2, ...) --accept--> acked
 *                 ^                |  |  `---reject------------------> rejected, or dead-lettered
 *                 |                |  `--release, lock over, member or connection gone
 *                 `-- delay -------|-------' fewer attempts than the limit
 *                                  `-------- else: rejected, or dead-lettered
 *
 *   SG1  For each topic a group reads it has one queue, in a namespace of its own: "share:" and that of the group.
 *        Doors
 *        cannot take from it or delete it (queue_is_locked). It is the group's durable half: settles, attempts, start
 *        offsets. The row of the group says that there is one, and its epoch.
 *   SG2  A queue is made when the first member subscribes to its topic, where the group's policy says; partitions that
 *        come later begin at their start. It goes with its topic, with the group, or when offsets are deleted.
 *   SG3  Members, sessions and locks live in memory. After a restart members join again, and what was locked is ready
 *        again; the attempts count.
 *   SG4  Lanes reach to the end of the log; which records of transactions are handed out, the group's isolation level
 *        decides when its turn comes (queue_lease.c H6).
 *
 * Changes (docs/journal.md):
 *   SHARE_GROUP_SET      ns, group, epoch
 *   SHARE_GROUP_DELETED  ns, group; its queues are deleted before
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

#include <assert.h>
#include <stdlib.h>

#define NAMESPACE_PREFIX "share:"

/* ---- groups ---- */

static struct share_group *find(struct engine *e, struct bytes ns, struct bytes name)
{
    return map_get(&e->share_groups, name_key_of(&e->scratch, ns, name));
}

struct share_group *share_group_find(struct engine *e, struct bytes ns, struct bytes name)
{
    struct share_group *g = find(e, ns, name);

    return g && g->is_real ? g : NULL;
}

static struct share_group *get(struct engine *e, struct bytes ns, struct bytes name)
{
    struct share_group *g = find(e, ns, name);

    if (g)
        return g;
    g = mem_new(sizeof *g);
    row_init(&g->row, ROW_SHARE_GROUP);
    g->engine = e;
    name_key_init(&g->key, ns, name);
    list_init(&g->members);
    list_init(&g->queues);
    map_put(&e->share_groups, g->key.whole, g);
    return g;
}

static void free_group(struct share_group *g)
{
    struct share_holder *h;
    size_t               at = 0;

    while (!list_empty(&g->members))
        share_member_free(CONTAINER(g->members.next, struct share_member, in_group));
    while ((h = map_next(&g->holders, &at)) != NULL)
        share_holder_free(h);
    map_fini(&g->holders);
    map_fini(&g->by_id);
    row_remove(g->engine, &g->row);
    name_key_fini(&g->key);
    free(g);
}

void share_group_drop(struct share_group *g)
{
    if (g->is_real || !list_empty(&g->queues))
        return;
    map_remove(&g->engine->share_groups, g->key.whole);
    free_group(g);
}

void share_fini(struct engine *e)
{
    struct share_group *g;
    size_t              at = 0;

    while ((g = map_next(&e->share_groups, &at)) != NULL)
        free_group(g);
    map_fini(&e->share_groups);
}

const struct group_policy *share_policy(const struct share_group *g)
{
    return group_policy_of(g->engine, g->key.ns, g->key.name);
}

/* ---- changes ---- */

static void encode(struct buf *head, struct bytes ns, struct bytes name)
{
    change_put_bytes(head, ns);
    change_put_bytes(head, name);
}

enum err share_apply_set(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct bytes        ns = change_get_bytes(head);
    struct bytes        name = change_get_bytes(head);
    uint64_t            epoch = rd_uvarint64(head);
    struct share_group *g;

    (void)payload;
    (void)position;
    if (head->failed || epoch > INT32_MAX)
        return ERR_CORRUPT;
    g = get(e, ns, name);
    row_touch(e, &g->row);
    g->is_real = true;
    g->epoch = (int32_t)epoch;
    return ERR_OK;
}

enum err share_apply_deleted(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct bytes        ns = change_get_bytes(head);
    struct bytes        name = change_get_bytes(head);
    struct share_group *g = head->failed ? NULL : find(e, ns, name);

    (void)payload;
    (void)position;
    if (!g)
        return ERR_CORRUPT;
    row_remove(e, &g->row);
    g->is_real = false;
    share_group_drop(g);
    return ERR_OK;
}

void share_group_set(struct engine *e, struct bytes ns, struct bytes name, int32_t epoch)
{
    struct buf head;

    buf_init(&head);
    encode(&head, ns, name);
    buf_uvarint(&head, (uint64_t)epoch);
    queue_commit(e, CHANGE_SHARE_GROUP_SET, &head, share_apply_set);
}

static struct queue *first_queue(const struct share_group *g)
{
    return CONTAINER(g->queues.next, struct share_queue, in_group)->queue;
}

void share_group_delete(struct share_group *g)
{
    struct engine *e = g->engine;
    struct buf     head;

    while (!list_empty(&g->queues))
        queue_delete(e, first_queue(g));
    buf_init(&head);
    encode(&head, g->key.ns, g->key.name);
    queue_commit(e, CHANGE_SHARE_GROUP_DELETED, &head, share_apply_deleted);
}

static const struct share_group *group_of(const struct row *row)
{
    return CONTAINER(row, struct share_group, row);
}

void share_group_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    encode(out, group_of(row)->key.ns, group_of(row)->key.name);
}

void share_group_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    encode(out, group_of(row)->key.ns, group_of(row)->key.name);
    buf_uvarint(out, (uint64_t)group_of(row)->epoch);
}

/* ---- queues (SG1, SG2) ---- */

bool share_attach(struct engine *e, struct queue *q)
{
    struct bytes         prefix = bytes_str(NAMESPACE_PREFIX);
    struct bytes         ns = q->key.ns;
    struct share_queue  *s;

    if (bytes_is_null(q->native[DOOR_KAFKA]) || ns.len < prefix.len || memcmp(ns.at, prefix.at, prefix.len) != 0)
        return false;
    s = mem_new(sizeof *s);
    s->group = get(e, bytes_of(ns.at + prefix.len, ns.len - prefix.len), q->native[DOOR_KAFKA]);
    s->queue = q;
    list_init(&s->waiters);
    list_init(&s->in_group);
    list_push(&s->group->queues, &s->in_group);
    q->share = s;
    return true;
}

void share_detach(struct queue *q)
{
    struct share_queue *s = q->share;

    if (!s)
        return;
    share_turn_away(q);
    list_remove(&s->in_group);
    share_group_drop(s->group);
    free(s->locks);
    free(s->spent);
    free(s);
    q->share = NULL;
}

struct queue *share_queue_of(const struct share_group *g, const struct topic *t)
{
    for (struct list *n = t->queues.next; n != &t->queues; n = n->next) {
        struct queue *q = queue_in_topic(n);

        if (q->share && q->share->group == g)
            return q;
    }
    return NULL;
}

static uint64_t start_in(struct engine *e, struct log *l, const struct group_policy *p)
{
    if (p->start == OFFSET_LATEST)
        return l->end;
    if (p->start == OFFSET_EARLIEST)
        return l->start;
    return read_time_start(e, l, e->now_ms - p->start);
}

void share_queue_make(struct share_group *g, struct topic *t)
{
    struct engine             *e = g->engine;
    const struct group_policy *p = share_policy(g);
    uint64_t                  *starts;
    struct buf                 ns;

    if (share_queue_of(g, t))
        return;
    starts = mem_new(t->log_count * sizeof *starts);
    for (uint32_t i = 0; i < t->log_count; i++)
        starts[i] = start_in(e, t->logs[i], p);
    buf_init(&ns);
    buf_str(&ns, NAMESPACE_PREFIX);
    buf_bytes(&ns, g->key.ns);
    queue_make_shared(e, buf_view(&ns), g->key.name, t, starts);
    buf_fini(&ns);
    free(starts);
}
