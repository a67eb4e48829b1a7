/* errors_test.c - reply codes and texts. */
#include "doors/amqp/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_engine_error_has_an_answer(void **state)
{
    (void)state;
    for (int err = ERR_OK + 1; err < ERR_COUNT; err++)
        if (reply_of((enum err)err) == REPLY_SUCCESS)
            fail_msg("%s has none", err_name((enum err)err));
}

static void soft_and_hard_are_rabbitmqs(void **state)
{
    (void)state;
    assert_int_equal(reply_code(REPLY_NOT_FOUND), 404);
    assert_false(reply_is_hard(REPLY_NOT_FOUND));
    assert_false(reply_is_hard(REPLY_ACCESS_REFUSED));
    assert_false(reply_is_hard(REPLY_RESOURCE_LOCKED));
    assert_false(reply_is_hard(REPLY_PRECONDITION_FAILED));
    assert_true(reply_is_hard(REPLY_NOT_ALLOWED));
    assert_true(reply_is_hard(REPLY_NOT_IMPLEMENTED));
    assert_int_equal(reply_code(REPLY_FRAME_ERROR), 501);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    struct buf out = { 0 };
    char       text[400];

    (void)state;
    reply_text(&out, REPLY_NOT_FOUND, "no queue 'q' in vhost '/'");
    assert_true(bytes_eq_str(buf_view(&out), "NOT_FOUND - no queue 'q' in vhost '/'"));
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[sizeof text - 2] = 0;
    reply_text(&out, REPLY_NOT_FOUND, text);
    assert_true(out.len <= 255 && out.len >= 250);
    assert_true(bytes_is_utf8(buf_view(&out)));
    assert_memory_equal(out.at + out.len - 3, "...", 3);
    buf_fini(&out);
}

static void a_resource_is_kind_name_and_vhost(void **state)
{
    struct buf out = { 0 };

    (void)state;
    resource_text(&out, "exchange", bytes_str("x"), bytes_str("/"));
    assert_true(bytes_eq_str(buf_view(&out), "exchange 'x' in vhost '/'"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_engine_error_has_an_answer),
        cmocka_unit_test(soft_and_hard_are_rabbitmqs),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(a_resource_is_kind_name_and_vhost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
