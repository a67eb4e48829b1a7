/*
 * ledger_test.c - the books against a naive model: every message has one state in an array, and
 * after each random step both must agree. Nothing is lost, nothing is leased twice at once, order
 * is kept, the counts add up (L6), rows give back what they were made of.
 */
#include "base/buf.h"
#include "engine/ledger_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { LANES = 3, MESSAGES_MAX = 4000 };
enum model_state { FRESH, READY, LEASED, DELAYED, SETTLED };

struct model_message {
    enum model_state state;
    int64_t          due_ms;
    uint32_t         attempts;
    bool             is_bound;
    bool             was_ahead; /* delayed since its append */
};

struct model {
    struct model_message at[LANES][MESSAGES_MAX];
    uint32_t             count[LANES];
    struct held_pool     pool;
    struct ledger        live;
    struct ledger        replayed; /* sees all but the passing of time */
    uint64_t             fates[FATE_COUNT];
    int64_t              now_ms;
    uint32_t             seed;
    uint64_t             folded; /* chunks */
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return (m->seed >> 8) % below;
}

static void model_append(struct model *m)
{
    uint32_t lane = draw(m, LANES);
    uint32_t n = 1 + draw(m, 4);
    int64_t  due = draw(m, 4) == 0 ? m->now_ms + 1 + draw(m, 30) : 0;

    if (m->count[lane] + n > MESSAGES_MAX)
        return;
    for (uint32_t i = 0; i < n; i++)
        m->at[lane][m->count[lane]++] =
            (struct model_message){ .state = due ? DELAYED : FRESH, .due_ms = due, .was_ahead = due };
    ledger_append(&m->live, lane, n, due);
    ledger_append(&m->replayed, lane, n, due);
}

/* The lowest message of the lane behind the cursor, else the lowest that is fresh. */
static int64_t expected(const struct model *m, uint32_t lane)
{
    const struct lane *l = &m->live.lanes[lane];

    for (uint32_t i = 0; i < m->count[lane]; i++)
        if ((m->at[lane][i].state == READY || m->at[lane][i].state == FRESH) && i < l->next)
            return i;
    for (uint32_t i = 0; i < m->count[lane]; i++)
        if (m->at[lane][i].state == FRESH || m->at[lane][i].state == READY)
            return i;
    return -1;
}

static void settled(struct model *m, struct model_message *msg, enum fate fate)
{
    msg->state = SETTLED;
    m->fates[fate]++;
}

static void model_lease(struct model *m)
{
    struct lane         *l;
    uint64_t             offset;
    struct model_message *msg;
    struct lease_terms   terms = { m->now_ms, m->now_ms + 5 + draw(m, 20), draw(m, 3) == 0 };
    struct held         *h;

    if (!ledger_peek(&m->live, &l, &offset))
        return;
    assert_int_equal((int64_t)offset, expected(m, l->index)); /* L5 */
    msg = &m->at[l->index][offset];
    assert_true(msg->state == FRESH || msg->state == READY);
    if (draw(m, 8) == 0) { /* without asking for an ack */
        assert_true(ledger_settle(l, offset, FATE_ACKED));
        assert_true(ledger_settle(&m->replayed.lanes[l->index], offset, FATE_ACKED));
        assert_false(ledger_settle(l, offset, FATE_ACKED));
        assert_null(ledger_lease(l, offset, &terms));
        settled(m, msg, FATE_ACKED);
        return;
    }
    h = ledger_lease(l, offset, &terms);
    assert_non_null(ledger_lease(&m->replayed.lanes[l->index], offset, &terms));
    assert_null(ledger_lease(l, offset, &terms));
    msg->state = LEASED;
    msg->attempts++;
    msg->due_ms = terms.deadline_ms;
    msg->is_bound = terms.is_bound;
    assert_int_equal(h->attempts, msg->attempts);
    if (draw(m, 3) == 0)
        ledger_rotate(&m->live);
}

