/*
 * blob_test.c - what blob.h promises, and volume.h of parts and works, run against real files with
 * their threads and against the simulated disk step by step.
 */
#include "store/blob.h"
#include "base/diag.h"
#include "base/list.h"
#include "store/volume_rig.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>

enum { BLOB_BYTES = 1 << 20 };

struct world {
    struct volume_rig rig;
    struct shard  *shard;
    uint64_t       position;
    int            frames; /* replayed */
    int            works;  /* done */
};

/* ---- the world ---- */

static enum err on_frame(void *ctx, struct bytes body, uint64_t position)
{
    struct world *w = ctx;

    (void)body;
    (void)position;
    w->frames++;
    return ERR_OK;
}

static void claim(struct world *w)
{
    w->frames = 0;
    assert_ok(shard_claim(&w->shard, w->rig.volume, 0, &w->rig.post.box));
    assert_ok(shard_replay(w->shard, 0, on_frame, w));
    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
}

static void release(struct world *w)
{
    shard_release(w->shard);
    mail_run(&w->rig.post.box);
}

static void reopen(struct world *w)
{
    release(w);
    volume_close(w->rig.volume);
    volume_rig_reopen(&w->rig);
    claim(w);
}

static int setup_files(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    diag_set_level(DIAG_NONE);
    volume_rig_on_files(&w->rig);
    claim(w);
    *state = w;
    return 0;
}

