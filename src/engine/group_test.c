/* group_test.c - consumer groups through the real engine: the machine of group.c, time as an
 * argument. */
#include <stdio.h>

#include "engine/engine_rig.h"

enum { SESSION_MS = 10000, REBALANCE_MS = 30000 };

/* ---- calls: tag 1 means answered ---- */

static void on_done(struct call *c)
{
    c->tag = 1;
}

static bool is_done(const void *call)
{
    return ((const struct call *)call)->tag == 1;
}

static void submit(struct rig *r, void *call)
{
    struct call *c = call;

    c->done = on_done;
    engine_begin(r->engine, r->now_ms);
    engine_submit(r->engine, c);
    engine_end(r->engine);
    rig_turn(r);
}

static struct group_join_call *new_join(struct rig *r, const char *member, const char *instance)
{
    static struct group_protocol range = { { (const uint8_t *)"range", 5 }, { NULL, 0 } };
    struct group_join_call      *j = RIG_NEW(r, group_join_call, CALL_GROUP_JOIN);

    j->ns = bytes_str(NAMESPACE_DEFAULT);
    j->group = bytes_str("g");
    j->client_id = bytes_str("client");
    j->member_id = call_bytes(j, bytes_str(member));
    j->instance_id = bytes_str(instance);
    j->session_ms = SESSION_MS;
    j->rebalance_ms = REBALANCE_MS;
    j->protocol_type = bytes_str("consumer");
    range.metadata = bytes_str("topics");
    j->protocols = &range;
    j->protocol_count = 1;
    return j;
}

static struct group_join_call *join(struct rig *r, const char *member)
{
    struct group_join_call *j = new_join(r, member, NULL);

    submit(r, j);
    return j;
}

/* A call that belongs to no connection is answered at the end, too. */
static void a_parked_join_without_a_session_ends_with_the_engine(void **state)
{
    struct rig              r;
    struct group_join_call *j;

    (void)state;
    rig_open(&r);
    j = join(&r, "");
    assert_int_equal(j->call.session, 0);
    assert_false(is_done(j));
    rig_close(&r);
    assert_true(is_done(j));
    assert_int_equal(j->call.err, ERR_SHUTDOWN);
    call_free(j);
}

/* The member id an answered join was given, as text. */
static const char *id_of(struct group_join_call *j)
{
    return arena_str(&j->call.arena, j->member_id);
}

static struct group_sync_call *new_sync(struct rig *r, const char *member, int32_t generation)
{
    struct group_sync_call *s = RIG_NEW(r, group_sync_call, CALL_GROUP_SYNC);

    s->ns = bytes_str(NAMESPACE_DEFAULT);
    s->group = bytes_str("g");
    s->member_id = call_bytes(s, bytes_str(member));
    s->generation = generation;
    return s;
}

static struct group_sync_call *sync_group(struct rig *r, const char *member, int32_t generation)
{
    struct group_sync_call *s = new_sync(r, member, generation);

    submit(r, s);
    return s;
}

static void assign_to(struct group_sync_call *s, size_t i, const char *member, const char *what)
{
    s->assignments[i].member_id = call_bytes(s, bytes_str(member));
    s->assignments[i].assignment = call_bytes(s, bytes_str(what));
    s->assignment_count = i + 1;
}

/* The leader's sync, with assignments for one or two members. */
static struct group_sync_call *lead(struct rig *r, const char *leader, int32_t generation,
                                    const char *other)
{
    struct group_sync_call *s = new_sync(r, leader, generation);

    s->assignments = arena_array(&s->call.arena, 2, sizeof *s->assignments);
    assign_to(s, 0, leader, "leader's part");
    if (other)
        assign_to(s, 1, other, "other's part");
    submit(r, s);
    return s;
}

static enum err heartbeat_as(struct rig *r, const char *member, const char *instance,
                             int32_t generation)
{
    struct group_heartbeat_call *h = RIG_NEW(r, group_heartbeat_call, CALL_GROUP_HEARTBEAT);
    enum err                     err;

    h->ns = bytes_str(NAMESPACE_DEFAULT);
    h->group = bytes_str("g");
    h->member_id = bytes_str(member);
    h->instance_id = bytes_str(instance);
    h->generation = generation;
    submit(r, h);
    assert_true(is_done(h));
    err = h->call.err;
    call_free(h);
    return err;
}

