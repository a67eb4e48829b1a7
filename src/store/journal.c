/*
 * journal.c - see journal.h.
 *
 * Records gather in a draft: the body of the next frame as a list of pieces. Small things are
 * copied into chunks, large payloads are pieces of their own that point into the caller's block.
 * journal_kick hands the draft to the shard, which puts all frames that wait into its next write;
 * so nothing has to be held back here while a commit is under way.
 *
 * A record in a frame's body, all parts aligned to 8 bytes, integers big-endian:
 *
 *     0 kind u8 | 1 head bytes u24 | 4 payload bytes u32 | 8 head | zeros | payload | zeros
 *
 * Positions (J2) are the shard's byte addresses, so a record's is known when it is added: the
 * draft's frame begins where the one before ends.
 *
 *     drafting --journal_kick--> in flight --its mail--> spare or freed
 */
#include "store/journal.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/blob.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    RECORD_HEADER_BYTES = 8,
    RECORD_HEAD_MAX = (1 << 24) - 1,
    COPY_BYTES_MAX = 4095,     /* a longer payload is not copied */
    CHUNK_BYTES = 64 << 10,    /* copied things share allocations of this size */
    FRAME_BYTES = 4 << 20,
    SPARE_MAX = 8,
};

static const uint8_t zeros[8];

struct draft {
    struct append   append;
    struct journal *journal;
    struct list     spare;
    struct iovec   *iov;
    size_t          iov_cap;
    struct block  **holds; /* what pieces point into; the first is a chunk that stays */
    size_t          hold_count;
    size_t          hold_cap;
    uint8_t        *chunk; /* where the next copied byte goes */
    size_t          chunk_left;

    struct blob_part  *parts;
    struct blob_part **last_part;
    uint64_t           part_bytes;
};

/* One piece of a record's blob with its iovecs. */
struct part {
    struct blob_part part;
    struct iovec     iov[];
};

struct journal {
    struct shard          *shard;
    struct journal_options options;
    struct draft          *draft;    /* never NULL once replayed */
    uint64_t               position; /* of the draft's frame */
    uint64_t               durable;
    uint64_t               part_bytes; /* of drafts that are not durable yet */
    uint64_t               from; /* of a running replay, with fn and ctx */
    journal_replay_fn     *fn;
    void                  *ctx;
    size_t                 in_flight;
    struct list            spare;
    size_t                 spare_count;
    bool                   has_loose_part; /* the draft has one whose record is still to come */
    unsigned               groups; /* that are open, one inside the other */
    bool                   is_failed;
    bool                   is_closed; /* freed when the last draft comes back */
};

static size_t pad8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* ---- drafts ---- */

static void draft_hold(struct draft *d, struct block *b)
{
    if (d->hold_count == d->hold_cap) {
        d->hold_cap = d->hold_cap ? d->hold_cap * 2 : 8;
        d->holds = mem_resize(d->holds, d->hold_cap * sizeof(struct block *));
    }
    d->holds[d->hold_count++] = b;
}

static void drop_parts(struct draft *d)
{
    while (d->parts) {
        struct blob_part *p = d->parts;

        d->parts = p->next;
        blob_drop(p->blob);
        free(CONTAINER(p, struct part, part));
    }
    d->last_part = &d->parts;
    d->part_bytes = 0;
}

static void draft_clear(struct draft *d)
{
    drop_parts(d);
    while (d->hold_count > 1)
        block_drop(d->holds[--d->hold_count]);
    d->chunk = d->holds[0]->at;
    d->chunk_left = d->holds[0]->cap;
    d->append.iov_count = 0;
    d->append.bytes = 0;
}

static void draft_free(struct draft *d)
{
    draft_clear(d);
    block_drop(d->holds[0]);
    free(d->holds);
    free(d->iov);
    free(d);
}

static void on_done(struct mail *mail);

static struct draft *draft_take(struct journal *j)
{
    struct list  *l = list_pop(&j->spare);
    struct draft *d;

    if (l) {
        j->spare_count--;
        return CONTAINER(l, struct draft, spare);
    }
    d = mem_new(sizeof *d);
    d->journal = j;
    d->append.mail.run = on_done;
    list_init(&d->spare);
    draft_hold(d, block_new(CHUNK_BYTES));
    draft_clear(d);
    return d;
}

static void draft_give(struct journal *j, struct draft *d)
{
    if (j->spare_count >= SPARE_MAX || j->is_closed) {
        draft_free(d);
        return;
    }
    draft_clear(d);
    list_push(&j->spare, &d->spare);
    j->spare_count++;
}

/* One more piece; it becomes part of the last one when it lies right behind it. */
static void add_piece(struct draft *d, const uint8_t *at, size_t len)
{
    struct iovec *last = d->append.iov_count > 0 ? &d->iov[d->append.iov_count - 1] : NULL;

    d->append.bytes += (uint32_t)len;
    if (last && (uint8_t *)last->iov_base + last->iov_len == at) {
        last->iov_len += len;
        return;
    }
    if (d->append.iov_count == d->iov_cap) {
        d->iov_cap = d->iov_cap ? d->iov_cap * 2 : 8;
        d->iov = mem_resize(d->iov, d->iov_cap * sizeof *d->iov);
    }
    d->iov[d->append.iov_count++] = (struct iovec){ (void *)(uintptr_t)at, len };
}

