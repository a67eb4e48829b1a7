/*
 * shard_commit.c - see shard_file.h: committing. The commit thread takes all appends that are waiting
 * (a bundle), makes them frames, writes them with one call, syncs once, and posts all completions at
 * once. While it does, the next bundle gathers. Before the frames it writes their parts to the blobs
 * and syncs each of those. When a turn of the owner leaves one small bundle and the owner nothing to
 * do but to wait for it, the owner does all that itself (shard_let_go): nothing can gather then, and
 * to wake a thread and be woken by it takes about as long as a quick disk.
 *
 *   C1  A bundle lies in one file. What does not fit waits for the next file, and so does all behind
 *       it.
 *   C2  Each frame names the end of the last frame before its bundle: all up to there was synced. Of
 *       the others in its bundle it says nothing. (In the first bundle of a claim that end lies far
 *       below the bundle, in an older epoch.)
 *   C3  Frames are written when the parts of all of the bundle are durable, and the shard is still
 *       ours and sound then. Parts without frames are bytes that nobody speaks of (V7).
 *   C4  While the frames of a bundle that had parts are synced, the disk has time: the parts of what
 *       waits are written then, ahead of their turn. They are synced in it.
 *   C5  After the first error nothing is written any more (volume.h V3).
 *   C6  One thread at a time has a bundle: the lock is held from taking to is_writing, and from the end of
 *       that to the bundle's end or its next step, which only the commit thread has (parts are never
 *       small).
 */
#include "store/shard_file.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "store/frame.h"
#include "store/planted.h"

#include <assert.h>

/* Beyond it a larger write is no faster, and its answers wait longer. */
enum { BUNDLE_BYTES_MAX = 8 << 20, STREAM_BYTES_MIN = 256 << 10, PAGE_BYTES = 4096 };

enum { HERE_BYTES_MAX = 128 << 10 }; /* what the owner commits itself */

static const uint8_t zeros[PAGE_BYTES];

static uint64_t frame_bytes(const struct append *a)
{
    return FRAME_HEADER_BYTES + (uint64_t)a->bytes;
}

static uint64_t part_bytes(const struct append *a)
{
    uint64_t sum = 0;

    for (const struct blob_part *p = a->parts; p; p = p->next)
        sum += p->bytes;
    return sum;
}

/* ---- taking a bundle: lock is held ---- */

static struct jfile *current_file(const struct shard_file *s)
{
    return s->files[s->count - 1];
}

/* S1: the next file becomes the current one. */
static void roll(struct shard_file *s)
{
    struct jfile *old = current_file(s);

    if (old->start == POSITION_NONE) {
        jfile_free(old); /* too small for the very first frame; the next claim sweeps it */
        s->count--;
    }
    s->files = mem_resize(s->files, (s->count + 1) * sizeof *s->files);
    s->files[s->count++] = s->next;
    s->next = NULL;
    s->wanted = 0;
    pthread_cond_broadcast(&s->keep);
}

/* The current file, when need: the next. False: that is not there yet. */
static bool has_room(struct shard_file *s, uint64_t bytes)
{
    uint64_t want = FILE_HEADER_BYTES + bytes;

    if (bytes <= current_file(s)->bytes - current_file(s)->offset)
        return true;
    if (s->next && s->next->bytes >= want && !s->is_zeroing) {
        roll(s);
        return true;
    }
    if (s->wanted < want) {
        s->wanted = want;
        pthread_cond_broadcast(&s->keep);
    }
    return false;
}

static void take(struct shard_file *s, struct bundle *b)
{
    struct append *a = s->first;

    s->first = a->next;
    if (!s->first)
        s->last = &s->first;
    a->next = NULL;
    if (b->last)
        b->last->next = a;
    else
        b->first = a;
    b->last = a;
    b->bytes += frame_bytes(a);
    b->part_bytes += part_bytes(a);
    b->iov_count += 1 + a->iov_count;
}

/* Does the first append that waits go into this bundle, too? C1 */
static bool fits(const struct shard_file *s, const struct bundle *b)
{
    uint64_t bytes = b->bytes + frame_bytes(s->first);

    return bytes <= b->file->bytes - b->file->offset &&
           bytes + b->part_bytes + part_bytes(s->first) <= BUNDLE_BYTES_MAX;
}

