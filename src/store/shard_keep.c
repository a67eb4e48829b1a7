/*
 * shard_keep.c - see shard_file.h: the keeper thread. Makes the file after the current one ahead of
 * need, removes files that were trimmed or keeps them to be used again, and records both in the
 * head: a file before it is used, a removal before it is done (V6). It also watches how much of the
 * disk is free.
 *
 *     in a head --trimmed: head without it--> spare --renamed, new header--> made --in a head--> next
 *                                               \---too many, or held, or space is short--> removed
 *
 * After a crash what lies between two heads is in none, and is swept.
 */
#include "store/shard_file.h"
#include "base/diag.h"
#include "base/mem.h"
#include "store/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    WATCH_SECONDS = 1, /* the free space is looked at so often, and what did not fit tried again */
    ZERO_PIECE_BYTES = 1 << 20,
    KEPT_FILES = 2, /* whose pages stay with the process */
};

static bool is_full(const struct shard_file *s)
{
    return atomic_load_explicit(&s->is_full, memory_order_relaxed);
}

/* ---- the head ---- */

static void snapshot(struct shard_file *s, struct head *h)
{
    h->epoch = s->base.epoch;
    h->start = s->start;
    h->oldest = s->oldest;
    h->oldest_seq = s->oldest_seq;
    h->oldest_crc = s->oldest_crc;
    h->synced = s->synced;
    h->closed = s->is_closed;
    for (size_t i = 0; i < s->count; i++)
        head_add(h, s->files[i]->epoch, s->files[i]->number, s->files[i]->start);
    if (s->next)
        head_add(h, s->next->epoch, s->next->number, POSITION_NONE);
    if (s->made)
        head_add(h, s->made->epoch, s->made->number, POSITION_NONE);
}

enum err shard_keep_head(struct shard_file *s)
{
    char        path[DISK_PATH_MAX];
    struct buf  text;
    struct head head;
    enum err    err;

    head_init(&head);
    buf_init(&text);
    pthread_mutex_lock(&s->lock);
    snapshot(s, &head);
    pthread_mutex_unlock(&s->lock);
    head_format(&head, &text);
    snprintf(path, sizeof path, "%s/head", s->dir);
    err = disk_replace(s->disk, path, buf_view(&text));
    head_fini(&head);
    buf_fini(&text);
    return err;
}

/* ---- a new file ---- */

static enum err write_header(struct shard_file *s, struct jfile *f)
{
    uint8_t          bytes[FILE_HEADER_BYTES];
    struct iovec     iov = { bytes, sizeof bytes };
    struct file_head head = { (uint32_t)f->number, s->base.id, f->epoch, f->salt };
    enum err         err;

    file_head_encode(bytes, &head);
    err = disk_write(f->file, 0, &iov, 1);
    return err ? err : disk_sync(f->file, true);
}

/* The new one has a name, and reads as zeros or as whatever a spare held. */
static enum err prepare(struct shard_file *s, struct jfile *f)
{
    char     dir[DISK_PATH_MAX];
    enum err err = write_header(s, f);

    snprintf(dir, sizeof dir, "%s/journal", s->dir);
    if (!err)
        err = disk_sync_dir(s->disk, dir);
    if (err)
        return err;
    f->bytes = disk_size(f->file);
    f->map = disk_map(f->file);
    return f->map ? ERR_OK : ERR_IO;
}

/* A spare that nobody has a slice of, taken out of its place, or NULL. */
static struct jfile *take_spare(struct shard_file *s, uint64_t bytes)
{
    for (size_t i = 0; i < s->spare_count; i++) {
        struct jfile *f = s->spares[i];

        if (f->bytes == bytes && (!f->map || atomic_load(&f->map->refs) == 1)) {
            s->spares[i] = s->spares[--s->spare_count];
            return f;
        }
    }
    return NULL;
}

/* S4. Its blocks have been written before, so there is nothing to zero. */
static enum err reuse(struct shard_file *s, struct jfile *f, const char *path, struct jfile *spare)
{
    char     old[DISK_PATH_MAX];
    enum err err;

