/*
 * queue.c - queues as named things: declared, altered, deleted, looked at. What happens to their
 * messages is in queue_lease.c and queue_settle.c.
 *
 * Changes (docs/journal.md); policy is lease_ms, delay_ms, retention_ms, expires_ms
 * (varints), flags (1 ordered, 2 single active):
 *   QUEUE_DECLARED  id, ns, name, topic's uuid (16 bytes; zero: detached), flags (1 durable, 2
 *                   auto-delete, 4 exclusive, 8 a share group's), owner, policy, created_ms, altered_ms, door count,
 *                   native of each, lane count, next offset of each lane, fate count, messages of
 *                   each fate, sum of the offsets where the lanes began
 *   QUEUE_ALTERED   id, flags (1 durable), policy, altered_ms, door, native
 *   QUEUE_DELETED   id
 *   QUEUE_SEEKED    id, lane, offset
 *
 *   Q1  A queue over a topic has a lane per log, up to where that is stable (txn.h), and
 *       queue.in_topic is in topic.queues; a detached one has neither.
 *       A share group's has all of its logs: what it hands out is decided then (queue_lease.c).
 *   Q2  An exclusive queue is in the list of its session while the process lives, and is deleted
 *       after a restart.
 *
 * Thread: the shard's.
 */
#include "base/diag.h"
#include "engine/queue_int.h"
#include "engine/retention.h"
#include "engine/share.h"
#include "engine/txn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FLAG_DURABLE = 1, FLAG_AUTO_DELETE = 2, FLAG_EXCLUSIVE = 4, FLAG_SHARED = 8 };
enum { POLICY_ORDERED = 1, POLICY_SINGLE_ACTIVE = 2 };

struct queue *queue_find(struct engine *e, struct bytes ns, struct bytes name)
{
    return map_get(&e->queues, name_key_of(&e->scratch, ns, name));
}

struct queue *queue_by_id(struct engine *e, uint64_t id)
{
    return idmap_get(&e->queues_id, id);
}

struct queue *queue_in_topic(struct list *node)
{
    return CONTAINER(node, struct queue, in_topic);
}

struct queue *queue_of_dirty(struct list *node)
{
    return CONTAINER(node, struct queue, dirty);
}

bool queue_is_shared(const struct queue *q)
{
    return q->share != NULL;
}

int64_t queue_delay_ms(const struct queue *q)
{
    return q->policy.delay_ms;
}

struct topic *queue_own_topic(struct queue *q)
{
    return q->topic && bytes_eq(q->topic->key.name, q->key.name) ? q->topic : NULL;
}

bool queue_is_locked(const struct queue *q, uint64_t session)
{
    return q->share || (q->is_exclusive && q->owner != session);
}

uint64_t queue_needs(const struct queue *q, const struct log *l)
{
    return q->topic == l->topic ? lane_floor(&q->ledger.lanes[l->partition]) : l->end;
}

uint64_t queue_next(const struct queue *q, const struct log *l)
{
    return q->topic == l->topic ? q->ledger.lanes[l->partition].next : l->end;
}

void queue_touch(struct queue *q)
{
    row_touch(q->engine, &q->row);
}

bool queue_needs_range(const struct queue *q, const struct log *l, uint64_t base, uint64_t end)
{
    return q->topic == l->topic &&
           ledger_needs_range(&q->ledger.lanes[l->partition], base, end);
}

bool queue_any_needs_range(const struct log *l, uint64_t base, uint64_t end)
{
    const struct list *queues = &l->topic->queues;

    for (struct list *n = queues->next; n != queues; n = n->next)
        if (queue_needs_range(queue_in_topic(n), l, base, end))
            return true;
    return false;
}

void queue_on_log_trimmed(struct log *l, uint64_t start)
{
    for (struct list *n = l->topic->queues.next; n != &l->topic->queues; n = n->next) {
        struct queue *q = queue_in_topic(n);

        queue_touch(q);
        ledger_settle_range(&q->ledger.lanes[l->partition], 0, start, FATE_EVICTED, false,
                            queue_let_go, q);
    }
}

