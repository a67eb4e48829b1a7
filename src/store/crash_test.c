/*
 * crash_test.c - power cuts and kill -9 at every point of a shard's life, from seeds, on the
 * simulated disk. One run is: claim, replay, append and trim at random until it ends in the middle
 * of some operation; then the same again on what survived.
 *
 *   - every frame that was acknowledged comes back, in order, with its bytes, at its position
 *   - what comes back beyond those was sent, follows in order, and counts from then on
 *   - positions are never given twice
 */
#include "base/diag.h"
#include "base/list.h"
#include "store/disk_sim.h"
#include "store/fixture.h"
#include "store/volume_file.h"

enum { SEEDS = 120, LIVES = 12, FRAMES_MAX = 20000, BODY_MAX = 30000 };

static const uint64_t PLENTY = 1ull << 40;

struct frame_sent {
    uint64_t position; /* of the body */
    size_t   len;
};

struct world {
    struct postbox    post;
    struct disk      *disk;
    struct volume    *volume;
    struct shard     *shard;
    uint64_t          random;
    uint64_t          position;
    uint64_t          highest; /* all positions given are below */
    struct frame_sent frames[FRAMES_MAX];
    uint64_t          sent;     /* frames known; those a crash took are forgotten */
    uint64_t          done;     /* acknowledged */
    uint64_t          trimmed;  /* frames below this number may be gone */
    uint64_t          from;     /* where replay begins: a durable position */
    uint64_t          expected; /* number of the next frame in replay */
};

struct sent {
    struct append append;
    struct world *world;
    struct slice  body;
    struct iovec  iov;
    uint64_t      number;
};

static uint64_t draw(struct world *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % below;
}

static void on_done(struct mail *mail)
{
    struct sent  *s = CONTAINER(CONTAINER(mail, struct append, mail), struct sent, append);
    struct world *w = s->world;

    if (s->append.err == ERR_OK) {
        assert_int_equal(s->number, w->done);
        w->done++;
    }
    slice_drop(&s->body);
    free(s);
}

static void send(struct world *w)
{
    struct sent *s = calloc(1, sizeof *s);
    size_t       len = 8 + draw(w, draw(w, 4) == 0 ? BODY_MAX : 300) / 8 * 8;

    if (draw(w, 50) == 0)
        len += JOURNAL_FILE_BYTES_MIN;
    s->world = w;
    s->number = w->sent;
    s->body = pattern(w->position, len); /* positions are unique, so are the bytes */
    s->iov = (struct iovec){ s->body.block->at, len };
    s->append.mail.run = on_done;
    s->append.iov = &s->iov;
    s->append.iov_count = 1;
    s->append.bytes = (uint32_t)len;
    s->append.position = w->position;
    assert_true(w->sent < FRAMES_MAX);
    w->frames[w->sent++] = (struct frame_sent){ w->position + FRAME_HEADER_BYTES, len };
    w->position += FRAME_HEADER_BYTES + len;
    w->highest = w->position;
    shard_append(w->shard, &s->append);
}

static enum err on_frame(void *ctx, struct bytes body, uint64_t position)
{
    struct world      *w = ctx;
    struct frame_sent *f = &w->frames[w->expected];
    struct slice       want = pattern(position - FRAME_HEADER_BYTES, body.len);

    assert_true(w->expected < w->sent);
    assert_int_equal(position, f->position);
    assert_int_equal(body.len, f->len);
    assert_bytes(body, want.bytes);
    slice_drop(&want);
    w->expected++;
    return ERR_OK;
}

/* Everything that ends after w->from. */
static uint64_t first_expected(const struct world *w)
{
    uint64_t n = 0;

    while (n < w->sent && w->frames[n].position + w->frames[n].len <= w->from)
        n++;
    return n;
}

/* False: the power went. Any other failure is the store's fault. */
static bool came_up(struct world *w, enum err err)
{
    if (err && !disk_sim_is_off(w->disk))
        fail_msg("%s", err_text(err));
    return err == ERR_OK;
}

static bool claim(struct world *w)
{
    w->shard = NULL;
    w->volume = NULL;
    if (!came_up(w, volume_file_open(&w->volume, w->disk, false)))
        return false;
    if (!came_up(w, shard_claim(&w->shard, w->volume, 0, &w->post.box)))
        return false;
    w->expected = first_expected(w);
    if (!came_up(w, shard_replay(w->shard, w->from, on_frame, w)))
        return false;
    assert_true(w->expected >= w->done);
    w->sent = w->expected; /* what replay does not give now must never come back */
    w->done = w->expected;
    if (!came_up(w, shard_start(w->shard, JOURNAL_FILE_BYTES_MIN, &w->position)))
        return false;
    assert_true(w->position >= w->highest);
    return true;
}

static void act(struct world *w)
{
    switch (draw(w, 8)) {
    case 0:
        if (draw(w, 8) == 0) /* now and then a disk that is full at any point, even for a head */
            disk_sim_set_space(w->disk,
                               draw(w, 2) ? PLENTY : disk_sim_used(w->disk) + draw(w, 70000));
        if (w->done > 0 && draw(w, 4) == 0) {
            struct frame_sent *f = &w->frames[draw(w, w->done)];

            if (f->position > w->from)
                w->from = f->position - FRAME_HEADER_BYTES;
            shard_trim(w->shard, w->from);
        }
        break;
    case 1:
    case 2:
    case 3:
        volume_file_step(w->volume);
        mail_run(&w->post.box);
        break;
    default:
        send(w);
    }
}

static void go_down(struct world *w)
{
    if (w->shard)
        shard_release(w->shard);
    mail_run(&w->post.box);
    if (w->volume)
        volume_close(w->volume);
}

static void one_life(struct world *w)
{
    /* Short fuses hit claim and replay, long ones the appends. */
    disk_sim_set_space(w->disk, PLENTY);
    disk_sim_cut_after(w->disk, 1 + draw(w, draw(w, 2) ? 30 : 400));
    if (claim(w))
        for (int i = 0; i < 400 && !disk_sim_is_off(w->disk); i++)
            act(w);
    go_down(w);
    if (draw(w, 2))
        disk_sim_crash(w->disk);
    else
        disk_sim_kill(w->disk);
}

static void one_world(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    postbox_init(&w->post);
    w->random = seed;
    w->disk = disk_sim_keep(seed);
    for (int i = 0; i < LIVES; i++)
        one_life(w);
    disk_sim_set_space(w->disk, PLENTY);
    assert_true(claim(w)); /* with the power on to the end */
    go_down(w);
    disk_sim_free(w->disk);
    postbox_fini(&w->post);
    free(w);
}

static void nothing_acknowledged_is_lost(void **state)
{
    uint64_t *seed = *state;

    for (*seed = 1; *seed <= SEEDS; ++*seed)
        one_world(*seed);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(uint64_t));
    return 0;
}

static int teardown(void **state)
{
    uint64_t *seed = *state;

    if (*seed <= SEEDS)
        print_error("failed with seed %d\n", (int)*seed);
    free(seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost, setup, teardown),
    };

    diag_set_level(DIAG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
