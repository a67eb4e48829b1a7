/*
 * shard_blob.c - see shard_file.h: blobs (blob.h), one file each, "segment/<epoch>-<number>".
 *
 *   B1  What changes a file is under way between enter() and leave(): a fence waits for it, and
 *       after a fence, or any failure of the shard, it does not begin.
 *   B2  A write or sync that fails fails the shard: whoever waits for an append hears of it, too.
 *   B3  The mapping of one that is being written covers all that is allocated; growing makes a new
 *       one, and slices of the old stay. Of others a mapping is made when they are first loaded.
 *   B4  Of what was sealed only the last BLOBS_WARM_MAX stay in the system's memory, so that a stream
 *       of appends goes through the same pages again and again; more is read back when it is wanted.
 */
#include "store/shard_file.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { IN_ORDER_GAP = 4096 }; /* between two loads that count as one after the other */

static struct blob_file *blob_file_of(const struct blob *b)
{
    return (struct blob_file *)(uintptr_t)b;
}

static void blob_path(char out[DISK_PATH_MAX], const struct shard_file *s, struct blob_id id)
{
    snprintf(out, DISK_PATH_MAX, "%s/segment/%" PRIu64 "-%" PRIu64, s->dir, id.epoch, id.number);
}

static bool is_same(struct blob_id a, struct blob_id b)
{
    return a.epoch == b.epoch && a.number == b.number;
}

/* ---- changes: B1 ---- */

static enum err enter(struct shard_file *s)
{
    enum err err;

    pthread_mutex_lock(&s->lock);
    err = s->failed;
    if (!err)
        s->blob_changes++;
    pthread_mutex_unlock(&s->lock);
    return err;
}

static enum err leave(struct shard_file *s, enum err err, const char *what, const char *path)
{
    pthread_mutex_lock(&s->lock);
    s->blob_changes--;
    if (err && err != ERR_NO_SPACE)
        shard_file_fail(s, err, what, path); /* B2 */
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return err;
}

/* ---- making and growing ---- */

/* Half of what is kept free is not for blobs. */
static enum err want_space(const struct shard_file *s, uint64_t bytes)
{
    uint64_t there = 0;
    enum err err = disk_space(s->disk, &there);

    if (err)
        return err;
    return there < s->free_min / 2 || there - s->free_min / 2 < bytes ? ERR_NO_SPACE : ERR_OK;
}

static enum err make(struct blob_file *b, const char *path, uint64_t bytes)
{
    struct disk *disk = b->shard->disk;
    char         dir[DISK_PATH_MAX];
    enum err     err = want_space(b->shard, bytes);

    if (!err)
        err = disk_create(disk, path, bytes, &b->file);
    if (err)
        return err;
    b->map = disk_map(b->file);
    err = b->map ? disk_sync(b->file, true) : ERR_IO;
    snprintf(dir, sizeof dir, "%s/segment", b->shard->dir);
    if (!err)
        err = disk_sync_dir(disk, dir);
    if (err == ERR_NO_SPACE && disk_remove(disk, path) != ERR_OK)
        err = ERR_DISK_FAILED;
    return err;
}

static struct blob_file *blob_new(struct shard_file *s, struct blob_id id, uint64_t bytes)
{
    struct blob_file *b = mem_new(sizeof *b);

    b->base.ops = s->base.ops;
    b->base.id = id;
    atomic_init(&b->base.refs, 1);
    b->shard = s;
    b->bytes = bytes;
    list_init(&b->in_shard);
    return b;
}

enum err shard_blob_file_create(struct shard *base, struct blob_id id, uint64_t bytes,
                                struct blob **out)
{
    struct shard_file *s = shard_file_of(base);
    struct blob_file  *b;
    char               path[DISK_PATH_MAX];
    enum err           err = enter(s);

    if (err)
        return err;
    blob_path(path, s, id);
    b = blob_new(s, id, bytes);
    err = leave(s, make(b, path, bytes), "making", path);
    if (err) {
        blob_drop(&b->base);
        return err;
    }
    pthread_mutex_lock(&s->lock);
    list_push(&s->blobs, &b->in_shard);
    pthread_mutex_unlock(&s->lock);
    *out = &b->base;
    return ERR_OK;
}

static enum err grow(struct blob_file *b, uint64_t bytes)
{
    struct block *map = NULL;
    struct block *old;
    enum err      err = want_space(b->shard, bytes - b->bytes);

    if (!err)
        err = disk_resize(b->file, bytes);
    if (!err)
        err = disk_sync(b->file, true);
    if (!err)
        map = disk_map(b->file);
    if (!map)
        return err ? err : ERR_IO;
    pthread_mutex_lock(&b->shard->lock);
    old = b->map;
    b->map = map;
    b->bytes = bytes;
    pthread_mutex_unlock(&b->shard->lock);
    block_drop(old);
    return ERR_OK;
}

enum err shard_blob_file_reserve(struct blob *base, uint64_t bytes)
{
    struct blob_file *b = blob_file_of(base);
    enum err          err;

    if (bytes <= shard_blob_file_reserved(base))
        return ERR_OK;
    err = enter(b->shard);
    return err ? err : leave(b->shard, grow(b, bytes), "growing", b->file->path);
}

