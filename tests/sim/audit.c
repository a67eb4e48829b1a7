/* audit.c - see audit.h: topics, logs and queues against the model. */
#include "audit.h"
#include "clients.h"
#include "model_group.h"
#include "model_keep.h"
#include "model_transact.h"
#include "model_txn.h"

#include <stdlib.h>

enum { READ_BYTES = 1 << 20 };

static const struct request_kind plain = { 0 };

/* ---- topics ---- */

static bool is_uuid(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->at, b->at, sizeof a->at) == 0;
}

static struct topic_get_item *find_topic(const struct topic_get_call *a, const struct m_topic *t)
{
    for (size_t i = 0; i < a->item_count; i++)
        if (bytes_eq_str(a->items[i].name, t->name) &&
            (!m_topic_has_uuid(t) || is_uuid(&t->uuid, &a->items[i].uuid)))
            return &a->items[i];
    return NULL;
}

static void check_topic_policy(struct world *w, struct m_topic *t, const struct topic_policy *now)
{
    bool is_undone = t->policy_in_doubt && m_topic_is_policy(now, &t->before);

    if (!is_undone && !m_topic_is_policy(now, &t->policy))
        violation(w, "definitions are as they were made", "topic %s has another policy", t->name);
    t->policy = *now;
    t->policy_in_doubt = false;
}

static void check_topic(struct world *w, struct m_topic *t, struct topic_get_call *a)
{
    struct topic_get_item *item = find_topic(a, t);

    if (t->is_doubtful)
        t->gone = item ? 0 : t->gone ? t->gone : t->made;
    t->is_doubtful = false;
    if (t->gone) {
        if (item && m_topic_has_uuid(t))
            violation(w, "what is deleted is gone", "topic %s is there again", t->name);
        return;
    }
    if (!item || item->view.partition_count != t->partition_count)
        violation(w, "what was made is there", "topic %s is not, or is another one", t->name);
    check_topic_policy(w, t, &item->view.policy);
    t->uuid = item->uuid;
    item->err = ERR_EXISTS; /* seen */
}

static bool check_topics(struct client *c)
{
    struct world          *w = c->world;
    struct request        *r = request_new(c, &plain, sizeof *r, CALL_TOPIC_GET,
                                           sizeof(struct topic_get_call));
    struct topic_get_call *a = (struct topic_get_call *)r->call;
    struct m_topic        *t;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->all = true;
    if (!request_ask(r))
        return false;
    for (size_t i = 0; (t = model_topic_at(w->model, i)) != NULL; i++)
        check_topic(w, t, a);
    for (size_t i = 0; i < a->item_count; i++)
        if (a->items[i].err != ERR_EXISTS)
            violation(w, "nothing is there that was never made", "topic %.*s",
                      (int)a->items[i].name.len, (const char *)a->items[i].name.at);
    request_free(r);
    return true;
}

/* ---- queues ---- */

static struct queue_view *find_queue(const struct queue_get_call *a, const struct m_queue *q)
{
    for (size_t i = 0; i < a->count; i++)
        if (bytes_eq_str(a->views[i].name, q->name) && (q->id == 0 || q->id == a->views[i].id))
            return &a->views[i];
    return NULL;
}

static bool is_policy(const struct queue_policy *a, const struct queue_policy *b)
{
    return a->lease_ms == b->lease_ms && a->delay_ms == b->delay_ms &&
           a->retention_ms == b->retention_ms && a->is_ordered == b->is_ordered;
}

/* From now on only one policy is in force. */
static void check_policy(struct world *w, struct m_queue *q, const struct queue_view *v)
{
    if (q->altered <= w->durable && !is_policy(&q->policy, &v->policy) && !q->policy_in_doubt)
        violation(w, "definitions are as they were made", "queue %s has another policy", q->name);
    q->policy_in_doubt = false;
    q->policy = v->policy;
    q->was_ordered &= v->policy.is_ordered;
    if (v->policy.lease_ms > 0)
        q->lease_low_ms = q->lease_high_ms = v->policy.lease_ms;
}

static void decide_queue(struct m_queue *q, const struct queue_view *v)
{
    q->gone = v ? 0 : q->gone ? q->gone : q->made;
    if (v)
        q->detached = !bytes_eq_str(v->topic, "_deleted-topic_") ? 0 : q->detached ? q->detached : 1;
}

static void check_queue(struct world *w, struct m_queue *q, const struct queue_get_call *a)
{
    const struct queue_view *v = find_queue(a, q);

    if (q->is_doubtful)
        decide_queue(q, v);
    q->is_doubtful = false;
    if (q->gone) {
        if (v && q->id != 0)
            violation(w, "what is deleted is gone", "queue %s is there again", q->name);
        return;
    }
    if (!v || bytes_eq_str(v->topic, "_deleted-topic_") != (q->detached != 0) ||
        (!q->detached && !bytes_eq_str(v->topic, q->topic->name)))
        violation(w, "what was made is there", "queue %s is not, or not as it was", q->name);
    q->id = v->id;
    check_policy(w, q, v);
}

static void check_counts(struct world *w, struct m_queue *q, const struct queue_get_call *a)
{
    if (!q->gone)
        model_check_counts(w->model, q, find_queue(a, q));
}

