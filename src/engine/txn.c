/* txn.c - transactional ids: who may write, and to what; see txn.h. */
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum { STATE_BUMPS = 1 }; /* flag, on disk */

struct txn *txn_find(struct engine *e, struct bytes ns, struct bytes id)
{
    return map_get(&e->txns.ids, name_key_of(&e->scratch, ns, id));
}

/* ---- logs and groups that are part of it ---- */

/* Where the log is, or belongs. */
static size_t place_of(const struct txn_logs *logs, uint64_t log)
{
    size_t low = 0;
    size_t high = logs->count;

    if (high > 0 && logs->at[high - 1] < log)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (logs->at[middle] < log)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool txn_has_log(const struct txn *t, uint64_t log)
{
    size_t i = place_of(&t->logs, log);

    return i < t->logs.count && t->logs.at[i] == log;
}

bool txn_has_group(const struct txn *t, struct bytes group)
{
    for (size_t i = 0; i < t->groups.count; i++)
        if (bytes_eq(t->groups.at[i], group))
            return true;
    return false;
}

static void add_log(struct txn_logs *logs, uint64_t log)
{
    size_t i = place_of(logs, log);

    if (i < logs->count && logs->at[i] == log)
        return;
    if (logs->count == logs->cap) {
        logs->cap = logs->cap ? 2 * logs->cap : 4;
        logs->at = mem_resize(logs->at, logs->cap * sizeof *logs->at);
    }
    memmove(logs->at + i + 1, logs->at + i, (logs->count - i) * sizeof *logs->at);
    logs->at[i] = log;
    logs->count++;
}

static void add_group(struct txn *t, struct bytes group)
{
    struct txn_groups *g = &t->groups;

    if (txn_has_group(t, group))
        return;
    if (g->count == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 2;
        g->at = mem_resize(g->at, g->cap * sizeof *g->at);
    }
    g->at[g->count++] = bytes_of(mem_copy(group.at, group.len), group.len);
}

static void forget_parts(struct txn *t)
{
    for (size_t i = 0; i < t->groups.count; i++)
        free((void *)(uintptr_t)t->groups.at[i].at);
    free(t->groups.at);
    free(t->logs.at);
    t->groups = (struct txn_groups){ 0 };
    t->logs = (struct txn_logs){ 0 };
}

/* ---- memory and time ---- */

static void release(struct txn *t)
{
    txn_offsets_drop(t);
    row_remove(t->engine, &t->row);
    timer_stop(&t->engine->timers, &t->timer);
    forget_parts(t);
    name_key_fini(&t->key);
    free(t);
}

static void txn_free(struct txn *t)
{
    map_remove(&t->engine->txns.ids, t->key.whole);
    idmap_remove(&t->engine->txns.numbers, t->number);
    release(t);
}

static void forget(struct txn *t)
{
    struct buf head;

    buf_init(&head);
    buf_uvarint(&head, t->number);
    engine_change(t->engine, CHANGE_TXN_FORGOTTEN, &head, (struct slice){ 0 });
    buf_fini(&head);
    txn_free(t);
}

static void on_timer(struct timer *timer, int64_t now_ms)
{
    struct txn *t = CONTAINER(timer, struct txn, timer);

    (void)now_ms;
    if (t->state == TXN_ONGOING)
        txn_fence(t);
    else
        forget(t);
}

/* When its time is over, or our memory of it. */
static void arm(struct txn *t)
{
    int64_t due_ms = t->state == TXN_ONGOING ? t->started_ms + t->timeout_ms
                                             : t->updated_ms + TXN_FORGET_MS;

    t->timer.fire = on_timer;
    timer_start(&t->engine->timers, &t->timer, due_ms);
}

static struct txn *txn_new(struct engine *e, uint64_t number, struct bytes ns, struct bytes id)
{
    struct txn *t = mem_new(sizeof *t);

    row_init(&t->row, ROW_TXN);
    list_init(&t->offsets);
    name_key_init(&t->key, ns, id);
    t->engine = e;
    t->number = number;
    map_put(&e->txns.ids, t->key.whole, t);
    idmap_put(&e->txns.numbers, number, t);
    if (number > e->last_id)
        e->last_id = number;
    return t;
}

void txn_fini(struct engine *e)
{
    struct txn *t;
    size_t      at = 0;

    while ((t = idmap_next(&e->txns.numbers, &at)) != NULL)
        release(t);
    map_fini(&e->txns.ids);
    idmap_fini(&e->txns.numbers);
}

/* ---- TXN_STATE: n number, b ns, b id, n producer, n previous + 1, n epoch, n last epoch + 1,
 * n timeout, n state, n flags, t started, t updated, n logs, each n id, n groups, each b name ---- */

static void encode_state(struct buf *head, uint64_t number, struct bytes ns, struct bytes id,
                         const struct txn_next *next, int64_t updated_ms)
{
    buf_uvarint(head, number);
    change_put_bytes(head, ns);
    change_put_bytes(head, id);
    buf_uvarint(head, (uint64_t)next->producer);
    buf_uvarint(head, (uint64_t)(next->previous + 1));
    buf_uvarint(head, (uint64_t)next->epoch);
    buf_uvarint(head, (uint64_t)(next->last_epoch + 1));
    buf_uvarint(head, (uint64_t)next->timeout_ms);
    buf_uvarint(head, next->state);
    buf_uvarint(head, next->bumps ? STATE_BUMPS : 0);
    buf_varint(head, next->started_ms);
    buf_varint(head, updated_ms);
}

static bool read_state(struct rd *head, struct txn_next *next)
{
    uint64_t producer = rd_uvarint64(head);
    uint64_t previous = rd_uvarint64(head);
    uint64_t epoch = rd_uvarint64(head);
    uint64_t last_epoch = rd_uvarint64(head);
    uint64_t timeout_ms = rd_uvarint64(head);
    uint64_t state = rd_uvarint64(head);
    uint64_t flags = rd_uvarint64(head);

    *next = (struct txn_next){
        .producer = (int64_t)producer,
        .previous = (int64_t)previous - 1,
        .epoch = (int16_t)epoch,
        .last_epoch = (int16_t)((int64_t)last_epoch - 1),
        .timeout_ms = (int32_t)timeout_ms,
        .state = (enum txn_state)state,
        .bumps = flags & STATE_BUMPS,
        .started_ms = rd_varint64(head),
    };
    return !head->failed && producer <= INT64_MAX && previous <= INT64_MAX && epoch <= INT16_MAX &&
           last_epoch <= INT16_MAX && timeout_ms <= TXN_TIMEOUT_MS_MAX && state < TXN_STATE_COUNT;
}

static void read_parts(struct rd *head, struct txn *t)
{
    uint64_t count = rd_uvarint64(head);

    for (; count > 0 && !head->failed; count--)
        add_log(&t->logs, rd_uvarint64(head));
    for (count = rd_uvarint64(head); count > 0 && !head->failed; count--) {
        struct bytes group = change_get_bytes(head);

        if (!head->failed)
            add_group(t, group);
    }
}

static void take_state(struct txn *t, const struct txn_next *next)
{
    t->producer = next->producer;
    t->previous = next->previous;
    t->epoch = next->epoch;
    t->last_epoch = next->last_epoch;
    t->timeout_ms = next->timeout_ms;
    t->state = next->state;
    t->bumps = next->bumps;
    t->started_ms = next->started_ms;
}

enum err txn_apply_state(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    uint64_t        number = rd_uvarint64(head);
    struct bytes    ns = change_get_bytes(head);
    struct bytes    id = change_get_bytes(head);
    struct txn     *t = idmap_get(&e->txns.numbers, number);
    struct txn_next next;

    (void)payload;
    (void)position;
    if (!read_state(head, &next) || (!t && txn_find(e, ns, id)))
        return ERR_CORRUPT;
    if (!t)
        t = txn_new(e, number, ns, id);
    row_touch(e, &t->row);
    txn_offsets_drop(t);
    forget_parts(t);
    take_state(t, &next);
    t->updated_ms = rd_varint64(head);
    read_parts(head, t);
    if (t->producer > e->last_producer)
        e->last_producer = t->producer;
    arm(t);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

struct txn_next txn_next_of(const struct txn *t)
{
    return (struct txn_next){ t->producer,   t->previous, t->epoch, t->last_epoch,
                              t->timeout_ms, t->state,    t->bumps, t->started_ms };
}

static void set(struct engine *e, uint64_t number, struct bytes ns, struct bytes id,
                const struct txn_next *next)
{
    struct buf head;
    struct rd  r;
    enum err   err;

    buf_init(&head);
    encode_state(&head, number, ns, id, next, e->now_ms);
    buf_uvarint(&head, 0);
    buf_uvarint(&head, 0);
    engine_change(e, CHANGE_TXN_STATE, &head, (struct slice){ 0 });
    r = rd_of(buf_view(&head));
    err = txn_apply_state(e, &r, bytes_of(NULL, 0), 0);
    assert(err == ERR_OK);
    (void)err;
    buf_fini(&head);
}

void txn_set(struct txn *t, const struct txn_next *next)
{
    set(t->engine, t->number, t->key.ns, t->key.name, next);
}

void txn_make(struct engine *e, struct bytes ns, struct bytes id, const struct txn_next *next)
{
    set(e, ++e->last_id, ns, id, next);
}

static const struct txn *txn_of(const struct row *row)
{
    return CONTAINER(row, struct txn, row);
}

void txn_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, txn_of(row)->number);
}

