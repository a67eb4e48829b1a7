/* amqp_record_test.c - messages in and out of records: byte-exact by this door, natural by the others. */
#include "doors/amqp/amqp_record.h"

#include "engine/message.h"
#include "engine/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* content-type "text/plain", headers { n: I 5, s: S "hé", b: x 00 ff, y: t true, v: V }, delivery-mode 2. */
static const uint8_t RAW[] = "\xb0\x00"
                             "\x0atext/plain"
                             "\x00\x00\x00\x21"
                             "\x01nI\x00\x00\x00\x05"
                             "\x01sS\x00\x00\x00\x03h\xc3\xa9"
                             "\x01xx\x00\x00\x00\x02\x00\xff"
                             "\x01yt\x01"
                             "\x01vV"
                             "\x02";
enum { RAW_LEN = sizeof RAW - 1 };

static struct record_mint mint;

static struct record_parts parts_of(const char *exchange, const char *key, struct bytes raw,
                                    size_t body_len)
{
    struct record_parts p = { .exchange = bytes_str(exchange),
                              .key = bytes_str(key),
                              .raw = raw,
                              .now_ms = 1700000000123,
                              .body_len = body_len };

    assert_true(properties_decode(raw, &p.properties));
    return p;
}

static struct slice make(const struct record_parts *p, struct bytes body, size_t piece,
                         struct record_draft *d)
{
    amqp_record_open(d, p, &mint);
    while (body.len > 0) {
        size_t n = body.len < piece ? body.len : piece;

        amqp_record_add(d, bytes_of(body.at, n));
        body = bytes_of(body.at + n, body.len - n);
    }
    return amqp_record_close(d);
}

static void what_comes_in_goes_out_to_the_byte(void **state)
{
    struct record_parts   p = parts_of("ex", "rk", bytes_of(RAW, RAW_LEN), 5);
    struct record_draft   d = { 0 };
    struct record_reader  r = { 0 };
    struct record_message m;
    struct batch_head     head;
    struct slice          batch = make(&p, bytes_str("hello"), 2, &d);

    (void)state;
    assert_int_equal(batch_check(batch.bytes, &head), ERR_OK);
    assert_int_equal(head.base_timestamp_ms, 1700000000123);
    assert_true(amqp_record_read(&r, batch.bytes, 0, bytes_str("q"), 4096, &m));
    assert_true(bytes_eq_str(m.exchange, "ex"));
    assert_true(bytes_eq_str(m.key, "rk"));
    assert_true(bytes_eq(m.properties, bytes_of(RAW, RAW_LEN)));
    assert_true(bytes_eq_str(m.body, "hello"));
    assert_true(bytes_eq(amqp_record_headers(&d, batch.bytes), p.properties.headers));
    assert_false(amqp_record_read(&r, batch.bytes, 1, bytes_str("q"), 4096, &m));
    slice_drop(&batch);
    amqp_record_draft_fini(&d);
    amqp_record_reader_fini(&r);
}

static void expect_header(const struct message *m, size_t i, const char *name, const char *value,
                          size_t len)
{
    assert_true(bytes_eq_str(m->headers[i].name, name));
    assert_int_equal(bytes_is_null(m->headers[i].value), value == NULL);
    if (value)
        assert_true(bytes_eq(m->headers[i].value, bytes_of(value, len)));
}

static void the_other_doors_read_text(void **state)
{
    struct record_parts p = parts_of("ex", "rk", bytes_of(RAW, RAW_LEN), 5);
    struct record_draft d = { 0 };
    struct slice        batch = make(&p, bytes_str("hello"), 5, &d);
    struct batch_reader r;
    struct record       record;
    struct message      m;

    (void)state;
    assert_int_equal(batch_open(&r, batch.bytes), ERR_OK);
    assert_true(batch_next(&r, &record, NULL));
    message_of(&record, &m);
    assert_int_equal(m.origin, DOOR_AMQP);
    assert_true(bytes_eq_str(m.key, "rk"));
    assert_true(bytes_eq_str(m.value, "hello"));
    assert_int_equal(m.header_count, 5);
    expect_header(&m, 0, "n", "5", 1);
    expect_header(&m, 1, "s", "h\xc3\xa9", 3);
    expect_header(&m, 2, "x", "\0\xff", 2);
    expect_header(&m, 3, "y", "true", 4);
    expect_header(&m, 4, "v", NULL, 0);
    assert_int_equal(m.native.at[0], RECORD_NATIVE_VERSION);
    batch_close(&r);
    slice_drop(&batch);
    amqp_record_draft_fini(&d);
}

