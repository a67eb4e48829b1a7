/* inspect_test.c - a journal file made by hand, and what is said when it is damaged. */
#include "store/inspect.h"
#include "base/crc32c.h"
#include "store/fixture.h"

enum { SALT = 77, BODY_BYTES = 24 };

struct told {
    size_t      frames, records, end;
    bool        is_zeros;
    const char *what; /* the last finding */
};

static void on_frame(void *ctx, const struct frame *f, size_t offset)
{
    (void)f;
    (void)offset;
    ((struct told *)ctx)->frames++;
}

static enum err on_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    (void)kind;
    (void)head;
    (void)payload;
    (void)position;
    ((struct told *)ctx)->records++;
    return ERR_OK;
}

static void on_end(void *ctx, size_t offset, bool is_zeros)
{
    ((struct told *)ctx)->end = offset;
    ((struct told *)ctx)->is_zeros = is_zeros;
}

static void on_finding(void *ctx, size_t offset, const char *what)
{
    (void)offset;
    ((struct told *)ctx)->what = what;
}

static size_t look(struct bytes file, struct told *t)
{
    const struct inspector in = { .frame = on_frame,
                                  .record = on_record,
                                  .end = on_end,
                                  .finding = on_finding,
                                  .ctx = t };

    *t = (struct told){ 0 };
    return inspect_journal(file, &in);
}

/* One record of kind 21 with a head of one byte. */
static void put_body(uint8_t body[BODY_BYTES])
{
    memset(body, 0, BODY_BYTES);
    put_u32(body, 21u << 24 | 1);
    put_u32(body + 4, 8);
    body[8] = 5;
}

/* n frames behind the header, then some zeros. */
static void make_file(struct buf *out, unsigned n)
{
    struct file_head head = { .number = 1, .shard = 0, .epoch = 3, .salt = SALT };
    struct frame     f = { .epoch = 3, .position = 1000 };

    file_head_encode(buf_grow(out, FILE_HEADER_BYTES), &head);
    for (unsigned i = 0; i < n; i++) {
        uint8_t header[FRAME_HEADER_BYTES];
        uint8_t body[BODY_BYTES];

        put_body(body);
        f.previous = f.crc;
        f.seq++;
        f.bytes = BODY_BYTES;
        f.synced = f.position;
        f.body_crc = crc32c(0, body, sizeof body);
        frame_encode(header, &f, SALT);
        buf_add(out, header, sizeof header);
        buf_add(out, body, sizeof body);
        f.position = frame_end(&f);
    }
    memset(buf_grow(out, 100), 0, 100);
}

static void a_whole_file(void **state)
{
    struct buf  file;
    struct told t;

    (void)state;
    buf_init(&file);
    make_file(&file, 3);
    assert_int_equal(look(buf_view(&file), &t), 0);
    assert_int_equal(t.frames, 3);
    assert_int_equal(t.records, 3);
    assert_int_equal(t.end, file.len - 100);
    assert_true(t.is_zeros);
    buf_fini(&file);
}

static void damage_before_a_synced_frame(void **state)
{
    struct buf  file;
    struct told t;

    (void)state;
    buf_init(&file);
    make_file(&file, 3);
    file.at[FILE_HEADER_BYTES + FRAME_HEADER_BYTES + BODY_BYTES + 70] ^= 1; /* in the second body */
    assert_int_equal(look(buf_view(&file), &t), 1);
    assert_string_equal(t.what, "a frame that was synced cannot be read");
    assert_int_equal(t.frames, 1);
    assert_false(t.is_zeros);
    buf_fini(&file);
}

/* Nobody vouched for the last frame: its damage is a torn end, and no finding. */
static void a_torn_end(void **state)
{
    struct buf  file;
    struct told t;

    (void)state;
    buf_init(&file);
    make_file(&file, 3);
    file.at[file.len - 101] ^= 1;
    assert_int_equal(look(buf_view(&file), &t), 0);
    assert_int_equal(t.frames, 2);
    assert_false(t.is_zeros);
    buf_fini(&file);
}

static void frames_that_do_not_follow(void **state)
{
    const size_t frame = FRAME_HEADER_BYTES + BODY_BYTES;
    struct buf   file;
    struct told  t;

    (void)state;
    buf_init(&file);
    make_file(&file, 3);
    memmove(file.at + FILE_HEADER_BYTES + frame, file.at + FILE_HEADER_BYTES + 2 * frame, frame);
    memset(file.at + FILE_HEADER_BYTES + 2 * frame, 0, frame);
    assert_int_equal(look(buf_view(&file), &t), 1);
    assert_string_equal(t.what, "a sequence number is missing");
    buf_fini(&file);
}

static void every_cut_is_safe(void **state)
{
    struct buf  file;
    struct told t;

    (void)state;
    buf_init(&file);
    make_file(&file, 2);
    for (size_t len = 0; len <= file.len; len++) {
        uint8_t *copy = malloc(len + 1); /* so that a sanitizer sees a step too far */

        memcpy(copy, file.at, len);
        assert_int_equal(look(bytes_of(copy, len), &t), len < FILE_HEADER_BYTES);
        free(copy);
    }
    buf_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file),
        cmocka_unit_test(damage_before_a_synced_frame),
        cmocka_unit_test(a_torn_end),
        cmocka_unit_test(frames_that_do_not_follow),
        cmocka_unit_test(every_cut_is_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
