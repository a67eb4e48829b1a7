/* room.c - see room.h. */
#include "engine/room.h"
#include "engine/log_int.h"

#include <assert.h>
#include <stdlib.h>

enum {
    TRIES_MAX = 3,
    OPEN_MAX = 64,               /* segments that are appended to; beyond, the longest unused is closed */
    RESERVE_BYTES = 64 << 20,    /* space is taken in steps of this size */
    RESERVE_AHEAD = 32 << 20,    /* when less is left, the next step is taken */
};

/* Something a segment needs done in the background. The tidy thread has what lies between the
 * marks. */
struct errand {
    struct work     work;
    struct engine  *engine; /* NULL: it is gone */
    struct segment *segment;
    struct list     in_errands;
    void (*then)(struct engine *e, struct errand *r);
    /* for the tidy thread */
    enum err (*job)(struct errand *r);
    struct shard  *shard;
    struct blob_id id;
    uint64_t       log;
    struct blob   *blob; /* in, or out of create */
    uint64_t       bytes;
    enum err       err; /* out */
    /* until here */
};

void room_init(struct rooms *r, uint64_t segment_bytes)
{
    *r = (struct rooms){ .segment_bytes = segment_bytes };
    idmap_init(&r->segments);
    list_init(&r->waiting);
    list_init(&r->open);
    list_init(&r->empty);
    list_init(&r->sparse);
    list_init(&r->errands);
}

struct segment *room_find(const struct engine *e, uint64_t number)
{
    return idmap_get(&e->rooms.segments, number);
}

static struct segment *segment_new(struct engine *e, struct blob_id id, uint64_t log)
{
    struct segment *s = mem_new(sizeof *s);

    row_init(&s->row, ROW_SEGMENT);
    s->id = id;
    s->log = log;
    s->end = SEGMENT_HEADER_BYTES;
    list_init(&s->in_rooms);
    idmap_put(&e->rooms.segments, id.number, s);
    if (id.number > e->rooms.last_number)
        e->rooms.last_number = id.number;
    return s;
}

static void segment_free(struct segment *s)
{
    list_remove(&s->in_rooms);
    blob_drop(s->blob);
    free(s);
}

/* ---- errands ---- */

static void run_errand(struct work *w)
{
    struct errand *r = CONTAINER(w, struct errand, work);

    r->err = r->job(r);
}

static void on_errand(struct mail *mail)
{
    struct errand *r = CONTAINER(CONTAINER(mail, struct work, mail), struct errand, work);
    struct engine *e = r->engine;

    if (e) {
        list_remove(&r->in_errands);
        if (r->err && r->err != ERR_NO_SPACE)
            e->options.on_failed(e->options.ctx, r->err, "a segment");
        else
            r->then(e, r);
    }
    blob_drop(r->blob);
    free(r);
}

static void send(struct engine *e, struct segment *s, enum err (*job)(struct errand *r),
                 void (*then)(struct engine *e, struct errand *r), uint64_t bytes)
{
    struct errand *r = mem_new(sizeof *r);

    r->work.run = run_errand;
    r->work.mail.run = on_errand;
    r->engine = e;
    r->segment = s;
    r->job = job;
    r->then = then;
    r->shard = e->shard;
    r->id = s->id;
    r->log = s->log;
    r->blob = s->blob ? blob_hold(s->blob) : NULL;
    r->bytes = bytes;
    list_init(&r->in_errands);
    list_push(&e->rooms.errands, &r->in_errands);
    shard_work(e->shard, WORK_TIDY, &r->work);
}

static void wait_for_journal(struct engine *e, struct segment *s)
{
    s->position = journal_end(e->journal);
    list_remove(&s->in_rooms);
    list_push(&e->rooms.waiting, &s->in_rooms);
}

/* ---- made ---- */

static void encode_made(struct buf *head, const struct segment *s, uint64_t end)
{
    buf_uvarint(head, s->id.epoch);
    buf_uvarint(head, s->id.number);
    buf_uvarint(head, s->log);
    buf_uvarint(head, end);
}

