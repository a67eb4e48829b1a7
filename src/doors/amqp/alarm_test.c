/*
 * alarm_test.c - publishers while the disk is full: who is told, who is refused, who waits.
 */
#include "doors/amqp/amqp_rig.h"

enum { LITTLE = 1 << 20, PLENTY = 1 << 30 };

static struct amqp_rig rig;
static struct client   c;
static struct heard    h;

static int begin(void **state)
{
    (void)state;
    amqp_rig_open(&rig);
    client_login(&c, &rig);
    client_channel(&c, 1);
    client_declare(&c, 1, "q", DURABLE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    client_gone(&c);
    amqp_rig_close(&rig);
    return 0;
}

static void hear_blocked(void)
{
    hear(&c, METHOD_CONNECTION_BLOCKED, &h);
    assert_true(bytes_eq_str(h.args[0].b, "low on disk"));
}

static void a_full_disk_is_told_once_and_its_end(void **state)
{
    struct client other;

    (void)state;
    client_login(&other, &rig);
    amqp_rig_set_space(&rig, LITTLE);
    say_publish(&c, 1, "", "q", "1", false);
    say_publish(&c, 1, "", "q", "2", false);
    hear_blocked();
    amqp_rig_later(&rig, 600);
    hear_nothing(&c);
    amqp_rig_set_space(&rig, PLENTY);
    amqp_rig_later(&rig, 600);
    hear(&c, METHOD_CONNECTION_UNBLOCKED, &h);
    hear_nothing(&c);
    hear_nothing(&other); /* it had not published */
    client_gone(&other);
}

static void with_confirms_it_is_refused(void **state)
{
    (void)state;
    say_bare(&c, 1, METHOD_CONFIRM_SELECT);
    hear(&c, METHOD_CONFIRM_SELECT_OK, &h);
    amqp_rig_set_space(&rig, LITTLE);
    say_publish(&c, 1, "", "q", "refused", false);
    hear_blocked();
    hear(&c, METHOD_BASIC_NACK, &h);
    assert_int_equal(h.args[0].n, 1);
    amqp_rig_set_space(&rig, PLENTY);
    amqp_rig_later(&rig, 600);
    hear(&c, METHOD_CONNECTION_UNBLOCKED, &h);
    say_publish(&c, 1, "", "q", "taken", false);
    hear(&c, METHOD_BASIC_ACK, &h);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "taken", false);
}

static void without_confirms_it_waits_in_order(void **state)
{
    uint64_t tag;

    (void)state;
    say_publish(&c, 1, "", "q", "before", false);
    client_consume(&c, 1, "q", "t");
    tag = hear_deliver(&c, "before", false);
    amqp_rig_set_space(&rig, LITTLE);
    say_publish(&c, 1, "", "q", "1", false);
    say_publish(&c, 1, "", "q", "2", false);
    hear_blocked();
    say(&c, 1, METHOD_BASIC_ACK, (struct arg[]){ ARG_N(tag), ARG_N(0) }); /* is heard */
    say_bare(&c, 1, METHOD_CHANNEL_CLOSE);
    hear(&c, METHOD_CHANNEL_CLOSE_OK, &h);
    client_channel(&c, 2);
    client_consume(&c, 2, "q", "t");
    hear_nothing(&c);
    amqp_rig_set_space(&rig, PLENTY);
    amqp_rig_later(&rig, 600);
    hear(&c, METHOD_CONNECTION_UNBLOCKED, &h);
    (void)hear_deliver(&c, "1", false);
    (void)hear_deliver(&c, "2", false);
    hear_nothing(&c);
}

static void a_connection_does_not_close_before_what_it_published(void **state)
{
    struct client other;

    (void)state;
    amqp_rig_set_space(&rig, LITTLE);
    say_publish(&c, 1, "", "q", "kept", false);
    hear_blocked();
    say_bare(&c, 0, METHOD_CONNECTION_CLOSE);
    hear_nothing(&c);
    for (int i = 0; i < 6; i++) /* silence is not held against it meanwhile */
        amqp_rig_later(&rig, 10000);
    assert_false(c.is_aborted);
    c.out.len = 0; /* heartbeats */
    amqp_rig_set_space(&rig, PLENTY);
    amqp_rig_later(&rig, 400); /* the engine looks before the alarm does */
    amqp_rig_later(&rig, 200);
    while (hear_any(&c, &h) && h.id != METHOD_CONNECTION_CLOSE_OK)
        ;
    assert_int_equal(h.id, METHOD_CONNECTION_CLOSE_OK);
    client_login(&other, &rig);
    client_channel(&other, 1);
    client_consume(&other, 1, "q", "t");
    (void)hear_deliver(&other, "kept", false);
    client_gone(&other);
}

static void a_connection_with_many_that_wait_is_not_read(void **state)
{
    (void)state;
    amqp_rig_set_space(&rig, LITTLE);
    for (int i = 0; i < 2 * AMQP_WAITING_MAX; i++)
        say_publish(&c, 1, "", "q", "one of many", false);
    assert_true(c.is_paused);
    assert_int_equal(c.conn->publishes_out, AMQP_WAITING_MAX);
    amqp_rig_set_space(&rig, PLENTY);
    hear_blocked();
    for (int i = 0; i < 2; i++) /* those that were read, then the others */
        amqp_rig_later(&rig, 600);
    hear(&c, METHOD_CONNECTION_UNBLOCKED, &h);
    assert_false(c.is_paused);
    client_consume(&c, 1, "q", "t");
    for (int i = 0; i < 2 * AMQP_WAITING_MAX; i++)
        (void)hear_deliver(&c, "one of many", false);
    hear_nothing(&c);
}

/* The socket breaks while something waits. */
static void what_waits_goes_with_its_connection(void **state)
{
    struct client other;

    (void)state;
    client_login(&other, &rig);
    client_channel(&other, 1);
    amqp_rig_set_space(&rig, LITTLE);
    say_publish(&other, 1, "", "q", "lost", false);
    client_gone(&other);
    amqp_rig_set_space(&rig, PLENTY);
    amqp_rig_later(&rig, 600);
    client_consume(&c, 1, "q", "t");
    hear_nothing(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_once_and_its_end, begin, end),
        cmocka_unit_test_setup_teardown(with_confirms_it_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(without_confirms_it_waits_in_order, begin, end),
        cmocka_unit_test_setup_teardown(a_connection_does_not_close_before_what_it_published,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_connection_with_many_that_wait_is_not_read, begin, end),
        cmocka_unit_test_setup_teardown(what_waits_goes_with_its_connection, begin, end),
    };

    return cmocka_run_group_tests_name("alarm", tests, NULL, NULL);
}
