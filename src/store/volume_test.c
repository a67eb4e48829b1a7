/*
 * volume_test.c - the conformance suite: what volume.h promises, run against real files with their
 * threads, and against the simulated disk step by step.
 */
#include "base/list.h"
#include "store/volume_rig.h"

#include <sched.h>

enum { FRAMES_MAX = 4096 };

struct sent {
    struct append append;
    struct world *world;
    struct slice  body;
    struct iovec  iov[2];
    uint64_t      number;
};

struct world {
    struct volume_rig rig;
    struct shard  *shard;
    uint64_t       position; /* where the next frame goes */
    uint64_t       sent;
    uint64_t       done;
    uint64_t       refused;
    enum err       err; /* of the first refused */
    struct {
        uint64_t number; /* its body is pattern(number, len) */
        size_t   len;
        uint64_t position; /* of the body */
    } frames[FRAMES_MAX];
    uint64_t expected; /* number of the next frame that replay gives */
};

/* ---- the world ---- */

static int setup_files(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    volume_rig_on_files(&w->rig);
    *state = w;
    return 0;
}

static int setup_sim(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    volume_rig_on_sim(&w->rig, 7);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    volume_rig_close(&w->rig);
    free(w);
    return 0;
}

static enum err on_frame(void *ctx, struct bytes body, uint64_t position)
{
    struct world *w = ctx;
    struct slice  want = pattern(w->expected, w->frames[w->expected].len);

    assert_true(w->expected < w->sent);
    assert_int_equal(position, w->frames[w->expected].position);
    assert_bytes(body, want.bytes);
    slice_drop(&want);
    w->expected++;
    return ERR_OK;
}

/* Claims and replays everything; `expected` frames came. */
static void claim_from(struct world *w, uint64_t from, uint64_t first)
{
    w->expected = first;
    assert_ok(shard_claim(&w->shard, w->rig.volume, 3, &w->rig.post.box));
    assert_ok(shard_replay(w->shard, from, on_frame, w));
}

static void start(struct world *w)
{
    uint64_t before = w->position;

    assert_ok(shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position));
    assert_true(w->position >= before); /* V5 */
}

static void claim(struct world *w)
{
    claim_from(w, 0, 0);
    start(w);
}

static void release(struct world *w)
{
    shard_release(w->shard);
    mail_run(&w->rig.post.box);
}

static void on_done(struct mail *mail)
{
    struct sent  *s = CONTAINER(CONTAINER(mail, struct append, mail), struct sent, append);
    struct world *w = s->world;

    assert_int_equal(s->number, w->done + w->refused); /* V2: in order */
    if (s->append.err == ERR_OK) {
        assert_int_equal(w->refused, 0); /* V3 */
        w->done++;
    } else {
        w->err = w->refused++ == 0 ? s->append.err : w->err;
    }
    slice_drop(&s->body);
    free(s);
}

/* len is a multiple of 8. The body goes as two pieces. */
static void send_on(struct world *w, struct shard *shard, size_t len)
{
    struct sent *s = calloc(1, sizeof *s);
    size_t       half = len / 16 * 8;

    s->world = w;
    s->number = w->sent;
    s->body = pattern(w->sent, len);
    s->iov[0] = (struct iovec){ s->body.block->at, half };
    s->iov[1] = (struct iovec){ s->body.block->at + half, len - half };
    s->append.mail.run = on_done;
    s->append.iov = s->iov;
    s->append.iov_count = 2;
    s->append.bytes = (uint32_t)len;
    s->append.position = w->position;
    w->frames[w->sent].len = len;
    w->frames[w->sent].position = w->position + FRAME_HEADER_BYTES;
    w->sent++;
    w->position += FRAME_HEADER_BYTES + len;
    shard_append(shard, &s->append);
}

static void send(struct world *w, size_t len)
{
    send_on(w, w->shard, len);
}

/* Until all that was sent has come back. */
static void settle(struct world *w)
{
    while (w->done + w->refused < w->sent)
        if (w->rig.disk) {
            assert_true(volume_file_step(w->rig.volume));
            mail_run(&w->rig.post.box);
        } else {
            postbox_wait(&w->rig.post);
        }
}