static void an_empty_key_is_no_key(void **state)
{
    static const uint8_t  bare[] = { 0, 0 };
    struct record_parts   p = parts_of("", "", bytes_of(bare, 2), 0);
    struct record_draft   d = { 0 };
    struct record_reader  r = { 0 };
    struct slice          batch = make(&p, bytes_str(""), 1, &d);
    struct header         headers[2];
    struct record         record;
    struct record_message m;

    (void)state;
    assert_true(batch_read_single(batch.bytes, &record, headers, 2));
    assert_true(bytes_is_null(record.key));
    assert_false(bytes_is_null(record.value));
    assert_true(amqp_record_read(&r, batch.bytes, 0, bytes_str("q"), 4096, &m));
    assert_int_equal(m.key.len, 0);
    assert_int_equal(m.exchange.len, 0);
    slice_drop(&batch);
    amqp_record_draft_fini(&d);
    amqp_record_reader_fini(&r);
}

static void bcc_is_not_shown(void **state)
{
    static const uint8_t  raw[] = "\x20\x00\x00\x00\x00\x20"
                                  "\x01"
                                  "aI\0\0\0\1"
                                  "\x03"
                                  "BCCA\0\0\0\6S\0\0\0\1k"
                                  "\x01zI\0\0\0\2\x01qV";
    static const uint8_t  left[] = "\x20\x00\x00\x00\x00\x11\x01"
                                   "aI\0\0\0\1\x01zI\0\0\0\2\x01qV";
    struct record_parts   p = parts_of("x", "k", bytes_of(raw, sizeof raw - 1), 1);
    struct record_draft   d = { 0 };
    struct record_reader  r = { 0 };
    struct slice          batch = make(&p, bytes_str("a"), 1, &d);
    struct record_message m;
    struct table_value    v;

    (void)state;
    assert_true(amqp_record_read(&r, batch.bytes, 0, bytes_str("q"), 4096, &m));
    assert_true(bytes_eq(m.properties, bytes_of(left, sizeof left - 1)));
    assert_false(table_find(amqp_record_headers(&d, batch.bytes), "BCC", &v));
    assert_true(table_find(amqp_record_headers(&d, batch.bytes), "q", &v));
    slice_drop(&batch);
    amqp_record_draft_fini(&d);
    amqp_record_reader_fini(&r);
}

static void a_large_body_grows_into_place(void **state)
{
    static const uint8_t  bare[] = { 0, 0 };
    size_t                n = 5 * 1024 * 1024 + 3;
    uint8_t              *body = malloc(n);
    struct record_draft   d = { 0 };
    struct record_reader  r = { 0 };
    struct record_parts   p = parts_of("x", "k", bytes_of(bare, 2), n);
    struct record_message m;
    struct slice          batch;

    (void)state;
    for (size_t i = 0; i < n; i++)
        body[i] = (uint8_t)(i * 7 >> 3);
    amqp_record_open(&d, &p, &mint);
    assert_true(d.room <= RECORD_TRUST_BYTES);
    amqp_record_abort(&d);
    batch = make(&p, bytes_of(body, n), 131064, &d);
    assert_true(amqp_record_read(&r, batch.bytes, 0, bytes_str("q"), 4096, &m));
    assert_true(bytes_eq(m.body, bytes_of(body, n)));
    slice_drop(&batch);
    amqp_record_draft_fini(&d);
    amqp_record_reader_fini(&r);
    free(body);
}

/* Two records as Kafka would have them. */
static struct buf foreign(void)
{
    static const struct header headers[] = {
        { { (const uint8_t *)"text", 4 }, { (const uint8_t *)"h\xc3\xa9", 3 } },
        { { (const uint8_t *)"raw", 3 }, { (const uint8_t *)"\xff\x00", 2 } },
        { { (const uint8_t *)"none", 4 }, { NULL, 0 } },
    };
    struct buf          out = { 0 };
    struct batch_writer w;

    batch_begin(&w, &out);
    batch_add(&w, 1700000000999, bytes_str("k1"), bytes_str("v1"), headers, COUNT(headers));
    batch_add(&w, 1700000001000, bytes_of(NULL, 0), bytes_of(NULL, 0), NULL, 0);
    batch_end(&w);
    return out;
}

