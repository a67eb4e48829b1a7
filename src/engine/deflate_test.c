/* deflate_test.c - what deflate.c makes, inflate.c reads: every codec, every size that matters. */
#include "engine/deflate.h"
#include "engine/inflate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Half of it compresses well, half does not. */
static void fill(struct buf *b, size_t len)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_u8(b, i % 512 < 256 ? (uint8_t)(seed >> 24) : (uint8_t)i);
    }
}

static void what_goes_in_comes_out(void **state)
{
    static const size_t sizes[] = { 0, 1, 100, 65535, 65536, 65537, 1 << 20 };

    (void)state;
    for (unsigned codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++)
        for (size_t i = 0; i < COUNT(sizes); i++) {
            struct buf in, small, out;

            buf_init(&in);
            buf_init(&small);
            buf_init(&out);
            fill(&in, sizes[i]);
            buf_str(&small, "before");
            deflate_records(codec, buf_view(&in), &small);
            assert_true(bytes_starts(buf_view(&small), "before"));
            assert_int_equal(
                inflate_records(codec, bytes_of(small.at + 6, small.len - 6), &out), ERR_OK);
            assert_true(bytes_eq(buf_view(&in), buf_view(&out)));
            if (sizes[i] >= 65536)
                assert_true(small.len < in.len * 3 / 4);
            buf_fini(&in);
            buf_fini(&small);
            buf_fini(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
