/*
 * share_session.c - share sessions: a member says once which partitions it fetches from, and then only what changes.
 *
 *   SS1  A session begins with epoch 0, each request after it adds one (from the largest to 1), -1 ends it.
 *   SS2  It belongs to the connection that began it and ends with it. With it go the locks of its member, at once.
 *       A member has one at each place (share_calls.h), as it has one with each of Kafka's brokers.
 *   SS3  Beginning one again leaves the locks as they are: the member did not go away.
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

#include <stdlib.h>

enum { EPOCH_BEGIN = 0, EPOCH_END = -1 };

/* Valid until the scratch buffer is used again. */
static struct bytes key_of(const struct share_group *g, uint32_t place, struct bytes id)
{
    struct buf *scratch = &g->engine->scratch;

    buf_clear(scratch);
    buf_u32(scratch, place);
    buf_bytes(scratch, id);
    return buf_view(scratch);
}

struct share_holder *share_holder_find(const struct share_group *g, uint32_t place, struct bytes id)
{
    return map_get(&g->holders, key_of(g, place, id));
}

void share_holder_free(struct share_holder *h)
{
    list_remove(&h->in_session);
    bytes_replace(&h->key, (struct bytes){ 0 });
    free(h->parts);
    free(h);
}

void share_holder_drop(struct share_holder *h)
{
    if (h->is_pinned || h->has_session || h->lease_count > 0)
        return;
    map_remove(&h->group->holders, h->key);
    share_holder_free(h);
}

static struct share_holder *holder_get(struct share_group *g, uint32_t place, struct bytes id)
{
    struct share_holder *h = share_holder_find(g, place, id);

    if (h)
        return h;
    h = mem_new(sizeof *h);
    h->group = g;
    list_init(&h->leases);
    list_init(&h->in_session);
    bytes_replace(&h->key, key_of(g, place, id));
    h->id = bytes_of(h->key.at + sizeof place, id.len);
    map_put(&g->holders, h->key, h);
    return h;
}

static void release_all(struct share_holder *h)
{
    struct queue_writer w;

    writer_init(&w, h->group->engine);
    while (!list_empty(&h->leases)) {
        struct held  *held = CONTAINER(h->leases.next, struct held, in_holder);
        struct queue *q = CONTAINER(held_lane(held)->ledger, struct queue, ledger);

        queue_release_held(&w, q, held, false);
        queue_mark_dirty(h->group->engine, q);
    }
    writer_fini(&w);
}

void share_holder_end(struct share_holder *h)
{
    h->is_pinned = true;
    release_all(h);
    h->is_pinned = false;
    h->has_session = false;
    share_holder_drop(h);
}

static struct share_holder *holder_of(const struct share_group *g, struct bytes id)
{
    struct share_holder *h;
    size_t               at = 0;

    while ((h = map_next(&g->holders, &at)) != NULL)
        if (bytes_eq(h->id, id))
            return h;
    return NULL;
}

void share_holders_end(struct share_group *g, struct bytes id)
{
    struct share_holder *h;

    while ((h = holder_of(g, id)) != NULL)
        share_holder_end(h);
}

void share_on_session_close(struct session *s)
{
    while (!list_empty(&s->shares))
        share_holder_end(CONTAINER(s->shares.next, struct share_holder, in_session));
}

/* ---- partitions ---- */

static int compare(const struct share_part *a, const struct share_part *b)
{
    int order = memcmp(&a->uuid, &b->uuid, sizeof a->uuid);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* The place of p in the order of them, and whether it is there. */
static size_t find_part(const struct share_holder *h, const struct share_part *p, bool *is_there)
{
    size_t from = 0;
    size_t to = h->part_count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (compare(&h->parts[middle], p) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *is_there = from < h->part_count && compare(&h->parts[from], p) == 0;
    return from;
}

static enum err add_part(struct share_holder *h, const struct share_part *p)
{
    bool   is_there;
    size_t i = find_part(h, p, &is_there);

    if (is_there)
        return ERR_OK;
    if (h->part_count >= SHARE_PARTS_MAX)
        return ERR_LIMIT;
    if (h->part_count == h->part_cap) {
        h->part_cap = h->part_cap ? 2 * h->part_cap : 4;
        h->parts = mem_resize(h->parts, h->part_cap * sizeof *h->parts);
    }
    memmove(&h->parts[i + 1], &h->parts[i], (h->part_count++ - i) * sizeof *h->parts);
    h->parts[i] = *p;
    return ERR_OK;
}

static void remove_part(struct share_holder *h, const struct share_part *p)
{
    bool   is_there;
    size_t i = find_part(h, p, &is_there);

    if (!is_there)
        return;
    h->part_count--;
    memmove(&h->parts[i], &h->parts[i + 1], (h->part_count - i) * sizeof *h->parts);
}

static enum err take_parts(struct share_holder *h, const struct share_fetch_call *a)
{
    enum err err = ERR_OK;

    for (size_t i = 0; !err && i < a->item_count; i++)
        err = add_part(h, &a->items[i].part);
    for (size_t i = 0; i < a->forgotten_count; i++)
        remove_part(h, &a->forgotten[i]);
    return err;
}

/* ---- epochs ---- */

static bool has_acks(const struct share_fetch_call *a)
{
    for (size_t i = 0; i < a->item_count; i++)
        if (a->items[i].ack_count > 0)
            return true;
    return false;
}

static enum err begin(struct share_group *g, struct share_fetch_call *a, struct share_holder **out)
{
    struct share_holder *h;

    if (a->call.kind == CALL_SHARE_ACKNOWLEDGE)
        return ERR_ILLEGAL_GENERATION;
    if (has_acks(a))
        return ERR_BAD_ARGUMENT;
    if (!share_holder_find(g, a->place, a->member_id) && g->holders.count >= SHARE_SESSIONS_MAX)
        return ERR_LIMIT;
    h = holder_get(g, a->place, a->member_id);
    h->has_session = true;
    h->part_count = 0;
    h->epoch = 1;
    list_remove(&h->in_session);
    if (a->call.session)
        list_push(&session_get(g->engine, a->call.session)->shares, &h->in_session);
    *out = h;
    return take_parts(h, a);
}

enum err share_session_step(struct share_group *g, struct share_fetch_call *a, struct share_holder **out)
{
    struct share_holder *h = share_holder_find(g, a->place, a->member_id);

    *out = NULL;
    if (a->epoch == EPOCH_BEGIN)
        return begin(g, a, out);
    if (!h || !h->has_session)
        return ERR_UNKNOWN_MEMBER;
    *out = h;
    if (a->epoch == EPOCH_END)
        return ERR_OK;
    if (a->epoch != h->epoch)
        return ERR_ILLEGAL_GENERATION;
    h->epoch = h->epoch == INT32_MAX ? 1 : h->epoch + 1;
    return a->call.kind == CALL_SHARE_ACKNOWLEDGE ? ERR_OK : take_parts(h, a);
}
