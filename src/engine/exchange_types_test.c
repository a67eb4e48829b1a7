/*
 * exchange_types_test.c - alternate exchanges, exchanges that choose one of their queues, and those
 * that delay, through the real engine.
 */
#include "engine/queue_rig.h"

struct table {
    struct buf b;
};

static void table_text(struct table *t, const char *name, const char *value)
{
    buf_u8(&t->b, (uint8_t)strlen(name));
    buf_str(&t->b, name);
    buf_u8(&t->b, 'S');
    buf_u32(&t->b, (uint32_t)strlen(value));
    buf_str(&t->b, value);
}

static void table_number(struct table *t, const char *name, int32_t value)
{
    buf_u8(&t->b, (uint8_t)strlen(name));
    buf_str(&t->b, name);
    buf_u8(&t->b, 'I');
    buf_u32(&t->b, (uint32_t)value);
}

static enum err declare(struct rig *r, const char *name, const char *type, const char *argument,
                        const char *value)
{
    struct exchange_declare_call *c = RIG_CALL(r, exchange_declare_call, EXCHANGE_DECLARE);
    struct table                  t = { 0 };
    enum err                      err;

    if (argument)
        table_text(&t, argument, value);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->type = bytes_str(type);
    c->is_durable = true;
    c->arguments = buf_view(&t.b);
    err = rig_end(r, c);
    buf_fini(&t.b);
    return err;
}

static enum err bind(struct rig *r, const char *source, const char *destination, const char *key,
                     bool to_exchange)
{
    struct bind_call *c = RIG_CALL(r, bind_call, BIND);

    c->call.session = RIG_SESSION;
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->source = bytes_str(source);
    c->destination = bytes_str(destination);
    c->key = bytes_str(key);
    c->to_exchange = to_exchange;
    return rig_end(r, c);
}

static uint64_t ready(struct rig *r, const char *queue)
{
    return rig_queue(r, queue)->ledger.ready_count;
}

/* ---- alternate exchanges ---- */

static void what_leads_nowhere_goes_to_the_alternate(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_declare(&r, "lost");
    assert_int_equal(declare(&r, "first", "direct", "alternate-exchange", "second"), ERR_OK);
    assert_int_equal(rig_publish(&r, "first", "k", "1"), 0); /* it is not there */
    assert_int_equal(declare(&r, "second", "direct", "alternate-exchange", "third"), ERR_OK);
    assert_int_equal(declare(&r, "third", "fanout", NULL, NULL), ERR_OK);
    assert_int_equal(bind(&r, "first", "q", "k", false), ERR_OK);
    assert_int_equal(bind(&r, "third", "lost", "", false), ERR_OK);
    rig_crash(&r);
    assert_int_equal(rig_publish(&r, "first", "k", "2"), 1);
    assert_int_equal(rig_publish(&r, "first", "other", "3"), 1); /* by the second to the third */
    rig_counts(&r, "q", 1, 0, 0);
    rig_counts(&r, "lost", 1, 0, 0);
    rig_close(&r);
}

/* RabbitMQ's: each exchange on the way has its own. */
static void an_exchange_that_was_reached_has_its_own_alternate(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "lost");
    assert_int_equal(declare(&r, "front", "fanout", "alternate-exchange", "none"), ERR_OK);
    assert_int_equal(declare(&r, "back", "direct", "alternate-exchange", "rest"), ERR_OK);
    assert_int_equal(declare(&r, "rest", "fanout", NULL, NULL), ERR_OK);
    assert_int_equal(bind(&r, "front", "back", "", true), ERR_OK);
    assert_int_equal(bind(&r, "rest", "lost", "", false), ERR_OK);
    assert_int_equal(rig_publish(&r, "front", "k", "1"), 1);
    rig_counts(&r, "lost", 1, 0, 0);
    rig_close(&r);
}

static void alternates_in_a_circle_end(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    assert_int_equal(declare(&r, "a", "fanout", "alternate-exchange", "b"), ERR_OK);
    assert_int_equal(declare(&r, "b", "fanout", "alternate-exchange", "a"), ERR_OK);
    assert_int_equal(rig_publish(&r, "a", "k", "1"), 0);
    rig_close(&r);
}

/* ---- one of many ---- */

enum { MANY = 400 };

