/* room.c - see room.h. */
#include "engine/room.h"
#include "engine/log_int.h"

#include <assert.h>
#include <stdlib.h>

enum {
    TRIES_MAX = 3,
    OPEN_MAX = 64,               /* segments that are appended to; beyond, the longest unused is closed */
    FIRST_BYTES = 32 << 20,      /* space of a new one; when half is used, it gets GROWTH times as much */
    GROWTH = 4,
    IDLE_MS = 60 * 1000,         /* then it is closed, and its space comes back */
};

/* Something a segment needs done in the background. A work thread has what lies between the
 * marks. */
struct errand {
    struct work     work;
    struct engine  *engine; /* NULL: it is gone */
    struct segment *segment;
    struct list     in_errands;
    void (*then)(struct engine *e, struct errand *r);
    /* for the work thread */
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

/* Appends go to the journal while they wait for an open segment: that is not for the tidy thread,
 * which may be busy for long. */
static void send(struct engine *e, struct segment *s, enum work_lane lane,
                 enum err (*job)(struct errand *r),
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
    shard_work(e->shard, lane, &r->work);
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

static void disown(struct segment *s)
{
    if (s->owner && s->owner->open == s)
        s->owner->open = NULL;
    if (s->owner && s->owner->next_open == s)
        s->owner->next_open = NULL;
    s->owner = NULL;
}

static void seal_unmade(struct engine *e, struct segment *s)
{
    disown(s);
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
    s->used_ms = e->now_ms;
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
    disown(s);
    s->state = SEGMENT_CLOSING;
    e->rooms.open_count--;
    wait_for_journal(e, s);
}

static enum err grow(struct errand *r)
{
    return blob_reserve(r->blob, r->bytes);
}

static void step(struct engine *e, struct segment *s);

static void on_grown(struct engine *e, struct errand *r)
{
    struct segment *s = r->segment;

    s->is_growing = false;
    if (!r->err)
        s->reserved = r->bytes;
    if (s->state == SEGMENT_CLOSING && list_empty(&s->in_rooms)) /* it waited for this */
        step(e, s);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void grow_ahead(struct engine *e, struct segment *s)
{
    if (s->is_growing || s->end < s->reserved / 2 || s->reserved >= e->rooms.segment_bytes)
        return;
    s->is_growing = true;
    send(e, s, WORK_READ, grow, on_grown, least(GROWTH * s->reserved, e->rooms.segment_bytes));
}

static struct segment *order_open(struct engine *e, struct log *l)
{
    struct segment *s;

    if (journal_is_full(e->journal))
        return NULL;
    s = room_order(e, l->id);
    s->users = 0;
    s->owner = l;
    wait_for_journal(e, s);
    return s;
}

static void use(struct engine *e, struct segment *s)
{
    s->used_ms = e->now_ms;
    list_remove(&s->in_rooms);
    list_push(&e->rooms.open, &s->in_rooms);
}

struct segment *room_get(struct engine *e, struct log *l, uint64_t bytes)
{
    struct segment *s = l->open;

    if (s && s->state == SEGMENT_OPEN && s->end + bytes > e->rooms.segment_bytes) {
        close_segment(e, s);
        l->open = s = l->next_open;
        l->next_open = NULL;
    }
    if (!s) {
        l->open = order_open(e, l);
        return NULL;
    }
    if (s->state != SEGMENT_OPEN)
        return NULL;
    use(e, s);
    grow_ahead(e, s);
    if (!l->next_open && s->end >= e->rooms.segment_bytes / 2)
        l->next_open = order_open(e, l);
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

static void leave(struct engine *e, struct segment *s)
{
    if (s && s->state == SEGMENT_OPEN)
        close_segment(e, s);
    else if (s)
        disown(s); /* closed when it is made */
}

void room_leave(struct engine *e, struct log *l)
{
    leave(e, l->open);
    leave(e, l->next_open);
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
    if (s->live == 0 && s->state == SEGMENT_OPEN && s->end >= FIRST_BYTES)
        close_segment(e, s); /* all that was appended is gone: the space need not wait for the rest */
}

/* ---- time ---- */

static void close_idle(struct engine *e)
{
    struct list *n = e->rooms.open.next;

    while (n != &e->rooms.open) {
        struct segment *s = CONTAINER(n, struct segment, in_rooms);

        n = n->next;
        if (e->now_ms - s->used_ms < IDLE_MS)
            return;
        close_segment(e, s);
    }
}

static void step(struct engine *e, struct segment *s)
{
    list_remove(&s->in_rooms);
    switch (s->state) {
    case SEGMENT_ORDERED:
        send(e, s, WORK_READ, create, on_created, least(FIRST_BYTES, e->rooms.segment_bytes));
        break;
    case SEGMENT_CLOSING:
        if (s->is_growing)
            break;
        s->state = SEGMENT_SEALING;
        send(e, s, WORK_TIDY, seal_blob, on_sealed, s->end);
        break;
    case SEGMENT_DROPPED:
        send(e, s, WORK_TIDY, remove_blob, on_removed, 0);
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

void room_on_turn(struct engine *e)
{
    struct list *n;

    close_idle(e);
    while ((n = list_pop(&e->rooms.empty)) != NULL)
        drop(e, CONTAINER(n, struct segment, in_rooms));
    room_on_durable(e); /* what had no need to wait */
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
