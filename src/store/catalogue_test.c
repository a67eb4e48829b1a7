/* catalogue_test.c - a checkpoint comes back whole, replaces the one before, and damage counts as
 * none. */
#include "store/catalogue.h"
#include "store/fixture.h"
#include "store/disk_sim.h"
#include "store/volume_file.h"

#include <sqlite3.h>

struct world {
    struct postbox    post;
    char              uri[96];
    char              db[128];
    const char       *dir;
    struct disk      *disk; /* NULL: real files */
    struct volume    *volume;
    struct shard     *shard;
    struct journal   *journal;
    struct catalogue *catalogue;
    int               done;
    enum err          result;
};

static void on_durable(void *ctx, uint64_t position)
{
    (void)ctx;
    (void)position;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    fail_msg("%s: %s", what, err_text(err));
}

static enum err ignore_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                              uint64_t position)
{
    (void)ctx;
    (void)kind;
    (void)head;
    (void)payload;
    (void)position;
    return ERR_OK;
}

static void open_world(struct world *w)
{
    struct journal_options options = { 0, on_durable, on_failed, w };

    if (w->disk)
        assert_ok(volume_file_open(&w->volume, w->disk, false));
    else
        assert_ok(volume_open(&w->volume, w->uri));
    assert_ok(shard_claim(&w->shard, w->volume, 0, &w->post.box));
    assert_ok(journal_open(&w->journal, w->shard, &options));
    assert_ok(journal_replay(w->journal, 0, ignore_record, NULL));
    assert_ok(catalogue_open(&w->catalogue, w->shard));
}

static void close_world(struct world *w)
{
    catalogue_close(w->catalogue);
    journal_close(w->journal);
    shard_release(w->shard);
    mail_run(&w->post.box);
    volume_close(w->volume);
}

static int setup_files(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    postbox_init(&w->post);
    w->dir = make_temporary();
    snprintf(w->uri, sizeof w->uri, "file:%s", w->dir);
    snprintf(w->db, sizeof w->db, "%s/shard/000/catalogue.db", w->dir);
    open_world(w);
    *state = w;
    return 0;
}

