/*
 * kafka_batch_fuzz.c - record batches as clients send them: header, CRC, all five codecs, records,
 * native headers.
 *
 * Length, magic and count of the input are put right, so that what lies behind them is reached.
 */
#include "engine/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { BATCH_MAX = 64 * 1024, COUNT_MASK = 0xff };

static void walk(struct bytes batch)
{
    struct batch_reader r;
    struct record       record;
    struct message      m;
    int                 count = 0;
    size_t              total = 0;

    if (batch_open(&r, batch) != ERR_OK)
        return;
    while (batch_next(&r, &record, NULL)) {
        message_of(&record, &m);
        for (size_t i = 0; i < m.header_count; i++)
            total += m.headers[i].name.len + m.headers[i].value.len;
        count++;
    }
    if (count > r.head.record_count || total > BATCH_INFLATED_BYTES_MAX)
        abort();
    batch_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct batch_head head;
    uint8_t          *b;
    uint32_t          count;

    if (len > BATCH_MAX)
        return 0;
    if (batch_check(bytes_of(at, len), &head) == ERR_OK)
        walk(bytes_of(at, len));
    if (len < BATCH_HEADER_BYTES)
        return 0;
    b = mem_copy(at, len);
    count = 1 + (get_u32(b + 57) & COUNT_MASK);
    put_u32(b + 8, (uint32_t)len - 12);
    b[16] = 2;
    put_u32(b + 23, count - 1);
    put_u32(b + 57, count);
    walk(bytes_of(b, len));
    free(b);
    return 0;
}
