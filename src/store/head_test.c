/* head_test.c - the head of a shard as text, there and back, and what is not one. */
#include "store/head.h"
#include "store/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char fields[] = "epoch 3\nstart 4\nsynced 5\noldest 6 7 8\nclosed 1\n";

static struct buf seal(const char *lines)
{
    struct buf text;

    buf_init(&text);
    sealed_begin(&text, "shard", 1);
    buf_str(&text, lines);
    sealed_end(&text);
    return text;
}

static enum err parse(struct bytes text, struct head *out)
{
    enum err err;

    head_init(out);
    err = head_parse(out, text);
    if (err)
        head_fini(out);
    return err;
}

static void assert_parses_to(const char *lines, enum err want)
{
    struct buf  text = seal(lines);
    struct head h;

    assert_int_equal(parse(buf_view(&text), &h), want);
    if (!want)
        head_fini(&h);
    buf_fini(&text);
}

static void comes_back(void **state)
{
    struct head h = { .epoch = 9,  .start = 1ull << 40, .synced = 77,
                      .oldest = 5, .oldest_seq = 6,     .oldest_crc = UINT32_MAX,
                      .closed = 1 };
    struct head got;
    struct buf  text;

    (void)state;
    buf_init(&text);
    for (uint64_t i = 0; i < 100; i++)
        head_add(&h, i / 10, i, i < 98 ? i * 1000 : POSITION_NONE);
    head_format(&h, &text);
    assert_int_equal(parse(buf_view(&text), &got), ERR_OK);
    assert_int_equal(got.epoch, 9);
    assert_true(got.start == 1ull << 40);
    assert_int_equal(got.synced, 77);
    assert_int_equal(got.oldest, 5);
    assert_int_equal(got.oldest_seq, 6);
    assert_int_equal(got.oldest_crc, UINT32_MAX);
    assert_int_equal(got.closed, 1);
    assert_int_equal(got.count, 100);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(got.files[i].epoch, i / 10);
        assert_int_equal(got.files[i].number, i);
        assert_true(got.files[i].start == (i < 98 ? i * 1000 : POSITION_NONE));
    }
    head_fini(&h);
    head_fini(&got);
    buf_fini(&text);
}

static void any_changed_byte_is_seen(void **state)
{
    struct buf  text = seal(fields);
    struct head h;

    (void)state;
    for (size_t i = 0; i < text.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            text.at[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(parse(buf_view(&text), &h), ERR_OK);
            text.at[i] ^= (uint8_t)(1u << bit);
        }
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(parse(bytes_of(text.at, len), &h), ERR_CORRUPT);
    buf_fini(&text);
}

static void sealed_nonsense_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "epoch 3\n",
        "start 4\nepoch 3\nsynced 5\noldest 6 7 8\nclosed 1\n",
        "epoch x\nstart 4\nsynced 5\noldest 6 7 8\nclosed 1\n",
        "epoch 18446744073709551616\nstart 4\nsynced 5\noldest 6 7 8\nclosed 1\n",
        "epoch 3\nstart 4\nsynced 5\noldest 6 7\nclosed 1\n",
        "epoch 3\nstart 4\nsynced 5\noldest 6 7 4294967296\nclosed 1\n",
        "epoch 3\nstart 4\nsynced 5\noldest 6 7 8\nclosed 1\nfile 1-1\n",
        "epoch 3\nstart 4\nsynced 5\noldest 6 7 8\nclosed 1\nfile 1-1 x\n",
        "epoch 3\nstart 4\nsynced 5\noldest 6 7 8\nclosed 1\nnote 1\n",
    };

    (void)state;
    assert_parses_to(fields, ERR_OK);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_parses_to(bad[i], ERR_CORRUPT);
}

static void another_kind_or_version_is_refused(void **state)
{
    struct buf  text;
    struct head h;

    (void)state;
    buf_init(&text);
    sealed_begin(&text, "volume", 1);
    buf_str(&text, fields);
    sealed_end(&text);
    assert_int_equal(parse(buf_view(&text), &h), ERR_CORRUPT);
    assert_int_equal(parse(bytes_str("myna shard 2\nwhatever it may be\n"), &h), ERR_NEWER_FORMAT);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(any_changed_byte_is_seen),
        cmocka_unit_test(sealed_nonsense_is_refused),
        cmocka_unit_test(another_kind_or_version_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