void queue_on_topic_grown(struct topic *t)
{
    for (struct list *n = t->queues.next; n != &t->queues; n = n->next) {
        struct queue *q = queue_in_topic(n);

        queue_touch(q);
        ledger_grow(&q->ledger, t->log_count);
    }
}

void queue_check(const struct queue *q)
{
    assert(ledger_is_conserved(&q->ledger));
}

void queue_mark_dirty(struct engine *e, struct queue *q)
{
    if (list_empty(&q->dirty))
        list_push(&e->dirty, &q->dirty);
}

static void on_load(struct engine *e, struct load_wait *w)
{
    queue_mark_dirty(e, CONTAINER(w, struct queue, load));
}

void queue_on_append(struct engine *e, struct queue *q, struct log *l, uint64_t base,
                     uint32_t count, int64_t due_ms)
{
    assert(q->ledger.lanes[l->partition].end == base);
    if (due_ms > 0)
        queue_touch(q);
    ledger_append(&q->ledger, l->partition, count, due_ms);
    queue_mark_dirty(e, q);
}

/* ---- changes ---- */

void queue_commit(struct engine *e, enum change kind, struct buf *head, change_apply_fn *apply)
{
    struct rd r = rd_of(buf_view(head));
    enum err  err;

    engine_change(e, kind, head, (struct slice){ 0 });
    err = apply(e, &r, bytes_of(NULL, 0), 0);
    assert(err == ERR_OK && !r.failed);
    (void)err;
    buf_fini(head);
}

static void put_policy(struct buf *head, const struct queue_policy *p)
{
    buf_varint(head, p->lease_ms);
    buf_varint(head, p->delay_ms);
    buf_varint(head, p->retention_ms);
    buf_varint(head, p->expires_ms);
    buf_u8(head, (uint8_t)((p->is_ordered ? POLICY_ORDERED : 0) |
                           (p->is_single_active ? POLICY_SINGLE_ACTIVE : 0)));
}

static struct queue_policy get_policy(struct rd *head)
{
    struct queue_policy p;
    uint8_t             flags;

    p.lease_ms = rd_varint64(head);
    p.delay_ms = rd_varint64(head);
    p.retention_ms = rd_varint64(head);
    p.expires_ms = rd_varint64(head);
    flags = rd_u8(head);
    p.is_ordered = flags & POLICY_ORDERED;
    p.is_single_active = flags & POLICY_SINGLE_ACTIVE;
    return p;
}

/* Of a queue as it is, or as it shall be. */
static void encode_declared(struct buf *head, const struct queue *q)
{
    static const struct uuid none;
    const struct uuid       *uuid = q->topic ? &q->topic->uuid : &none;

    buf_uvarint(head, q->id);
    change_put_bytes(head, q->key.ns);
    change_put_bytes(head, q->key.name);
    buf_add(head, uuid->at, sizeof uuid->at);
    buf_uvarint(head, (q->is_durable ? FLAG_DURABLE : 0u) |
                          (q->is_auto_delete ? FLAG_AUTO_DELETE : 0u) |
                          (q->is_exclusive ? FLAG_EXCLUSIVE : 0u) | (q->share ? FLAG_SHARED : 0u));
    buf_uvarint(head, q->owner);
    put_policy(head, &q->policy);
    buf_varint(head, q->created_ms);
    buf_varint(head, q->altered_ms);
    buf_uvarint(head, DOOR_COUNT);
    for (int d = 0; d < DOOR_COUNT; d++)
        change_put_bytes(head, q->native[d]);
    buf_uvarint(head, q->ledger.lane_count);
    for (uint32_t i = 0; i < q->ledger.lane_count; i++)
        buf_uvarint(head, q->ledger.lanes[i].next);
    buf_uvarint(head, FATE_COUNT);
    for (int i = 0; i < FATE_COUNT; i++)
        buf_uvarint(head, q->ledger.fates[i]);
    buf_uvarint(head, q->began);
}

static const struct queue *queue_of(const struct row *row)
{
    return CONTAINER(row, struct queue, row);
}

void queue_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, queue_of(row)->id);
}

