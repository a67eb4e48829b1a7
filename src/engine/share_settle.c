/*
 * share_settle.c - acknowledgements of a share group's members: accept, release, reject, renew.
 *
 *   SA1  Those of one partition in one request are checked together; if one is wrong, none is carried out. What lies
 *        below the start offset is settled already and no error.
 *   SA2  A rejected record goes to the dead letter topic, which needs its bytes. When they are cold, the request
 *        waits at
 *        this place; what is before it is done. Whoever is answered can rely on it.
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

struct settling {
    struct share_holder *holder;
    struct queue        *queue;
    struct lane         *lane;
    struct queue_writer  w;
    int64_t              deadline_ms; /* of what is renewed */
    bool                 has_released;
};

static int8_t type_of(const struct share_ack *a, uint64_t offset)
{
    return a->types[a->type_count == 1 ? 0 : offset - (uint64_t)a->first];
}

static bool is_his(const struct share_holder *h, const struct held *held)
{
    return held && held->state == HELD_LEASED && held->holder == h;
}

/* ---- checking (SA1) ---- */

static bool is_sound(const struct share_ack *a, int64_t after, int8_t most)
{
    if (a->first <= after || a->last < a->first || a->type_count == 0)
        return false;
    if (a->type_count > 1 && a->type_count - 1 != (uint64_t)(a->last - a->first))
        return false;
    for (size_t i = 0; i < a->type_count; i++)
        if (a->types[i] < SHARE_GAP || a->types[i] > most)
            return false;
    return true;
}

static uint64_t first_open(const struct lane *l, const struct share_ack *a)
{
    uint64_t floor = lane_floor(l);

    return floor > (uint64_t)a->first ? floor : (uint64_t)a->first;
}

static enum err check_ack(const struct settling *s, const struct share_ack *a)
{
    if ((uint64_t)a->last >= s->lane->end)
        return ERR_BAD_ARGUMENT;
    for (uint64_t o = first_open(s->lane, a); o <= (uint64_t)a->last; o++)
        if (!is_his(s->holder, ledger_find(s->lane, o)))
            return ERR_NO_LEASE;
    return ERR_OK;
}

static enum err check(const struct settling *s, const struct share_item *item, bool renews)
{
    bool     may_renew = renews && share_policy(s->holder->group)->takes_renewals;
    int64_t  after = -1;
    enum err err = ERR_OK;

    for (size_t i = 0; i < item->ack_count; i++) {
        if (!is_sound(&item->acks[i], after, may_renew ? SHARE_RENEW : SHARE_REJECT))
            return ERR_BAD_ARGUMENT;
        after = item->acks[i].last;
    }
    for (size_t i = 0; !err && i < item->ack_count; i++)
        err = check_ack(s, &item->acks[i]);
    return err;
}

/* ---- carrying out ---- */

/* False: SA2. */
static bool act(struct settling *s, struct held *h, int8_t type)
{
    switch (type) {
    case SHARE_RELEASE:
        queue_release_held(&s->w, s->queue, h, true);
        s->has_released = true;
        return true;
    case SHARE_REJECT:
        return share_give_up(&s->w, s->queue, h, true) != LOG_COLD;
    case SHARE_RENEW:
        queue_extend_held(&s->w, s->queue, h, s->deadline_ms);
        return true;
    default: /* accepted; or a gap that the client found, where nothing can be done any more */
        queue_settle_held(&s->w, s->queue, h, FATE_ACKED);
        return true;
    }
}

/* False: SA2. Whose lock has run out while others were waited for is passed over. */
static bool carry_out(struct settling *s, const struct share_ack *a, uint64_t *offset)
{
    for (; *offset <= (uint64_t)a->last; ++*offset) {
        struct held *h = ledger_find(s->lane, *offset);

        if (is_his(s->holder, h) && !act(s, h, type_of(a, *offset)))
            return false;
    }
    return true;
}

static bool carry_out_all(struct settling *s, const struct share_item *item, struct share_place *place)
{
    for (; place->ack < item->ack_count; place->ack++) {
        const struct share_ack *a = &item->acks[place->ack];

        if (place->offset == 0)
            place->offset = first_open(s->lane, a);
        if (!carry_out(s, a, &place->offset))
            return false;
        place->offset = 0;
    }
    return true;
}

bool share_settle(struct share_holder *h, struct queue *q, const struct share_item *item, bool renews,
                  struct share_place *place, enum err *err)
{
    struct engine  *e = q->engine;
    struct settling s = { .holder = h, .queue = q, .lane = &q->ledger.lanes[item->part.partition] };
    bool            is_done;

    *err = place->is_checked ? ERR_OK : check(&s, item, renews);
    if (*err)
        return true;
    place->is_checked = true;
    s.deadline_ms = e->now_ms + share_policy(h->group)->lock_ms;
    writer_init(&s.w, e);
    is_done = carry_out_all(&s, item, place);
    writer_fini(&s.w);
    queue_check(q);
    queue_trim(q, item->part.partition);
    queue_arm(q);
    if (s.has_released)
        queue_mark_dirty(e, q);
    return is_done;
}
