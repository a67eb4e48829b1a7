/*
 * producer.c - see clients.h: appends batches to partitions, as Kafka's clients do.
 *
 * With sequence numbers each log is a line of batches: sent in order, a few at a time, and sent
 * again, the same bytes with the same numbers, until an answer says that they are there. A log
 * forgets a producer that was silent for a day, so what is not there by then is given up, and the
 * producer begins anew under another identity. Without, a batch is sent once, whatever comes of it.
 */
#include "clients.h"
#include "model_keep.h"
#include "base/mem.h"

#include <stdlib.h>

#define PATIENCE_MS (23 * 3600 * INT64_C(1000))

enum { LINES_MAX = 3, LINE_MAX = 4, OUT_MAX = 4, RECORDS_MAX = 5 };

struct line_batch {
    struct m_batch *batch;
    int32_t         sequence;
    bool            is_out;
    int64_t         sent_ms; /* last; 0: not yet */
};

struct line {
    struct m_topic   *topic; /* NULL: not used */
    uint32_t          partition;
    int32_t           next_sequence;
    struct line_batch at[LINE_MAX]; /* oldest first, none of them known to be there */
    size_t            count;
    size_t            out;
    bool              must_wait; /* one failed: nothing new before all have come back */
    bool              has_begun; /* the log knows the producer: from then on it sees gaps, */
    int64_t           begun_ms;  /* for a day after this */
};

struct producer {
    struct client client;
    int64_t       id; /* -1: none yet */
    int16_t       epoch;
    bool          is_asking;
    struct line   lines[LINES_MAX];
};

struct appending {
    struct request  request;
    struct m_batch *batch;
    struct line    *line; /* NULL: sent once */
    bool            has_topic;
    bool            lacks_key; /* and the topic wants one */
};

/* ---- one batch ---- */

static void on_submit(struct request *r)
{
    struct appending *a = (struct appending *)r;
    struct m_target  *t = &a->batch->targets[0];
    struct m_topic   *now = model_topic(r->client->world->model, t->topic->name);

    a->has_topic = a->line ? m_topic_is(t->topic) : now != NULL;
    if (!a->line && now)
        t->topic = now;
    a->lacks_key = a->has_topic && m_topic_refuses(r->client->world->model, t->topic, a->batch);
    model_sent(r->client->world->model, a->batch, r->number);
}

static struct line_batch *find(struct line *l, const struct m_batch *b)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->at[i].batch == b)
            return &l->at[i];
    return NULL;
}

static void finish(struct line *l, const struct m_batch *b)
{
    size_t i = 0;

    while (l->at[i].batch != b)
        i++;
    l->count--;
    memmove(l->at + i, l->at + i + 1, (l->count - i) * sizeof l->at[0]);
}

static void come_back(struct line *l, const struct m_batch *b, bool is_there)
{
    struct line_batch *x = find(l, b);

    if (!x) /* the line was given up meanwhile */
        return;
    x->is_out = false;
    l->out--;
    if (is_there) {
        l->has_begun = true;
        l->begun_ms = x->sent_ms;
        finish(l, b);
    } else {
        l->must_wait = true;
    }
    if (l->out == 0)
        l->must_wait = false;
}

static void check_refusal(const struct appending *a, const struct append_item *item)
{
    const struct world *w = a->request.client->world;
    bool                is_fine = false;

    if (item->err == ERR_NO_SPACE)
        is_fine = w->is_short;
    else if (item->err == ERR_NO_TOPIC || item->err == ERR_NO_PARTITION)
        is_fine = !a->has_topic;
    else if (item->err == ERR_NO_KEY)
        is_fine = a->lacks_key;
    else if (item->err == ERR_BAD_SEQUENCE)
        is_fine = a->line && a->line->must_wait;
    if (!is_fine)
        violation(w, "an append is answered as it should be", "record %llu to %s: %s",
                  (unsigned long long)a->batch->first_id, a->batch->targets[0].topic->name,
                  err_text(item->err));
}