void queue_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    encode_declared(out, queue_of(row));
}

void queue_row_define(struct engine *e, const struct row *row, struct row_definition *out)
{
    const struct queue *q = queue_of(row);

    (void)e;
    out->ns = q->key.ns;
    out->name = q->key.name;
    snprintf(out->text, sizeof out->text, "%s%s%s", q->topic ? "over a topic" : "detached",
             q->is_durable ? ", durable" : "", q->policy.is_ordered ? ", ordered" : "");
}

static struct queue *queue_new(struct engine *e, struct bytes ns, struct bytes name)
{
    struct queue *q = mem_new(sizeof *q);

    row_init(&q->row, ROW_QUEUE);
    name_key_init(&q->key, ns, name);
    q->engine = e;
    list_init(&q->in_topic);
    list_init(&q->dirty);
    list_init(&q->in_session);
    list_init(&q->waiters);
    list_init(&q->active);
    list_init(&q->blocked);
    list_init(&q->bindings);
    list_init(&q->in_waiting);
    list_init(&q->load.in_load);
    q->load.on_load = on_load;
    queue_init_timer(q);
    return q;
}

void queue_free(struct engine *e, struct queue *q)
{
    assert(list_empty(&q->waiters) && q->consumer_count == 0);
    row_remove(e, &q->row);
    timer_stop(&e->timers, &q->timer);
    timer_stop(&e->timers, &q->retention);
    list_remove(&q->in_topic);
    list_remove(&q->dirty);
    list_remove(&q->in_session);
    list_remove(&q->bindings);
    list_remove(&q->in_waiting);
    list_remove(&q->load.in_load);
    queue_expiry_fini(q);
    queue_order_fini(q);
    share_detach(q);
    ledger_fini(&q->ledger);
    for (int d = 0; d < DOOR_COUNT; d++)
        free((void *)(uintptr_t)q->native[d].at);
    name_key_fini(&q->key);
    free(q);
}

static void set_native(struct queue *q, uint64_t door, struct bytes native)
{
    free((void *)(uintptr_t)q->native[door].at);
    q->native[door] = native;
    if (native.at)
        q->native[door].at = mem_copy(native.at, native.len);
}

/* The lanes over the topic's logs, each from its next offset on. */
static bool read_lanes(struct engine *e, struct rd *head, struct queue *q)
{
    uint64_t count = rd_uvarint64(head);

    if (head->failed || count != (q->topic ? q->topic->log_count : 0))
        return false;
    ledger_init(&q->ledger, &e->held, (uint32_t)count);
    for (uint32_t i = 0; i < count; i++) {
        const struct log *l = q->topic->logs[i];
        uint64_t          next = rd_uvarint64(head);
        uint64_t          end = q->share ? l->end : txn_log_stable(l);

        if (head->failed || next > end)
            return false;
        ledger_begin(&q->ledger, i, next, end);
    }
    return true;
}

/* What was routed follows from where the lanes began and where they end, so that an append is no
 * change of the queue's row. Nothing is open in a detached queue. */
static bool read_fates(struct rd *head, struct queue *q)
{
    struct ledger *g = &q->ledger;
    uint64_t       count = rd_uvarint64(head);

    if (count > FATE_COUNT)
        return false;
    g->routed = 0;
    for (uint64_t i = 0; i < count; i++) {
        g->fates[i] = rd_uvarint64(head);
        g->routed += q->topic ? 0 : g->fates[i];
    }
    q->began = rd_uvarint64(head);
    for (uint32_t i = 0; i < g->lane_count; i++)
        g->routed += g->lanes[i].end;
    g->routed -= q->topic ? q->began : 0;
    return !head->failed;
}

