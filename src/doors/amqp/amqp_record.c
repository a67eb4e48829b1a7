/* amqp_record.c - see amqp_record.h. */
#include "doors/amqp/amqp_record.h"

#include "doors/amqp/amqp_text.h"
#include "engine/message.h"
#include "engine/table.h"

#include <assert.h>

/* ---- in ---- */

/* The table without its entries of one name; returns false when there is none. */
static bool cut_entry(struct bytes table, const char *unwanted, struct buf *out)
{
    struct table_reader r = table_open(table);
    struct table_value  v;
    struct bytes        name;
    const uint8_t      *from = table.at;
    bool                found = false;

    while (table_next(&r, &name, &v)) {
        if (bytes_eq_str(name, unwanted))
            found = true;
        else
            buf_add(out, from, (size_t)(r.rd.at - from));
        from = r.rd.at;
    }
    return found;
}

/* Everything but the headers table is one run before and one after it. */
static void add_without_bcc(struct buf *out, const struct record_parts *p)
{
    const uint8_t *table = p->properties.headers.at;
    const uint8_t *behind = table + p->properties.headers.len;
    size_t         start;

    buf_add(out, p->raw.at, (size_t)(table - p->raw.at));
    start = out->len;
    cut_entry(p->properties.headers, "BCC", out);
    put_u32(out->at + start - 4, (uint32_t)(out->len - start));
    buf_add(out, behind, (size_t)(p->raw.at + p->raw.len - behind));
}

/* Notes where the headers table comes to lie. */
static void add_native(struct record_draft *d, const struct record_parts *p, bool has_bcc)
{
    struct buf *out = &d->tail;

    buf_u8(out, RECORD_NATIVE_VERSION);
    buf_u8(out, (uint8_t)p->exchange.len);
    buf_bytes(out, p->exchange);
    d->headers_len = p->properties.headers.len;
    d->headers_at = out->len;
    if (d->headers_len > 0)
        d->headers_at += (size_t)(p->properties.headers.at - p->raw.at);
    if (has_bcc)
        add_without_bcc(out, p);
    else
        buf_bytes(out, p->raw);
    if (has_bcc)
        d->headers_len = get_u32(out->at + d->headers_at - 4);
}

/* The length of what was appended at start in front of it, as it is known only then. Returns how far that moved. */
static size_t insert_varint(struct buf *out, size_t start)
{
    size_t len = out->len - start;
    size_t n = varint_len((int64_t)len);

    buf_grow(out, n);
    memmove(out->at + start + n, out->at + start, len);
    out->len = start;
    buf_varint(out, (int64_t)len);
    out->len = start + n + len;
    return n;
}

static size_t add_text_headers(struct buf *out, struct bytes table)
{
    struct table_reader r = table_open(table);
    struct table_value  v;
    struct bytes        name;
    size_t              count = 0;

    while (table_next(&r, &name, &v)) {
        size_t start;

        if (bytes_eq_str(name, "BCC"))
            continue;
        count++;
        buf_varint(out, (int64_t)name.len);
        buf_bytes(out, name);
        start = out->len;
        if (amqp_text(out, &v))
            insert_varint(out, start);
        else
            buf_varint(out, -1);
    }
    return count;
}

static size_t count_entries(struct bytes table, bool *has_bcc)
{
    struct table_reader r = table_open(table);
    struct table_value  v;
    struct bytes        name;
    size_t              count = 0;

    while (table_next(&r, &name, &v)) {
        if (bytes_eq_str(name, "BCC"))
            *has_bcc = true;
        else
            count++;
    }
    return count;
}

/* What follows the body: the count of headers, the native one first so that it is found first, the others as text. */
static void add_tail(struct record_draft *d, const struct record_parts *p)
{
    struct buf  *out = &d->tail;
    struct bytes native_name = bytes_str(message_native_name(DOOR_AMQP));
    bool         has_bcc = false;
    size_t       count = 1;
    size_t       start;

    if (p->properties.headers.len > 0)
        count += count_entries(p->properties.headers, &has_bcc);
    buf_varint(out, (int64_t)count);
    buf_varint(out, (int64_t)native_name.len);
    buf_bytes(out, native_name);
    start = out->len;
    add_native(d, p, has_bcc);
    d->headers_at += insert_varint(out, start);
    if (count > 1)
        add_text_headers(out, p->properties.headers);
}

