/*
 * queue_lease.c - handing out messages: to CALL_LEASE, parked or not, and to subscriptions.
 *
 * Once per turn every queue with something new is dispatched: parked calls first, first come first,
 * then consumers, one message each in turn. All that one dispatch gives to one consumer is one
 * delivery (up to DELIVERY_MESSAGES_MAX and DELIVERY_BYTES_MAX), and consecutive messages leased on
 * the same terms are one run in one change.
 *
 *   H1  A message is in the hands of one consumer at most.
 *   H2  What is handed out leaves after the change that says so is durable: attempts are exact
 *       after a crash.
 *   H3  What is older than the queue's retention, and what its log has lost, is not handed out but
 *       settled with its fate, as one run, however long it is.
 *   H4  While leases take all the memory they may (options.leases_bytes_max), only messages that
 *       have an entry already, or need none, are handed out; the queue waits in engine.starved,
 *       while the entries of messages that were given back are folded (reclaim.h).
 *   H5  What comes next and is in a cold extent holds up its log until that is loaded; then the queue
 *       goes on. Until then a CALL_LEASE that finds nothing waits, however short its wait is: there
 *       is something.
 *   H6  What a transaction hides is not handed out. Lanes of share groups reach behind where a log is stable: those
 *       that want only what is committed stop there.
 *   H7  Of a share group's queue what was handed out too often is buried, not handed out (share_bury.c).
 *
 * Thread: the shard's.
 */
#include "engine/queue_int.h"
#include "engine/share.h"
#include "engine/sparse.h"
#include "engine/txn.h"

enum {
    LEASE_MESSAGES_MAX = 10000, /* of one call */
    LANE_QUANTUM = 32,          /* messages from one log before the next has its turn */
    RUNS_SETTLED_MAX = 10000,   /* of one dispatch (H3), then others get their turn */
};

/* One round of handing out of one queue. */
struct handout {
    struct engine          *e;
    struct queue           *q;
    struct queue_writer     w;
    struct lane            *lane; /* the message looked at */
    uint64_t                offset;
    struct log_at           at;      /* its batch */
    struct sparse           sparse;
    const struct log_entry *shown; /* the batch that was looked at last: H6 allows it */
    uint64_t                gap_end; /* when it has none: where the next one that may have begins */
    uint32_t                bytes;
    struct order_look       order;   /* of an ordered queue */
    struct lane            *settled; /* where something was settled: to be trimmed */
    uint32_t                settled_count; /* runs, because of H3 */
    bool                    no_ack; /* of whom it is for: takes no memory */
    struct queue_taking    *taking; /* of a share group: from one lane; else NULL */
};

/* On what terms, by whom. */
struct taker {
    struct lease_terms terms;
    bool               no_ack;
    struct session    *session;  /* of a bound lease */
    struct consumer   *consumer; /* may be NULL */
    uint64_t           number;   /* of an ordered queue: this taker's alone */
};

static void begin(struct handout *h, struct queue *q)
{
    *h = (struct handout){ .e = q->engine, .q = q };
    writer_init(&h->w, q->engine);
}

static void note_settled(struct handout *h)
{
    if (h->settled && h->settled != h->lane)
        queue_trim(h->q, h->settled->index);
    h->settled = h->lane;
}

static void end(struct handout *h)
{
    struct queue *q = h->q;

    writer_fini(&h->w);
    sparse_end(&h->sparse);
    queue_order_rest(q);
    if (h->settled)
        queue_trim(q, h->settled->index);
    queue_check(q);
    if (h->settled_count >= RUNS_SETTLED_MAX)
        timer_start(&h->e->timers, &q->timer, h->e->now_ms + 1);
    else
        queue_arm(q);
}

static bool holds(const struct log_at *at, uint64_t offset)
{
    return offset - at->entry->base_offset < at->entry->count;
}

