/*
 * copier.c - see clients.h: consumes, transforms, produces and commits in one transaction, as Kafka
 * Streams does; here the transformation is that a record becomes another one, of which the model knows
 * what it is a copy of. Two of them share their transactional id: each that begins fences the other.
 *
 *     renew -> ask for the position -> read on from there -> write, offer the new position, commit
 *       ^                 ^                                              |  |
 *       |                 `---------------- aborted ---------------------'  |
 *       `------------------- refused, lost, or left alone ------------------'
 */
#include "clients.h"
#include "model_copy.h"
#include "pen.h"

enum { TIMEOUT_MS_MIN = 500, TIMEOUT_MS_MAX = 30000, READ_BYTES_MAX = 4000 };

struct copier {
    struct client client;
    struct pen    pen;
    bool          has_position;
    uint64_t      position; /* in the source */
    uint64_t      next;     /* the same when what is being written is committed */
    uint64_t      stable;   /* of the source, when it was read last */
    bool          is_written; /* what was read last */
    uint64_t      sources[COPY_RECORDS_MAX];
    size_t        source_count; /* read, and not written yet */
};

static struct model *model_of(const struct copier *me)
{
    return me->client.world->model;
}

/* ---- the position ---- */

static void on_position(struct request *r)
{
    struct copier            *me = (struct copier *)r->client;
    const struct offset_item *item = ((const struct offsets_get_call *)r->call)->items;

    if (item->err == ERR_UNSTABLE_OFFSET) /* of a transaction that was left alone; it is asked again */
        return;
    if (r->call->err || item->err)
        violation(r->client->world, "everybody can look at offsets", "%s, %s",
                  err_text(r->call->err), err_text(item->err));
    me->has_position = true;
    me->position = item->offset < 0 ? 0 : (uint64_t)item->offset;
    me->next = me->position;
    me->stable = UINT64_MAX;
}

static void ask_position(struct copier *me)
{
    static const struct request_kind kind = { .on_answer = on_position };
    struct request          *r = request_new(&me->client, &kind, sizeof *r, CALL_OFFSETS_GET,
                                             sizeof(struct offsets_get_call));
    struct offsets_get_call *a = (struct offsets_get_call *)r->call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->group = bytes_str(COPY_GROUP);
    a->stable_only = true;
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct offset_item);
    a->items->name = bytes_str(COPY_SOURCE);
    request_send(r);
}

/* ---- reading ---- */

/* Whole batches, as long as there is room for their records. */
static void take(struct copier *me, const struct m_log *l, uint64_t from, uint64_t end)
{
    if (me->source_count + (end - from) > COPY_RECORDS_MAX)
        return;
    for (uint64_t offset = from; offset < end; offset++)
        if (model_is_source(model_of(me), m_log_id(l, offset)))
            me->sources[me->source_count++] = m_log_id(l, offset);
    me->next = end;
}

static void on_read(struct request *r)
{
    struct copier          *me = (struct copier *)r->client;
    const struct read_item *item = ((const struct read_call *)r->call)->items;
    struct m_topic         *t = model_topic(model_of(me), COPY_SOURCE);
    struct m_holes          holes = { 0 };

    if (item->err)
        violation(r->client->world, "what is committed can be read", "%s/0 from %llu: %s",
                  COPY_SOURCE, (unsigned long long)item->offset, err_text(item->err));
    me->stable = item->stable;
    model_see_committed(model_of(me), &t->logs[0], item, &holes);
    model_check_holes(model_of(me), &t->logs[0], &holes);
    for (size_t i = 0; i < item->batch_count; i++) {
        struct batch_head head;

        if (batch_head(item->batches[i].bytes.bytes, &head) == ERR_OK &&
            item->batches[i].base_offset == me->next)
            take(me, &t->logs[0], me->next, me->next + (uint64_t)head.last_offset_delta + 1);
    }
}

static void read_on(struct copier *me)
{
    static const struct request_kind kind = { .on_answer = on_read };
    struct request   *r = request_new(&me->client, &kind, sizeof *r, CALL_READ,
                                      sizeof(struct read_call));
    struct read_call *a = (struct read_call *)r->call;

    me->next = me->position;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->committed_only = true;
    a->bytes_max = (uint32_t)draw_skewed(&me->client.world->draw, READ_BYTES_MAX);
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct read_item);
    a->items->name = bytes_str(COPY_SOURCE);
    a->items->bytes_max = a->bytes_max;
    a->items->offset = me->position;
    request_send(r);
}

/* ---- writing ---- */

/* What was read may be nothing but what nobody is shown: the position goes on all the same. */
static void write_copies(struct copier *me)
{
    struct draw             *d = &me->client.world->draw;
    struct m_topic          *t = model_topic(model_of(me), COPY_TARGET);
    const struct offset_item item = { .name = bytes_str(COPY_SOURCE),
                                      .offset = (int64_t)me->next,
                                      .leader_epoch = -1 };

    pen_begin(&me->pen);
    for (size_t i = 0; i < me->source_count;) {
        size_t          left = me->source_count - i;
        size_t          n = me->pen.txn->batch_count + 1 == TXN_BATCHES_MAX ? left : draw_range(d, 1, left);
        struct m_batch *b = model_new_batch(model_of(me), (uint32_t)n);

        model_note_copies(b, me->sources + i);
        pen_append(&me->pen, t, 0, b);
        i += n;
    }
    pen_offer(&me->pen, COPY_GROUP, &item, PEN_NO_GROUP);
    me->source_count = 0;
    me->is_written = true;
}

static void begin_anew(struct copier *me)
{
    struct draw *d = &me->client.world->draw;

    me->has_position = false;
    me->is_written = false;
    me->source_count = 0;
    pen_renew(&me->pen, TXN_ID_COPY, draw_one_in(d, 2),
              (int32_t)draw_range(d, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX));
}

/* All its calls are answered, or lost. It is committed when they went well, and not before that is known:
 * a batch that was refused for want of space would be left out. */
static void end(struct copier *me)
{
    struct world *w = me->client.world;
    bool          is_calm = w->is_drained;

    if (me->pen.has_asked && (is_calm || !draw_one_in(&w->draw, 8)))
        pen_end(&me->pen, me->pen.asked_commit);
    else if (me->pen.has_asked || me->pen.is_spoiled || (!is_calm && draw_one_in(&w->draw, 10)))
        begin_anew(me);
    else
        pen_end(&me->pen, is_calm || !draw_one_in(&w->draw, 6));
    if (!me->pen.asked_commit) {
        me->has_position = false;
        me->is_written = false;
    }
}

static void step(struct client *c)
{
    struct copier *me = (struct copier *)c;

    if (c->out > 0)
        return;
    if (me->pen.txn) {
        end(me);
    } else if (me->pen.init == 0 || (!c->world->is_drained && draw_one_in(&c->world->draw, 30))) {
        begin_anew(me);
    } else if (!me->has_position) {
        ask_position(me);
    } else if (me->is_written) { /* and committed */
        me->is_written = false;
        me->position = me->next;
    } else if (me->next > me->position) {
        write_copies(me);
    } else {
        read_on(me);
    }
}

bool copier_is_done(const struct client *c)
{
    const struct copier *me = (const struct copier *)c;

    return me->has_position && !me->is_written && !me->pen.txn && me->position == me->stable;
}

static void begin(struct client *c)
{
    pen_init(&((struct copier *)c)->pen, c);
}

const struct client_kind copier_kind = {
    .name = "copier",
    .size = sizeof(struct copier),
    .begin = begin,
    .step = step,
};