static bool read_declared(struct engine *e, struct rd *head, struct queue *q)
{
    static const struct uuid none;
    struct bytes             uuid = rd_bytes(head, sizeof none.at);
    uint64_t                 flags = rd_uvarint64(head);
    uint64_t                 doors;

    if (uuid.at)
        q->topic = map_get(&e->topics_uuid, uuid);
    if (!q->topic && (!uuid.at || memcmp(uuid.at, none.at, sizeof none.at) != 0))
        return false;
    q->is_durable = flags & FLAG_DURABLE;
    q->is_auto_delete = flags & FLAG_AUTO_DELETE;
    q->is_exclusive = flags & FLAG_EXCLUSIVE;
    q->owner = rd_uvarint64(head);
    q->policy = get_policy(head);
    q->created_ms = rd_varint64(head);
    q->altered_ms = rd_varint64(head);
    doors = rd_uvarint64(head);
    if (doors > DOOR_COUNT)
        return false;
    for (uint64_t d = 0; d < doors && !head->failed; d++)
        set_native(q, d, change_get_bytes(head));
    if (flags & FLAG_SHARED && (head->failed || !share_attach(e, q)))
        return false;
    return read_lanes(e, head, q) && read_fates(head, q);
}

enum err queue_apply_declared(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    uint64_t      id = rd_uvarint64(head);
    struct bytes  ns = change_get_bytes(head);
    struct bytes  name = change_get_bytes(head);
    struct queue *q;

    (void)payload;
    (void)position;
    if (head->failed || queue_by_id(e, id) || queue_find(e, ns, name))
        return ERR_CORRUPT;
    q = queue_new(e, ns, name);
    q->id = id;
    if (!read_declared(e, head, q)) {
        queue_free(e, q);
        return ERR_CORRUPT;
    }
    if (q->topic)
        list_push(&q->topic->queues, &q->in_topic);
    map_put(&e->queues, q->key.whole, q);
    idmap_put(&e->queues_id, id, q);
    if (id > e->last_id)
        e->last_id = id;
    row_touch(e, &q->row);
    return ERR_OK;
}

enum err queue_apply_altered(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct queue       *q = queue_by_id(e, rd_uvarint64(head));
    uint64_t            flags = rd_uvarint64(head);
    struct queue_policy policy = get_policy(head);
    int64_t             altered_ms = rd_varint64(head);
    uint64_t            door = rd_uvarint64(head);
    struct bytes        native = change_get_bytes(head);

    (void)payload;
    (void)position;
    if (head->failed || !q || door >= DOOR_COUNT)
        return ERR_CORRUPT;
    row_touch(e, &q->row);
    q->is_durable = flags & FLAG_DURABLE;
    if (!policy.is_ordered)
        queue_order_fini(q);
    q->policy = policy;
    q->altered_ms = altered_ms;
    set_native(q, door, native);
    return ERR_OK;
}

static void end_leases(struct queue *q)
{
    for (uint32_t i = 0; i < q->ledger.lane_count; i++)
        lane_each(&q->ledger.lanes[i], queue_let_go, q);
}

enum err queue_apply_deleted(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct queue *q = queue_by_id(e, rd_uvarint64(head));

    (void)payload;
    (void)position;
    if (!q)
        return ERR_CORRUPT;
    row_remove(e, &q->row);
    exchange_unbind_queue(e, q);
    end_leases(q);
    map_remove(&e->queues, q->key.whole);
    idmap_remove(&e->queues_id, q->id);
    queue_free(e, q);
    return ERR_OK;
}

/* ---- deleting ---- */

static void answer_waiters(struct engine *e, struct queue *q)
{
    while (!list_empty(&q->waiters))
        engine_answer(e, CONTAINER(q->waiters.next, struct call, parked), ERR_NO_QUEUE);
}

/* Everything but the rule for its topic. */
static void remove_queue(struct engine *e, struct queue *q)
{
    struct buf head;
    struct rd  r;
    enum err   err;

    buf_init(&head);
    buf_uvarint(&head, q->id);
    r = rd_of(buf_view(&head));
    engine_change(e, CHANGE_QUEUE_DELETED, &head, (struct slice){ 0 });
    /* After the change, so that nobody hears of it before it is on disk. */
    consumer_on_queue_deleted(e, q);
    answer_waiters(e, q);
    err = queue_apply_deleted(e, &r, bytes_of(NULL, 0), 0);
    assert(err == ERR_OK);
    (void)err;
    buf_fini(&head);
    exchange_sweep(e);
}