    jfile_path(old, s, spare->epoch, spare->number);
    f->zeroed = spare->bytes;
    jfile_free(spare);
    err = disk_rename(s->disk, old, path);
    return err ? err : disk_open(s->disk, path, &f->file);
}

static enum err fill_file(struct shard_file *s, struct jfile *f, uint64_t bytes)
{
    struct jfile *spare = take_spare(s, bytes);
    char          path[DISK_PATH_MAX];
    enum err      err;

    jfile_path(path, s, f->epoch, f->number);
    err = spare ? reuse(s, f, path, spare) : disk_create(s->disk, path, bytes, &f->file);
    return err ? err : prepare(s, f);
}

/* Makes a file and leaves it in `made`. */
static enum err create(struct shard_file *s, uint64_t bytes)
{
    struct jfile *f = mem_new(sizeof *f);
    char          path[DISK_PATH_MAX];
    enum err      err;

    f->epoch = s->base.epoch;
    f->number = s->last_number + 1;
    f->start = POSITION_NONE;
    f->offset = FILE_HEADER_BYTES;
    f->zeroed = FILE_HEADER_BYTES;
    disk_random(s->disk, &f->salt, sizeof f->salt);
    err = fill_file(s, f, bytes);
    if (err) {
        bool is_ours = f->file != NULL;

        jfile_free(f);
        jfile_path(path, s, s->base.epoch, s->last_number + 1);
        return is_ours && disk_remove(s->disk, path) != ERR_OK ? ERR_DISK_FAILED : err;
    }
    s->last_number++;
    pthread_mutex_lock(&s->lock);
    s->made = f;
    pthread_mutex_unlock(&s->lock);
    return ERR_OK;
}

/* A file that could not be recorded stays `made` and is recorded next time: V6. */
enum err shard_keep_make(struct shard_file *s, uint64_t bytes)
{
    enum err err = s->made ? ERR_OK : create(s, bytes);

    if (!err)
        err = shard_keep_head(s);
    if (err)
        return err;
    pthread_mutex_lock(&s->lock);
    s->next = s->made;
    s->made = NULL;
    pthread_cond_signal(&s->commit);
    pthread_mutex_unlock(&s->lock);
    return ERR_OK;
}

/* A frame larger than a file gets a file of its own size: the next one grows. It has been taken out
 * of the commit thread's reach. */
static enum err grow_made(struct shard_file *s, uint64_t bytes)
{
    struct jfile *f = s->made;
    enum err      err = disk_resize(f->file, bytes);
    struct block *map;

    if (!err)
        err = disk_sync(f->file, true);
    map = err ? NULL : disk_map(f->file);
    if (map) {
        block_drop(f->map);
        f->map = map;
        f->bytes = bytes;
    } else if (!err) {
        err = ERR_IO;
    }
    return err;
}

/* ---- zeros ahead ---- */

/* lock is held. */
static bool wants_zeros(const struct shard_file *s)
{
    return s->next && s->next->zeroed < s->next->bytes && !s->is_streaming;
}

/* A piece of the next file, so that the commit thread never waits longer than for that. lock is
 * held before and after. */
static enum err zero_piece(struct shard_file *s)
{
    struct jfile *f = s->next;
    uint64_t      from = f->zeroed;
    uint64_t      len = f->bytes - from < ZERO_PIECE_BYTES ? f->bytes - from : ZERO_PIECE_BYTES;
    enum err      err;

    s->is_zeroing = true;
    f->zeroed += len;
    pthread_mutex_unlock(&s->lock);
    err = disk_zero(f->file, from, len);
    if (!err && from + len == f->bytes)
        err = disk_sync(f->file, false); /* so that no commit has to wait for what this changed */
    pthread_mutex_lock(&s->lock);
    s->is_zeroing = false;
    return err;
}

/* ---- one piece of work ---- */

/* Files at the front that nobody needs any more; never the current one. lock is held, as for all
 * below that say nothing else. */
