/* exchange_test.c - exchanges, bindings and publishing through the real engine, and all of it after
 * a crash. */
#include "engine/exchange_int.h"
#include "engine/queue_rig.h"

static struct bytes ns_of(void)
{
    return bytes_str(NAMESPACE_DEFAULT);
}

static struct exchange_declare_call *declaration(struct rig *r, const char *name, const char *type)
{
    struct exchange_declare_call *c = RIG_CALL(r, exchange_declare_call, EXCHANGE_DECLARE);

    c->ns = ns_of();
    c->name = bytes_str(name);
    c->type = bytes_str(type);
    c->is_durable = true;
    return c;
}

static void declare(struct rig *r, const char *name, const char *type)
{
    assert_int_equal(rig_end(r, declaration(r, name, type)), ERR_OK);
}

static enum err delete(struct rig *r, const char *name, bool if_unused)
{
    struct exchange_delete_call *c = RIG_CALL(r, exchange_delete_call, EXCHANGE_DELETE);

    c->ns = ns_of();
    c->name = bytes_str(name);
    c->if_unused = if_unused;
    return rig_end(r, c);
}

static struct bind_call *binding(struct rig *r, enum call_kind kind, const char *source,
                                 const char *destination, const char *key)
{
    struct bind_call *c = call_new(sizeof *c, kind, &r->home, rig_done, r);

    c->call.session = RIG_SESSION;
    c->ns = ns_of();
    c->source = bytes_str(source);
    c->destination = bytes_str(destination);
    c->key = bytes_str(key);
    return c;
}

static void bind(struct rig *r, const char *source, const char *queue, const char *key)
{
    assert_int_equal(rig_end(r, binding(r, CALL_BIND, source, queue, key)), ERR_OK);
}

static void unbind(struct rig *r, const char *source, const char *queue, const char *key)
{
    assert_int_equal(rig_end(r, binding(r, CALL_UNBIND, source, queue, key)), ERR_OK);
}

static enum err bind_exchange(struct rig *r, enum call_kind kind, const char *source,
                              const char *destination, const char *key)
{
    struct bind_call *c = binding(r, kind, source, destination, key);

    c->to_exchange = true;
    return rig_end(r, c);
}

static struct exchange *find(struct rig *r, const char *name)
{
    return exchange_find(r->engine, ns_of(), bytes_str(name));
}

static void the_default_exchange_reaches_by_name(void **state)
{
    struct rig                r;
    struct topic_create_call *t;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    t = RIG_CALL(&r, topic_create_call, TOPIC_CREATE);
    t->ns = ns_of();
    t->name = bytes_str("kafka");
    t->partition_count = 3;
    assert_int_equal(rig_end(&r, t), ERR_OK);
    assert_int_equal(rig_publish(&r, "", "q", "1"), 1);
    assert_int_equal(rig_publish(&r, "", "kafka", "1"), 1);
    assert_int_equal(rig_publish(&r, "", "none", "1"), 0);
    rig_counts(&r, "q", 1, 0, 0);
    rig_close(&r);
}

static void declaring(void **state)
{
    struct rig                    r;
    struct exchange_declare_call *c;

    (void)state;
    rig_open(&r);
    c = declaration(&r, "amq.topic", "topic");
    assert_true(rig_run(&r, c));
    assert_true(c->existed);
    call_free(c);
    assert_int_equal(rig_end(&r, declaration(&r, "", "direct")), ERR_ACCESS);
    assert_int_equal(rig_end(&r, declaration(&r, "x", "x-unknown")), ERR_UNKNOWN_TYPE);
    c = declaration(&r, "x", "");
    c->is_passive = true;
    assert_int_equal(rig_end(&r, c), ERR_NO_EXCHANGE);
    c = declaration(&r, "x", "fanout");
    c->arguments = bytes_str("arguments");
    assert_true(rig_run(&r, c));
    assert_false(c->existed);
    assert_true(bytes_eq_str(c->view.type, "fanout"));
    call_free(c);
    rig_crash(&r);
    c = declaration(&r, "x", "");
    c->is_passive = true;
    assert_true(rig_run(&r, c));
    assert_true(c->existed);
    assert_true(bytes_eq_str(c->view.arguments, "arguments"));
    call_free(c);
    assert_int_equal(delete(&r, "amq.fanout", false), ERR_ACCESS);
    assert_int_equal(delete(&r, "", false), ERR_ACCESS);
    assert_int_equal(delete(&r, "none", false), ERR_NO_EXCHANGE);
    assert_int_equal(delete(&r, "x", true), ERR_OK);
    rig_crash(&r);
    assert_null(find(&r, "x"));
    rig_close(&r);
}

