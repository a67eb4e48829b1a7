/* channel_test.c - what methods do and refuse, over the real engine; the texts are RabbitMQ's. */
#include "doors/amqp/amqp_rig.h"

static struct amqp_rig rig; /* too large for the stack */
static struct client   c;
static struct heard    h;

static int set_up(void **state)
{
    (void)state;
    amqp_rig_open(&rig);
    client_login(&c, &rig);
    client_channel(&c, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_gone(&c);
    amqp_rig_close(&rig);
    return 0;
}

/* The channel was closed by the server with that; it is opened again. */
static void refused(unsigned code, const char *text)
{
    hear_close(&c, METHOD_CHANNEL_CLOSE, code, text);
    say_bare(&c, 1, METHOD_CHANNEL_CLOSE_OK);
    client_channel(&c, 1);
}

static void second_client(struct client *other)
{
    client_login(other, &rig);
    client_channel(other, 1);
}

#define LOCKED(q)                                                                                  \
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '" q                         \
    "' in vhost '/'. It could be "                                                                 \
    "originally declared on another connection or the exclusive property value does not match "    \
    "that of the "                                                                                 \
    "original declaration."

/* ---- queues ---- */

static void queues_are_declared_once(void **state)
{
    static const uint8_t ttl[] = "\x0dx-message-ttlI\0\0\3\xe8";
    static const uint8_t bad[] = "\x0dx-message-ttlI\xff\xff\xff\xff";

    (void)state;
    client_declare(&c, 1, "q", DURABLE);
    client_declare(&c, 1, "q", DURABLE);
    client_declare(&c, 1, "q", PASSIVE);
    say_declare(&c, 1, "q", 0, bytes_of(NULL, 0));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': "
                 "received 'false' but "
                 "current is 'true'");
    say_declare(&c, 1, "q", DURABLE | AUTO_DELETE, bytes_of(NULL, 0));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': "
                 "received 'true' but "
                 "current is 'false'");
    say_declare(&c, 1, "q", DURABLE, bytes_of(ttl, sizeof ttl - 1));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost "
                 "'/': received the value "
                 "'1000' of type 'signedint' but current is none");
    say_declare(&c, 1, "q", DURABLE | EXCLUSIVE, bytes_of(NULL, 0));
    refused(405, LOCKED("q"));
    say_declare(&c, 1, "new", DURABLE, bytes_of(bad, sizeof bad - 1));
    refused(406, "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'new' in vhost '/': "
                 "{value_negative,-1}");
    say_declare(&c, 1, "q", DURABLE, bytes_of(bad, sizeof bad - 1));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost "
                 "'/': received the value "
                 "'-1' of type 'signedint' but current is none");
}

