/*
 * damage_test.c - bytes that are not what was written: a torn end is cut, anything else is refused
 * and left as it is.
 */
#include "base/diag.h"
#include "base/list.h"
#include "store/blob.h"
#include "store/disk_sim.h"
#include "store/fixture.h"
#include "store/frame.h"
#include "store/volume_file.h"

enum { FRAMES = 5, BODY = 72 };

static const char first_file[] = "shard/000/journal/1-1";

struct world {
    struct postbox post;
    struct disk   *disk;
    struct volume *volume;
    struct shard  *shard;
    uint64_t       position;
    int            done;
    int            replayed;
};

static void on_done(struct mail *mail)
{
    struct append *a = CONTAINER(mail, struct append, mail);

    assert_ok(a->err);
}

static void power_up(struct world *w)
{
    assert_ok(volume_file_open(&w->volume, w->disk, false));
    assert_ok(shard_claim(&w->shard, w->volume, 0, &w->post.box));
    shard_set_free_min(w->shard, 0); /* the disks here are small */
}

static void power_down(struct world *w)
{
    shard_release(w->shard);
    mail_run(&w->post.box);
    volume_close(w->volume);
}

/* One frame per commit, its body filled with its number. */
static void append(struct world *w, int number)
{
    uint8_t       body[BODY];
    struct iovec  iov = { body, sizeof body };
    struct append a = { .mail.run = on_done, .iov = &iov, .iov_count = 1, .bytes = sizeof body };

    memset(body, number, sizeof body);
    a.position = w->position;
    w->position += FRAME_HEADER_BYTES + sizeof body;
    shard_append(w->shard, &a);
    while (volume_file_step(w->volume))
        ;
    mail_run(&w->post.box);
}

static void run_all(struct world *w)
{
    while (volume_file_step(w->volume))
        ;
    mail_run(&w->post.box);
}

static enum err on_frame(void *ctx, struct bytes body, uint64_t position)
{
    struct world *w = ctx;

    (void)position;
    assert_int_equal(body.len, BODY);
    assert_int_equal(body.at[0], w->replayed);
    assert_int_equal(body.at[BODY - 1], w->replayed);
    w->replayed++;
    return ERR_OK;
}

/* Frames 0 to FRAMES - 1, acknowledged; then the power goes, or with is_clean it is shut down. */
static struct world *world_with_frames(bool is_clean)
{
    struct world *w = calloc(1, sizeof *w);

    postbox_init(&w->post);
    w->disk = disk_sim_keep(5);
    power_up(w);
    assert_ok(shard_replay(w->shard, 0, on_frame, w));
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    for (int i = 0; i < FRAMES; i++)
        append(w, i);
    if (!is_clean)
        disk_sim_cut_after(w->disk, 1); /* so that the end is not noted */
    power_down(w);
    disk_sim_crash(w->disk);
    return w;
}

static void world_free(struct world *w)
{
    disk_sim_free(w->disk);
    postbox_fini(&w->post);
    free(w);
}

static enum err replay(struct world *w)
{
    w->replayed = 0;
    power_up(w);
    return shard_replay(w->shard, 0, on_frame, w);
}

static enum err on_any_frame(void *ctx, struct bytes body, uint64_t position)
{
    struct world *w = ctx;

    (void)body;
    (void)position;
    w->replayed++;
    return ERR_OK;
}

static enum err replay_any(struct world *w)
{
    w->replayed = 0;
    power_up(w);
    return shard_replay(w->shard, 0, on_any_frame, w);
}

static uint64_t offset_of(int frame)
{
    return FILE_HEADER_BYTES + (uint64_t)frame * (FRAME_HEADER_BYTES + BODY);
}

static struct buf read_file(struct world *w, const char *path)
{
    struct buf b;
    bool       is_there;

    buf_init(&b);
    assert_ok(disk_read(w->disk, path, &b, &is_there));
    assert_true(is_there);
    return b;
}

static void write_file(struct world *w, const char *path, struct buf *b)
{
    disk_sim_put(w->disk, path, buf_view(b));
    buf_fini(b);
}

