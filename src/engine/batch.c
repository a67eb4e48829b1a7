/* batch.c - header, reader and writer of record batches; see batch.h. Inflation is in inflate.c. */
#include "engine/batch.h"
#include "base/crc32c.h"
#include "engine/inflate.h"

#include <assert.h>

/* Byte offsets of the header's fields (batch.h). */
enum {
    AT_LENGTH = 8,
    AT_LEADER_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_DELTA = 23,
    AT_BASE_TIMESTAMP = 27,
    AT_MAX_TIMESTAMP = 35,
    AT_PRODUCER_ID = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_BASE_SEQUENCE = 53,
    AT_RECORD_COUNT = 57,
    LENGTH_EXCLUDES = 12, /* batchLength counts what follows it */
    MAGIC = 2,
};

/* A count that the bytes cannot hold would make queues hand out messages that are not there. */
static size_t records_max(size_t len, uint16_t attributes)
{
    if (attributes & BATCH_CODEC_MASK)
        return BATCH_RECORDS_MAX;
    return (len - BATCH_HEADER_BYTES) / RECORD_BYTES_MIN;
}

static void read_head(const uint8_t *p, struct batch_head *out)
{
    *out = (struct batch_head){
        .base_offset = (int64_t)get_u64(p),
        .leader_epoch = (int32_t)get_u32(p + AT_LEADER_EPOCH),
        .crc = get_u32(p + AT_CRC),
        .attributes = get_u16(p + AT_ATTRIBUTES),
        .last_offset_delta = (int32_t)get_u32(p + AT_LAST_DELTA),
        .base_timestamp_ms = (int64_t)get_u64(p + AT_BASE_TIMESTAMP),
        .max_timestamp_ms = (int64_t)get_u64(p + AT_MAX_TIMESTAMP),
        .producer_id = (int64_t)get_u64(p + AT_PRODUCER_ID),
        .producer_epoch = (int16_t)get_u16(p + AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)get_u32(p + AT_BASE_SEQUENCE),
        .record_count = (int32_t)get_u32(p + AT_RECORD_COUNT),
    };
}

enum err batch_first(struct bytes b, struct batch_head *out, size_t *len)
{
    if (b.len < BATCH_HEADER_BYTES || b.at[AT_MAGIC] != MAGIC)
        return ERR_BAD_RECORD;
    *len = (size_t)get_u32(b.at + AT_LENGTH) + LENGTH_EXCLUDES;
    if (*len < BATCH_HEADER_BYTES || *len > BATCH_BYTES_MAX || *len > b.len)
        return ERR_BAD_RECORD;
    read_head(b.at, out);
    if (out->record_count < 0 || out->last_offset_delta < 0 ||
        out->record_count - 1 > out->last_offset_delta)
        return ERR_BAD_RECORD;
    return (size_t)out->record_count <= records_max(*len, out->attributes) ? ERR_OK
                                                                           : ERR_BAD_RECORD;
}

enum err batch_head(struct bytes b, struct batch_head *out)
{
    size_t   len;
    enum err err = batch_first(b, out, &len);

    if (err)
        return err;
    return len == b.len ? ERR_OK : ERR_BAD_RECORD;
}

enum err batch_head_dense(struct bytes b, struct batch_head *out)
{
    enum err err = batch_head(b, out);

    if (err)
        return err;
    return out->record_count == out->last_offset_delta + 1ll ? ERR_OK : ERR_BAD_RECORD;
}

static uint32_t crc_of(const uint8_t *batch, size_t len)
{
    return crc32c(0, batch + AT_ATTRIBUTES, len - AT_ATTRIBUTES);
}

bool batch_is_whole(struct bytes b, const struct batch_head *head)
{
    return crc_of(b.at, b.len) == head->crc;
}

enum err batch_check(struct bytes b, struct batch_head *out)
{
    enum err err = batch_head(b, out);

    if (err)
        return err;
    return batch_is_whole(b, out) ? ERR_OK : ERR_CORRUPT;
}

