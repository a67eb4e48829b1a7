/*
 * quota.c - quotas: kept here, counted against at limits.h.
 *
 * Changes (docs/journal.md):
 *   QUOTA_SET  the entity: u8 presence of user, client id, address, each with its name when it has one; then how many
 *              limits, and of each its number and its value, a u64 with the bits of a double. None: it has no quota
 *              any more
 *
 *   QU1  QUOTA_SET says all of an entity. The bytes of the entity are its key here and its row's.
 *   QU2  What is counted against (limits.h) is what is here, always.
 *
 * Thread: the shard's.
 */
#include "engine/quota_calls.h"
#include "engine/engine_int.h"
#include "engine/queue_int.h"

#include <math.h>
#include <stdlib.h>

struct quota_row {
    struct row   row;
    struct bytes key; /* owned (QU1) */
    double       values[LIMIT_COUNT];
};

/* ---- bytes ---- */

static void put_entity(struct buf *out, const struct limit_entity *e)
{
    for (size_t i = 0; i < LIMIT_PART_COUNT; i++) {
        buf_u8(out, (uint8_t)e->presence[i]);
        change_put_bytes(out, e->presence[i] == LIMIT_NAMED ? e->names[i] : bytes_of(NULL, 0));
    }
}

/* Borrows from the head. */
static struct limit_entity get_entity(struct rd *head)
{
    struct limit_entity e;

    for (size_t i = 0; i < LIMIT_PART_COUNT; i++) {
        uint8_t presence = rd_u8(head);

        e.presence[i] = presence < LIMIT_PRESENCE_COUNT ? (enum limit_presence)presence : LIMIT_ABSENT;
        e.names[i] = change_get_bytes(head);
    }
    return e;
}

static void put_values(struct buf *out, const double values[LIMIT_COUNT])
{
    uint64_t count = 0, bits;

    for (size_t i = 0; i < LIMIT_COUNT; i++)
        count += values[i] > 0;
    buf_uvarint(out, count);
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        if (values[i] <= 0)
            continue;
        memcpy(&bits, &values[i], sizeof bits);
        buf_uvarint(out, i);
        buf_u64(out, bits);
    }
}

static void get_values(struct rd *head, double values[LIMIT_COUNT])
{
    uint64_t count = rd_uvarint64(head);

    for (uint64_t i = 0; i < count && !head->failed; i++) {
        uint64_t limit = rd_uvarint64(head);
        uint64_t bits = rd_u64(head);

        if (limit >= LIMIT_COUNT)
            rd_fail(head);
        else
            memcpy(&values[limit], &bits, sizeof bits);
    }
}

/* ---- objects ---- */

void quota_init(struct engine *e)
{
    map_init(&e->quotas);
    e->owns_limits = !e->options.limits;
    e->limits = e->owns_limits ? limits_new() : e->options.limits;
}

static void free_quota(struct engine *e, struct quota_row *q)
{
    row_remove(e, &q->row);
    free((void *)(uintptr_t)q->key.at);
    free(q);
}

void quota_fini(struct engine *e)
{
    struct quota_row *q;
    size_t            at = 0;

    while ((q = map_next(&e->quotas, &at)) != NULL)
        free_quota(e, q);
    map_fini(&e->quotas);
    if (e->owns_limits)
        limits_free(e->limits);
}

static struct quota_row *make(struct engine *e, struct bytes key)
{
    struct quota_row *q = mem_new(sizeof *q);

    row_init(&q->row, ROW_QUOTA);
    q->key = bytes_of(mem_copy(key.at, key.len), key.len);
    map_put(&e->quotas, q->key, q);
    return q;
}

static bool is_nothing(const double values[LIMIT_COUNT])
{
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (values[i] > 0)
            return false;
    return true;
}

