/* amqp_conn_test.c - connections: handshake, heartbeats, wrong bytes, every way to end. */
#include "doors/amqp/amqp_rig.h"

static struct amqp_rig rig; /* too large for the stack */

static int set_up(void **state)
{
    (void)state;
    amqp_rig_open(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    amqp_rig_close(&rig);
    return 0;
}

/* ---- handshake ---- */

static void strangers_are_told_what_we_speak(void **state)
{
    static const char *const hellos[] = { "AMQP\0\1\0\0", "GET / HT", "AMQP\3\1\0\0",
                                          "AMQP\0\0\x09\x02" };

    (void)state;
    for (size_t i = 0; i < COUNT(hellos); i++) {
        struct client c;

        client_open(&c, &rig);
        say_bytes(&c, hellos[i], 8);
        assert_int_equal(c.out.len, 8);
        assert_memory_equal(c.out.at, "AMQP\0\0\x09\x01", 8);
        assert_true(c.is_closed);
        client_gone(&c);
    }
}

static void the_old_header_is_taken(void **state)
{
    struct client c;

    (void)state;
    client_open(&c, &rig);
    say_bytes(&c, "AMQP\1\1\0\x09", 8);
    assert_true(c.out.len > 8 && !c.is_closed);
    client_gone(&c);
}

static void bytes_may_come_one_by_one(void **state)
{
    struct buf    all = { 0 };
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    buf_add(&all, "AMQP\0\0\x09\x01", 8);
    method_frame(&all, 0, METHOD_CONNECTION_START_OK,
                 (struct arg[]){ { 0 },
                                 ARG_B(bytes_str("ANONYMOUS")),
                                 ARG_B(bytes_str("")),
                                 ARG_B(bytes_str("en_US")) });
    client_open(&c, &rig);
    for (size_t i = 0; i < all.len; i++)
        say_bytes(&c, all.at + i, 1);
    hear(&c, METHOD_CONNECTION_START, h);
    hear(&c, METHOD_CONNECTION_TUNE, h);
    client_gone(&c);
    buf_fini(&all);
    free(h);
}

static void a_silent_client_is_hung_up_on(void **state)
{
    struct client c;

    (void)state;
    client_open(&c, &rig);
    amqp_rig_later(&rig, AMQP_HANDSHAKE_MS - 1000);
    assert_false(c.is_closed);
    amqp_rig_later(&rig, 2000);
    assert_true(c.is_closed);
    client_gone(&c);
}

static void login_as(struct client *c, const char *capabilities, size_t capabilities_len,
                     const char *mechanism, const char *response, size_t len)
{
    struct heard *h = malloc(sizeof *h);

    client_open(c, &rig);
    say_bytes(c, "AMQP\0\0\x09\x01", 8);
    hear(c, METHOD_CONNECTION_START, h);
    say(c, 0, METHOD_CONNECTION_START_OK,
        (struct arg[]){ ARG_B(bytes_of(capabilities, capabilities_len)),
                        ARG_B(bytes_str(mechanism)), ARG_B(bytes_of(response, len)),
                        ARG_B(bytes_str("en_US")) });
    free(h);
}

static const char FAILURE_CLOSE[] = "\x0c"
                                    "capabilitiesF\0\0\0\x1f"
                                    "\x1c"
                                    "authentication_failure_closet\1";
enum { FAILURE_CLOSE_LEN = sizeof FAILURE_CLOSE - 1 };

static void a_refused_login_is_told_to_those_who_understand(void **state)
{
    struct client c;

    (void)state;
    login_as(&c, FAILURE_CLOSE, FAILURE_CLOSE_LEN, "PLAIN", "\0guest\0wrong", 12);
    hear_close(&c, METHOD_CONNECTION_CLOSE, 403,
               "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For "
               "details see the "
               "broker logfile.");
    say_bare(&c, 0, METHOD_CONNECTION_CLOSE_OK);
    assert_true(c.is_closed);
    client_gone(&c);
    login_as(&c, FAILURE_CLOSE, FAILURE_CLOSE_LEN, "FOO", "", 0);
    hear_close(&c, METHOD_CONNECTION_CLOSE, 503,
               "COMMAND_INVALID - unknown authentication mechanism 'FOO'");
    client_gone(&c);
}

static void others_wait_and_are_hung_up_on(void **state)
{
    struct client c;

    (void)state;
    login_as(&c, "", 0, "PLAIN", "\0guest\0wrong", 12);
    hear_nothing(&c);
    say_bytes(&c, "more bytes, of no meaning", 25);
    say_bare(&c, 0, METHOD_CONNECTION_CLOSE);
    amqp_rig_later(&rig, AMQP_REFUSED_MS - 500);
    assert_false(c.is_closed);
    amqp_rig_later(&rig, 1000);
    assert_true(c.is_closed);
    hear_nothing(&c);
    client_gone(&c);
}

static void guest_comes_from_this_machine_only(void **state)
{
    static const struct login_peer there = { .is_loopback = false };
    struct client                  c;
    struct heard                  *h = malloc(sizeof *h);

    (void)state;
    c = (struct client){ .rig = &rig };
    c.conn = amqp_conn_open(rig.door, &client_link, &c, &there);
    say_bytes(&c, "AMQP\0\0\x09\x01", 8);
    hear(&c, METHOD_CONNECTION_START, h);
    say(&c, 0, METHOD_CONNECTION_START_OK,
        (struct arg[]){ ARG_B(bytes_of(FAILURE_CLOSE, FAILURE_CLOSE_LEN)),
                        ARG_B(bytes_str("PLAIN")), ARG_B(bytes_of("\0guest\0guest", 12)),
                        ARG_B(bytes_str("en_US")) });
    hear(&c, METHOD_CONNECTION_CLOSE, h);
    assert_int_equal(h->args[0].n, 403);
    client_gone(&c);
    free(h);
}

static void tune(struct client *c, unsigned channel_max, unsigned frame_max)
{
    struct heard *h = malloc(sizeof *h);

    login_as(c, FAILURE_CLOSE, FAILURE_CLOSE_LEN, "PLAIN", "\0guest\0guest", 12);
    hear(c, METHOD_CONNECTION_TUNE, h);
    assert_int_equal(h->args[0].n, AMQP_CHANNEL_MAX);
    assert_int_equal(h->args[1].n, AMQP_FRAME_MAX);
    assert_int_equal(h->args[2].n, AMQP_HEARTBEAT_S);
    say(c, 0, METHOD_CONNECTION_TUNE_OK,
        (struct arg[]){ ARG_N(channel_max), ARG_N(frame_max), ARG_N(0) });
    free(h);
}

static void tuning_has_limits(void **state)
{
    static const struct {
        unsigned    channel_max, frame_max;
        const char *text;
    } rows[] = {
        { 10, 4095,
          "NOT_ALLOWED - negotiated frame_max = 4095 is lower than the minimum allowed value "
          "(4096)" },
        { 10, 131073,
          "NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed value "
          "(131072)" },
        { 10, 0,
          "NOT_ALLOWED - negotiated frame_max = 0 (no limit) is higher than the maximum allowed "
          "value (131072)" },
        { 2048, 4096,
          "NOT_ALLOWED - negotiated channel_max = 2048 is higher than the maximum allowed value "
          "(2047)" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct client c;

        tune(&c, rows[i].channel_max, rows[i].frame_max);
        hear_close(&c, METHOD_CONNECTION_CLOSE, 530, rows[i].text);
        client_gone(&c);
    }
}

static void another_vhost_is_not_found(void **state)
{
    struct client c;

    (void)state;
    tune(&c, 10, 4096);
    say(&c, 0, METHOD_CONNECTION_OPEN, (struct arg[]){ ARG_B(bytes_str("nope")), { 0 }, { 0 } });
    hear_close(&c, METHOD_CONNECTION_CLOSE, 530, "NOT_ALLOWED - vhost nope not found");
    client_gone(&c);
}

static void methods_have_their_time(void **state)
{
    struct client c;

    (void)state;
    tune(&c, 10, 4096);
    say(&c, 0, METHOD_CONNECTION_TUNE_OK, (struct arg[]){ ARG_N(10), ARG_N(4096), ARG_N(0) });
    hear_close(&c, METHOD_CONNECTION_CLOSE, 504,
               "CHANNEL_ERROR - unexpected method in connection state opening");
    client_gone(&c);
    client_login(&c, &rig);
    say(&c, 0, METHOD_CONNECTION_OPEN, (struct arg[]){ ARG_B(bytes_str("/")), { 0 }, { 0 } });
    hear_close(&c, METHOD_CONNECTION_CLOSE, 504,
               "CHANNEL_ERROR - unexpected method in connection state running");
    client_gone(&c);
}

/* ---- heartbeats: 10 s were agreed on ---- */

static void a_quiet_connection_beats_every_half_interval(void **state)
{
    struct client c;

    (void)state;
    client_login(&c, &rig);
    amqp_rig_later(&rig, 5000); /* open-ok was said in this one */
    assert_int_equal(c.out.len, 0);
    amqp_rig_later(&rig, 5000);
    assert_int_equal(c.out.len, FRAME_OVERHEAD);
    assert_memory_equal(c.out.at, "\x08\0\0\0\0\0\0\xce", FRAME_OVERHEAD);
    client_gone(&c);
}

static void two_silent_intervals_end_it(void **state)
{
    struct client c;

    (void)state;
    client_login(&c, &rig);
    amqp_rig_later(&rig, 10000);
    amqp_rig_later(&rig, 10000);
    assert_false(c.is_aborted);
    say_bytes(&c, "\x08\0\0\0\0\0\0\xce", 8);
    amqp_rig_later(&rig, 10000);
    amqp_rig_later(&rig, 10000);
    assert_false(c.is_aborted);
    amqp_rig_later(&rig, 10000);
    assert_true(c.is_aborted);
    client_gone(&c);
}

/* ---- wrong bytes ---- */

static void expect_hard(const void *bytes, size_t n, unsigned code, const char *text)
{
    struct client c;

    client_login(&c, &rig);
    client_channel(&c, 1);
    say_bytes(&c, bytes, n);
    hear_close(&c, METHOD_CONNECTION_CLOSE, code, text);
    say_bytes(&c, "\1\0\1\0\0\0\4\0\x14\0\x28\xce", 12); /* ignored, or not even read */
    hear_nothing(&c);
    client_gone(&c);
}

#define HARD(bytes, code, text) expect_hard(bytes, sizeof bytes - 1, code, text)

static void wrong_frames(void **state)
{
    (void)state;
    HARD("\5\0\1\0\0\0\3abc\xce", 501,
         "FRAME_ERROR - type 5, all octets = <<\"abc\">>: unknown_frame");
    HARD("\5\0\0\0\0\0\1\1\xce", 501, "FRAME_ERROR - type 5, all octets = <<1>>: unknown_frame");
    HARD("\1\0\1\0\0\0\5\0\x14\0\x14\1\0", 501,
         "FRAME_ERROR - type 1, all octets = <<0,20,0,20,1>>: {invalid_frame_end_marker,0}");
    HARD("\1\0\1\0\x98\x96\x80", 501,
         "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,10000000,131064}");
    HARD("\1\0\1\0\0\0\0\xce", 501, "FRAME_ERROR - type 1, all octets = <<>>: unknown_frame");
    HARD("\1\0\0\0\0\0\3\0\x0a\0\xce", 501,
         "FRAME_ERROR - type 1, all octets = <<0,10,0>>: unknown_frame");
    HARD("\x08\0\1\0\0\0\0\xce", 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>");
    HARD("\3\0\1\0\0\0\1a\xce", 505,
         "UNEXPECTED_FRAME - expected method frame, got non method frame instead");
    HARD("\3\0\0\0\0\0\1a\xce", 505, "UNEXPECTED_FRAME - type 3, all octets = <<\"a\">>");
    HARD("\2\0\2\0\0\0\1a\xce", 505,
         "UNEXPECTED_FRAME - expected method frame, got non method frame instead");
}

static void wrong_methods(void **state)
{
    (void)state;
    HARD("\1\0\1\0\0\0\4\0\x3c\0\xc8\xce", 501, "FRAME_ERROR - cannot decode <<>>");
    HARD("\1\0\1\0\0\0\7\0\x14\0\x14\1\1\1\xce", 501, "FRAME_ERROR - cannot decode <<1,1,1>>");
    HARD("\1\0\1\0\0\0\x0d\0\x32\0\x1e\0\0\5\xff\xfe\xff\xff\xff\0\xce", 501,
         "FRAME_ERROR - Malformed UTF-8 in shortstr");
    HARD("\1\0\1\0\0\0\5\0\x14\0\x0a\0\xce", 504, "CHANNEL_ERROR - second 'channel.open' seen");
    HARD("\1\0\2\0\0\0\5\0\x14\0\x14\1\xce", 504, "CHANNEL_ERROR - expected 'channel.open'");
    HARD("\1\0\1\0\0\0\5\0\x14\0\x14\0\xce", 540, "NOT_IMPLEMENTED - active=false");
    HARD("\1\0\1\0\0\0\4\0\x14\0\x29\xce", 503, "COMMAND_INVALID - unimplemented method");
    HARD("\1\0\0\0\0\0\5\0\x14\0\x0a\0\xce", 504,
         "CHANNEL_ERROR - unexpected method in connection state running");
}

#define PUBLISH "\1\0\1\0\0\0\x09\0\x3c\0\x28\0\0\0\0\0\xce"
#define HEADER(size) "\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0" size "\0\0\xce"

static void wrong_contents(void **state)
{
    (void)state;
    HARD(PUBLISH "\1\0\1\0\0\0\5\0\x14\0\x14\1\xce", 505,
         "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame "
         "instead");
    HARD(PUBLISH "\2\0\1\0\0\0\x0e\0\x32\0\0\0\0\0\0\0\0\0\1\0\0\xce", 505,
         "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead");
    HARD(PUBLISH HEADER("\5") "\1\0\1\0\0\0\5\0\x14\0\x14\1\xce", 505,
         "UNEXPECTED_FRAME - expected content body, got non content body frame instead");
    HARD(PUBLISH HEADER("\1") "\3\0\1\0\0\0\3abc\xce", 501,
         "FRAME_ERROR - content body frame exceeds remaining content size");
    HARD(PUBLISH "\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\1\0\0\0\0\1\0\0\xce", 501,
         "FRAME_ERROR - content body size 1099511627777 exceeds maximum allowed size 536870912");
    HARD(PUBLISH "\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\1\x10\0\xce", 501,
         "FRAME_ERROR - cannot decode the content header");
}

static void channels_are_counted(void **state)
{
    struct client c;

    (void)state;
    client_login(&c, &rig);
    for (uint16_t n = 1; n <= 100; n++)
        client_channel(&c, (uint16_t)(n * 7));
    say_bare(&c, 5, METHOD_CHANNEL_OPEN);
    hear_close(&c, METHOD_CONNECTION_CLOSE, 530,
               "NOT_ALLOWED - number of channels opened (100) has reached the negotiated "
               "channel_max (100)");
    client_gone(&c);
}

static void before_login_frames_are_small(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_open(&c, &rig);
    say_bytes(&c, "AMQP\0\0\x09\x01", 8);
    hear(&c, METHOD_CONNECTION_START, h);
    say_bytes(&c, "\1\0\0\0\0\x20\1", 7);
    hear_nothing(&c);
    amqp_rig_later(&rig, AMQP_REFUSED_MS + 1);
    assert_true(c.is_closed);
    client_gone(&c);
    free(h);
}

/* ---- ends ---- */

static void the_client_closes(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_login(&c, &rig);
    client_channel(&c, 1);
    client_declare(&c, 1, "mine", EXCLUSIVE);
    say_bare(&c, 0, METHOD_CONNECTION_CLOSE);
    assert_int_equal(c.out.len, 0); /* not before the exclusive queue is gone */
    hear(&c, METHOD_CONNECTION_CLOSE_OK, h);
    assert_true(c.is_closed);
    client_gone(&c);
    client_login(&c, &rig);
    client_channel(&c, 1);
    say_declare(&c, 1, "mine", PASSIVE, bytes_of(NULL, 0));
    hear_close(&c, METHOD_CHANNEL_CLOSE, 404, "NOT_FOUND - no queue 'mine' in vhost '/'");
    client_gone(&c);
    free(h);
}

static void closes_that_cross_are_both_answered(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_login(&c, &rig);
    say_bytes(&c, "\5\0\1\0\0\0\3abc\xce", 11);
    hear(&c, METHOD_CONNECTION_CLOSE, h);
    say_bare(&c, 0, METHOD_CONNECTION_CLOSE);
    hear(&c, METHOD_CONNECTION_CLOSE_OK, h);
    client_gone(&c);
    free(h);
}

static void a_client_that_does_not_answer_our_close_is_hung_up_on(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_login(&c, &rig);
    say_bytes(&c, "\5\0\1\0\0\0\3abc\xce", 11);
    hear(&c, METHOD_CONNECTION_CLOSE, h);
    amqp_rig_later(&rig, 9000);
    assert_false(c.is_closed);
    amqp_rig_later(&rig, 2000); /* min(heartbeat, 30 s) */
    assert_true(c.is_closed);
    client_gone(&c);
    free(h);
}

static void a_socket_may_close_at_any_moment(void **state)
{
    struct client c;

    (void)state;
    client_login(&c, &rig);
    client_channel(&c, 1);
    client_declare(&c, 1, "q", 0);
    client_consume(&c, 1, "q", "t");
    say_publish(&c, 1, "", "q", "message", false);
    say_bytes(&c, PUBLISH HEADER("\5"), sizeof PUBLISH + sizeof HEADER("\5") - 2);
    client_gone(&c); /* with calls out and half a message */
    client_login(&c, &rig);
    client_channel(&c, 1);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "message", false);
    client_gone(&c);
}

static void secrets_may_be_renewed(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_login(&c, &rig);
    say(&c, 0, METHOD_CONNECTION_UPDATE_SECRET,
        (struct arg[]){ ARG_B(bytes_str("s")), ARG_B(bytes_str("r")) });
    hear(&c, METHOD_CONNECTION_UPDATE_SECRET_OK, h);
    client_gone(&c);
    free(h);
}

/* ---- back-pressure ---- */

static void a_client_that_does_not_read_is_not_read(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_login(&c, &rig);
    client_channel(&c, 1);
    c.queued = CONN_HIGH_WATER;
    say_bytes(&c, "\1\0\1\0\0\0\5\0\x14\0\x14\1\xce", 13);
    assert_true(c.is_paused);
    assert_int_equal(c.out.len, 0);
    c.queued = 0;
    amqp_conn_writable(c.conn);
    assert_false(c.is_paused);
    hear(&c, METHOD_CHANNEL_FLOW_OK, h);
    client_gone(&c);
    free(h);
}

static void answers_leave_in_the_order_of_the_methods(void **state)
{
    struct client c;
    struct heard *h = malloc(sizeof *h);

    (void)state;
    client_login(&c, &rig);
    client_channel(&c, 1);
    say_declare(&c, 1, "a", 0, bytes_of(NULL, 0));
    say_bytes(&c, "\1\0\1\0\0\0\5\0\x14\0\x14\1\xce", 13);
    say_declare(&c, 1, "b", 0, bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_DECLARE_OK, h);
    hear(&c, METHOD_CHANNEL_FLOW_OK, h);
    hear(&c, METHOD_QUEUE_DECLARE_OK, h);
    assert_true(bytes_eq_str(h->args[0].b, "b"));
    client_gone(&c);
    free(h);
}

static void the_door_closes(void **state)
{
    struct amqp_door *d = rig.door;
    struct client     c;
    struct client     early;

    (void)state;
    client_open(&early, &rig);
    client_login(&c, &rig);
    for (struct list *n = d->conns.next; n != &d->conns; n = n->next)
        amqp_conn_end(CONTAINER(n, struct amqp_conn, in_door), REPLY_CONNECTION_FORCED, METHOD_NONE,
                      "broker forced connection closure with reason 'shutdown'");
    hear_close(&c, METHOD_CONNECTION_CLOSE, 320,
               "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
    assert_true(early.is_closed);
    client_gone(&early);
    client_gone(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strangers_are_told_what_we_speak),
        TEST(the_old_header_is_taken),
        TEST(bytes_may_come_one_by_one),
        TEST(a_silent_client_is_hung_up_on),
        TEST(a_refused_login_is_told_to_those_who_understand),
        TEST(others_wait_and_are_hung_up_on),
        TEST(guest_comes_from_this_machine_only),
        TEST(tuning_has_limits),
        TEST(another_vhost_is_not_found),
        TEST(methods_have_their_time),
        TEST(a_quiet_connection_beats_every_half_interval),
        TEST(two_silent_intervals_end_it),
        TEST(wrong_frames),
        TEST(wrong_methods),
        TEST(wrong_contents),
        TEST(channels_are_counted),
        TEST(before_login_frames_are_small),
        TEST(the_client_closes),
        TEST(closes_that_cross_are_both_answered),
        TEST(a_client_that_does_not_answer_our_close_is_hung_up_on),
        TEST(a_socket_may_close_at_any_moment),
        TEST(secrets_may_be_renewed),
        TEST(a_client_that_does_not_read_is_not_read),
        TEST(answers_leave_in_the_order_of_the_methods),
        TEST(the_door_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