static void trim_all(struct engine *e, struct topic *t)
{
    for (uint32_t i = 0; i < t->log_count; i++)
        if (list_empty(&t->queues))
            retention_arm(e, t->logs[i]);
        else
            queue_trim(queue_in_topic(t->queues.next), i);
}

void queue_delete(struct engine *e, struct queue *q)
{
    struct topic *own = queue_own_topic(q);
    struct topic *t = q->topic;

    if (t && q->in_topic.next == q->in_topic.prev) /* the only one */
        queue_note_starts(e, t);
    remove_queue(e, q);
    if (own && own->policy.retention == RETAIN_UNTIL_SETTLED && list_empty(&own->queues))
        topic_delete(e, own);
    else if (t)
        trim_all(e, t);
}

void queue_on_topic_deleted(struct engine *e, struct topic *t)
{
    struct queue *q = queue_find(e, t->key.ns, t->key.name);

    if (q && q->topic == t)
        remove_queue(e, q);
    for (struct list *n = t->queues.next; n != &t->queues;) {
        struct queue *shared = queue_in_topic(n);

        n = n->next;
        if (shared->share)
            remove_queue(e, shared);
    }
}

void queue_detach_all(struct engine *e, struct topic *t)
{
    struct list *n;

    while ((n = list_pop(&t->queues)) != NULL) {
        struct queue *q = queue_in_topic(n);

        queue_touch(q);
        end_leases(q);
        timer_stop(&e->timers, &q->timer);
        timer_stop(&e->timers, &q->retention);
        queue_order_fini(q);
        ledger_detach(&q->ledger, FATE_EVICTED);
        q->topic = NULL;
    }
}

void queue_on_session_close(struct engine *e, struct session *s)
{
    queue_release_session(e, s);
    while (!list_empty(&s->queues))
        queue_delete(e, CONTAINER(s->queues.next, struct queue, in_session));
}

/* ---- after a restart, the end ---- */

/* The queues there are now, in an order that does not change while they are deleted. */
static uint64_t *all_ids(const struct engine *e, size_t *count)
{
    uint64_t     *ids = mem_new(e->queues.count * sizeof *ids);
    size_t        at = 0;
    struct queue *q;

    *count = 0;
    while ((q = map_next(&e->queues, &at)) != NULL)
        ids[(*count)++] = q->id;
    return ids;
}

static bool all_conserved(const struct engine *e)
{
    size_t        at = 0;
    struct queue *q;

    while ((q = map_next(&e->queues, &at)) != NULL)
        if (!ledger_is_conserved(&q->ledger)) {
            diag(DIAG_ERROR, "queue %.*s: the counts of its messages do not add up",
                 (int)q->key.name.len, (const char *)q->key.name.at);
            return false;
        }
    return true;
}

enum err queue_on_recovered(struct engine *e)
{
    size_t    count;
    uint64_t *ids;

    if (!all_conserved(e))
        return ERR_CORRUPT;
    ids = all_ids(e, &count);
    for (size_t i = 0; i < count; i++) {
        struct queue *q = queue_by_id(e, ids[i]);

        if (!q) /* went with another one's topic */
            continue;
        if (q->is_exclusive || !q->is_durable) {
            journal_begin_group(e->journal); /* with its topic */
            queue_delete(e, q);
            journal_end_group(e->journal);
            continue;
        }
        queue_release_bound(e, q);
        queue_expiry_begin(q);
        if (q->policy.is_ordered)
            queue_order_begin(q);
        queue_arm(q);
    }
    free(ids);
    queue_trim_recovered(e);
    exchange_on_recovered(e);
    return ERR_OK;
}

void queue_fini(struct engine *e)
{
    size_t        at = 0;
    struct queue *q;

    while ((q = map_next(&e->queues, &at)) != NULL) {
        q->consumer_count = 0;
        list_init(&q->waiters);
        queue_free(e, q);
    }
    map_fini(&e->queues);
    idmap_fini(&e->queues_id);
    held_pool_fini(&e->held);
    buf_fini(&e->spare);
}

/* ---- calls ---- */

