/*
 * disk_overlay.c - see disk_overlay.h.
 *
 *   O1  The disk below is only read.
 *   O2  A path has at most one shadow; with one, nothing below counts for it.
 *   O3  A shadow's block has its size as cap. A longer or shorter file is a new block, so a mapping
 *       made before shows what was there then.
 */
#include "store/disk_overlay.h"
#include "base/list.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct shadow {
    struct list   in_overlay;
    char          path[DISK_PATH_MAX];
    struct block *content; /* NULL: removed */
};

struct overlay {
    struct disk  disk;
    struct disk *below;
    char        *root;
    struct list  shadows;
};

struct overlay_file {
    struct disk_file  file;
    struct overlay   *overlay;
    struct disk_file *below; /* NULL: it has had a shadow from the beginning */
};

static const struct disk_ops ops;

static struct overlay *overlay_of(struct disk *d)
{
    return CONTAINER(d, struct overlay, disk);
}

static struct overlay_file *file_of(struct disk_file *f)
{
    return CONTAINER(f, struct overlay_file, file);
}

/* ---- shadows ---- */

static struct shadow *find(const struct overlay *o, const char *path)
{
    for (struct list *n = o->shadows.next; n != &o->shadows; n = n->next) {
        struct shadow *s = CONTAINER(n, struct shadow, in_overlay);

        if (strcmp(s->path, path) == 0)
            return s;
    }
    return NULL;
}

/* Takes over content. */
static void set(struct overlay *o, const char *path, struct block *content)
{
    struct shadow *s = find(o, path);

    if (!s) {
        s = mem_new(sizeof *s);
        snprintf(s->path, sizeof s->path, "%s", path);
        list_push(&o->shadows, &s->in_overlay);
    }
    block_drop(s->content);
    s->content = content;
}

static struct block *zeros(uint64_t bytes)
{
    struct block *b = block_new((size_t)bytes);

    if (bytes > 0)
        memset(b->at, 0, (size_t)bytes);
    return b;
}

static struct block *of_file(const struct overlay_file *f)
{
    const struct shadow *s = find(f->overlay, f->file.path);

    return s ? s->content : NULL;
}

/* O1: from now on the file lives in memory. */
static enum err copy_up(struct overlay_file *f)
{
    struct block *from;
    struct block *to;
    enum err      err;

    if (of_file(f))
        return ERR_OK;
    from = disk_map(f->below);
    if (!from)
        return ERR_IO;
    err = disk_load(f->overlay->below, f->file.path, from, 0, from->cap, true);
    if (!err) {
        to = block_new(from->cap);
        memcpy(to->at, from->at, from->cap);
        set(f->overlay, f->file.path, to);
    }
    block_drop(from);
    return err;
}

/* ---- names ---- */

static void close_disk(struct disk *d)
{
    struct overlay *o = overlay_of(d);
    struct list    *n;

    while ((n = list_pop(&o->shadows)) != NULL) {
        block_drop(CONTAINER(n, struct shadow, in_overlay)->content);
        free(CONTAINER(n, struct shadow, in_overlay));
    }
    disk_close(o->below);
    free(o->root);
    free(o);
}

static const char *root(const struct disk *d)
{
    return CONTAINER((struct disk *)(uintptr_t)d, struct overlay, disk)->root;
}

static void random_bytes(struct disk *d, void *out, size_t len)
{
    disk_random(overlay_of(d)->below, out, len);
}

static enum err nothing(struct disk *d, const char *path)
{
    (void)d;
    (void)path;
    return ERR_OK;
}

struct listing {
    struct overlay *overlay;
    const char     *folder;
    disk_list_fn   *fn;
    void           *ctx;
};