void batch_patch(uint8_t *batch, uint64_t base_offset, uint32_t leader_epoch)
{
    put_u64(batch, base_offset);
    put_u32(batch + AT_LEADER_EPOCH, leader_epoch);
}

void batch_set_append_time(uint8_t *batch, size_t len, int64_t now_ms)
{
    put_u64(batch + AT_MAX_TIMESTAMP, (uint64_t)now_ms);
    put_u16(batch + AT_ATTRIBUTES, (uint16_t)(get_u16(batch + AT_ATTRIBUTES) | BATCH_APPEND_TIME));
    put_u32(batch + AT_CRC, crc_of(batch, len));
}

enum err batch_open(struct batch_reader *r, struct bytes batch)
{
    struct bytes records;
    enum err     err;

    *r = (struct batch_reader){ 0 };
    err = batch_head(batch, &r->head);
    if (err)
        return err;
    records = bytes_of(batch.at + BATCH_HEADER_BYTES, batch.len - BATCH_HEADER_BYTES);
    if ((r->head.attributes & BATCH_CODEC_MASK) != CODEC_NONE) {
        err = inflate_records(r->head.attributes & BATCH_CODEC_MASK, records, &r->inflated);
        if (err) {
            batch_close(r);
            return err;
        }
        records = buf_view(&r->inflated);
    }
    r->records = rd_of(records);
    return ERR_OK;
}

void batch_close(struct batch_reader *r)
{
    buf_fini(&r->inflated);
    arena_fini(&r->arena);
}

/* A varint length, -1 for null, then so many bytes. */
static struct bytes nullable(struct rd *r)
{
    int32_t len = rd_varint32(r);

    if (len < 0)
        return bytes_of(NULL, 0);
    return rd_bytes(r, (size_t)len);
}

/* Everything before the headers; in is left at their count. */
static void read_fields(struct rd *records, int64_t base_ms, struct record *out, struct rd *in)
{
    int32_t len = rd_varint32(records);

    *in = rd_of(rd_bytes(records, len < 0 ? SIZE_MAX : (size_t)len));
    *out = (struct record){ 0 };
    rd_u8(in); /* attributes: unused */
    out->timestamp_ms = (int64_t)((uint64_t)base_ms + (uint64_t)rd_varint64(in));
    out->offset_delta = rd_varint32(in);
    out->key = nullable(in);
    out->value = nullable(in);
}

static void read_headers(struct rd *in, struct record *out)
{
    for (size_t i = 0; i < out->header_count; i++) {
        out->headers[i].name = nullable(in);
        out->headers[i].value = nullable(in);
    }
}

static void read_headers_into(struct batch_reader *r, struct rd *in, struct record *out)
{
    int32_t n = rd_varint32(in);

    arena_fini(&r->arena);
    /* A header takes at least two bytes, so a count beyond that is a lie and must not be allocated. */
    if (n < 0 || n > RECORD_HEADERS_MAX || (size_t)n > rd_left(in) / 2 + 1) {
        rd_fail(in);
        return;
    }
    out->header_count = (size_t)n;
    out->headers = n > 0 ? arena_array(&r->arena, (size_t)n, sizeof *out->headers) : NULL;
    read_headers(in, out);
}

bool batch_next(struct batch_reader *r, struct record *out, enum err *err)
{
    struct rd in;

    if (err)
        *err = ERR_OK;
    if (r->read == r->head.record_count)
        return false;
    read_fields(&r->records, r->head.base_timestamp_ms, out, &in);
    read_headers_into(r, &in, out);
    if (r->records.failed || in.failed) {
        if (err)
            *err = ERR_BAD_RECORD;
        return false;
    }
    if (r->head.attributes & BATCH_APPEND_TIME)
        out->timestamp_ms = r->head.max_timestamp_ms;
    r->read++;
    return true;
}

