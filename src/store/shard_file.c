/* shard_file.c - see shard_file.h: a shard's life from claim to release, and what its owner's
 * thread asks of it. */
#include "store/shard_file.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* A claim's positions begin at the next multiple: nobody has handed out so many that were not
 * durable (V5). */
enum { POSITION_GAP_BITS = 36 };

void jfile_free(struct jfile *f)
{
    if (!f)
        return;
    disk_close_file(f->file);
    block_drop(f->map);
    free(f);
}

void jfile_path(char out[DISK_PATH_MAX], const struct shard_file *s, uint64_t epoch,
                uint64_t number)
{
    snprintf(out, DISK_PATH_MAX, "%s/journal/%" PRIu64 "-%" PRIu64, s->dir, epoch, number);
}

bool shard_file_name(const char *name, uint64_t *epoch, uint64_t *number)
{
    char again[48];

    if (sscanf(name, "%" SCNu64 "-%" SCNu64, epoch, number) != 2)
        return false;
    snprintf(again, sizeof again, "%" PRIu64 "-%" PRIu64, *epoch, *number);
    return strcmp(name, again) == 0;
}

void shard_file_fail(struct shard_file *s, enum err err, const char *what, const char *path)
{
    if (s->failed)
        return;
    s->failed = err;
    snprintf(s->what, sizeof s->what, "%s%s%s", what, path[0] ? " " : "", path);
    pthread_cond_signal(&s->commit);
}