static void assert_length(struct world *w, size_t len)
{
    struct buf file = read_file(w, first_file);

    assert_int_equal(file.len, len);
    buf_fini(&file);
}

/* ---- the end ---- */

/* Then the journal goes on, and the next replay sees one unbroken chain. */
static void assert_goes_on(struct world *w, int frames)
{
    assert_int_equal(w->replayed, frames);
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    append(w, frames);
    power_down(w);
    assert_ok(replay(w));
    assert_int_equal(w->replayed, frames + 1);
    power_down(w);
}

static void a_damaged_last_frame_is_cut(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < FRAME_HEADER_BYTES + BODY; at++) {
        struct world *w = world_with_frames(false);

        assert_true(disk_sim_rot(w->disk, first_file, offset_of(FRAMES - 1) + at));
        assert_ok(replay(w));
        assert_length(w, offset_of(FRAMES - 1));
        assert_goes_on(w, FRAMES - 1);
        world_free(w);
    }
}

static void a_damaged_last_frame_is_seen_after_a_clean_stop(void **state)
{
    struct world *w = world_with_frames(true);

    (void)state;
    disk_sim_rot(w->disk, first_file, offset_of(FRAMES - 1));
    assert_int_equal(replay(w), ERR_CORRUPT);
    power_down(w);
    world_free(w);
}

static void garbage_behind_the_end_is_cut(void **state)
{
    struct world *w = world_with_frames(false);
    struct buf    file = read_file(w, first_file);

    (void)state;
    for (size_t i = offset_of(FRAMES); i < file.len; i++)
        file.at[i] = (uint8_t)(i * 13);
    write_file(w, first_file, &file);
    assert_ok(replay(w));
    assert_length(w, offset_of(FRAMES));
    assert_goes_on(w, FRAMES);
    world_free(w);
}

static void a_file_cut_anywhere_in_the_last_frame_is_its_end(void **state)
{
    (void)state;
    for (uint64_t len = offset_of(FRAMES - 1); len < offset_of(FRAMES); len++) {
        struct world *w = world_with_frames(false);
        struct buf    file = read_file(w, first_file);

        file.len = len;
        write_file(w, first_file, &file);
        assert_ok(replay(w));
        assert_goes_on(w, FRAMES - 1);
        world_free(w);
    }
}

/* Somebody who may choose payloads puts frames into them that vouch for positions far ahead. */
static void a_forged_frame_proves_nothing(void **state)
{
    struct world *w = world_with_frames(false);
    struct buf    file = read_file(w, first_file);
    struct frame  forged = { .epoch = 1, .seq = 99, .position = 1 << 20, .synced = 1 << 20 };

    (void)state;
    frame_encode(file.at + offset_of(FRAMES) + 800, &forged, 12345); /* a salt that is guessed */
    write_file(w, first_file, &file);
    assert_ok(replay(w));
    assert_goes_on(w, FRAMES);
    world_free(w);
}

/* ---- everything before it ---- */

static void a_damaged_frame_before_the_last_is_refused(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < FRAME_HEADER_BYTES + BODY; at++) {
        struct world *w = world_with_frames(false);
        struct buf    before;
        struct buf    after;

        disk_sim_rot(w->disk, first_file, offset_of(1) + at);
        before = read_file(w, first_file);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(replay(w), ERR_CORRUPT);
            assert_true(w->replayed <= 1);
            power_down(w);
        }
        after = read_file(w, first_file);
        assert_bytes(buf_view(&after), buf_view(&before));
        buf_fini(&before);
        buf_fini(&after);
        world_free(w);
    }
}

static void a_frame_written_over_by_an_older_one_is_refused(void **state)
{
    struct world *w = world_with_frames(false);
    struct buf    file = read_file(w, first_file);

    (void)state;
    memcpy(file.at + offset_of(2), file.at + offset_of(1), FRAME_HEADER_BYTES + BODY);
    write_file(w, first_file, &file);
    assert_int_equal(replay(w), ERR_CORRUPT);
    power_down(w);
    world_free(w);
}

