/*
 * pubsub_grpc_fuzz.c - what a client sends on a gRPC stream: frames in any cut, then every request decoder.
 *
 * Input: which method of the table, and whether gzip, u8 | bytes per DATA frame u8 | the stream.
 */
#include "doors/pubsub/mask.h"
#include "doors/pubsub/methods.h"
#include "doors/pubsub/resource.h"
#include "doors/pubsub/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

#define TYPE(name) &google__pubsub__v1__##name##__descriptor

/* What was decoded can be encoded, and that decoded again. */
static void encode_again(struct arena *a, const ProtobufCMessage *m)
{
    ProtobufCMessage *again;

    if (ps_decode(a, m->descriptor, ps_encode_in(a, m), &again) != PS_DECODED)
        abort();
}

static void check_subscription(struct arena *a, PB(Subscription) *s)
{
    struct buf why;

    buf_init(&why);
    if (ps_subscription_check(s, &why) == GRPC_OK) {
        ps_subscription_fill(a, s);
        (void)ps_subscription_policy(s);
        encode_again(a, &s->base);
    } else if (why.len == 0) {
        abort();
    }
    buf_fini(&why);
}

static void check_update(PB(UpdateSubscriptionRequest) *u)
{
    PB(Subscription) kept = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    struct buf       why;

    buf_init(&why);
    if (u->subscription && ps_mask_check(&ps_subscription_mask, u->update_mask, &why) == GRPC_OK)
        ps_mask_apply(&ps_subscription_mask, u->update_mask, &kept.base, &u->subscription->base);
    buf_fini(&why);
}

static void decode(const ProtobufCMessageDescriptor *type, struct bytes message)
{
    struct arena      a;
    ProtobufCMessage *m;

    arena_init(&a);
    if (ps_decode(&a, type, message, &m) == PS_DECODED) {
        encode_again(&a, m);
        if (type == TYPE(subscription))
            check_subscription(&a, (PB(Subscription) *)m);
        if (type == TYPE(update_subscription_request))
            check_update((PB(UpdateSubscriptionRequest) *)m);
    }
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    const struct rpc_method *methods;
    struct grpc_reader       r;
    struct bytes             message;
    size_t                   i, step, count;

    if (len < 2)
        return 0;
    methods = ps_methods(&count);
    step = at[1] ? at[1] : 4096;
    grpc_reader_init(&r, at[0] & 0x80 ? GRPC_GZIP : GRPC_IDENTITY);
    for (i = 2; i < len; i += step) {
        grpc_reader_feed(&r, bytes_of(at + i, len - i < step ? len - i : step));
        while (grpc_reader_next(&r, &message))
            decode(methods[(at[0] & 0x7f) % count].request, message);
    }
    grpc_reader_fini(&r);
    return 0;
}