static void names_have_rules(void **state)
{
    (void)state;
    say_declare(&c, 1, "amq.mine", 0, bytes_of(NULL, 0));
    refused(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'");
    say_declare(&c, 1, "nope", PASSIVE, bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no queue 'nope' in vhost '/'");
    say_declare(&c, 1, "", PASSIVE, bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no queue '' in vhost '/'");
    say_declare(&c, 1, "a\r\nb", 0, bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_DECLARE_OK, &h);
    assert_true(bytes_eq_str(h.args[0].b, "ab"));
    say_declare(&c, 1, "", 0, bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_DECLARE_OK, &h);
    assert_int_equal(h.args[0].b.len, 30);
    assert_true(bytes_starts(h.args[0].b, "amq.gen-"));
}

static void the_last_queue_needs_no_name(void **state)
{
    struct arg none[METHOD_ARGS_MAX] = { { 0 } };

    (void)state;
    say(&c, 1, METHOD_BASIC_GET, none);
    refused(404, "NOT_FOUND - no previously declared queue");
    client_declare(&c, 1, "last", 0);
    say(&c, 1, METHOD_BASIC_GET, none);
    hear(&c, METHOD_BASIC_GET_EMPTY, &h);
    say(&c, 1, METHOD_QUEUE_BIND,
        (struct arg[]){ { 0 }, { 0 }, ARG_B(bytes_str("amq.direct")), { 0 }, { 0 }, { 0 } });
    hear(&c, METHOD_QUEUE_BIND_OK, &h);
    say_publish(&c, 1, "amq.direct", "last", "by its name", false);
    say(&c, 1, METHOD_QUEUE_PURGE, none);
    hear(&c, METHOD_QUEUE_PURGE_OK, &h);
    assert_int_equal(h.args[0].n, 1);
    say(&c, 1, METHOD_QUEUE_DELETE, none);
    hear(&c, METHOD_QUEUE_DELETE_OK, &h);
}

static void exclusive_queues_are_locked(void **state)
{
    struct client other;

    (void)state;
    client_declare(&c, 1, "mine", EXCLUSIVE | DURABLE);
    client_declare(&c, 1, "mine", EXCLUSIVE);
    second_client(&other);
    say_declare(&other, 1, "mine", PASSIVE, bytes_of(NULL, 0));
    hear_close(&other, METHOD_CHANNEL_CLOSE, 405, LOCKED("mine"));
    say_bare(&other, 1, METHOD_CHANNEL_CLOSE_OK);
    client_channel(&other, 1);
    say_consume(&other, 1, "mine", "t", 0);
    hear_close(&other, METHOD_CHANNEL_CLOSE, 405, LOCKED("mine"));
    say_bare(&other, 1, METHOD_CHANNEL_CLOSE_OK);
    client_channel(&other, 1);
    say(&other, 1, METHOD_BASIC_GET, (struct arg[]){ { 0 }, ARG_B(bytes_str("mine")), { 0 } });
    hear_close(&other, METHOD_CHANNEL_CLOSE, 405, LOCKED("mine"));
    client_gone(&other);
    say_declare(&c, 1, "mine", 0, bytes_of(NULL, 0));
    refused(405, LOCKED("mine"));
}

static void deleting_has_conditions(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    say_publish(&c, 1, "", "q", "a", false);
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), ARG_N(0), ARG_N(1), ARG_N(0) });
    refused(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty");
    client_channel(&c, 2);
    client_consume(&c, 2, "q", "t");
    (void)hear_deliver(&c, "a", false);
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), ARG_N(1), ARG_N(0), ARG_N(0) });
    refused(406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use");
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), { 0 }, { 0 }, { 0 } });
    assert_true(hear_any(&c, &h)); /* the consumer is told, before or after */
    if (h.id == METHOD_QUEUE_DELETE_OK) {
        hear(&c, METHOD_BASIC_CANCEL, &h);
    } else {
        assert_int_equal(h.id, METHOD_BASIC_CANCEL);
        hear(&c, METHOD_QUEUE_DELETE_OK, &h);
    }
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), { 0 }, { 0 }, { 0 } });
    hear(&c, METHOD_QUEUE_DELETE_OK, &h);
    assert_int_equal(h.args[0].n, 0);
}

/* ---- exchanges and bindings ---- */

static void say_exchange(const char *name, const char *type, unsigned how, struct bytes table)
{
    say(&c, 1, METHOD_EXCHANGE_DECLARE,
        (struct arg[]){ { 0 },
                        ARG_B(bytes_str(name)),
                        ARG_B(bytes_str(type)),
                        ARG_N((how & PASSIVE) != 0),
                        ARG_N((how & DURABLE) != 0),
                        ARG_N((how & AUTO_DELETE) != 0),
                        ARG_N((how & EXCLUSIVE) != 0),
                        ARG_N((how & NOWAIT) != 0),
                        ARG_B(table) });
}

static void exchanges_are_declared_once(void **state)
{
    static const uint8_t ae[] = "\x12"
                                "alternate-exchangeI\0\0\0\1";
    static const uint8_t named[] = "\x12"
                                   "alternate-exchangeS\0\0\0\1b";

    (void)state;
    say_exchange("x", "direct", 0, bytes_of(NULL, 0));
    hear(&c, METHOD_EXCHANGE_DECLARE_OK, &h);
    say_exchange("x", "topic", 0, bytes_of(NULL, 0));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': "
                 "received 'topic' but "
                 "current is 'direct'");
    say_exchange("x", "direct", EXCLUSIVE, bytes_of(NULL, 0));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'x' in vhost '/': "
                 "received 'true' but "
                 "current is 'false'");
    say_exchange("x", "direct", 0, bytes_of(named, sizeof named - 1));
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in "
                 "vhost '/': received "
                 "the value 'b' of type 'longstr' but current is none");
    say_exchange("y", "direct", 0, bytes_of(ae, sizeof ae - 1));
    refused(406, "PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in "
                 "exchange 'y' in vhost '/'");
    say_exchange("y", "foo", 0, bytes_of(NULL, 0));
    refused(406, "PRECONDITION_FAILED - unknown exchange type 'foo'");
    say_exchange("nope", "", PASSIVE, bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    say_exchange("", "direct", 0, bytes_of(NULL, 0));
    refused(403, "ACCESS_REFUSED - operation not permitted on the default exchange");
    say_exchange("amq.x", "direct", 0, bytes_of(NULL, 0));
    refused(403, "ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'");
    say_exchange("amq.topic", "topic", DURABLE, bytes_of(NULL, 0));
    hear(&c, METHOD_EXCHANGE_DECLARE_OK, &h);
}

