/* consumer_group_test.c - groups of the consumer protocol (KIP-848) through the real engine: epochs, who has what,
 * and that it survives. Time is an argument. */
#include <stdio.h>

#include "engine/consumer_group_calls.h"
#include "engine/engine_rig.h"

enum { PARTS = 6, REBALANCE_MS = 20000, SESSION_MS = 45000, NOT_SAID = -1 };

struct scene {
    struct rig  rig;
    struct uuid uuid; /* of the topic "t" */
};

/* What a member was told, and says. */
struct talker {
    const char *id, *instance;
    int32_t     epoch;
    int         owned[PARTS]; /* partitions of "t" that it has */
    int         owned_count;
};

static struct uuid make_topic(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);
    struct uuid               uuid;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition_count = partitions;
    c->policy = topic_policy_default;
    assert_true(rig_call(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    uuid = c->view.uuid;
    call_free(c);
    return uuid;
}

static void open_scene(struct scene *s)
{
    rig_open(&s->rig);
    s->uuid = make_topic(&s->rig, "t", PARTS);
}

static struct consumer_heartbeat_call *new_beat(struct scene *s, const struct talker *m)
{
    struct consumer_heartbeat_call *h = RIG_NEW(&s->rig, consumer_heartbeat_call, CALL_CONSUMER_HEARTBEAT);

    h->ns = bytes_str(NAMESPACE_DEFAULT);
    h->group = bytes_str("g");
    h->member_id = bytes_str(m->id);
    h->instance_id = bytes_str(m->instance);
    h->epoch = m->epoch;
    h->rebalance_ms = NOT_SAID;
    return h;
}

static void say_topic(struct consumer_heartbeat_call *h, const char *topic)
{
    h->has_names = true;
    h->name_count = 1;
    h->names = arena_array(&h->call.arena, 1, sizeof *h->names);
    h->names[0] = bytes_str(topic);
}

static void say_owned(struct scene *s, struct consumer_heartbeat_call *h, const struct talker *m)
{
    h->has_owned = true;
    h->owned_count = 1;
    h->owned = arena_array(&h->call.arena, 1, sizeof *h->owned);
    h->owned[0] = (struct topic_parts){ .uuid = s->uuid, .count = (size_t)m->owned_count };
    h->owned[0].partitions = arena_array(&h->call.arena, PARTS, sizeof(int32_t));
    for (int i = 0; i < m->owned_count; i++)
        h->owned[0].partitions[i] = m->owned[i];
}

/* Takes what the answer says, as a client that revokes at once. */
static enum err take_answer(struct scene *s, struct consumer_heartbeat_call *h, struct talker *m)
{
    enum err err;

    assert_true(rig_call(&s->rig, h));
    err = h->call.err;
    if (!err) {
        m->epoch = h->epoch;
        if (h->has_assignment) {
            m->owned_count = 0;
            for (size_t i = 0; h->assigned_count > 0 && i < h->assigned[0].count; i++)
                m->owned[m->owned_count++] = h->assigned[0].partitions[i];
        }
    }
    call_free(h);
    return err;
}

static enum err join(struct scene *s, struct talker *m)
{
    struct consumer_heartbeat_call *h;

    m->epoch = MEMBER_EPOCH_JOIN;
    m->owned_count = 0;
    h = new_beat(s, m);
    h->rebalance_ms = REBALANCE_MS;
    say_topic(h, "t");
    say_owned(s, h, m);
    h->owned_count = 0;
    return take_answer(s, h, m);
}

static enum err beat(struct scene *s, struct talker *m)
{
    return take_answer(s, new_beat(s, m), m);
}

static enum err beat_with_owned(struct scene *s, struct talker *m)
{
    struct consumer_heartbeat_call *h = new_beat(s, m);

    say_owned(s, h, m);
    return take_answer(s, h, m);
}

static enum err leave(struct scene *s, struct talker *m, int32_t epoch)
{
    m->epoch = epoch;
    return beat(s, m);
}

static enum err commit(struct scene *s, const char *member, int32_t epoch, bool tells_epoch)
{
    struct offsets_commit_call *o = RIG_NEW(&s->rig, offsets_commit_call, CALL_OFFSETS_COMMIT);
    struct offset_item          item = { .name = bytes_str("t"), .offset = 1, .leader_epoch = -1 };
    enum err                    err;

    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = bytes_str("g");
    o->member_id = bytes_str(member);
    o->generation = epoch;
    o->tells_epoch = tells_epoch;
    o->items = &item;
    o->item_count = 1;
    assert_true(rig_call(&s->rig, o));
    err = o->call.err;
    call_free(o);
    return err;
}

static void check_state(struct scene *s, enum group_state state, int32_t epoch, size_t members)
{
    struct consumer_describe_call    *d = RIG_NEW(&s->rig, consumer_describe_call, CALL_CONSUMER_DESCRIBE);
    struct consumer_group_description item = { .group = bytes_str("g") };

    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->items = &item;
    d->item_count = 1;
    assert_true(rig_call(&s->rig, d));
    assert_int_equal(item.err, ERR_OK);
    assert_int_equal(item.state, state);
    assert_int_equal(item.epoch, epoch);
    assert_int_equal(item.member_count, members);
    call_free(d);
}

static void one_member_has_all(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a" };

    (void)state;
    open_scene(&s);
    assert_int_equal(join(&s, &a), ERR_OK);
    assert_int_equal(a.epoch, 1);
    assert_int_equal(a.owned_count, PARTS);
    check_state(&s, GROUP_STABLE, 1, 1);
    assert_int_equal(leave(&s, &a, MEMBER_EPOCH_LEAVE), ERR_OK);
    check_state(&s, GROUP_EMPTY, 2, 0);
    assert_int_equal(join(&s, &a), ERR_OK);
    assert_int_equal(a.epoch, 3); /* epochs of a group are not used twice */
    rig_close(&s.rig);
}

/* CG1 */
static void what_is_given_was_given_up(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a" };
    struct talker b = { .id = "b" };

    (void)state;
    open_scene(&s);
    join(&s, &a);
    join(&s, &b);
    assert_int_equal(b.epoch, 2);
    assert_int_equal(b.owned_count, 0);
    check_state(&s, GROUP_RECONCILING, 2, 2);
    beat(&s, &b);
    assert_int_equal(b.owned_count, 0);
    assert_int_equal(beat(&s, &a), ERR_OK); /* is told to give up three, stays at its epoch */
    assert_int_equal(a.epoch, 1);
    assert_int_equal(a.owned_count, 3);
    beat(&s, &b);
    assert_int_equal(b.owned_count, 0); /* a has not said that it did */
    assert_int_equal(beat_with_owned(&s, &a), ERR_OK);
    assert_int_equal(a.epoch, 2);
    beat(&s, &b);
    assert_int_equal(b.owned_count, 3);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            assert_int_not_equal(a.owned[i], b.owned[k]);
    }
    check_state(&s, GROUP_STABLE, 2, 2);
    rig_close(&s.rig);
}