static void view_of(struct call *c, const struct queue *q, struct queue_view *v)
{
    *v = (struct queue_view){
        .ns = call_bytes(c, q->key.ns),
        .name = call_bytes(c, q->key.name),
        .id = q->id,
        .topic = q->topic ? call_bytes(c, q->topic->key.name) : bytes_str("_deleted-topic_"),
        .is_durable = q->is_durable,
        .is_auto_delete = q->is_auto_delete,
        .owner = q->is_exclusive ? q->owner : 0,
        .policy = q->policy,
        .created_ms = q->created_ms,
        .altered_ms = q->altered_ms,
        .ready_count = q->ledger.ready_count,
        .leased_count = q->ledger.leased_count,
        .delayed_count = q->ledger.delayed_count,
        .consumer_count = q->consumer_count,
        .routed_count = q->ledger.routed,
    };
    memcpy(v->fates, q->ledger.fates, sizeof v->fates);
    if (q->topic)
        v->topic_uuid = q->topic->uuid;
    for (int d = 0; d < DOOR_COUNT; d++)
        v->native[d] = call_bytes(c, q->native[d]);
}

static void alter(struct engine *e, struct queue *q, bool is_durable,
                  const struct queue_policy *policy, enum door door, struct bytes native)
{
    struct buf head;

    buf_init(&head);
    buf_uvarint(&head, q->id);
    buf_uvarint(&head, is_durable ? FLAG_DURABLE : 0);
    put_policy(&head, policy);
    buf_varint(&head, e->now_ms);
    buf_uvarint(&head, door);
    change_put_bytes(&head, native);
    queue_commit(e, CHANGE_QUEUE_ALTERED, &head, queue_apply_altered);
    timer_stop(&e->timers, &q->retention);
    retention_arm_queue(q);
}

/* The queue is there already. A door that had nothing to do with it so far adds its own. */
static void redeclare(struct engine *e, struct queue_declare_call *a, struct queue *q)
{
    bool is_new_here = !a->is_passive && !q->native[a->door].at && a->native.at;

    a->existed = !is_new_here;
    queue_expiry_used(q);
    if (is_new_here)
        alter(e, q, q->is_durable || a->is_durable, &q->policy, a->door, a->native);
    view_of(&a->call, q, &a->view);
}

/* Where a new queue begins in a log: what all queues over a RETAIN_UNTIL_SETTLED topic have settled
 * is as good as gone. */
static uint64_t start_of(const struct queue_declare_call *a, const struct topic *t,
                         const struct log *l)
{
    uint64_t lowest = txn_log_stable(l);

    if (a->from_end)
        return lowest;
    if (t->policy.retention != RETAIN_UNTIL_SETTLED || list_empty(&t->queues))
        return l->start;
    for (struct list *n = t->queues.next; n != &t->queues; n = n->next) {
        uint64_t needs = queue_needs(queue_in_topic(n), l);

        lowest = needs < lowest ? needs : lowest;
    }
    return lowest > l->start ? lowest : l->start;
}

static struct queue *create(struct engine *e, const struct queue_declare_call *a, struct topic *t)
{
    struct lane *lanes = mem_new(t->log_count * sizeof *lanes);
    struct queue q = {
        .id = ++e->last_id,
        .key = { .ns = a->ns, .name = a->name },
        .topic = t,
        .ledger = { .lane_count = t->log_count, .lanes = lanes },
        .policy = a->policy,
        .is_durable = a->is_durable,
        .is_auto_delete = a->is_auto_delete,
        .is_exclusive = a->is_exclusive,
        .owner = a->is_exclusive ? a->call.session : 0,
        .created_ms = e->now_ms,
        .altered_ms = e->now_ms,
    };
    struct buf head;

    q.native[a->door] = a->native;
    for (uint32_t i = 0; i < t->log_count; i++) {
        lanes[i].next = start_of(a, t, t->logs[i]);
        q.began += lanes[i].next;
    }
    buf_init(&head);
    encode_declared(&head, &q);
    free(lanes);
    queue_commit(e, CHANGE_QUEUE_DECLARED, &head, queue_apply_declared);
    return queue_by_id(e, q.id);
}

