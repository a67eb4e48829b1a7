/* journal_test.c - records in, records out; what is durable, what may be viewed, and who holds
 * payloads how long. */
#include "base/diag.h"
#include "store/blob.h"
#include "store/disk_sim.h"
#include "store/fixture.h"
#include "store/journal.h"
#include "store/volume_file.h"

enum { RECORDS_MAX = 3000 };

struct record {
    uint8_t  kind;
    size_t   head_len;
    size_t   payload_len;
    uint64_t position;
};

struct world {
    struct postbox  post;
    struct disk    *disk;
    struct volume  *volume;
    struct shard   *shard;
    struct journal *journal;
    struct record   records[RECORDS_MAX];
    size_t          count;
    size_t          replayed; /* number of the next one */
    uint64_t        durable;
    int             failures;
    enum err        err;
};

static void on_durable(void *ctx, uint64_t position)
{
    struct world *w = ctx;

    assert_true(position > w->durable); /* J1: in order */
    assert_int_equal(position, journal_durable(w->journal));
    w->durable = position;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    struct world *w = ctx;

    assert_non_null(what);
    w->err = err;
    w->failures++;
}

static enum err on_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    struct world  *w = ctx;
    struct record *r = &w->records[w->replayed];
    struct slice   want_head = pattern(w->replayed, r->head_len);
    struct slice   want_payload = pattern(w->replayed + 5, r->payload_len);

    assert_true(w->replayed < w->count);
    assert_int_equal(kind, r->kind);
    assert_int_equal(position, r->position);
    assert_bytes(head, want_head.bytes);
    assert_bytes(payload, want_payload.bytes);
    slice_drop(&want_head);
    slice_drop(&want_payload);
    w->replayed++;
    return ERR_OK;
}

static void power_up(struct world *w, uint64_t from, size_t first)
{
    struct journal_options options = { JOURNAL_FILE_BYTES_MIN, on_durable, on_failed, w };

    assert_ok(volume_file_open(&w->volume, w->disk, false));
    assert_ok(shard_claim(&w->shard, w->volume, 0, &w->post.box));
    assert_ok(journal_open(&w->journal, w->shard, &options));
    w->replayed = first;
    assert_ok(journal_replay(w->journal, from, on_record, w));
    w->durable = journal_durable(w->journal);
}