static size_t trimmable(const struct shard_file *s)
{
    size_t n = 0;

    while (n + 1 < s->count && s->files[n]->end <= s->trim_to && s->files[n]->readers == 0) /* S6 */
        n++;
    return n;
}

static enum err remove_file(struct shard_file *s, struct jfile *f)
{
    char path[DISK_PATH_MAX];

    jfile_path(path, s, f->epoch, f->number);
    jfile_free(f);
    return disk_remove(s->disk, path);
}

/* How many more files may be kept: when many are in use the disk is not to have spares on top. */
static size_t spare_room(const struct shard_file *s)
{
    size_t there = s->count + 1 + s->spare_count;
    size_t room = there < FILES_KEPT ? FILES_KEPT - there : 0;

    return room < SPARE_MAX - s->spare_count ? room : SPARE_MAX - s->spare_count;
}

/* Not under the lock: the files are out of everybody's reach. The first `room` are kept. */
static enum err put_away(struct shard_file *s, struct jfile **files, size_t count, size_t room)
{
    enum err err = ERR_OK;

    for (size_t i = 0; i < count; i++)
        if (i < room && files[i]->bytes == s->file_bytes && !is_full(s))
            s->spares[s->spare_count++] = files[i];
        else if (!err)
            err = remove_file(s, files[i]);
        else
            jfile_free(files[i]);
    return err;
}

/* The same. */
static enum err remove_spares(struct shard_file *s)
{
    enum err err = ERR_OK;

    while (s->spare_count > 0 && !err)
        err = remove_file(s, s->spares[--s->spare_count]);
    return err;
}

enum err shard_keep_close(struct shard_file *s)
{
    enum err err = shard_keep_head(s);

    return err ? err : remove_spares(s);
}

static void take_out(struct shard_file *s, size_t count)
{
    const struct jfile *first;
    bool                has_frames;

    s->count -= count;
    memmove(s->files, s->files + count, s->count * sizeof *s->files);
    first = s->files[0];
    has_frames = first->start != POSITION_NONE;
    s->oldest = has_frames ? first->start : s->synced;
    s->oldest_seq = has_frames ? first->seq : s->synced_seq;
    s->oldest_crc = has_frames ? first->crc : s->synced_crc;
}

static void put_back(struct shard_file *s, struct jfile **files, size_t count)
{
    s->files = mem_resize(s->files, (s->count + count) * sizeof *s->files);
    memmove(s->files + count, s->files, s->count * sizeof *s->files);
    memcpy(s->files, files, count * sizeof *s->files);
    s->count += count;
    s->oldest = files[0]->start;
    s->oldest_seq = files[0]->seq;
    s->oldest_crc = files[0]->crc;
}

static enum err trim(struct shard_file *s, size_t count)
{
    struct jfile **gone = mem_copy(s->files, count * sizeof *gone);
    size_t         room;
    enum err       err;

    take_out(s, count);
    room = spare_room(s);
    pthread_mutex_unlock(&s->lock);
    err = shard_keep_head(s);
    pthread_mutex_lock(&s->lock);
    if (err) {
        put_back(s, gone, count);
    } else {
        pthread_mutex_unlock(&s->lock);
        err = put_away(s, gone, count, room);
        pthread_mutex_lock(&s->lock);
    }
    free(gone);
    return err;
}

/* On a disk that is nearly full files are small, so that what is left lasts for many settles. */
static uint64_t usual_bytes(const struct shard_file *s)
{
    bool is_short = s->spare_count == 0 && s->free < s->free_min + s->file_bytes;

    return is_short && s->file_bytes > SMALL_FILE_BYTES ? SMALL_FILE_BYTES : s->file_bytes;
}

static enum err make_next(struct shard_file *s)
{
    uint64_t usual = usual_bytes(s);
    uint64_t bytes = s->wanted > usual ? s->wanted : usual;
    bool     is_there = s->next != NULL;
    enum err err;

