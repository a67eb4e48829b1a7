/* describe_test.c - the layouts against heads made by hand. That they are those the engine writes
 * is checked by every test on engine_rig.h. */
#include "engine/describe.h"
#include "engine/batch.h"
#include "engine/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_text(const struct buf *b, const char *want)
{
    assert_int_equal(b->len, strlen(want));
    assert_memory_equal(b->at, want, b->len);
}

static void fields_and_repetitions(void **state)
{
    struct buf head, text;

    (void)state;
    buf_init(&head);
    buf_init(&text);
    buf_varint(&head, -5);
    buf_uvarint(&head, 2);
    for (unsigned i = 1; i <= 2; i++) {
        buf_uvarint(&head, i);
        buf_uvarint(&head, 100 * i);
        buf_uvarint(&head, 0);
    }
    assert_int_equal(describe_change(&text, CHANGE_APPENDED, buf_view(&head)), ERR_OK);
    assert_text(&text, " when=-5 targets=2 [ log=1 base=100 delay+1=0] [ log=2 base=200 delay+1=0]");
    buf_fini(&head);
    buf_fini(&text);
}

static void bytes_are_text_or_digits(void **state)
{
    struct buf head, text;

    (void)state;
    buf_init(&head);
    buf_init(&text);
    change_put_bytes(&head, bytes_str("default"));
    change_put_bytes(&head, bytes_of("\x01\xff", 2));
    buf_uvarint(&head, 0);
    buf_uvarint(&head, 3);
    change_put_bytes(&head, bytes_of(NULL, 0));
    assert_int_equal(describe_change(&text, CHANGE_EXCHANGE_DECLARED, buf_view(&head)), ERR_OK);
    assert_text(&text, " namespace=\"default\" name=0x01ff type=0 flags=3 arguments=null");
    buf_fini(&head);
    buf_fini(&text);
}

static void another_layout_is_seen(void **state)
{
    struct buf head, text;

    (void)state;
    buf_init(&head);
    buf_init(&text);
    buf_uvarint(&head, 7);
    assert_int_equal(describe_change(&text, CHANGE_QUEUE_DELETED, buf_view(&head)), ERR_OK);
    buf_u8(&head, 0);
    assert_int_equal(describe_change(&text, CHANGE_QUEUE_DELETED, buf_view(&head)), ERR_CORRUPT);
    assert_int_equal(describe_change(&text, CHANGE_QUEUE_DELETED, bytes_of(NULL, 0)), ERR_CORRUPT);
    assert_int_equal(describe_change(&text, 0, buf_view(&head)), ERR_CORRUPT);
    assert_int_equal(describe_change(&text, 255, buf_view(&head)), ERR_CORRUPT);
    buf_fini(&head);
    buf_fini(&text);
}

/* A count that promises more than there is ends with the head. */
static void a_lying_count_ends(void **state)
{
    struct buf head, text;

    (void)state;
    buf_init(&head);
    buf_init(&text);
    buf_varint(&head, 1);
    buf_uvarint(&head, UINT64_MAX);
    assert_int_equal(describe_change(&text, CHANGE_APPENDED, buf_view(&head)), ERR_CORRUPT);
    buf_fini(&head);
    buf_fini(&text);
}

static void batches_one_after_the_other(void **state)
{
    struct buf          batch, text;
    struct batch_writer w;
    struct bytes        left;
    size_t              len;

    (void)state;
    buf_init(&batch);
    buf_init(&text);
    for (int i = 0; i < 2; i++) {
        batch_begin(&w, &batch);
        batch_add(&w, 1234, bytes_str("k"), bytes_str("v"), NULL, 0);
        batch_end(&w);
    }
    len = batch.len / 2;
    batch.at[batch.len - 1] ^= 1;
    left = buf_view(&batch);
    assert_int_equal(describe_batch(&text, &left), ERR_OK);
    buf_u8(&text, 0);
    assert_non_null(strstr((const char *)text.at, " records=1 last_delta=0 max_time=1234 "));
    assert_int_equal(left.len, len);
    assert_int_equal(describe_batch(&text, &left), ERR_CORRUPT);
    assert_int_equal(left.len, len);
    buf_fini(&batch);
    buf_fini(&text);
}

static void every_kind_has_a_layout(void **state)
{
    (void)state;
#define X(number, name, apply)                                                                     \
    if (!describe_kind(number))                                                                    \
        fail_msg("no layout of %s", #name);                                                        \
    assert_string_equal(describe_kind(number), #name);
    CHANGE_LIST(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_and_repetitions), cmocka_unit_test(bytes_are_text_or_digits),
        cmocka_unit_test(another_layout_is_seen), cmocka_unit_test(a_lying_count_ends),
        cmocka_unit_test(batches_one_after_the_other), cmocka_unit_test(every_kind_has_a_layout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