bool batch_next_raw(struct batch_reader *r, struct raw_record *out, enum err *err)
{
    const uint8_t *from = r->records.at;
    struct rd      in;
    int32_t        len;

    if (err)
        *err = ERR_OK;
    if (r->read == r->head.record_count)
        return false;
    len = rd_varint32(&r->records);
    in = rd_of(rd_bytes(&r->records, len < 0 ? SIZE_MAX : (size_t)len));
    out->attributes = rd_u8(&in);
    out->timestamp_delta = rd_varint64(&in);
    out->tail.at = in.at;
    out->offset_delta = rd_varint32(&in);
    out->key = nullable(&in);
    out->value = nullable(&in);
    if (r->records.failed || in.failed) {
        if (err)
            *err = ERR_BAD_RECORD;
        return false;
    }
    out->tail.len = (size_t)(in.end - out->tail.at);
    out->whole = bytes_of(from, (size_t)(r->records.at - from));
    r->read++;
    return true;
}

enum err batch_oldest_ms(struct bytes batch, int64_t *out)
{
    struct batch_reader reader;
    struct raw_record   r;
    enum err            err = batch_open(&reader, batch);
    enum err            found = err;

    *out = INT64_MAX;
    while (!found && batch_next_raw(&reader, &r, &err)) {
        int64_t ms;

        if (__builtin_add_overflow(reader.head.base_timestamp_ms, r.timestamp_delta, &ms))
            found = ERR_BAD_RECORD;
        else if (ms < *out)
            *out = ms;
    }
    batch_close(&reader);
    return found ? found : err;
}

enum err batch_check_keys(struct bytes batch)
{
    struct batch_reader reader;
    struct raw_record   r;
    enum err            err = batch_open(&reader, batch);
    enum err            found = err;

    for (int32_t i = 0; !found && batch_next_raw(&reader, &r, &err); i++)
        if (r.offset_delta != i)
            found = ERR_BAD_RECORD;
        else if (bytes_is_null(r.key))
            found = ERR_NO_KEY;
    batch_close(&reader);
    return found ? found : err;
}

bool batch_find(struct batch_reader *r, int32_t offset_delta, struct record *out)
{
    while (batch_next(r, out, NULL))
        if (out->offset_delta == offset_delta)
            return true;
    return false;
}

bool batch_read_single(struct bytes batch, struct record *out, struct header *headers,
                       size_t headers_max)
{
    struct batch_head head;
    struct rd         records;
    struct rd         in;
    int32_t           n;

    if (batch_head_dense(batch, &head) != ERR_OK || head.record_count != 1 ||
        (head.attributes & (BATCH_CODEC_MASK | BATCH_APPEND_TIME)) != 0)
        return false;
    records = rd_of(bytes_of(batch.at + BATCH_HEADER_BYTES, batch.len - BATCH_HEADER_BYTES));
    read_fields(&records, head.base_timestamp_ms, out, &in);
    n = rd_varint32(&in);
    if (in.failed || n < 0 || (size_t)n > headers_max)
        return false;
    out->header_count = (size_t)n;
    out->headers = headers;
    read_headers(&in, out);
    return !in.failed && !records.failed;
}

/* Its key is a version and a type, big-endian; newer versions may add to it. */
bool batch_read_marker(struct bytes batch, bool *is_commit)
{
    struct record r;
    uint16_t      type;

    if (!batch_read_single(batch, &r, NULL, 0) || r.key.len < 4)
        return false;
    type = get_u16(r.key.at + 2);
    *is_commit = type == 1;
    return type <= 1;
}

void batch_begin(struct batch_writer *w, struct buf *out)
{
    *w = (struct batch_writer){ .out = out, .start = out->len };
    buf_grow(out, BATCH_HEADER_BYTES);
}

static size_t nullable_len(struct bytes b)
{
    return bytes_is_null(b) ? 1 : varint_len((int64_t)b.len) + b.len;
}

static void add_nullable(struct buf *out, struct bytes b)
{
    buf_varint(out, bytes_is_null(b) ? -1 : (int64_t)b.len);
    buf_bytes(out, b);
}