static void say_exchange_delete(const char *name, bool if_unused)
{
    say(&c, 1, METHOD_EXCHANGE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str(name)), ARG_N(if_unused), { 0 } });
}

static void say_bind(enum method_id id, const char *destination, const char *source,
                     const char *key, struct bytes table)
{
    struct arg args[METHOD_ARGS_MAX] = {
        { 0 }, ARG_B(bytes_str(destination)), ARG_B(bytes_str(source)), ARG_B(bytes_str(key))
    };

    args[id == METHOD_QUEUE_UNBIND ? 4 : 5].b = table;
    say(&c, 1, id, args);
}

static void exchanges_go(void **state)
{
    (void)state;
    say_exchange_delete("nope", false);
    hear(&c, METHOD_EXCHANGE_DELETE_OK, &h);
    say_exchange_delete("amq.direct", false);
    refused(403,
            "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed");
    say_exchange_delete("", false);
    refused(403, "ACCESS_REFUSED - operation not permitted on the default exchange");
    say_exchange("x", "direct", 0, bytes_of(NULL, 0));
    hear(&c, METHOD_EXCHANGE_DECLARE_OK, &h);
    client_declare(&c, 1, "q", 0);
    say_bind(METHOD_QUEUE_BIND, "q", "x", "k", bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_BIND_OK, &h);
    say_exchange_delete("x", true);
    refused(406, "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use");
    say_exchange_delete("x", false);
    hear(&c, METHOD_EXCHANGE_DELETE_OK, &h);
}