static void free_shard(struct shard_file *s)
{
    list_remove(&s->in_volume);
    shard_blob_fini(s);
    shard_work_fini(s);
    for (size_t i = 0; i < s->count; i++)
        jfile_free(s->files[i]);
    for (size_t i = 0; i < s->spare_count; i++)
        jfile_free(s->spares[i]);
    jfile_free(s->next);
    jfile_free(s->made);
    free(s->files);
    free(s->iov);
    buf_fini(&s->path);
    pthread_cond_destroy(&s->changed);
    pthread_cond_destroy(&s->commit);
    pthread_cond_destroy(&s->keep);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- start and release ---- */

static void add_current(struct shard_file *s)
{
    s->files = mem_resize(s->files, (s->count + 1) * sizeof *s->files);
    s->files[s->count++] = s->next;
    s->next = NULL;
}

/* Signals are for the threads of the node; here they would only cut calls short. */
static void start_threads(struct shard_file *s)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_start(&s->committer, shard_commit_main, s);
    thread_start(&s->keeper, shard_keep_main, s);
    shard_work_start(s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static uint64_t first_position(const struct shard_file *s)
{
    uint64_t used = s->synced > s->start ? s->synced : s->start;

    return s->base.epoch == 1 ? 0 : ((used >> POSITION_GAP_BITS) + 1) << POSITION_GAP_BITS;
}

/* It is small because its blocks are written with zeros at once; the next one is large and has time.
 * The disk may be full of the files that the claim before made
 * ahead. */
static enum err make_first(struct shard_file *s)
{
    uint64_t bytes = s->file_bytes < SMALL_FILE_BYTES ? s->file_bytes : SMALL_FILE_BYTES;
    enum err err = shard_keep_make(s, bytes);

    if (err == ERR_NO_SPACE) {
        err = shard_keep_head(s);
        if (!err)
            err = shard_file_sweep(s);
        if (!err)
            err = shard_keep_make(s, bytes);
    }
    if (!err)
        err = disk_zero(s->next->file, FILE_HEADER_BYTES, bytes - FILE_HEADER_BYTES);
    return err ? err : disk_sync(s->next->file, false);
}

static enum err start(struct shard *base, uint64_t file_bytes, uint64_t *position)
{
    struct shard_file *s = shard_file_of(base);
    enum err           err;

    assert(s->stage == SHARD_REPLAYED);
    if (s->failed)
        return s->failed;
    s->file_bytes = file_bytes;
    s->start = first_position(s);
    s->position = s->start;
    err = make_first(s);
    if (err)
        return err;
    add_current(s);
    s->wants_sweep = true;
    s->stage = SHARD_STARTED;
    *position = s->start;
    if (s->is_threaded)
        start_threads(s);
    return ERR_OK;
}

static void stop_thread(struct shard_file *s, bool *flag, pthread_t thread)
{
    pthread_mutex_lock(&s->lock);
    *flag = true;
    pthread_cond_signal(&s->commit);
    pthread_cond_signal(&s->keep);
    pthread_mutex_unlock(&s->lock);
    pthread_join(thread, NULL);
}

static void release(struct shard *base)
{
    struct shard_file *s = shard_file_of(base);

    if (s->stage == SHARD_STARTED)
        shard_work_stop(s);
    if (s->stage == SHARD_STARTED && s->is_threaded) {
        stop_thread(s, &s->stop_commit, s->committer);
        stop_thread(s, &s->stop_keep, s->keeper);
    } else if (s->stage == SHARD_STARTED) {
        while (!s->failed && (s->first || s->bundle.first) &&
               (shard_commit_turn(s) || shard_keep_turn(s)))
            ;
    }
    shard_commit_drain(s, s->failed ? s->failed : ERR_NO_SPACE);
    s->is_closed = s->stage == SHARD_STARTED && !s->failed;
    if (s->is_closed && shard_keep_close(s) != ERR_OK)
        diag(DIAG_WARN, "journal: the end of %s could not be noted", s->dir);
    free_shard(s);
}

/* ---- what the owner asks ---- */

static void append(struct shard *base, struct append *a)
{
    struct shard_file *s = shard_file_of(base);

    assert(s->stage == SHARD_STARTED);
    pthread_mutex_lock(&s->lock);
    assert(a->position == s->position);
    s->position += FRAME_HEADER_BYTES + a->bytes;
    a->next = NULL;
    a->is_ahead = false;
    *s->last = a;
    s->last = &a->next;
    if (!s->is_writing && !shard_commit_is_held(s, a))
        pthread_cond_signal(&s->commit);
    pthread_mutex_unlock(&s->lock);
}

/* The file that holds position, or NULL. lock is held. */
static struct jfile *file_at(const struct shard_file *s, uint64_t position)
{
    size_t low = 0;
    size_t high = s->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (s->files[middle]->start <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? s->files[low - 1] : NULL;
}

static uint64_t offset_of(const struct jfile *f, uint64_t position)
{
    return position - f->start + FILE_HEADER_BYTES;
}

/* end is only a bound for files that were not walked, so the size is asked, too. */
static bool has_bytes(const struct jfile *f, uint64_t position, size_t len)
{
    return position <= f->end && len <= f->end - position &&
           offset_of(f, position) + len <= f->bytes;
}

static enum err view(struct shard *base, uint64_t position, uint32_t len, struct slice *out)
{
    struct shard_file  *s = shard_file_of(base);
    const struct jfile *f;
    enum err            err = ERR_OUT_OF_RANGE;

    pthread_mutex_lock(&s->lock);
    f = file_at(s, position);
    if (f && f->epoch == s->base.epoch && has_bytes(f, position, len)) {
        *out = slice_of(block_hold(f->map), f->map->at + offset_of(f, position), len);
        err = ERR_OK;
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

/* Through the file, not through its mapping: there a sector that cannot be read ends the process. */
static enum err load(struct shard *base, uint64_t position, size_t len, void *out)
{
    struct shard_file *s = shard_file_of(base);
    struct jfile      *f;
    enum err           err = ERR_OUT_OF_RANGE;

    pthread_mutex_lock(&s->lock);
    f = file_at(s, position);
    if (f && has_bytes(f, position, len)) {
        f->readers++;
        pthread_mutex_unlock(&s->lock);
        err = disk_read_at(f->file, offset_of(f, position), out, len);
        pthread_mutex_lock(&s->lock);
        if (--f->readers == 0 && f->end <= s->trim_to)
            pthread_cond_broadcast(&s->keep);
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

static void trim(struct shard *base, uint64_t position)
{
    struct shard_file *s = shard_file_of(base);

    pthread_mutex_lock(&s->lock);
    if (position > s->trim_to) {
        s->trim_to = position;
        pthread_cond_broadcast(&s->keep);
    }
    pthread_mutex_unlock(&s->lock);
}

static uint64_t oldest(const struct shard *base)
{
    struct shard_file *s = shard_file_of(base);
    uint64_t           position;

    pthread_mutex_lock(&s->lock);
    position = s->oldest;
    pthread_mutex_unlock(&s->lock);
    return position;
}

static void set_free_min(struct shard *base, uint64_t bytes)
{
    assert(shard_file_of(base)->stage != SHARD_STARTED);
    shard_file_of(base)->free_min = bytes;
}

static bool is_full(const struct shard *base)
{
    return atomic_load_explicit(&shard_file_of(base)->is_full, memory_order_relaxed);
}

static const char *directory(const struct shard *base)
{
    return (const char *)shard_file_of(base)->path.at;
}

static enum err put_checkpoint(struct shard *base, struct bytes content)
{
    struct shard_file *s = shard_file_of(base);
    char               path[DISK_PATH_MAX];
    enum err           err;

    snprintf(path, sizeof path, "%s/checkpoint", s->dir);
    pthread_mutex_lock(&s->lock);
    err = s->failed;
    pthread_mutex_unlock(&s->lock);
    return err ? err : disk_replace(s->disk, path, content);
}

static enum err get_checkpoint(struct shard *base, struct buf *out, bool *is_there)
{
    struct shard_file *s = shard_file_of(base);
    char               path[DISK_PATH_MAX];

    snprintf(path, sizeof path, "%s/checkpoint", s->dir);
    return disk_read(s->disk, path, out, is_there);
}

static const struct shard_ops ops = {
    .release = release,
    .directory = directory,
    .put_checkpoint = put_checkpoint,
    .get_checkpoint = get_checkpoint,
    .replay = shard_file_replay,
    .start = start,
    .append = append,
    .hold = shard_commit_hold,
    .let_go = shard_commit_let_go,
    .view = view,
    .load = load,
    .trim = trim,
    .oldest = oldest,
    .set_free_min = set_free_min,
    .is_full = is_full,
    .work = shard_work_add,
    .blob_create = shard_blob_file_create,
    .blob_load = shard_blob_file_load,
    .blob_remove = shard_blob_file_remove,
    .blob_list = shard_blob_file_list,
    .blob_reserve = shard_blob_file_reserve,
    .blob_reserved = shard_blob_file_reserved,
    .blob_write = shard_blob_file_write,
    .blob_sync = shard_blob_file_sync,
    .blob_seal = shard_blob_file_seal,
    .blob_view = shard_blob_file_view,
    .blob_free = shard_blob_file_free,
};

/* ---- claim ---- */

static void init_sync(struct shard_file *s)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_cond_init(&s->commit, &attr);
    pthread_cond_init(&s->keep, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->lock, NULL);
}

static struct shard_file *shard_new(struct disk *disk, uint32_t id, struct mailbox *box,
                                    bool is_threaded)
{
    struct shard_file *s = mem_new(sizeof *s);

    s->base.ops = &ops;
    s->base.box = box;
    s->base.id = id;
    s->disk = disk;
    s->is_threaded = is_threaded;
    s->last = &s->first;
    s->free_min = DISK_FREE_MIN;
    list_init(&s->in_volume);
    list_init(&s->blobs);
    list_init(&s->maps);
    shard_work_init(s);
    buf_init(&s->path);
    snprintf(s->dir, sizeof s->dir, "shard/%03u", (unsigned)id % SHARD_MAX);
    if (disk_root(disk)) {
        buf_printf(&s->path, "%s/%s", disk_root(disk), s->dir);
        buf_u8(&s->path, 0);
    }
    init_sync(s);
    return s;
}

static enum err make_dirs(struct shard_file *s)
{
    char     journal[DISK_PATH_MAX];
    char     segment[DISK_PATH_MAX];
    enum err err;

    snprintf(journal, sizeof journal, "%s/journal", s->dir);
    snprintf(segment, sizeof segment, "%s/segment", s->dir);
    err = disk_make_dir(s->disk, "shard");
    if (!err)
        err = disk_make_dir(s->disk, s->dir);
    if (!err)
        err = disk_make_dir(s->disk, journal);
    if (!err)
        err = disk_make_dir(s->disk, segment);
    if (!err)
        err = disk_sync_dir(s->disk, s->dir);
    if (!err)
        err = disk_sync_dir(s->disk, "shard");
    return err ? err : disk_sync_dir(s->disk, ".");
}

static void count_name(void *ctx, const char *name)
{
    (void)name;
    ++*(size_t *)ctx;
}

/* Without a head nobody knows what a journal's files mean: none is fine, any is not. */
static enum err begin_shard(struct shard_file *s)
{
    char     journal[DISK_PATH_MAX];
    size_t   names = 0;
    enum err err = make_dirs(s);

    snprintf(journal, sizeof journal, "%s/journal", s->dir);
    if (!err)
        err = disk_list(s->disk, journal, count_name, &names);
    if (!err && names > 0) {
        diag(DIAG_ERROR, "journal: %s/head is missing and there are %zu journal files", s->dir,
             names);
        err = ERR_CORRUPT;
    }
    return err;
}

static void take_head(struct shard_file *s, const struct head *h)
{
    s->base.epoch = h->epoch;
    s->start = h->start;
    s->synced = h->synced;
    s->oldest = h->oldest;
    s->oldest_seq = h->oldest_seq;
    s->oldest_crc = (uint32_t)h->oldest_crc;
    s->was_closed = h->closed == 1;
    s->files = h->count > 0 ? mem_new(h->count * sizeof *s->files) : NULL;
    for (size_t i = 0; i < h->count; i++) {
        struct jfile *f = mem_new(sizeof *f);

        f->epoch = h->files[i].epoch;
        f->number = h->files[i].number;
        f->start = h->files[i].start;
        s->files[s->count++] = f;
    }
}

static enum err read_head(struct shard_file *s)
{
    char        path[DISK_PATH_MAX];
    struct buf  text;
    struct head head;
    bool        is_there = false;
    enum err    err;

    buf_init(&text);
    head_init(&head);
    snprintf(path, sizeof path, "%s/head", s->dir);
    err = disk_read(s->disk, path, &text, &is_there);
    if (!err)
        err = is_there ? head_parse(&head, buf_view(&text)) : begin_shard(s);
    if (err == ERR_CORRUPT && is_there)
        diag(DIAG_ERROR, "journal: %s is damaged", path);
    if (!err)
        take_head(s, &head);
    head_fini(&head);
    buf_fini(&text);
    return err;
}

enum err shard_file_claim(struct shard **out, struct disk *disk, uint32_t id, struct mailbox *box,
                          bool is_threaded)
{
    struct shard_file *s = shard_new(disk, id, box, is_threaded);
    enum err           err;

    err = read_head(s);
    if (err)
        goto fail;
    s->base.epoch++;
    err = shard_keep_head(s);
    if (err)
        goto fail;
    *out = &s->base;
    return ERR_OK;
fail:
    free_shard(s);
    return err;
}

void shard_file_fence(struct shard_file *s)
{
    pthread_mutex_lock(&s->lock);
    shard_file_fail(s, ERR_FENCED, "another claim of shard", s->dir);
    while (s->is_writing || s->is_keeping || s->blob_changes > 0)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}