static enum err heartbeat(struct rig *r, const char *member, int32_t generation)
{
    return heartbeat_as(r, member, NULL, generation);
}

static enum err leave_as(struct rig *r, const char *member, const char *instance)
{
    struct group_leave_call *l = RIG_NEW(r, group_leave_call, CALL_GROUP_LEAVE);
    struct group_leave_item  item = { bytes_str(member), bytes_str(instance), ERR_OK };

    l->ns = bytes_str(NAMESPACE_DEFAULT);
    l->group = bytes_str("g");
    l->item_count = 1;
    l->items = &item;
    submit(r, l);
    assert_true(is_done(l));
    assert_int_equal(l->call.err, ERR_OK);
    call_free(l);
    return item.err;
}

static void close_session(struct rig *r, uint64_t session)
{
    struct call *c = rig_new(r, sizeof *c, CALL_SESSION_CLOSE);

    c->session = session;
    submit(r, c);
    assert_true(is_done(c));
    call_free(c);
}

/* One member, joined and synced in generation 1; the id is the caller's to free. */
static char *stable_member(struct rig *r)
{
    struct group_join_call *j = join(r, "");
    char                   *id;
    struct group_sync_call *s;

    rig_advance(r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(j));
    id = strdup(id_of(j));
    s = lead(r, id, 1, NULL);
    assert_true(is_done(s));
    assert_int_equal(s->call.err, ERR_OK);
    call_free(j);
    call_free(s);
    return id;
}

/* Two members, joined and synced in generation 1. */
static void stable_pair(struct rig *r, char **leader, char **other)
{
    struct group_join_call *a = join(r, "");
    struct group_join_call *b = join(r, "");
    struct group_sync_call *sa, *sb;

    rig_advance(r, GROUP_INITIAL_DELAY_MS);
    rig_advance(r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(a) && is_done(b));
    *leader = strdup(id_of(a));
    *other = strdup(id_of(b));
    sb = sync_group(r, *other, 1);
    assert_false(is_done(sb));
    sa = lead(r, *leader, 1, *other);
    assert_true(is_done(sa) && is_done(sb));
    call_free(a);
    call_free(b);
    call_free(sa);
    call_free(sb);
}

/* ---- one member ---- */

static void a_member_alone_gets_everything(void **state)
{
    struct rig              r;
    struct group_join_call *j;
    struct group_sync_call *s;
    const char             *id;

    (void)state;
    rig_open(&r);
    j = join(&r, "");
    assert_false(is_done(j));
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(j));
    assert_int_equal(j->call.err, ERR_OK);
    assert_int_equal(j->generation, 1);
    assert_true(bytes_eq_str(j->protocol, "range"));
    assert_true(bytes_eq_str(j->protocol_type, "consumer"));
    assert_true(bytes_eq(j->leader, j->member_id));
    assert_true(bytes_starts(j->member_id, "client-"));
    assert_int_equal(j->member_id.len, strlen("client-") + 36);
    assert_int_equal(j->member_count, 1);
    assert_true(bytes_eq_str(j->members[0].metadata, "topics"));
    id = id_of(j);
    s = lead(&r, id, 1, NULL);
    assert_true(bytes_eq_str(s->assignment, "leader's part"));
    assert_int_equal(heartbeat(&r, id, 1), ERR_OK);
    assert_int_equal(heartbeat(&r, id, 2), ERR_ILLEGAL_GENERATION);
    assert_int_equal(heartbeat(&r, "nobody", 1), ERR_UNKNOWN_MEMBER);
    assert_int_equal(leave_as(&r, id, NULL), ERR_OK);
    assert_int_equal(leave_as(&r, id, NULL), ERR_UNKNOWN_MEMBER);
    assert_int_equal(r.engine->groups.count, 1); /* shown for a while */
    rig_advance(&r, GROUP_IDLE_MS);
    assert_int_equal(r.engine->groups.count, 0);
    call_free(j);
    call_free(s);
    rig_close(&r);
}

