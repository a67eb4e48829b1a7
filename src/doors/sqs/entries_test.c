/* entries_test.c - the frame of batches and the shape of their answers. */
#include "base/bytes.h"
#include "doors/sqs/entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void refuses(const char *text, enum shape shape, const char *words)
{
    struct fault f = { .shape = SHAPE_NONE };
    json_t      *entries = json_loads(text, 0, NULL);

    assert_false(entries_check(entries, "SendMessageBatchRequestEntry", &f));
    assert_int_equal(f.shape, shape);
    assert_string_equal(f.text, words);
    json_decref(entries);
}

static void frames(void **state)
{
    json_t *many = json_array(), *good = json_loads("[{\"Id\":\"a-_1\"},{\"Id\":\"b\"}]", 0, NULL);
    struct fault f = { .shape = SHAPE_NONE };
    char        *text;

    (void)state;
    for (int i = 0; i < 20; i++)
        json_array_append_new(many, json_pack("{s:s}", "Id", "x"));
    text = json_dumps(many, 0);
    refuses("[]", SHAPE_EMPTY_BATCH,
            "There should be at least one SendMessageBatchRequestEntry in the request.");
    refuses(text, SHAPE_TOO_MANY_ENTRIES,
            "Maximum number of entries per request are 10. You have sent 20.");
    refuses("[{\"Id\":\"1\"},{}]", SHAPE_MISSING_PARAMETER,
            "The request must contain the parameter SendMessageBatchRequestEntry.2.Id.");
    refuses("[{\"Id\":\"1\"},{\"Id\":\"1\"}]", SHAPE_ENTRY_IDS_NOT_DISTINCT, "Id 1 repeated.");
    refuses("[{\"Id\":\"in:valid\"}]", SHAPE_INVALID_ENTRY_ID,
            shape_row(SHAPE_INVALID_ENTRY_ID)->text);
    refuses("[{\"Id\":\"\"}]", SHAPE_INVALID_ENTRY_ID, shape_row(SHAPE_INVALID_ENTRY_ID)->text);
    assert_true(entries_check(good, "x", &f));
    free(text);
    json_decref(many);
    json_decref(good);
}

static void answers_have_only_lists_that_are_not_empty(void **state)
{
    json_t *out = json_object(), *entry = json_pack("{s:s}", "Id", "one");
    json_t *expected =
        json_loads(""
                   "{\"Successful\":[{\"Id\":\"one\",\"x\":1}],\"Failed\":[{\"Id\":\"one\","
                   "\"SenderFault\":true,\"Code\":\"InvalidParameterValue\",\"Message\":\"no\"}]}",
                   0, NULL);
    struct fault f = { .shape = SHAPE_NONE };

    (void)state;
    json_object_set_new(entries_succeed(out, entry), "x", json_integer(1));
    assert_null(json_object_get(out, "Failed"));
    fault_set(&f, SHAPE_INVALID_PARAMETER, "no");
    entries_fail(out, entry, &f);
    assert_true(json_equal(out, expected));
    json_decref(out);
    json_decref(entry);
    json_decref(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(answers_have_only_lists_that_are_not_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