static void transient_exchanges_end_with_the_process(void **state)
{
    struct rig                    r;
    struct exchange_declare_call *c;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    c = declaration(&r, "x", "fanout");
    c->is_durable = false;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    bind(&r, "x", "q", "");
    rig_crash(&r);
    assert_null(find(&r, "x"));
    assert_true(list_empty(&rig_queue(&r, "q")->bindings));
    rig_close(&r);
}

static void a_queue_gets_one_copy(void **state)
{
    struct rig           r;
    struct publish_call *p;
    struct bytes         more[] = { bytes_str("b"), bytes_str("c") };

    (void)state;
    rig_open(&r);
    rig_declare(&r, "one");
    rig_declare(&r, "two");
    declare(&r, "x", "direct");
    bind(&r, "x", "one", "a");
    bind(&r, "x", "one", "a"); /* again: the same */
    bind(&r, "x", "one", "b");
    bind(&r, "x", "two", "c");
    assert_int_equal(rig_publish(&r, "x", "a", "1"), 1);
    p = rig_publication(&r, "x", "a", "2");
    p->keys = more;
    p->key_count = 2;
    assert_true(rig_run(&r, p));
    assert_int_equal(p->routed, 2);
    call_free(p);
    rig_counts(&r, "one", 2, 0, 0);
    rig_counts(&r, "two", 1, 0, 0);
    rig_crash(&r);
    assert_int_equal(rig_publish(&r, "x", "a", "3"), 1);
    rig_counts(&r, "one", 3, 0, 0);
    unbind(&r, "x", "one", "a");
    unbind(&r, "x", "one", "a");
    rig_crash(&r);
    assert_int_equal(rig_publish(&r, "x", "a", "4"), 0);
    assert_int_equal(rig_publish(&r, "x", "b", "5"), 1);
    rig_close(&r);
}

static void copies_have_their_own_offsets(void **state)
{
    struct rig         r;
    struct message_ref m[2];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "one");
    rig_declare(&r, "two");
    declare(&r, "x", "fanout");
    rig_fill(&r, "two", 5);
    bind(&r, "x", "one", "");
    bind(&r, "x", "two", "");
    assert_int_equal(rig_publish(&r, "x", "", "both"), 2);
    assert_int_equal(rig_lease(&r, "one", 2, 5000, m), 1);
    assert_int_equal(m[0].offset, 0);
    assert_int_equal(m[0].base_offset, 0);
    rig_crash(&r);
    rig_counts(&r, "two", 6, 0, 0);
    rig_close(&r);
}

static void exchanges_bound_in_a_circle(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    declare(&r, "a", "fanout");
    declare(&r, "b", "topic");
    declare(&r, "c", "direct");
    assert_int_equal(bind_exchange(&r, CALL_BIND, "a", "b", ""), ERR_OK);
    assert_int_equal(bind_exchange(&r, CALL_BIND, "b", "c", "k.*"), ERR_OK);
    assert_int_equal(bind_exchange(&r, CALL_BIND, "c", "a", "k.1"), ERR_OK);
    bind(&r, "c", "q", "k.1");
    bind(&r, "a", "q", "");
    assert_int_equal(rig_publish(&r, "a", "k.1", "x"), 1);
    assert_int_equal(rig_publish(&r, "c", "k.1", "x"), 1);
    rig_counts(&r, "q", 2, 0, 0);
    rig_crash(&r);
    assert_int_equal(rig_publish(&r, "b", "k.1", "x"), 1);
    assert_int_equal(bind_exchange(&r, CALL_UNBIND, "b", "c", "k.*"), ERR_OK);
    assert_int_equal(rig_publish(&r, "b", "k.1", "x"), 0);
    rig_close(&r);
}