static bool take_bundle(struct shard_file *s, struct bundle *b)
{
    *b = (struct bundle){ 0 };
    if (!s->first)
        return false;
    if (s->failed) {
        while (s->first)
            take(s, b);
        return true;
    }
    if (!has_room(s, frame_bytes(s->first)))
        return false;
    b->file = current_file(s);
    b->synced = s->synced;
    do
        take(s, b);
    while (s->first && fits(s, b));
    return true;
}

/* ---- writing it: no lock ---- */

static uint32_t body_crc(const struct append *a)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < a->iov_count; i++)
        crc = crc32c(crc, a->iov[i].iov_base, a->iov[i].iov_len);
    return crc;
}

static void make_frame(struct shard_file *s, struct append *a, const struct bundle *b)
{
    struct frame f = {
        .epoch = s->base.epoch,
        .seq = ++s->seq,
        .position = a->position,
        .synced = b->synced,
        .bytes = a->bytes,
        .previous = s->crc,
        .body_crc = body_crc(a),
    };

    frame_encode(a->header, &f, b->file->salt);
    s->crc = f.crc;
}

/* From the end of the bundle to the end of its last page: zeros are written there, too, because to
 * change a part of a page that is not in memory the system would first have to read it. */
static size_t page_rest(const struct bundle *b)
{
    uint64_t end = b->file->offset + b->bytes;
    uint64_t rest = (PAGE_BYTES - end % PAGE_BYTES) % PAGE_BYTES;

    return rest <= b->file->bytes - end ? (size_t)rest : 0;
}

/* disk_write uses its iovecs up, so it gets copies. */
static void want_iov(struct shard_file *s, size_t count)
{
    if (s->iov_cap < count) {
        s->iov_cap = count * 2;
        s->iov = mem_resize(s->iov, s->iov_cap * sizeof *s->iov);
    }
}

static size_t gather(struct shard_file *s, const struct bundle *b)
{
    size_t n = 0;

    want_iov(s, b->iov_count + 1);
    for (struct append *a = b->first; a; a = a->next) {
        make_frame(s, a, b);
        s->iov[n++] = (struct iovec){ a->header, FRAME_HEADER_BYTES };
        memcpy(s->iov + n, a->iov, a->iov_count * sizeof *s->iov);
        n += a->iov_count;
    }
    s->iov[n++] = (struct iovec){ (void *)(uintptr_t)zeros, page_rest(b) };
    return n;
}

static enum err write_part(struct shard_file *s, const struct blob_part *p)
{
    want_iov(s, p->iov_count);
    memcpy(s->iov, p->iov, p->iov_count * sizeof *s->iov);
    return shard_blob_put(p->blob, p->offset, s->iov, p->iov_count);
}

static enum err write_parts_of(struct shard_file *s, const struct append *a)
{
    enum err err = ERR_OK;

    for (const struct blob_part *p = a->parts; p && !err; p = p->next)
        err = write_part(s, p);
    return err;
}

static enum err write_parts(struct shard_file *s, const struct bundle *b)
{
    enum err err = ERR_OK;

    for (const struct append *a = b->first; a && !err; a = a->next)
        if (!a->is_ahead)
            err = write_parts_of(s, a);
    for (const struct append *a = b->first; a; a = a->next)
        for (const struct blob_part *p = a->parts; p && !err; p = p->next)
            err = shard_blob_flush(p->blob);
    return err;
}

/* The next whose parts are still to be written and will be of the next bundle; NULL: none. */
static struct append *next_ahead(struct shard_file *s)
{
    struct append *a;
    uint64_t       bytes = 0;

    pthread_mutex_lock(&s->lock);
    for (a = s->first; a && (!a->parts || a->is_ahead); a = a->next)
        bytes += part_bytes(a);
    if (a && bytes + part_bytes(a) > BUNDLE_BYTES_MAX)
        a = NULL;
    pthread_mutex_unlock(&s->lock);
    return a;
}

/* C4 */
static enum err write_ahead(struct shard_file *s)
{
    struct append *a;
    enum err       err = ERR_OK;

    while (!err && (a = next_ahead(s)) != NULL) {
        err = write_parts_of(s, a);
        a->is_ahead = true;
    }
    return err;
}

static enum err write_frames(struct shard_file *s, const struct bundle *b)
{
    struct disk_file *file = b->file->file;
    size_t            count = gather(s, b); /* may move s->iov */
    enum err          err = disk_write(file, b->file->offset, s->iov, count);

    if (!err && b->part_bytes > 0)
        err = write_ahead(s);
    if (err || is_planted(PLANTED_ACK_BEFORE_SYNC))
        return err;
    return disk_sync(file, false);
}

