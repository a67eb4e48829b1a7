/*
 * writer.c - see clients.h: writes to several logs and offsets of groups in transactions, of both
 * versions of the protocol. Two of them share two transactional ids, so that they fence each other;
 * some transactions are aborted, some left alone until their time is over.
 */
#include "clients.h"
#include "model_group.h"
#include "pen.h"

enum { PARTS_MAX = 4, RECORDS_MAX = 4, TIMEOUT_MS_MIN = 300, TIMEOUT_MS_MAX = 30000 };

struct writer {
    struct client client;
    struct pen    pen;
    int64_t       silent_until_ms;
};

static void renew(struct writer *me)
{
    struct draw *d = &me->client.world->draw;

    pen_renew(&me->pen, (unsigned)draw_below(d, TXN_ID_COPY), draw_one_in(d, 2),
              (int32_t)draw_range(d, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX));
}

static void append(struct writer *me)
{
    struct world   *w = me->client.world;
    struct m_topic *t = model_any_topic(w->model);
    uint32_t        count = w->plan.has[HAS_BATCHES] ? (uint32_t)draw_range(&w->draw, 1, RECORDS_MAX) : 1;

    if (!t || !m_topic_has_uuid(t) || t->is_private || me->pen.txn->batch_count == TXN_BATCHES_MAX)
        return;
    pen_append(&me->pen, t, (uint32_t)draw_below(&w->draw, t->partition_count),
               model_new_batch(w->model, count));
}

static void offer(struct writer *me)
{
    struct world      *w = me->client.world;
    unsigned           group = (unsigned)draw_below(&w->draw, GROUPS);
    struct call        named = { 0 };
    struct offset_item item = { 0 };

    if (!w->plan.has[HAS_GROUPS] || me->pen.txn->offer_count + PARTS_MAX > TXN_OFFERS_MAX)
        return;
    arena_init(&named.arena);
    draw_offset(w, &named, &item);
    pen_offer(&me->pen, group_name(group), &item, group);
    arena_fini(&named.arena);
}

/* Some parts of the transaction, all at once; its end may follow at their heels. */
static void write_some(struct writer *me)
{
    struct draw *d = &me->client.world->draw;

    for (uint64_t n = draw_range(d, 1, PARTS_MAX); n > 0; n--)
        if (draw_one_in(d, 4))
            offer(me);
        else
            append(me);
    if (me->pen.out > 0 && draw_one_in(d, 3))
        pen_end(&me->pen, !draw_one_in(d, 4));
}

/* What is open is ended, goes on, or is left alone. */
static void go_on(struct writer *me)
{
    struct world *w = me->client.world;

    if (me->pen.is_spoiled && draw_one_in(&w->draw, 2))
        renew(me);
    else if (me->pen.is_spoiled)
        pen_end(&me->pen, false);
    else if (draw_one_in(&w->draw, 8))
        me->silent_until_ms = w->now_ms + (int64_t)draw_below(&w->draw, (uint64_t)(2 * me->pen.timeout_ms));
    else if (draw_one_in(&w->draw, 4) && me->pen.txn->batch_count + PARTS_MAX <= TXN_BATCHES_MAX)
        write_some(me);
    else if (me->pen.acked > 0)
        pen_end(&me->pen, !draw_one_in(&w->draw, 4));
    else
        write_some(me);
}

static void step(struct client *c)
{
    struct writer *me = (struct writer *)c;
    struct draw   *d = &c->world->draw;

    if (c->out > 0 || c->world->now_ms < me->silent_until_ms)
        return;
    if (me->pen.init == 0 || draw_one_in(d, 20)) {
        renew(me);
    } else if (!me->pen.txn) {
        pen_begin(&me->pen);
        write_some(me);
    } else if (me->pen.has_asked && !draw_one_in(d, 8)) {
        pen_end(&me->pen, me->pen.asked_commit);
    } else if (me->pen.has_asked) {
        renew(me);
    } else {
        go_on(me);
    }
}

static void begin(struct client *c)
{
    pen_init(&((struct writer *)c)->pen, c);
}

const struct client_kind writer_kind = {
    .name = "writer",
    .size = sizeof(struct writer),
    .begin = begin,
    .step = step,
};