static uint8_t *put_varint(uint8_t *at, int64_t v)
{
    uint64_t u = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);

    while (u >= 0x80) {
        *at++ = (uint8_t)(u | 0x80);
        u >>= 7;
    }
    *at++ = (uint8_t)u;
    return at;
}

/* attributes, time delta and offset delta of the only record of a batch: all zero. */
enum { RECORD_ZEROES = 3 };

/* ---- memory ---- */

enum {
    MINT_BLOCK_BYTES = 64 * 1024,
    MINT_BATCH_BYTES_MAX = 8 * 1024, /* a larger one has a block of its own */
    MINT_HOLDS = 1024,               /* a batch is larger than MINT_BLOCK_BYTES / MINT_HOLDS */
    MINT_ALIGN = 8,
};
_Static_assert(MINT_BLOCK_BYTES / MINT_HOLDS <= BATCH_HEADER_BYTES + MINT_ALIGN, "holds run out");

static void mint_retire(struct record_mint *m)
{
    if (m->block)
        block_drop_many(m->block, m->holds);
    *m = (struct record_mint){ 0 };
}

void amqp_record_mint_fini(struct record_mint *m)
{
    mint_retire(m);
}

/* The hold passes to the draft. */
static void mint_cut(struct record_mint *m, struct record_draft *d)
{
    size_t n = (d->total + MINT_ALIGN - 1) & ~(size_t)(MINT_ALIGN - 1);

    if (m->block && MINT_BLOCK_BYTES - m->used < n)
        mint_retire(m);
    if (!m->block) {
        m->block = block_new(MINT_BLOCK_BYTES);
        m->holds = MINT_HOLDS;
        block_hold_many(m->block, MINT_HOLDS - 1);
    }
    assert(m->holds > 0);
    m->holds--;
    d->block = m->block;
    d->at = m->block->at + m->used;
    d->room = d->total;
    m->used += n;
}

static void draft_begin(struct record_draft *d, struct record_mint *mint)
{
    if (d->total <= MINT_BATCH_BYTES_MAX) {
        mint_cut(mint, d);
        return;
    }
    d->room = d->total < RECORD_TRUST_BYTES ? d->total : RECORD_TRUST_BYTES;
    d->block = block_new(d->room);
    d->at = d->block->at;
}

/* Doubles what really came, so that an announced length alone costs nothing. */
static void make_room(struct record_draft *d, size_t n)
{
    size_t        room = 2 * d->room;
    struct block *bigger;

    if (d->filled + n <= d->room)
        return;
    if (room < d->filled + n)
        room = d->filled + n;
    if (room > d->total)
        room = d->total;
    bigger = block_new(room);
    memcpy(bigger->at, d->at, d->filled);
    block_drop(d->block);
    d->block = bigger;
    d->at = bigger->at;
    d->room = room;
}

/* ---- drafts ---- */

void amqp_record_open(struct record_draft *d, const struct record_parts *p,
                      struct record_mint *mint)
{
    int64_t key_len = p->key.len > 0 ? (int64_t)p->key.len : -1;
    size_t  before =
        RECORD_ZEROES + varint_len(key_len) + p->key.len + varint_len((int64_t)p->body_len);
    size_t   len;
    uint8_t *at;

    assert(!d->block);
    buf_clear(&d->tail);
    add_tail(d, p);
    len = before + (size_t)p->body_len + d->tail.len;
    d->total = BATCH_HEADER_BYTES + varint_len((int64_t)len) + len;
    d->now_ms = p->now_ms;
    draft_begin(d, mint);
    at = put_varint(d->at + BATCH_HEADER_BYTES, (int64_t)len);
    memset(at, 0, RECORD_ZEROES);
    at = put_varint(at + RECORD_ZEROES, key_len);
    if (p->key.len > 0)
        memcpy(at, p->key.at, p->key.len);
    at = put_varint(at + p->key.len, (int64_t)p->body_len);
    d->filled = (size_t)(at - d->at);
}

void amqp_record_add(struct record_draft *d, struct bytes body)
{
    assert(d->filled + body.len + d->tail.len <= d->total);
    if (body.len == 0)
        return;
    make_room(d, body.len);
    memcpy(d->at + d->filled, body.at, body.len);
    d->filled += body.len;
}

struct slice amqp_record_close(struct record_draft *d)
{
    struct slice batch;