uint64_t shard_blob_file_reserved(const struct blob *base)
{
    struct blob_file *b = blob_file_of(base);
    uint64_t          bytes;

    pthread_mutex_lock(&b->shard->lock);
    bytes = b->bytes;
    pthread_mutex_unlock(&b->shard->lock);
    return bytes;
}

/* ---- writing ---- */

enum err shard_blob_put(struct blob *base, uint64_t offset, struct iovec *iov, size_t count)
{
    struct blob_file *b = blob_file_of(base);

    b->is_dirty = true;
    return disk_write(b->file, offset, iov, count);
}

enum err shard_blob_flush(struct blob *base)
{
    struct blob_file *b = blob_file_of(base);

    if (!b->is_dirty)
        return ERR_OK;
    b->is_dirty = false;
    return disk_sync(b->file, false);
}

enum err shard_blob_file_write(struct blob *base, uint64_t offset, struct iovec *iov, size_t count)
{
    struct blob_file *b = blob_file_of(base);
    enum err          err = enter(b->shard);

    if (err)
        return err;
    return leave(b->shard, disk_write(b->file, offset, iov, count), "writing", b->file->path);
}

enum err shard_blob_file_sync(struct blob *base)
{
    struct blob_file *b = blob_file_of(base);
    enum err          err = enter(b->shard);

    return err ? err : leave(b->shard, disk_sync(b->file, false), "syncing", b->file->path);
}

static enum err seal(struct blob_file *b, uint64_t end)
{
    enum err err = end < b->bytes ? disk_resize(b->file, end) : ERR_OK;

    return err ? err : disk_sync(b->file, true);
}

/* B4. All of it is synced. */
static void keep_warm(struct shard_file *s, struct blob_file *b)
{
    struct blob *oldest;

    pthread_mutex_lock(&s->lock);
    b->is_sealed = true;
    oldest = s->warm[s->warm_at];
    s->warm[s->warm_at] = blob_hold(&b->base);
    s->warm_at = (s->warm_at + 1) % BLOBS_WARM_MAX;
    pthread_mutex_unlock(&s->lock);
    if (oldest)
        disk_forget(blob_file_of(oldest)->file);
    blob_drop(oldest);
}

/* A removed file would keep its space as long as it is open. */
static void drop_warm(struct shard_file *s, const struct blob_id *id)
{
    for (size_t i = 0; i < BLOBS_WARM_MAX; i++) {
        struct blob *b;

        pthread_mutex_lock(&s->lock);
        b = s->warm[i];
        if (b && id && !is_same(b->id, *id))
            b = NULL;
        if (b)
            s->warm[i] = NULL;
        pthread_mutex_unlock(&s->lock);
        blob_drop(b);
    }
}

enum err shard_blob_file_seal(struct blob *base, uint64_t end)
{
    struct blob_file *b = blob_file_of(base);
    enum err          err = enter(b->shard);

    err = err ? err : leave(b->shard, seal(b, end), "sealing", b->file->path);
    if (!err)
        keep_warm(b->shard, b);
    return err;
}

/* ---- reading ---- */

struct slice shard_blob_file_view(struct blob *base, uint64_t offset, uint32_t len)
{
    struct blob_file *b = blob_file_of(base);
    struct block     *map;

    pthread_mutex_lock(&b->shard->lock);
    map = block_hold(b->map);
    pthread_mutex_unlock(&b->shard->lock);
    assert(offset <= map->cap && len <= map->cap - offset);
    return slice_of(map, map->at + offset, len);
}

/* What is loaded, and from where. */
struct loading {
    struct blob_id id;
    uint64_t       offset;
    uint32_t       len;
    struct block  *map;      /* held, or NULL */
    bool           in_order; /* it follows what was loaded before: a scan */
};

/* The last used moves to the front. lock is held. */
static void use_map(struct shard_file *s, struct blob_map *m, struct loading *g)
{
    list_remove(&m->in_shard);
    list_push_front(&s->maps, &m->in_shard);
    g->map = block_hold(m->map);
    g->in_order = g->offset >= m->next && g->offset - m->next < IN_ORDER_GAP;
    m->next = g->offset + g->len;
}

/* lock is held. */
static void find_known(struct shard_file *s, struct loading *g)
{
    for (struct list *l = s->blobs.next; l != &s->blobs; l = l->next) {
        struct blob_file *b = CONTAINER(l, struct blob_file, in_shard);

        if (!b->is_sealed && is_same(b->base.id, g->id)) {
            g->map = block_hold(b->map);
            return;
        }
    }
    for (struct list *l = s->maps.next; l != &s->maps; l = l->next) {
        struct blob_map *m = CONTAINER(l, struct blob_map, in_shard);

        if (is_same(m->id, g->id)) {
            use_map(s, m, g);
            return;
        }
    }
}

static void forget_map(struct shard_file *s, struct blob_map *m)
{
    list_remove(&m->in_shard);
    s->map_count--;
    block_drop(m->map);
    free(m);
}