/* Then the next file begins with a frame that is whole; it must not pass for the beginning. */
static void a_damaged_first_frame_of_all_is_refused(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < FRAME_HEADER_BYTES + BODY; at++) {
        struct world *w = world_with_frames(true);

        assert_ok(replay(w));
        assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
        append(w, FRAMES);
        power_down(w);
        disk_sim_rot(w->disk, first_file, offset_of(0) + at);
        assert_int_equal(replay(w), ERR_CORRUPT);
        assert_int_equal(w->replayed, 0);
        power_down(w);
        world_free(w);
    }
}

static void a_damaged_file_header_is_refused(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 44; at++) {
        struct world *w = world_with_frames(false);

        disk_sim_rot(w->disk, first_file, at);
        assert_int_equal(replay(w), ERR_CORRUPT);
        power_down(w);
        world_free(w);
    }
}

static void a_missing_file_is_refused(void **state)
{
    struct world *w = world_with_frames(false);

    (void)state;
    assert_ok(disk_remove(w->disk, first_file));
    assert_int_equal(replay(w), ERR_CORRUPT);
    power_down(w);
    world_free(w);
}

static void an_empty_file_is_refused(void **state)
{
    struct world *w = world_with_frames(false);

    (void)state;
    disk_sim_put(w->disk, first_file, bytes_of(NULL, 0));
    assert_int_equal(replay(w), ERR_CORRUPT);
    power_down(w);
    world_free(w);
}

/* ---- the head ---- */

static void a_damaged_head_is_refused(void **state)
{
    struct world *w = world_with_frames(false);
    struct buf    head = read_file(w, "shard/000/head");
    struct shard *s;

    (void)state;
    assert_ok(volume_file_open(&w->volume, w->disk, false));
    for (size_t at = 0; at < head.len; at++) {
        disk_sim_rot(w->disk, "shard/000/head", at);
        assert_int_equal(shard_claim(&s, w->volume, 0, &w->post.box), ERR_CORRUPT);
        disk_sim_rot(w->disk, "shard/000/head", at);
    }
    assert_ok(disk_remove(w->disk, "shard/000/head"));
    assert_int_equal(shard_claim(&s, w->volume, 0, &w->post.box), ERR_CORRUPT);
    volume_close(w->volume);
    buf_fini(&head);
    world_free(w);
}

static void files_that_no_head_names_are_swept(void **state)
{
    struct world *w = world_with_frames(false);
    struct buf    b;
    bool          is_there;

    (void)state;
    disk_sim_put(w->disk, "shard/000/journal/1-77", bytes_str("made and never recorded"));
    disk_sim_put(w->disk, "shard/000/journal/notes.txt", bytes_str("not ours"));
    assert_ok(replay(w));
    assert_int_equal(w->replayed, FRAMES);
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    run_all(w);
    buf_init(&b);
    assert_ok(disk_read(w->disk, "shard/000/journal/1-77", &b, &is_there));
    assert_false(is_there);
    assert_ok(disk_read(w->disk, "shard/000/journal/notes.txt", &b, &is_there));
    assert_true(is_there);
    buf_fini(&b);
    power_down(w);
    world_free(w);
}

/* ---- a disk that fails or is full ---- */

static struct world *started_world(void)
{
    struct world *w = world_with_frames(false);

    assert_ok(replay(w));
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    while (volume_file_step(w->volume))
        ;
    return w;
}

struct attempt {
    struct append append;
    struct iovec  iov;
    uint8_t       body[BODY];
    bool          is_done;
};

static void on_attempt(struct mail *mail)
{
    struct append *a = CONTAINER(mail, struct append, mail);

    CONTAINER(a, struct attempt, append)->is_done = true;
}

/* Does not wait for it. */
static void attempt(struct world *w, struct attempt *t, size_t len)
{
    static uint8_t large[JOURNAL_FILE_BYTES_MIN];

    *t = (struct attempt){ .append.mail.run = on_attempt };
    t->iov = (struct iovec){ len > BODY ? large : t->body, len };
    t->append.iov = &t->iov;
    t->append.iov_count = 1;
    t->append.bytes = (uint32_t)len;
    t->append.position = w->position;
    w->position += FRAME_HEADER_BYTES + len;
    shard_append(w->shard, &t->append);
}