static void power_down(struct world *w)
{
    journal_close(w->journal);
    shard_release(w->shard);
    mail_run(&w->post.box);
    volume_close(w->volume);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    postbox_init(&w->post);
    w->disk = disk_sim_keep(11);
    power_up(w, 0, 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    power_down(w);
    disk_sim_free(w->disk);
    postbox_fini(&w->post);
    free(w);
    return 0;
}

static void add(struct world *w, size_t head_len, size_t payload_len)
{
    struct record *r = &w->records[w->count];
    struct slice   head = pattern(w->count, head_len);
    struct slice   payload = pattern(w->count + 5, payload_len);
    uint64_t       end = journal_end(w->journal);

    assert_true(w->count < RECORDS_MAX);
    *r = (struct record){ (uint8_t)(w->count % 250 + 1), head_len, payload_len, 0 };
    r->position = journal_add(w->journal, r->kind, head.bytes, payload);
    assert_true(r->position >= end);
    assert_true(journal_end(w->journal) >= r->position + payload_len);
    w->count++;
    slice_drop(&head);
    slice_drop(&payload);
}

static void run_all(struct world *w)
{
    while (volume_file_step(w->volume))
        ;
    mail_run(&w->post.box);
}

static void commit(struct world *w)
{
    journal_kick(w->journal);
    run_all(w);
    assert_true(journal_is_idle(w->journal));
    assert_int_equal(journal_durable(w->journal), journal_end(w->journal));
}

static void restart(struct world *w)
{
    power_down(w);
    power_up(w, 0, 0);
    assert_int_equal(w->replayed, w->count);
}

static void records_of_all_sizes_come_back(void **state)
{
    static const size_t sizes[] = { 0,    1,    7,    8,     9,     100,   4095,
                                    4096, 4097, 5000, 65536, 70001, 200000 };
    struct world       *w = *state;

    for (size_t h = 0; h < COUNT(sizes); h++)
        for (size_t p = 0; p < COUNT(sizes); p++) {
            add(w, sizes[h], sizes[p]);
            if ((h + p) % 5 == 0)
                journal_kick(w->journal);
        }
    commit(w);
    restart(w);
    add(w, 10, 20);
    commit(w);
    restart(w);
}

static void nothing_is_durable_before_it_is_kicked(void **state)
{
    struct world *w = *state;

    assert_true(journal_is_idle(w->journal));
    add(w, 10, 10);
    run_all(w);
    assert_int_equal(w->durable, 0);
    assert_false(journal_is_idle(w->journal));
    assert_int_equal(journal_pending_bytes(w->journal), journal_end(w->journal));
    journal_kick(w->journal);
    assert_int_equal(w->durable, 0);
    run_all(w);
    assert_int_equal(w->durable, journal_end(w->journal));
    assert_int_equal(journal_pending_bytes(w->journal), 0);
}

static void an_idle_kick_writes_nothing(void **state)
{
    struct world *w = *state;
    uint64_t      written;

    add(w, 10, 10);
    commit(w);
    written = disk_sim_written(w->disk);
    journal_kick(w->journal);
    run_all(w);
    assert_int_equal(disk_sim_written(w->disk), written);
}

static void a_turn_is_whole_or_absent(void **state)
{
    struct world *w = *state;

    for (int turn = 0; turn < 50; turn++) {
        for (int i = 0; i < 4; i++)
            add(w, 30, 600);
        journal_kick(w->journal);
    }
    disk_sim_cut_after(w->disk, 2); /* all in one write, which is cut short */
    run_all(w);
    power_down(w);
    disk_sim_crash(w->disk);
    power_up(w, 0, 0);
    assert_true(w->replayed < w->count);
    assert_int_equal(w->replayed % 4, 0);
}

static void payloads_are_held_until_written(void **state)
{
    struct world *w = *state;
    struct slice  large = pattern(1, 5000);
    struct slice  small = pattern(1, 4000);

    journal_add(w->journal, 1, bytes_str("h"), large);
    journal_add(w->journal, 1, bytes_str("h"), small);
    assert_int_equal(atomic_load(&large.block->refs), 2);
    assert_int_equal(atomic_load(&small.block->refs), 1);
    journal_kick(w->journal);
    assert_int_equal(atomic_load(&large.block->refs), 2);
    run_all(w);
    assert_int_equal(atomic_load(&large.block->refs), 1);
    slice_drop(&large);
    slice_drop(&small);
}

static void bytes_without_a_block_are_copied(void **state)
{
    struct world *w = *state;
    uint8_t       bytes[6000];
    struct slice  got;
    uint64_t      position;

    memset(bytes, 1, sizeof bytes);
    position = journal_add(w->journal, 1, bytes_str("h"), slice_of(NULL, bytes, sizeof bytes));
    memset(bytes, 2, sizeof bytes);
    commit(w);
    assert_ok(journal_view(w->journal, position, sizeof bytes, &got));
    assert_int_equal(got.bytes.at[0], 1);
    assert_int_equal(got.bytes.at[5999], 1);
    slice_drop(&got);
}

static void payloads_can_be_viewed_when_durable(void **state)
{
    struct world *w = *state;
    struct slice  want = pattern(5, 300);
    struct slice  got;
    uint8_t       bytes[300];

    add(w, 10, 300);
    journal_kick(w->journal);
    assert_int_equal(journal_view(w->journal, w->records[0].position, 300, &got), ERR_OUT_OF_RANGE);
    run_all(w);
    assert_ok(journal_view(w->journal, w->records[0].position, 300, &got));
    assert_bytes(got.bytes, want.bytes);
    slice_drop(&got);
    restart(w);
    assert_int_equal(journal_view(w->journal, w->records[0].position, 300, &got), ERR_OUT_OF_RANGE);
    assert_ok(shard_load(w->shard, w->records[0].position, 300, bytes));
    assert_memory_equal(bytes, want.bytes.at, 300);
    slice_drop(&want);
}

static void replay_begins_between_records(void **state)
{
    struct world *w = *state;
    uint64_t      ends[20];

    for (int i = 0; i < 20; i++) {
        add(w, 10, 50);
        ends[i] = journal_end(w->journal);
        if (i % 3 == 0)
            journal_kick(w->journal);
    }
    commit(w);
    for (size_t i = 0; i < 20; i++) {
        power_down(w);
        power_up(w, ends[i], i + 1);
        assert_int_equal(w->replayed, 20);
    }
}

static void trim_forgets_what_a_checkpoint_stands_for(void **state)
{
    struct world *w = *state;
    struct slice  got;

    for (int i = 0; i < 40; i++) {
        add(w, 10, 5000);
        commit(w);
    }
    assert_int_equal(journal_start(w->journal), 0);
    journal_trim(w->journal, w->records[30].position);
    run_all(w);
    assert_true(journal_start(w->journal) > w->records[10].position);
    assert_true(journal_start(w->journal) <= w->records[30].position);
    assert_int_equal(journal_view(w->journal, w->records[0].position, 10, &got), ERR_OUT_OF_RANGE);
    assert_false(journal_is_full(w->journal));
}

static void parts_go_to_their_blob(void **state)
{
    struct world *w = *state;
    struct blob  *b;
    struct slice  pieces[2] = { pattern(1, 5000), pattern(2, 100) };
    struct slice  got;

    assert_ok(shard_blob_create(w->shard, (struct blob_id){ 1, 1 }, 1 << 20, &b));
    journal_add_part(w->journal, b, 4096, pieces, 2);
    assert_int_equal(atomic_load(&pieces[0].block->refs), 2);
    add(w, 30, 0);
    assert_true(journal_pending_bytes(w->journal) >= 5100);
    commit(w);
    assert_int_equal(journal_pending_bytes(w->journal), 0);
    assert_int_equal(atomic_load(&pieces[0].block->refs), 1);
    got = blob_view(b, 4096, 5000);
    assert_bytes(got.bytes, pieces[0].bytes);
    slice_drop(&got);
    blob_drop(b);
    restart(w);
    assert_ok(shard_blob_load(w->shard, (struct blob_id){ 1, 1 }, 9096, 100, &got));
    assert_bytes(got.bytes, pieces[1].bytes);
    slice_drop(&got);
    slice_drop(&pieces[0]);
    slice_drop(&pieces[1]);
}

/* However much lies before: they are in one frame. */
static void a_part_stays_with_its_record(void **state)
{
    struct world *w = *state;
    struct blob  *b;
    struct slice  piece = pattern(1, 5 << 20);
    uint64_t      end;

    assert_ok(shard_blob_create(w->shard, (struct blob_id){ 1, 1 }, 8 << 20, &b));
    add(w, 30, 100);
    end = journal_end(w->journal);
    journal_add_part(w->journal, b, 0, &piece, 1);
    assert_int_equal(w->records[0].position, end - 104);
    add(w, 30, 100);
    assert_true(w->records[1].position > end + FRAME_HEADER_BYTES); /* a frame of its own */
    commit(w);
    blob_drop(b);
    slice_drop(&piece);
}

static void parts_of_a_dead_journal_are_let_go(void **state)
{
    struct world *w = *state;
    struct slice  piece = pattern(1, 5000);
    struct blob  *b;

    assert_ok(shard_blob_create(w->shard, (struct blob_id){ 1, 1 }, 1 << 20, &b));
    run_all(w);
    disk_sim_fail_sync(w->disk, 1);
    journal_add_part(w->journal, b, 0, &piece, 1);
    add(w, 30, 0);
    journal_kick(w->journal);
    run_all(w);
    assert_int_equal(w->failures, 1);
    assert_int_equal(atomic_load(&piece.block->refs), 1);
    blob_drop(b);
    slice_drop(&piece);
}

static void a_failed_sync_kills_it_once(void **state)
{
    struct world *w = *state;

    add(w, 10, 50);
    commit(w);
    disk_sim_fail_sync(w->disk, 1);
    for (int i = 0; i < 3; i++) {
        add(w, 10, 50);
        journal_kick(w->journal);
        run_all(w);
    }
    assert_int_equal(w->failures, 1);
    assert_int_equal(w->err, ERR_DISK_FAILED);
    assert_true(journal_is_idle(w->journal)); /* nothing more will come */
    assert_true(journal_durable(w->journal) < journal_end(w->journal));
}

static void it_can_be_closed_with_commits_under_way(void **state)
{
    struct world *w = *state;
    uint64_t      durable = w->durable;

    for (int i = 0; i < 20; i++) {
        add(w, 10, 5000);
        journal_kick(w->journal);
    }
    power_down(w);
    assert_int_equal(w->durable, durable); /* no callback after close */
    power_up(w, 0, 0);
    assert_int_equal(w->replayed, 20);
}

static void long_turns_become_several_frames(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 200; i++)
        add(w, 16, 60000);
    commit(w);
    restart(w);
}