/* A random leased message of both ledgers; false when there is none near. */
static bool pick_leased(struct model *m, struct model_message **msg, struct held **h,
                        struct held **twin)
{
    uint32_t lane = draw(m, LANES);
    uint32_t start = m->count[lane] ? draw(m, m->count[lane]) : 0;

    for (uint32_t i = start; i < m->count[lane]; i++)
        if (m->at[lane][i].state == LEASED) {
            *msg = &m->at[lane][i];
            *h = ledger_find(&m->live.lanes[lane], i);
            *twin = ledger_find(&m->replayed.lanes[lane], i);
            assert_non_null(*h);
            assert_non_null(*twin);
            return true;
        }
    return false;
}

static void release_both(struct model_message *msg, struct held *h, struct held *twin,
                         int64_t ready_ms)
{
    held_release(h, ready_ms, false);
    held_release(twin, ready_ms, false);
    msg->state = ready_ms ? DELAYED : READY;
    msg->due_ms = ready_ms;
    msg->was_ahead = false;
}

static void model_end_lease(struct model *m)
{
    struct model_message *msg;
    struct held          *h;
    struct held          *twin;

    if (!pick_leased(m, &msg, &h, &twin))
        return;
    switch (draw(m, 5)) {
    case 0:
        release_both(msg, h, twin, 0);
        break;
    case 1:
        release_both(msg, h, twin, m->now_ms + 1 + draw(m, 20));
        break;
    case 2:
        if (msg->is_bound)
            break;
        msg->due_ms = m->now_ms + draw(m, 40);
        held_extend(h, msg->due_ms);
        held_extend(twin, msg->due_ms);
        break;
    default:
        held_settle(h, FATE_REJECTED);
        held_settle(twin, FATE_REJECTED);
        settled(m, msg, FATE_REJECTED);
    }
}

static void on_due(void *ctx, struct held *h)
{
    struct model         *m = ctx;
    const struct lane    *l = held_lane(h);
    struct model_message *msg = &m->at[l->index][h->offset];

    assert_true(h->due_ms <= m->now_ms);
    assert_int_equal(h->due_ms, msg->due_ms);
    if (h->state == HELD_LEASED) {
        release_both(msg, h, ledger_find(&m->replayed.lanes[l->index], h->offset), 0);
    } else {
        held_wake(h);
        msg->state = READY;
    }
}

/* Time passes: what is due changes. Only the ends of leases are told to the other ledger. */
static void model_time(struct model *m)
{
    int64_t soonest = INT64_MAX;

    m->now_ms += draw(m, 5);
    assert_true(ledger_run_due(&m->live, m->now_ms, UINT64_MAX, on_due, m));
    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint32_t i = 0; i < m->count[lane]; i++) {
            struct model_message *msg = &m->at[lane][i];

            if (msg->state == LEASED && msg->is_bound)
                continue;
            if (msg->state == DELAYED && msg->was_ahead && msg->due_ms <= m->now_ms)
                msg->state = READY;
            if ((msg->state == DELAYED || msg->state == LEASED) && msg->due_ms < soonest)
                soonest = msg->due_ms;
        }
    assert_true(soonest > m->now_ms);
    assert_true(ledger_due_ms(&m->live) <= soonest);
}

static void never(void *ctx, struct held *h)
{
    (void)ctx;
    (void)h;
}

/* A range of one lane. */
static void model_settle_range(struct model *m)
{
    uint32_t lane = draw(m, LANES);
    uint32_t first = m->count[lane] ? draw(m, m->count[lane]) : 0;
    uint32_t n = draw(m, 30);
    bool     leased_too = draw(m, 2);
    uint64_t want = 0;

    for (uint32_t i = first; i < first + n && i < m->count[lane]; i++)
        if (m->at[lane][i].state != SETTLED && (leased_too || m->at[lane][i].state != LEASED)) {
            settled(m, &m->at[lane][i], FATE_EVICTED);
            want++;
        }
    assert_int_equal(ledger_settle_range(&m->live.lanes[lane], first, n, FATE_EVICTED, leased_too, never, NULL), want);
    assert_int_equal(ledger_settle_range(&m->replayed.lanes[lane], first, n, FATE_EVICTED, leased_too, never, NULL),
                     want);
}

