/* stamp_test.c - what changes a stamp, and what does not. */
#include "base/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void a_changed_file_has_another_stamp(void **state)
{
    char         path[] = "/tmp/stamp-XXXXXX", next[] = "/tmp/stamp-XXXXXX";
    struct stamp none = stamp_of(NULL), first, same, longer, other;
    int          fd = mkstemp(path), next_fd = mkstemp(next);

    (void)state;
    assert_true(fd >= 0 && next_fd >= 0);
    close(fd);
    close(next_fd);
    put(path, "one");
    first = stamp_of(path);
    same = stamp_of(path);
    assert_true(stamp_eq(&first, &same));
    assert_false(stamp_eq(&first, &none));
    put(path, "three");
    longer = stamp_of(path);
    assert_false(stamp_eq(&first, &longer));
    put(next, "three");
    assert_int_equal(rename(next, path), 0);
    other = stamp_of(path);
    assert_false(stamp_eq(&longer, &other));
    unlink(path);
    other = stamp_of(path);
    assert_true(stamp_eq(&other, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_file_has_another_stamp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
