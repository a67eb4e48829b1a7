/* batches.c - see batches.h. */
#include "doors/kafka/batches.h"

enum {
    PATCHED_BYTES = 16, /* base offset, length, leader epoch */
    EPOCH_AT = 12,      /* of these, the leader epoch */
};

static bool is_stored_as_sent(struct bytes batch, uint64_t base_offset)
{
    return get_u64(batch.at) == base_offset &&
           get_u32(batch.at + EPOCH_AT) == (uint32_t)KAFKA_LEADER_EPOCH;
}

/* KF5. What cannot be read is sent as it is. */
static void strip_native(struct batch_ref *ref)
{
    struct buf out;

    buf_init(&out);
    if (message_strip(ref->bytes.bytes, &out) == ERR_OK) {
        slice_drop(&ref->bytes);
        ref->bytes = slice_copy(buf_view(&out));
    }
    buf_fini(&out);
}

struct wire_slices kafka_batches(struct kafka_request *r, struct batch_ref *refs, size_t count)
{
    struct slice      *at = kafka_array(r, 2 * count, sizeof *at); /* at most two per batch */
    struct wire_slices all = { 0, at };

    for (size_t i = 0; i < count; i++) {
        struct batch_ref *ref = &refs[i];
        struct bytes      b;

        if (batch_has_native(ref->bytes.bytes))
            strip_native(ref);
        b = ref->bytes.bytes;
        if (!is_stored_as_sent(b, ref->base_offset)) {
            uint8_t *head = arena_new(&r->arena, PATCHED_BYTES);

            memcpy(head, b.at, PATCHED_BYTES);
            batch_patch(head, ref->base_offset, KAFKA_LEADER_EPOCH);
            at[all.count++] = slice_of(NULL, head, PATCHED_BYTES);
            b = bytes_of(b.at + PATCHED_BYTES, b.len - PATCHED_BYTES);
        }
        at[all.count++] = slice_of(ref->bytes.block, b.at, b.len);
    }
    return all;
}