enum err quota_apply_set(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    const uint8_t      *from = head->at;
    struct limit_entity entity = get_entity(head);
    struct bytes        key = bytes_of(from, (size_t)(head->at - from));
    double              values[LIMIT_COUNT] = { 0 };
    struct quota_row   *q;

    (void)payload;
    (void)position;
    get_values(head, values);
    if (head->failed)
        return ERR_CORRUPT;
    limits_set(e->limits, &entity, values); /* QU2 */
    q = map_get(&e->quotas, key);
    if (is_nothing(values)) {
        if (q) {
            map_remove(&e->quotas, q->key);
            free_quota(e, q);
        }
        return ERR_OK;
    }
    if (!q)
        q = make(e, key);
    row_touch(e, &q->row);
    memcpy(q->values, values, sizeof values);
    return ERR_OK;
}

/* ---- checkpoints ---- */

static const struct quota_row *of(const struct row *row)
{
    return CONTAINER(row, struct quota_row, row);
}

void quota_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_bytes(out, of(row)->key);
}

void quota_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    quota_row_key(e, row, out);
    put_values(out, of(row)->values);
}

/* ---- calls ---- */

/* An address has a quota for itself; users and clients have one alone or together. */
static enum err check(const struct quota_item *item)
{
    const struct limit_entity *e = &item->entity;
    bool has_address = e->presence[LIMIT_OF_ADDRESS] != LIMIT_ABSENT;
    bool has_client = e->presence[LIMIT_OF_USER] != LIMIT_ABSENT || e->presence[LIMIT_OF_CLIENT] != LIMIT_ABSENT;

    if (has_address == has_client)
        return ERR_BAD_ARGUMENT;
    for (size_t i = 0; i < LIMIT_PART_COUNT; i++)
        if (e->presence[i] == LIMIT_NAMED && (e->names[i].len == 0 || e->names[i].len > QUOTA_NAME_BYTES_MAX))
            return ERR_BAD_NAME;
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (item->sets[i] && (!isfinite(item->values[i]) || item->values[i] < 0 ||
                              (i == LIMIT_CONNECTIONS) != has_address))
            return ERR_BAD_ARGUMENT;
    return ERR_OK;
}

static enum err set(struct engine *e, const struct quota_item *item)
{
    double                  values[LIMIT_COUNT] = { 0 };
    const struct quota_row *q;
    struct buf              head;
    enum err                err = check(item);

    if (err)
        return err;
    buf_init(&head);
    put_entity(&head, &item->entity);
    q = map_get(&e->quotas, buf_view(&head));
    if (q)
        memcpy(values, q->values, sizeof values);
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (item->sets[i])
            values[i] = item->values[i];
    if (!q && (is_nothing(values) || e->quotas.count >= QUOTA_COUNT_MAX)) {
        buf_fini(&head);
        return is_nothing(values) ? ERR_OK : ERR_LIMIT;
    }
    put_values(&head, values);
    queue_commit(e, CHANGE_QUOTA_SET, &head, quota_apply_set);
    return ERR_OK;
}

void quota_on_set(struct engine *e, struct call *c)
{
    struct quotas_set_call *a = (struct quotas_set_call *)c;

    for (size_t i = 0; i < a->count; i++)
        a->items[i].err = set(e, &a->items[i]);
    engine_answer(e, c, ERR_OK);
}

static int by_entity(const void *a, const void *b)
{
    const struct quota_view *x = a, *y = b;

    for (size_t i = 0; i < LIMIT_PART_COUNT; i++) {
        int order = (int)x->entity.presence[i] - (int)y->entity.presence[i];

        if (order == 0 && x->entity.presence[i] == LIMIT_NAMED)
            order = bytes_cmp(x->entity.names[i], y->entity.names[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

void quota_on_get(struct engine *e, struct call *c)
{
    struct quotas_get_call *a = (struct quotas_get_call *)c;
    struct quota_row       *q;
    size_t                  at = 0;

    a->count = 0;
    a->quotas = arena_array(&c->arena, e->quotas.count + 1, sizeof *a->quotas);
    while ((q = map_next(&e->quotas, &at)) != NULL) {
        struct quota_view *v = &a->quotas[a->count++];
        struct rd          head = rd_of(call_bytes(c, q->key));

        v->entity = get_entity(&head);
        memcpy(v->values, q->values, sizeof v->values);
    }
    qsort(a->quotas, a->count, sizeof *a->quotas, by_entity);
    engine_answer(e, c, ERR_OK);
}