static void model_purge(struct model *m)
{
    bool     leased_too = draw(m, 2);
    uint64_t want = 0;

    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint32_t i = 0; i < m->count[lane]; i++) {
            struct model_message *msg = &m->at[lane][i];

            if (msg->state == SETTLED || (msg->state == LEASED && !leased_too))
                continue;
            settled(m, msg, FATE_PURGED);
            want++;
        }
    assert_int_equal(ledger_purge(&m->live, FATE_PURGED, leased_too, never, NULL), want);
    ledger_purge(&m->replayed, FATE_PURGED, leased_too, never, NULL);
}

/* Saves every chunk and puts the ledger together anew from that. */
static void model_restart(struct ledger *g)
{
    struct ledger again;
    struct buf    row;

    buf_init(&row);
    ledger_init(&again, g->pool, LANES);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        const struct lane *l = &g->lanes[lane];

        ledger_begin(&again, lane, l->next, l->end);
        for (uint32_t i = 0; i < l->chunks.count; i++) {
            const struct chunk_ref *ref = &l->chunks.at[l->chunks.first + i];
            struct rd               r;

            buf_clear(&row);
            chunk_encode(ref->chunk, &row);
            r = rd_of(buf_view(&row));
            assert_true(ledger_restore(&again.lanes[lane], ref->number, &r));
            assert_false(ledger_restore(&again.lanes[lane], ref->number, &r));
        }
    }
    again.routed = g->routed;
    memcpy(again.fates, g->fates, sizeof again.fates);
    ledger_fini(g);
    *g = again;
    list_init(&g->turn);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        list_init(&g->lanes[lane].in_turn);
        g->lanes[lane].ledger = g;
        lane_update_turn(&g->lanes[lane]);
    }
    buf_fini(&row);
}

/* L8: changes nothing that can be seen. */
static void model_fold(struct model *m)
{
    for (uint32_t lane = 0; lane < LANES; lane++)
        for (uint64_t at = 0; at != UINT64_MAX;)
            m->folded += lane_fold(&m->live.lanes[lane], &at, 3);
}

static int64_t due_of(const struct lane *l, uint32_t i)
{
    const struct chunk *c = chunk_find(l, i / CHUNK_OFFSETS);
    const struct held  *h = ledger_find(l, i);

    if (h) {
        assert_int_equal(h->state, HELD_DELAYED);
        return h->due_ms;
    }
    assert_non_null(c);
    assert_true(has_bit(c->delayed, bit_of(i)));
    return slot_at(c, bit_of(i))->due_ms;
}

static void check_message(const struct model *m, const struct ledger *g, uint32_t lane, uint32_t i)
{
    const struct model_message *msg = &m->at[lane][i];
    const struct lane          *l = &g->lanes[lane];
    const struct held          *h = ledger_find(l, i);

    assert_int_equal(ledger_is_open(l, i), msg->state != SETTLED);
    switch (msg->state) {
    case FRESH:
        assert_null(h); /* behind the cursor when a range was settled beyond it */
        break;
    case READY:
        assert_true(!h || h->state == HELD_READY || g == &m->replayed);
        assert_int_equal(h ? h->attempts : 0, msg->attempts);
        break;
    case LEASED:
        assert_int_equal(h->state, HELD_LEASED);
        assert_int_equal(h->attempts, msg->attempts);
        assert_int_equal(h->is_bound, msg->is_bound);
        break;
    case DELAYED:
        assert_int_equal(due_of(l, i), msg->due_ms);
        break;
    case SETTLED:
        assert_null(h);
        assert_true(i < l->next);
        break;
    }
}

/* Against every message of the range. */
static void check_needs(struct model *m, uint32_t lane)
{
    for (int i = 0; i < 20; i++) {
        uint32_t base = draw(m, m->count[lane] + 1);
        uint32_t end = base + draw(m, 600);
        bool     want = end > m->count[lane];

        for (uint32_t k = base; k < end && k < m->count[lane]; k++)
            want |= m->at[lane][k].state != SETTLED;
        want &= base < end;
        assert_int_equal(ledger_needs_range(&m->live.lanes[lane], base, end), want);
        assert_int_equal(ledger_needs_range(&m->replayed.lanes[lane], base, end), want);
    }
}