static void a_malformed_record_is_told(void **state)
{
    struct world *w = *state;
    static const uint8_t body[16] = { 1, 0, 0, 9, 0, 0, 0, 200 };
    struct iovec         iov = { (void *)(uintptr_t)body, sizeof body };
    struct append        a = { .iov = &iov, .iov_count = 1, .bytes = sizeof body };

    a.position = journal_end(w->journal);
    shard_append(w->shard, &a);
    while (volume_file_step(w->volume))
        ;
    mailbox_init(&w->post.box, postbox_wake, &w->post); /* forget its mail */
    power_down(w);
    assert_ok(volume_file_open(&w->volume, w->disk, false));
    assert_ok(shard_claim(&w->shard, w->volume, 0, &w->post.box));
    assert_ok(journal_open(&w->journal, w->shard, &(struct journal_options){ 0 }));
    assert_int_equal(journal_replay(w->journal, 0, on_record, w), ERR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_of_all_sizes_come_back),
        TEST(nothing_is_durable_before_it_is_kicked),
        TEST(an_idle_kick_writes_nothing),
        TEST(a_turn_is_whole_or_absent),
        TEST(payloads_are_held_until_written),
        TEST(bytes_without_a_block_are_copied),
        TEST(payloads_can_be_viewed_when_durable),
        TEST(replay_begins_between_records),
        TEST(trim_forgets_what_a_checkpoint_stands_for),
        TEST(parts_go_to_their_blob),
        TEST(a_part_stays_with_its_record),
        TEST(parts_of_a_dead_journal_are_let_go),
        TEST(a_failed_sync_kills_it_once),
        TEST(it_can_be_closed_with_commits_under_way),
        TEST(long_turns_become_several_frames),
        TEST(a_malformed_record_is_told),
    };

    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