static void bindings_need_both_ends(void **state)
{
    static const uint8_t foo[] = "\x07x-matchS\0\0\0\3foo";

    (void)state;
    client_declare(&c, 1, "q", 0);
    say_bind(METHOD_QUEUE_BIND, "nope", "amq.direct", "k", bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no queue 'nope' in vhost '/'");
    say_bind(METHOD_QUEUE_BIND, "q", "nope", "k", bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    say_bind(METHOD_QUEUE_BIND, "q", "", "k", bytes_of(NULL, 0));
    refused(403, "ACCESS_REFUSED - operation not permitted on the default exchange");
    say_bind(METHOD_QUEUE_BIND, "q", "amq.headers", "", bytes_of(foo, sizeof foo - 1));
    refused(406, "PRECONDITION_FAILED - Invalid x-match field value <<\"foo\">>; expected all, "
                 "any, all-with-x, or "
                 "any-with-x");
    say_bind(METHOD_QUEUE_UNBIND, "nope", "nope", "k", bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_UNBIND_OK, &h);
    say_bind(METHOD_EXCHANGE_BIND, "nope", "amq.direct", "k", bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    say_bind(METHOD_EXCHANGE_BIND, "amq.topic", "amq.direct", "k", bytes_of(NULL, 0));
    hear(&c, METHOD_EXCHANGE_BIND_OK, &h);
    say_bind(METHOD_EXCHANGE_UNBIND, "amq.topic", "amq.direct", "k", bytes_of(NULL, 0));
    hear(&c, METHOD_EXCHANGE_UNBIND_OK, &h);
    assert_int_equal(methods[h.id].method_id, 51);
}

/* ---- publishing ---- */

static void confirms_come_once_for_many(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", DURABLE);
    say_bare(&c, 1, METHOD_CONFIRM_SELECT);
    hear(&c, METHOD_CONFIRM_SELECT_OK, &h);
    for (int i = 0; i < 10; i++)
        say_publish(&c, 1, "", "q", "m", false);
    assert_int_equal(c.out.len, 0); /* not on disk yet */
    hear(&c, METHOD_BASIC_ACK, &h);
    assert_int_equal(h.args[0].n, 10);
    assert_int_equal(h.args[1].n, 1);
    hear_nothing(&c);
}

static void an_unroutable_message_is_returned_then_confirmed(void **state)
{
    (void)state;
    say_bare(&c, 1, METHOD_CONFIRM_SELECT);
    hear(&c, METHOD_CONFIRM_SELECT_OK, &h);
    say_publish(&c, 1, "amq.direct", "nowhere", "back", true);
    hear(&c, METHOD_BASIC_RETURN, &h);
    assert_int_equal(h.args[0].n, 312);
    assert_true(bytes_eq_str(h.args[1].b, "NO_ROUTE"));
    assert_true(bytes_eq_str(h.args[2].b, "amq.direct"));
    assert_true(bytes_eq_str(h.args[3].b, "nowhere"));
    hear_content(&c, "back", &h);
    hear(&c, METHOD_BASIC_ACK, &h);
    assert_int_equal(h.args[0].n, 1);
    say_publish(&c, 1, "amq.direct", "nowhere", "lost", false);
    hear(&c, METHOD_BASIC_ACK, &h);
    assert_int_equal(h.args[0].n, 2);
}

static void publishing_has_checks(void **state)
{
    static const char *const expirations[][2] = {
        { "foo", "no_integer" },
        { "-1", "{value_negative,-1}" },
        { "12a", "{leftover_string,\"a\"}" },
        { "315360000001", "{value_too_large,315360000001}" },
    };
    static const uint8_t user[] = "\0\x10\3bob";

    (void)state;
    say_publish(&c, 1, "nope", "k", "m", false);
    refused(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    say_publish(&c, 1, "amq.rabbitmq.trace", "k", "m", false);
    refused(
        403,
        "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'");
    for (size_t i = 0; i < COUNT(expirations); i++) {
        struct buf raw = { 0 };
        char       text[128];

        buf_u16(&raw, 1 << 8);
        buf_u8(&raw, (uint8_t)strlen(expirations[i][0]));
        buf_str(&raw, expirations[i][0]);
        say(&c, 1, METHOD_BASIC_PUBLISH,
            (struct arg[]){ { 0 }, { 0 }, ARG_B(bytes_str("k")), { 0 }, { 0 } });
        say_content(&c, 1, buf_view(&raw), bytes_str("m"));
        snprintf(text, sizeof text, "PRECONDITION_FAILED - invalid expiration '%s': %s",
                 expirations[i][0], expirations[i][1]);
        refused(406, text);
        buf_fini(&raw);
    }
    say(&c, 1, METHOD_BASIC_PUBLISH,
        (struct arg[]){ { 0 }, { 0 }, ARG_B(bytes_str("k")), { 0 }, { 0 } });
    say_content(&c, 1, bytes_of(user, sizeof user - 1), bytes_str("m"));
    refused(
        406,
        "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'");
}

static void immediate_is_not_there(void **state)
{
    (void)state;
    say(&c, 1, METHOD_BASIC_PUBLISH,
        (struct arg[]){ { 0 }, { 0 }, ARG_B(bytes_str("k")), ARG_N(0), ARG_N(1) });
    hear_nothing(&c); /* before the content is complete */
    say_content(&c, 1, bytes_of("\0\0", 2), bytes_str("m"));
    hear_close(&c, METHOD_CONNECTION_CLOSE, 540, "NOT_IMPLEMENTED - immediate=true");
}

static void copies_reach_cc_and_bcc(void **state)
{
    static const uint8_t raw[] = "\x20\0\0\0\0\x1d"
                                 "\2CCA\0\0\0\6S\0\0\0\1b"
                                 "\3BCCA\0\0\0\6S\0\0\0\1d";

    (void)state;
    client_declare(&c, 1, "a", 0);
    client_declare(&c, 1, "b", 0);
    client_declare(&c, 1, "d", 0);
    say(&c, 1, METHOD_BASIC_PUBLISH,
        (struct arg[]){ { 0 }, { 0 }, ARG_B(bytes_str("a")), { 0 }, { 0 } });
    say_content(&c, 1, bytes_of(raw, sizeof raw - 1), bytes_str("m"));
    for (const char *q = "abd"; *q; q++) {
        char name[2] = { *q, 0 };

        say(&c, 1, METHOD_BASIC_GET, (struct arg[]){ { 0 }, ARG_B(bytes_str(name)), ARG_N(1) });
        hear(&c, METHOD_BASIC_GET_OK, &h);
        assert_true(hear_any(&c, &h));
        assert_int_equal(get_u32(h.frame.payload.at + CONTENT_HEAD_BYTES + 2), 14); /* CC alone */
        assert_true(hear_any(&c, &h));
    }
}

/* ---- consuming ---- */

static void a_soft_error_ends_what_follows(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    say_declare(&c, 1, "nope", PASSIVE, bytes_of(NULL, 0));
    say_declare(&c, 1, "never", 0, bytes_of(NULL, 0));
    say_publish(&c, 1, "", "q", "never", false);
    hear_close(&c, METHOD_CHANNEL_CLOSE, 404, "NOT_FOUND - no queue 'nope' in vhost '/'");
    hear_nothing(&c);
    say_bare(&c, 1, METHOD_CHANNEL_CLOSE); /* crossing */
    hear(&c, METHOD_CHANNEL_CLOSE_OK, &h);
    say_bare(&c, 1, METHOD_CHANNEL_CLOSE_OK);
    client_channel(&c, 1);
    say_declare(&c, 1, "never", PASSIVE, bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no queue 'never' in vhost '/'");
    say_declare(&c, 1, "q", PASSIVE, bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_DECLARE_OK, &h);
    assert_int_equal(h.args[1].n, 0);
}

static void say_ack(enum method_id id, uint64_t tag, unsigned a, unsigned b)
{
    say(&c, 1, id, (struct arg[]){ ARG_N(tag), ARG_N(a), ARG_N(b) });
}

static void tags_that_are_not_out_are_refused(void **state)
{
    (void)state;
    say_ack(METHOD_BASIC_ACK, 99, 0, 0);
    refused(406, "PRECONDITION_FAILED - unknown delivery tag 99");
    say_ack(METHOD_BASIC_ACK, 0, 0, 0);
    refused(406, "PRECONDITION_FAILED - unknown delivery tag 0");
    say_ack(METHOD_BASIC_NACK, 7, 1, 1);
    refused(406, "PRECONDITION_FAILED - unknown delivery tag 7");
    say_ack(METHOD_BASIC_REJECT, 7, 1, 0);
    refused(406, "PRECONDITION_FAILED - unknown delivery tag 7");
    say_ack(METHOD_BASIC_ACK, 0, 1, 0);
    hear_nothing(&c);
}

static void what_is_given_back_comes_again_in_its_place(void **state)
{
    uint64_t first;

    (void)state;
    client_declare(&c, 1, "q", DURABLE);
    say_publish(&c, 1, "", "q", "a", false);
    say_publish(&c, 1, "", "q", "b", false);
    say_publish(&c, 1, "", "q", "c", false);
    client_consume(&c, 1, "q", "t");
    first = hear_deliver(&c, "a", false);
    assert_int_equal(first, 1);
    (void)hear_deliver(&c, "b", false);
    (void)hear_deliver(&c, "c", false);
    say_ack(METHOD_BASIC_NACK, 2, 1, 1);
    assert_int_equal(hear_deliver(&c, "a", true), 4);
    (void)hear_deliver(&c, "b", true);
    say_ack(METHOD_BASIC_ACK, 4, 0, 0);
    say_ack(METHOD_BASIC_REJECT, 5, 0, 0);
    say_bare(&c, 1, METHOD_CHANNEL_CLOSE);
    hear(&c, METHOD_CHANNEL_CLOSE_OK, &h);
    client_channel(&c, 1);
    client_consume(&c, 1, "q", "t");
    assert_int_equal(hear_deliver(&c, "c", true), 1);
    hear_nothing(&c);
}

static void recover_gives_all_back(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    say_publish(&c, 1, "", "q", "a", false);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "a", false);
    say(&c, 1, METHOD_BASIC_RECOVER, (struct arg[]){ ARG_N(1) });
    hear(&c, METHOD_BASIC_RECOVER_OK, &h);
    (void)hear_deliver(&c, "a", true);
    say(&c, 1, METHOD_BASIC_RECOVER, (struct arg[]){ ARG_N(0) });
    hear_close(&c, METHOD_CONNECTION_CLOSE, 540, "NOT_IMPLEMENTED - requeue=false");
}

static void prefetch_holds_back(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    for (int i = 0; i < 5; i++)
        say_publish(&c, 1, "", "q", "m", false);
    say(&c, 1, METHOD_BASIC_QOS, (struct arg[]){ ARG_N(0), ARG_N(2), ARG_N(0) });
    hear(&c, METHOD_BASIC_QOS_OK, &h);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "m", false);
    (void)hear_deliver(&c, "m", false);
    hear_nothing(&c);
    say_ack(METHOD_BASIC_ACK, 2, 1, 0);
    (void)hear_deliver(&c, "m", false);
    (void)hear_deliver(&c, "m", false);
    hear_nothing(&c);
    say(&c, 1, METHOD_BASIC_QOS, (struct arg[]){ ARG_N(5), ARG_N(0), ARG_N(0) });
    hear_close(&c, METHOD_CONNECTION_CLOSE, 540, "NOT_IMPLEMENTED - prefetch_size!=0 (5)");
}

static void the_channels_limit_acts_at_once(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    client_consume(&c, 1, "q", "t");
    say(&c, 1, METHOD_BASIC_QOS, (struct arg[]){ ARG_N(0), ARG_N(1), ARG_N(1) });
    hear(&c, METHOD_BASIC_QOS_OK, &h);
    for (int i = 0; i < 3; i++)
        say_publish(&c, 1, "", "q", "m", false);
    (void)hear_deliver(&c, "m", false);
    hear_nothing(&c);
    say(&c, 1, METHOD_BASIC_QOS, (struct arg[]){ ARG_N(0), ARG_N(0), ARG_N(1) });
    hear(&c, METHOD_BASIC_QOS_OK, &h);
    (void)hear_deliver(&c, "m", false);
    (void)hear_deliver(&c, "m", false);
}

static void consumers_have_tags_of_their_own(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    say_consume(&c, 1, "q", "", 0);
    hear(&c, METHOD_BASIC_CONSUME_OK, &h);
    assert_int_equal(h.args[0].b.len, 31);
    assert_true(bytes_starts(h.args[0].b, "amq.ctag-"));
    client_consume(&c, 1, "q", "t");
    say_consume(&c, 1, "nope", "u", 0);
    refused(404, "NOT_FOUND - no queue 'nope' in vhost '/'");
    client_consume(&c, 1, "q", "t");
    say_consume(&c, 1, "q", "t", 0);
    hear_close(&c, METHOD_CONNECTION_CLOSE, 530, "NOT_ALLOWED - attempt to reuse consumer tag 't'");
}

static void an_exclusive_consumer_is_alone(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    client_channel(&c, 2);
    say_consume(&c, 2, "q", "t", 2);
    hear(&c, METHOD_BASIC_CONSUME_OK, &h);
    say_consume(&c, 1, "q", "u", 0);
    refused(403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use");
    say(&c, 2, METHOD_BASIC_CANCEL, (struct arg[]){ ARG_B(bytes_str("t")), ARG_N(0) });
    hear(&c, METHOD_BASIC_CANCEL_OK, &h);
    client_consume(&c, 1, "q", "u");
}

static void an_auto_delete_queue_goes_with_its_last_consumer(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", AUTO_DELETE);
    client_consume(&c, 1, "q", "t");
    say(&c, 1, METHOD_BASIC_CANCEL, (struct arg[]){ ARG_B(bytes_str("t")), ARG_N(0) });
    hear(&c, METHOD_BASIC_CANCEL_OK, &h);
    assert_true(bytes_eq_str(h.args[0].b, "t"));
    say_declare(&c, 1, "q", PASSIVE, bytes_of(NULL, 0));
    refused(404, "NOT_FOUND - no queue 'q' in vhost '/'");
    say(&c, 1, METHOD_BASIC_CANCEL, (struct arg[]){ ARG_B(bytes_str("unknown")), ARG_N(0) });
    hear(&c, METHOD_BASIC_CANCEL_OK, &h);
}

static void no_ack_deliveries_are_over(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    say_publish(&c, 1, "", "q", "a", false);
    say_consume(&c, 1, "q", "t", 1);
    hear(&c, METHOD_BASIC_CONSUME_OK, &h);
    assert_int_equal(hear_deliver(&c, "a", false), 1);
    say_ack(METHOD_BASIC_ACK, 1, 0, 0);
    refused(406, "PRECONDITION_FAILED - unknown delivery tag 1");
    say_declare(&c, 1, "q", PASSIVE, bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_DECLARE_OK, &h);
    assert_int_equal(h.args[1].n, 0);
}

static void get_tells_what_is_left(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", 0);
    say_publish(&c, 1, "", "q", "a", false);
    say_publish(&c, 1, "", "q", "", false);
    say(&c, 1, METHOD_BASIC_GET, (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), ARG_N(0) });
    hear(&c, METHOD_BASIC_GET_OK, &h);
    assert_int_equal(h.args[0].n, 1);
    assert_int_equal(h.args[4].n, 1);
    hear_content(&c, "a", &h);
    say(&c, 1, METHOD_BASIC_GET, (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), ARG_N(1) });
    hear(&c, METHOD_BASIC_GET_OK, &h);
    assert_int_equal(h.args[4].n, 0);
    hear_content(&c, "", &h);
    say(&c, 1, METHOD_BASIC_GET, (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), ARG_N(0) });
    hear(&c, METHOD_BASIC_GET_EMPTY, &h);
}

static void large_bodies_are_split(void **state)
{
    size_t   n = 300000;
    uint8_t *body = malloc(n);
    size_t   got = 0;

    (void)state;
    for (size_t i = 0; i < n; i++)
        body[i] = (uint8_t)(i * 13 >> 2);
    client_declare(&c, 1, "q", 0);
    say(&c, 1, METHOD_BASIC_PUBLISH,
        (struct arg[]){ { 0 }, { 0 }, ARG_B(bytes_str("q")), { 0 }, { 0 } });
    buf_add(&c.in, "\2\0\1\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\4\x93\xe0\0\0\xce", 22);
    for (size_t at = 0; at < n; at += 100000) {
        size_t start = frame_begin(&c.in, FRAME_BODY, 1);

        buf_add(&c.in, body + at, 100000);
        frame_end(&c.in, start);
    }
    client_consume(&c, 1, "q", "t");
    hear(&c, METHOD_BASIC_DELIVER, &h);
    assert_true(hear_any(&c, &h));
    while (got < n) {
        assert_true(hear_any(&c, &h));
        assert_int_equal(h.frame.type, FRAME_BODY);
        assert_true(h.frame.payload.len <= 131072 - 8);
        assert_memory_equal(h.frame.payload.at, body + got, h.frame.payload.len);
        got += h.frame.payload.len;
    }
    assert_int_equal(got, n);
    free(body);
}

/* ---- modes ---- */

static void a_transaction_is_all_at_commit(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", DURABLE);
    say_publish(&c, 1, "", "q", "before", false);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "before", false);
    say_bare(&c, 1, METHOD_TX_SELECT);
    hear(&c, METHOD_TX_SELECT_OK, &h);
    say_publish(&c, 1, "", "q", "in it", false);
    say_ack(METHOD_BASIC_ACK, 1, 0, 0);
    hear_nothing(&c);
    say_bare(&c, 1, METHOD_TX_ROLLBACK);
    hear(&c, METHOD_TX_ROLLBACK_OK, &h);
    say_ack(METHOD_BASIC_ACK, 1, 0, 0); /* still out */
    say_publish(&c, 1, "", "q", "kept", false);
    say_publish(&c, 1, "amq.direct", "nowhere", "back", true);
    say_bare(&c, 1, METHOD_TX_COMMIT);
    hear(&c, METHOD_BASIC_RETURN, &h);
    hear_content(&c, "back", &h);
    assert_true(hear_any(&c, &h));
    if (h.id == METHOD_TX_COMMIT_OK) {
        (void)hear_deliver(&c, "kept", false);
    } else {
        hear_content(&c, "kept", &h);
        hear(&c, METHOD_TX_COMMIT_OK, &h);
    }
    hear_nothing(&c);
}

