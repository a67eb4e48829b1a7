/* assign_test.c - who gets which partitions: all of them, once, evenly, with few moves. */
#include "engine/assign.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

enum { TOPICS_MAX = 8, PARTS_MAX = 40, MEMBERS_MAX = 12 };

struct scene {
    uint64_t             ids[TOPICS_MAX][PARTS_MAX];
    struct assign_topic  topics[TOPICS_MAX];
    uint32_t             reads[MEMBERS_MAX][TOPICS_MAX];
    char                 names[MEMBERS_MAX][8];
    struct assign_member members[MEMBERS_MAX];
    struct parts         before[MEMBERS_MAX];
    struct assign_input  in;
};

static void add_topic(struct scene *s, size_t parts)
{
    size_t k = s->in.topic_count++;

    for (size_t i = 0; i < parts; i++)
        s->ids[k][i] = (k + 1) * 100 + i;
    s->topics[k] = (struct assign_topic){ parts, s->ids[k] };
    s->in.topics = s->topics;
}

/* `mask`: which topics it reads. */
static size_t add_member(struct scene *s, unsigned mask)
{
    size_t                m = s->in.member_count++;
    struct assign_member *a = &s->members[m];

    snprintf(s->names[m], sizeof s->names[m], "m%02zu", m);
    a->id = bytes_str(s->names[m]);
    a->topics = s->reads[m];
    a->topic_count = 0;
    a->before = &s->before[m];
    for (uint32_t k = 0; k < s->in.topic_count; k++) {
        if (mask >> k & 1)
            s->reads[m][a->topic_count++] = k;
    }
    s->in.members = s->members;
    return m;
}

/* The answer becomes what they had. */
static void settle(struct scene *s)
{
    for (size_t m = 0; m < s->in.member_count; m++) {
        parts_fini(&s->before[m]);
        s->before[m] = s->members[m].after;
        s->members[m].after = (struct parts){ 0 };
    }
}

static void end(struct scene *s)
{
    for (size_t m = 0; m < MEMBERS_MAX; m++)
        parts_fini(&s->before[m]);
}

static size_t count_of(const struct scene *s, size_t m)
{
    return s->members[m].after.count;
}

static bool reads_topic(const struct assign_member *m, size_t topic)
{
    for (size_t i = 0; i < m->topic_count; i++) {
        if (m->topics[i] == topic)
            return true;
    }
    return false;
}

/* AS2 */
static void check_complete(const struct scene *s)
{
    for (size_t k = 0; k < s->in.topic_count; k++) {
        bool is_read = false;

        for (size_t m = 0; m < s->in.member_count; m++)
            is_read = is_read || reads_topic(&s->members[m], k);
        for (size_t i = 0; i < s->topics[k].count; i++) {
            size_t owners = 0;

            for (size_t m = 0; m < s->in.member_count; m++) {
                if (parts_have(&s->members[m].after, s->ids[k][i])) {
                    assert_true(reads_topic(&s->members[m], k));
                    owners++;
                }
            }
            assert_int_equal(owners, is_read);
        }
    }
}

static size_t moved(const struct scene *s)
{
    size_t count = 0;

    for (size_t m = 0; m < s->in.member_count; m++) {
        struct parts gone = { 0 };

        parts_minus(&gone, &s->before[m], &s->members[m].after);
        count += gone.count;
        parts_fini(&gone);
    }
    return count;
}

static void uniform_differs_by_one_at_most(void **state)
{
    struct scene s = { 0 };

    (void)state;
    add_topic(&s, 5);
    add_topic(&s, 6);
    for (int i = 0; i < 3; i++)
        add_member(&s, 3);
    assign_uniform(&s.in);
    check_complete(&s);
    for (size_t m = 0; m < 3; m++)
        assert_in_range(count_of(&s, m), 3, 4);
    settle(&s);
    end(&s);
}

static void uniform_moves_no_more_than_it_must(void **state)
{
    struct scene s = { 0 };

    (void)state;
    add_topic(&s, 12);
    for (int i = 0; i < 3; i++)
        add_member(&s, 1);
    assign_uniform(&s.in);
    settle(&s);
    assign_uniform(&s.in);
    assert_int_equal(moved(&s), 0);
    settle(&s);
    add_member(&s, 1); /* 4 each become 3 each */
    assign_uniform(&s.in);
    check_complete(&s);
    assert_int_equal(moved(&s), 3);
    settle(&s);
    parts_fini(&s.before[3]); /* the last one leaves again */
    s.in.member_count = 3;
    assign_uniform(&s.in);
    check_complete(&s);
    assert_int_equal(moved(&s), 0);
    settle(&s);
    end(&s);
}

/* 10 partitions, 3 members, [3, 4, 3]: who has 4 keeps them. */
static void uniform_leaves_the_odd_one_where_it_is(void **state)
{
    const uint64_t ids[] = { 103, 104, 105, 106, 100, 101, 102, 107, 108, 109 };
    struct scene   s = { 0 };

    (void)state;
    add_topic(&s, 10);
    for (int i = 0; i < 3; i++)
        add_member(&s, 1);
    parts_from(&s.before[1], ids, 4);
    parts_from(&s.before[0], ids + 4, 3);
    parts_from(&s.before[2], ids + 7, 3);
    assign_uniform(&s.in);
    check_complete(&s);
    assert_int_equal(moved(&s), 0);
    settle(&s);
    end(&s);
}