/* Steps the simulated disk until nothing is left to do; waits for the keeper thread of real files
 * to have removed what was trimmed. */
static void wait_for_oldest(struct world *w, uint64_t position)
{
    if (w->rig.disk)
        while (volume_file_step(w->rig.volume))
            ;
    while (shard_oldest(w->shard) < position)
        sched_yield();
}

static void reopen(struct world *w)
{
    release(w);
    volume_close(w->rig.volume);
    volume_rig_reopen(&w->rig);
}

/* ---- both kinds ---- */

static void a_new_shard_is_empty(void **state)
{
    struct world *w = *state;

    claim(w);
    assert_int_equal(w->expected, 0);
    assert_int_equal(w->position, 0);
    assert_int_equal(shard_epoch(w->shard), 1);
    assert_int_equal(strlen(volume_id(w->rig.volume)), VOLUME_ID_LEN);
    release(w);
}

static void frames_come_back_in_order(void **state)
{
    struct world *w = *state;
    char          id[VOLUME_ID_LEN + 1];

    snprintf(id, sizeof id, "%s", volume_id(w->rig.volume));
    claim(w);
    for (int i = 0; i < 50; i++)
        send(w, 16 + (size_t)i * 8);
    settle(w);
    assert_int_equal(w->done, 50);
    reopen(w);
    assert_string_equal(volume_id(w->rig.volume), id);
    claim(w);
    assert_int_equal(w->expected, 50);
    assert_int_equal(shard_epoch(w->shard), 2);
    send(w, 64);
    settle(w);
    reopen(w);
    claim(w);
    assert_int_equal(w->expected, 51);
    release(w);
}

static void claims_without_appends_keep_all(void **state)
{
    struct world *w = *state;

    claim(w);
    send(w, 160);
    settle(w);
    for (int i = 0; i < 5; i++) {
        reopen(w);
        claim(w);
        assert_int_equal(w->expected, 1);
    }
    release(w);
    claim_from(w, w->position, 1); /* a checkpoint taken before the first append of a claim */
    release(w);
}

static void a_journal_rolls_over_files(void **state)
{
    struct world *w = *state;

    claim(w);
    for (int i = 0; i < 100; i++) {
        send(w, 5000);
        if (i % 7 == 0)
            settle(w);
    }
    settle(w);
    assert_int_equal(w->refused, 0);
    reopen(w);
    claim(w);
    assert_int_equal(w->expected, 100);
    release(w);
}

static void a_frame_may_be_larger_than_a_file(void **state)
{
    struct world *w = *state;

    claim(w);
    send(w, 1000);
    send(w, 3 * JOURNAL_FILE_BYTES_MIN);
    send(w, 1000);
    send(w, JOURNAL_FILE_BYTES_MIN);
    send(w, 1000);
    settle(w);
    assert_int_equal(w->done, 5);
    reopen(w);
    claim(w);
    assert_int_equal(w->expected, 5);
    release(w);
}

static void assert_view(struct world *w, uint64_t number)
{
    struct slice want = pattern(number, w->frames[number].len);
    struct slice got;

    assert_ok(shard_view(w->shard, w->frames[number].position + 8, (uint32_t)want.bytes.len - 8,
                         &got));
    assert_bytes(got.bytes, bytes_of(want.bytes.at + 8, want.bytes.len - 8));
    slice_drop(&got);
    slice_drop(&want);
}

static void assert_load(struct world *w, uint64_t number)
{
    struct slice want = pattern(number, w->frames[number].len);
    uint8_t     *got = malloc(want.bytes.len);

    assert_ok(shard_load(w->shard, w->frames[number].position + 8, want.bytes.len - 8, got));
    assert_memory_equal(got, want.bytes.at + 8, want.bytes.len - 8);
    free(got);
    slice_drop(&want);
}