static void a_foreign_record_gets_natural_properties(void **state)
{
    static const uint8_t  expected[] = "\x30\x40"
                                       "\x00\x00\x00\x1e"
                                       "\x04textS\x00\x00\x00\x03h\xc3\xa9"
                                       "\x03rawx\x00\x00\x00\x02\xff\x00"
                                       "\x04noneV"
                                       "\x02"
                                       "\x00\x00\x00\x00\x65\x53\xf1\x00";
    static const uint8_t  bare[] = "\x10\x40\x02\x00\x00\x00\x00\x65\x53\xf1\x01";
    struct record_reader  r = { 0 };
    struct record_message m;
    struct buf            batch = foreign();

    (void)state;
    assert_true(amqp_record_read(&r, buf_view(&batch), 0, bytes_str("q"), 4096, &m));
    assert_int_equal(m.exchange.len, 0);
    assert_true(bytes_eq_str(m.key, "k1"));
    assert_true(bytes_eq_str(m.body, "v1"));
    assert_true(bytes_eq(m.properties, bytes_of(expected, sizeof expected - 1)));
    assert_true(amqp_record_read(&r, buf_view(&batch), 1, bytes_str("q"), 4096, &m));
    assert_true(bytes_eq_str(m.key, "q"));
    assert_int_equal(m.body.len, 0);
    assert_true(bytes_eq(m.properties, bytes_of(bare, sizeof bare - 1)));
    buf_fini(&batch);
    amqp_record_reader_fini(&r);
}

static void what_does_not_fit_a_header_frame_is_left_out(void **state)
{
    char                  value[3000];
    char                  name[300];
    struct header         headers[3];
    struct buf            out = { 0 };
    struct batch_writer   w;
    struct record_reader  r = { 0 };
    struct record_message m;
    struct properties     p;
    struct table_value    v;

    (void)state;
    memset(value, 'v', sizeof value);
    memset(name, 'n', sizeof name);
    headers[0] = (struct header){ bytes_str("a"), bytes_of(value, sizeof value) };
    headers[1] = (struct header){ bytes_str("b"), bytes_of(value, sizeof value) };
    headers[2] = (struct header){ bytes_of(name, sizeof name), bytes_str("x") };
    batch_begin(&w, &out);
    batch_add(&w, 5, bytes_of(name, sizeof name), bytes_str("v"), headers, 3);
    batch_end(&w);
    assert_true(amqp_record_read(&r, buf_view(&out), 0, bytes_str("q"), 4096 - 8, &m));
    assert_true(bytes_eq_str(m.key, "q"));
    assert_true(CONTENT_HEAD_BYTES + m.properties.len <= 4096 - 8);
    assert_true(properties_decode(m.properties, &p));
    assert_true(table_find(p.headers, "a", &v));
    assert_false(table_find(p.headers, "b", &v));
    buf_fini(&out);
    amqp_record_reader_fini(&r);
}

static void nonsense_is_refused(void **state)
{
    struct record_reader  r = { 0 };
    struct record_message m;
    struct buf            batch = foreign();

    (void)state;
    for (size_t n = 0; n < batch.len; n++)
        assert_false(amqp_record_read(&r, bytes_of(batch.at, n), 0, bytes_str("q"), 4096, &m));
    buf_fini(&batch);
    amqp_record_reader_fini(&r);
}

static void small_batches_share_memory(void **state)
{
    static const uint8_t bare[] = { 0, 0 };
    struct record_draft  d = { 0 };
    struct slice         batches[2000];
    struct block        *last = NULL;
    size_t               blocks = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(batches); i++) {
        struct record_parts p = parts_of("x", "key", bytes_of(bare, 2), 100 + i % 7);
        char                body[107];

        memset(body, (int)i, sizeof body);
        batches[i] = make(&p, bytes_of(body, 100 + i % 7), 50, &d);
        blocks += batches[i].block != last;
        last = batches[i].block;
        if (i % 3 == 0)
            slice_drop(&batches[i]);
    }
    assert_true(blocks < 10);
    amqp_record_mint_fini(&mint);
    for (size_t i = 0; i < COUNT(batches); i++) {
        struct batch_head head;

        if (i % 3 == 0)
            continue;
        assert_int_equal(batch_check(batches[i].bytes, &head), ERR_OK);
        slice_drop(&batches[i]);
    }
    amqp_record_draft_fini(&d);
}

static int end_mint(void **state)
{
    (void)state;
    amqp_record_mint_fini(&mint);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_goes_out_to_the_byte),
        cmocka_unit_test(the_other_doors_read_text),
        cmocka_unit_test(an_empty_key_is_no_key),
        cmocka_unit_test(bcc_is_not_shown),
        cmocka_unit_test(a_large_body_grows_into_place),
        cmocka_unit_test(a_foreign_record_gets_natural_properties),
        cmocka_unit_test(what_does_not_fit_a_header_frame_is_left_out),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(small_batches_share_memory),
    };

    return cmocka_run_group_tests(tests, NULL, end_mint);
}