/* Only doors write such names here: batches that Kafka clients send are stored as they are. */
static bool is_reserved(struct bytes name)
{
    return bytes_starts(name, "myna-");
}

void batch_add_at(struct batch_writer *w, int32_t offset_delta, int64_t timestamp_ms, struct bytes key,
                  struct bytes value, const struct header *headers, size_t header_count)
{
    int64_t delta_ms = w->count > 0 ? timestamp_ms - w->base_timestamp_ms : 0;
    size_t  len = 1 + varint_len(delta_ms) + varint_len(offset_delta) + nullable_len(key) +
                 nullable_len(value) + varint_len((int64_t)header_count);

    if (w->count == 0)
        w->base_timestamp_ms = w->max_timestamp_ms = timestamp_ms;
    if (timestamp_ms > w->max_timestamp_ms)
        w->max_timestamp_ms = timestamp_ms;
    for (size_t i = 0; i < header_count; i++) {
        len += nullable_len(headers[i].name) + nullable_len(headers[i].value);
        if (is_reserved(headers[i].name))
            w->attributes |= BATCH_NATIVE;
    }
    buf_varint(w->out, (int64_t)len);
    buf_u8(w->out, 0);
    buf_varint(w->out, delta_ms);
    buf_varint(w->out, offset_delta);
    add_nullable(w->out, key);
    add_nullable(w->out, value);
    buf_varint(w->out, (int64_t)header_count);
    for (size_t i = 0; i < header_count; i++) {
        add_nullable(w->out, headers[i].name);
        add_nullable(w->out, headers[i].value);
    }
    w->count++;
}

void batch_add(struct batch_writer *w, int64_t timestamp_ms, struct bytes key, struct bytes value,
               const struct header *headers, size_t header_count)
{
    batch_add_at(w, w->count, timestamp_ms, key, value, headers, header_count);
}

void batch_end(struct batch_writer *w)
{
    assert(w->count > 0);
    batch_seal(w->out->at + w->start, w->out->len - w->start, w->attributes, w->count,
               w->base_timestamp_ms, w->max_timestamp_ms);
}

bool batch_has_native(struct bytes batch)
{
    return (get_u16(batch.at + AT_ATTRIBUTES) & (BATCH_NATIVE | BATCH_CODEC_MASK)) == BATCH_NATIVE;
}

void batch_seal(uint8_t *p, size_t len, uint16_t attributes, int32_t count, int64_t base_ms,
                int64_t max_ms)
{
    batch_seal_head(p, len,
                    &(struct batch_head){ .attributes = attributes,
                                          .last_offset_delta = count - 1,
                                          .base_timestamp_ms = base_ms,
                                          .max_timestamp_ms = max_ms,
                                          .producer_id = -1,
                                          .producer_epoch = -1,
                                          .base_sequence = -1,
                                          .record_count = count });
}

void batch_seal_head(uint8_t *p, size_t len, const struct batch_head *head)
{
    memset(p, 0, BATCH_HEADER_BYTES);
    put_u64(p, (uint64_t)head->base_offset);
    put_u32(p + AT_LENGTH, (uint32_t)(len - LENGTH_EXCLUDES));
    p[AT_MAGIC] = MAGIC;
    put_u16(p + AT_ATTRIBUTES, head->attributes);
    put_u32(p + AT_LAST_DELTA, (uint32_t)head->last_offset_delta);
    put_u64(p + AT_BASE_TIMESTAMP, (uint64_t)head->base_timestamp_ms);
    put_u64(p + AT_MAX_TIMESTAMP, (uint64_t)head->max_timestamp_ms);
    put_u64(p + AT_PRODUCER_ID, (uint64_t)head->producer_id);
    put_u16(p + AT_PRODUCER_EPOCH, (uint16_t)head->producer_epoch);
    put_u32(p + AT_BASE_SEQUENCE, (uint32_t)head->base_sequence);
    put_u32(p + AT_RECORD_COUNT, (uint32_t)head->record_count);
    put_u32(p + AT_CRC, crc_of(p, len));
}
