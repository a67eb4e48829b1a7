/*
 * disk_test.c - what disk.h promises, on real files and in memory; what the simulated one takes
 * away in a crash; and what only real files do: long vectors, short writes, pages that are gone.
 */
#include "base/diag.h"
#include "base/mem.h"
#include "store/disk_file.h"
#include "store/disk_sim.h"
#include "store/fixture.h"

#include <signal.h>
#include <sys/resource.h>

struct world {
    struct disk *disk;
    const char  *dir; /* NULL: in memory */
};

static int setup_files(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->dir = make_temporary();
    assert_ok(disk_file_open(&w->disk, w->dir));
    *state = w;
    return 0;
}

static int setup_sim(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->disk = disk_sim_new(3);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    disk_close(w->disk);
    if (w->dir)
        remove_tree(w->dir);
    free(w);
    return 0;
}

/* ---- both ---- */

static void small_files_are_replaced(void **state)
{
    struct world *w = *state;

    assert_content(w->disk, "a", NULL);
    assert_ok(disk_make_dir(w->disk, "d"));
    assert_ok(disk_make_dir(w->disk, "d")); /* twice is fine */
    assert_ok(disk_replace(w->disk, "a", bytes_str("one")));
    assert_ok(disk_replace(w->disk, "d/a", bytes_str("")));
    assert_ok(disk_replace(w->disk, "a", bytes_str("two")));
    assert_content(w->disk, "a", "two");
    assert_content(w->disk, "d/a", "");
    assert_ok(disk_remove(w->disk, "a"));
    assert_ok(disk_remove(w->disk, "a"));
    assert_content(w->disk, "a", NULL);
}

static void count_name(void *ctx, const char *name)
{
    if (strcmp(name, "d") != 0)
        ++*(int *)ctx;
}

static void names_are_listed_by_directory(void **state)
{
    struct world *w = *state;
    int           count = 0;

    assert_ok(disk_make_dir(w->disk, "d"));
    assert_ok(disk_replace(w->disk, "a", bytes_str("1")));
    assert_ok(disk_replace(w->disk, "d/a", bytes_str("2")));
    assert_ok(disk_replace(w->disk, "d/b", bytes_str("3")));
    assert_ok(disk_list(w->disk, ".", count_name, &count));
    assert_int_equal(count, 1);
    assert_ok(disk_list(w->disk, "d", count_name, &count));
    assert_int_equal(count, 3);
    assert_ok(disk_sync_dir(w->disk, "d"));
}

static void write_at(struct disk_file *f, uint64_t offset, const char *text)
{
    char        *at = (char *)(uintptr_t)text;
    struct iovec iov[2] = { { at, 1 }, { at + 1, strlen(text) - 1 } };

    assert_ok(disk_write(f, offset, iov, 2));
}

static void files_are_written_mapped_and_kept_by_mappings(void **state)
{
    struct world     *w = *state;
    struct disk_file *f;
    struct disk_file *again;
    struct block     *map;

    assert_ok(disk_create(w->disk, "f", 20000, &f));
    assert_int_equal(disk_create(w->disk, "f", 20000, &again), ERR_DISK_FAILED);
    assert_int_equal(disk_size(f), 20000);
    map = disk_map(f);
    assert_int_equal(map->cap, 20000);
    assert_int_equal(map->at[19999], 0);
    write_at(f, 5000, "text");
    assert_ok(disk_sync(f, false));
    assert_memory_equal(map->at + 5000, "text", 5);
    assert_true(disk_data_end(f) >= 5004);
    assert_true(disk_data_end(f) <= 20000);
    assert_ok(disk_load(w->disk, "f", map, 4999, 10, false));
    disk_unload(w->disk, map);
    assert_int_equal(map->at[5000], 't');
    disk_forget(f);
    assert_ok(disk_stream(f, map, 0, 4999));
    assert_ok(disk_stream(f, map, 4999, 15001));
    assert_memory_equal(map->at + 5000, "text", 5);
    disk_close_file(f);
    assert_ok(disk_remove(w->disk, "f"));
    assert_memory_equal(map->at + 5000, "text", 5);
    block_drop(map);
    assert_int_equal(disk_open(w->disk, "f", &f), ERR_CORRUPT);
}

