/* frame_test.c - frames, whole, cut, too large, without their end. */
#include "doors/amqp/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t heartbeat[] = { 8, 0, 0, 0, 0, 0, 0, 206 };
static const uint8_t body[] = { 3, 1, 2, 0, 0, 0, 3, 'a', 'b', 'c', 206, 'n', 'e', 'x', 't' };

static void a_frame_is_read(void **state)
{
    struct frame f;
    size_t       size;

    (void)state;
    assert_int_equal(frame_parse(bytes_of(body, sizeof body), 4096, &f, &size), FRAME_OK);
    assert_int_equal(size, 11);
    assert_int_equal(f.type, FRAME_BODY);
    assert_int_equal(f.channel, 0x102);
    assert_true(bytes_eq_str(f.payload, "abc"));
    assert_int_equal(frame_parse(bytes_of(heartbeat, sizeof heartbeat), 4096, &f, &size), FRAME_OK);
    assert_int_equal(size, sizeof heartbeat);
    assert_int_equal(f.payload.len, 0);
}

static void a_cut_frame_tells_what_it_needs(void **state)
{
    struct frame f;
    size_t       size;

    (void)state;
    for (size_t n = 0; n < 11; n++) {
        assert_int_equal(frame_parse(bytes_of(body, n), 4096, &f, &size), FRAME_MORE);
        assert_int_equal(size, n < 7 ? 7 : 11);
    }
}

static void the_limit_forgives_eight_bytes(void **state)
{
    uint8_t      head[7] = { 1, 0, 1, 0, 0, 0x10, 0 }; /* 4096 */
    struct frame f;
    size_t       size;

    (void)state;
    assert_int_equal(frame_parse(bytes_of(head, sizeof head), 4096, &f, &size), FRAME_MORE);
    head[6] = 1;
    assert_int_equal(frame_parse(bytes_of(head, sizeof head), 4096, &f, &size), FRAME_TOO_LARGE);
    assert_int_equal(size, 4097);
    memset(head + 3, 0xff, 4);
    assert_int_equal(frame_parse(bytes_of(head, sizeof head), 131072, &f, &size), FRAME_TOO_LARGE);
}

static void another_end_is_told(void **state)
{
    uint8_t      bad[sizeof heartbeat];
    struct frame f;
    size_t       size;

    (void)state;
    memcpy(bad, heartbeat, sizeof bad);
    bad[7] = 7;
    assert_int_equal(frame_parse(bytes_of(bad, sizeof bad), 4096, &f, &size), FRAME_BAD_END);
    assert_int_equal(size, 7);
}

static void frames_are_written(void **state)
{
    struct buf out = { 0 };
    size_t     start;

    (void)state;
    buf_str(&out, "before");
    start = frame_begin(&out, FRAME_BODY, 0x102);
    buf_str(&out, "abc");
    frame_end(&out, start);
    assert_int_equal(out.len, 6 + 11);
    assert_memory_equal(out.at + 6, body, 11);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_read),
        cmocka_unit_test(a_cut_frame_tells_what_it_needs),
        cmocka_unit_test(the_limit_forgives_eight_bytes),
        cmocka_unit_test(another_end_is_told),
        cmocka_unit_test(frames_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