/* The batch of the message that is next, into h->at; usually it is the last one again, or the one
 * after it. LOG_END, LOG_BAD: there is none up to h->gap_end. */
static enum log_answer find_batch(struct handout *h, struct lane *lane)
{
    struct log      *l = h->q->topic->logs[lane->index];
    struct log_span  span;
    enum log_answer  answer;

    if (h->at.entry && h->lane == lane) {
        if (holds(&h->at, h->offset) || (log_step(l, &h->at) && holds(&h->at, h->offset)))
            return LOG_FOUND;
    }
    h->lane = lane;
    answer = log_find(l, h->offset, &h->at, &span);
    if (answer == LOG_FOUND && holds(&h->at, h->offset))
        return LOG_FOUND;
    if (answer == LOG_FOUND)
        h->gap_end = h->at.entry->base_offset;
    else
        h->gap_end = answer == LOG_END ? lane->end : span.base;
    h->at.entry = NULL;
    if (h->gap_end > h->offset) /* a hole before it */
        return LOG_END;
    if (answer == LOG_COLD)
        load_want(h->e, l, h->offset, &h->q->load);
    else
        h->gap_end = span.end;
    return answer;
}

static bool is_expired(const struct handout *h, const struct log_entry *entry)
{
    int64_t retention_ms = h->q->policy.retention_ms;

    return retention_ms > 0 && entry->append_ms + retention_ms <= h->e->now_ms;
}

/* H6 */
enum hiding { SHOWN, HIDDEN, NOT_YET };
static enum hiding look_behind(struct handout *h)
{
    const struct log *l = h->q->topic->logs[h->lane->index];
    struct batch_head head;
    struct slice      batch;
    bool              is_hidden;

    if (!l->txns || h->offset < l->txns->from || h->shown == h->at.entry)
        return SHOWN;
    if (h->taking && h->taking->committed_only && h->at.entry->base_offset >= txn_log_stable(l))
        return NOT_YET;
    if (log_position(&h->at) > journal_durable(h->e->journal)) {
        if (list_empty(&h->q->in_waiting))
            list_push(&h->e->undurable, &h->q->in_waiting);
        return NOT_YET;
    }
    if (log_view(h->e, &h->at, &batch) != ERR_OK)
        return SHOWN; /* whoever reads it will be told */
    is_hidden = batch_head(batch.bytes, &head) == ERR_OK &&
                (h->taking && !h->taking->committed_only ? (head.attributes & BATCH_CONTROL) != 0
                                                         : txn_log_is_hidden(l, &head, h->at.entry->base_offset));
    slice_drop(&batch);
    if (!is_hidden)
        h->shown = h->at.entry;
    return is_hidden ? HIDDEN : SHOWN;
}

/* H3: from the message looked at to end. */
static void lose(struct handout *h, uint64_t end, enum fate fate)
{
    uint64_t count = end - h->offset;

    queue_touch(h->q);
    writer_note_run(&h->w, h->q, CHANGE_QUEUE_SETTLED, fate, 0, h->lane, h->offset, count);
    ledger_settle_range(h->lane, h->offset, count, fate, false, queue_let_go, h->q);
    note_settled(h);
    h->settled_count++;
}

/* Records that are not there any more, up to the next batch that is. */
static void lose_gap(struct handout *h, enum log_answer answer)
{
    const struct log *l = h->q->topic->logs[h->lane->index];
    uint64_t          end = h->gap_end;
    enum fate         fate = FATE_EVICTED;

    if (answer == LOG_BAD)
        fate = FATE_DAMAGED;
    else if (h->offset >= l->start && l->topic->policy.is_compacted)
        fate = FATE_COMPACTED;
    else if (h->offset < l->start && l->start < end)
        end = l->start;
    lose(h, end, fate);
}