static void files_grow_and_shrink(void **state)
{
    struct world     *w = *state;
    struct disk_file *f;
    struct block     *map;

    assert_ok(disk_create(w->disk, "f", 8192, &f));
    write_at(f, 4096, "kept");
    assert_ok(disk_resize(f, 100000));
    assert_int_equal(disk_size(f), 100000);
    assert_ok(disk_zero(f, 8192, 90112));
    write_at(f, 99990, "end");
    assert_ok(disk_resize(f, 4098));
    assert_ok(disk_sync(f, true));
    disk_forget(f);
    disk_close_file(f);
    assert_ok(disk_open(w->disk, "f", &f));
    assert_int_equal(disk_size(f), 4098);
    assert_int_equal(disk_data_end(f), 4098);
    map = disk_map(f);
    assert_memory_equal(map->at + 4096, "ke", 2);
    block_drop(map);
    disk_close_file(f);
}

static void zeros_leave_zeros(void **state)
{
    struct world     *w = *state;
    struct disk_file *f;
    struct block     *map;

    assert_ok(disk_create(w->disk, "f", 1 << 20, &f));
    write_at(f, 0, "head");
    assert_ok(disk_sync(f, true));
    assert_ok(disk_zero(f, 4096, (1 << 20) - 4096));
    map = disk_map(f);
    assert_memory_equal(map->at, "head", 4);
    for (size_t i = 4; i < 1 << 20; i++)
        assert_int_equal(map->at[i], 0);
    write_at(f, 4096, "first");
    assert_memory_equal(map->at + 4096, "first", 5);
    block_drop(map);
    disk_close_file(f);
}

/* ---- in memory ---- */

static void what_was_synced_survives_a_crash(void **state)
{
    struct world *w = *state;

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct disk      *d = disk_sim_keep(seed);
        struct disk_file *f;
        struct block     *map;
        struct iovec      iov;

        assert_ok(disk_create(d, "f", 8192, &f));
        write_at(f, 0, "safe");
        assert_ok(disk_sync(f, true));
        assert_ok(disk_sync_dir(d, "."));
        write_at(f, 4096, "perhaps");
        disk_sim_crash(d);
        iov = (struct iovec){ w, 1 };
        assert_int_equal(disk_write(f, 0, &iov, 1), ERR_DISK_FAILED); /* of the life before */
        disk_close_file(f);
        assert_ok(disk_open(d, "f", &f));
        map = disk_map(f);
        assert_memory_equal(map->at, "safe", 4);
        assert_true(map->at[4096] == 0 || memcmp(map->at + 4096, "perhaps", 7) == 0);
        block_drop(map);
        disk_close_file(f);
        disk_sim_free(d);
    }
}

static void a_crash_tears_by_sectors_and_forgets_names(void **state)
{
    int torn = 0;
    int gone = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct disk      *d = disk_sim_keep(seed);
        struct slice      s = pattern(seed, 8192);
        struct iovec      iov = { s.block->at, 8192 };
        struct disk_file *f;
        struct buf        b;
        bool              is_there;

        assert_ok(disk_create(d, "f", 8192, &f));
        assert_ok(disk_sync(f, true));
        assert_ok(disk_write(f, 0, &iov, 1));
        disk_sim_crash(d);
        disk_close_file(f);
        buf_init(&b);
        assert_ok(disk_read(d, "f", &b, &is_there));
        gone += !is_there;
        for (size_t at = 0, landed = 0; is_there && at < 8192; at += 512) {
            bool is_new = memcmp(b.at + at, s.bytes.at + at, 512) == 0;

            landed += is_new;
            assert_true(is_new || b.at[at + 1] == 0);
            torn += at == 8192 - 512 && landed > 0 && landed < 16;
        }
        buf_fini(&b);
        slice_drop(&s);
        disk_sim_free(d);
    }
    assert_true(torn > 5);
    assert_true(gone > 5);
}