static void assert_dead_after(struct world *w)
{
    struct attempt t[3];

    for (int i = 0; i < 3; i++)
        attempt(w, &t[i], BODY);
    run_all(w);
    for (int i = 0; i < 3; i++) {
        assert_true(t[i].is_done);
        assert_int_equal(t[i].append.err, ERR_DISK_FAILED);
        assert_non_null(strstr(t[i].append.what, "shard/000/journal/2-"));
    }
    attempt(w, &t[0], BODY); /* the disk would work again; nothing is retried */
    run_all(w);
    assert_int_equal(t[0].append.err, ERR_DISK_FAILED);
    disk_sim_crash(w->disk);
    power_down(w);
    assert_ok(replay_any(w));
    assert_true(w->replayed >= FRAMES); /* of the rest nobody was told that it was safe */
    power_down(w);
    world_free(w);
}

static void an_unreadable_sector_is_no_dead_process(void **state)
{
    struct world *w = started_world();
    uint8_t       bytes[BODY];
    char          path[] = "shard/000/journal/1-1";

    (void)state;
    power_down(w);
    assert_ok(replay_any(w));
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    assert_ok(shard_load(w->shard, FRAME_HEADER_BYTES, BODY, bytes));
    disk_sim_spoil(w->disk, path, FILE_HEADER_BYTES + FRAME_HEADER_BYTES + 3);
    assert_int_equal(shard_load(w->shard, FRAME_HEADER_BYTES, BODY, bytes), ERR_DISK_FAILED);
    assert_ok(shard_load(w->shard, 2 * FRAME_HEADER_BYTES + BODY, BODY, bytes));
    power_down(w);
    world_free(w);
}

static void a_failed_sync_is_final(void **state)
{
    struct world *w = started_world();

    (void)state;
    disk_sim_fail_sync(w->disk, 1);
    assert_dead_after(w);
}

static void a_failed_write_is_final(void **state)
{
    struct world *w = started_world();

    (void)state;
    disk_sim_fail_write(w->disk, 1);
    assert_dead_after(w);
}

static void a_full_disk_is_told_and_survived(void **state)
{
    struct world  *w = started_world();
    struct attempt t[4];

    (void)state;
    assert_false(shard_is_full(w->shard));
    disk_sim_set_space(w->disk, 0);
    attempt(w, &t[0], JOURNAL_FILE_BYTES_MIN - 8192); /* fills the file in use */
    run_all(w);
    assert_true(t[0].is_done);
    assert_false(shard_is_full(w->shard));
    attempt(w, &t[1], 8192); /* begins the one that was ready, and no other can be made */
    run_all(w);
    assert_true(t[1].is_done);
    assert_true(shard_is_full(w->shard));
    attempt(w, &t[2], BODY); /* the reserve takes what is small */
    attempt(w, &t[3], JOURNAL_FILE_BYTES_MIN - 8192); /* and what it cannot take, waits */
    run_all(w);
    assert_true(t[2].is_done);
    assert_false(t[3].is_done);
    disk_sim_set_space(w->disk, 1 << 30);
    run_all(w);
    assert_true(t[3].is_done);
    assert_false(shard_is_full(w->shard));
    for (int i = 0; i < 4; i++)
        assert_ok(t[i].append.err);
    power_down(w);
    world_free(w);
}

static void what_waits_for_space_at_the_end_is_refused(void **state)
{
    struct world  *w = started_world();
    struct attempt t[2];

    (void)state;
    disk_sim_set_space(w->disk, 0);
    attempt(w, &t[0], 8192);
    attempt(w, &t[1], 2 * JOURNAL_FILE_BYTES_MIN);
    power_down(w);
    assert_ok(t[0].append.err);
    assert_int_equal(t[1].append.err, ERR_NO_SPACE);
    disk_sim_set_space(w->disk, 1 << 30);
    assert_ok(replay_any(w));
    assert_int_equal(w->replayed, FRAMES + 1);
    power_down(w);
    world_free(w);
}

