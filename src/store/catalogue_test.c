/* catalogue_test.c - a checkpoint comes back whole, replaces the one before, and damage counts as
 * none. */
#include "store/catalogue.h"
#include "base/diag.h"
#include "store/volume_rig.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

enum { FLIPS = 400 };

struct world {
    struct volume_rig rig;
    char              db[128]; /* on real files */
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

static void open_base(struct world *w)
{
    struct journal_options options = { 0, on_durable, on_failed, w };

    assert_ok(shard_claim(&w->shard, w->rig.volume, 0, &w->rig.post.box));
    assert_ok(journal_open(&w->journal, w->shard, &options));
    assert_ok(journal_replay(w->journal, 0, ignore_record, NULL));
}

static void open_world(struct world *w)
{
    open_base(w);
    assert_ok(catalogue_open(&w->catalogue, w->shard));
}

static void reopen_world(struct world *w)
{
    volume_rig_reopen(&w->rig);
    open_world(w);
}

static void close_base(struct world *w)
{
    catalogue_close(w->catalogue);
    journal_close(w->journal);
    shard_release(w->shard);
    mail_run(&w->rig.post.box);
}

static void close_world(struct world *w)
{
    close_base(w);
    volume_close(w->rig.volume);
}

static int setup_files(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    volume_rig_on_files(&w->rig);
    snprintf(w->db, sizeof w->db, "%s/shard/000/catalogue.db", w->rig.dir);
    open_world(w);
    *state = w;
    return 0;
}

static int setup_sim(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    volume_rig_on_sim(&w->rig, 1);
    open_world(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    close_base(w);
    volume_rig_close(&w->rig);
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
        postbox_wait(&w->rig.post);
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
    reopen_world(w);
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
    reopen_world(w);
}

static void run_sql(struct world *w, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(w->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Every damage that SQLite does not see itself must be found by the checksums. */
static void damage_to_rows_counts_as_none(void **state)
{
    static const char *const damages[] = {
        "UPDATE state SET kind = 77 WHERE key = x'03'",
        "UPDATE state SET key = x'44' WHERE key = x'03'",
        "UPDATE state SET head = x'00' WHERE key = x'03'",
        "UPDATE state SET crc = crc + 1 WHERE key = x'03'",
        ("UPDATE state SET head = (SELECT head FROM state WHERE key = x'04'),"
         " kind = 4 WHERE key = x'03'"),
        "DELETE FROM state WHERE key = x'13'",
        "DELETE FROM state",
        "INSERT INTO state SELECT x'0300', kind, head, crc FROM state WHERE key = x'03'",
        "UPDATE meta SET position = position + 8",
        "UPDATE meta SET sum = sum + 1",
        "UPDATE meta SET rows = rows + 1",
        "UPDATE meta SET epoch = epoch + 1",
        "UPDATE meta SET crc = crc + 1",
        "DELETE FROM meta",
        "DROP TABLE state",
        "DROP TABLE meta",
        "DROP TABLE state; CREATE TABLE state (key, kind, head, crc)",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 1",
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT(damages); i++) {
        checkpoint(w, 0, 20);
        close_world(w);
        run_sql(w, damages[i]);
        reopen_world(w);
        assert_loads(w, 0, 0, 0);
    }
    checkpoint(w, 1, 3); /* and it can be written again */
    assert_loads(w, 1, 3, journal_durable(w->journal));
}

/* A row of an older checkpoint that comes back with its own checksum. */
static void a_stale_row_counts_as_none(void **state)
{
    struct world *w = *state;

    checkpoint(w, 0, 20);
    run_sql(w, "CREATE TABLE old AS SELECT * FROM state WHERE key = x'05'");
    catalogue_begin(w->catalogue, false);
    put(w, 5, 6);
    commit(w);
    run_sql(w, "REPLACE INTO state SELECT * FROM old");
    assert_loads(w, 0, 0, 0);
}

struct rows {
    uint8_t at[64]; /* numbers, in the order of loading */
    int     count;
};

static enum err collect(void *ctx, uint8_t kind, struct bytes head)
{
    struct rows *r = ctx;
    struct slice want = pattern(kind, (size_t)kind * 10);

    assert_bytes(head, want.bytes);
    slice_drop(&want);
    r->at[r->count++] = kind;
    return ERR_OK;
}

static void assert_rows(struct world *w, const char *numbers)
{
    struct rows r = { .count = 0 };
    uint64_t    position;

    assert_ok(catalogue_load(w->catalogue, collect, &r, &position));
    assert_bytes(bytes_of(r.at, (size_t)r.count), bytes_str(numbers));
}

static void put_under(struct world *w, const char *key, uint8_t number)
{
    struct slice head = pattern(number, (size_t)number * 10);

    catalogue_put(w->catalogue, bytes_str(key), number, head.bytes);
    slice_drop(&head);
}

static void writes_what_changed(void **state)
{
    struct world *w = *state;

    catalogue_begin(w->catalogue, false);
    put_under(w, "b", 2);
    put_under(w, "a", 1);
    put_under(w, "c", 3);
    commit(w);
    assert_rows(w, "\1\2\3");
    catalogue_begin(w->catalogue, false);
    catalogue_remove(w->catalogue, bytes_str("b"));
    put_under(w, "c", 4);
    put_under(w, "ab", 5);
    commit(w);
    assert_rows(w, "\1\5\4");
    close_world(w);
    reopen_world(w);
    assert_rows(w, "\1\5\4");
    catalogue_begin(w->catalogue, true); /* nothing of before stays */
    put_under(w, "z", 9);
    commit(w);
    assert_rows(w, "\11");
}

static void removes_what_lies_below(void **state)
{
    struct world *w = *state;

    catalogue_begin(w->catalogue, false);
    put_under(w, "q", 1);
    put_under(w, "qa", 2);
    put_under(w, "q\xff\xff", 3);
    put_under(w, "r", 4);
    put_under(w, "p\xff", 5);
    put_under(w, "p\xff\xff\1", 6);
    catalogue_define(w->catalogue, bytes_str("qa"), "queue", bytes_str("n"), bytes_str("x"), "");
    commit(w);
    assert_rows(w, "\5\6\1\2\3\4");
    catalogue_begin(w->catalogue, false);
    catalogue_remove(w->catalogue, bytes_str("q"));
    catalogue_remove(w->catalogue, bytes_str("p\xff\xff"));
    catalogue_remove(w->catalogue, bytes_str("not there"));
    commit(w);
    assert_rows(w, "\5\4");
    run_sql(w, "INSERT INTO definition VALUES ('qa', '', '', '', '')"); /* the key is free */
}

/* In the order of the steps: a name that is deleted and made again stays. */
static void the_last_step_counts(void **state)
{
    struct world *w = *state;

    catalogue_begin(w->catalogue, false);
    put_under(w, "a", 1);
    put_under(w, "a", 2);
    catalogue_remove(w->catalogue, bytes_str("b"));
    put_under(w, "b", 3);
    put_under(w, "c", 4);
    catalogue_remove(w->catalogue, bytes_str("c"));
    commit(w);
    assert_rows(w, "\2\3");
}

static void try_commit(struct world *w)
{
    int done = w->done;

    catalogue_commit(w->catalogue, w->journal, journal_durable(w->journal), on_done, w);
    while (w->done == done)
        postbox_wait(&w->rig.post);
}

/* A checkpoint while files may not grow. */
static void fail_commit(struct world *w, bool is_full)
{
    struct rlimit before;
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &limit);
    catalogue_begin(w->catalogue, is_full);
    for (uint8_t i = 100; i < 200; i++)
        put(w, i, i);
    try_commit(w);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_true(w->result == ERR_IO || w->result == ERR_NO_SPACE);
}

/* K4 */
static void a_failed_one_leaves_the_one_before(void **state)
{
    struct world *w = *state;

    checkpoint(w, 1, 20);
    fail_commit(w, false);
    assert_loads(w, 1, 20, journal_durable(w->journal));
    checkpoint(w, 1, 30); /* full */
    assert_loads(w, 1, 30, journal_durable(w->journal));
}

static int lines;

static void count_line(void *ctx, enum diag_level level, const char *line)
{
    (void)ctx;
    (void)level;
    if (strstr(line, "catalogue: "))
        lines++;
}

/* A disk that stays full for hours is tried again each second. */
static void a_lasting_failure_is_said_once_and_its_end(void **state)
{
    struct world *w = *state;

    checkpoint(w, 1, 20);
    lines = 0;
    diag_set_sink(count_line, NULL);
    for (int times = 1; times <= 2; times++) {
        for (int tries = 0; tries < 3; tries++)
            fail_commit(w, true);
        assert_int_equal(lines, 2 * times - 1);
        checkpoint(w, 1, 30);
        assert_int_equal(lines, 2 * times);
    }
    checkpoint(w, 1, 10);
    assert_int_equal(lines, 4);
    diag_set_sink(NULL, NULL);
}

static void damage_met_by_a_commit_is_set_aside(void **state)
{
    struct world *w = *state;

    checkpoint(w, 1, 3);
    run_sql(w, "DROP TABLE definition");
    catalogue_begin(w->catalogue, false);
    put(w, 9, 9);
    try_commit(w);
    assert_int_equal(w->result, ERR_CORRUPT);
    checkpoint(w, 1, 5);
    assert_loads(w, 1, 5, journal_durable(w->journal));
}

static void copy_file(const char *from, const char *to, size_t *len)
{
    static char at[1 << 20];
    FILE       *f = fopen(from, "r");

    *len = fread(at, 1, sizeof at, f);
    fclose(f);
    f = fopen(to, "w");
    assert_int_equal(fwrite(at, 1, *len, f), *len);
    fclose(f);
}

static void flip_bit(const char *path, size_t bit)
{
    FILE *f = fopen(path, "r+");
    int   c;

    fseek(f, (long)(bit / 8), SEEK_SET);
    c = fgetc(f);
    fseek(f, (long)(bit / 8), SEEK_SET);
    fputc(c ^ 1 << bit % 8, f);
    fclose(f);
}

static enum err count_row(void *ctx, uint8_t kind, struct bytes head)
{
    int         *count = ctx;
    struct slice want = pattern(kind, (size_t)kind * 10);

    assert_bytes(head, want.bytes);
    slice_drop(&want);
    ++*count;
    return ERR_OK;
}

/* Whatever bit of the file rots: all of the checkpoint, or none. */
static void a_flipped_bit_is_harmless_or_found(void **state)
{
    struct world *w = *state;
    char          good[160];
    uint32_t      seed = 1;
    size_t        len;
    int           found = 0;
    enum err      err;

    snprintf(good, sizeof good, "%s/good", w->rig.dir);
    checkpoint(w, 0, 120);
    catalogue_close(w->catalogue);
    copy_file(w->db, good, &len);
    diag_set_level(DIAG_NONE);
    for (int i = 0; i < FLIPS; i++) {
        int      count = 0;
        uint64_t position = 1;

        copy_file(good, w->db, &len);
        seed = seed * 1664525 + 1013904223;
        flip_bit(w->db, seed % (i % 4 ? len * 8 : 800)); /* anywhere, and often in the header */
        err = catalogue_open(&w->catalogue, w->shard);
        if (err == ERR_NEWER_FORMAT) {
            w->catalogue = NULL;
        } else {
            assert_ok(err);
            assert_ok(catalogue_load(w->catalogue, count_row, &count, &position));
            assert_true(count == 120 || (count == 0 && position == 0));
            found += count == 0;
        }
        catalogue_close(w->catalogue);
    }
    diag_set_level(DIAG_WARN);
    assert_in_range(found, FLIPS / 20, FLIPS);
    copy_file(good, w->db, &len);
    assert_ok(catalogue_open(&w->catalogue, w->shard));
    assert_loads(w, 0, 120, journal_durable(w->journal));
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
    reopen_world(w);
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
    disk_sim_cut_after(w->rig.disk, 1);
    catalogue_begin(w->catalogue, false);
    put(w, 9, 9);
    catalogue_commit(w->catalogue, w->journal, journal_durable(w->journal), on_done, w);
    mail_run(&w->rig.post.box);
    assert_int_equal(w->result, ERR_DISK_FAILED);
    close_world(w);
    disk_sim_crash(w->rig.disk);
    reopen_world(w);
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
        ON_FILES(damage_to_rows_counts_as_none),
        ON_FILES(a_stale_row_counts_as_none),
        ON_FILES(writes_what_changed),
        ON_SIM(writes_what_changed),
        ON_FILES(removes_what_lies_below),
        ON_FILES(the_last_step_counts),
        ON_FILES(a_failed_one_leaves_the_one_before),
        ON_FILES(a_lasting_failure_is_said_once_and_its_end),
        ON_FILES(damage_met_by_a_commit_is_set_aside),
        ON_FILES(a_flipped_bit_is_harmless_or_found),
        ON_FILES(a_file_of_noise_is_set_aside),
        ON_FILES(a_newer_layout_is_refused),
        ON_FILES(is_private_and_readable_by_people),
        ON_SIM(a_crash_leaves_the_one_before_or_the_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
