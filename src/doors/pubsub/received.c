/* received.c - see received.h. */
#include "doors/pubsub/received.h"

#include "doors/pubsub/ackid.h"
#include "doors/pubsub/record.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECEIVED_MESSAGES = 1 /* field number in both responses */ };

void ps_packer_init(struct ps_packer *p, uint32_t subscription)
{
    *p = (struct ps_packer){ .subscription = subscription };
    arena_init(&p->arena);
}

static void close_batch(struct ps_packer *p)
{
    if (p->is_open)
        batch_close(&p->reader);
    p->is_open = false;
}

void ps_packer_fini(struct ps_packer *p)
{
    close_batch(p);
    arena_fini(&p->arena);
    free(p->unreadable);
}

static bool read_record(struct ps_packer *p, const struct message_ref *ref, struct record *out)
{
    if (!p->is_open || p->batch != ref->batch.bytes.at || ref->offset < p->next_offset) {
        close_batch(p);
        if (batch_open(&p->reader, ref->batch.bytes) != ERR_OK)
            return false;
        p->is_open = true;
        p->batch = ref->batch.bytes.at;
    }
    p->next_offset = ref->offset + 1;
    return batch_find(&p->reader, (int32_t)(ref->offset - ref->base_offset), out);
}

static void set_publish_time(PB(Timestamp) *t, int64_t ms)
{
    t->seconds = ms / 1000;
    t->nanos = (int32_t)(ms % 1000) * 1000000;
}

static void pack(struct ps_packer *p, struct buf *out, const struct message_ref *ref, struct record *record)
{
    PB(ReceivedMessage) received = GOOGLE__PUBSUB__V1__RECEIVED_MESSAGE__INIT;
    PB(PubsubMessage)   shown = GOOGLE__PUBSUB__V1__PUBSUB_MESSAGE__INIT;
    PB(Timestamp)       publish_time = GOOGLE__PUBSUB__V1__TIMESTAMP__INIT;
    struct message      message;
    char                ack_id[ACKID_TEXT_MAX + 1];
    char                message_id[24];

    message_of(record, &message);
    ps_record_show(&message, &p->arena, &shown);
    snprintf(message_id, sizeof message_id, "%llu",
             (unsigned long long)ps_message_id(ref->lease.partition, ref->offset));
    set_publish_time(&publish_time, ref->append_ms);
    ackid_format(&ref->lease, p->subscription, ack_id);
    shown.message_id = message_id;
    shown.publish_time = &publish_time;
    received.ack_id = ack_id;
    received.message = &shown;
    ps_encode_field(out, RECEIVED_MESSAGES, &received.base);
}

void ps_packer_add(struct ps_packer *p, struct buf *out, const struct message_ref *ref)
{
    struct record record;

    if (read_record(p, ref, &record)) {
        pack(p, out, ref, &record);
        arena_fini(&p->arena);
        return;
    }
    close_batch(p);
    p->unreadable = mem_resize(p->unreadable, (p->unreadable_count + 1) * sizeof *p->unreadable);
    p->unreadable[p->unreadable_count++] = ref->lease;
}