/* lock is held. */
static void remember_map(struct shard_file *s, const struct loading *g)
{
    struct blob_map *m = mem_new(sizeof *m);

    m->id = g->id;
    m->map = block_hold(g->map);
    m->next = g->offset + g->len;
    list_init(&m->in_shard);
    list_push_front(&s->maps, &m->in_shard);
    if (++s->map_count > BLOB_MAPPINGS_MAX)
        forget_map(s, CONTAINER(s->maps.prev, struct blob_map, in_shard));
}

static enum err map_file(struct shard_file *s, const char *path, struct block **out)
{
    struct disk_file *file;
    enum err          err = disk_open(s->disk, path, &file);

    if (err)
        return err;
    *out = disk_size(file) > 0 ? disk_map(file) : NULL;
    if (!*out)
        err = disk_size(file) > 0 ? ERR_IO : ERR_CORRUPT;
    disk_close_file(file);
    return err;
}

/* One that is removed meanwhile is not remembered, or its space would not come back. */
static enum err find_map(struct shard_file *s, const char *path, struct loading *g)
{
    uint64_t removals;
    enum err err;

    pthread_mutex_lock(&s->lock);
    find_known(s, g);
    removals = s->removals;
    pthread_mutex_unlock(&s->lock);
    if (g->map)
        return ERR_OK;
    err = map_file(s, path, &g->map);
    pthread_mutex_lock(&s->lock);
    if (!err && removals == s->removals)
        remember_map(s, g);
    pthread_mutex_unlock(&s->lock);
    return err;
}

enum err shard_blob_file_load(struct shard *base, struct blob_id id, uint64_t offset, uint32_t len,
                              struct slice *out)
{
    struct shard_file *s = shard_file_of(base);
    struct loading     g = { .id = id, .offset = offset, .len = len };
    char               path[DISK_PATH_MAX];
    enum err           err;

    blob_path(path, s, id);
    err = find_map(s, path, &g);
    if (err)
        return err;
    if (offset > g.map->cap || len > g.map->cap - offset)
        err = ERR_CORRUPT;
    else
        err = disk_load(s->disk, path, g.map, offset, len, g.in_order);
    if (err) {
        block_drop(g.map);
        return err;
    }
    *out = slice_of(g.map, g.map->at + offset, len);
    return ERR_OK;
}

/* ---- removing and listing ---- */

enum err shard_blob_file_remove(struct shard *base, struct blob_id id)
{
    struct shard_file *s = shard_file_of(base);
    char               path[DISK_PATH_MAX];
    enum err           err = enter(s);

    if (err)
        return err;
    drop_warm(s, &id);
    blob_path(path, s, id);
    err = leave(s, disk_remove(s->disk, path), "removing", path);
    pthread_mutex_lock(&s->lock);
    s->removals++;
    for (struct list *l = s->maps.next, *next = l->next; l != &s->maps; l = next, next = l->next) {
        struct blob_map *m = CONTAINER(l, struct blob_map, in_shard);

        if (is_same(m->id, id))
            forget_map(s, m);
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

struct listing {
    struct shard_file *s;
    shard_blob_fn     *fn;
    void              *ctx;
    enum err           err;
};

/* Only names that we could have made are blobs. */
static void list_name(void *ctx, const char *name)
{
    struct listing   *w = ctx;
    struct blob_id    id;
    struct disk_file *file;
    char              path[DISK_PATH_MAX];
    uint64_t          bytes;

    if (w->err || !shard_file_name(name, &id.epoch, &id.number))
        return;
    blob_path(path, w->s, id);
    w->err = disk_open(w->s->disk, path, &file);
    if (w->err)
        return;
    bytes = disk_size(file);
    disk_close_file(file);
    w->fn(w->ctx, id, bytes);
}

enum err shard_blob_file_list(struct shard *base, shard_blob_fn *fn, void *ctx)
{
    struct shard_file *s = shard_file_of(base);
    struct listing     w = { s, fn, ctx, ERR_OK };
    char               dir[DISK_PATH_MAX];
    enum err           err;

    snprintf(dir, sizeof dir, "%s/segment", s->dir);
    err = disk_list(s->disk, dir, list_name, &w);
    return err ? err : w.err;
}

/* ---- the end ---- */

void shard_blob_file_free(struct blob *base)
{
    struct blob_file  *b = blob_file_of(base);
    struct shard_file *s = b->shard;

    if (s) {
        pthread_mutex_lock(&s->lock);
        list_remove(&b->in_shard);
        pthread_mutex_unlock(&s->lock);
    }
    if (b->file)
        disk_close_file(b->file);
    block_drop(b->map);
    free(b);
}

/* Their last holders may be mails that are still to be run. */
void shard_blob_fini(struct shard_file *s)
{
    struct list *l;

    drop_warm(s, NULL);
    while ((l = list_pop(&s->blobs)) != NULL) {
        struct blob_file *b = CONTAINER(l, struct blob_file, in_shard);

        disk_close_file(b->file);
        b->file = NULL;
        b->shard = NULL;
    }
    while (!list_empty(&s->maps))
        forget_map(s, CONTAINER(s->maps.next, struct blob_map, in_shard));
}