static void a_replace_that_is_cut_leaves_old_or_new(void **state)
{
    int news = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct disk *d = disk_sim_keep(seed);
        struct buf   b;
        bool         is_there;

        assert_ok(disk_replace(d, "a", bytes_str("old")));
        disk_sim_cut_after(d, 1 + seed % 2);
        assert_int_equal(disk_replace(d, "a", bytes_str("new")), ERR_DISK_FAILED);
        assert_true(disk_sim_is_off(d));
        disk_sim_crash(d);
        buf_init(&b);
        assert_ok(disk_read(d, "a", &b, &is_there));
        news += bytes_eq_str(buf_view(&b), "new");
        assert_true(bytes_eq_str(buf_view(&b), "new") || bytes_eq_str(buf_view(&b), "old"));
        buf_fini(&b);
        disk_sim_free(d);
    }
    assert_true(news > 0 && news < 40);
}

static void a_failed_sync_loses_what_it_covered(void **state)
{
    int lost = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct disk      *d = disk_sim_keep(seed);
        struct disk_file *f;
        struct block     *map;

        assert_ok(disk_create(d, "f", 8192, &f));
        assert_ok(disk_sync(f, true));
        write_at(f, 0, "text");
        disk_sim_fail_sync(d, 1);
        assert_int_equal(disk_sync(f, false), ERR_DISK_FAILED);
        assert_ok(disk_sync(f, false)); /* the next one says that all is well */
        map = disk_map(f);
        lost += map->at[0] == 0;
        block_drop(map);
        disk_close_file(f);
        disk_sim_free(d);
    }
    assert_true(lost > 5 && lost < 35);
}

static void space_is_counted(void **state)
{
    struct world     *w = *state;
    struct disk_file *f;
    struct disk_file *g;

    disk_sim_set_space(w->disk, 10000);
    assert_ok(disk_create(w->disk, "f", 8000, &f));
    assert_int_equal(disk_create(w->disk, "g", 8000, &g), ERR_NO_SPACE);
    assert_int_equal(disk_resize(f, 10001), ERR_NO_SPACE);
    assert_ok(disk_resize(f, 1000));
    assert_ok(disk_create(w->disk, "g", 8000, &g));
    disk_close_file(f);
    disk_close_file(g);
}

/* ---- real files ---- */

static void long_vectors_are_written_whole(void **state)
{
    enum { PIECES = 3000 };
    struct world       *w = *state;
    static struct iovec iov[PIECES];
    static uint8_t      bytes[PIECES * 5];
    struct disk_file   *f;
    struct block       *map;
    size_t              at = 0;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 11 + (i >> 8));
    for (size_t i = 0; i < PIECES; i++) {
        iov[i] = (struct iovec){ bytes + at, i % 6 }; /* some are empty */
        at += i % 6;
    }
    assert_ok(disk_create(w->disk, "f", sizeof bytes, &f));
    assert_ok(disk_write(f, 100, iov, PIECES));
    map = disk_map(f);
    assert_memory_equal(map->at + 100, bytes, at);
    assert_int_equal(map->at[100 + at], 0);
    block_drop(map);
    disk_close_file(f);
}

/* Pieces that end at, before and behind the bounds of portions; empty ones, and one that spans three. */
static void large_writes_go_in_portions(void **state)
{
    static const size_t pieces[] = { 1000, 0, (1 << 20) - 1000, 1, 3 << 20, 0, 77, (1 << 20) + 5, 0 };
    enum { PIECES = sizeof pieces / sizeof pieces[0], BYTES = (6 << 20) + 4096 };
    struct world     *w = *state;
    struct iovec      iov[PIECES];
    uint8_t          *bytes = mem_new(BYTES);
    struct disk_file *f;
    struct block     *map;
    size_t            at = 0;

    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)(i * 13 + (i >> 8) + (i >> 16));
    for (size_t i = 0; i < PIECES; i++) {
        iov[i] = (struct iovec){ bytes + at, pieces[i] };
        at += pieces[i];
    }
    assert_ok(disk_create(w->disk, "f", BYTES, &f));
    assert_ok(disk_write(f, 100, iov, PIECES));
    map = disk_map(f);
    assert_memory_equal(map->at + 100, bytes, at);
    assert_int_equal(map->at[100 + at], 0);
    block_drop(map);
    disk_close_file(f);
    free(bytes);
}

