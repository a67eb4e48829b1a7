/*
 * share_random_test.c - a share group against a model, step by step: random members fetch, accept, release,
 * reject, renew,
 * go and come back; time passes; the broker crashes. What each record is must be what the model says, at every step.
 */
#include "engine/share_rig.h"

enum { MEMBERS = 3, RECORDS_MAX = 400, STEPS = 3000, LIMIT = 4, DELAY_MS = 700, LOCK_MS = 5000, STEP_MS = 40 };

static const char *const names[MEMBERS] = { "a", "b", "c" };

enum what { READY, LOCKED, WAITS, DONE };
struct model_record {
    enum what what;
    unsigned  attempts;
    int       member;
    int64_t   due_ms; /* LOCKED, WAITS */
};

struct model {
    struct rig          rig;
    uint64_t            random;
    int                 count;
    struct model_record at[RECORDS_MAX];
    bool                has_session[MEMBERS];
    int32_t             epochs[MEMBERS];
    int                 crashes, done, letters;
};

static unsigned draw(struct model *m, unsigned below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(m->random >> 33) % below;
}

/* ---- what should be ---- */

static void give_up(struct model *m, struct model_record *r)
{
    r->what = DONE;
    m->done++;
    m->letters++;
}

static void come_back(struct model *m, struct model_record *r, bool is_delayed)
{
    if (r->attempts >= LIMIT) {
        give_up(m, r);
        return;
    }
    r->what = is_delayed ? WAITS : READY;
    r->due_ms = m->rig.now_ms + DELAY_MS;
}

static void pass(struct model *m)
{
    for (int i = 0; i < m->count; i++) {
        struct model_record *r = &m->at[i];

        if (r->what == LOCKED && r->due_ms <= m->rig.now_ms)
            come_back(m, r, true);
        else if (r->what == WAITS && r->due_ms <= m->rig.now_ms)
            r->what = READY;
    }
}

static void lose_locks(struct model *m, int member)
{
    for (int i = 0; i < m->count; i++)
        if (m->at[i].what == LOCKED && (member < 0 || m->at[i].member == member))
            come_back(m, &m->at[i], false);
}

static void compare(struct model *m)
{
    const struct ledger *g = &share_queue(&m->rig, "t")->ledger;
    uint64_t             counts[DONE + 1] = { 0 };
    int                  start = 0;

    for (int i = 0; i < m->count; i++)
        counts[m->at[i].what]++;
    while (start < m->count && m->at[start].what == DONE)
        start++;
    assert_int_equal(g->leased_count, counts[LOCKED]);
    assert_int_equal(g->ready_count, counts[READY]);
    assert_int_equal(g->delayed_count, counts[WAITS]);
    assert_int_equal(share_start(&m->rig, "t", 0), start);
    assert_int_equal(share_topic(&m->rig, "dlq")->logs[0]->end, m->letters);
}

/* ---- what is done ---- */

static void append(struct model *m)
{
    int n = 1 + (int)draw(m, 8);

    if (m->count + n > RECORDS_MAX)
        return;
    share_append(&m->rig, "t", 0, n);
    m->count += n; /* zeros are READY */
}

static void fetch(struct model *m, int member)
{
    bool                     begins = !m->has_session[member];
    struct share_fetch_call *c = share_request(&m->rig, CALL_SHARE_FETCH, names[member], begins ? 0 : m->epochs[member],
                                               begins ? "t" : NULL, 0);

    c->messages_max = 1 + draw(m, 10);
    c->whole_batches = draw(m, 2);
    assert_true(rig_call(&m->rig, c));
    assert_int_equal(c->call.err, ERR_OK);
    for (size_t i = 0; i < c->ref_count; i++) {
        struct model_record *r = &m->at[c->refs[i].offset];

        assert_int_equal(r->what, READY);
        assert_int_equal(c->refs[i].counted_attempts, ++r->attempts);
        *r = (struct model_record){ LOCKED, r->attempts, member, m->rig.now_ms + LOCK_MS };
    }
    if (c->ref_count == 0)
        for (int i = 0; i < m->count; i++)
            assert_int_not_equal(m->at[i].what, READY);
    m->epochs[member] = begins ? 1 : m->epochs[member] + 1;
    m->has_session[member] = true;
    share_free(c);
}

static void follow(struct model *m, struct model_record *r, int8_t type)
{
    if (type == SHARE_RELEASE)
        come_back(m, r, true);
    else if (type == SHARE_REJECT)
        give_up(m, r);
    else if (type == SHARE_RENEW)
        r->due_ms = m->rig.now_ms + LOCK_MS;
    else {
        r->what = DONE;
        m->done++;
    }
}

/* Some offsets from a random one on: all the member's own, or nothing happens. */
static void acknowledge(struct model *m, int member)
{
    int      first = (int)draw(m, (unsigned)m->count + 1);
    int      last = first + (int)draw(m, 5);
    int8_t   type = (int8_t)(SHARE_ACCEPT + draw(m, 4));
    bool     is_his = last < m->count;
    int      start = (int)share_start(&m->rig, "t", 0);
    enum err err;

    if (!m->has_session[member])
        return;
    for (int i = first > start ? first : start; is_his && i <= last; i++)
        is_his = m->at[i].what == LOCKED && m->at[i].member == member;
    err = share_settle_now(&m->rig, names[member], m->epochs[member]++, "t", first, last, type);
    assert_int_equal(err == ERR_OK, is_his);
    for (int i = first; is_his && i <= last; i++)
        if (m->at[i].what == LOCKED)
            follow(m, &m->at[i], type);
}

static void end_session(struct model *m, int member)
{
    if (!m->has_session[member])
        return;
    assert_int_equal(share_end(&m->rig, share_request(&m->rig, CALL_SHARE_ACKNOWLEDGE, names[member], -1, NULL, 0)),
                     ERR_OK);
    m->has_session[member] = false;
    lose_locks(m, member);
}

static void crash(struct model *m)
{
    rig_restart(&m->rig);
    memset(m->has_session, 0, sizeof m->has_session);
    lose_locks(m, -1);
    m->crashes++;
}

static void step(struct model *m)
{
    int member = (int)draw(m, MEMBERS);

    switch (draw(m, 16)) {
    case 0:
    case 1:
        append(m);
        break;
    case 2:
    case 3:
    case 4:
        fetch(m, member);
        break;
    case 5:
        if (draw(m, 6) == 0)
            end_session(m, member);
        break;
    case 6:
        if (draw(m, 20) == 0)
            crash(m);
        break;
    default:
        acknowledge(m, member);
    }
    rig_advance(&m->rig, draw(m, STEP_MS));
    pass(m);
    compare(m);
}

static void run(uint64_t seed)
{
    struct group_policy p = share_earliest();
    struct model       *m = mem_new(sizeof *m);

    m->random = seed;
    rig_open(&m->rig);
    share_create(&m->rig, "t", 1);
    share_create(&m->rig, "dlq", 1);
    p.lock_ms = LOCK_MS;
    p.delivery_limit = LIMIT;
    p.release_delay_ms = DELAY_MS;
    p.dead_letter_topic = bytes_str("dlq");
    p.share_session_ms = 1000 * 1000;
    share_tell(&m->rig, &p);
    share_join(&m->rig, "a", "t");
    append(m);
    for (int i = 0; i < STEPS; i++)
        step(m);
    assert_true(m->crashes > 0 && m->done > m->count / 2 && m->letters > 0);
    rig_close(&m->rig);
    free(m);
}

static void it_does_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_does_what_the_model_says) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