enum err room_apply_made(struct engine *e, struct rd *head, struct bytes payload,
                         uint64_t position)
{
    uint64_t        epoch = rd_uvarint64(head);
    uint64_t        number = rd_uvarint64(head);
    uint64_t        log = rd_uvarint64(head);
    uint64_t        end = rd_uvarint64(head);
    struct segment *s;

    (void)payload;
    (void)position;
    if (head->failed || room_find(e, number) || end > UINT32_MAX)
        return ERR_CORRUPT;
    s = segment_new(e, (struct blob_id){ epoch, number }, log);
    if (end > s->end)
        s->end = end;
    row_touch(e, &s->row);
    return ERR_OK;
}

static const struct segment *segment_of(const struct row *row)
{
    return CONTAINER(row, struct segment, row);
}

void room_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, segment_of(row)->id.number);
}

void room_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    encode_made(out, segment_of(row), segment_of(row)->end);
}

struct segment *room_order(struct engine *e, uint64_t log)
{
    struct segment *s = segment_new(
        e, (struct blob_id){ shard_epoch(e->shard), e->rooms.last_number + 1 }, log);
    struct buf      head;

    buf_init(&head);
    encode_made(&head, s, 0);
    engine_change(e, CHANGE_SEGMENT_MADE, &head, (struct slice){ 0 });
    buf_fini(&head);
    row_touch(e, &s->row);
    s->position = journal_end(e->journal);
    s->users = 1;
    return s;
}

/* ---- dropped ---- */

enum err room_apply_dropped(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct segment *s = room_find(e, rd_uvarint64(head));

    (void)payload;
    (void)position;
    if (head->failed || !s || s->live > 0) /* S2 */
        return ERR_CORRUPT;
    row_remove(e, &s->row);
    idmap_remove(&e->rooms.segments, s->id.number);
    segment_free(s);
    return ERR_OK;
}

static enum err remove_blob(struct errand *r)
{
    return shard_blob_remove(r->shard, r->id);
}

static void on_removed(struct engine *e, struct errand *r)
{
    (void)e;
    segment_free(r->segment);
}

static void drop(struct engine *e, struct segment *s)
{
    struct buf head;

    assert(s->live == 0 && s->users == 0 && s->state == SEGMENT_SEALED); /* S2 */
    buf_init(&head);
    buf_uvarint(&head, s->id.number);
    engine_change(e, CHANGE_SEGMENT_DROPPED, &head, (struct slice){ 0 });
    buf_fini(&head);
    row_remove(e, &s->row);
    idmap_remove(&e->rooms.segments, s->id.number);
    s->state = SEGMENT_DROPPED;
    wait_for_journal(e, s);
}

static bool is_sparse(const struct segment *s)
{
    return s->space > SEGMENT_HEADER_BYTES &&
           s->live < (s->space - SEGMENT_HEADER_BYTES) / 2 && s->tries < TRIES_MAX;
}

/* Something went from a segment, or it is nobody's any more. */
static void look_at(struct engine *e, struct segment *s)
{
    if (s->users > 0 || s->state != SEGMENT_SEALED)
        return;
    list_remove(&s->in_rooms);
    if (s->live == 0)
        list_push(&e->rooms.empty, &s->in_rooms);
    else if (is_sparse(s))
        list_push(&e->rooms.sparse, &s->in_rooms);
}

struct segment *room_take_sparse(struct engine *e)
{
    struct list    *n = list_pop(&e->rooms.sparse);
    struct segment *s = n ? CONTAINER(n, struct segment, in_rooms) : NULL;

    if (s)
        s->users++;
    return s;
}

void room_release(struct engine *e, struct segment *s)
{
    s->users--;
    look_at(e, s);
}

/* ---- open ones ---- */

enum err segment_create(struct shard *shard, struct blob_id id, uint64_t log, uint64_t bytes,
                        struct blob **out)
{
    struct segment_head head = { shard_id(shard), id.epoch, id.number, log };
    uint8_t             header[SEGMENT_HEADER_BYTES];
    struct iovec        iov = { header, sizeof header };
    enum err            err = shard_blob_create(shard, id, bytes, out);

    if (err)
        return err;
    segment_head_encode(header, &head);
    return blob_write(*out, 0, &iov, 1);
}

