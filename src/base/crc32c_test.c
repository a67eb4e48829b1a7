/* crc32c_test.c - the vectors of RFC 3720 B.4, and the fast paths against a loop over bits. */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void agrees_with_rfc_3720(void **state)
{
    static const uint8_t read_pdu[48] = {
        [0] = 0x01,  [1] = 0xc0,  [16] = 0x14, [22] = 0x04,
        [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
    };
    uint8_t b[32];

    (void)state;
    memset(b, 0, sizeof b);
    assert_int_equal(crc32c(0, b, sizeof b), 0x8a9136aau);
    memset(b, 0xff, sizeof b);
    assert_int_equal(crc32c(0, b, sizeof b), 0x62a8ab43u);
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, b, sizeof b), 0x46dd794eu);
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)(31 - i);
    assert_int_equal(crc32c(0, b, sizeof b), 0x113fdb5cu);
    assert_int_equal(crc32c(0, read_pdu, sizeof read_pdu), 0xd9963a56u);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static uint32_t bit_by_bit(uint32_t crc, const uint8_t *at, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

/* The lengths cross the borders of the three-lane loops; the offsets those of words. */
static void agrees_with_the_definition(void **state)
{
    enum { LEN_MAX = 10000 };
    uint8_t *b = malloc(LEN_MAX + 8);

    (void)state;
    for (size_t i = 0; i < LEN_MAX + 8; i++)
        b[i] = (uint8_t)(i * 131 + (i >> 7));
    for (size_t len = 0; len < LEN_MAX; len += 1 + len / 7)
        for (size_t offset = 0; offset < 8; offset += 3)
            assert_int_equal(crc32c(7, b + offset, len), bit_by_bit(7, b + offset, len));
    for (size_t len = 3070; len < 3076; len++)
        assert_int_equal(crc32c(0, b, len), bit_by_bit(0, b, len));
    for (size_t len = 380; len < 1600; len++)
        assert_int_equal(crc32c(0, b + 1, len), bit_by_bit(0, b + 1, len));
    free(b);
}

static void continues(void **state)
{
    const uint8_t text[] = "the quick brown fox jumps over the lazy dog";
    uint32_t      whole = crc32c(0, text, sizeof text);

    (void)state;
    for (size_t i = 0; i <= sizeof text; i++)
        assert_int_equal(crc32c(crc32c(0, text, i), text + i, sizeof text - i), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_rfc_3720),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(continues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