static void a_newcomer_is_sent_back_with_its_id(void **state)
{
    struct rig              r;
    struct group_join_call *first, *second;
    const char             *id;

    (void)state;
    rig_open(&r);
    first = new_join(&r, "", NULL);
    first->needs_known_id = true;
    submit(&r, first);
    assert_true(is_done(first));
    assert_int_equal(first->call.err, ERR_NEED_MEMBER_ID);
    id = id_of(first);
    assert_int_equal(heartbeat(&r, id, 0), ERR_UNKNOWN_MEMBER); /* pending is not joined */
    second = new_join(&r, id, NULL);
    second->needs_known_id = true;
    submit(&r, second);
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(second));
    assert_int_equal(second->call.err, ERR_OK);
    assert_true(bytes_eq(second->member_id, first->member_id));
    call_free(first);
    call_free(second);
    rig_close(&r);
}

static void a_pending_member_is_forgotten_after_its_session(void **state)
{
    struct rig              r;
    struct group_join_call *j, *again;

    (void)state;
    rig_open(&r);
    j = new_join(&r, "", NULL);
    j->needs_known_id = true;
    submit(&r, j);
    assert_int_equal(r.engine->groups.count, 1);
    rig_advance(&r, SESSION_MS);
    again = join(&r, id_of(j));
    assert_int_equal(again->call.err, ERR_UNKNOWN_MEMBER);
    assert_int_equal(r.engine->groups.count, 1);
    rig_advance(&r, GROUP_IDLE_MS);
    assert_int_equal(r.engine->groups.count, 0);
    call_free(again);
    call_free(j);
    rig_close(&r);
}

static void bad_joins_are_refused(void **state)
{
    static const struct {
        const char *group, *member, *type;
        int32_t     session_ms;
        enum err    err;
    } rows[] = {
        { "", "", "consumer", SESSION_MS, ERR_BAD_NAME },
        { "g", "", "consumer", GROUP_SESSION_MS_MIN - 1, ERR_BAD_SESSION_TIMEOUT },
        { "g", "", "consumer", GROUP_SESSION_MS_MAX + 1, ERR_BAD_SESSION_TIMEOUT },
        { "g", "", "", SESSION_MS, ERR_MIXED_PROTOCOLS },
        { "g", "who", "consumer", SESSION_MS, ERR_UNKNOWN_MEMBER },
    };
    struct rig r;

    (void)state;
    rig_open(&r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct group_join_call *j = new_join(&r, rows[i].member, NULL);

        j->group = bytes_str(rows[i].group);
        j->protocol_type = bytes_str(rows[i].type);
        j->session_ms = rows[i].session_ms;
        submit(&r, j);
        assert_true(is_done(j));
        assert_int_equal(j->call.err, rows[i].err);
        call_free(j);
    }
    assert_int_equal(r.engine->groups.count, 0);
    rig_close(&r);
}

/* ---- several members ---- */

static void members_that_start_together_share_one_generation(void **state)
{
    struct rig              r;
    struct group_join_call *a, *b;
    struct group_sync_call *sa, *sb;
    const char             *ia, *ib;

    (void)state;
    rig_open(&r);
    a = join(&r, "");
    rig_advance(&r, GROUP_INITIAL_DELAY_MS - 1);
    b = join(&r, "");
    rig_advance(&r, 1);
    assert_false(is_done(a)); /* b extended the wait */
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(a) && is_done(b));
    assert_int_equal(a->generation, 1);
    assert_int_equal(b->generation, 1);
    assert_int_equal(a->member_count, 2);
    assert_int_equal(b->member_count, 0);
    assert_true(bytes_eq(b->leader, a->member_id));
    ia = id_of(a);
    ib = id_of(b);
    sb = sync_group(&r, ib, 1);
    assert_false(is_done(sb));
    sa = lead(&r, ia, 1, ib);
    assert_true(bytes_eq_str(sa->assignment, "leader's part"));
    assert_true(is_done(sb));
    assert_true(bytes_eq_str(sb->assignment, "other's part"));
    call_free(a);
    call_free(b);
    call_free(sa);
    call_free(sb);
    rig_close(&r);
}