/* CG2 */
static void wrong_epochs_are_fenced(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a" };
    struct talker b = { .id = "b" };
    struct talker c;

    (void)state;
    open_scene(&s);
    assert_int_equal(beat(&s, &(struct talker){ .id = "a", .epoch = 1 }), ERR_NO_GROUP);
    join(&s, &a);
    assert_int_equal(beat(&s, &(struct talker){ .id = "x", .epoch = 1 }), ERR_UNKNOWN_MEMBER);
    assert_int_equal(beat(&s, &(struct talker){ .id = "a", .epoch = 2 }), ERR_FENCED_MEMBER);
    join(&s, &b);
    beat(&s, &a);
    c = a;
    beat_with_owned(&s, &a);
    assert_int_equal(a.epoch, 2);
    assert_int_equal(beat_with_owned(&s, &c), ERR_OK); /* the answer was lost */
    assert_int_equal(c.epoch, 2);
    c.epoch = 1;
    c.owned[c.owned_count++] = 5;
    assert_int_equal(beat_with_owned(&s, &c), ERR_FENCED_MEMBER); /* it has what is not its own */
    assert_int_equal(join(&s, &a), ERR_OK);                       /* from the start it may always come */
    assert_int_equal(a.owned_count, 3);
    rig_close(&s.rig);
}