static void a_full_disk_can_be_started_on(void **state)
{
    struct world  *w = started_world();
    struct attempt t;

    (void)state;
    disk_sim_set_space(w->disk, 0);
    attempt(w, &t, BODY);
    power_down(w);
    assert_ok(t.append.err);
    disk_sim_set_space(w->disk, 2 * JOURNAL_FILE_BYTES_MIN + 8192);
    assert_ok(replay_any(w));
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    run_all(w);
    assert_true(shard_is_full(w->shard));
    attempt(w, &t, BODY);
    run_all(w);
    assert_ok(t.append.err);
    power_down(w);
    world_free(w);
}

/* What is kept free: publishes are refused long before the disk is full, settles are not, and it
 * takes clearly more for publishing to go on. */
static void space_is_kept_back(void **state)
{
    struct world  *w = started_world();
    struct attempt t;
    struct blob   *b;

    (void)state;
    power_down(w);
    assert_ok(replay_any(w));
    shard_set_free_min(w->shard, 1 << 20);
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    disk_sim_set_space(w->disk, disk_sim_used(w->disk) + (2 << 20));
    run_all(w);
    assert_false(shard_is_full(w->shard));
    disk_sim_set_space(w->disk, disk_sim_used(w->disk) + (1 << 20) - 1);
    run_all(w);
    assert_true(shard_is_full(w->shard));
    attempt(w, &t, JOURNAL_FILE_BYTES_MIN);
    run_all(w);
    assert_ok(t.append.err);
    assert_ok(shard_blob_create(w->shard, (struct blob_id){ shard_epoch(w->shard), 1 }, 4096, &b));
    assert_int_equal(blob_reserve(b, 1 << 20), ERR_NO_SPACE); /* half is not for blobs */
    blob_drop(b);
    disk_sim_set_space(w->disk, disk_sim_used(w->disk) + (1 << 20) + 1000);
    run_all(w);
    assert_true(shard_is_full(w->shard));
    disk_sim_set_space(w->disk, disk_sim_used(w->disk) + (1 << 20) + (1 << 18));
    run_all(w);
    assert_false(shard_is_full(w->shard));
    power_down(w);
    world_free(w);
}

static void trimming_makes_space(void **state)
{
    struct world  *w = started_world();
    struct attempt t[3];

    (void)state;
    disk_sim_set_space(w->disk, 3 * JOURNAL_FILE_BYTES_MIN + 16384);
    for (int i = 0; i < 3; i++) {
        attempt(w, &t[i], JOURNAL_FILE_BYTES_MIN - 8192);
        run_all(w);
    }
    assert_true(shard_is_full(w->shard));
    shard_trim(w->shard, t[1].append.position);
    run_all(w);
    assert_false(shard_is_full(w->shard));
    power_down(w);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_last_frame_is_cut),
        cmocka_unit_test(a_damaged_last_frame_is_seen_after_a_clean_stop),
        cmocka_unit_test(garbage_behind_the_end_is_cut),
        cmocka_unit_test(a_file_cut_anywhere_in_the_last_frame_is_its_end),
        cmocka_unit_test(a_forged_frame_proves_nothing),
        cmocka_unit_test(a_damaged_frame_before_the_last_is_refused),
        cmocka_unit_test(a_frame_written_over_by_an_older_one_is_refused),
        cmocka_unit_test(a_damaged_first_frame_of_all_is_refused),
        cmocka_unit_test(a_damaged_file_header_is_refused),
        cmocka_unit_test(a_missing_file_is_refused),
        cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(a_damaged_head_is_refused),
        cmocka_unit_test(files_that_no_head_names_are_swept),
        cmocka_unit_test(an_unreadable_sector_is_no_dead_process),
        cmocka_unit_test(a_failed_sync_is_final),
        cmocka_unit_test(a_failed_write_is_final),
        cmocka_unit_test(a_full_disk_is_told_and_survived),
        cmocka_unit_test(what_waits_for_space_at_the_end_is_refused),
        cmocka_unit_test(a_full_disk_can_be_started_on),
        cmocka_unit_test(trimming_makes_space),
        cmocka_unit_test(space_is_kept_back),
    };

    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