static void check(struct model *m)
{
    uint64_t counts[SETTLED + 1] = { 0 };

    for (uint32_t lane = 0; lane < LANES; lane++) {
        uint64_t floor = 0;

        for (uint32_t i = 0; i < m->count[lane]; i++) {
            check_message(m, &m->live, lane, i);
            check_message(m, &m->replayed, lane, i);
            counts[m->at[lane][i].state]++;
            floor += floor == i && m->at[lane][i].state == SETTLED;
        }
        assert_int_equal(lane_floor(&m->live.lanes[lane]), floor);
        assert_null(ledger_find(&m->live.lanes[lane], m->live.lanes[lane].next)); /* L2 */
        check_needs(m, lane);
    }
    assert_int_equal(m->live.ready_count, counts[FRESH] + counts[READY]); /* L6 */
    assert_int_equal(m->live.leased_count, counts[LEASED]);
    assert_int_equal(m->live.delayed_count, counts[DELAYED]);
    assert_true(ledger_is_conserved(&m->live));
    assert_true(ledger_is_conserved(&m->replayed));
    assert_memory_equal(m->live.fates, m->fates, sizeof m->fates);
    assert_memory_equal(m->replayed.fates, m->fates, sizeof m->fates);
}

static void run_model(uint32_t seed)
{
    static struct model m;

    m = (struct model){ .seed = seed, .now_ms = 1000 };
    held_pool_init(&m.pool, NULL);
    ledger_init(&m.live, &m.pool, LANES);
    ledger_init(&m.replayed, &m.pool, LANES);
    for (int step = 0; step < 20000; step++) {
        uint32_t what = draw(&m, 100);

        if (what < 20)
            model_append(&m);
        else if (what < 55)
            model_lease(&m);
        else if (what < 92)
            model_end_lease(&m);
        else
            model_time(&m);
        if (step % 50 == 49)
            model_settle_range(&m);
        if (step % 5000 == 4999)
            model_purge(&m);
        if (step % 1000 == 777) {
            model_restart(&m.live);
            model_restart(&m.replayed);
        }
        if (step % 53 == 0)
            model_fold(&m);
        if (step % 97 == 0)
            check(&m);
    }
    check(&m);
    assert_true(m.folded > 10);
    ledger_fini(&m.live);
    ledger_fini(&m.replayed);
    held_pool_fini(&m.pool); /* asserts that nothing is left in use */
}

static void agrees_with_a_naive_model(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 5; seed++)
        run_model(seed);
}

static uint64_t lease_next(struct ledger *g)
{
    struct lease_terms t = { 0, 0, true };
    struct lane       *l;
    uint64_t           offset;

    assert_true(ledger_peek(g, &l, &offset));
    ledger_lease(l, offset, &t);
    return offset;
}

/* As one by one, whatever state the messages were in. */
static void a_run_is_leased_at_once(void **state)
{
    static const struct lease_terms terms = { 5, 100, false };
    struct held_pool                pool;
    struct ledger                   g;
    struct lane                    *l;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    l = &g.lanes[0];
    ledger_append(&g, 0, 700, 0);
    assert_true(ledger_lease_range(l, 0, 300, &terms)); /* over the end of a chunk */
    assert_int_equal(l->next, 300);
    assert_int_equal(g.leased_count, 300);
    assert_int_equal(g.ready_count, 400);
    held_release(ledger_find(l, 10), 0, false);
    held_release(ledger_find(l, 11), 0, false);
    assert_true(ledger_lease_range(l, 10, 2, &terms)); /* behind the cursor */
    assert_int_equal(ledger_find(l, 11)->attempts, 2);
    assert_true(ledger_lease_range(l, 310, 5, &terms)); /* beyond it */
    assert_true(ledger_is_open(l, 300));
    assert_null(ledger_find(l, 300));
    assert_int_equal(ledger_find(l, 314)->first_lease_ms, 5);
    ledger_append(&g, 0, 3, 50); /* delayed ones ahead of the cursor */
    assert_true(ledger_lease_range(l, 315, 388, &terms));
    assert_int_equal(g.leased_count, 300 + 5 + 388);
    assert_int_equal(g.delayed_count, 0);
    assert_false(ledger_lease_range(l, 200, 1, &terms));
    assert_true(ledger_is_conserved(&g));
    ledger_fini(&g);
    held_pool_fini(&pool);
}