static void uniform_balances_what_subscriptions_allow(void **state)
{
    struct scene s = { 0 };

    (void)state;
    add_topic(&s, 4);
    add_topic(&s, 8);
    add_member(&s, 1);
    add_member(&s, 3);
    add_member(&s, 2);
    assign_uniform(&s.in);
    check_complete(&s);
    for (size_t m = 0; m < 3; m++)
        assert_int_equal(count_of(&s, m), 4);
    settle(&s);
    add_member(&s, 2); /* 12 over four */
    assign_uniform(&s.in);
    check_complete(&s);
    for (size_t m = 0; m < 4; m++)
        assert_in_range(count_of(&s, m), 2, 4);
    settle(&s);
    end(&s);
}

static void a_topic_no_more_read_is_taken_away(void **state)
{
    struct scene s = { 0 };

    (void)state;
    add_topic(&s, 4);
    add_topic(&s, 4);
    add_member(&s, 3);
    assign_uniform(&s.in);
    assert_int_equal(count_of(&s, 0), 8);
    settle(&s);
    s.members[0].topic_count = 1;
    assign_uniform(&s.in);
    assert_int_equal(count_of(&s, 0), 4);
    check_complete(&s);
    settle(&s);
    end(&s);
}

static void range_gives_neighbours_and_puts_static_members_first(void **state)
{
    struct scene s = { 0 };

    (void)state;
    add_topic(&s, 5);
    add_topic(&s, 5);
    add_member(&s, 3);
    add_member(&s, 3);
    s.members[1].instance_id = bytes_str("zz");
    assign_range(&s.in);
    check_complete(&s);
    for (size_t k = 1; k <= 2; k++) { /* partitions of one number meet in one member */
        for (size_t i = 0; i < 5; i++)
            assert_true(parts_have(&s.members[i < 3 ? 1 : 0].after, k * 100 + i));
    }
    settle(&s);
    end(&s);
}

static void range_copes_with_more_members_than_partitions(void **state)
{
    struct scene s = { 0 };

    (void)state;
    add_topic(&s, 2);
    for (int i = 0; i < 5; i++)
        add_member(&s, 1);
    assign_range(&s.in);
    check_complete(&s);
    for (size_t m = 0; m < 5; m++)
        assert_int_equal(count_of(&s, m), m < 2);
    settle(&s);
    end(&s);
}

static size_t drawn(uint64_t *seed, size_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(*seed >> 33) % below;
}

/* Members come and go and change what they read; the rules hold after each step. */
static void random_groups_are_complete(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int run = 0; run < 300; run++) {
        struct scene s = { 0 };
        assign_fn   *assign = run % 3 == 0 ? assign_range : assign_uniform;
        bool         is_alike = run % 2 == 0;

        for (int k = 1 + (int)drawn(&seed, TOPICS_MAX - 1); k > 0; k--)
            add_topic(&s, 1 + drawn(&seed, PARTS_MAX));
        for (int step = 0; step < MEMBERS_MAX; step++) {
            size_t low = SIZE_MAX;
            size_t high = 0;

            add_member(&s, is_alike ? 0xff : (unsigned)drawn(&seed, 256));
            assign(&s.in);
            check_complete(&s);
            for (size_t m = 0; m < s.in.member_count; m++) {
                low = count_of(&s, m) < low ? count_of(&s, m) : low;
                high = count_of(&s, m) > high ? count_of(&s, m) : high;
            }
            if (is_alike && assign == assign_uniform)
                assert_true(high - low <= 1);
            settle(&s);
        }
        end(&s);
    }
}

static void nobody_and_nothing_are_fine(void **state)
{
    struct scene s = { 0 };

    (void)state;
    assign_uniform(&s.in);
    assign_range(&s.in);
    add_member(&s, 0);
    assign_uniform(&s.in);
    assign_range(&s.in);
    assert_int_equal(count_of(&s, 0), 0);
    assert_ptr_equal(assign_find((struct bytes){ 0 }), assign_uniform);
    assert_ptr_equal(assign_find(bytes_str("range")), assign_range);
    assert_null(assign_find(bytes_str("sticky")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_differs_by_one_at_most),
        cmocka_unit_test(uniform_moves_no_more_than_it_must),
        cmocka_unit_test(uniform_leaves_the_odd_one_where_it_is),
        cmocka_unit_test(uniform_balances_what_subscriptions_allow),
        cmocka_unit_test(a_topic_no_more_read_is_taken_away),
        cmocka_unit_test(range_gives_neighbours_and_puts_static_members_first),
        cmocka_unit_test(range_copes_with_more_members_than_partitions),
        cmocka_unit_test(random_groups_are_complete),
        cmocka_unit_test(nobody_and_nothing_are_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
