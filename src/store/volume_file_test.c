/*
 * volume_file_test.c - what only a directory can show: who may open it, what is left alone, modes,
 * other processes, kill -9.
 */
#include "base/diag.h"
#include "store/fixture.h"
#include "store/sealed.h"
#include "store/journal.h"

#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

struct world {
    const char *dir;
    char        uri[96];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->dir = make_temporary();
    snprintf(w->uri, sizeof w->uri, "file:%s", w->dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    remove_tree(w->dir);
    free(w);
    return 0;
}

static void put(struct world *w, const char *name, const char *text)
{
    char  path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static mode_t mode_of(struct world *w, const char *name)
{
    char        path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static bool is_there(struct world *w, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    return access(path, F_OK) == 0;
}

/* ---- opening ---- */

static void only_known_schemes_open(void **state)
{
    struct volume *v;

    (void)state;
    assert_int_equal(volume_open(&v, "/tmp/x"), ERR_BAD_ARGUMENT);
    assert_int_equal(volume_open(&v, "rados:pool"), ERR_BAD_ARGUMENT);
    assert_int_equal(volume_open(&v, "file:"), ERR_BAD_ARGUMENT);
    assert_int_equal(volume_open(&v, ""), ERR_BAD_ARGUMENT);
}

static void a_simulated_volume_opens_by_name(void **state)
{
    struct volume *v;

    (void)state;
    assert_ok(volume_open(&v, "sim:3"));
    volume_close(v);
}

static void a_directory_is_made(void **state)
{
    struct world  *w = *state;
    struct volume *v;
    mode_t         old = umask(0);
    char           uri[128];

    snprintf(uri, sizeof uri, "%s/fresh", w->uri);
    assert_ok(volume_open(&v, uri));
    umask(old);
    volume_close(v);
    assert_int_equal(mode_of(w, "fresh"), 0700);
    assert_int_equal(mode_of(w, "fresh/myna"), 0600);
}

static void a_missing_parent_is_not_made(void **state)
{
    struct world  *w = *state;
    struct volume *v;
    char           uri[128];

    diag_set_level(DIAG_ERROR);
    snprintf(uri, sizeof uri, "%s/no/such", w->uri);
    assert_int_equal(volume_open(&v, uri), ERR_IO);
    assert_false(is_there(w, "no"));
}

static void a_file_is_no_directory(void **state)
{
    struct world  *w = *state;
    struct volume *v;
    char           uri[128];

    put(w, "plain", "text");
    snprintf(uri, sizeof uri, "%s/plain", w->uri);
    assert_int_equal(volume_open(&v, uri), ERR_IO);
}

static void a_foreign_directory_is_left_alone(void **state)
{
    struct world  *w = *state;
    struct volume *v;

    put(w, "thesis.tex", "ten years of work");
    assert_int_equal(volume_open(&v, w->uri), ERR_FOREIGN);
    assert_false(is_there(w, "myna"));
    assert_false(is_there(w, "shard"));
}

static void an_unfinished_one_is_not_foreign(void **state)
{
    struct world  *w = *state;
    struct volume *v;
    char           path[128];

    put(w, "myna.tmp", "");
    snprintf(path, sizeof path, "%s/lost+found", w->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_ok(volume_open(&v, w->uri));
    volume_close(v);
}

static void a_newer_format_is_refused(void **state)
{
    struct world  *w = *state;
    struct volume *v;

    put(w, "myna", "myna volume 999\nsomething else\n");
    assert_int_equal(volume_open(&v, w->uri), ERR_NEWER_FORMAT);
}

static void an_older_format_is_refused(void **state)
{
    struct world  *w = *state;
    struct volume *v;
    struct buf     text;

    buf_init(&text);
    sealed_begin(&text, "volume", 1);
    buf_str(&text, "id AAAAAAAAAAAAAAAAAAAAAA\n");
    sealed_end(&text);
    buf_u8(&text, 0);
    put(w, "myna", (const char *)text.at);
    assert_int_equal(volume_open(&v, w->uri), ERR_OLDER_FORMAT);
    buf_fini(&text);
}

static void a_damaged_identity_is_refused(void **state)
{
    struct world  *w = *state;
    struct volume *v;

    put(w, "myna", "myna volume 8\nid AAAAAAAAAAAAAAAAAAAAAA\ncrc 00000000\n");
    assert_int_equal(volume_open(&v, w->uri), ERR_CORRUPT);
    put(w, "myna", "");
    assert_int_equal(volume_open(&v, w->uri), ERR_CORRUPT);
}

static void identities_are_kept_and_differ(void **state)
{
    struct world  *w = *state;
    struct volume *v;
    char           first[VOLUME_ID_LEN + 1];
    char           uri[128];

    assert_ok(volume_open(&v, w->uri));
    snprintf(first, sizeof first, "%s", volume_id(v));
    volume_close(v);
    assert_int_equal(strlen(first), VOLUME_ID_LEN);
    for (size_t i = 0; i < VOLUME_ID_LEN; i++)
        assert_true(isalnum((unsigned char)first[i]) || first[i] == '-' || first[i] == '_');
    assert_ok(volume_open(&v, w->uri));
    assert_string_equal(volume_id(v), first);
    volume_close(v);
    snprintf(uri, sizeof uri, "%s/other", w->uri);
    assert_ok(volume_open(&v, uri));
    assert_string_not_equal(volume_id(v), first);
    volume_close(v);
}

/* ---- other processes ---- */

/* What volume_open answers in another process. */
static enum err open_elsewhere(struct world *w)
{
    pid_t child = fork();
    int   status;

    if (child == 0) {
        struct volume *v;

        _exit((int)volume_open(&v, w->uri));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum err)WEXITSTATUS(status);
}

static void a_second_process_is_refused(void **state)
{
    struct world  *w = *state;
    struct volume *v;

    assert_ok(volume_open(&v, w->uri));
    assert_int_equal(open_elsewhere(w), ERR_BUSY);
    volume_close(v);
    assert_int_equal(open_elsewhere(w), ERR_OK);
}

struct broker {
    struct postbox post;
    int            acks; /* each durable position is written here */
};

static void on_durable(void *ctx, uint64_t position)
{
    struct broker *b = ctx;

    if (write(b->acks, &position, sizeof position) != sizeof position)
        _exit(2);
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    (void)err;
    (void)what;
    _exit(3);
}

struct seen {
    uint64_t end; /* position after the last record */
    uint64_t count;
};

static enum err on_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    struct seen *s = ctx;

    assert_int_equal(kind, 7);
    assert_int_equal(get_u64(head.at), s->count);
    s->count++;
    s->end = position + (payload.len + 7) / 8 * 8;
    return ERR_OK;
}

/* Journals numbered records of 1 byte to 20 KB until it is killed. */
static void run_broker(struct world *w, int acks)
{
    struct broker          b = { .acks = acks };
    struct journal_options options = { 1 << 20, on_durable, on_failed, &b };
    struct seen            seen = { 0 };
    struct volume         *v;
    struct shard          *s;
    struct journal        *j;

    postbox_init(&b.post);
    if (volume_open(&v, w->uri) || shard_claim(&s, v, 0, &b.post.box) ||
        journal_open(&j, s, &options) || journal_replay(j, 0, on_record, &seen))
        _exit(1);
    for (uint64_t n = seen.count;; n++) {
        struct slice payload = pattern(n, 1 + n * 977 % 20000);
        uint8_t      head[8];

        put_u64(head, n);
        journal_add(j, 7, bytes_of(head, sizeof head), payload);
        slice_drop(&payload);
        journal_kick(j);
        if (journal_pending_bytes(j) > 1 << 19)
            postbox_wait(&b.post);
    }
}

static uint64_t run_and_kill(struct world *w, int acks_wanted)
{
    uint64_t durable = 0;
    int      pipes[2];
    pid_t    child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        close(pipes[0]);
        run_broker(w, pipes[1]);
    }
    close(pipes[1]);
    for (int i = 0; i < acks_wanted; i++)
        assert_int_equal(read(pipes[0], &durable, sizeof durable), sizeof durable);
    kill(child, SIGKILL);
    while (read(pipes[0], &durable, sizeof durable) == sizeof durable)
        ;
    close(pipes[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return durable;
}

static void kill_9_loses_nothing_that_was_durable(void **state)
{
    struct world *w = *state;

    for (int life = 0; life < 6; life++) {
        uint64_t               durable = run_and_kill(w, 1 + life * 40);
        struct postbox         post;
        struct journal_options options = { 0, on_durable, on_failed, NULL };
        struct seen            seen = { 0 };
        struct volume         *v;
        struct shard          *s;
        struct journal        *j;

        postbox_init(&post);
        assert_ok(volume_open(&v, w->uri));
        assert_ok(shard_claim(&s, v, 0, &post.box));
        assert_ok(journal_open(&j, s, &options));
        assert_ok(journal_replay(j, 0, on_record, &seen));
        assert_true(seen.end >= durable);
        journal_close(j);
        shard_release(s);
        volume_close(v);
        postbox_fini(&post);
    }
    assert_int_equal(mode_of(w, "shard"), 0700);
    assert_int_equal(mode_of(w, "shard/000"), 0700);
    assert_int_equal(mode_of(w, "shard/000/journal"), 0700);
    assert_int_equal(mode_of(w, "shard/000/head"), 0600);
}

static void note_durable(void *ctx, uint64_t position)
{
    *(uint64_t *)ctx = position;
}

enum { FILES_MAX = 32 };

static bool is_same_file(int a, int b)
{
    struct stat first;
    struct stat second;

    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino;
}

/* A file of the journal that is there under its second number. All that were ever seen are kept open, so that the
 * number of none can be that of a new file. */
static bool sees_one_again(const struct world *w, int fds[FILES_MAX])
{
    char path[128];

    for (int n = 0; n < FILES_MAX; n++) {
        snprintf(path, sizeof path, "%s/shard/000/journal/1-%d", w->dir, n + 1);
        if (fds[n] >= 0 || (fds[n] = open(path, O_RDONLY)) < 0)
            continue;
        for (int before = 0; before < n; before++)
            if (fds[before] >= 0 && is_same_file(fds[before], fds[n]))
                return true;
    }
    return false;
}

static void trimmed_files_are_renamed(void **state)
{
    struct world          *w = *state;
    uint64_t               durable = 0;
    struct journal_options options = { JOURNAL_FILE_BYTES_MIN, note_durable, on_failed, &durable };
    struct slice           payload = pattern(1, 4096);
    struct postbox         post;
    struct seen            seen = { 0 };
    struct volume         *v;
    struct shard          *s;
    struct journal        *j;
    int                    fds[FILES_MAX];

    memset(fds, -1, sizeof fds);
    postbox_init(&post);
    assert_ok(volume_open(&v, w->uri));
    assert_ok(shard_claim(&s, v, 0, &post.box));
    assert_ok(journal_open(&j, s, &options));
    assert_ok(journal_replay(j, 0, on_record, &seen));
    for (int i = 0; !sees_one_again(w, fds); i++) {
        assert_true(i < 16 * FILES_MAX);
        journal_add(j, 7, bytes_str("12345678"), payload);
        journal_kick(j);
        while (durable < journal_end(j))
            postbox_wait(&post);
        journal_trim(j, durable);
        while (journal_start(j) + 2 * JOURNAL_FILE_BYTES_MIN < durable)
            sched_yield();
    }
    journal_close(j);
    shard_release(s);
    volume_close(v);
    for (int n = 0; n < FILES_MAX; n++)
        if (fds[n] >= 0)
            close(fds[n]);
    slice_drop(&payload);
    postbox_fini(&post);
}

static void a_journal_file_that_was_emptied_is_refused(void **state)
{
    struct world  *w = *state;
    struct postbox post;
    struct seen    seen = { 0 };
    struct volume *v;
    struct shard  *s;
    struct journal *j;
    char           path[128];

    run_and_kill(w, 1);
    snprintf(path, sizeof path, "%s/shard/000/journal/1-1", w->dir);
    assert_int_equal(truncate(path, 0), 0);
    postbox_init(&post);
    assert_ok(volume_open(&v, w->uri));
    assert_ok(shard_claim(&s, v, 0, &post.box));
    assert_ok(journal_open(&j, s, &(struct journal_options){ 0 }));
    assert_int_equal(journal_replay(j, 0, on_record, &seen), ERR_CORRUPT);
    journal_close(j);
    shard_release(s);
    volume_close(v);
    postbox_fini(&post);
}

static enum err refuse_second(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                              uint64_t position)
{
    enum err err = on_record(ctx, kind, head, payload, position);

    return ((struct seen *)ctx)->count == 2 ? ERR_LIMIT : err;
}

static void write_records(struct world *w, uint64_t count)
{
    struct broker          b = { .acks = open("/dev/null", O_WRONLY | O_CLOEXEC) };
    struct journal_options options = { 0, on_durable, on_failed, &b };
    struct seen            seen = { 0 };
    struct volume         *v;
    struct shard          *s;
    struct journal        *j;

    postbox_init(&b.post);
    assert_ok(volume_open(&v, w->uri));
    assert_ok(shard_claim(&s, v, 0, &b.post.box));
    assert_ok(journal_open(&j, s, &options));
    assert_ok(journal_replay(j, 0, on_record, &seen));
    for (uint64_t n = 0; n < count; n++) {
        uint8_t head[8];

        put_u64(head, n);
        journal_add(j, 7, bytes_of(head, sizeof head), (struct slice){ 0 });
        journal_kick(j);
        while (!journal_is_idle(j))
            postbox_wait(&b.post);
    }
    journal_close(j);
    shard_release(s);
    volume_close(v);
    postbox_fini(&b.post);
    close(b.acks);
}

static enum err replay_with(struct world *w, journal_replay_fn *fn, uint64_t *count)
{
    struct postbox  post;
    struct seen     seen = { 0 };
    struct volume  *v;
    struct shard   *s;
    struct journal *j;
    enum err        err;

    postbox_init(&post);
    assert_ok(volume_open(&v, w->uri));
    assert_ok(shard_claim(&s, v, 0, &post.box));
    assert_ok(journal_open(&j, s, &(struct journal_options){ 0 }));
    err = journal_replay(j, 0, fn, &seen);
    journal_close(j);
    shard_release(s);
    volume_close(v);
    postbox_fini(&post);
    *count = seen.count;
    return err;
}

/* All before it is given; and what the owner says of that comes first. */
static void damage_is_found_while_what_lies_before_is_applied(void **state)
{
    enum { RECORD_BYTES = FRAME_HEADER_BYTES + 16, HEADER_BYTES = 4096 };
    struct world *w = *state;
    char          path[128];
    uint64_t      count;
    int           fd;

    write_records(w, 10);
    snprintf(path, sizeof path, "%s/shard/000/journal/1-1", w->dir);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "?", 1, HEADER_BYTES + 5 * RECORD_BYTES + 60), 1);
    close(fd);
    assert_int_equal(replay_with(w, on_record, &count), ERR_CORRUPT);
    assert_int_equal(count, 5);
    assert_int_equal(replay_with(w, refuse_second, &count), ERR_LIMIT);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_known_schemes_open),
        cmocka_unit_test(a_simulated_volume_opens_by_name),
        cmocka_unit_test_setup_teardown(a_directory_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_parent_is_not_made, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_no_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_directory_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unfinished_one_is_not_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_format_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_format_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_identity_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(identities_are_kept_and_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_process_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(trimmed_files_are_renamed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_journal_file_that_was_emptied_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(damage_is_found_while_what_lies_before_is_applied, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(kill_9_loses_nothing_that_was_durable, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
