/* errors_test.c - every engine error has an answer, and the sentences that clients match are exact. */
#include "doors/pubsub/errors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_error_has_a_code_and_a_sentence(void **state)
{
    int err;

    (void)state;
    for (err = ERR_OK + 1; err < ERR_COUNT; err++) {
        struct buf text;

        buf_init(&text);
        assert_int_not_equal(ps_error((enum err)err, bytes_str("r"), &text), GRPC_OK);
        assert_true(text.len > 0);
        buf_fini(&text);
    }
}

static void sentences_are_the_service_s(void **state)
{
    static const struct {
        enum err       err;
        enum grpc_code code;
        const char    *text;
    } rows[] = {
        { ERR_NO_TOPIC, GRPC_NOT_FOUND, "Resource not found (resource=orders)." },
        { ERR_NO_QUEUE, GRPC_NOT_FOUND, "Resource not found (resource=orders)." },
        { ERR_EXISTS, GRPC_ALREADY_EXISTS, "Resource already exists in the project (resource=orders)." },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct buf text;

        buf_init(&text);
        assert_int_equal(ps_error(rows[i].err, bytes_str("orders"), &text), rows[i].code);
        assert_true(bytes_eq_str(buf_view(&text), rows[i].text));
        buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_code_and_a_sentence),
        cmocka_unit_test(sentences_are_the_service_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