static void name_shared(struct engine *e, struct buf *name, struct bytes ns, struct bytes group, const struct topic *t)
{
    buf_bytes(name, group);
    buf_str(name, "/");
    buf_bytes(name, t->key.name);
    if (queue_find(e, ns, buf_view(name)))
        buf_printf(name, "#%" PRIu64, e->last_id + 1);
}

struct queue *queue_make_shared(struct engine *e, struct bytes ns, struct bytes group, struct topic *t,
                                const uint64_t *starts)
{
    struct lane       *lanes = mem_new(t->log_count * sizeof *lanes);
    struct share_queue share = { 0 };
    struct buf         head;
    struct buf         name;
    struct queue       q = {
              .topic = t,
              .ledger = { .lane_count = t->log_count, .lanes = lanes },
              .share = &share,
              .is_durable = true,
              .created_ms = e->now_ms,
              .altered_ms = e->now_ms,
    };

    buf_init(&name);
    buf_init(&head);
    name_shared(e, &name, ns, group, t);
    q.id = ++e->last_id;
    q.key.ns = ns;
    q.key.name = buf_view(&name);
    q.native[DOOR_KAFKA] = group;
    for (uint32_t i = 0; i < t->log_count; i++) {
        lanes[i].next = starts[i];
        q.began += starts[i];
    }
    encode_declared(&head, &q);
    free(lanes);
    buf_fini(&name);
    queue_commit(e, CHANGE_QUEUE_DECLARED, &head, queue_apply_declared);
    return queue_by_id(e, q.id);
}

/* The lane begins again, so that what is routed is still the sum of where lanes end, but for where they began. */
enum err queue_apply_seeked(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct queue *q = queue_by_id(e, rd_uvarint64(head));
    uint64_t      index = rd_uvarint64(head);
    uint64_t      start = rd_uvarint64(head);
    struct lane  *lane;

    (void)payload;
    (void)position;
    if (head->failed || !q || index >= q->ledger.lane_count)
        return ERR_CORRUPT;
    lane = &q->ledger.lanes[index];
    if (start > lane->end)
        return ERR_CORRUPT;
    queue_touch(q);
    ledger_settle_range(lane, 0, lane->end, FATE_PURGED, true, queue_let_go, q);
    lane_reopen(lane, start);
    q->began -= lane->end - start;
    return ERR_OK;
}

void queue_seek(struct engine *e, struct queue *q, uint32_t lane, uint64_t start)
{
    struct buf head;

    buf_init(&head);
    buf_uvarint(&head, q->id);
    buf_uvarint(&head, lane);
    buf_uvarint(&head, start);
    queue_commit(e, CHANGE_QUEUE_SEEKED, &head, queue_apply_seeked);
    queue_check(q);
    queue_trim(q, lane);
    queue_mark_dirty(e, q);
}

static enum err find_or_create_topic(struct engine *e, const struct queue_declare_call *a,
                                     struct topic **out)
{
    const struct topic_policy until_settled = { .retention = RETAIN_UNTIL_SETTLED };
    bool                      is_own = bytes_is_null(a->topic);

    *out = topic_find(e, a->ns, is_own ? a->name : a->topic);
    if (!*out && is_own)
        *out = topic_create(e, a->ns, a->name, 1, &until_settled, a->is_exclusive, a->door,
                            bytes_of(NULL, 0));
    return *out ? ERR_OK : ERR_NO_TOPIC;
}

static enum err declare(struct engine *e, struct queue_declare_call *a)
{
    struct queue *q = queue_find(e, a->ns, a->name);
    struct topic *t;
    enum err      err;