/* H4 */
static bool is_starved(struct handout *h)
{
    struct engine *e = h->e;

    if (h->no_ack || e->held.lease_bytes < e->options.leases_bytes_max ||
        ledger_is_at_hand(h->lane, h->offset))
        return false;
    if (list_empty(&h->q->in_waiting)) {
        list_push(&e->starved, &h->q->in_waiting);
        e->starved_count++;
        reclaim_want(e);
    }
    return true;
}

/* Whether the message that is next may be handed out. */
static enum order_answer look_at(struct handout *h, struct lane *lane)
{
    enum log_answer answer = find_batch(h, lane);
    enum hiding     hiding;
    uint64_t        present;

    if (answer == LOG_COLD)
        return ORDER_STOP; /* H5 */
    if (answer != LOG_FOUND) {
        lose_gap(h, answer);
        return ORDER_NEXT;
    }
    hiding = look_behind(h);
    if (hiding == NOT_YET)
        return ORDER_STOP;
    if (hiding == HIDDEN) {
        lose(h, h->at.entry->base_offset + h->at.entry->count, FATE_ABORTED);
        return ORDER_NEXT;
    }
    present = sparse_next(&h->sparse, h->e, &h->at, h->offset);
    if (present > h->offset) {
        lose(h, present, FATE_COMPACTED);
        return ORDER_NEXT;
    }
    if (is_expired(h, h->at.entry)) {
        lose(h, h->at.entry->base_offset + h->at.entry->count, FATE_EXPIRED);
        return ORDER_NEXT;
    }
    if (is_starved(h))
        return ORDER_STOP;
    if (h->taking && share_is_spent(h->q, ledger_find(lane, h->offset))) { /* H7 */
        share_bury(h->q, ledger_find(lane, h->offset));
        return ORDER_NEXT;
    }
    h->bytes = h->at.entry->batch_len / h->at.entry->count;
    if (!h->q->policy.is_ordered)
        return ORDER_TAKE;
    return queue_order_look(h->q, lane, h->offset, &h->at, &h->order);
}

/* Looks at the next message that may be handed out; false when there is none. */
static bool look(struct handout *h)
{
    uint32_t     logs_left = h->q->ledger.lane_count;
    struct lane *lane;

    /* First, and with nothing else in hand: what is looked at may need room of its own in the cache. */
    if (h->q->policy.is_ordered && !queue_order_begin(h->q))
        return false;
    while (logs_left > 0 && h->settled_count < RUNS_SETTLED_MAX &&
           ledger_peek(&h->q->ledger, &lane, &h->offset))
        switch (look_at(h, lane)) {
        case ORDER_TAKE:
            return true;
        case ORDER_NEXT:
            break;
        case ORDER_STOP:
            ledger_rotate(&h->q->ledger);
            logs_left--;
            break;
        }
    return false;
}

/* One in an extent is attached at once, one in the journal when it can be read (outbox.h O3). */
static void refer(const struct handout *h, struct message_ref *ref)
{
    const struct log_entry *entry = h->at.entry;

    *ref = (struct message_ref){
        .base_offset = entry->base_offset,
        .offset = h->offset,
        .lease = { h->q->id, h->lane->index, 0, h->offset },
        .attempts = 1,
        .counted_attempts = 1,
        .first_lease_ms = h->e->now_ms,
        .bytes = h->bytes,
        .append_ms = entry->append_ms,
        .position = h->at.load ? MESSAGE_ATTACHED : entry->position,
        .batch_len = entry->batch_len,
    };
    if (h->at.load && log_view(h->e, &h->at, &ref->batch) == ERR_OK)
        load_touch(h->e, h->at.load);
}

static void take_for_good(struct handout *h, struct message_ref *ref)
{
    struct held *held = ledger_find(h->lane, h->offset);

    if (held) {
        ref->attempts = held->attempts + 1;
        ref->counted_attempts = ref->attempts - held->free_attempts;
        if (held->attempts > 0)
            ref->first_lease_ms = held->first_lease_ms;
    }
    queue_touch(h->q);
    writer_note(&h->w, h->q, CHANGE_QUEUE_LEASED, LEASED_NO_ACK, 0, h->lane, h->offset);
    if (held)
        queue_order_on_settle(h->q, held);
    ledger_settle(h->lane, h->offset, FATE_ACKED);
    note_settled(h);
}