static void both_ends_must_exist(void **state)
{
    struct rig                 r;
    struct bind_call          *c;
    struct queue_declare_call *d;

    (void)state;
    rig_open(&r);
    declare(&r, "x", "headers");
    d = rig_declaration(&r, "mine");
    d->is_exclusive = true;
    assert_int_equal(rig_end(&r, d), ERR_OK);
    c = binding(&r, CALL_BIND, "none", "mine", "");
    assert_true(rig_run(&r, c));
    assert_int_equal(c->call.err, ERR_NO_EXCHANGE);
    assert_true(c->source_missing);
    call_free(c);
    c = binding(&r, CALL_BIND, "x", "none", "");
    c->to_exchange = true;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->call.err, ERR_NO_EXCHANGE);
    assert_false(c->source_missing);
    call_free(c);
    assert_int_equal(rig_end(&r, binding(&r, CALL_BIND, "x", "none", "")), ERR_NO_QUEUE);
    assert_int_equal(rig_end(&r, binding(&r, CALL_BIND, "", "mine", "")), ERR_ACCESS);
    c = binding(&r, CALL_BIND, "x", "mine", "");
    c->call.session = 8;
    assert_int_equal(rig_end(&r, c), ERR_LOCKED);
    c = binding(&r, CALL_BIND, "x", "mine", "");
    c->arguments = bytes_str("\1no table");
    assert_int_equal(rig_end(&r, c), ERR_BAD_ARGUMENT);
    rig_close(&r);
}

/* P3 */
static void a_compacted_topic_needs_keys(void **state)
{
    struct rig                r;
    struct topic_create_call *t;

    (void)state;
    rig_open(&r);
    t = RIG_CALL(&r, topic_create_call, TOPIC_CREATE);
    t->ns = ns_of();
    t->name = bytes_str("latest");
    t->partition_count = 1;
    t->policy.is_compacted = true;
    assert_int_equal(rig_end(&r, t), ERR_OK);
    rig_declare(&r, "latest");
    rig_declare(&r, "q");
    declare(&r, "x", "fanout");
    bind(&r, "x", "q", "");
    assert_int_equal(rig_publish(&r, "x", NULL, "alone"), 1);
    bind(&r, "x", "latest", "");
    assert_int_equal(rig_end(&r, rig_publication(&r, "x", NULL, "both")), ERR_NO_KEY);
    rig_counts(&r, "q", 1, 0, 0); /* none of them got it */
    rig_counts(&r, "latest", 0, 0, 0);
    assert_int_equal(rig_publish(&r, "x", "key", "both"), 2);
    rig_close(&r);
}

static void publishing_to_what_is_not_there(void **state)
{
    struct rig           r;
    struct publish_call *p;

    (void)state;
    rig_open(&r);
    assert_int_equal(rig_end(&r, rig_publication(&r, "none", "k", "x")), ERR_NO_EXCHANGE);
    assert_int_equal(rig_end(&r, rig_publication(&r, "amq.rabbitmq.trace", "k", "x")), ERR_ACCESS);
    rig_declare(&r, "q");
    p = rig_publication(&r, "", "q", "x");
    p->batch.bytes.len--;
    assert_int_equal(rig_end(&r, p), ERR_BAD_RECORD);
    rig_counts(&r, "q", 0, 0, 0);
    rig_close(&r);
}

static void auto_delete_exchanges_go_one_after_the_other(void **state)
{
    struct rig                    r;
    struct exchange_declare_call *c;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = { "a", "b", "c" };

        c = declaration(&r, names[i], "fanout");
        c->is_auto_delete = true;
        assert_int_equal(rig_end(&r, c), ERR_OK);
    }
    assert_int_equal(bind_exchange(&r, CALL_BIND, "a", "b", ""), ERR_OK);
    assert_int_equal(bind_exchange(&r, CALL_BIND, "b", "c", ""), ERR_OK);
    bind(&r, "c", "q", "");
    assert_int_equal(delete(&r, "a", true), ERR_IN_USE);
    rig_crash(&r);
    assert_int_equal(rig_publish(&r, "a", "", "x"), 1);
    assert_int_equal(rig_delete(&r, "q"), ERR_OK); /* takes c, that takes b, that takes a */
    assert_null(find(&r, "a"));
    assert_null(find(&r, "b"));
    assert_null(find(&r, "c"));
    rig_crash(&r);
    assert_null(find(&r, "a"));
    rig_close(&r);
}