static void returned_ones_come_first_in_order(void **state)
{
    struct held_pool pool;
    struct ledger    g;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    ledger_append(&g, 0, 10, 0);
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(lease_next(&g), i);
    held_release(ledger_find(&g.lanes[0], 4), 0, false);
    held_release(ledger_find(&g.lanes[0], 1), 0, true);
    held_release(ledger_find(&g.lanes[0], 3), 0, false);
    assert_int_equal(lease_next(&g), 1);
    assert_int_equal(ledger_find(&g.lanes[0], 1)->attempts, 2);
    assert_int_equal(ledger_find(&g.lanes[0], 1)->free_attempts, 1);
    assert_int_equal(lease_next(&g), 3);
    assert_int_equal(lease_next(&g), 4);
    assert_int_equal(lease_next(&g), 6);
    ledger_fini(&g);
    held_pool_fini(&pool);
}

static void lanes_take_turns(void **state)
{
    struct held_pool pool;
    struct ledger    g;
    struct lane     *l;
    uint64_t         offset;
    uint32_t         seen[2] = { 0 };

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 2);
    ledger_append(&g, 0, 5, 0);
    ledger_append(&g, 1, 5, 0);
    for (int i = 0; i < 10; i++) {
        assert_true(ledger_peek(&g, &l, &offset));
        assert_int_equal(l->index, i % 2);
        seen[l->index]++;
        ledger_settle(l, offset, FATE_ACKED);
        ledger_rotate(&g);
    }
    assert_int_equal(seen[0], 5);
    assert_false(ledger_peek(&g, &l, &offset));
    ledger_fini(&g);
    held_pool_fini(&pool);
}

/* A backlog of a hundred million costs nothing; one old lease does not make the floor walk over all
 * of it. */
static void a_backlog_is_a_range(void **state)
{
    struct held_pool pool;
    struct ledger    g;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    ledger_append(&g, 0, 100000000, 0);
    assert_int_equal(lease_next(&g), 0);
    assert_int_equal(lease_next(&g), 1);
    assert_int_equal(ledger_purge(&g, FATE_PURGED, false, never, NULL), 99999998);
    ledger_append(&g, 0, 1, 0);
    assert_int_equal(lease_next(&g), 100000000);
    held_settle(ledger_find(&g.lanes[0], 0), FATE_ACKED);
    held_settle(ledger_find(&g.lanes[0], 1), FATE_ACKED);
    assert_int_equal(lane_floor(&g.lanes[0]), 100000000);
    held_settle(ledger_find(&g.lanes[0], 100000000), FATE_ACKED);
    assert_int_equal(lane_floor(&g.lanes[0]), 100000001);
    assert_int_equal(pool.slab_count, 1);
    ledger_fini(&g);
    held_pool_fini(&pool);
}

static void what_is_passed_over_stays_ready(void **state)
{
    struct lease_terms t = { 0, 0, true };
    struct held_pool   pool;
    struct ledger      g;
    struct lane       *l;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    l = g.lanes;
    ledger_append(&g, 0, 6, 0);
    ledger_lease(l, 2, &t); /* as a replay sees what was handed out in another order */
    ledger_settle(l, 4, FATE_ACKED);
    assert_int_equal(g.ready_count, 4);
    ledger_block(l, 0);
    ledger_block(l, 5);
    assert_int_equal(g.ready_count, 4);
    assert_int_equal(lease_next(&g), 1);
    assert_int_equal(lease_next(&g), 3);
    assert_true(list_empty(&g.turn));
    held_unblock(ledger_find(l, 5));
    held_unblock(ledger_find(l, 0));
    assert_int_equal(lease_next(&g), 0);
    assert_int_equal(lease_next(&g), 5);
    assert_int_equal(g.ready_count, 0);
    assert_int_equal(g.leased_count, 5);
    ledger_fini(&g);
    held_pool_fini(&pool);
}