static void take_on_lease(struct handout *h, const struct taker *t, struct message_ref *ref)
{
    struct held *held;

    queue_touch(h->q);
    held = ledger_lease(h->lane, h->offset, &t->terms);
    held->bytes = h->bytes;
    held->holder = t->consumer;
    if (t->terms.is_bound)
        list_push(&t->session->leases, &held->in_holder);
    if (h->q->policy.is_ordered)
        queue_order_leased(h->q, held, &h->order, t->number);
    ref->attempts = held->attempts;
    ref->counted_attempts = held->attempts - held->free_attempts;
    ref->first_lease_ms = held->first_lease_ms;
    ref->lease.token = held->attempts;
    writer_note(&h->w, h->q, CHANGE_QUEUE_LEASED, t->terms.is_bound ? LEASED_BOUND : 0,
                t->terms.deadline_ms, h->lane, h->offset);
}

/* Takes the message looked at. */
static void take(struct handout *h, const struct taker *t, struct message_ref *ref)
{
    refer(h, ref);
    if (t->no_ack)
        take_for_good(h, ref);
    else
        take_on_lease(h, t, ref);
    if (++h->q->taken >= LANE_QUANTUM) {
        ledger_rotate(&h->q->ledger);
        h->q->taken = 0;
    }
}

/* lease_ms: -1 for the queue's. */
static struct lease_terms terms_of(const struct queue *q, int64_t lease_ms, bool is_bound)
{
    struct lease_terms t = { .now_ms = q->engine->now_ms, .is_bound = is_bound };

    if (is_bound)
        return t;
    if (lease_ms < 0)
        lease_ms = q->policy.lease_ms > 0 ? q->policy.lease_ms : LEASE_MS_DEFAULT;
    t.deadline_ms = q->engine->now_ms + lease_ms;
    return t;
}

/* ---- of a share group: from one log ---- */

/* As look, of the lane that is taken from. */
static bool look_in(struct handout *h, struct lane *lane)
{
    while (h->settled_count < RUNS_SETTLED_MAX && lane_peek(lane, &h->offset))
        switch (look_at(h, lane)) {
        case ORDER_TAKE:
            return true;
        case ORDER_NEXT:
            break;
        case ORDER_STOP:
            return false;
        }
    return false;
}

static struct message_ref *add_ref(struct queue_taking *t)
{
    if (t->count == t->cap) {
        struct message_ref *old = t->refs;

        t->cap = t->cap ? 2 * t->cap : 64;
        t->refs = arena_array(t->arena, t->cap, sizeof *t->refs);
        if (t->count > 0)
            memcpy(t->refs, old, t->count * sizeof *old);
    }
    return &t->refs[t->count++];
}

static void take_shared(struct handout *h, struct queue_taking *t)
{
    struct taker        taker = { .terms = { .now_ms = h->e->now_ms, .deadline_ms = t->deadline_ms } };
    struct message_ref *ref = add_ref(t);
    struct held        *held;

    refer(h, ref);
    take_on_lease(h, &taker, ref);
    held = ledger_find(h->lane, h->offset);
    held->holder = t->holder;
    list_push(t->leases, &held->in_holder);
    share_on_lease(h->q, t->holder, t->lane);
}

/* Whether the message looked at is one too many, after n of them; last: the batch of the one before. */
static bool is_enough(const struct handout *h, const struct queue_taking *t, uint32_t n, const struct log_entry *last)
{
    bool is_new = h->at.entry != last;

    if (n >= t->messages_most || (is_new && n >= t->messages_max))
        return true;
    return is_new && t->count > 0 && t->bytes + h->at.entry->batch_len > t->bytes_max;
}