/* CG5 */
static void silent_and_slow_members_go(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a" };
    struct talker b = { .id = "b" };

    (void)state;
    open_scene(&s);
    join(&s, &a);
    join(&s, &b);
    beat(&s, &a); /* has to give up three, and never says that it did */
    for (int i = 0; i < 4; i++) {
        rig_advance(&s.rig, REBALANCE_MS / 4);
        beat(&s, &b);
        if (i < 3)
            assert_int_equal(beat(&s, &a), ERR_OK);
    }
    assert_int_equal(beat(&s, &a), ERR_UNKNOWN_MEMBER);
    beat(&s, &b);
    assert_int_equal(b.owned_count, PARTS);
    rig_advance(&s.rig, SESSION_MS - 1);
    check_state(&s, GROUP_STABLE, 3, 1);
    rig_advance(&s.rig, 1);
    check_state(&s, GROUP_EMPTY, 4, 0);
    rig_close(&s.rig);
}

/* CG6 */
static void static_members_come_back(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a", .instance = "one" };
    struct talker b = { .id = "b", .instance = "one" };

    (void)state;
    open_scene(&s);
    join(&s, &a);
    assert_int_equal(join(&s, &b), ERR_UNRELEASED_INSTANCE);
    assert_int_equal(leave(&s, &a, MEMBER_EPOCH_AWAY), ERR_OK);
    check_state(&s, GROUP_RECONCILING, 1, 1);
    assert_int_equal(join(&s, &b), ERR_OK);
    assert_int_equal(b.epoch, 1); /* nothing has changed for the group */
    assert_int_equal(b.owned_count, PARTS);
    a.epoch = 1;
    assert_int_equal(beat(&s, &a), ERR_FENCED_INSTANCE);
    leave(&s, &b, MEMBER_EPOCH_AWAY);
    rig_advance(&s.rig, SESSION_MS);
    check_state(&s, GROUP_EMPTY, 2, 0);
    rig_close(&s.rig);
}

/* CG3 */
static void a_restart_changes_nothing(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a" };
    struct talker b = { .id = "b" };

    (void)state;
    open_scene(&s);
    join(&s, &a);
    join(&s, &b);
    beat(&s, &a); /* in the middle of giving up */
    rig_restart(&s.rig);
    assert_int_equal(beat(&s, &a), ERR_OK);
    assert_int_equal(a.epoch, 1);
    beat(&s, &b);
    assert_int_equal(b.owned_count, 0);
    beat_with_owned(&s, &a);
    beat(&s, &b);
    assert_int_equal(b.owned_count, 3);
    rig_restart(&s.rig);
    check_state(&s, GROUP_STABLE, 2, 2);
    assert_int_equal(beat(&s, &b), ERR_OK);
    rig_advance(&s.rig, SESSION_MS); /* sessions began anew */
    check_state(&s, GROUP_EMPTY, 4, 0);
    rig_close(&s.rig);
}

static void commits_are_of_the_present_epoch(void **state)
{
    struct scene  s;
    struct talker a = { .id = "a" };

    (void)state;
    open_scene(&s);
    join(&s, &a);
    assert_int_equal(commit(&s, "a", 1, true), ERR_OK);
    assert_int_equal(commit(&s, "a", 0, true), ERR_STALE_MEMBER);
    assert_int_equal(commit(&s, "a", 1, false), ERR_STALE_MEMBER);
    assert_int_equal(commit(&s, "x", 1, true), ERR_UNKNOWN_MEMBER);
    assert_int_equal(commit(&s, "", -1, true), ERR_UNKNOWN_MEMBER);
    leave(&s, &a, MEMBER_EPOCH_LEAVE);
    assert_int_equal(commit(&s, "", -1, true), ERR_OK);
    rig_close(&s.rig);
}

static void patterns_follow_the_topics(void **state)
{
    struct scene                    s;
    struct talker                   a = { .id = "a" };
    struct consumer_heartbeat_call *h;

    (void)state;
    open_scene(&s);
    h = new_beat(&s, &a);
    h->rebalance_ms = REBALANCE_MS;
    h->pattern = bytes_str("x.*");
    h->has_owned = true;
    assert_int_equal(take_answer(&s, h, &a), ERR_OK);
    assert_int_equal(a.owned_count, 0);
    make_topic(&s.rig, "xyz", 4);
    make_topic(&s.rig, "axyz", 4);
    beat(&s, &a);
    assert_int_equal(a.owned_count, 4);
    assert_int_equal(a.epoch, 2);
    h = new_beat(&s, &a);
    h->pattern = bytes_str("(a)\\1");
    assert_int_equal(take_answer(&s, h, &a), ERR_BAD_PATTERN);
    h = new_beat(&s, &a);
    h->assignor = bytes_str("sticky");
    assert_int_equal(take_answer(&s, h, &a), ERR_NO_ASSIGNOR);
    rig_close(&s.rig);
}