/* Ten million delayed messages, also when all are due and nobody takes them. */
static void delayed_ones_are_small(void **state)
{
    enum { COUNT = 10000000, BYTES_MAX = 256 << 20 };
    struct held_pool pool;
    struct ledger    g;
    struct lane     *l;
    uint64_t         offset;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    for (int i = 0; i < COUNT; i++)
        ledger_append(&g, 0, 1, 1 + (int64_t)i * 7919 % COUNT);
    assert_int_equal(g.delayed_count, COUNT);
    assert_int_equal(pool.lease_bytes, 0);
    printf("# 10 million delayed messages: %.0f MiB\n", (double)held_pool_bytes(&pool) / (1 << 20));
    assert_true(held_pool_bytes(&pool) <= BYTES_MAX);
    assert_true(ledger_run_due(&g, COUNT / 2, UINT64_MAX, never, NULL));
    assert_int_equal(g.ready_count, COUNT / 2);
    assert_false(ledger_run_due(&g, COUNT, 1000, never, NULL));
    assert_true(ledger_run_due(&g, COUNT, UINT64_MAX, never, NULL));
    assert_int_equal(g.ready_count, COUNT);
    assert_true(held_pool_bytes(&pool) <= BYTES_MAX);
    assert_true(ledger_peek(&g, &l, &offset));
    assert_int_equal(offset, 0);
    assert_int_equal(ledger_purge(&g, FATE_PURGED, false, never, NULL), COUNT);
    assert_int_equal(held_pool_bytes(&pool), 0);
    ledger_fini(&g);
    held_pool_fini(&pool);
}

/* Each is ready at its own time, not a millisecond later, and comes in the order of time. */
static void delayed_ones_are_due_one_by_one(void **state)
{
    enum { COUNT = 3000 };
    struct held_pool pool;
    struct ledger    g;
    struct lane     *l;
    uint64_t         offset;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    for (uint64_t i = 0; i < COUNT; i++)
        ledger_append(&g, 0, 1, (int64_t)(i * 7919 % COUNT + 1));
    for (int64_t now = 1; now <= COUNT; now++) {
        assert_false(ledger_peek(&g, &l, &offset));
        assert_true(ledger_due_ms(&g) <= now);
        assert_true(ledger_run_due(&g, now, 1, never, NULL));
        assert_true(ledger_peek(&g, &l, &offset));
        assert_int_equal(offset * 7919 % COUNT + 1, now);
        assert_true(ledger_settle(l, offset, FATE_ACKED));
    }
    assert_int_equal(g.fates[FATE_ACKED], COUNT);
    ledger_fini(&g);
    held_pool_fini(&pool);
}

static void starts_inside_a_log(void **state)
{
    struct held_pool pool;
    struct ledger    g;

    (void)state;
    held_pool_init(&pool, NULL);
    ledger_init(&g, &pool, 1);
    ledger_begin(&g, 0, 7, 9);
    assert_int_equal(g.ready_count, 2);
    assert_int_equal(lane_floor(&g.lanes[0]), 7);
    assert_int_equal(lease_next(&g), 7);
    ledger_fini(&g);
    held_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_naive_model),
        cmocka_unit_test(a_run_is_leased_at_once),
        cmocka_unit_test(returned_ones_come_first_in_order),
        cmocka_unit_test(lanes_take_turns),
        cmocka_unit_test(a_backlog_is_a_range),
        cmocka_unit_test(what_is_passed_over_stays_ready),
        cmocka_unit_test(starts_inside_a_log),
        cmocka_unit_test(delayed_ones_are_small),
        cmocka_unit_test(delayed_ones_are_due_one_by_one),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