/* One publish that cannot be done: the others are not done either, and what was acked comes again. */
static void a_transaction_that_fails_leaves_nothing(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", DURABLE);
    client_declare(&c, 1, "other", DURABLE);
    say_publish(&c, 1, "", "q", "before", false);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "before", false);
    say_bare(&c, 1, METHOD_TX_SELECT);
    hear(&c, METHOD_TX_SELECT_OK, &h);
    say_publish(&c, 1, "", "other", "first", false);
    say_publish(&c, 1, "nowhere", "", "second", false);
    say_ack(METHOD_BASIC_ACK, 1, 0, 0);
    say_bare(&c, 1, METHOD_TX_COMMIT);
    refused(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'");
    say_declare(&c, 1, "other", PASSIVE, bytes_of(NULL, 0));
    hear(&c, METHOD_QUEUE_DECLARE_OK, &h);
    assert_int_equal(h.args[1].n, 0);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "before", true);
    hear_nothing(&c);
}

/* Nor does it matter that a message was emptied out of its queue in between. */
static void a_transaction_may_ack_what_is_gone(void **state)
{
    (void)state;
    client_declare(&c, 1, "q", DURABLE);
    say_publish(&c, 1, "", "q", "a", false);
    client_consume(&c, 1, "q", "t");
    (void)hear_deliver(&c, "a", false);
    say_bare(&c, 1, METHOD_TX_SELECT);
    hear(&c, METHOD_TX_SELECT_OK, &h);
    say_ack(METHOD_BASIC_ACK, 1, 0, 0);
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), { 0 }, { 0 }, { 0 } });
    assert_true(hear_any(&c, &h));
    if (h.id == METHOD_BASIC_CANCEL)
        hear(&c, METHOD_QUEUE_DELETE_OK, &h);
    say_bare(&c, 1, METHOD_TX_COMMIT);
    hear(&c, METHOD_TX_COMMIT_OK, &h);
}

