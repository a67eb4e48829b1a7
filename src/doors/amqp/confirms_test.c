/* confirms_test.c - the fewest frames that tell which publishes are answered, and never a lie. */
#include "doors/amqp/confirms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct told {
    char   text[4096]; /* "a3 A7 n8": ack 3, ack up to 7, nack 8 */
    size_t len;
};

static void tell(void *ctx, uint64_t tag, bool multiple, bool is_ack)
{
    struct told *t = ctx;

    t->len +=
        (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%s%c%llu", t->len ? " " : "",
                         is_ack ? (multiple ? 'A' : 'a') : 'n', (unsigned long long)tag);
}

static void expect(struct confirms *c, const char *text)
{
    struct told t = { { 0 }, 0 };

    assert_int_equal(confirms_news(c), text[0] != 0);
    confirms_tell(c, tell, &t);
    assert_string_equal(t.text, text);
    assert_false(confirms_news(c));
}

static struct confirms with(int count)
{
    struct confirms c = { 0 };

    for (int i = 1; i <= count; i++)
        assert_int_equal(confirms_add(&c), i);
    return c;
}

static void nothing_is_no_news(void **state)
{
    struct confirms c = { 0 };

    (void)state;
    expect(&c, "");
    confirms_add(&c);
    expect(&c, "");
    confirms_fini(&c);
}

static void answers_in_order_are_one_ack(void **state)
{
    struct confirms c = with(5);

    (void)state;
    confirms_answer(&c, 1, true);
    expect(&c, "a1");
    confirms_answer(&c, 2, true);
    confirms_answer(&c, 3, true);
    confirms_answer(&c, 4, true);
    expect(&c, "A4");
    confirms_answer(&c, 5, true);
    expect(&c, "a5");
    confirms_fini(&c);
}

/* Seen at RabbitMQ: ack 3, ack 4, ack 1, ack 5 multiple. */
static void early_answers_are_told_alone(void **state)
{
    struct confirms c = with(5);

    (void)state;
    confirms_answer(&c, 3, true);
    confirms_answer(&c, 4, true);
    expect(&c, "a3 a4");
    confirms_answer(&c, 1, true);
    expect(&c, "a1");
    confirms_answer(&c, 5, true);
    expect(&c, "a5");
    confirms_answer(&c, 2, true);
    expect(&c, "a2");
    assert_int_equal(confirms_add(&c), 6);
    confirms_answer(&c, 6, true);
    expect(&c, "a6");
    confirms_fini(&c);
}

static void an_early_answer_of_the_same_turn_joins_the_run(void **state)
{
    struct confirms c = with(4);

    (void)state;
    confirms_answer(&c, 3, true);
    confirms_answer(&c, 2, true);
    confirms_answer(&c, 1, true);
    expect(&c, "A3");
    confirms_fini(&c);
}

static void multiple_never_covers_a_nack(void **state)
{
    struct confirms c = with(6);

    (void)state;
    confirms_answer(&c, 1, true);
    confirms_answer(&c, 2, true);
    confirms_answer(&c, 3, false);
    confirms_answer(&c, 4, true);
    confirms_answer(&c, 5, true);
    expect(&c, "A2 n3 A5");
    confirms_answer(&c, 6, false);
    expect(&c, "n6");
    confirms_fini(&c);
}

static void an_early_nack_is_told_alone(void **state)
{
    struct confirms c = with(3);

    (void)state;
    confirms_answer(&c, 2, false);
    expect(&c, "n2");
    confirms_answer(&c, 1, true);
    confirms_answer(&c, 3, true);
    expect(&c, "a1 a3");
    confirms_fini(&c);
}

/* Every tag exactly once, as what it was, whatever the order and the turns. */
struct ledger {
    unsigned char was[1000]; /* 1 ack, 2 nack */
    unsigned char told[1000];
};

static void keep(void *ctx, uint64_t tag, bool multiple, bool is_ack)
{
    struct ledger *l = ctx;

    for (uint64_t s = multiple ? 1 : tag; s <= tag; s++) {
        if (multiple && l->told[s])
            continue;
        assert_int_equal(l->told[s], 0);
        assert_int_equal(l->was[s], is_ack ? 1 : 2);
        l->told[s] = 1;
    }
}

static void any_order_is_told_truly(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct confirms c = with(999);
        struct ledger   l = { { 0 }, { 0 } };
        unsigned        x = seed;

        for (int left = 999; left > 0;) {
            unsigned tag;

            x = x * 1103515245 + 12345;
            tag = 1 + (x >> 8) % 999;
            while (l.was[tag])
                tag = tag % 999 + 1;
            l.was[tag] = (x >> 5) % 7 == 0 ? 2 : 1;
            confirms_answer(&c, tag, l.was[tag] == 1);
            left--;
            if ((x >> 3) % 5 == 0)
                confirms_tell(&c, keep, &l);
        }
        confirms_tell(&c, keep, &l);
        for (int tag = 1; tag <= 999; tag++)
            assert_int_equal(l.told[tag], 1);
        confirms_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_news),
        cmocka_unit_test(answers_in_order_are_one_ack),
        cmocka_unit_test(early_answers_are_told_alone),
        cmocka_unit_test(an_early_answer_of_the_same_turn_joins_the_run),
        cmocka_unit_test(multiple_never_covers_a_nack),
        cmocka_unit_test(an_early_nack_is_told_alone),
        cmocka_unit_test(any_order_is_told_truly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