static bool each_queue(struct client *c,
                       void (*check)(struct world *w, struct m_queue *q,
                                     const struct queue_get_call *a))
{
    struct world          *w = c->world;
    struct request        *r = request_new(c, &plain, sizeof *r, CALL_QUEUE_GET,
                                           sizeof(struct queue_get_call));
    struct queue_get_call *a = (struct queue_get_call *)r->call;
    struct m_queue        *q;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    if (!request_ask(r))
        return false;
    for (size_t i = 0; (q = model_queue_at(w->model, i)) != NULL; i++)
        check(w, q, a);
    for (size_t i = 0; i < a->count; i++)
        if (!model_queue_by_id(w->model, a->views[i].id))
            violation(w, "nothing is there that was never made", "queue %.*s",
                      (int)a->views[i].name.len, (const char *)a->views[i].name.at);
    request_free(r);
    return true;
}

/* ---- logs ---- */

static void *new_read(struct client *c, const struct m_log *l, uint64_t offset)
{
    struct request   *r = request_new(c, &plain, sizeof *r, CALL_READ, sizeof(struct read_call));
    struct read_call *a = (struct read_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->bytes_max = READ_BYTES;
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct read_item);
    a->items->name = bytes_str(l->topic->name);
    a->items->partition = l->partition;
    a->items->offset = offset;
    a->items->bytes_max = READ_BYTES;
    return r;
}

/* Reads on from *next; *end is the end of the log. */
static bool read_some(struct client *c, struct m_log *l, uint64_t *next, uint64_t *end,
                      struct m_holes *holes)
{
    struct request         *r = new_read(c, l, *next);
    const struct read_item *item;

    if (!request_ask(r))
        return false;
    item = &((struct read_call *)r->call)->items[0];
    if (item->err == ERR_CORRUPT && c->world->may_be_damaged) {
        c->world->is_damaged = true;
        request_free(r);
        return false;
    }
    if (item->err == ERR_OUT_OF_RANGE && item->log_start > *next) { /* it goes on losing */
        *next = item->log_start;
        *end = item->high_watermark;
        request_free(r);
        return true;
    }
    if (item->err)
        violation(c->world, "acknowledged is there", "%s/%u cannot be read from %llu: %s",
                  l->topic->name, l->partition, (unsigned long long)*next, err_text(item->err));
    for (size_t i = 0; i < item->batch_count; i++) {
        holes_add(holes, *next, item->batches[i].base_offset);
        *next = model_see_batch(c->world->model, l, &item->batches[i], holes);
    }
    *end = item->high_watermark;
    if (item->batch_count == 0 && *next < *end) {
        holes_add(holes, *next, *end);
        *next = *end;
    }
    request_free(r);
    return true;
}

static bool find_start(struct client *c, const struct m_log *l, uint64_t *start)
{
    struct request           *r = request_new(c, &plain, sizeof *r, CALL_LIST_OFFSETS,
                                              sizeof(struct list_offsets_call));
    struct list_offsets_call *a = (struct list_offsets_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct list_offsets_item);
    a->items->name = bytes_str(l->topic->name);
    a->items->partition = l->partition;
    a->items->timestamp_ms = OFFSET_EARLIEST;
    if (!request_ask(r))
        return false;
    if (a->items->err)
        violation(c->world, "what was made is there", "%s/%u has no start: %s", l->topic->name,
                  l->partition, err_text(a->items->err));
    *start = (uint64_t)a->items->offset;
    request_free(r);
    return true;
}

static bool check_log(struct client *c, struct m_log *l)
{
    struct m_holes holes = { 0 };
    uint64_t       start;
    uint64_t       next;
    uint64_t       end;

    if (!find_start(c, l, &start))
        return false;
    next = start;
    do {
        if (!read_some(c, l, &next, &end, &holes)) {
            free(holes.at);
            return false;
        }
    } while (next < end);
    model_saw_all(c->world->model, l, start, end, &holes);
    return true;
}

static bool check_logs(struct client *c)
{
    struct m_topic *t;

    for (size_t i = 0; (t = model_topic_at(c->world->model, i)) != NULL; i++)
        for (uint32_t p = 0; m_topic_is(t) && p < t->partition_count; p++)
            if (!check_log(c, &t->logs[p]))
                return false;
    model_decide_batches(c->world->model);
    model_decide_transactions(c->world->model);
    if (!audit_txns(c))
        return false;
    model_decide_txns(c->world->model);
    return true;
}

static bool check_groups(struct client *c)
{
    for (unsigned i = 0; i < GROUPS; i++)
        if (!committer_look(c, i))
            return false;
    return true;
}

static bool check_users(struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        if (w->clients[i]->kind == &registrar_kind && !registrar_look(w->clients[i]))
            return false;
    return true;
}

bool audit_run(struct client *c)
{
    c->world->counts.audits++;
    if (!world_settle(c->world) || !check_topics(c) || !each_queue(c, check_queue) ||
        !audit_exchanges(c) || !check_groups(c) || !check_users(c->world) || !check_logs(c) ||
        !each_queue(c, check_counts))
        return false;
    model_check_attempts(c->world->model);
    return true;
}

const struct client_kind auditor_kind = {
    .name = "auditor",
    .size = sizeof(struct client),
};