static enum err create(struct errand *r)
{
    return segment_create(r->shard, r->id, r->log, r->bytes, &r->blob);
}

static void seal_unmade(struct engine *e, struct segment *s)
{
    if (s->owner)
        s->owner->open = NULL;
    s->owner = NULL;
    s->state = SEGMENT_SEALED;
    look_at(e, s);
}

static void close_segment(struct engine *e, struct segment *s);

static void on_created(struct engine *e, struct errand *r)
{
    struct segment *s = r->segment;

    if (r->err) {
        seal_unmade(e, s);
        return;
    }
    s->blob = r->blob;
    r->blob = NULL;
    s->reserved = r->bytes;
    s->state = SEGMENT_OPEN;
    list_push(&e->rooms.open, &s->in_rooms);
    e->rooms.open_count++;
    if (!s->owner)
        close_segment(e, s);
    else if (e->rooms.open_count > OPEN_MAX)
        close_segment(e, CONTAINER(e->rooms.open.next, struct segment, in_rooms));
}

static enum err seal_blob(struct errand *r)
{
    return blob_seal(r->blob, r->bytes);
}

static void on_sealed(struct engine *e, struct errand *r)
{
    struct segment *s = r->segment;

    blob_drop(s->blob);
    s->blob = NULL;
    s->space = s->end;
    s->state = SEGMENT_SEALED;
    look_at(e, s);
}

static void close_segment(struct engine *e, struct segment *s)
{
    assert(s->state == SEGMENT_OPEN);
    if (s->owner)
        s->owner->open = NULL;
    s->owner = NULL;
    s->state = SEGMENT_CLOSING;
    e->rooms.open_count--;
    wait_for_journal(e, s);
}

static enum err grow(struct errand *r)
{
    return blob_reserve(r->blob, r->bytes);
}

static void on_grown(struct engine *e, struct errand *r)
{
    (void)e;
    r->segment->is_growing = false;
    if (!r->err)
        r->segment->reserved = r->bytes;
}

static void grow_ahead(struct engine *e, struct segment *s)
{
    if (s->is_growing || s->reserved - s->end >= RESERVE_AHEAD ||
        s->reserved >= e->rooms.segment_bytes)
        return;
    s->is_growing = true;
    send(e, s, grow, on_grown, s->reserved + RESERVE_BYTES);
}

static uint64_t first_bytes(const struct engine *e)
{
    return e->rooms.segment_bytes < RESERVE_BYTES ? e->rooms.segment_bytes : RESERVE_BYTES;
}

struct segment *room_get(struct engine *e, struct log *l, uint64_t bytes)
{
    struct segment *s = l->open;

    if (s && s->state == SEGMENT_OPEN && s->end + bytes > e->rooms.segment_bytes) {
        close_segment(e, s);
        s = NULL;
    }
    if (!s && !journal_is_full(e->journal)) {
        l->open = room_order(e, l->id);
        l->open->users = 0;
        l->open->owner = l;
        wait_for_journal(e, l->open);
        return NULL;
    }
    if (!s || s->state != SEGMENT_OPEN)
        return NULL;
    list_remove(&s->in_rooms);
    list_push(&e->rooms.open, &s->in_rooms);
    grow_ahead(e, s);
    return s->end + bytes <= s->reserved ? s : NULL;
}

uint32_t room_give(struct engine *e, struct segment *s, uint32_t bytes)
{
    uint64_t at = s->end;

    row_touch(e, &s->row);
    s->end += extent_size(bytes);
    assert(s->end <= s->reserved);
    return (uint32_t)at;
}

void room_leave(struct engine *e, struct log *l)
{
    struct segment *s = l->open;

    if (!s)
        return;
    if (s->state == SEGMENT_OPEN) {
        close_segment(e, s);
        return;
    }
    s->owner = NULL; /* closed when it is made */
    l->open = NULL;
}

void room_return(struct engine *e, struct segment *s, uint64_t end)
{
    if (end > s->end) {
        row_touch(e, &s->row);
        s->end = end;
    }
    s->state = SEGMENT_SEALED;
    s->space = s->end;
    room_release(e, s);
}

/* ---- what lies in them ---- */