static void what_is_durable_can_be_read(void **state)
{
    struct world *w = *state;
    struct slice  kept;
    struct slice  want;
    uint8_t       byte[16];

    claim(w);
    for (int i = 0; i < 60; i++)
        send(w, 4000);
    settle(w);
    for (uint64_t i = 0; i < 60; i++)
        assert_view(w, i);
    assert_int_equal(shard_view(w->shard, w->position, 8, &kept), ERR_OUT_OF_RANGE);
    assert_int_equal(shard_view(w->shard, w->position - 8, 16, &kept), ERR_OUT_OF_RANGE);
    assert_int_equal(shard_load(w->shard, w->position - 8, 16, byte), ERR_OUT_OF_RANGE);
    for (uint64_t i = 0; i < 60; i++)
        assert_load(w, i);
    reopen(w);
    claim(w);
    for (uint64_t i = 0; i < 60; i++)
        assert_load(w, i);
    assert_int_equal(shard_view(w->shard, w->frames[9].position, 4000, &kept), ERR_OUT_OF_RANGE);
    send(w, 4000);
    settle(w);
    assert_ok(shard_view(w->shard, w->frames[60].position, 4000, &kept));
    for (int i = 0; i < 60; i++)
        send(w, 4000);
    settle(w);
    shard_trim(w->shard, w->position);
    wait_for_oldest(w, w->frames[61].position);
    assert_int_equal(shard_load(w->shard, w->frames[9].position, 8, byte), ERR_OUT_OF_RANGE);
    release(w);
    want = pattern(60, 4000);
    assert_bytes(kept.bytes, want.bytes); /* the file is gone, the slice is not */
    slice_drop(&want);
    slice_drop(&kept);
}

/* Files are used again, but not one that somebody still looks at. */
static void trimmed_files_are_used_again(void **state)
{
    struct world *w = *state;
    struct slice  kept = { 0 };
    struct slice  want = pattern(20, 4000);

    claim(w);
    for (int i = 0; i < 400; i++) {
        send(w, 4000);
        if (i % 10 != 9)
            continue;
        settle(w);
        if (i == 29)
            assert_ok(shard_view(w->shard, w->frames[20].position, 4000, &kept));
        shard_trim(w->shard, w->frames[i - 5].position);
        if (i > 40)
            wait_for_oldest(w, w->frames[i - 35].position);
    }
    settle(w);
    assert_view(w, 399);
    assert_bytes(kept.bytes, want.bytes);
    reopen(w);
    claim_from(w, w->frames[394].position - FRAME_HEADER_BYTES, 394);
    assert_int_equal(w->expected, 400);
    release(w);
    assert_bytes(kept.bytes, want.bytes);
    slice_drop(&kept);
    slice_drop(&want);
}

/* With seven in use, and the next, one is kept, though four were trimmed. */
static void files_that_are_kept_do_not_come_on_top(void **state)
{
    enum { PER_FILE = 15 };
    struct world *w = *state;

    claim(w);
    for (int i = 0; i < 10 * PER_FILE; i++)
        send(w, 4000);
    settle(w);
    shard_trim(w->shard, w->frames[4 * PER_FILE].position);
    wait_for_oldest(w, w->frames[4 * PER_FILE - 1].position);
    send(w, 4000);
    settle(w);
    if (w->rig.disk)
        assert_true(disk_sim_used(w->rig.disk) < 8 * JOURNAL_FILE_BYTES_MIN + (16 << 10));
    release(w);
}

static void replay_begins_where_it_is_told(void **state)
{
    struct world *w = *state;
    uint64_t      from;

    claim(w);
    for (int i = 0; i < 60; i++)
        send(w, 4000);
    settle(w);
    from = w->frames[40].position - FRAME_HEADER_BYTES;
    reopen(w);
    claim_from(w, from, 40);
    assert_int_equal(w->expected, 60);
    release(w);
    claim_from(w, from + 100, 40); /* inside a frame: that frame, too */
    assert_int_equal(w->expected, 60);
    release(w);
    claim_from(w, w->position, 60);
    assert_int_equal(w->expected, 60);
    start(w);
    assert_load(w, 0); /* files that were not walked can be read, too */
    assert_load(w, 39);
    release(w);
}

