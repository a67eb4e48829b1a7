/*
 * crc32c.c - see crc32c.h. Polynomial 0x1EDC6F41, reflected 0x82F63B78 (RFC 3720 B.4).
 *
 * The hardware path runs three CRC chains side by side, because the instruction has a latency of three cycles and a
 * throughput of one, and joins them with tables that advance a CRC over as many zero bytes as a lane has. Wide lanes
 * for what is large, narrow ones for what is left, and for a single message.
 */
#include "base/crc32c.h"

#include <pthread.h>

enum { WIDE_BYTES = 1024, NARROW_BYTES = 128 };
static const uint32_t POLYNOMIAL = 0x82f63b78u;

/* How a CRC is advanced over one and two lanes of zeros. */
struct lanes {
    uint32_t one[4][256];
    uint32_t two[4][256];
};

static uint32_t       slicing[8][256];
static struct lanes   wide;
static struct lanes   narrow;
static bool           has_hardware;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_slicing(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
        slicing[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            slicing[t][i] = slicing[t - 1][i] >> 8 ^ slicing[0][slicing[t - 1][i] & 0xff];
}

static uint32_t advance_zeros(uint32_t crc, size_t n)
{
    while (n-- > 0)
        crc = crc >> 8 ^ slicing[0][crc & 0xff];
    return crc;
}

static void fill_skip(uint32_t table[4][256], size_t zeros)
{
    uint32_t bit[32];

    for (int b = 0; b < 32; b++)
        bit[b] = advance_zeros(1u << b, zeros);
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t v = 0;

            for (int b = 0; b < 8; b++)
                if (i >> b & 1)
                    v ^= bit[byte * 8 + b];
            table[byte][i] = v;
        }
}

static void fill_tables(void)
{
    fill_slicing();
    fill_skip(wide.one, WIDE_BYTES);
    fill_skip(wide.two, 2 * WIDE_BYTES);
    fill_skip(narrow.one, NARROW_BYTES);
    fill_skip(narrow.two, 2 * NARROW_BYTES);
#if defined(__x86_64__)
    has_hardware = __builtin_cpu_supports("sse4.2");
#endif
}

static uint32_t crc_software(uint32_t c, const uint8_t *p, size_t n)
{
    while (n >= 8) {
        uint32_t lo;
        uint32_t hi;

        memcpy(&lo, p, 4);
        memcpy(&hi, p + 4, 4);
        lo ^= c;
        c = slicing[7][lo & 0xff] ^ slicing[6][lo >> 8 & 0xff] ^ slicing[5][lo >> 16 & 0xff] ^
            slicing[4][lo >> 24] ^ slicing[3][hi & 0xff] ^ slicing[2][hi >> 8 & 0xff] ^
            slicing[1][hi >> 16 & 0xff] ^ slicing[0][hi >> 24];
        p += 8;
        n -= 8;
    }
    while (n-- > 0)
        c = c >> 8 ^ slicing[0][(c ^ *p++) & 0xff];
    return c;
}

#if defined(__x86_64__)
static uint32_t skip(const uint32_t table[4][256], uint32_t c)
{
    return table[0][c & 0xff] ^ table[1][c >> 8 & 0xff] ^ table[2][c >> 16 & 0xff] ^
           table[3][c >> 24];
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* Three lanes of this size, one behind the other. */
__attribute__((target("sse4.2"), always_inline)) static inline uint64_t
crc_lanes(uint64_t c, const uint8_t *p, size_t bytes, const struct lanes *l)
{
    uint64_t c1 = 0;
    uint64_t c2 = 0;

    for (size_t i = 0; i < bytes; i += 8) {
        c = __builtin_ia32_crc32di(c, load64(p + i));
        c1 = __builtin_ia32_crc32di(c1, load64(p + bytes + i));
        c2 = __builtin_ia32_crc32di(c2, load64(p + 2 * bytes + i));
    }
    return skip(l->two, (uint32_t)c) ^ skip(l->one, (uint32_t)c1) ^ (uint32_t)c2;
}

__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t crc, const uint8_t *p,
                                                               size_t n)
{
    uint64_t c = crc;

    for (; n >= 3 * WIDE_BYTES; p += 3 * WIDE_BYTES, n -= 3 * WIDE_BYTES)
        c = crc_lanes(c, p, WIDE_BYTES, &wide);
    for (; n >= 3 * NARROW_BYTES; p += 3 * NARROW_BYTES, n -= 3 * NARROW_BYTES)
        c = crc_lanes(c, p, NARROW_BYTES, &narrow);
    for (; n >= 8; p += 8, n -= 8)
        c = __builtin_ia32_crc32di(c, load64(p));
    for (; n > 0; p++, n--)
        c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    return (uint32_t)c;
}
#else
static uint32_t crc_hardware(uint32_t crc, const uint8_t *p, size_t n)
{
    return crc_software(crc, p, n);
}
#endif

uint32_t crc32c(uint32_t crc, const void *at, size_t len)
{
    pthread_once(&once, fill_tables);
    crc = ~crc;
    return ~(has_hardware ? crc_hardware(crc, at, len) : crc_software(crc, at, len));
}