static void pass(void *ctx, const char *name)
{
    struct listing *l = ctx;
    char            path[2 * DISK_PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", l->folder, name);
    if (!find(l->overlay, path))
        l->fn(l->ctx, name);
}

static enum err list_names(struct disk *d, const char *path, disk_list_fn *fn, void *ctx)
{
    struct overlay *o = overlay_of(d);
    struct listing  l = { o, path, fn, ctx };
    size_t          len = strlen(path);
    enum err        err = disk_list(o->below, path, pass, &l);

    for (struct list *n = o->shadows.next; !err && n != &o->shadows; n = n->next) {
        const struct shadow *s = CONTAINER(n, struct shadow, in_overlay);

        if (s->content && strncmp(s->path, path, len) == 0 && s->path[len] == '/' &&
            !strchr(s->path + len + 1, '/'))
            fn(ctx, s->path + len + 1);
    }
    return err;
}

static enum err read_whole(struct disk *d, const char *path, struct buf *out, bool *is_there)
{
    const struct shadow *s = find(overlay_of(d), path);

    if (!s)
        return disk_read(overlay_of(d)->below, path, out, is_there);
    *is_there = s->content != NULL;
    if (s->content)
        buf_add(out, s->content->at, s->content->cap);
    return ERR_OK;
}

static enum err replace(struct disk *d, const char *path, struct bytes content)
{
    struct block *b = block_new(content.len);

    if (content.len > 0)
        memcpy(b->at, content.at, content.len);
    set(overlay_of(d), path, b);
    return ERR_OK;
}

static enum err remove_name(struct disk *d, const char *path)
{
    set(overlay_of(d), path, NULL);
    return ERR_OK;
}

static enum err rename_name(struct disk *d, const char *from, const char *to)
{
    struct overlay   *o = overlay_of(d);
    struct disk_file *f;
    enum err          err = d->ops->open(d, from, &f);

    if (err)
        return err;
    err = copy_up(file_of(f));
    if (!err)
        set(o, to, block_hold(of_file(file_of(f))));
    disk_close_file(f);
    return err ? err : remove_name(d, from);
}

static enum err space(struct disk *d, uint64_t *bytes)
{
    (void)d;
    *bytes = UINT64_MAX; /* of memory, which ends otherwise */
    return ERR_OK;
}

/* ---- files ---- */

static struct disk_file *new_file(struct overlay *o, const char *path, struct disk_file *below)
{
    struct overlay_file *f = mem_new(sizeof *f);

    f->file.ops = &ops;
    snprintf(f->file.path, sizeof f->file.path, "%s", path);
    f->overlay = o;
    f->below = below;
    return &f->file;
}

static enum err create(struct disk *d, const char *path, uint64_t bytes, struct disk_file **out)
{
    set(overlay_of(d), path, zeros(bytes));
    *out = new_file(overlay_of(d), path, NULL);
    return ERR_OK;
}

static enum err open_file(struct disk *d, const char *path, struct disk_file **out)
{
    struct overlay      *o = overlay_of(d);
    const struct shadow *s = find(o, path);
    struct disk_file    *below = NULL;
    enum err             err = ERR_OK;

    if (!s)
        err = disk_open(o->below, path, &below);
    else if (!s->content)
        err = ERR_CORRUPT;
    if (!err)
        *out = new_file(o, path, below);
    return err;
}

static void close_file(struct disk_file *f)
{
    disk_close_file(file_of(f)->below);
    free(file_of(f));
}

static uint64_t size(struct disk_file *f)
{
    struct block *b = of_file(file_of(f));

    return b ? b->cap : disk_size(file_of(f)->below);
}

static uint64_t data_end(struct disk_file *f)
{
    struct block *b = of_file(file_of(f));

    return b ? b->cap : disk_data_end(file_of(f)->below);
}

static enum err read_at(struct disk_file *f, uint64_t offset, void *out, size_t len)
{
    struct block *b = of_file(file_of(f));

    if (!b)
        return disk_read_at(file_of(f)->below, offset, out, len);
    if (offset > b->cap || len > b->cap - offset)
        return ERR_DISK_FAILED;
    memcpy(out, b->at + offset, len);
    return ERR_OK;
}

static enum err write_bytes(struct disk_file *f, uint64_t offset, struct iovec *iov, size_t count)
{
    enum err      err = copy_up(file_of(f));
    struct block *b = of_file(file_of(f));

    for (size_t i = 0; i < count && !err; i++) {
        assert(offset + iov[i].iov_len <= b->cap);
        if (iov[i].iov_len > 0)
            memcpy(b->at + offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    return err;
}

static enum err zero(struct disk_file *f, uint64_t offset, uint64_t len)
{
    (void)f;
    (void)offset;
    (void)len;
    return ERR_OK;
}

static enum err sync_file(struct disk_file *f, bool with_size)
{
    (void)f;
    (void)with_size;
    return ERR_OK;
}

static enum err resize(struct disk_file *f, uint64_t bytes)
{
    enum err      err = copy_up(file_of(f));
    struct block *b;
    struct block *to;

    if (err)
        return err;
    b = of_file(file_of(f));
    to = zeros(bytes);
    if (b->cap > 0 && bytes > 0)
        memcpy(to->at, b->at, b->cap < bytes ? b->cap : (size_t)bytes);
    set(file_of(f)->overlay, f->path, to); /* O3 */
    return ERR_OK;
}

static void forget(struct disk_file *f)
{
    if (!of_file(file_of(f)))
        disk_forget(file_of(f)->below);
}

static struct block *map(struct disk_file *f)
{
    struct block *b = of_file(file_of(f));

    return b ? block_hold(b) : disk_map(file_of(f)->below);
}

/* A mapping may be older than the shadow: then it is of the disk below. */
static bool is_shadow(const struct overlay *o, const struct block *map_of)
{
    for (const struct list *n = o->shadows.next; n != &o->shadows; n = n->next)
        if (CONTAINER(n, struct shadow, in_overlay)->content == map_of)
            return true;
    return false;
}

static enum err load(struct disk *d, const char *path, struct block *map_of, uint64_t offset,
                     uint64_t len, bool in_order)
{
    if (is_shadow(overlay_of(d), map_of))
        return ERR_OK;
    return disk_load(overlay_of(d)->below, path, map_of, offset, len, in_order);
}

static enum err stream(struct disk_file *f, struct block *map_of, uint64_t offset, uint64_t len)
{
    if (is_shadow(file_of(f)->overlay, map_of))
        return ERR_OK;
    return disk_stream(file_of(f)->below, map_of, offset, len);
}

static void unload(struct disk *d, struct block *map_of)
{
    (void)d;
    (void)map_of;
}

static const struct disk_ops ops = {
    .close = close_disk,
    .root = root,
    .random = random_bytes,
    .make_dir = nothing,
    .sync_dir = nothing,
    .list = list_names,
    .read = read_whole,
    .replace = replace,
    .remove = remove_name,
    .rename = rename_name,
    .space = space,
    .create = create,
    .open = open_file,
    .unload = unload,
    .close_file = close_file,
    .size = size,
    .data_end = data_end,
    .read_at = read_at,
    .write = write_bytes,
    .zero = zero,
    .sync = sync_file,
    .resize = resize,
    .forget = forget,
    .map = map,
    .load = load,
    .stream = stream,
};

struct disk *disk_overlay_new(struct disk *below, const char *where)
{
    struct overlay *o = mem_new(sizeof *o);

    o->disk.ops = &ops;
    o->below = below;
    o->root = where ? mem_copy(where, strlen(where) + 1) : NULL;
    list_init(&o->shadows);
    return &o->disk;
}
