/* pubsub_record_fuzz.c - stored batches of any door, and forged ones, shown as PubsubMessage within its limits. */
#include "doors/pubsub/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void show(struct record *record)
{
    struct message    message;
    PB(PubsubMessage) shown = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    ProtobufCMessage *again;
    struct arena      a;
    size_t            i;

    arena_init(&a);
    message_of(record, &message);
    ps_record_show(&message, &a, &shown);
    if (shown.n_attributes > PS_ATTRIBUTES_MAX || !bytes_is_utf8(ps_bytes(shown.ordering_key)))
        abort();
    for (i = 0; i < shown.n_attributes; i++)
        if (!bytes_is_utf8(ps_bytes(shown.attributes[i]->key)) || !bytes_is_utf8(ps_bytes(shown.attributes[i]->value)))
            abort();
    if (ps_decode(&a, shown.base.descriptor, ps_encode_in(&a, &shown.base), &again) != PS_DECODED)
        abort();
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct batch_reader r;
    struct record       record;

    if (len > 1 << 20 || batch_open(&r, bytes_of(at, len)) != ERR_OK)
        return 0;
    while (batch_next(&r, &record, NULL))
        show(&record);
    batch_close(&r);
    return 0;
}
