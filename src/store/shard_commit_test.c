/*
 * shard_commit_test.c - who commits: on real files, with the commit thread there. (What is committed,
 * and that nothing of it is lost, is in volume_test.c, journal_test.c and crash_test.c.)
 */
#include "store/shard_file.h"
#include "store/volume_rig.h"

enum { ROUNDS = 3000 };

struct world {
    struct volume_rig  rig;
    struct shard      *shard;
    struct shard_file *file;
    uint64_t           position;
    unsigned           done;
};

struct frame_out {
    struct append append; /* first */
    struct world *world;
    struct slice  body;
    struct iovec  iov;
};

static enum err no_frame(void *ctx, struct bytes body, uint64_t position)
{
    (void)ctx;
    (void)body;
    fail_msg("a frame at %llu of a new shard", (unsigned long long)position);
    return ERR_OK;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    volume_rig_on_files(&w->rig);
    assert_ok(shard_claim(&w->shard, w->rig.volume, 0, &w->rig.post.box));
    assert_ok(shard_replay(w->shard, 0, no_frame, NULL));
    assert_ok(shard_start(w->shard, 0, &w->position));
    w->file = shard_file_of(w->shard);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    shard_release(w->shard);
    volume_rig_close(&w->rig);
    free(w);
    return 0;
}

static void on_done(struct mail *mail)
{
    struct frame_out *f = (struct frame_out *)mail;

    assert_ok(f->append.err);
    f->world->done++;
    block_drop(f->body.block);
    free(f);
}

static void append(struct world *w, size_t len)
{
    struct frame_out *f = calloc(1, sizeof *f);

    f->world = w;
    f->body = pattern(w->position, len);
    f->iov = (struct iovec){ (void *)(uintptr_t)f->body.bytes.at, len };
    f->append.mail.run = on_done;
    f->append.iov = &f->iov;
    f->append.iov_count = 1;
    f->append.bytes = (uint32_t)len;
    f->append.position = w->position;
    w->position += FRAME_HEADER_BYTES + len;
    shard_append(w->shard, &f->append);
}

static void wait_for(struct world *w, unsigned done)
{
    while (w->done < done)
        postbox_wait(&w->rig.post);
    assert_int_equal(w->done, done);
}

static void an_owner_that_never_holds_is_served(void **state)
{
    struct world *w = *state;

    append(w, 64);
    wait_for(w, 1);
}

static void alone_the_owner_commits_itself(void **state)
{
    struct world *w = *state;

    shard_hold(w->shard);
    append(w, 64);
    append(w, 1024);
    assert_true(shard_let_go(w->shard, true));
    assert_int_equal(mail_run(&w->rig.post.box), 2); /* without waiting for anybody */
    assert_int_equal(w->done, 2);
    assert_int_equal(w->file->synced, w->position);
}

static void in_company_the_commit_thread_does(void **state)
{
    struct world *w = *state;

    shard_hold(w->shard);
    append(w, 64);
    assert_false(shard_let_go(w->shard, false));
    wait_for(w, 1);
}

static void a_large_append_does_not_wait_for_the_owner(void **state)
{
    struct world *w = *state;

    shard_hold(w->shard);
    append(w, 256 << 10);
    wait_for(w, 1); /* while it is held */
    assert_false(shard_let_go(w->shard, true));
}

static void many_small_appends_are_a_large_one(void **state)
{
    struct world *w = *state;

    shard_hold(w->shard);
    for (unsigned i = 0; i < 5; i++)
        append(w, 32 << 10);
    wait_for(w, 5);
    assert_false(shard_let_go(w->shard, true));
}

static void nothing_held_is_nothing_done(void **state)
{
    struct world *w = *state;

    shard_hold(w->shard);
    assert_false(shard_let_go(w->shard, true));
    assert_false(shard_let_go(w->shard, true));
    assert_int_equal(mail_run(&w->rig.post.box), 0);
}

/* The first file is small: its end is met on either thread. */
static void both_threads_keep_one_order(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < ROUNDS; i++) {
        shard_hold(w->shard);
        append(w, 8 + i % 97 * 8);
        shard_let_go(w->shard, i % 3 != 0);
        if (i % 5 == 0)
            wait_for(w, i + 1);
    }
    wait_for(w, ROUNDS);
    assert_true(w->file->count > 1);
    assert_int_equal(w->file->synced, w->position);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_owner_that_never_holds_is_served, setup, teardown),
        cmocka_unit_test_setup_teardown(alone_the_owner_commits_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(in_company_the_commit_thread_does, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_append_does_not_wait_for_the_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_appends_are_a_large_one, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_held_is_nothing_done, setup, teardown),
        cmocka_unit_test_setup_teardown(both_threads_keep_one_order, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