/* Room for len bytes that are copied; at most CHUNK_BYTES lie in a shared chunk. */
static uint8_t *chunk_room(struct draft *d, size_t len)
{
    uint8_t *at;

    if (len > d->chunk_left) {
        struct block *b = block_new(len > CHUNK_BYTES ? len : CHUNK_BYTES);

        draft_hold(d, b);
        d->chunk = b->at;
        d->chunk_left = b->cap;
    }
    at = d->chunk;
    d->chunk += len;
    d->chunk_left -= len;
    return at;
}

static void copy_padded(uint8_t *at, struct bytes b)
{
    size_t padded = pad8(b.len);

    if (b.len > 0)
        memcpy(at, b.at, b.len);
    memset(at + b.len, 0, padded - b.len);
}

static void add_head(struct draft *d, uint8_t kind, struct bytes head, size_t payload_len)
{
    size_t   len = RECORD_HEADER_BYTES + pad8(head.len);
    uint8_t *at = chunk_room(d, len);

    put_u32(at, (uint32_t)kind << 24 | (uint32_t)head.len);
    put_u32(at + 4, (uint32_t)payload_len);
    copy_padded(at + RECORD_HEADER_BYTES, head);
    add_piece(d, at, len);
}

static void add_payload(struct draft *d, struct slice payload)
{
    size_t len = payload.bytes.len;

    if (len == 0)
        return;
    if (len > COPY_BYTES_MAX && payload.block) {
        draft_hold(d, block_hold(payload.block));
        add_piece(d, payload.bytes.at, len);
        if (pad8(len) > len)
            add_piece(d, zeros, pad8(len) - len);
    } else {
        uint8_t *at = chunk_room(d, pad8(len));

        copy_padded(at, payload.bytes);
        add_piece(d, at, pad8(len));
    }
}

/* ---- adding and committing ---- */

static void submit(struct journal *j)
{
    struct draft *d = j->draft;

    d->append.iov = d->iov;
    d->append.parts = d->parts;
    d->append.position = j->position;
    j->position += FRAME_HEADER_BYTES + d->append.bytes;
    j->in_flight++;
    j->draft = draft_take(j);
    shard_append(j->shard, &d->append);
}

/* A part that has no record yet stays with the one that is added now; a group stays together. */
static void make_room(struct journal *j, size_t len)
{
    uint64_t bytes = j->draft->append.bytes + j->draft->part_bytes;

    if (j->draft->append.bytes > 0 && !j->has_loose_part && j->groups == 0 &&
        bytes + len > j->options.frame_bytes)
        submit(j);
}

void journal_begin_group(struct journal *j)
{
    j->groups++;
}

void journal_end_group(struct journal *j)
{
    assert(j->groups > 0 && !j->has_loose_part);
    j->groups--;
    make_room(j, 0); /* what it was too long for goes on its way */
}

void journal_add_part(struct journal *j, struct blob *blob, uint64_t offset,
                      const struct slice *slices, size_t count)
{
    struct part *p = mem_new(sizeof *p + count * sizeof p->iov[0]);
    size_t       bytes = 0;
    struct draft *d;

    for (size_t i = 0; i < count; i++)
        bytes += slices[i].bytes.len;
    make_room(j, bytes);
    d = j->draft;
    for (size_t i = 0; i < count; i++) {
        draft_hold(d, block_hold(slices[i].block));
        p->iov[i] = (struct iovec){ (void *)(uintptr_t)slices[i].bytes.at, slices[i].bytes.len };
    }
    p->part = (struct blob_part){ blob_hold(blob), offset, p->iov, count, bytes, NULL };
    *d->last_part = &p->part;
    d->last_part = &p->part.next;
    d->part_bytes += bytes;
    j->part_bytes += bytes;
    j->has_loose_part = true;
}

uint64_t journal_add(struct journal *j, uint8_t kind, struct bytes head, struct slice payload)
{
    size_t   len = RECORD_HEADER_BYTES + pad8(head.len) + pad8(payload.bytes.len);
    uint64_t position;

    assert(j->draft && head.len <= RECORD_HEAD_MAX && len <= FRAME_BODY_MAX);
    make_room(j, len);
    assert(j->draft->append.bytes + len <= FRAME_BODY_MAX);
    add_head(j->draft, kind, head, payload.bytes.len);
    position = j->position + FRAME_HEADER_BYTES + j->draft->append.bytes;
    add_payload(j->draft, payload);
    j->has_loose_part = false;
    return position;
}

void journal_kick(struct journal *j)
{
    assert(!j->has_loose_part && j->groups == 0);
    if (j->draft && j->draft->append.bytes > 0)
        submit(j);
}