void room_put(struct engine *e, struct extent *x)
{
    struct segment *s = x->segment;
    uint64_t        end = x->at + extent_size(x->bytes);

    if (end > s->end) {
        row_touch(e, &s->row);
        s->end = end;
    }
    s->live += extent_size(x->bytes);
    if (s->state == SEGMENT_SEALED)
        list_remove(&s->in_rooms); /* not empty any more */
}

void room_take(struct engine *e, struct extent *x)
{
    struct segment *s = x->segment;

    load_drop(e, x);
    assert(s->live >= extent_size(x->bytes));
    s->live -= extent_size(x->bytes);
    look_at(e, s);
    if (s->live == 0 && s->state == SEGMENT_OPEN && s->end >= RESERVE_BYTES)
        close_segment(e, s); /* all that was appended is gone: the space need not wait for the rest */
}

/* ---- time ---- */

void room_on_turn(struct engine *e)
{
    struct list *n;

    while ((n = list_pop(&e->rooms.empty)) != NULL)
        drop(e, CONTAINER(n, struct segment, in_rooms));
}

static void step(struct engine *e, struct segment *s)
{
    list_remove(&s->in_rooms);
    switch (s->state) {
    case SEGMENT_ORDERED:
        send(e, s, create, on_created, first_bytes(e));
        break;
    case SEGMENT_CLOSING:
        s->state = SEGMENT_SEALING;
        send(e, s, seal_blob, on_sealed, s->end);
        break;
    case SEGMENT_DROPPED:
        send(e, s, remove_blob, on_removed, 0);
        break;
    case SEGMENT_OPEN:
    case SEGMENT_SEALING:
    case SEGMENT_SEALED:
        assert(false);
    }
}

void room_on_durable(struct engine *e)
{
    uint64_t durable = journal_durable(e->journal);

    while (!list_empty(&e->rooms.waiting)) {
        struct segment *s = CONTAINER(e->rooms.waiting.next, struct segment, in_rooms);

        if (s->position > durable)
            break;
        step(e, s);
    }
}

bool room_is_idle(const struct engine *e)
{
    return list_empty(&e->rooms.waiting) && list_empty(&e->rooms.errands);
}

/* ---- begin and end ---- */

static bool is_named(void *ctx, struct blob_id id)
{
    const struct segment *s = room_find(ctx, id.number);

    return s && s->id.epoch == id.epoch;
}

/* One that was open when its owner died has space behind its end. */
static void note_space(void *ctx, struct blob_id id, uint64_t bytes)
{
    if (is_named(ctx, id))
        room_find(ctx, id.number)->space = bytes;
}

enum err room_on_recovered(struct engine *e)
{
    size_t          at = 0;
    struct segment *s;
    enum err        err = shard_blob_sweep(e->shard, is_named, e);

    if (!err)
        err = shard_blob_list(e->shard, note_space, e);
    while (!err && (s = idmap_next(&e->rooms.segments, &at)) != NULL) {
        s->state = SEGMENT_SEALED; /* S3 */
        look_at(e, s);
    }
    return err;
}

/* So that the next claim finds no space to win back. */
void room_seal_all(struct engine *e)
{
    size_t          at = 0;
    struct segment *s;

    while ((s = idmap_next(&e->rooms.segments, &at)) != NULL)
        if (s->state == SEGMENT_OPEN && blob_seal(s->blob, s->end) != ERR_OK)
            return; /* what is in it is on disk all the same */
}

void room_fini(struct engine *e)
{
    size_t          at = 0;
    struct segment *s;
    struct list    *n;

    while ((n = list_pop(&e->rooms.errands)) != NULL) {
        struct errand *r = CONTAINER(n, struct errand, in_errands);

        if (r->segment->state == SEGMENT_DROPPED)
            segment_free(r->segment);
        r->engine = NULL;
    }
    while ((n = list_pop(&e->rooms.waiting)) != NULL) {
        s = CONTAINER(n, struct segment, in_rooms);
        if (s->state == SEGMENT_DROPPED)
            segment_free(s);
    }
    while ((s = idmap_next(&e->rooms.segments, &at)) != NULL)
        segment_free(s);
    idmap_fini(&e->rooms.segments);
}
