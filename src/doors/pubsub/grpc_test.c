/* grpc_test.c - frames that do not line up with what arrives, limits, encodings, deadlines. */
#include "doors/pubsub/grpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

static void add_frame(struct buf *b, uint8_t flag, struct bytes message)
{
    buf_u8(b, flag);
    buf_u32(b, (uint32_t)message.len);
    buf_bytes(b, message);
}

static void messages_come_out_whole_however_they_are_cut(void **state)
{
    struct buf wire;
    size_t     step;

    (void)state;
    buf_init(&wire);
    add_frame(&wire, 0, bytes_str("one"));
    add_frame(&wire, 0, bytes_str(""));
    add_frame(&wire, 0, bytes_str("three"));
    for (step = 1; step <= wire.len; step++) {
        static const char *const expected[] = { "one", "", "three" };
        struct grpc_reader       r;
        struct bytes             m;
        size_t                   at, count = 0;

        grpc_reader_init(&r, GRPC_IDENTITY);
        for (at = 0; at < wire.len; at += step) {
            grpc_reader_feed(&r, bytes_of(wire.at + at, wire.len - at < step ? wire.len - at : step));
            while (grpc_reader_next(&r, &m)) {
                assert_true(count < COUNT(expected));
                assert_true(bytes_eq_str(m, expected[count]));
                count++;
            }
        }
        assert_int_equal(count, COUNT(expected));
        assert_int_equal(r.fault, GRPC_OK);
        assert_int_equal(grpc_reader_waiting(&r), 0);
        grpc_reader_fini(&r);
    }
    buf_fini(&wire);
}

static void a_cut_message_is_partial(void **state)
{
    struct grpc_reader r;
    struct bytes       m;

    (void)state;
    grpc_reader_init(&r, GRPC_IDENTITY);
    grpc_reader_feed(&r, bytes_of("\0\0\0\0\5ab", 7));
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_OK);
    assert_int_equal(grpc_reader_waiting(&r), 7);
    grpc_reader_fini(&r);
}

static void a_length_over_the_limit_is_refused_at_once(void **state)
{
    struct grpc_reader r;
    struct bytes       m;
    uint8_t            prefix[GRPC_PREFIX_BYTES];

    (void)state;
    grpc_reader_init(&r, GRPC_IDENTITY);
    grpc_prefix(prefix, GRPC_MESSAGE_BYTES_MAX);
    grpc_reader_feed(&r, bytes_of(prefix, sizeof prefix));
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_OK);
    grpc_reader_fini(&r);

    grpc_reader_init(&r, GRPC_IDENTITY);
    grpc_prefix(prefix, GRPC_MESSAGE_BYTES_MAX + 1);
    grpc_reader_feed(&r, bytes_of(prefix, sizeof prefix));
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_RESOURCE_EXHAUSTED);
    grpc_reader_feed(&r, bytes_str("more"));
    assert_int_equal(r.in.len, 0);
    grpc_reader_fini(&r);
}

static void unknown_flags_are_refused(void **state)
{
    struct grpc_reader r;
    struct bytes       m;

    (void)state;
    grpc_reader_init(&r, GRPC_IDENTITY);
    grpc_reader_feed(&r, bytes_of("\2\0\0\0\0", 5));
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_INTERNAL);
    grpc_reader_fini(&r);
}

/* n zero bytes, gzipped. */
static void gzip_zeroes(struct buf *out, size_t n)
{
    uint8_t *zeroes = test_calloc(n, 1);
    z_stream z = { .next_in = zeroes, .avail_in = (uInt)n };
    size_t   room = n / 100 + 1000;

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = buf_room(out, room);
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += room - z.avail_out;
    deflateEnd(&z);
    test_free(zeroes);
}

static void feed_gzip(struct grpc_reader *r, enum grpc_encoding encoding, size_t n)
{
    struct buf packed, wire;

    buf_init(&packed);
    buf_init(&wire);
    gzip_zeroes(&packed, n);
    add_frame(&wire, 1, buf_view(&packed));
    grpc_reader_init(r, encoding);
    grpc_reader_feed(r, buf_view(&wire));
    buf_fini(&packed);
    buf_fini(&wire);
}

static void gzip_is_inflated_within_the_limit(void **state)
{
    struct grpc_reader r;
    struct bytes       m;

    (void)state;
    feed_gzip(&r, GRPC_GZIP, 200000);
    assert_true(grpc_reader_next(&r, &m));
    assert_int_equal(m.len, 200000);
    assert_int_equal(m.at[199999], 0);
    grpc_reader_fini(&r);

    feed_gzip(&r, GRPC_GZIP, GRPC_MESSAGE_BYTES_MAX + 1);
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_RESOURCE_EXHAUSTED);
    grpc_reader_fini(&r);

    feed_gzip(&r, GRPC_IDENTITY, 10);
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_INTERNAL);
    grpc_reader_fini(&r);

    grpc_reader_init(&r, GRPC_GZIP);
    grpc_reader_feed(&r, bytes_of("\1\0\0\0\4abcd", 9));
    assert_false(grpc_reader_next(&r, &m));
    assert_int_equal(r.fault, GRPC_INTERNAL);
    grpc_reader_fini(&r);
}

static void encodings_are_known_by_name(void **state)
{
    enum grpc_encoding e;

    (void)state;
    assert_true(grpc_encoding_parse(bytes_of(NULL, 0), &e));
    assert_int_equal(e, GRPC_IDENTITY);
    assert_true(grpc_encoding_parse(bytes_str("gzip"), &e));
    assert_int_equal(e, GRPC_GZIP);
    assert_false(grpc_encoding_parse(bytes_str("snappy"), &e));
}

static void timeouts_are_read_in_every_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t     ms;
    } good[] = {
        { "60S", 60000 }, { "2H", 7200000 }, { "3M", 180000 },       { "500m", 500 },
        { "1u", 1 },      { "1n", 1 },       { "1000000n", 1 },      { "99999999H", 359999996400000 },
        { "0S", 0 },
    };
    static const char *const bad[] = { "", "S", "60", "60s", "-1S", "999999999S", "1 S" };
    int64_t                  ms;
    size_t                   i;

    (void)state;
    for (i = 0; i < COUNT(good); i++) {
        assert_true(grpc_timeout_parse(bytes_str(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (i = 0; i < COUNT(bad); i++)
        assert_false(grpc_timeout_parse(bytes_str(bad[i]), &ms));
}

static void status_texts_are_percent_encoded(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    grpc_percent_encode(&b, bytes_str("100% f\xc3\xbcr\n~"));
    assert_true(bytes_eq_str(buf_view(&b), "100%25 f%C3%BCr%0A~"));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_whole_however_they_are_cut),
        cmocka_unit_test(a_cut_message_is_partial),
        cmocka_unit_test(a_length_over_the_limit_is_refused_at_once),
        cmocka_unit_test(unknown_flags_are_refused),
        cmocka_unit_test(gzip_is_inflated_within_the_limit),
        cmocka_unit_test(encodings_are_known_by_name),
        cmocka_unit_test(timeouts_are_read_in_every_unit),
        cmocka_unit_test(status_texts_are_percent_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