/* ---- afterwards ---- */

/* lock is held. */
static void note_written(struct shard_file *s, const struct bundle *b)
{
    struct jfile *f = b->file;

    if (f->start == POSITION_NONE) {
        f->start = b->first->position;
        f->seq = s->synced_seq;
        f->crc = s->synced_crc;
    }
    f->offset += b->bytes;
    f->end = b->last->position + frame_bytes(b->last);
    s->synced = f->end;
    s->synced_seq = s->seq;
    s->synced_crc = s->crc;
    if (s->is_streaming && b->bytes < STREAM_BYTES_MIN)
        pthread_cond_broadcast(&s->keep);
    s->is_streaming = b->bytes >= STREAM_BYTES_MIN;
}

/* The appends are the caller's again as soon as they are posted. */
static void complete(struct shard_file *s, struct bundle *b, enum err err)
{
    for (struct append *a = b->first; a; a = a->next) {
        a->err = err;
        a->what = s->what;
        a->mail.next = a->next ? &a->next->mail : NULL;
    }
    if (b->first)
        mail_post_chain(s->base.box, &b->first->mail, &b->last->mail);
}

typedef enum err write_fn(struct shard_file *s, const struct bundle *b);

/* lock is held before and after, not between. */
static void write_bundle(struct shard_file *s, write_fn *fn)
{
    struct bundle *b = &s->bundle;
    enum err       err;

    s->is_writing = true;
    pthread_mutex_unlock(&s->lock);
    err = fn(s, b);
    pthread_mutex_lock(&s->lock);
    s->is_writing = false;
    if (err)
        shard_file_fail(s, err, "writing", b->file->file->path);
    pthread_cond_broadcast(&s->changed);
}

/* The same. */
static void finish(struct shard_file *s)
{
    struct bundle b = s->bundle;
    enum err      err;

    if (!s->failed)
        write_bundle(s, write_frames);
    err = s->failed;
    if (!err)
        note_written(s, &b);
    s->bundle = (struct bundle){ 0 };
    pthread_mutex_unlock(&s->lock);
    complete(s, &b, err);
    pthread_mutex_lock(&s->lock);
}

/* One step: a bundle's parts, or its frames. Between the two the shard may be fenced (C3). */
static bool turn(struct shard_file *s)
{
    struct bundle *b = &s->bundle;

    if (!b->first && !take_bundle(s, b))
        return false;
    if (b->part_bytes > 0 && !b->has_parts && !s->failed) {
        b->has_parts = true;
        write_bundle(s, write_parts);
    } else {
        finish(s);
    }
    return true;
}

bool shard_commit_turn(struct shard_file *s)
{
    bool is_something;

    pthread_mutex_lock(&s->lock);
    is_something = turn(s);
    pthread_mutex_unlock(&s->lock);
    return is_something;
}

void *shard_commit_main(void *arg)
{
    struct shard_file *s = arg;

    pthread_setname_np(pthread_self(), "commit");
    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (!s->is_writing && turn(s)) /* C6 */
            continue;
        if (s->stop_commit && (!s->first || s->is_stuck))
            break;
        pthread_cond_wait(&s->commit, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- the owner's thread ---- */

void shard_commit_hold(struct shard *base)
{
    struct shard_file *s = shard_file_of(base);

    s->is_held = s->is_threaded;
    s->held_bytes = 0;
}

bool shard_commit_is_held(struct shard_file *s, const struct append *a)
{
    s->held_bytes += frame_bytes(a);
    if (a->parts || s->held_bytes > HERE_BYTES_MAX)
        s->is_held = false;
    return s->is_held;
}

/* lock is held. */
static bool can_commit_here(const struct shard_file *s)
{
    return !s->is_writing && !s->bundle.first;
}

bool shard_commit_let_go(struct shard *base, bool is_alone)
{
    struct shard_file *s = shard_file_of(base);
    bool               is_done = false;

    if (!s->is_held || s->held_bytes == 0) {
        s->is_held = false;
        return false;
    }
    s->is_held = false;
    pthread_mutex_lock(&s->lock);
    if (is_alone && can_commit_here(s))
        is_done = turn(s);
    if (s->first && !s->is_writing)
        pthread_cond_signal(&s->commit);
    pthread_mutex_unlock(&s->lock);
    return is_done;
}

void shard_commit_drain(struct shard_file *s, enum err err)
{
    struct bundle b = s->bundle;

    while (s->first)
        take(s, &b);
    complete(s, &b, err);
}
