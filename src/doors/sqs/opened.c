/* opened.c - see opened.h. */
#include "doors/sqs/opened.h"

void opened_init(struct opened *o, struct arena *a, const struct uuid *topic, struct bytes account)
{
    *o = (struct opened){ .arena = a, .topic = *topic, .account = account };
}

static void leave(struct opened *o)
{
    if (o->batch)
        batch_close(&o->reader);
    o->batch = NULL;
}

void opened_fini(struct opened *o)
{
    leave(o);
}

/* Puts the reader before the record of this delta. */
static bool enter(struct opened *o, struct bytes batch, int64_t delta)
{
    if (o->batch == batch.at && delta > o->read_to)
        return true;
    leave(o);
    if (batch_open(&o->reader, batch) != ERR_OK)
        return false;
    o->batch = batch.at;
    return true;
}

static bool find(struct opened *o, const struct message_ref *ref, struct record *out)
{
    int64_t delta = (int64_t)(ref->offset - ref->base_offset);

    if (delta == 0 && batch_read_single(ref->batch.bytes, out, o->headers, COUNT(o->headers)))
        return true;
    if (delta > INT32_MAX || !enter(o, ref->batch.bytes, delta))
        return false;
    o->read_to = delta;
    return batch_find(&o->reader, (int32_t)delta, out);
}

void opened_read(struct opened *o, const struct message_ref *ref, struct sqs_message *out)
{
    struct place   place = { o->topic, ref->lease.partition, ref->offset, o->account };
    struct record  record;
    struct message message;

    if (!find(o, ref, &record)) {
        record_unreadable(&place, out);
        return;
    }
    message_of(&record, &message);
    record_read(o->arena, &message, &place, out);
}
