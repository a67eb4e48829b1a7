/* txn_call.c - who may write: CALL_TXN_INIT and CALL_TXN_ADD; and who does: CALL_TXN_LIST. See txn.h. */
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum { EPOCH_LAST = INT16_MAX - 1, NONE = -1 };

/* ---- CALL_TXN_INIT ---- */

static bool has_expected(const struct txn_init_call *a)
{
    return a->producer_id != NONE;
}

/* Whether it is, or was until its epochs were used up, the producer that it is said to be. */
static bool is_expected(const struct txn *t, const struct txn_init_call *a)
{
    return !has_expected(a) || a->producer_id == t->producer ||
           (a->producer_id == t->previous && a->producer_epoch >= EPOCH_LAST);
}

/* KIP-360: whoever names the latest epoch gets the next one; who names the one before did not hear of
 * the bump and gets the same again. */
static enum err bump(struct engine *e, const struct txn *t, const struct txn_init_call *a,
                     struct txn_next *next)
{
    bool is_latest = !has_expected(a) || a->producer_epoch == t->epoch;

    if (is_latest && t->epoch >= EPOCH_LAST) {
        next->previous = t->producer;
        next->producer = producer_new_id(e);
        next->epoch = 0;
        next->last_epoch = has_expected(a) ? t->epoch : NONE;
        return ERR_OK;
    }
    if (is_latest) {
        next->epoch = (int16_t)(t->epoch + 1);
        next->last_epoch = has_expected(a) ? t->epoch : NONE;
        return ERR_OK;
    }
    return a->producer_epoch == t->last_epoch ? ERR_OK : ERR_FENCED_PRODUCER;
}

static enum err check_init(const struct txn_init_call *a)
{
    if (a->id.len == 0 || a->id.len > TXN_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (a->timeout_ms <= 0 || a->timeout_ms > TXN_TIMEOUT_MS_MAX)
        return ERR_BAD_TXN_TIMEOUT;
    return ERR_OK;
}

static enum err make(struct engine *e, struct txn_init_call *a)
{
    struct txn_next next = { .previous = NONE, .last_epoch = NONE, .started_ms = NONE };

    if (e->txns.numbers.count >= TXN_IDS_MAX)
        return ERR_LIMIT;
    next.timeout_ms = a->timeout_ms;
    next.producer = producer_new_id(e);
    txn_make(e, a->ns, a->id, &next);
    return ERR_OK;
}

/* What is open is aborted first. Kafka makes the client ask again until that is done; here it is. */
static enum err renew(struct engine *e, struct txn *t, struct txn_init_call *a)
{
    struct txn_next next;
    enum err        err;

    if (!is_expected(t, a))
        return ERR_FENCED_PRODUCER;
    if (t->state == TXN_ONGOING)
        txn_fence(t);
    next = txn_next_of(t);
    err = bump(e, t, a, &next);
    if (err)
        return err;
    next.timeout_ms = a->timeout_ms;
    next.state = TXN_EMPTY;
    next.bumps = false;
    next.started_ms = NONE;
    txn_set(t, &next);
    return ERR_OK;
}

static enum err init(struct engine *e, struct txn_init_call *a)
{
    struct txn *t = txn_find(e, a->ns, a->id);
    enum err    err = check_init(a);

    if (!err)
        err = t ? renew(e, t, a) : make(e, a);
    if (err)
        return err;
    t = txn_find(e, a->ns, a->id);
    a->producer_id = t->producer;
    a->producer_epoch = t->epoch;
    return ERR_OK;
}

void txn_on_init(struct engine *e, struct call *c)
{
    engine_answer(e, c, init(e, (struct txn_init_call *)c));
}

/* ---- CALL_TXN_ADD ---- */

static enum err check_items(struct engine *e, struct txn_add_call *a)
{
    enum err     err = ERR_OK;
    struct log  *l;

    for (size_t i = 0; i < a->item_count; i++) {
        struct txn_partition *item = &a->items[i];

        item->err = read_find_log(e, a->ns, item->name, NULL, item->partition, &l);
        if (item->err)
            err = ERR_NO_TOPIC;
    }
    return err;
}

static struct log *log_of(struct engine *e, const struct txn_add_call *a, size_t i)
{
    struct log *l;
    enum err    err = read_find_log(e, a->ns, a->items[i].name, NULL, a->items[i].partition, &l);