static void modes_do_not_mix(void **state)
{
    (void)state;
    say_bare(&c, 1, METHOD_TX_COMMIT);
    refused(406, "PRECONDITION_FAILED - channel is not transactional");
    say_bare(&c, 1, METHOD_TX_ROLLBACK);
    refused(406, "PRECONDITION_FAILED - channel is not transactional");
    say_bare(&c, 1, METHOD_CONFIRM_SELECT);
    hear(&c, METHOD_CONFIRM_SELECT_OK, &h);
    say_bare(&c, 1, METHOD_TX_SELECT);
    refused(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode");
    say_bare(&c, 1, METHOD_TX_SELECT);
    hear(&c, METHOD_TX_SELECT_OK, &h);
    say_bare(&c, 1, METHOD_CONFIRM_SELECT);
    refused(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode");
}

static void nothing_is_answered_when_nobody_waits(void **state)
{
    (void)state;
    say_declare(&c, 1, "q", NOWAIT, bytes_of(NULL, 0));
    say_exchange("x", "fanout", NOWAIT, bytes_of(NULL, 0));
    say(&c, 1, METHOD_QUEUE_BIND,
        (struct arg[]){
            { 0 }, ARG_B(bytes_str("q")), ARG_B(bytes_str("x")), { 0 }, ARG_N(1), { 0 } });
    say(&c, 1, METHOD_CONFIRM_SELECT, (struct arg[]){ ARG_N(1) });
    say_consume(&c, 1, "q", "t", 4);
    say(&c, 1, METHOD_BASIC_CANCEL, (struct arg[]){ ARG_B(bytes_str("t")), ARG_N(1) });
    hear_nothing(&c);
    say_publish(&c, 1, "x", "", "m", false);
    hear(&c, METHOD_BASIC_ACK, &h);
    say(&c, 1, METHOD_QUEUE_PURGE, (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), ARG_N(1) });
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), { 0 }, ARG_N(1), ARG_N(1) });
    say(&c, 1, METHOD_EXCHANGE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("x")), ARG_N(1), ARG_N(1) });
    say(&c, 1, METHOD_QUEUE_DELETE,
        (struct arg[]){ { 0 }, ARG_B(bytes_str("q")), { 0 }, { 0 }, { 0 } });
    hear(&c, METHOD_QUEUE_DELETE_OK, &h);
    hear_nothing(&c);
}