static int setup_sim(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    postbox_init(&w->post);
    w->disk = disk_sim_keep(1);
    open_world(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    close_world(w);
    postbox_fini(&w->post);
    if (w->disk)
        disk_sim_free(w->disk);
    else
        remove_tree(w->dir);
    free(w);
    return 0;
}

static void on_done(void *ctx, enum err err, uint64_t position)
{
    struct world *w = ctx;

    (void)position;
    w->done++;
    w->result = err;
}

/* A row of one octet as key, with a content that shows its number. */
static void put(struct world *w, uint8_t key, uint8_t number)
{
    struct slice head = pattern(number, (size_t)number * 10);

    catalogue_put(w->catalogue, bytes_of(&key, 1), number, head.bytes);
    slice_drop(&head);
}

static void commit(struct world *w)
{
    int done = w->done;

    catalogue_commit(w->catalogue, w->journal, journal_durable(w->journal), on_done, w);
    assert_true(catalogue_is_busy(w->catalogue));
    assert_int_equal(w->done, done); /* never from inside the call */
    while (w->done == done)
        postbox_wait(&w->post);
    assert_ok(w->result);
    assert_false(catalogue_is_busy(w->catalogue));
}

static void checkpoint(struct world *w, int first, int count)
{
    catalogue_begin(w->catalogue, true);
    for (int i = first; i < first + count; i++)
        put(w, (uint8_t)i, (uint8_t)i);
    catalogue_define(w->catalogue, bytes_of("\1", 1), "topic", bytes_str("default"),
                     bytes_str("orders"), "1 log");
    commit(w);
}


struct loaded {
    int first;
    int count;
};

static enum err on_load(void *ctx, uint8_t kind, struct bytes head)
{
    struct loaded *l = ctx;
    int            number = l->first + l->count;
    struct slice   want = pattern((uint64_t)number, (size_t)number * 10);

    assert_int_equal(kind, number);
    assert_bytes(head, want.bytes);
    slice_drop(&want);
    l->count++;
    return ERR_OK;
}

static void assert_loads(struct world *w, int first, int count, uint64_t position)
{
    struct loaded l = { first, 0 };
    uint64_t      got = 99;

    assert_ok(catalogue_load(w->catalogue, on_load, &l, &got));
    assert_int_equal(l.count, count);
    assert_int_equal(got, position);
}

static void has_nothing_at_first(void **state)
{
    assert_loads(*state, 0, 0, 0);
}

static void comes_back_after_reopening(void **state)
{
    struct world *w = *state;
    uint64_t      position = journal_durable(w->journal);

    checkpoint(w, 0, 20);
    close_world(w);
    open_world(w);
    assert_loads(w, 0, 20, position);
}

static void replaces_the_one_before(void **state)
{
    struct world *w = *state;

    checkpoint(w, 0, 20);
    checkpoint(w, 5, 2);
    assert_loads(w, 5, 2, journal_durable(w->journal));
}

static void can_be_closed_while_it_writes(void **state)
{
    struct world *w = *state;

    catalogue_begin(w->catalogue, false);
    put(w, 1, 1);
    catalogue_commit(w->catalogue, w->journal, 0, on_done, w);
    close_world(w);
    assert_int_equal(w->done, 0);
    open_world(w);
}

static void run_sql(struct world *w, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(w->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_changed_record_counts_as_none(void **state)
{
    struct world *w = *state;

    checkpoint(w, 0, 20);
    run_sql(w, "UPDATE state SET kind = 77 WHERE key = x'03'");
    assert_loads(w, 0, 0, 0);
    checkpoint(w, 1, 3); /* and it can be written again */
    assert_loads(w, 1, 3, journal_durable(w->journal));
}

static void a_missing_table_counts_as_none(void **state)
{
    struct world *w = *state;

    checkpoint(w, 0, 20);
    run_sql(w, "DROP TABLE state");
    assert_loads(w, 0, 0, 0);
}

static void a_file_of_noise_is_set_aside(void **state)
{
    struct world *w = *state;
    char          aside[160];
    FILE         *f;

    checkpoint(w, 0, 20);
    close_world(w);
    f = fopen(w->db, "r+");
    for (int i = 0; i < 4096; i++)
        fputc(i * 7, f);
    fclose(f);
    open_world(w);
    assert_loads(w, 0, 0, 0);
    snprintf(aside, sizeof aside, "%s.damaged", w->db);
    assert_int_equal(access(aside, F_OK), 0);
}

static void a_newer_layout_is_refused(void **state)
{
    struct world *w = *state;

    catalogue_close(w->catalogue);
    run_sql(w, "PRAGMA user_version = 3");
    assert_int_equal(catalogue_open(&w->catalogue, w->shard), ERR_NEWER_FORMAT);
    run_sql(w, "PRAGMA user_version = 2");
    assert_ok(catalogue_open(&w->catalogue, w->shard));
}

static void is_private_and_readable_by_people(void **state)
{
    struct world *w = *state;
    struct stat   st;
    sqlite3      *db;
    sqlite3_stmt *s;

    checkpoint(w, 0, 3);
    assert_int_equal(stat(w->db, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(sqlite3_open_v2(w->db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT name FROM definition WHERE what = 'topic'", -1, &s, NULL);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), "orders");
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void a_crash_leaves_the_one_before_or_the_new(void **state)
{
    struct world *w = *state;

    checkpoint(w, 0, 2);
    disk_sim_cut_after(w->disk, 1);
    catalogue_begin(w->catalogue, false);
    put(w, 9, 9);
    catalogue_commit(w->catalogue, w->journal, journal_durable(w->journal), on_done, w);
    mail_run(&w->post.box);
    assert_int_equal(w->result, ERR_DISK_FAILED);
    close_world(w);
    disk_sim_crash(w->disk);
    open_world(w);
    assert_loads(w, 0, 2, 0);
}

#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, setup_files, teardown)
#define ON_SIM(test) { #test "_sim", test, setup_sim, teardown, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FILES(has_nothing_at_first),
        ON_SIM(has_nothing_at_first),
        ON_FILES(comes_back_after_reopening),
        ON_SIM(comes_back_after_reopening),
        ON_FILES(replaces_the_one_before),
        ON_SIM(replaces_the_one_before),
        ON_FILES(can_be_closed_while_it_writes),
        ON_SIM(can_be_closed_while_it_writes),
        ON_FILES(a_changed_record_counts_as_none),
        ON_FILES(a_missing_table_counts_as_none),
        ON_FILES(a_file_of_noise_is_set_aside),
        ON_FILES(a_newer_layout_is_refused),
        ON_FILES(is_private_and_readable_by_people),
        ON_SIM(a_crash_leaves_the_one_before_or_the_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