static void on_there(const struct appending *a, const struct append_item *item)
{
    struct world   *w = a->request.client->world;
    struct m_batch *b = a->batch;
    struct m_topic *t = b->targets[0].topic;

    if (a->lacks_key)
        violation(w, "a compacted topic takes no record without a key", "record %llu, by %s",
                  (unsigned long long)b->first_id, t->name);
    if (!a->has_topic || (uint32_t)item->partition >= t->partition_count)
        violation(w, "what is deleted is gone", "record %llu was appended to %s",
                  (unsigned long long)b->first_id, t->name);
    if (item->is_duplicate && b->first_sent == a->request.number)
        violation(w, "only what was there is a duplicate", "record %llu",
                  (unsigned long long)b->first_id);
    b->outcome = DONE;
    model_bind(w->model, b, &t->logs[item->partition], item->base_offset);
}

static void on_answer(struct request *r)
{
    struct appending         *a = (struct appending *)r;
    const struct append_item *item = &((struct append_call *)r->call)->items[0];
    bool                      is_there = item->err == ERR_OK;

    TRACE(r->client->world, "%s: record %llu to %s/%d offset %llu%s: %s", r->client->kind->name,
          (unsigned long long)a->batch->first_id, a->batch->targets[0].topic->name,
          item->partition, (unsigned long long)item->base_offset,
          item->is_duplicate ? " again" : "", err_name(item->err));
    if (is_there) {
        on_there(a, item);
    } else {
        check_refusal(a, item);
        if (a->batch->targets[0].base < 0) /* else it is there since an earlier try */
            a->batch->outcome = NEVER;
    }
    if (a->line)
        come_back(a->line, a->batch, is_there);
}

static void on_lost(struct request *r)
{
    struct appending *a = (struct appending *)r;

    if (r->number > 0)
        a->batch->outcome = UNKNOWN;
    else if (a->batch->first_sent == 0)
        a->batch->outcome = NEVER;
    if (a->line)
        come_back(a->line, a->batch, false);
}

static const struct request_kind append_kind = { on_submit, on_answer, on_lost };

static void send(struct producer *me, struct line *l, struct m_batch *b, int32_t sequence)
{
    struct world       *w = me->client.world;
    struct appending   *a = request_new(&me->client, &append_kind, sizeof *a, CALL_APPEND,
                                        sizeof(struct append_call));
    struct append_call *call = (struct append_call *)a->request.call;
    struct append_item *item = arena_struct(&call->call.arena, struct append_item);

    a->batch = b;
    a->line = l;
    call->ns = bytes_str(NAMESPACE_DEFAULT);
    call->item_count = 1;
    call->items = item;
    item->partition = b->targets[0].partition;
    item->delay_ms = b->delay_ms;
    if (l)
        item->uuid = l->topic->uuid;
    else
        item->name = call_bytes(call, bytes_str(b->targets[0].topic->name));
    item->batch = model_encode(w->model, b, w->now_ms, l ? me->id : -1, me->epoch, sequence);
    request_send(a);
}

static struct m_batch *new_batch(struct producer *me, struct m_topic *t, int32_t partition)
{
    struct world   *w = me->client.world;
    uint32_t        count = w->plan.has[HAS_BATCHES] ? (uint32_t)draw_skewed(&w->draw, RECORDS_MAX) : 1;
    struct m_batch *b = model_new_batch(w->model, count);

    m_batch_add_target(b, t, partition);
    return b;
}

static void send_once(struct producer *me)
{
    struct world   *w = me->client.world;
    struct m_topic *t = model_any_topic(w->model);

    if (t)
        send(me, NULL,
             new_batch(me, t, (int32_t)draw_below(&w->draw, t->partition_count)), 0);
}

/* ---- with sequence numbers ---- */

static void on_identity(struct request *r)
{
    struct producer           *me = (struct producer *)r->client;
    struct producer_init_call *a = (struct producer_init_call *)r->call;

    me->is_asking = false;
    if (r->call->err)
        violation(r->client->world, "every producer gets an identity", "%s",
                  err_text(r->call->err));
    me->id = a->producer_id;
    me->epoch = a->producer_epoch;
}