static void small_things(void **state)
{
    (void)state;
    say(&c, 1, METHOD_ACCESS_REQUEST,
        (struct arg[]){ ARG_B(bytes_str("/")), { 0 }, { 0 }, { 0 }, { 0 }, { 0 } });
    hear(&c, METHOD_ACCESS_REQUEST_OK, &h);
    assert_int_equal(h.args[0].n, 1);
    say(&c, 1, METHOD_CHANNEL_FLOW, (struct arg[]){ ARG_N(1) });
    hear(&c, METHOD_CHANNEL_FLOW_OK, &h);
    assert_int_equal(h.args[0].n, 1);
    say(&c, 1, METHOD_BASIC_CANCEL_OK, (struct arg[]){ ARG_B(bytes_str("t")) });
    hear_nothing(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queues_are_declared_once),
        TEST(names_have_rules),
        TEST(the_last_queue_needs_no_name),
        TEST(exclusive_queues_are_locked),
        TEST(deleting_has_conditions),
        TEST(exchanges_are_declared_once),
        TEST(exchanges_go),
        TEST(bindings_need_both_ends),
        TEST(confirms_come_once_for_many),
        TEST(an_unroutable_message_is_returned_then_confirmed),
        TEST(publishing_has_checks),
        TEST(immediate_is_not_there),
        TEST(copies_reach_cc_and_bcc),
        TEST(a_soft_error_ends_what_follows),
        TEST(tags_that_are_not_out_are_refused),
        TEST(what_is_given_back_comes_again_in_its_place),
        TEST(recover_gives_all_back),
        TEST(prefetch_holds_back),
        TEST(the_channels_limit_acts_at_once),
        TEST(consumers_have_tags_of_their_own),
        TEST(an_exclusive_consumer_is_alone),
        TEST(an_auto_delete_queue_goes_with_its_last_consumer),
        TEST(no_ack_deliveries_are_over),
        TEST(get_tells_what_is_left),
        TEST(large_bodies_are_split),
        TEST(a_transaction_is_all_at_commit),
        TEST(a_transaction_that_fails_leaves_nothing),
        TEST(a_transaction_may_ack_what_is_gone),
        TEST(modes_do_not_mix),
        TEST(nothing_is_answered_when_nobody_waits),
        TEST(small_things),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