static int setup_sim(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    diag_set_level(DIAG_NONE);
    volume_rig_on_sim(&w->rig, 11);
    claim(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    release(w);
    volume_rig_close(&w->rig);
    free(w);
    return 0;
}

/* Lets what is under way go on a little. */
static void wait_some(struct world *w)
{
    if (w->rig.disk) {
        assert_true(volume_file_step(w->rig.volume));
        mail_run(&w->rig.post.box);
    } else {
        postbox_wait(&w->rig.post);
    }
}

static struct blob_id id_of(struct world *w, uint64_t number)
{
    return (struct blob_id){ shard_epoch(w->shard), number };
}

static struct blob *make(struct world *w, uint64_t number)
{
    struct blob *b;

    assert_ok(shard_blob_create(w->shard, id_of(w, number), BLOB_BYTES, &b));
    return b;
}

/* pattern(number, len) goes there. */
static enum err put(struct blob *b, uint64_t offset, uint64_t number, size_t len)
{
    struct slice s = pattern(number, len);
    struct iovec iov[2] = { { s.block->at, len / 2 }, { s.block->at + len / 2, len - len / 2 } };
    enum err     err = blob_write(b, offset, iov, 2);

    slice_drop(&s);
    return err;
}

static void assert_slice(struct slice got, uint64_t number, size_t len)
{
    struct slice want = pattern(number, len);

    assert_bytes(got.bytes, want.bytes);
    slice_drop(&want);
    slice_drop(&got);
}

static void assert_loads(struct world *w, struct blob_id id, uint64_t offset, uint64_t number,
                         uint32_t len)
{
    struct slice got;

    assert_ok(shard_blob_load(w->shard, id, offset, len, &got));
    assert_slice(got, number, len);
}

static void count_blob(void *ctx, struct blob_id id, uint64_t bytes)
{
    (void)id;
    (void)bytes;
    ++*(int *)ctx;
}

static int count_blobs(struct world *w)
{
    int count = 0;

    assert_ok(shard_blob_list(w->shard, count_blob, &count));
    return count;
}

/* ---- blobs ---- */

static void what_was_written_can_be_read(void **state)
{
    struct world  *w = *state;
    struct blob   *b = make(w, 1);
    struct blob_id id = blob_id(b);

    assert_int_equal(id.number, 1);
    assert_ok(put(b, 0, 1, 5000));
    assert_ok(put(b, 70000, 2, 9001));
    assert_slice(blob_view(b, 0, 5000), 1, 5000);
    assert_slice(blob_view(b, 70000, 9001), 2, 9001);
    assert_loads(w, id, 70000, 2, 9001);
    assert_ok(blob_sync(b));
    assert_ok(blob_seal(b, 80000));
    blob_drop(b);
    assert_loads(w, id, 0, 1, 5000);
    reopen(w);
    assert_loads(w, id, 0, 1, 5000);
    assert_loads(w, id, 70000, 2, 9001);
}

static void a_blob_grows_and_old_views_stay(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct slice  old;

    assert_ok(put(b, 100, 1, 3000));
    old = blob_view(b, 100, 3000);
    assert_int_equal(blob_reserved(b), BLOB_BYTES);
    assert_ok(blob_reserve(b, BLOB_BYTES / 2)); /* never shrinks */
    assert_int_equal(blob_reserved(b), BLOB_BYTES);
    assert_ok(blob_reserve(b, 3 * BLOB_BYTES));
    assert_int_equal(blob_reserved(b), 3 * BLOB_BYTES);
    assert_ok(put(b, 2 * BLOB_BYTES, 2, 4000));
    assert_slice(old, 1, 3000);
    assert_slice(blob_view(b, 100, 3000), 1, 3000);
    assert_slice(blob_view(b, 2 * BLOB_BYTES, 4000), 2, 4000);
    assert_loads(w, blob_id(b), 2 * BLOB_BYTES, 2, 4000);
    blob_drop(b);
}

static void a_sealed_blob_takes_the_room_it_needs(void **state)
{
    struct world  *w = *state;
    struct blob   *b = make(w, 1);
    struct blob_id id = blob_id(b);
    struct slice   got;

    assert_ok(put(b, 0, 1, 5000));
    assert_ok(blob_seal(b, 5000));
    blob_drop(b);
    assert_int_equal(shard_blob_load(w->shard, id, 0, 5001, &got), ERR_CORRUPT);
    assert_int_equal(shard_blob_load(w->shard, id, 5001, 0, &got), ERR_CORRUPT);
    assert_int_equal(shard_blob_load(w->shard, id, UINT64_MAX, 2, &got), ERR_CORRUPT);
    assert_loads(w, id, 0, 1, 5000);
}

static void removing_is_idempotent_and_slices_stay(void **state)
{
    struct world  *w = *state;
    struct blob   *b = make(w, 1);
    struct blob_id id = blob_id(b);
    struct slice   kept;
    struct slice   got;

    assert_ok(put(b, 0, 7, 6000));
    assert_ok(blob_seal(b, 6000));
    blob_drop(b);
    assert_ok(shard_blob_load(w->shard, id, 0, 6000, &kept));
    assert_ok(shard_blob_remove(w->shard, id));
    assert_ok(shard_blob_remove(w->shard, id));
    assert_int_equal(shard_blob_load(w->shard, id, 0, 6000, &got), ERR_CORRUPT);
    assert_int_equal(count_blobs(w), 0);
    assert_slice(kept, 7, 6000);
}

static bool is_any_removed_file_open(void)
{
    DIR           *fds = opendir("/proc/self/fd");
    struct dirent *entry;
    bool           is_any = false;

    while ((entry = readdir(fds)) != NULL) {
        char    path[DISK_PATH_MAX] = "";
        ssize_t len = readlinkat(dirfd(fds), entry->d_name, path, sizeof path - 1);

        is_any = is_any || (len > 0 && strstr(path, "/segment/") && strstr(path, "(deleted)"));
    }
    closedir(fds);
    return is_any;
}

/* Some of them are kept open for a while; not when they are gone. */
static void sealed_ones_stay_readable_and_removed_ones_give_their_space_back(void **state)
{
    struct world  *w = *state;
    struct blob_id ids[5];

    for (uint64_t i = 0; i < 5; i++) {
        struct blob *b = make(w, i + 1);

        ids[i] = blob_id(b);
        assert_ok(put(b, 0, i, 6000));
        assert_ok(blob_seal(b, 6000));
        blob_drop(b);
    }
    for (uint64_t i = 0; i < 5; i++)
        assert_loads(w, ids[i], 0, i, 6000);
    for (uint64_t i = 0; i < 5; i++)
        assert_ok(shard_blob_remove(w->shard, ids[i]));
    assert_false(is_any_removed_file_open());
}

static void many_can_be_loaded_in_turn(void **state)
{
    struct world *w = *state;

    for (uint64_t n = 0; n < BLOB_MAPPINGS_MAX + 20; n++) {
        struct blob *b;

        assert_ok(shard_blob_create(w->shard, id_of(w, n), 4096, &b));
        assert_ok(put(b, 0, n, 64));
        blob_drop(b);
    }
    for (int round = 0; round < 2; round++)
        for (uint64_t n = 0; n < BLOB_MAPPINGS_MAX + 20; n++)
            assert_loads(w, id_of(w, n), 0, n, 64);
    assert_int_equal(count_blobs(w), BLOB_MAPPINGS_MAX + 20);
}

static bool keep_even(void *ctx, struct blob_id id)
{
    (void)ctx;
    return id.number % 2 == 0;
}

static void orphans_are_swept(void **state)
{
    struct world *w = *state;
    struct slice  got;

    for (uint64_t n = 1; n <= 5; n++)
        blob_drop(make(w, n));
    reopen(w);
    assert_ok(shard_blob_sweep(w->shard, keep_even, NULL));
    assert_int_equal(count_blobs(w), 2);
    assert_ok(shard_blob_load(w->shard, (struct blob_id){ 1, 4 }, 0, 8, &got));
    slice_drop(&got);
    assert_int_equal(shard_blob_load(w->shard, (struct blob_id){ 1, 3 }, 0, 8, &got), ERR_CORRUPT);
}

static void a_blob_outlives_its_shard(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct slice  s;

    assert_ok(put(b, 0, 3, 4096));
    s = blob_view(b, 0, 4096);
    reopen(w);
    blob_drop(b);
    assert_slice(s, 3, 4096);
}

/* ---- parts ---- */

struct sent {
    struct append    append;
    struct blob_part parts[2];
    struct iovec     iov[3];
    struct slice     bodies[3];
    enum err         err;
    bool             is_done;
};

static void on_done(struct mail *mail)
{
    struct sent *s = CONTAINER(CONTAINER(mail, struct append, mail), struct sent, append);

    s->err = s->append.err;
    s->is_done = true;
}

/* A frame with two parts: pattern(1, len) at 0 of a, pattern(2, len) at 8192 of b. */
static void send(struct world *w, struct sent *s, struct blob *a, struct blob *b, size_t len)
{
    *s = (struct sent){ 0 };
    for (size_t i = 0; i < 3; i++) {
        s->bodies[i] = pattern(i, i == 0 ? 80 : len);
        s->iov[i] = (struct iovec){ s->bodies[i].block->at, s->bodies[i].bytes.len };
    }
    s->parts[0] = (struct blob_part){ a, 0, &s->iov[1], 1, len, &s->parts[1] };
    s->parts[1] = (struct blob_part){ b, 8192, &s->iov[2], 1, len, NULL };
    s->append = (struct append){ .mail.run = on_done,
                                 .iov = s->iov,
                                 .iov_count = 1,
                                 .bytes = 80,
                                 .position = w->position,
                                 .parts = s->parts };
    w->position += FRAME_HEADER_BYTES + 80;
    shard_append(w->shard, &s->append);
}

static void sent_fini(struct sent *s)
{
    for (size_t i = 0; i < 3; i++)
        slice_drop(&s->bodies[i]);
}

static void parts_are_there_with_their_frame(void **state)
{
    struct world *w = *state;
    struct blob  *a = make(w, 1);
    struct blob  *b = make(w, 2);
    struct sent   s;

    send(w, &s, a, b, 5000);
    while (!s.is_done)
        wait_some(w);
    assert_ok(s.err);
    assert_slice(blob_view(a, 0, 5000), 1, 5000);
    assert_slice(blob_view(b, 8192, 5000), 2, 5000);
    blob_drop(a);
    blob_drop(b);
    if (w->rig.disk)
        disk_sim_crash(w->rig.disk);
    reopen(w);
    assert_int_equal(w->frames, 1);
    assert_loads(w, (struct blob_id){ 1, 1 }, 0, 1, 5000);
    assert_loads(w, (struct blob_id){ 1, 2 }, 8192, 2, 5000);
    sent_fini(&s);
}

/* Power cuts at each operation of such an append: a frame that is there has its parts. */
static void no_frame_is_there_without_its_parts(void **state)
{
    struct world *w = *state;
    int           with = 0;
    int           without = 0;

    for (uint64_t cut = 1; cut <= 12; cut++)
        for (int again = 0; again < 8; again++) {
            int         before = w->frames;
            struct blob_id id = id_of(w, 1);
            struct blob *b = make(w, 1);
            struct sent  s;

            while (volume_file_step(w->rig.volume)) /* the keeper's */
                ;
            send(w, &s, b, b, 6000);
            disk_sim_cut_after(w->rig.disk, cut);
            while (!s.is_done)
                wait_some(w);
            blob_drop(b);
            release(w);
            volume_close(w->rig.volume);
            disk_sim_crash(w->rig.disk);
            volume_rig_reopen(&w->rig);
            claim(w);
            assert_true(w->frames == before + 1 || (s.err && w->frames == before));
            if (w->frames > before) {
                assert_loads(w, id, 0, 1, 6000);
                assert_loads(w, id, 8192, 2, 6000);
                with++;
            } else {
                without++;
            }
            assert_ok(shard_blob_remove(w->shard, id));
            sent_fini(&s);
        }
    assert_true(with > 0 && without > 0); /* or this test has shown nothing */
}

/* The same for the second of two, whose parts are written while the first one's frame is synced. */
static void parts_written_ahead_are_synced_before_their_frame(void **state)
{
    struct world *w = *state;
    int           frames_seen[3] = { 0 };

    for (uint64_t cut = 1; cut <= 10; cut++)
        for (int again = 0; again < 8; again++) {
            int          before = w->frames;
            struct blob *b[2] = { make(w, 1), make(w, 2) };
            struct sent  s[2];
            int          frames;

            while (volume_file_step(w->rig.volume))
                ;
            send(w, &s[0], b[0], b[0], 6000);
            assert_true(volume_file_step(w->rig.volume)); /* its parts */
            send(w, &s[1], b[1], b[1], 5000);
            disk_sim_cut_after(w->rig.disk, cut);
            while (!s[1].is_done)
                wait_some(w);
            blob_drop(b[0]);
            blob_drop(b[1]);
            release(w);
            volume_close(w->rig.volume);
            disk_sim_crash(w->rig.disk);
            volume_rig_reopen(&w->rig);
            claim(w);
            frames = w->frames - before;
            assert_true(frames >= (s[0].err == ERR_OK) + (s[1].err == ERR_OK) && frames <= 2);
            frames_seen[frames]++;
            for (int i = 0; i < 2; i++) {
                struct blob_id id = { shard_epoch(w->shard) - 1, (uint64_t)i + 1 };
                uint32_t       len = i == 0 ? 6000 : 5000;

                if (frames > i) {
                    assert_loads(w, id, 0, 1, len);
                    assert_loads(w, id, 8192, 2, len);
                }
                assert_ok(shard_blob_remove(w->shard, id));
                sent_fini(&s[i]);
            }
        }
    assert_true(frames_seen[0] > 0 && frames_seen[1] > 0 && frames_seen[2] > 0);
}

static void a_part_that_cannot_be_written_ends_the_shard(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct sent   s;
    struct sent   next;

    while (volume_file_step(w->rig.volume))
        ;
    disk_sim_fail_sync(w->rig.disk, 1);
    send(w, &s, b, b, 4000);
    send(w, &next, b, b, 4000);
    while (!next.is_done)
        wait_some(w);
    assert_int_equal(s.err, ERR_DISK_FAILED);
    assert_int_equal(next.err, ERR_DISK_FAILED);
    assert_int_equal(put(b, 0, 1, 10), ERR_DISK_FAILED);
    blob_drop(b);
    sent_fini(&s);
    sent_fini(&next);
    reopen(w);
    assert_int_equal(w->frames, 0);
}

static void what_waits_when_the_shard_goes_comes_back(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct shard *older = w->shard;
    struct sent   done;
    struct sent   s;

    send(w, &done, b, b, 4000);
    while (!done.is_done)
        wait_some(w);
    assert_ok(done.err);
    send(w, &s, b, b, 4000);
    claim(w);
    shard_release(older);
    mail_run(&w->rig.post.box);
    assert_true(s.is_done);
    assert_int_equal(s.err, ERR_FENCED);
    blob_drop(b);
    sent_fini(&done);
    sent_fini(&s);
}

/* The owner is stopped when the parts are written and the frame is not, and goes on when another
 * has the shard. */
static void an_owner_frozen_between_parts_and_frame_has_no_effect(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct shard *older = w->shard;
    uint64_t      written;
    struct sent   s;

    while (volume_file_step(w->rig.volume))
        ;
    send(w, &s, b, b, 4000);
    written = disk_sim_written(w->rig.disk);
    assert_true(volume_file_step(w->rig.volume));
    assert_true(disk_sim_written(w->rig.disk) > written);
    assert_false(s.is_done);
    claim(w);
    assert_int_equal(w->frames, 0);
    while (volume_file_step(w->rig.volume))
        ;
    mail_run(&w->rig.post.box);
    assert_true(s.is_done);
    assert_int_equal(s.err, ERR_FENCED);
    blob_drop(b);
    shard_release(older);
    reopen(w);
    assert_int_equal(w->frames, 0);
    sent_fini(&s);
}

/* The same with threads: one is stopped inside its write until the other has begun to claim. */
struct freezer {
    const char     *in; /* part of a path */
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            is_frozen;
    bool            is_thawed;
};

static void freeze(void *ctx, const char *path)
{
    struct freezer *f = ctx;
    char            thread[16];

    pthread_getname_np(pthread_self(), thread, sizeof thread);
    if (!strstr(path, f->in) || strcmp(thread, "commit") != 0)
        return;
    pthread_mutex_lock(&f->lock);
    f->is_frozen = true;
    pthread_cond_broadcast(&f->changed);
    while (!f->is_thawed)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void wait_until_frozen(struct freezer *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->is_frozen)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void thaw(struct freezer *f)
{
    pthread_mutex_lock(&f->lock);
    f->is_thawed = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void *claim_main(void *arg)
{
    struct world *w = arg;

    assert(shard_claim(&w->shard, w->rig.volume, 0, &w->rig.post.box) == ERR_OK);
    return NULL;
}

static void freeze_and_claim(struct world *w, const char *in, enum err *err, int *frames)
{
    struct freezer f = { .in = in };
    struct shard  *older;
    struct blob   *b;
    struct sent    s;
    pthread_t      thread;

    pthread_mutex_init(&f.lock, NULL);
    pthread_cond_init(&f.changed, NULL);
    release(w);
    volume_close(w->rig.volume);
    assert_ok(volume_file_open(&w->rig.volume, w->rig.disk, true));
    claim(w);
    *frames = w->frames;
    older = w->shard;
    b = make(w, 1);
    disk_sim_on_write(w->rig.disk, freeze, &f);
    send(w, &s, b, b, 4000);
    wait_until_frozen(&f);
    assert_int_equal(pthread_create(&thread, NULL, claim_main, w), 0);
    while (blob_sync(b) != ERR_FENCED)
        sched_yield();
    thaw(&f);
    pthread_join(thread, NULL);
    disk_sim_on_write(w->rig.disk, NULL, NULL);
    while (!s.is_done)
        postbox_wait(&w->rig.post);
    *err = s.err;
    blob_drop(b);
    shard_release(older);
    w->frames = 0;
    assert_ok(shard_replay(w->shard, 0, on_frame, w));
    *frames = w->frames - *frames;
    sent_fini(&s);
    reopen(w);
    pthread_cond_destroy(&f.changed);
    pthread_mutex_destroy(&f.lock);
}

static void an_owner_frozen_in_a_write_has_its_whole_effect_or_none(void **state)
{
    struct world *w = *state;
    enum err      err;
    int           frames;

    freeze_and_claim(w, "/segment/", &err, &frames); /* of a part: no frame follows */
    assert_int_equal(err, ERR_FENCED);
    assert_int_equal(frames, 0);
    freeze_and_claim(w, "/journal/", &err, &frames); /* of the frame: the claim waited for it */
    assert_int_equal(frames, 1);
    assert_true(err == ERR_OK || err == ERR_FENCED); /* "outcome unknown" */
}

static void an_older_claim_changes_no_blob(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct shard *older = w->shard;
    struct blob  *none;

    assert_ok(put(b, 0, 1, 4096));
    assert_ok(blob_sync(b));
    claim(w);
    assert_int_equal(put(b, 0, 2, 4096), ERR_FENCED);
    assert_int_equal(blob_sync(b), ERR_FENCED);
    assert_int_equal(blob_reserve(b, 2 * BLOB_BYTES), ERR_FENCED);
    assert_int_equal(blob_seal(b, 0), ERR_FENCED);
    assert_int_equal(shard_blob_remove(older, blob_id(b)), ERR_FENCED);
    assert_int_equal(shard_blob_create(older, (struct blob_id){ 1, 2 }, 4096, &none), ERR_FENCED);
    assert_loads(w, blob_id(b), 0, 1, 4096);
    assert_int_equal(count_blobs(w), 1);
    blob_drop(b);
    shard_release(older);
}

/* ---- what goes wrong ---- */

static void a_full_disk_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    struct blob  *b = make(w, 1);
    struct blob  *none;

    while (volume_file_step(w->rig.volume))
        ;
    disk_sim_set_space(w->rig.disk, disk_sim_used(w->rig.disk) + 1000);
    assert_int_equal(shard_blob_create(w->shard, id_of(w, 2), 4096, &none), ERR_NO_SPACE);
    assert_int_equal(blob_reserve(b, 2 * BLOB_BYTES), ERR_NO_SPACE);
    assert_int_equal(blob_reserved(b), BLOB_BYTES);
    assert_int_equal(count_blobs(w), 1);
    assert_ok(put(b, 0, 1, 4096)); /* the shard is well */
    disk_sim_set_space(w->rig.disk, UINT64_MAX / 2);
    assert_ok(shard_blob_create(w->shard, id_of(w, 2), 4096, &none));
    blob_drop(none);
    blob_drop(b);
}

static void an_unreadable_sector_is_an_error(void **state)
{
    struct world  *w = *state;
    struct blob   *b = make(w, 1);
    struct blob_id id = blob_id(b);
    struct slice   got;

    assert_ok(put(b, 0, 1, 20000));
    assert_ok(blob_seal(b, 20000));
    blob_drop(b);
    disk_sim_spoil(w->rig.disk, "shard/000/segment/1-1", 9000);
    assert_int_equal(shard_blob_load(w->shard, id, 8000, 2000, &got), ERR_DISK_FAILED);
    assert_loads(w, id, 0, 1, 8000);
    b = make(w, 2);
    assert_ok(put(b, 0, 1, 10)); /* reading failed, not writing: the shard is well */
    blob_drop(b);
}

/* ---- works ---- */

struct job {
    struct work   work;
    struct world *world;
    int           number;
    int          *ran;
    pthread_t     by;
};

static void job_run(struct work *work)
{
    struct job *j = CONTAINER(work, struct job, work);

    assert(*j->ran == j->number); /* in order */
    ++*j->ran;
    j->by = pthread_self();
}

static void job_done(struct mail *mail)
{
    struct job *j = CONTAINER(CONTAINER(mail, struct work, mail), struct job, work);

    assert_int_equal(j->world->rig.disk != NULL, pthread_equal(j->by, pthread_self()) != 0);
    j->world->works++;
    free(j);
}

static void add_job(struct world *w, enum work_lane lane, int number, int *ran)
{
    struct job *j = calloc(1, sizeof *j);

    j->work.run = job_run;
    j->work.mail.run = job_done;
    j->world = w;
    j->number = number;
    j->ran = ran;
    shard_work(w->shard, lane, &j->work);
}

static void works_are_done_in_order_and_come_back(void **state)
{
    struct world *w = *state;
    int           ran[WORK_LANE_COUNT] = { 0 };

    for (int i = 0; i < 50; i++)
        for (int lane = 0; lane < WORK_LANE_COUNT; lane++)
            add_job(w, (enum work_lane)lane, i, &ran[lane]);
    while (w->works < 50 * WORK_LANE_COUNT)
        wait_some(w);
    for (int lane = 0; lane < WORK_LANE_COUNT; lane++)
        assert_int_equal(ran[lane], 50);
}

static void release_waits_for_works(void **state)
{
    struct world *w = *state;
    int           ran = 0;

    for (int i = 0; i < 30; i++)
        add_job(w, WORK_TIDY, i, &ran);
    release(w);
    assert_int_equal(w->works, 30);
    claim(w);
}

#define FILES(test) { #test " (files)", test, setup_files, teardown, NULL }
#define SIM(test)   { #test " (sim)", test, setup_sim, teardown, NULL }
#define BOTH(test)  FILES(test), SIM(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_was_written_can_be_read),
        BOTH(a_blob_grows_and_old_views_stay),
        BOTH(a_sealed_blob_takes_the_room_it_needs),
        BOTH(removing_is_idempotent_and_slices_stay),
        BOTH(sealed_ones_stay_readable_and_removed_ones_give_their_space_back),
        BOTH(many_can_be_loaded_in_turn),
        BOTH(orphans_are_swept),
        BOTH(a_blob_outlives_its_shard),
        BOTH(parts_are_there_with_their_frame),
        BOTH(an_older_claim_changes_no_blob),
        BOTH(works_are_done_in_order_and_come_back),
        BOTH(release_waits_for_works),
        SIM(no_frame_is_there_without_its_parts),
        SIM(parts_written_ahead_are_synced_before_their_frame),
        SIM(a_part_that_cannot_be_written_ends_the_shard),
        SIM(what_waits_when_the_shard_goes_comes_back),
        SIM(an_owner_frozen_between_parts_and_frame_has_no_effect),
        SIM(an_owner_frozen_in_a_write_has_its_whole_effect_or_none),
        SIM(a_full_disk_leaves_nothing_behind),
        SIM(an_unreadable_sector_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