static void namespaces_are_apart(void **state)
{
    struct rig                    r;
    struct exchange_declare_call *c;
    struct publish_call          *p;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    c = declaration(&r, "x", "fanout");
    c->ns = bytes_str("other");
    assert_int_equal(rig_end(&r, c), ERR_OK);
    assert_null(find(&r, "x"));
    p = rig_publication(&r, "", "q", "x");
    p->ns = bytes_str("other");
    assert_true(rig_run(&r, p));
    assert_int_equal(p->routed, 0);
    call_free(p);
    rig_crash(&r);
    assert_non_null(exchange_find(r.engine, bytes_str("other"), bytes_str("x")));
    rig_close(&r);
}

static void many_queues_are_one_append(void **state)
{
    struct rig r;
    char       name[16];

    (void)state;
    rig_open(&r);
    declare(&r, "x", "fanout");
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "q%d", i);
        rig_declare(&r, name);
        bind(&r, "x", name, "");
    }
    assert_int_equal(rig_publish(&r, "x", "", "all"), 100);
    rig_crash(&r);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "q%d", i);
        rig_counts(&r, name, 1, 0, 0);
    }
    rig_close(&r);
}

/* ---- a full disk ---- */

static void fill_disk(struct rig *r)
{
    disk_sim_set_space(r->disk, disk_sim_used(r->disk) + (1 << 20));
    rig_turn(r);
    assert_true(shard_is_full(r->shard));
}

static void free_disk(struct rig *r)
{
    disk_sim_set_space(r->disk, UINT64_MAX);
    while (volume_file_step(r->volume))
        ;
    assert_false(shard_is_full(r->shard));
}

static struct publish_call *patient(struct rig *r, const char *value)
{
    struct publish_call *c = rig_publication(r, "", "q", value);

    c->waits_for_space = true;
    c->call.session = RIG_SESSION;
    return c;
}

static void without_space_publishes_are_refused_or_wait(void **state)
{
    struct rig           r;
    struct publish_call *waiting[3];
    struct inbox        *in = mem_new(sizeof *in);
    char                 value[16];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_subscribe(&r, "q", in, 100);
    fill_disk(&r);
    for (int i = 0; i < 2; i++) {
        snprintf(value, sizeof value, "%d", i);
        waiting[i] = patient(&r, value);
        assert_false(rig_run(&r, waiting[i]));
    }
    assert_int_equal(rig_end(&r, rig_publication(&r, "", "q", "x")), ERR_NO_SPACE);
    rig_advance(&r, 600);
    assert_int_equal(in->count, 0);
    free_disk(&r);
    waiting[2] = patient(&r, "2");
    assert_false(rig_run(&r, waiting[2])); /* P4 */
    rig_advance(&r, 600);
    assert_int_equal(in->count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(waiting[i]->call.err, ERR_OK);
        assert_int_equal(waiting[i]->routed, 1);
        snprintf(value, sizeof value, "%d", i);
        assert_string_equal(in->values[i], value);
        call_free(waiting[i]);
    }
    assert_int_equal(rig_publish(&r, "", "q", "3"), 1);
    rig_close(&r);
    free(in);
}

static void what_waits_for_space_goes_with_its_session(void **state)
{
    struct rig           r;
    struct publish_call *waiting;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    fill_disk(&r);
    waiting = patient(&r, "0");
    assert_false(rig_run(&r, waiting));
    rig_close_session(&r);
    assert_int_equal(waiting->call.err, ERR_CANCELLED);
    call_free(waiting);
    waiting = patient(&r, "1");
    assert_false(rig_run(&r, waiting));
    rig_close(&r);
    assert_int_equal(waiting->call.err, ERR_SHUTDOWN);
    call_free(waiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_exchange_reaches_by_name),
        cmocka_unit_test(declaring),
        cmocka_unit_test(transient_exchanges_end_with_the_process),
        cmocka_unit_test(a_queue_gets_one_copy),
        cmocka_unit_test(copies_have_their_own_offsets),
        cmocka_unit_test(exchanges_bound_in_a_circle),
        cmocka_unit_test(both_ends_must_exist),
        cmocka_unit_test(a_compacted_topic_needs_keys),
        cmocka_unit_test(publishing_to_what_is_not_there),
        cmocka_unit_test(auto_delete_exchanges_go_one_after_the_other),
        cmocka_unit_test(namespaces_are_apart),
        cmocka_unit_test(many_queues_are_one_append),
        cmocka_unit_test(without_space_publishes_are_refused_or_wait),
        cmocka_unit_test(what_waits_for_space_goes_with_its_session),
    };

    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
