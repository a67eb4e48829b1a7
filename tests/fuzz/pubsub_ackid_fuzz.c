/* pubsub_ackid_fuzz.c - ack ids from a client: what is accepted is exactly what we would have written. */
#include "doors/pubsub/ackid.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

/* The crc makes guessing hopeless, so the bytes are taken as a lease, too. */
static void round_trip(struct rd *r)
{
    char         text[ACKID_TEXT_MAX + 1];
    struct lease lease = { 0 }, got;
    uint32_t     subscription, got_subscription;

    lease.queue_id = rd_u64(r);
    lease.offset = rd_u64(r);
    lease.partition = rd_u32(r);
    lease.token = rd_u32(r);
    subscription = rd_u32(r);
    if (!ackid_parse(bytes_of(text, ackid_format(&lease, subscription, text)), &got, &got_subscription))
        abort();
    if (got.queue_id != lease.queue_id || got.offset != lease.offset || got.partition != lease.partition ||
        got.token != lease.token || got_subscription != subscription)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct bytes text = bytes_of(at, len);
    struct rd    r = rd_of(text);
    struct lease lease;
    uint32_t     subscription;
    char         again[ACKID_TEXT_MAX + 1];

    if (ackid_parse(text, &lease, &subscription) &&
        !bytes_eq(bytes_of(again, ackid_format(&lease, subscription, again)), text))
        abort();
    round_trip(&r);
    return 0;
}