static void trimmed_frames_are_gone_and_missed(void **state)
{
    struct world *w = *state;
    struct slice  s;
    uint64_t      oldest;

    claim(w);
    for (int i = 0; i < 60; i++)
        send(w, 4000);
    settle(w);
    shard_trim(w->shard, w->frames[30].position);
    wait_for_oldest(w, w->frames[14].position);
    oldest = shard_oldest(w->shard);
    assert_true(oldest <= w->frames[30].position);
    assert_int_equal(shard_view(w->shard, w->frames[0].position, 8, &s), ERR_OUT_OF_RANGE);
    assert_view(w, 30);
    reopen(w);
    assert_ok(shard_claim(&w->shard, w->rig.volume, 3, &w->rig.post.box));
    assert_int_equal(shard_replay(w->shard, 0, on_frame, w), ERR_CORRUPT);
    release(w);
    claim_from(w, w->frames[30].position - FRAME_HEADER_BYTES, 30);
    assert_int_equal(w->expected, 60);
    assert_int_equal(shard_oldest(w->shard), oldest);
    start(w);
    shard_trim(w->shard, w->position);
    wait_for_oldest(w, w->frames[45].position);
    release(w);
}

static void a_checkpoint_ahead_of_the_journal_is_refused(void **state)
{
    struct world *w = *state;

    claim(w);
    send(w, 80);
    settle(w);
    reopen(w);
    assert_ok(shard_claim(&w->shard, w->rig.volume, 3, &w->rig.post.box));
    assert_int_equal(shard_replay(w->shard, w->position + 8, on_frame, w), ERR_CORRUPT);
    release(w);
}

static enum err refuse_frame(void *ctx, struct bytes body, uint64_t position)
{
    (void)ctx;
    (void)body;
    (void)position;
    return ERR_LIMIT;
}

static void an_error_of_the_reader_ends_replay(void **state)
{
    struct world *w = *state;

    claim(w);
    send(w, 80);
    settle(w);
    reopen(w);
    assert_ok(shard_claim(&w->shard, w->rig.volume, 3, &w->rig.post.box));
    assert_int_equal(shard_replay(w->shard, 0, refuse_frame, w), ERR_LIMIT);
    release(w);
}

/* Far more than a reader may have ahead of the owner, who is the slower one. */
static void a_large_journal_comes_back_in_order(void **state)
{
    enum { COUNT_LARGE = 80, COUNT_SMALL = 2000 };
    struct world *w = *state;

    claim(w);
    for (int i = 0; i < COUNT_LARGE; i++) {
        send(w, 520 << 10);
        settle(w);
    }
    for (int i = 0; i < COUNT_SMALL; i++)
        send(w, 16 + (size_t)i % 5 * 8);
    settle(w);
    reopen(w);
    claim(w);
    assert_int_equal(w->expected, COUNT_LARGE + COUNT_SMALL);
    release(w);
}

struct refusal {
    int given;
    int refused; /* the number of the one that is */
};

static enum err refuse_one(void *ctx, struct bytes body, uint64_t position)
{
    struct refusal *r = ctx;

    (void)body;
    (void)position;
    return ++r->given == r->refused ? ERR_LIMIT : ERR_OK;
}

static void nothing_is_given_after_an_error(void **state)
{
    struct world  *w = *state;
    struct refusal r = { .refused = 1500 };

    claim(w);
    for (int i = 0; i < 3000; i++)
        send(w, 512);
    settle(w);
    reopen(w);
    for (int i = 0; i < 2; i++) {
        assert_ok(shard_claim(&w->shard, w->rig.volume, 3, &w->rig.post.box));
        assert_int_equal(shard_replay(w->shard, 0, refuse_one, &r), ERR_LIMIT);
        assert_int_equal(r.given, r.refused);
        release(w);
        r = (struct refusal){ .refused = 3000 };
    }
}

/* V1 */
static void a_claim_fences_the_older_owner(void **state)
{
    struct world *w = *state;
    struct shard *older;
    uint64_t      position;

    claim(w);
    for (int i = 0; i < 10; i++)
        send(w, 80);
    settle(w);
    older = w->shard;
    position = w->position;
    claim(w);
    assert_int_equal(w->expected, 10);
    assert_int_equal(shard_epoch(w->shard), shard_epoch(older) + 1);
    send(w, 80);
    settle(w);
    assert_int_equal(w->done, 11);
    w->position = position;
    send_on(w, older, 80);
    settle(w);
    assert_int_equal(w->err, ERR_FENCED);
    assert_int_equal(w->refused, 1);
    w->sent = w->refused = 0;
    shard_release(older);
    reopen(w);
    w->sent = 11;
    claim(w);
    assert_int_equal(w->expected, 11);
    release(w);
}

