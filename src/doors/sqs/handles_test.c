/* handles_test.c - what goes in comes out, and nothing else comes out. */
#include "doors/sqs/handles.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_handle_gives_its_lease_back(void **state)
{
    struct lease in = {
        .queue_id = UINT64_MAX, .partition = 7, .token = 0x80000001, .offset = 1234567890123
    };
    struct lease out;
    struct buf   text;

    (void)state;
    buf_init(&text);
    handle_format(&text, &in);
    assert_int_equal(text.len, 39);
    assert_true(handle_parse(buf_view(&text), &out));
    assert_true(out.queue_id == in.queue_id && out.partition == in.partition);
    assert_true(out.token == in.token && out.offset == in.offset);
    buf_fini(&text);
}

static void every_changed_character_is_noticed(void **state)
{
    struct lease in = { .queue_id = 1, .partition = 2, .token = 3, .offset = 4 };
    struct lease out;
    struct buf   text;

    (void)state;
    buf_init(&text);
    handle_format(&text, &in);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t was = text.at[i];

        text.at[i] = was == 'A' ? 'B' : 'A';
        assert_false(handle_parse(buf_view(&text), &out));
        text.at[i] = was;
    }
    buf_fini(&text);
}

static void garbage_is_no_handle(void **state)
{
    static const char *const garbage[] = { "", "garbage", "AQEBhandleoftherealservice==",
                                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
    struct lease             out;

    (void)state;
    for (size_t i = 0; i < COUNT(garbage); i++)
        assert_false(handle_parse(bytes_str(garbage[i]), &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_gives_its_lease_back),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(garbage_is_no_handle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
