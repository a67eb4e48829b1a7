/* message.c - see message.h. */
#include "engine/message.h"

static const char *const native_names[DOOR_COUNT] = {
    [DOOR_KAFKA] = NULL,
    [DOOR_AMQP] = "myna-amqp",
    [DOOR_SQS] = "myna-sqs",
    [DOOR_PUBSUB] = "myna-pubsub",
    [DOOR_CONSOLE] = "myna-console",
};

const char *message_native_name(enum door door)
{
    return native_names[door];
}

static enum door native_door(struct bytes name)
{
    if (!bytes_starts(name, "myna-"))
        return DOOR_KAFKA;
    for (int d = 0; d < DOOR_COUNT; d++)
        if (native_names[d] && bytes_eq_str(name, native_names[d]))
            return (enum door)d;
    return DOOR_KAFKA;
}

void message_of(struct record *r, struct message *out)
{
    size_t kept = 0;

    *out = (struct message){
        .timestamp_ms = r->timestamp_ms,
        .key = r->key,
        .value = r->value,
        .origin = DOOR_KAFKA,
    };
    for (size_t i = 0; i < r->header_count; i++) {
        enum door door = native_door(r->headers[i].name);

        if (door != DOOR_KAFKA && out->origin == DOOR_KAFKA) {
            out->origin = door;
            out->native = r->headers[i].value;
        } else {
            r->headers[kept++] = r->headers[i];
        }
    }
    out->header_count = kept;
    out->headers = r->headers;
}

enum err message_strip(struct bytes batch, struct buf *out)
{
    struct batch_reader reader;
    struct batch_writer w;
    struct record       r;
    struct message      m;
    struct batch_head   head;
    enum err            err = batch_open(&reader, batch);
    enum err            found = err;

    batch_begin(&w, out);
    while (!found && batch_next(&reader, &r, &err)) {
        message_of(&r, &m);
        batch_add_at(&w, r.offset_delta, m.timestamp_ms, m.key, m.value, m.headers, m.header_count);
    }
    head = reader.head;
    batch_close(&reader);
    if (found || err)
        return found ? found : err;
    head.attributes &= (uint16_t)~(BATCH_NATIVE | BATCH_CODEC_MASK);
    if (w.count > 0)
        head.base_timestamp_ms = w.base_timestamp_ms;
    batch_seal_head(out->at + w.start, out->len - w.start, &head);
    return ERR_OK;
}