static void appends_under_way_are_fenced_whole_or_done(void **state)
{
    struct world *w = *state;
    struct shard *older;

    claim(w);
    for (int i = 0; i < 200; i++)
        send(w, 800);
    older = w->shard;
    assert_ok(shard_claim(&w->shard, w->rig.volume, 3, &w->rig.post.box));
    settle(w);
    shard_release(older);
    w->expected = 0;
    assert_ok(shard_replay(w->shard, 0, on_frame, w));
    assert_true(w->expected >= w->done);
    release(w);
}

static void an_older_claim_cannot_replay(void **state)
{
    struct world *w = *state;
    struct shard *older;

    assert_ok(shard_claim(&older, w->rig.volume, 3, &w->rig.post.box));
    claim(w);
    assert_int_equal(shard_replay(older, 0, on_frame, w), ERR_FENCED);
    shard_release(older);
    release(w);
}

static void release_waits_for_what_was_sent(void **state)
{
    struct world *w = *state;

    claim(w);
    for (int i = 0; i < 100; i++)
        send(w, 4000);
    reopen(w);
    assert_int_equal(w->done, 100);
    claim(w);
    assert_int_equal(w->expected, 100);
    release(w);
}

static void shards_are_apart(void **state)
{
    struct world *w = *state;
    struct shard *other;
    uint64_t      position;

    claim(w);
    assert_ok(shard_claim(&other, w->rig.volume, 4, &w->rig.post.box));
    assert_ok(shard_replay(other, 0, refuse_frame, w));
    assert_ok(shard_start(other, 0, &position));
    send(w, 80);
    settle(w);
    shard_release(other);
    release(w);
    assert_int_equal(shard_claim(&other, w->rig.volume, SHARD_MAX, &w->rig.post.box), ERR_BAD_ARGUMENT);
}

static void a_checkpoint_is_kept(void **state)
{
    struct world *w = *state;
    struct buf    got;
    bool          is_there;

    buf_init(&got);
    claim(w);
    assert_ok(shard_get_checkpoint(w->shard, &got, &is_there));
    assert_false(is_there);
    assert_ok(shard_put_checkpoint(w->shard, bytes_str("one")));
    assert_ok(shard_put_checkpoint(w->shard, bytes_str("two")));
    reopen(w);
    claim(w);
    assert_ok(shard_get_checkpoint(w->shard, &got, &is_there));
    assert_true(is_there);
    assert_true(bytes_eq_str(buf_view(&got), "two"));
    buf_fini(&got);
    release(w);
}

#define BOTH(test)                                                                                 \
    { #test " (files)", test, setup_files, teardown, NULL },                                       \
    { #test " (sim)", test, setup_sim, teardown, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_new_shard_is_empty),
        BOTH(frames_come_back_in_order),
        BOTH(claims_without_appends_keep_all),
        BOTH(a_journal_rolls_over_files),
        BOTH(a_frame_may_be_larger_than_a_file),
        BOTH(what_is_durable_can_be_read),
        BOTH(trimmed_files_are_used_again),
        BOTH(files_that_are_kept_do_not_come_on_top),
        BOTH(replay_begins_where_it_is_told),
        BOTH(trimmed_frames_are_gone_and_missed),
        BOTH(a_checkpoint_ahead_of_the_journal_is_refused),
        BOTH(an_error_of_the_reader_ends_replay),
        BOTH(a_large_journal_comes_back_in_order),
        BOTH(nothing_is_given_after_an_error),
        BOTH(a_claim_fences_the_older_owner),
        BOTH(appends_under_way_are_fenced_whole_or_done),
        BOTH(an_older_claim_cannot_replay),
        BOTH(release_waits_for_what_was_sent),
        BOTH(shards_are_apart),
        BOTH(a_checkpoint_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