    if (is_there) {
        s->made = s->next;
        s->next = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (is_there)
        err = grow_made(s, bytes);
    else
        err = shard_keep_make(s, bytes);
    pthread_mutex_lock(&s->lock);
    if (is_there) {
        s->next = s->made;
        s->made = NULL;
    }
    pthread_cond_signal(&s->commit);
    return err;
}

/* Pages of older files that somebody looked at count as the process's memory until they are let go.
 * Only this thread frees files, so the mapping stays without the lock. */
static void let_go(struct shard_file *s)
{
    struct jfile *f = s->count > KEPT_FILES ? s->files[s->count - 1 - KEPT_FILES] : NULL;

    pthread_mutex_unlock(&s->lock);
    if (f && f->map)
        disk_unload(s->disk, f->map);
    pthread_mutex_lock(&s->lock);
}

static enum err sweep(struct shard_file *s)
{
    enum err err;

    s->wants_sweep = false;
    pthread_mutex_unlock(&s->lock);
    err = shard_file_sweep(s);
    pthread_mutex_lock(&s->lock);
    return err;
}

/* What gives space comes before what takes it. */
static enum err keep(struct shard_file *s, size_t old, bool is_short)
{
    if (s->wants_sweep)
        return sweep(s);
    if (old > 0)
        return trim(s, old);
    if (!is_short)
        return zero_piece(s);
    let_go(s);
    return make_next(s);
}

/* ---- free space ---- */

static enum err look_at_space(struct shard_file *s)
{
    uint64_t bytes = 0;
    enum err err;

    pthread_mutex_unlock(&s->lock);
    err = disk_space(s->disk, &bytes);
    if (!err && bytes < s->free_min)
        err = remove_spares(s);
    pthread_mutex_lock(&s->lock);
    s->free = bytes;
    return err;
}

/* Full below the mark, and again not full a quarter above it: otherwise each file that is trimmed
 * would let a few publishes in. */
static void judge_space(struct shard_file *s)
{
    bool     was_full = is_full(s);
    uint64_t mark = s->free_min + (was_full ? s->free_min / 4 : 0);
    bool     now_full = s->is_stuck || s->free < mark;

    if (now_full == was_full)
        return;
    if (now_full)
        diag(DIAG_WARN,
             "disk: only %" PRIu64 " MiB are free: nothing can be published until there is more",
             s->free >> 20);
    else
        diag(DIAG_WARN, "disk: %" PRIu64 " MiB are free: publishing goes on", s->free >> 20);
    atomic_store(&s->is_full, now_full);
}

/* ---- turns ---- */

static bool turn(struct shard_file *s)
{
    size_t   old = trimmable(s);
    bool     is_short = !s->next || s->next->bytes < s->wanted;
    enum err err;

    if (s->failed || (!s->wants_sweep && old == 0 && !is_short && !wants_zeros(s)))
        return false;
    err = keep(s, old, is_short);
    s->is_stuck = err == ERR_NO_SPACE;
    if (err && err != ERR_NO_SPACE)
        shard_file_fail(s, err, "keeping the files of", s->dir);
    return !err;
}

/* lock is held before and after. */
static bool watched_turn(struct shard_file *s)
{
    bool     is_something = false;
    enum err err;

    if (s->failed)
        return false;
    s->is_keeping = true;
    err = look_at_space(s);
    if (err)
        shard_file_fail(s, err, "looking after the space of", s->dir);
    else
        is_something = turn(s);
    judge_space(s);
    s->is_keeping = false;
    pthread_cond_broadcast(&s->changed);
    pthread_cond_signal(&s->commit); /* there is a next file, or none and no space for it */
    return is_something;
}

bool shard_keep_turn(struct shard_file *s)
{
    bool is_something;

    pthread_mutex_lock(&s->lock);
    is_something = watched_turn(s);
    pthread_mutex_unlock(&s->lock);
    return is_something;
}

static void wait_for_work(struct shard_file *s)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WATCH_SECONDS;
    pthread_cond_timedwait(&s->keep, &s->lock, &until);
}

void *shard_keep_main(void *arg)
{
    struct shard_file *s = arg;

    pthread_setname_np(pthread_self(), "keeper");
    pthread_mutex_lock(&s->lock);
    while (!s->stop_keep)
        if (!watched_turn(s))
            wait_for_work(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