static void on_no_identity(struct request *r)
{
    ((struct producer *)r->client)->is_asking = false;
}

static void ask_identity(struct producer *me)
{
    static const struct request_kind kind = { .on_answer = on_identity,
                                              .on_lost = on_no_identity };
    struct request                  *r;

    if (me->is_asking)
        return;
    me->is_asking = true;
    r = request_new(&me->client, &kind, sizeof *r, CALL_PRODUCER_INIT,
                    sizeof(struct producer_init_call));
    request_send(r);
}

static bool has_line(const struct producer *me, const struct m_topic *t, uint32_t partition)
{
    for (int i = 0; i < LINES_MAX; i++)
        if (me->lines[i].topic == t && me->lines[i].partition == partition)
            return true;
    return false;
}

/* A log that no line of ours goes to. */
static void choose_log(struct producer *me, struct line *l)
{
    struct world   *w = me->client.world;
    struct m_topic *t = model_any_topic(w->model);
    uint32_t        partition;

    *l = (struct line){ 0 };
    if (!t || !m_topic_has_uuid(t))
        return;
    partition = (uint32_t)draw_below(&w->draw, t->partition_count);
    if (has_line(me, t, partition))
        return;
    l->topic = t;
    l->partition = partition;
}

static void add_to_line(struct producer *me, struct line *l)
{
    struct line_batch *x = &l->at[l->count++];

    x->batch = new_batch(me, l->topic, (int32_t)l->partition);
    if (me->client.world->plan.has[HAS_COMPACTION]) /* one that is refused would end the line */
        model_give_keys(me->client.world->model, x->batch);
    x->sequence = l->next_sequence;
    x->is_out = false;
    x->sent_ms = 0;
    l->next_sequence += (int32_t)x->batch->count;
}

static void step_line(struct producer *me, struct line *l)
{
    if (l->topic && !m_topic_is(l->topic)) {
        if (l->out > 0 || l->topic->gone > me->client.world->durable) /* it may come back */
            return;
        l->topic = NULL;
    }
    if (!l->topic) {
        choose_log(me, l);
        return;
    }
    if (l->has_begun && me->client.world->now_ms - l->begun_ms > PATIENCE_MS)
        l->has_begun = false;
    if (l->must_wait || (!l->has_begun && l->out > 0))
        return;
    if (l->count < LINE_MAX)
        add_to_line(me, l);
    for (size_t i = 0; i < l->count; i++)
        if (!l->at[i].is_out) {
            l->at[i].is_out = true;
            l->at[i].sent_ms = me->client.world->now_ms;
            l->out++;
            send(me, l, l->at[i].batch, l->at[i].sequence);
            return;
        }
}

/* Something was sent so long ago that nobody can tell any more whether it is there. */
static bool is_out_of_patience(const struct producer *me)
{
    for (int i = 0; i < LINES_MAX; i++)
        for (size_t k = 0; k < me->lines[i].count; k++) {
            const struct line_batch *x = &me->lines[i].at[k];

            if (x->sent_ms > 0 && me->client.world->now_ms - x->sent_ms > PATIENCE_MS)
                return true;
        }
    return false;
}

static void begin_anew(struct producer *me)
{
    for (int i = 0; i < LINES_MAX; i++)
        if (me->lines[i].out > 0)
            return;
    memset(me->lines, 0, sizeof me->lines);
    me->id = -1;
}

static void step(struct client *c)
{
    struct producer *me = (struct producer *)c;
    struct world    *w = c->world;

    if (c->out >= OUT_MAX)
        return;
    if (!w->plan.has[HAS_IDEMPOTENT] || draw_one_in(&w->draw, 3))
        send_once(me);
    else if (is_out_of_patience(me))
        begin_anew(me);
    else if (me->id < 0)
        ask_identity(me);
    else
        step_line(me, &me->lines[draw_below(&w->draw, LINES_MAX)]);
}

static void begin(struct client *c)
{
    ((struct producer *)c)->id = -1;
}

const struct client_kind producer_kind = {
    .name = "producer",
    .size = sizeof(struct producer),
    .begin = begin,
    .step = step,
};