/* The kernel writes up to the limit, which is short, and refuses the rest. */
static void a_short_write_goes_on_and_tells_why_it_cannot(void **state)
{
    struct world     *w = *state;
    struct rlimit     old;
    struct rlimit     low = { 6000, RLIM_INFINITY };
    struct disk_file *f;
    struct slice      s = pattern(1, 8000);
    struct iovec      iov[2] = { { s.block->at, 3000 }, { s.block->at + 3000, 5000 } };
    struct block     *map;

    assert_ok(disk_create(w->disk, "f", 8192, &f));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    low.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &low);
    assert_int_equal(disk_write(f, 0, iov, 2), ERR_NO_SPACE);
    setrlimit(RLIMIT_FSIZE, &old);
    map = disk_map(f);
    assert_memory_equal(map->at, s.bytes.at, 6000);
    assert_int_equal(map->at[6001], 0);
    block_drop(map);
    disk_close_file(f);
    slice_drop(&s);
}

static void long_writes_go_in_pieces(void **state)
{
    struct world     *w = *state;
    struct slice      s = pattern(1, (5 << 20) + 777);
    uint8_t          *at = s.block->at;
    struct disk_file *f;
    struct block     *map;
    struct iovec      iov[] = { { at, 100 },
                                { at + 100, 3 << 20 },
                                { at + 100 + (3 << 20), 0 },
                                { at + 100 + (3 << 20), (1 << 20) - 100 },
                                { at + (4 << 20), (1 << 20) + 777 },
                                { at, 0 } };

    assert_ok(disk_create(w->disk, "f", 6 << 20, &f));
    assert_ok(disk_write(f, 4097, iov, COUNT(iov)));
    assert_ok(disk_sync(f, false));
    map = disk_map(f);
    assert_memory_equal(map->at + 4097, s.bytes.at, s.bytes.len);
    assert_int_equal(map->at[4096], 0);
    assert_int_equal(map->at[4097 + s.bytes.len], 0);
    block_drop(map);
    disk_close_file(f);
    slice_drop(&s);
}

static void pages_that_are_gone_are_an_error(void **state)
{
    struct world     *w = *state;
    struct disk_file *f;
    struct block     *map;

    assert_ok(disk_create(w->disk, "f", 16384, &f));
    map = disk_map(f);
    assert_ok(disk_load(w->disk, "f", map, 0, 16384, true));
    assert_ok(disk_resize(f, 0));
    assert_int_equal(disk_load(w->disk, "f", map, 0, 16384, true), ERR_DISK_FAILED); /* to look would be SIGBUS */
    assert_int_equal(disk_stream(f, map, 0, 16384), ERR_DISK_FAILED);
    block_drop(map);
    disk_close_file(f);
}

static void links_are_not_followed(void **state)
{
    struct world     *w = *state;
    struct disk_file *f;
    char              path[128];

    snprintf(path, sizeof path, "%s/f", w->dir);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_not_equal(disk_open(w->disk, "f", &f), ERR_OK);
    assert_int_not_equal(disk_create(w->disk, "f", 10, &f), ERR_OK);
}

#define BOTH(test)                                                                                 \
    { #test " (files)", test, setup_files, teardown, NULL },                                       \
    { #test " (sim)", test, setup_sim, teardown, NULL }
#define ON_SIM(test) cmocka_unit_test_setup_teardown(test, setup_sim, teardown)
#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, setup_files, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(small_files_are_replaced),
        BOTH(names_are_listed_by_directory),
        BOTH(files_are_written_mapped_and_kept_by_mappings),
        BOTH(files_grow_and_shrink),
        BOTH(zeros_leave_zeros),
        ON_SIM(what_was_synced_survives_a_crash),
        ON_SIM(a_crash_tears_by_sectors_and_forgets_names),
        ON_SIM(a_replace_that_is_cut_leaves_old_or_new),
        ON_SIM(a_failed_sync_loses_what_it_covered),
        ON_SIM(space_is_counted),
        ON_FILES(long_vectors_are_written_whole),
        ON_FILES(large_writes_go_in_portions),
        ON_FILES(a_short_write_goes_on_and_tells_why_it_cannot),
        ON_FILES(long_writes_go_in_pieces),
        ON_FILES(pages_that_are_gone_are_an_error),
        ON_FILES(links_are_not_followed),
    };

    diag_set_level(DIAG_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