    assert(d->filled + d->tail.len == d->total);
    make_room(d, d->tail.len);
    memcpy(d->at + d->filled, d->tail.at, d->tail.len);
    batch_seal(d->at, d->total, BATCH_NATIVE, 1, d->now_ms, d->now_ms);
    batch = slice_of(d->block, d->at, d->total);
    d->block = NULL;
    return batch;
}

struct bytes amqp_record_headers(const struct record_draft *d, struct bytes batch)
{
    return bytes_of(batch.at + batch.len - d->tail.len + d->headers_at, d->headers_len);
}

void amqp_record_abort(struct record_draft *d)
{
    block_drop(d->block);
    d->block = NULL;
}

void amqp_record_draft_fini(struct record_draft *d)
{
    amqp_record_abort(d);
    buf_fini(&d->tail);
}

/* ---- out ---- */

static bool read_native(struct bytes native, struct record_message *out)
{
    struct rd r = rd_of(native);
    uint8_t   version = rd_u8(&r);
    uint8_t   exchange_len = rd_u8(&r);

    out->exchange = rd_bytes(&r, exchange_len);
    out->properties = rd_bytes(&r, rd_left(&r));
    return !r.failed && version == RECORD_NATIVE_VERSION && out->properties.len >= 2;
}

static void add_header(struct buf *out, const struct header *h)
{
    buf_u8(out, (uint8_t)h->name.len);
    buf_bytes(out, h->name);
    if (bytes_is_null(h->value)) {
        buf_u8(out, 'V');
        return;
    }
    buf_u8(out, bytes_is_utf8(h->value) ? 'S' : 'x');
    buf_u32(out, (uint32_t)h->value.len);
    buf_bytes(out, h->value);
}

/* flags, then by flag: headers, delivery mode, timestamp. */
static void foreign_properties(struct buf *out, const struct message *m, size_t bytes_max)
{
    uint16_t flags = PROPERTY_DELIVERY_MODE | PROPERTY_TIMESTAMP;
    size_t   behind = 1 + 8;
    size_t   start;

    buf_clear(out);
    buf_u16(out, flags);
    buf_u32(out, 0);
    start = out->len;
    for (size_t i = 0; i < m->header_count; i++) {
        const struct header *h = &m->headers[i];
        size_t               len = 1 + h->name.len + 1 + 4 + h->value.len;

        if (h->name.len <= UINT8_MAX && out->len + len + behind <= bytes_max)
            add_header(out, h);
    }
    if (out->len > start) {
        put_u16(out->at, flags | PROPERTY_HEADERS);
        put_u32(out->at + start - 4, (uint32_t)(out->len - start));
    } else {
        out->len -= 4;
    }
    buf_u8(out, DELIVERY_PERSISTENT);
    buf_u64(out, m->timestamp_ms > 0 ? (uint64_t)m->timestamp_ms / 1000 : 0);
}

static void from_message(struct record_reader *r, const struct message *m, struct bytes queue,
                         size_t header_bytes_max, struct record_message *out)
{
    bool key_fits = m->key.len > 0 && m->key.len <= UINT8_MAX;

    out->body = m->value;
    if (m->origin == DOOR_AMQP && m->key.len <= UINT8_MAX && read_native(m->native, out)) {
        out->key = m->key;
        return;
    }
    out->exchange = bytes_of(NULL, 0);
    out->key = key_fits ? m->key : queue;
    foreign_properties(&r->properties, m, header_bytes_max - CONTENT_HEAD_BYTES);
    out->properties = buf_view(&r->properties);
}

bool amqp_record_read(struct record_reader *r, struct bytes batch, int32_t delta,
                      struct bytes queue, size_t header_bytes_max, struct record_message *out)
{
    struct record  record;
    struct message m;

    if (r->is_open)
        batch_close(&r->batch);
    r->is_open = false;
    if (delta != 0 || !batch_read_single(batch, &record, r->headers, RECORD_FAST_HEADERS)) {
        if (batch_open(&r->batch, batch) != ERR_OK)
            return false;
        r->is_open = true;
        if (!batch_find(&r->batch, delta, &record))
            return false;
    }
    message_of(&record, &m);
    from_message(r, &m, queue, header_bytes_max, out);
    return true;
}

void amqp_record_reader_fini(struct record_reader *r)
{
    if (r->is_open)
        batch_close(&r->batch);
    r->is_open = false;
    buf_fini(&r->properties);
}