static void a_newcomer_makes_all_join_again(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *a, *b, *c;
    struct group_sync_call *early;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    c = join(&r, "");
    assert_false(is_done(c));
    assert_int_equal(heartbeat(&r, ia, 1), ERR_REBALANCING);
    early = sync_group(&r, ia, 1);
    assert_int_equal(early->call.err, ERR_REBALANCING);
    a = join(&r, ia);
    assert_false(is_done(a));
    b = join(&r, ib);
    assert_true(is_done(a) && is_done(b) && is_done(c));
    assert_int_equal(c->generation, 2);
    assert_int_equal(a->member_count, 3);
    assert_true(bytes_eq(c->leader, a->member_id));
    assert_int_equal(heartbeat(&r, ia, 1), ERR_ILLEGAL_GENERATION);
    assert_int_equal(heartbeat(&r, ia, 2), ERR_OK);
    call_free(a);
    call_free(b);
    call_free(c);
    call_free(early);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void who_joins_too_late_is_out(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *b, *c;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    c = join(&r, "");
    b = join(&r, ib);
    for (int ms = 0; ms < REBALANCE_MS; ms += SESSION_MS / 2) {
        assert_false(is_done(b));
        assert_int_equal(heartbeat(&r, ia, 1), ERR_REBALANCING); /* alive, but it does not join */
        rig_advance(&r, SESSION_MS / 2);
    }
    assert_true(is_done(b) && is_done(c));
    assert_int_equal(b->generation, 2);
    assert_true(bytes_eq(c->leader, b->member_id)); /* the old leader is gone */
    assert_int_equal(b->member_count, 2);
    assert_int_equal(heartbeat(&r, ia, 2), ERR_UNKNOWN_MEMBER);
    call_free(b);
    call_free(c);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void a_silent_member_expires(void **state)
{
    struct rig r;
    char      *ia, *ib;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    rig_advance(&r, SESSION_MS - 1);
    assert_int_equal(heartbeat(&r, ib, 1), ERR_OK);
    rig_advance(&r, 1);
    assert_int_equal(heartbeat(&r, ib, 1), ERR_REBALANCING);
    assert_int_equal(heartbeat(&r, ia, 1), ERR_UNKNOWN_MEMBER);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void who_never_syncs_is_removed(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *a, *b;
    struct group_sync_call *sb;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    a = join(&r, ia); /* the leader may ask for a rebalance at any time */
    assert_false(is_done(a));
    b = join(&r, ib);
    assert_true(is_done(a) && is_done(b));
    sb = sync_group(&r, ib, 2);
    for (int ms = 0; ms < REBALANCE_MS; ms += SESSION_MS / 2) {
        assert_false(is_done(sb));
        assert_int_equal(heartbeat(&r, ia, 2), ERR_OK); /* alive, but it does not sync */
        rig_advance(&r, SESSION_MS / 2);
    }
    assert_true(is_done(sb));
    assert_int_equal(sb->call.err, ERR_REBALANCING);
    assert_int_equal(heartbeat(&r, ia, 2), ERR_UNKNOWN_MEMBER);
    call_free(a);
    call_free(b);
    call_free(sb);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void leaving_makes_the_others_rebalance(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *b;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    assert_int_equal(leave_as(&r, ia, NULL), ERR_OK);
    assert_int_equal(heartbeat(&r, ib, 1), ERR_REBALANCING);
    b = join(&r, ib);
    assert_true(is_done(b));
    assert_int_equal(b->generation, 2);
    assert_true(bytes_eq(b->leader, b->member_id));
    call_free(b);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void a_join_that_changes_nothing_gets_the_present_generation(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *b;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    b = join(&r, ib);
    assert_true(is_done(b));
    assert_int_equal(b->call.err, ERR_OK);
    assert_int_equal(b->generation, 1);
    assert_int_equal(b->member_count, 0);
    assert_int_equal(heartbeat(&r, ia, 1), ERR_OK);
    call_free(b);
    free(ia);
    free(ib);
    rig_close(&r);
}

/* ---- protocols ---- */

static struct group_join_call *join_with(struct rig *r, struct group_protocol *protocols,
                                         size_t count)
{
    struct group_join_call *j = new_join(r, "", NULL);

    j->protocols = protocols;
    j->protocol_count = count;
    submit(r, j);
    return j;
}

static void the_protocol_most_prefer_among_the_common_ones_wins(void **state)
{
    struct group_protocol   x = { bytes_str("x"), bytes_str("mx") };
    struct group_protocol   y = { bytes_str("y"), bytes_str("my") };
    struct group_protocol   z = { bytes_str("z"), bytes_str("mz") };
    struct rig              r;
    struct group_join_call *a, *b, *c, *d;

    (void)state;
    rig_open(&r);
    a = join_with(&r, (struct group_protocol[]){ x, y }, 2);
    b = join_with(&r, (struct group_protocol[]){ z, y, x }, 3);
    c = join_with(&r, (struct group_protocol[]){ y, x }, 2);
    d = join_with(&r, &z, 1);
    assert_true(is_done(d));
    assert_int_equal(d->call.err, ERR_MIXED_PROTOCOLS);
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(a));
    assert_true(bytes_eq_str(a->protocol, "y"));
    assert_int_equal(a->member_count, 3);
    assert_true(bytes_eq_str(a->members[1].metadata, "my"));
    call_free(a);
    call_free(b);
    call_free(c);
    call_free(d);
    rig_close(&r);
}

static void sync_checks_the_protocol_it_is_told(void **state)
{
    struct rig              r;
    char                   *id;
    struct group_sync_call *s;

    (void)state;
    rig_open(&r);
    id = stable_member(&r);
    s = new_sync(&r, id, 1);
    s->protocol_type = bytes_str("consumer");
    s->protocol = bytes_str("roundrobin");
    submit(&r, s);
    assert_int_equal(s->call.err, ERR_MIXED_PROTOCOLS);
    call_free(s);
    free(id);
    rig_close(&r);
}

/* ---- static members ---- */

/* A group of one static member, synced in generation 1. */
static char *stable_static(struct rig *r)
{
    struct group_join_call *j = new_join(r, "", "i1");
    struct group_sync_call *s;
    char                   *id;

    j->needs_known_id = true; /* static members need none */
    submit(r, j);
    rig_advance(r, GROUP_INITIAL_DELAY_MS);
    assert_true(is_done(j));
    assert_int_equal(j->call.err, ERR_OK);
    assert_true(bytes_starts(j->member_id, "i1-"));
    id = strdup(id_of(j));
    s = lead(r, id, 1, NULL);
    call_free(j);
    call_free(s);
    return id;
}

static void a_static_member_comes_back_without_a_rebalance(void **state)
{
    struct rig              r;
    char                   *old;
    struct group_join_call *j;
    struct group_sync_call *s;

    (void)state;
    rig_open(&r);
    old = stable_static(&r);
    j = new_join(&r, "", "i1");
    j->can_skip_assignment = true;
    submit(&r, j);
    assert_true(is_done(j));
    assert_int_equal(j->call.err, ERR_OK);
    assert_int_equal(j->generation, 1);
    assert_true(j->skip_assignment);
    assert_true(bytes_eq(j->leader, j->member_id));
    assert_int_equal(j->member_count, 1);
    assert_false(bytes_eq_str(j->member_id, old));
    assert_int_equal(heartbeat_as(&r, old, "i1", 1), ERR_FENCED_INSTANCE);
    assert_int_equal(heartbeat_as(&r, id_of(j), "i1", 1), ERR_OK);
    s = sync_group(&r, id_of(j), 1);
    assert_true(bytes_eq_str(s->assignment, "leader's part"));
    call_free(j);
    call_free(s);
    free(old);
    rig_close(&r);
}

static void an_old_client_is_told_of_its_former_self_as_leader(void **state)
{
    struct rig              r;
    char                   *old;
    struct group_join_call *j;

    (void)state;
    rig_open(&r);
    old = stable_static(&r);
    j = new_join(&r, "", "i1");
    submit(&r, j);
    assert_true(is_done(j));
    assert_false(j->skip_assignment);
    assert_true(bytes_eq_str(j->leader, old));
    assert_int_equal(j->member_count, 0);
    call_free(j);
    free(old);
    rig_close(&r);
}

static void a_static_member_leaves_by_its_instance_id(void **state)
{
    struct rig r;
    char      *id;

    (void)state;
    rig_open(&r);
    id = stable_static(&r);
    assert_int_equal(leave_as(&r, "", "i2"), ERR_UNKNOWN_MEMBER);
    assert_int_equal(leave_as(&r, "wrong", "i1"), ERR_FENCED_INSTANCE);
    assert_int_equal(leave_as(&r, "", "i1"), ERR_OK);
    assert_int_equal(heartbeat_as(&r, id, "i1", 1), ERR_UNKNOWN_MEMBER);
    free(id);
    rig_close(&r);
}

/* ---- connections ---- */

static void a_newcomer_whose_connection_goes_is_removed(void **state)
{
    struct rig              r;
    char                   *id;
    struct group_join_call *gone, *rejoin;

    (void)state;
    rig_open(&r);
    id = stable_member(&r);
    gone = new_join(&r, "", NULL);
    gone->call.session = 7;
    submit(&r, gone);
    assert_int_equal(heartbeat(&r, id, 1), ERR_REBALANCING);
    close_session(&r, 7);
    assert_true(is_done(gone));
    assert_int_equal(gone->call.err, ERR_CANCELLED);
    rejoin = join(&r, id);
    assert_true(is_done(rejoin)); /* nobody else is waited for */
    assert_int_equal(rejoin->member_count, 1);
    call_free(gone);
    call_free(rejoin);
    free(id);
    rig_close(&r);
}

static void a_member_whose_connection_goes_may_come_back(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *gone, *a, *b;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    gone = new_join(&r, ia, NULL);
    gone->call.session = 7;
    submit(&r, gone);
    close_session(&r, 7);
    assert_int_equal(gone->call.err, ERR_CANCELLED);
    b = join(&r, ib);
    assert_false(is_done(b)); /* a is a member still */
    a = join(&r, ia);
    assert_true(is_done(a) && is_done(b));
    assert_int_equal(a->generation, 2);
    call_free(gone);
    call_free(a);
    call_free(b);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void a_join_repeated_answers_the_first(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *first, *second;

    (void)state;
    rig_open(&r);
    stable_pair(&r, &ia, &ib);
    first = join(&r, ia);
    assert_false(is_done(first));
    second = join(&r, ia);
    assert_true(is_done(first));
    assert_int_equal(first->call.err, ERR_REBALANCING);
    assert_false(is_done(second));
    call_free(join(&r, ib));
    assert_true(is_done(second));
    assert_int_equal(second->generation, 2);
    call_free(first);
    call_free(second);
    free(ia);
    free(ib);
    rig_close(&r);
}

/* ---- offsets ---- */

static void make_topic(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition_count = partitions;
    submit(r, c);
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
}

static enum err commit_as(struct rig *r, const char *member, int32_t generation,
                          struct offset_item *items, size_t count)
{
    struct offsets_commit_call *c = RIG_NEW(r, offsets_commit_call, CALL_OFFSETS_COMMIT);
    enum err                    err;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str("g");
    c->member_id = bytes_str(member);
    c->generation = generation;
    c->items = items;
    c->item_count = count;
    submit(r, c);
    assert_true(is_done(c));
    err = c->call.err;
    call_free(c);
    return err;
}

static enum err commit_one(struct rig *r, const char *member, int32_t generation, int64_t offset)
{
    struct offset_item item = { .name = bytes_str("t"), .offset = offset, .leader_epoch = -1 };
    enum err           err = commit_as(r, member, generation, &item, 1);

    return err ? err : item.err;
}

static int64_t committed(struct rig *r, const char *topic, uint32_t partition)
{
    struct offsets_get_call *c = RIG_NEW(r, offsets_get_call, CALL_OFFSETS_GET);
    struct offset_item       item = { .name = bytes_str(topic), .partition = partition };

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str("g");
    c->items = &item;
    c->item_count = 1;
    submit(r, c);
    assert_true(is_done(c));
    assert_int_equal(item.err, ERR_OK);
    call_free(c);
    return item.offset;
}

static void offsets_survive_a_restart(void **state)
{
    struct rig               r;
    struct offset_item       items[] = {
              { .name = bytes_str("t"), .partition = 0, .offset = 5, .leader_epoch = 0 },
              { .name = bytes_str("t"), .partition = 2, .offset = 7, .metadata = bytes_str("note") },
              { .name = bytes_str("t"), .partition = 3, .offset = 1 },
              { .name = bytes_str("missing"), .partition = 0, .offset = 1 },
              { .name = bytes_str("u"), .partition = 0, .offset = 0 },
    };
    struct offsets_get_call *all;

    (void)state;
    rig_open(&r);
    make_topic(&r, "t", 3);
    make_topic(&r, "u", 1);
    assert_int_equal(commit_as(&r, "", -1, items, COUNT(items)), ERR_OK);
    assert_int_equal(items[0].err, ERR_OK);
    assert_int_equal(items[2].err, ERR_NO_PARTITION);
    assert_int_equal(items[3].err, ERR_NO_TOPIC);
    rig_restart(&r);
    assert_int_equal(committed(&r, "t", 0), 5);
    assert_int_equal(committed(&r, "t", 1), -1);
    assert_int_equal(committed(&r, "t", 2), 7);
    assert_int_equal(committed(&r, "u", 0), 0);
    assert_int_equal(committed(&r, "missing", 0), -1);
    all = RIG_NEW(&r, offsets_get_call, CALL_OFFSETS_GET);
    all->ns = bytes_str(NAMESPACE_DEFAULT);
    all->group = bytes_str("g");
    all->all = true;
    submit(&r, all);
    assert_int_equal(all->item_count, 3);
    for (size_t i = 0; i < all->item_count; i++) {
        if (all->items[i].offset == 7)
            assert_true(bytes_eq_str(all->items[i].metadata, "note"));
    }
    call_free(all);
    rig_close(&r);
}

static void commits_obey_the_membership(void **state)
{
    struct rig              r;
    char                   *ia, *ib;
    struct group_join_call *a, *b;

    (void)state;
    rig_open(&r);
    make_topic(&r, "t", 1);
    assert_int_equal(commit_one(&r, "who", 1, 1), ERR_NO_GROUP);
    stable_pair(&r, &ia, &ib);
    assert_int_equal(commit_one(&r, ia, 1, 10), ERR_OK);
    assert_int_equal(commit_one(&r, ia, 2, 11), ERR_ILLEGAL_GENERATION);
    assert_int_equal(commit_one(&r, "who", 1, 12), ERR_UNKNOWN_MEMBER);
    assert_int_equal(commit_one(&r, "", -1, 13), ERR_UNKNOWN_MEMBER);
    a = join(&r, ia);
    assert_int_equal(commit_one(&r, ib, 1, 14), ERR_OK); /* what it did before it joins again */
    b = join(&r, ib);
    assert_int_equal(commit_one(&r, ib, 2, 15), ERR_REBALANCING);
    assert_int_equal(committed(&r, "t", 0), 14);
    assert_int_equal(leave_as(&r, ia, NULL), ERR_OK);
    assert_int_equal(leave_as(&r, ib, NULL), ERR_OK);
    assert_int_equal(commit_one(&r, "", -1, 16), ERR_OK);
    assert_int_equal(committed(&r, "t", 0), 16);
    call_free(a);
    call_free(b);
    free(ia);
    free(ib);
    rig_close(&r);
}

static void a_note_that_is_too_long_is_refused(void **state)
{
    static uint8_t     text[GROUP_METADATA_BYTES_MAX + 1];
    struct rig         r;
    struct offset_item item = { .name = bytes_str("t"), .metadata = bytes_of(text, sizeof text) };

    (void)state;
    rig_open(&r);
    make_topic(&r, "t", 1);
    assert_int_equal(commit_as(&r, "", -1, &item, 1), ERR_OK);
    assert_int_equal(item.err, ERR_TOO_BIG);
    assert_int_equal(r.engine->groups.count, 0);
    item.metadata.len--;
    assert_int_equal(commit_as(&r, "", -1, &item, 1), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
    rig_close(&r);
}

static void offsets_go_with_their_topic(void **state)
{
    struct rig                r;
    struct topic_delete_call *c;

    (void)state;
    rig_open(&r);
    make_topic(&r, "t", 1);
    assert_int_equal(commit_one(&r, "", -1, 3), ERR_OK);
    c = RIG_NEW(&r, topic_delete_call, CALL_TOPIC_DELETE);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("t");
    submit(&r, c);
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
    make_topic(&r, "t", 1);
    assert_int_equal(committed(&r, "t", 0), -1);
    rig_restart(&r);
    assert_int_equal(committed(&r, "t", 0), -1);
    rig_close(&r);
}

static void offsets_of_an_abandoned_group_are_forgotten_after_a_week(void **state)
{
    const int64_t week_ms = 7 * 24 * 60 * 60 * INT64_C(1000);
    struct rig    r;

    (void)state;
    rig_open(&r);
    make_topic(&r, "t", 1);
    assert_int_equal(commit_one(&r, "", -1, 3), ERR_OK);
    rig_advance(&r, week_ms - 1);
    assert_int_equal(committed(&r, "t", 0), 3);
    rig_advance(&r, 1);
    assert_int_equal(committed(&r, "t", 0), -1);
    rig_restart(&r);
    assert_int_equal(committed(&r, "t", 0), -1);
    rig_close(&r);
}

/* Of all that is of members it alone is kept. */
static void the_protocol_type_survives(void **state)
{
    struct rig              r;
    struct group_join_call *j;
    struct group_list_call *l;

    (void)state;
    rig_open(&r);
    make_topic(&r, "t", 1);
    j = join(&r, "");
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_int_equal(j->call.err, ERR_OK);
    assert_int_equal(leave_as(&r, id_of(j), NULL), ERR_OK);
    call_free(j);
    for (int i = 0; i < 2; i++) {
        l = RIG_NEW(&r, group_list_call, CALL_GROUP_LIST);
        l->ns = bytes_str(NAMESPACE_DEFAULT);
        assert_true(rig_call(&r, l));
        assert_int_equal(l->item_count, 1);
        assert_true(bytes_eq_str(l->items[0].protocol_type, "consumer"));
        assert_int_equal(l->items[0].type, GROUP_CLASSIC);
        call_free(l);
        rig_restart(&r);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_alone_gets_everything),
        cmocka_unit_test(the_protocol_type_survives),
        cmocka_unit_test(a_newcomer_is_sent_back_with_its_id),
        cmocka_unit_test(a_parked_join_without_a_session_ends_with_the_engine),
        cmocka_unit_test(a_pending_member_is_forgotten_after_its_session),
        cmocka_unit_test(bad_joins_are_refused),
        cmocka_unit_test(members_that_start_together_share_one_generation),
        cmocka_unit_test(a_newcomer_makes_all_join_again),
        cmocka_unit_test(who_joins_too_late_is_out),
        cmocka_unit_test(a_silent_member_expires),
        cmocka_unit_test(who_never_syncs_is_removed),
        cmocka_unit_test(leaving_makes_the_others_rebalance),
        cmocka_unit_test(a_join_that_changes_nothing_gets_the_present_generation),
        cmocka_unit_test(the_protocol_most_prefer_among_the_common_ones_wins),
        cmocka_unit_test(sync_checks_the_protocol_it_is_told),
        cmocka_unit_test(a_static_member_comes_back_without_a_rebalance),
        cmocka_unit_test(an_old_client_is_told_of_its_former_self_as_leader),
        cmocka_unit_test(a_static_member_leaves_by_its_instance_id),
        cmocka_unit_test(a_newcomer_whose_connection_goes_is_removed),
        cmocka_unit_test(a_member_whose_connection_goes_may_come_back),
        cmocka_unit_test(a_join_repeated_answers_the_first),
        cmocka_unit_test(offsets_survive_a_restart),
        cmocka_unit_test(commits_obey_the_membership),
        cmocka_unit_test(a_note_that_is_too_long_is_refused),
        cmocka_unit_test(offsets_go_with_their_topic),
        cmocka_unit_test(offsets_of_an_abandoned_group_are_forgotten_after_a_week),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