    if (q) {
        if (!queue_is_locked(q, a->call.session))
            redeclare(e, a, q);
        else
            view_of(&a->call, q, &a->view);
        return queue_is_locked(q, a->call.session) ? ERR_LOCKED : ERR_OK;
    }
    if (a->is_passive)
        return ERR_NO_QUEUE;
    if (a->name.len == 0 || a->name.len > TOPIC_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (a->is_exclusive && a->call.session == 0)
        return ERR_BAD_ARGUMENT;
    err = find_or_create_topic(e, a, &t);
    if (err)
        return err;
    q = create(e, a, t);
    queue_expiry_begin(q);
    if (q->is_exclusive)
        list_push(&session_get(e, q->owner)->queues, &q->in_session); /* Q2 */
    view_of(&a->call, q, &a->view);
    return ERR_OK;
}

void queue_on_declare(struct engine *e, struct call *c)
{
    engine_answer(e, c, declare(e, (struct queue_declare_call *)c));
}

static enum err get_unlocked(struct engine *e, const struct call *c, struct bytes ns,
                             struct bytes name, struct queue **out)
{
    *out = queue_find(e, ns, name);
    if (!*out)
        return ERR_NO_QUEUE;
    return queue_is_locked(*out, c->session) ? ERR_LOCKED : ERR_OK;
}

void queue_on_delete(struct engine *e, struct call *c)
{
    struct queue_delete_call *a = (struct queue_delete_call *)c;
    struct queue             *q;
    enum err                  err = get_unlocked(e, c, a->ns, a->name, &q);

    if (!err && a->if_unused && q->consumer_count > 0)
        err = ERR_IN_USE;
    if (!err && a->if_empty && q->ledger.ready_count > 0)
        err = ERR_NOT_EMPTY;
    if (!err) {
        a->message_count = q->ledger.ready_count;
        queue_delete(e, q);
    }
    engine_answer(e, c, err);
}

void queue_on_purge(struct engine *e, struct call *c)
{
    struct queue_purge_call *a = (struct queue_purge_call *)c;
    struct queue            *q;
    struct buf               head;
    enum err                 err = get_unlocked(e, c, a->ns, a->name, &q);

    if (!err) {
        a->message_count = q->ledger.ready_count + q->ledger.delayed_count +
                           (a->leased_too ? q->ledger.leased_count : 0);
        buf_init(&head);
        buf_uvarint(&head, q->id);
        buf_uvarint(&head, a->leased_too);
        queue_commit(e, CHANGE_QUEUE_PURGED, &head, queue_apply_purged);
        for (uint32_t i = 0; i < q->ledger.lane_count; i++)
            queue_trim(q, i);
    }
    engine_answer(e, c, err);
}

void queue_on_alter(struct engine *e, struct call *c)
{
    struct queue_alter_call *a = (struct queue_alter_call *)c;
    struct queue            *q;
    enum err                 err = get_unlocked(e, c, a->ns, a->name, &q);

    if (!err) {
        a->policy.expires_ms = q->policy.expires_ms;
        a->policy.is_single_active = q->policy.is_single_active;
        alter(e, q, q->is_durable, &a->policy, a->door, a->native);
    }
    engine_answer(e, c, err);
}

static int by_name(const void *a, const void *b)
{
    const struct queue_view *x = a;
    const struct queue_view *y = b;

    return bytes_cmp(x->name, y->name);
}

static void get_all(struct engine *e, struct queue_get_call *a)
{
    size_t        at = 0;
    struct queue *q;

    a->views = arena_array(&a->call.arena, e->queues.count, sizeof *a->views);
    while ((q = map_next(&e->queues, &at)) != NULL)
        if (!q->is_exclusive && bytes_eq(q->key.ns, a->ns))
            view_of(&a->call, q, &a->views[a->count++]);
    if (a->count > 1)
        qsort(a->views, a->count, sizeof *a->views, by_name);
}

void queue_on_get(struct engine *e, struct call *c)
{
    struct queue_get_call *a = (struct queue_get_call *)c;
    struct queue          *q;
    enum err               err = ERR_OK;

    a->count = 0;
    if (bytes_is_null(a->name)) {
        get_all(e, a);
    } else if ((q = queue_find(e, a->ns, a->name)) != NULL) {
        a->views = arena_array(&a->call.arena, 1, sizeof *a->views);
        view_of(c, q, &a->views[a->count++]);
    } else {
        err = ERR_NO_QUEUE;
    }
    engine_answer(e, c, err);
}
