/* fetch_test.c - what other doors keep in records is not seen by Kafka's clients (kafka_rig.h). */
#include "doors/kafka/kafka_rig.h"

/* Two messages as a door writes them, and one without anything of its own. */
static struct slice native_batch(int64_t now_ms, size_t big)
{
    const struct header first[] = { { bytes_str("a"), bytes_str("1") },
                                    { bytes_str("myna-amqp"), bytes_str("verbatim") },
                                    { bytes_str("b"), { 0 } } };
    uint8_t            *body = mem_new(big);
    struct batch_writer w;
    struct slice        whole;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, now_ms, bytes_str("k"), bytes_str("v"), first, 3);
    batch_add(&w, now_ms + 5, (struct bytes){ 0 }, bytes_of(body, big), first + 1, 1);
    batch_add(&w, now_ms + 7, bytes_str("k"), (struct bytes){ 0 }, NULL, 0);
    batch_end(&w);
    whole = slice_copy(buf_view(&b));
    buf_fini(&b);
    free(body);
    return whole;
}

static void append(struct test *t, const char *topic, struct slice batch)
{
    struct append_call *a = RIG_NEW(&t->rig, append_call, CALL_APPEND);
    struct append_item  item = { .name = bytes_str(topic), .batch = batch, .delay_ms = -1 };

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->items = &item;
    a->item_count = 1;
    assert_true(rig_call(&t->rig, a));
    assert_int_equal(item.err, ERR_OK);
    call_free(a);
}

static void reserved_headers_are_left_out(void **state)
{
    struct test        *t = *state;
    int                 fd = connect_to(t);
    struct batch_reader reader;
    struct batch_head   head;
    struct record       r;
    struct fetched      f;

    create(t, fd, "jobs", 1);
    append(t, "jobs", native_batch(t->rig.now_ms, 3));
    append(t, "jobs", native_batch(t->rig.now_ms, 3));
    f = fetch(t, fd, "jobs", 3);
    assert_int_equal(batch_check(f.records, &head), ERR_OK);
    assert_int_equal(head.base_offset, 3);
    assert_int_equal(head.attributes, 0);
    assert_int_equal(head.last_offset_delta, 2);
    assert_int_equal(batch_open(&reader, f.records), ERR_OK);
    assert_true(batch_next(&reader, &r, NULL));
    assert_int_equal(r.header_count, 2);
    assert_true(bytes_eq_str(r.headers[0].name, "a") && bytes_eq_str(r.headers[1].name, "b"));
    assert_true(bytes_is_null(r.headers[1].value));
    assert_true(bytes_eq_str(r.key, "k") && bytes_eq_str(r.value, "v"));
    assert_true(batch_next(&reader, &r, NULL));
    assert_int_equal(r.header_count, 0);
    assert_int_equal(r.timestamp_ms, t->rig.now_ms + 5);
    assert_int_equal(r.offset_delta, 1);
    assert_true(bytes_is_null(r.key));
    assert_true(batch_next(&reader, &r, NULL));
    assert_true(bytes_is_null(r.value));
    assert_false(batch_next(&reader, &r, NULL));
    batch_close(&reader);
    close(fd);
}

/* What a Kafka client calls so is its own. */
static void a_client_may_use_such_a_name(void **state)
{
    struct test  *t = *state;
    int           fd = connect_to(t);
    struct slice  s = native_batch(t->rig.now_ms, 3);
    uint8_t      *at = (uint8_t *)(uintptr_t)s.bytes.at;
    struct bytes  got;

    put_u16(at + 21, 0); /* no client sets the bit */
    seal(s.bytes);
    create(t, fd, "plain", 1);
    assert_int_equal(produce(t, fd, 9, "plain", s.bytes)->error_code, KAFKA_NONE);
    got = fetch(t, fd, "plain", 0).records;
    assert_int_equal(got.len, s.bytes.len);
    assert_memory_equal(got.at + 21, at + 21, got.len - 21);
    slice_drop(&s);
    close(fd);
}

/* A client that sets the bit on what it has compressed gets that back. */
static void a_compressed_batch_is_never_opened(void **state)
{
    struct test  *t = *state;
    int           fd = connect_to(t);
    struct slice  s = native_batch(t->rig.now_ms, 3);
    uint8_t      *at = (uint8_t *)(uintptr_t)s.bytes.at;
    struct bytes  got;

    put_u16(at + 21, BATCH_NATIVE | CODEC_LZ4);
    seal(s.bytes);
    create(t, fd, "plain", 1);
    assert_int_equal(produce(t, fd, 9, "plain", s.bytes)->error_code, KAFKA_NONE);
    got = fetch(t, fd, "plain", 0).records;
    assert_int_equal(got.len, s.bytes.len);
    slice_drop(&s);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reserved_headers_are_left_out),
        TEST(a_client_may_use_such_a_name),
        TEST(a_compressed_batch_is_never_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
