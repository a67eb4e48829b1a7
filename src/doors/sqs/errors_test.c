/* errors_test.c - the table has no holes, and every text that is always the same is the recorded
 * one. */
#include "base/bytes.h"
#include "doors/sqs/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_shape_has_a_row(void **state)
{
    (void)state;
    for (int s = SHAPE_NONE + 1; s < SHAPE_COUNT; s++) {
        const struct shape_row *row = shape_row((enum shape)s);

        assert_true(row->name && row->name[0] && row->code && row->code[0]);
        assert_true(row->status >= 400 && row->status < 600);
    }
}

static void every_engine_error_has_an_answer(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++) {
        struct fault f = { .shape = SHAPE_NONE };

        assert_false(fault_err(&f, (enum err)e));
        assert_int_not_equal(f.shape, SHAPE_NONE);
        assert_true(f.text[0] != 0);
    }
}

static const struct {
    enum shape  shape;
    const char *name, *code, *text;
    unsigned    status;
} known[] = {
    { SHAPE_QUEUE_DOES_NOT_EXIST, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
      "The specified queue does not exist.", 400 },
    { SHAPE_QUEUE_NAME_EXISTS, "QueueNameExists", "QueueAlreadyExists", NULL, 400 },
    { SHAPE_PURGE_IN_PROGRESS, "PurgeQueueInProgress",
      "AWS.SimpleQueueService.PurgeQueueInProgress", NULL, 403 },
    { SHAPE_OVER_LIMIT, "OverLimit", "OverLimit", NULL, 403 },
    { SHAPE_INVALID_ENTRY_ID, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId",
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can "
      "be "
      "at most 80 letters long.",
      400 },
    { SHAPE_INVALID_PARAMETER, "InvalidParameterValueException", "InvalidParameterValue", NULL,
      400 },
    { SHAPE_MISSING_PARAMETER, "MissingRequiredParameterException", "MissingParameter", NULL, 400 },
    { SHAPE_INVALID_CONTENTS, "InvalidMessageContents", "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
      "#xE000 to #xFFFD | #x10000 to #x10FFFF",
      400 },
};

static void known_rows_are_as_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        const struct shape_row *row = shape_row(known[i].shape);

        assert_string_equal(row->name, known[i].name);
        assert_string_equal(row->code, known[i].code);
        assert_int_equal(row->status, known[i].status);
        if (known[i].text)
            assert_string_equal(row->text, known[i].text);
    }
    assert_true(shape_is_modelled(SHAPE_QUEUE_DOES_NOT_EXIST));
    assert_true(shape_is_modelled(SHAPE_THROTTLED));
    assert_false(shape_is_modelled(SHAPE_INVALID_PARAMETER));
    assert_true(shape_is_sender(SHAPE_OVER_LIMIT));
    assert_false(shape_is_sender(SHAPE_INTERNAL_FAILURE));
}

static void the_first_fault_stays(void **state)
{
    struct fault f = { .shape = SHAPE_NONE };

    (void)state;
    fault_set(&f, SHAPE_OVER_LIMIT, "%d too many", 3);
    fault_raise(&f, SHAPE_QUEUE_DOES_NOT_EXIST);
    assert_int_equal(f.shape, SHAPE_OVER_LIMIT);
    assert_string_equal(f.text, "3 too many");
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct fault f = { .shape = SHAPE_NONE };
    char         text[FAULT_TEXT_BYTES + 100];

    (void)state;
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 4);
    fault_set(&f, SHAPE_OVER_LIMIT, "x%s", text);
    assert_true(strlen(f.text) > FAULT_TEXT_BYTES - 5);
    assert_true(bytes_is_utf8(bytes_str(f.text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_has_a_row),
        cmocka_unit_test(every_engine_error_has_an_answer),
        cmocka_unit_test(known_rows_are_as_recorded),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(long_texts_are_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