    assert(err == ERR_OK); /* check_items */
    (void)err;
    return l;
}

static void show_members(struct engine *e, const struct txn *t, struct txn_add_call *a)
{
    for (size_t i = 0; i < a->item_count; i++)
        if (t->state != TXN_ONGOING || !txn_has_log(t, log_of(e, a, i)->id))
            a->items[i].err = ERR_NOT_IN_TXN;
}

static enum err add_new(struct engine *e, struct txn *t, struct txn_add_call *a)
{
    uint64_t        *logs = arena_array(&a->call.arena, a->item_count, sizeof *logs);
    struct txn_parts parts = { .logs = logs, .bumps = a->bumps };
    bool             is_ongoing = t->state == TXN_ONGOING;

    for (size_t i = 0; i < a->item_count; i++) {
        uint64_t log = log_of(e, a, i)->id;

        if (!is_ongoing || !txn_has_log(t, log))
            logs[parts.log_count++] = log;
    }
    if (!bytes_is_null(a->group) && !(is_ongoing && txn_has_group(t, a->group)))
        parts.group = a->group;
    if (is_ongoing && parts.log_count == 0 && bytes_is_null(parts.group))
        return ERR_OK;
    return txn_add(t, &parts);
}

static enum err add(struct engine *e, struct txn_add_call *a)
{
    struct txn *t = txn_find(e, a->ns, a->id);
    enum err    err = check_items(e, a);

    if (err)
        return err;
    if (!t || t->producer != a->producer_id)
        return ERR_UNKNOWN_PRODUCER;
    if (t->epoch != a->producer_epoch)
        return ERR_FENCED_PRODUCER;
    if (a->is_check) {
        show_members(e, t, a);
        return ERR_OK;
    }
    return add_new(e, t, a);
}

void txn_on_add(struct engine *e, struct call *c)
{
    engine_answer(e, c, add(e, (struct txn_add_call *)c));
}

/* ---- CALL_TXN_LIST ---- */

static void view_parts(struct call *c, const struct txn *t, struct txn_view *v)
{
    v->partitions = arena_array(&c->arena, t->logs.count, sizeof *v->partitions);
    for (size_t i = 0; i < t->logs.count; i++) {
        const struct log *l = idmap_get(&t->engine->logs, t->logs.at[i]);

        if (l)
            v->partitions[v->partition_count++] = (struct txn_partition){
                .name = call_bytes(c, l->topic->key.name), .partition = l->partition
            };
    }
}

static void view_of(struct call *c, const struct txn *t, struct txn_view *v)
{
    *v = (struct txn_view){
        .id = call_bytes(c, t->key.name),
        .state = t->state,
        .producer_id = t->producer,
        .producer_epoch = t->epoch,
        .timeout_ms = t->timeout_ms,
        .started_ms = t->started_ms,
    };
    view_parts(c, t, v);
}

static void view_named(struct engine *e, struct txn_list_call *a)
{
    a->view_count = a->id_count;
    a->views = arena_array(&a->call.arena, a->id_count, sizeof *a->views);
    for (size_t i = 0; i < a->id_count; i++) {
        const struct txn *t = txn_find(e, a->ns, a->ids[i]);

        if (t)
            view_of(&a->call, t, &a->views[i]);
        else
            a->views[i] = (struct txn_view){ .id = a->ids[i], .err = ERR_NO_TXN };
    }
}

static bool has_producer(const struct txn_list_call *a, int64_t producer)
{
    for (size_t i = 0; i < a->producer_count; i++)
        if (a->producers[i] == producer)
            return true;
    return a->producer_count == 0;
}

static bool is_wanted(const struct engine *e, const struct txn_list_call *a, const struct txn *t)
{
    return bytes_eq(t->key.ns, a->ns) && (a->states == 0 || a->states & 1u << t->state) &&
           has_producer(a, t->producer) &&
           (a->running_ms < 0 || e->now_ms - t->started_ms > a->running_ms);
}

static void view_all(struct engine *e, struct txn_list_call *a)
{
    const struct txn *t;
    size_t            at = 0;

    a->views = arena_array(&a->call.arena, e->txns.ids.count, sizeof *a->views);
    while ((t = map_next(&e->txns.ids, &at)) != NULL)
        if (is_wanted(e, a, t))
            view_of(&a->call, t, &a->views[a->view_count++]);
}

void txn_on_list(struct engine *e, struct call *c)
{
    struct txn_list_call *a = (struct txn_list_call *)c;

    if (a->ids)
        view_named(e, a);
    else
        view_all(e, a);
    engine_answer(e, c, ERR_OK);
}