void queue_take(struct queue_taking *t)
{
    struct lane            *lane = &t->queue->ledger.lanes[t->lane];
    const struct log_entry *last = NULL;
    struct handout          h;
    uint32_t                n = 0;

    begin(&h, t->queue);
    h.taking = t;
    while (look_in(&h, lane) && !is_enough(&h, t, n, last)) {
        if (h.at.entry != last)
            t->bytes += h.at.entry->batch_len;
        last = h.at.entry;
        take_shared(&h, t);
        n++;
    }
    writer_flush(&h.w); /* H2 */
    end(&h);
}

enum log_answer queue_view(struct queue *q, uint32_t lane, uint64_t offset, struct slice *out, uint64_t *base)
{
    struct log     *l = q->topic->logs[lane];
    struct log_at   at;
    enum log_answer answer = log_find(l, offset, &at, NULL);

    if (answer == LOG_COLD)
        load_want(q->engine, l, offset, &q->load);
    if (answer != LOG_FOUND)
        return answer;
    *base = at.entry->base_offset;
    if (offset < *base || offset - *base >= at.entry->count)
        return LOG_END;
    return log_view(q->engine, &at, out) == ERR_OK ? LOG_FOUND : LOG_BAD;
}

/* ---- CALL_LEASE ---- */

/* A lease of no length ends in the same step; the attempt counts. */
static void end_at_once(struct handout *h, struct lease_call *a)
{
    for (size_t i = 0; i < a->message_count; i++) {
        const struct lease *lease = &a->messages[i].lease;
        struct lane        *lane = &h->q->ledger.lanes[lease->partition];
        struct held        *held = ledger_find(lane, lease->offset);

        writer_note(&h->w, h->q, CHANGE_QUEUE_RELEASED, RELEASE_ASKED << RELEASED_REASON_SHIFT, 0,
                    lane, lease->offset);
        held_release(held, 0, false);
        queue_order_on_release(h->q, held);
    }
}

/* Fills and answers the call; false, and it stays as it is, when there is no message for it. */
static bool serve(struct handout *h, struct lease_call *a)
{
    struct taker t = { .terms = terms_of(h->q, a->lease_ms, a->is_bound), .no_ack = a->no_ack };
    uint64_t     most = h->q->ledger.ready_count;
    uint64_t     bytes = 0;

    if (most > a->messages_max)
        most = a->messages_max;
    if (most > LEASE_MESSAGES_MAX)
        most = LEASE_MESSAGES_MAX;
    t.number = h->q->policy.is_ordered ? ++h->e->last_consumer : 0;
    h->order.taker = t.number;
    h->no_ack = a->no_ack;
    if (most == 0 || !look(h))
        return false;
    if (a->is_bound)
        t.session = session_get(h->e, a->call.session);
    a->messages = arena_array(&a->call.arena, most, sizeof *a->messages);
    do {
        bytes += h->bytes;
        if (a->message_count > 0 && bytes > a->bytes_max)
            break;
        take(h, &t, &a->messages[a->message_count++]);
    } while (a->message_count < most && look(h));
    if (a->lease_ms == 0 && !a->is_bound && !a->no_ack)
        end_at_once(h, a);
    writer_flush(&h->w); /* H2 */
    a->ready_count = h->q->ledger.ready_count;
    engine_answer_messages(h->e, &a->call, ERR_OK, a->messages, a->message_count);
    return true;
}

/* H5: whether there may be more than could be looked at. */
static bool is_loading(const struct queue *q)
{
    return !list_empty(&q->load.in_load);
}

static void answer_empty(struct engine *e, struct call *c)
{
    engine_answer(e, c, ERR_OK);
}