void txn_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct txn     *t = txn_of(row);
    const struct txn_next now = txn_next_of(t);

    (void)e;
    encode_state(out, t->number, t->key.ns, t->key.name, &now, t->updated_ms);
    buf_uvarint(out, t->logs.count);
    for (size_t i = 0; i < t->logs.count; i++)
        buf_uvarint(out, t->logs.at[i]);
    buf_uvarint(out, t->groups.count);
    for (size_t i = 0; i < t->groups.count; i++)
        change_put_bytes(out, t->groups.at[i]);
}

/* ---- TXN_ADDED: n number, t when, n flags, n logs, each n id, n groups, each b name ---- */

enum err txn_apply_added(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct txn *t = idmap_get(&e->txns.numbers, rd_uvarint64(head));
    int64_t     when_ms = rd_varint64(head);
    uint64_t    flags = rd_uvarint64(head);

    (void)payload;
    (void)position;
    if (head->failed || !t)
        return ERR_CORRUPT;
    row_touch(e, &t->row);
    if (t->state != TXN_ONGOING)
        t->started_ms = when_ms;
    t->state = TXN_ONGOING;
    t->updated_ms = when_ms;
    t->bumps = flags & STATE_BUMPS;
    read_parts(head, t);
    arm(t);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err txn_add(struct txn *t, const struct txn_parts *parts)
{
    struct engine *e = t->engine;
    struct buf     head;
    struct rd      r;
    enum err       err;

    if (t->logs.count + parts->log_count > TXN_PARTITIONS_MAX ||
        (!bytes_is_null(parts->group) && t->groups.count == TXN_GROUPS_MAX) ||
        e->txns.aborted_count >= TXN_ABORTED_MAX)
        return ERR_LIMIT;
    buf_init(&head);
    buf_uvarint(&head, t->number);
    buf_varint(&head, e->now_ms);
    buf_uvarint(&head, parts->bumps ? STATE_BUMPS : 0);
    buf_uvarint(&head, parts->log_count);
    for (size_t i = 0; i < parts->log_count; i++)
        buf_uvarint(&head, parts->logs[i]);
    buf_uvarint(&head, !bytes_is_null(parts->group));
    if (!bytes_is_null(parts->group))
        change_put_bytes(&head, parts->group);
    engine_change(e, CHANGE_TXN_ADDED, &head, (struct slice){ 0 });
    r = rd_of(buf_view(&head));
    err = txn_apply_added(e, &r, bytes_of(NULL, 0), 0);
    assert(err == ERR_OK);
    buf_fini(&head);
    return err;
}

enum err txn_apply_forgotten(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct txn *t = idmap_get(&e->txns.numbers, rd_uvarint64(head));

    (void)payload;
    (void)position;
    if (head->failed || !t)
        return ERR_CORRUPT;
    txn_free(t);
    return ERR_OK;
}