static void journal_free(struct journal *j)
{
    struct list *l;

    if (j->draft)
        draft_free(j->draft);
    while ((l = list_pop(&j->spare)) != NULL)
        draft_free(CONTAINER(l, struct draft, spare));
    free(j);
}

/* J3: the first failure is told, and after it no completion counts. */
static void fail(struct journal *j, const struct append *a)
{
    if (j->is_failed)
        return;
    j->is_failed = true;
    if (!j->is_closed)
        j->options.on_failed(j->options.ctx, a->err, a->what);
}

static void on_done(struct mail *mail)
{
    struct append  *a = CONTAINER(mail, struct append, mail);
    struct draft   *d = CONTAINER(a, struct draft, append);
    struct journal *j = d->journal;

    j->in_flight--;
    j->part_bytes -= d->part_bytes;
    if (a->err) {
        fail(j, a);
    } else if (!j->is_failed) {
        j->durable = a->position + FRAME_HEADER_BYTES + a->bytes;
        if (!j->is_closed)
            j->options.on_durable(j->options.ctx, j->durable);
    }
    draft_give(j, d);
    if (j->is_closed && j->in_flight == 0)
        journal_free(j);
}

/* ---- replay ---- */

struct record {
    uint8_t      kind;
    struct bytes head;
    struct bytes payload;
};

static bool decode_record(struct rd *r, struct record *out)
{
    struct bytes header = rd_bytes(r, RECORD_HEADER_BYTES);
    struct bytes rest;
    uint32_t     first;
    size_t       head_len;
    size_t       payload_len;

    if (!header.at)
        return false;
    first = get_u32(header.at);
    head_len = first & RECORD_HEAD_MAX;
    payload_len = get_u32(header.at + 4);
    rest = rd_bytes(r, pad8(head_len) + pad8(payload_len));
    if (!rest.at)
        return false;
    out->kind = (uint8_t)(first >> 24);
    out->head = bytes_of(rest.at, head_len);
    out->payload = bytes_of(rest.at + pad8(head_len), payload_len);
    return true;
}

/* The body passed its checksum, so a record that makes no sense was written so: by a bug, or by
 * another program. */
enum err journal_each(struct bytes body, uint64_t position, journal_replay_fn *fn, void *ctx)
{
    struct rd     r = rd_of(body);
    struct record record;
    enum err      err = ERR_OK;

    while (rd_left(&r) > 0 && !err) {
        if (!decode_record(&r, &record)) {
            diag(DIAG_ERROR, "journal: malformed record in the frame at position %" PRIu64,
                 position);
            return ERR_CORRUPT;
        }
        err = fn(ctx, record.kind, record.head, record.payload,
                 position + (uint64_t)(record.payload.at - body.at));
    }
    return err;
}

static enum err replay_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                              uint64_t position)
{
    struct journal *j = ctx;

    if (position + pad8(payload.len) <= j->from)
        return ERR_OK;
    return j->fn(j->ctx, kind, head, payload, position);
}

static enum err replay_frame(void *ctx, struct bytes body, uint64_t position)
{
    return journal_each(body, position, replay_record, ctx);
}

enum err journal_replay(struct journal *j, uint64_t from, journal_replay_fn *fn, void *ctx)
{
    enum err err;

    assert(!j->draft);
    j->from = from;
    j->fn = fn;
    j->ctx = ctx;
    err = shard_replay(j->shard, from, replay_frame, j);
    if (!err)
        err = shard_start(j->shard, j->options.file_bytes, &j->position);
    if (err)
        return err;
    j->durable = j->position;
    j->draft = draft_take(j);
    return ERR_OK;
}

/* ---- the rest ---- */

enum err journal_open(struct journal **out, struct shard *shard,
                      const struct journal_options *options)
{
    struct journal *j = mem_new(sizeof *j);

    j->shard = shard;
    j->options = *options;
    if (j->options.frame_bytes == 0)
        j->options.frame_bytes = FRAME_BYTES;
    list_init(&j->spare);
    *out = j;
    return ERR_OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    j->is_closed = true;
    if (j->in_flight == 0)
        journal_free(j);
}

uint64_t journal_end(const struct journal *j)
{
    uint32_t bytes = j->draft ? j->draft->append.bytes : 0;

    return j->position + (bytes > 0 ? FRAME_HEADER_BYTES + bytes : 0);
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable;
}

bool journal_is_idle(const struct journal *j)
{
    return j->in_flight == 0 && (j->is_failed || journal_end(j) == j->position);
}

uint64_t journal_pending_bytes(const struct journal *j)
{
    return journal_end(j) - j->durable + j->part_bytes;
}

bool journal_is_full(const struct journal *j)
{
    return shard_is_full(j->shard);
}

enum err journal_view(struct journal *j, uint64_t position, uint32_t len, struct slice *out)
{
    return shard_view(j->shard, position, len, out);
}

void journal_trim(struct journal *j, uint64_t position)
{
    shard_trim(j->shard, position);
}

uint64_t journal_start(const struct journal *j)
{
    return shard_oldest(j->shard);
}