/* What others wait for is theirs first. */
static void serve_or_park(struct engine *e, struct queue *q, struct lease_call *a)
{
    struct handout h;
    bool           is_served = false;

    if (!list_empty(&q->dirty)) {
        list_remove(&q->dirty);
        queue_dispatch(e, q);
    }
    begin(&h, q);
    if (list_empty(&q->waiters))
        is_served = serve(&h, a);
    end(&h);
    if (is_served)
        return;
    if (a->wait_ms <= 0 && !is_loading(q)) {
        answer_empty(e, &a->call);
        return;
    }
    q->has_impatient |= a->wait_ms <= 0;
    engine_park(e, &a->call, &q->waiters, a->wait_ms > 0 ? e->now_ms + a->wait_ms : INT64_MAX,
                answer_empty);
}

static enum err check_lease(const struct queue *q, const struct lease_call *a)
{
    if (!q)
        return ERR_NO_QUEUE;
    if (queue_is_locked(q, a->call.session))
        return ERR_LOCKED;
    return a->messages_max == 0 || (a->is_bound && a->call.session == 0) ? ERR_BAD_ARGUMENT : ERR_OK;
}

void queue_on_lease(struct engine *e, struct call *c)
{
    struct lease_call *a = (struct lease_call *)c;
    struct queue      *q = queue_find(e, a->ns, a->queue);
    enum err           err = check_lease(q, a);

    a->message_count = 0;
    if (err) {
        engine_answer(e, c, err);
        return;
    }
    queue_expiry_used(q);
    serve_or_park(e, q, a);
}

/* ---- dispatch ---- */

static struct lease_call *waiter_of(struct list *node)
{
    return (struct lease_call *)CONTAINER(node, struct call, parked);
}

/* Those that do not wait, but had to for a load: there is nothing for them after all. */
static void end_impatient(struct engine *e, struct queue *q)
{
    struct list *n = q->waiters.next;

    if (!q->has_impatient || is_loading(q))
        return;
    q->has_impatient = false;
    while (n != &q->waiters) {
        struct lease_call *a = waiter_of(n);

        n = n->next;
        if (a->wait_ms <= 0)
            answer_empty(e, &a->call);
    }
}

static void serve_waiters(struct handout *h)
{
    struct list *waiters = &h->q->waiters;

    while (!list_empty(waiters) && serve(h, waiter_of(waiters->next)))
        ;
    end_impatient(h->e, h->q);
}

static void send_all(struct handout *h, struct list *open)
{
    struct list *n;

    writer_flush(&h->w); /* H2 */
    while ((n = list_pop(open)) != NULL)
        consumer_send(h->e, CONTAINER(n, struct consumer, in_open));
}

static void serve_consumers(struct handout *h)
{
    struct list      open;
    struct consumer *c;

    list_init(&open);
    h->order.taker = 0;
    while ((c = consumer_next(h->q)) != NULL) {
        struct taker t;

        h->no_ack = c->no_ack;
        if (!look(h))
            break;
        if (h->order.consumer)
            c = h->order.consumer;
        t = (struct taker){ terms_of(h->q, c->lease_ms, c->is_bound), c->no_ack, c->session, c,
                            c->id };
        take(h, &t, consumer_add(c, &open));
        consumer_count(c, h->bytes);
        consumer_rotate(c);
        if (consumer_is_full(c)) {
            writer_flush(&h->w);
            consumer_send(h->e, c);
        }
    }
    send_all(h, &open);
}

/* Not before some room has gathered, so that queues do not take turns for every single lease. */
void queue_on_room(struct engine *e)
{
    uint64_t     max = e->options.leases_bytes_max;
    struct list *n;

    if (e->held.lease_bytes > max - max / 16)
        return;
    while ((n = list_pop(&e->starved)) != NULL)
        queue_mark_dirty(e, CONTAINER(n, struct queue, in_waiting));
}

void queue_dispatch(struct engine *e, struct queue *q)
{
    struct handout h;

    (void)e;
    if (q->share) {
        share_dispatch(q);
        return;
    }
    begin(&h, q);
    serve_waiters(&h);
    serve_consumers(&h);
    end(&h);
}
