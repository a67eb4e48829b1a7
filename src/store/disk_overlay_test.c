/* disk_overlay_test.c - what is changed above is seen above and not below. */
#include "store/disk_overlay.h"
#include "store/disk_sim.h"
#include "store/fixture.h"

struct pair {
    struct disk *below;
    struct disk *above;
};

static int open_pair(void **state)
{
    struct pair *p = calloc(1, sizeof *p);

    p->below = disk_sim_keep(1);
    assert_ok(disk_make_dir(p->below, "d"));
    disk_sim_put(p->below, "d/a", bytes_str("below"));
    disk_sim_put(p->below, "d/b", bytes_str("other"));
    p->above = disk_overlay_new(p->below, "/nowhere");
    *state = p;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *p = *state;

    disk_close(p->above);
    disk_sim_free(p->below);
    free(p);
    return 0;
}

static void count_name(void *ctx, const char *name)
{
    (void)name;
    ++*(int *)ctx;
}

static int names_in(struct disk *d)
{
    int n = 0;

    assert_ok(disk_list(d, "d", count_name, &n));
    return n;
}

static void reads_what_is_below(void **state)
{
    struct pair *p = *state;

    assert_content(p->above, "d/a", "below");
    assert_content(p->above, "d/c", NULL);
    assert_int_equal(names_in(p->above), 2);
    assert_string_equal(disk_root(p->above), "/nowhere");
}

static void a_write_stays_above(void **state)
{
    struct pair      *p = *state;
    struct disk_file *f;
    struct block     *before;
    struct block     *after;
    struct iovec      iov = { (void *)(uintptr_t)"AB", 2 };

    assert_ok(disk_open(p->above, "d/a", &f));
    before = disk_map(f);
    assert_ok(disk_write(f, 1, &iov, 1));
    after = disk_map(f);
    assert_ok(disk_load(p->above, "d/a", before, 0, 5, false));
    assert_ok(disk_load(p->above, "d/a", after, 0, 5, false));
    assert_ok(disk_stream(f, before, 0, 5));
    assert_ok(disk_stream(f, after, 0, 5));
    assert_memory_equal(before->at, "below", 5);
    assert_memory_equal(after->at, "bABow", 5);
    block_drop(before);
    block_drop(after);
    disk_close_file(f);
    assert_content(p->above, "d/a", "bABow");
    assert_content(p->below, "d/a", "below");
}

static void sizes_change_above(void **state)
{
    struct pair      *p = *state;
    struct disk_file *f;

    assert_ok(disk_open(p->above, "d/a", &f));
    assert_ok(disk_resize(f, 2));
    assert_int_equal(disk_size(f), 2);
    assert_ok(disk_resize(f, 4));
    assert_int_equal(disk_size(f), 4);
    disk_close_file(f);
    assert_ok(disk_open(p->above, "d/a", &f));
    assert_int_equal(disk_size(f), 4);
    disk_close_file(f);
    assert_content(p->below, "d/a", "below");
}

static void names_change_above(void **state)
{
    struct pair      *p = *state;
    struct disk_file *f;

    assert_ok(disk_remove(p->above, "d/a"));
    assert_content(p->above, "d/a", NULL);
    assert_int_equal(disk_open(p->above, "d/a", &f), ERR_CORRUPT);
    assert_ok(disk_rename(p->above, "d/b", "d/c"));
    assert_content(p->above, "d/b", NULL);
    assert_content(p->above, "d/c", "other");
    assert_ok(disk_replace(p->above, "d/new", bytes_str("x")));
    assert_ok(disk_create(p->above, "d/file", 3, &f));
    disk_close_file(f);
    assert_int_equal(names_in(p->above), 3);
    assert_int_equal(names_in(p->below), 2);
    assert_content(p->below, "d/a", "below");
    assert_content(p->below, "d/b", "other");
    assert_content(p->below, "d/new", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_is_below, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_write_stays_above, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(sizes_change_above, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(names_change_above, open_pair, close_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