static void publish_keys(struct rig *r, const char *exchange, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];

        snprintf(key, sizeof key, "key-%d", i);
        assert_int_equal(rig_publish(r, exchange, key, "v"), 1);
    }
}

static void a_consistent_hash_spreads_by_weight(void **state)
{
    struct rig r;

    (void)state;
    rig_open_with(&r, 1000);
    rig_declare(&r, "light");
    rig_declare(&r, "heavy");
    assert_int_equal(declare(&r, "x", "x-consistent-hash", NULL, NULL), ERR_OK);
    assert_int_equal(bind(&r, "x", "light", "many", false), ERR_BAD_ARGUMENT);
    assert_int_equal(bind(&r, "x", "light", "0", false), ERR_BAD_ARGUMENT);
    assert_int_equal(bind(&r, "x", "light", "1025", false), ERR_BAD_ARGUMENT);
    assert_int_equal(bind(&r, "x", "light", "1", false), ERR_OK);
    assert_int_equal(bind(&r, "x", "heavy", "3", false), ERR_OK);
    publish_keys(&r, "x", MANY);
    assert_int_equal(ready(&r, "light") + ready(&r, "heavy"), MANY);
    assert_true(ready(&r, "light") > MANY / 8 && ready(&r, "light") < MANY * 3 / 8);
    rig_close(&r);
}

/* Where each key goes, before and after there is one more queue; and after a restart. */
static void a_consistent_hash_moves_little(void **state)
{
    struct rig r;
    uint64_t   before;
    uint64_t   kept;

    (void)state;
    rig_open_with(&r, 1000);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_declare(&r, "c");
    assert_int_equal(declare(&r, "x", "x-consistent-hash", NULL, NULL), ERR_OK);
    assert_int_equal(bind(&r, "x", "a", "4", false), ERR_OK);
    assert_int_equal(bind(&r, "x", "b", "4", false), ERR_OK);
    publish_keys(&r, "x", MANY);
    before = ready(&r, "a");
    rig_crash(&r);
    publish_keys(&r, "x", MANY);
    assert_int_equal(ready(&r, "a"), 2 * before); /* the same go the same way */
    assert_int_equal(bind(&r, "x", "c", "4", false), ERR_OK);
    publish_keys(&r, "x", MANY);
    kept = ready(&r, "a") - 2 * before;
    assert_true(ready(&r, "c") > MANY / 6 && ready(&r, "c") < MANY / 2);
    assert_true(kept <= before); /* a lost some to c and got none of b's */
    rig_close(&r);
}

static uint32_t publish_with(struct rig *r, const char *exchange, const char *key,
                             struct bytes headers, const char *message_id)
{
    struct publish_call *c = rig_publication(r, exchange, key, "v");
    uint32_t             routed;

    c->headers = headers;
    c->message_id = bytes_str(message_id);
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    routed = c->routed;
    call_free(c);
    return routed;
}

static void a_hash_may_look_elsewhere(void **state)
{
    struct rig   r;
    struct table t = { 0 };

    (void)state;
    rig_open_with(&r, 1000);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    assert_int_equal(declare(&r, "bad", "x-consistent-hash", "hash-property", "app_id"),
                     ERR_BAD_ARGUMENT);
    assert_int_equal(declare(&r, "h", "x-consistent-hash", "hash-header", "customer"), ERR_OK);
    assert_int_equal(declare(&r, "m", "x-consistent-hash", "hash-property", "message_id"), ERR_OK);
    assert_int_equal(bind(&r, "h", "a", "1", false), ERR_OK);
    assert_int_equal(bind(&r, "h", "b", "1", false), ERR_OK);
    assert_int_equal(bind(&r, "m", "a", "1", false), ERR_OK);
    assert_int_equal(bind(&r, "m", "b", "1", false), ERR_OK);
    rig_crash(&r);
    table_text(&t, "customer", "42");
    for (int i = 0; i < 40; i++) {
        char text[16];

        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(publish_with(&r, "h", text, buf_view(&t.b), text), 1);
    }
    assert_true(ready(&r, "a") == 40 || ready(&r, "b") == 40); /* one customer, one queue */
    for (int i = 0; i < 40; i++) {
        char text[16];

        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(publish_with(&r, "m", "same", buf_view(&t.b), text), 1);
    }
    assert_true(ready(&r, "a") > 0 && ready(&r, "b") > 0 && ready(&r, "a") + ready(&r, "b") == 80);
    buf_fini(&t.b);
    rig_close(&r);
}

