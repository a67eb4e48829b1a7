/* methods_test.c - the table of methods: numbers, decoding, encoding. */
#include "doors/amqp/methods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void numbers_find_their_methods(void **state)
{
    (void)state;
    for (int id = METHOD_NONE + 1; id < METHOD_COUNT; id++)
        assert_int_equal(method_find(methods[id].class_id, methods[id].method_id), id);
    assert_int_equal(method_find(0, 0), METHOD_NONE);
    assert_int_equal(method_find(60, 41), METHOD_NONE);
    assert_int_equal(method_find(61, 40), METHOD_NONE);
    assert_int_equal(method_find(85, 11), METHOD_CONFIRM_SELECT_OK);
    assert_int_equal(method_find(0, 10), METHOD_NONE);
    assert_int_equal(method_find(65535, 65535), METHOD_NONE);
    assert_int_equal(method_find(60, 121), METHOD_NONE);
}

static void no_method_has_too_many_arguments(void **state)
{
    (void)state;
    for (int id = METHOD_NONE + 1; id < METHOD_COUNT; id++) {
        assert_true(strlen(methods[id].types) <= METHOD_ARGS_MAX);
        assert_int_equal(strspn(methods[id].types, "ohlLbsST"), strlen(methods[id].types));
        assert_true(methods[id].on_conn == NULL || methods[id].on_channel == NULL);
    }
}

/* queue.declare: ticket 0, "q", durable and nowait, one argument. */
static const uint8_t declare[] = { 0, 0, 1, 'q', 0x12, 0, 0, 0, 4, 1, 'a', 't', 1 };

static void arguments_are_decoded(void **state)
{
    struct arg args[METHOD_ARGS_MAX];

    (void)state;
    assert_int_equal(args_decode(METHOD_QUEUE_DECLARE, bytes_of(declare, sizeof declare), args),
                     ARGS_OK);
    assert_true(bytes_eq_str(args[1].b, "q"));
    assert_int_equal(args[2].n, 0);
    assert_int_equal(args[3].n, 1);
    assert_int_equal(args[4].n, 0);
    assert_int_equal(args[5].n, 0);
    assert_int_equal(args[6].n, 1);
    assert_int_equal(args[7].b.len, 4);
}

static void every_cut_is_malformed(void **state)
{
    struct arg args[METHOD_ARGS_MAX];
    uint8_t    longer[sizeof declare + 1] = { 0 };

    (void)state;
    for (size_t n = 0; n < sizeof declare; n++)
        assert_int_equal(args_decode(METHOD_QUEUE_DECLARE, bytes_of(declare, n), args),
                         ARGS_MALFORMED);
    memcpy(longer, declare, sizeof declare);
    assert_int_equal(args_decode(METHOD_QUEUE_DECLARE, bytes_of(longer, sizeof longer), args),
                     ARGS_MALFORMED);
}

static void short_strings_are_utf8_and_tables_well_formed(void **state)
{
    static const uint8_t bad_text[] = { 0, 0, 2, 0xff, 0xfe, 0, 0, 0, 0, 0 };
    static const uint8_t bad_table[] = { 0, 0, 1, 'q', 0, 0, 0, 0, 3, 1, 'a', 'Z' };
    struct arg           args[METHOD_ARGS_MAX];

    (void)state;
    assert_int_equal(args_decode(METHOD_QUEUE_DECLARE, bytes_of(bad_text, sizeof bad_text), args),
                     ARGS_BAD_UTF8);
    assert_int_equal(args_decode(METHOD_QUEUE_DECLARE, bytes_of(bad_table, sizeof bad_table), args),
                     ARGS_MALFORMED);
}

static void frames_are_written_to_the_byte(void **state)
{
    static const uint8_t deliver[] = { 1, 0, 7, 0, 0, 0, 20, 0, 60, 0,   60, 1,   't', 0,
                                       0, 0, 0, 0, 0, 0, 9,  1, 1,  'x', 2,  'r', 'k', 206 };
    static const uint8_t nack[] = { 1, 0, 1, 0, 0, 0, 13, 0, 60, 0,  120,
                                    0, 0, 0, 0, 0, 0, 0,  5, 3,  206 };
    struct buf           out = { 0 };

    (void)state;
    method_frame(&out, 7, METHOD_BASIC_DELIVER,
                 (struct arg[]){ ARG_B(bytes_str("t")), ARG_N(9), ARG_N(1), ARG_B(bytes_str("x")),
                                 ARG_B(bytes_str("rk")) });
    assert_int_equal(out.len, sizeof deliver);
    assert_memory_equal(out.at, deliver, sizeof deliver);
    buf_clear(&out);
    method_frame(&out, 1, METHOD_BASIC_NACK, (struct arg[]){ ARG_N(5), ARG_N(1), ARG_N(1) });
    assert_int_equal(out.len, sizeof nack);
    assert_memory_equal(out.at, nack, sizeof nack);
    buf_fini(&out);
}

/* What is encoded from arguments decodes to them, for every method. */
static void encoding_and_decoding_agree(void **state)
{
    static const uint8_t table[] = { 1, 'k', 'V' };

    (void)state;
    for (int id = METHOD_NONE + 1; id < METHOD_COUNT; id++) {
        struct arg in[METHOD_ARGS_MAX] = { { 0 } };
        struct arg back[METHOD_ARGS_MAX];
        struct buf out = { 0 };

        for (size_t i = 0; methods[id].types[i]; i++) {
            char type = methods[id].types[i];

            in[i].n = type == 'b' ? i % 2 : 200;
            in[i].b = type == 'T' ? bytes_of(table, sizeof table) : bytes_str("text");
        }
        method_frame(&out, 3, (enum method_id)id, in);
        assert_int_equal(args_decode((enum method_id)id, bytes_of(out.at + 11, out.len - 12), back),
                         ARGS_OK);
        for (size_t i = 0; methods[id].types[i]; i++)
            if (strchr("sST", methods[id].types[i]))
                assert_true(bytes_eq(back[i].b, in[i].b));
            else
                assert_int_equal(back[i].n, in[i].n);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_find_their_methods),
        cmocka_unit_test(no_method_has_too_many_arguments),
        cmocka_unit_test(arguments_are_decoded),
        cmocka_unit_test(every_cut_is_malformed),
        cmocka_unit_test(short_strings_are_utf8_and_tables_well_formed),
        cmocka_unit_test(frames_are_written_to_the_byte),
        cmocka_unit_test(encoding_and_decoding_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