static const char *list_type(struct scene *s, enum group_type *type)
{
    struct group_list_call *l = RIG_NEW(&s->rig, group_list_call, CALL_GROUP_LIST);
    static char             protocol[32];

    l->ns = bytes_str(NAMESPACE_DEFAULT);
    assert_true(rig_call(&s->rig, l));
    assert_int_equal(l->item_count, 1);
    *type = l->items[0].type;
    snprintf(protocol, sizeof protocol, "%.*s", (int)l->items[0].protocol_type.len,
             (const char *)l->items[0].protocol_type.at);
    call_free(l);
    return protocol;
}

/* An empty group is of the protocol that it was last. */
static void a_group_keeps_its_type(void **state)
{
    struct scene    s;
    struct talker   a = { .id = "a" };
    enum group_type type;

    (void)state;
    open_scene(&s);
    join(&s, &a);
    leave(&s, &a, MEMBER_EPOCH_LEAVE);
    rig_restart(&s.rig);
    assert_string_equal(list_type(&s, &type), "consumer");
    assert_int_equal(type, GROUP_CONSUMER);
    rig_close(&s.rig);
}

/* Members come, go, fall silent and drag their feet; a partition has one owner all the time, and all have one when
 * it is quiet. */
enum { TALKERS = 5 };

static size_t drawn(uint64_t *seed, size_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(*seed >> 33) % below;
}

static void check_owners(const struct talker *members)
{
    int owners[PARTS] = { 0 };

    for (int m = 0; m < TALKERS; m++) {
        for (int i = 0; i < members[m].owned_count; i++)
            assert_int_equal(++owners[members[m].owned[i]], 1);
    }
}

static void act(struct scene *s, struct talker *m, uint64_t *seed)
{
    bool is_in = m->epoch > 0;

    if (!is_in && drawn(seed, 2) == 0) {
        join(s, m);
    } else if (is_in && drawn(seed, 8) == 0) {
        leave(s, m, MEMBER_EPOCH_LEAVE);
        m->epoch = MEMBER_EPOCH_JOIN;
        m->owned_count = 0;
    } else if (is_in && (drawn(seed, 2) ? beat(s, m) : beat_with_owned(s, m)) != ERR_OK) {
        m->epoch = MEMBER_EPOCH_JOIN; /* fenced: it gives up all */
        m->owned_count = 0;
    }
}

static void quiet_down(struct scene *s, struct talker *members)
{
    int all = 0;

    for (int round = 0; round < 8; round++) {
        for (int m = 0; m < TALKERS; m++) {
            if (members[m].epoch > 0)
                assert_int_equal(beat_with_owned(s, &members[m]), ERR_OK);
            check_owners(members);
        }
    }
    for (int m = 0; m < TALKERS; m++)
        all += members[m].owned_count;
    assert_int_equal(all, PARTS);
}

static void partitions_have_one_owner(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (int run = 0; run < 20; run++) {
        struct scene  s;
        struct talker members[TALKERS] = { { .id = "a" }, { .id = "b" }, { .id = "c" }, { .id = "d" }, { .id = "e" } };

        open_scene(&s);
        for (int i = 0; i < 200; i++) {
            act(&s, &members[drawn(&seed, TALKERS)], &seed);
            check_owners(members);
            rig_advance(&s.rig, (int64_t)drawn(&seed, 100));
            if (drawn(&seed, 50) == 0)
                rig_restart(&s.rig);
        }
        if (members[0].epoch <= 0)
            join(&s, &members[0]);
        quiet_down(&s, members);
        rig_close(&s.rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_member_has_all),
        cmocka_unit_test(what_is_given_was_given_up),
        cmocka_unit_test(wrong_epochs_are_fenced),
        cmocka_unit_test(silent_and_slow_members_go),
        cmocka_unit_test(static_members_come_back),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(commits_are_of_the_present_epoch),
        cmocka_unit_test(patterns_follow_the_topics),
        cmocka_unit_test(a_group_keeps_its_type),
        cmocka_unit_test(partitions_have_one_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