static void modulus_and_random_choose_one(void **state)
{
    static const char *const types[] = { "x-modulus-hash", "x-random", "x-local-random" };
    struct rig               r;

    (void)state;
    rig_open_with(&r, 1000);
    for (size_t i = 0; i < COUNT(types); i++) {
        char     a[32], b[32];
        uint64_t of_a;

        snprintf(a, sizeof a, "%s-a", types[i]);
        snprintf(b, sizeof b, "%s-b", types[i]);
        rig_declare(&r, a);
        rig_declare(&r, b);
        assert_int_equal(declare(&r, types[i], types[i], NULL, NULL), ERR_OK);
        assert_int_equal(rig_publish(&r, types[i], "k", "v"), 0);
        assert_int_equal(bind(&r, types[i], a, "anything", false), ERR_OK);
        assert_int_equal(bind(&r, types[i], b, "", false), ERR_OK);
        publish_keys(&r, types[i], 100);
        of_a = ready(&r, a);
        assert_int_equal(of_a + ready(&r, b), 100);
        assert_true(of_a > 20 && of_a < 80);
    }
    rig_close(&r);
}

/* ---- delays ---- */

static uint32_t publish_delayed(struct rig *r, const char *exchange, int32_t delay_ms)
{
    struct table t = { 0 };
    uint32_t     routed;

    table_number(&t, "x-delay", delay_ms);
    routed = publish_with(r, exchange, "k", buf_view(&t.b), "");
    buf_fini(&t.b);
    return routed;
}

static void a_delayed_exchange_delays(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    assert_int_equal(declare(&r, "x", "x-delayed-message", NULL, NULL), ERR_BAD_ARGUMENT);
    assert_int_equal(declare(&r, "x", "x-delayed-message", "x-delayed-type", "nonsense"),
                     ERR_BAD_ARGUMENT);
    assert_int_equal(declare(&r, "x", "x-delayed-message", "x-delayed-type", "direct"), ERR_OK);
    assert_int_equal(bind(&r, "x", "q", "k", false), ERR_OK);
    assert_int_equal(publish_delayed(&r, "x", 5000), 1);
    assert_int_equal(publish_delayed(&r, "x", 0), 1);
    assert_int_equal(publish_delayed(&r, "x", -5), 1);
    assert_int_equal(rig_publish(&r, "x", "k", "none"), 1);
    rig_counts(&r, "q", 3, 0, 1);
    rig_crash(&r);
    rig_counts(&r, "q", 3, 0, 1);
    rig_advance(&r, 4999);
    rig_counts(&r, "q", 3, 0, 1);
    rig_advance(&r, 1);
    rig_counts(&r, "q", 4, 0, 0);
    rig_close(&r);
}

/* Only on the way through such an exchange; and on, to the exchanges behind it. */
static void a_delay_goes_on_behind_the_exchange(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_declare(&r, "plain");
    assert_int_equal(declare(&r, "late", "x-delayed-message", "x-delayed-type", "fanout"), ERR_OK);
    assert_int_equal(declare(&r, "behind", "fanout", NULL, NULL), ERR_OK);
    assert_int_equal(bind(&r, "late", "behind", "", true), ERR_OK);
    assert_int_equal(bind(&r, "behind", "q", "", false), ERR_OK);
    assert_int_equal(publish_delayed(&r, "late", 1000), 1);
    rig_counts(&r, "q", 0, 0, 1);
    assert_int_equal(publish_delayed(&r, "behind", 1000), 1);
    rig_counts(&r, "q", 1, 0, 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leads_nowhere_goes_to_the_alternate),
        cmocka_unit_test(an_exchange_that_was_reached_has_its_own_alternate),
        cmocka_unit_test(alternates_in_a_circle_end),
        cmocka_unit_test(a_consistent_hash_spreads_by_weight),
        cmocka_unit_test(a_consistent_hash_moves_little),
        cmocka_unit_test(a_hash_may_look_elsewhere),
        cmocka_unit_test(modulus_and_random_choose_one),
        cmocka_unit_test(a_delayed_exchange_delays),
        cmocka_unit_test(a_delay_goes_on_behind_the_exchange),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
