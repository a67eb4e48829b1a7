/*
 * disk_sim.c - see disk_sim.h.
 *
 * A name leads to two inodes (sim_inode.h): the one it leads to now and the one it leads to on the
 * medium; they differ until the directory is synced.
 */
#include "store/disk_sim.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/planted.h"
#include "store/sim_inode.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct name {
    struct list   in_disk;
    char          path[DISK_PATH_MAX];
    struct inode *now;    /* NULL: removed */
    struct inode *medium; /* NULL: not there yet */
    char          from[DISK_PATH_MAX]; /* not empty: renamed from there, and not synced since */
};

struct sim_disk {
    struct disk     disk;
    pthread_mutex_t lock;
    bool            is_kept;
    bool            is_off;
    struct sim_chance chance;
    uint64_t        generation; /* of open files: each crash begins a new one */
    uint64_t        cut_after;  /* 0: never; else counts down */
    uint64_t        fail_sync;
    uint64_t        fail_write;
    uint64_t        space;
    uint64_t        written, reads;
    uint64_t        unreadable; /* a byte of this file; its sector cannot be read */
    char            unreadable_path[DISK_PATH_MAX];
    struct list     names;
    disk_sim_fn    *on_write;
    void           *on_write_ctx;
};

struct sim_file {
    struct disk_file file;
    struct sim_disk *disk;
    struct inode    *inode;
    uint64_t         generation;
};

static const struct disk_ops ops;

static struct sim_disk *sim_of(const struct disk *d)
{
    return (struct sim_disk *)(uintptr_t)d;
}

static struct sim_file *sim_file_of(struct disk_file *f)
{
    return (struct sim_file *)f;
}

static uint64_t next_random(struct sim_disk *d)
{
    return sim_random(&d->chance);
}

/* Every operation that changes something begins with this. True: it is the one in which the power
 * goes. */
static bool is_cut(struct sim_disk *d)
{
    if (sim_counts_down(&d->cut_after))
        d->is_off = true;
    return d->is_off;
}

/* ---- names ---- */

static struct name *find(struct sim_disk *d, const char *path)
{
    for (struct list *l = d->names.next; l != &d->names; l = l->next) {
        struct name *n = CONTAINER(l, struct name, in_disk);

        if (strcmp(n->path, path) == 0)
            return n;
    }
    return NULL;
}

static struct inode *lookup(struct sim_disk *d, const char *path)
{
    struct name *n = find(d, path);

    return n ? n->now : NULL;
}

/* Takes over one reference to inode. */
static void set_name(struct sim_disk *d, const char *path, struct inode *inode)
{
    struct name *n = find(d, path);

    if (!n) {
        n = mem_new(sizeof *n);
        snprintf(n->path, sizeof n->path, "%s", path);
        list_push(&d->names, &n->in_disk);
    }
    inode_drop(n->now);
    n->now = inode;
}

static void free_name(struct name *n)
{
    list_remove(&n->in_disk);
    inode_drop(n->now);
    inode_drop(n->medium);
    free(n);
}

/* The rest of a path behind "dir/", when it is a name in that directory itself. */
static const char *name_in(const char *path, const char *dir)
{
    size_t len = strcmp(dir, ".") == 0 ? 0 : strlen(dir);

    if (len > 0 && (strncmp(path, dir, len) != 0 || path[len++] != '/'))
        return NULL;
    return strchr(path + len, '/') ? NULL : path + len;
}

static void name_sync(struct name *n)
{
    n->from[0] = 0;
    if (n->now == n->medium)
        return;
    inode_drop(n->medium);
    n->medium = n->now ? inode_hold(n->now) : NULL;
}

static void name_undo(struct name *n)
{
    inode_drop(n->now);
    n->now = n->medium ? inode_hold(n->medium) : NULL;
}

/* Both names of a rename, or none of them. */
static void rename_crash(struct sim_disk *d, struct name *n)
{
    struct name *from = n->from[0] ? find(d, n->from) : NULL;
    bool         is_done = next_random(d) & 1;

    n->from[0] = 0;
    if (!from)
        return;
    if (is_done) {
        name_sync(from);
        name_sync(n);
    } else {
        name_undo(from);
        name_undo(n);
    }
}

static uint64_t used_space(const struct sim_disk *d)
{
    uint64_t sum = 0;

    for (struct list *l = d->names.next; l != &d->names; l = l->next) {
        struct name *n = CONTAINER(l, struct name, in_disk);

        sum += n->now ? n->now->now->cap : 0;
    }
    return sum;
}

/* ---- operations on the disk ---- */

static void close_disk(struct disk *disk)
{
    if (!sim_of(disk)->is_kept)
        disk_sim_free(disk);
}

static const char *root(const struct disk *disk)
{
    (void)disk;
    return NULL;
}

static void get_random(struct disk *disk, void *out, size_t len)
{
    struct sim_disk *d = sim_of(disk);
    uint8_t         *at = out;

    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)next_random(d);
    pthread_mutex_unlock(&d->lock);
}

/* Directories are always there. */
static enum err make_dir(struct disk *disk, const char *path)
{
    (void)path;
    return sim_of(disk)->is_off ? ERR_DISK_FAILED : ERR_OK;
}

/* A name that is removed here and on the medium is gone. */
static void sync_names(struct sim_disk *d, const char *dir)
{
    struct list *next;

    for (struct list *l = d->names.next; l != &d->names; l = next) {
        struct name *n = CONTAINER(l, struct name, in_disk);

        next = l->next;
        if (!name_in(n->path, dir))
            continue;
        name_sync(n);
        if (!n->now)
            free_name(n);
    }
}

static enum err sync_dir(struct disk *disk, const char *path)
{
    struct sim_disk *d = sim_of(disk);
    enum err         err = ERR_DISK_FAILED;

    pthread_mutex_lock(&d->lock);
    if (!is_cut(d)) {
        if (!is_planted(PLANTED_SKIP_DIR_SYNC))
            sync_names(d, path);
        err = ERR_OK;
    }
    pthread_mutex_unlock(&d->lock);
    return err;
}

static enum err list(struct disk *disk, const char *path, disk_list_fn *fn, void *ctx)
{
    struct sim_disk *d = sim_of(disk);
    struct list     *next;

    if (d->is_off)
        return ERR_DISK_FAILED;
    for (struct list *l = d->names.next; l != &d->names; l = next) {
        struct name *n = CONTAINER(l, struct name, in_disk);
        const char  *rest = name_in(n->path, path);

        next = l->next; /* fn may remove it, which only empties it */
        if (n->now && rest)
            fn(ctx, rest);
    }
    return ERR_OK;
}

static enum err read_file(struct disk *disk, const char *path, struct buf *out, bool *is_there)
{
    struct sim_disk *d = sim_of(disk);
    struct inode    *inode;

    *is_there = false;
    if (d->is_off)
        return ERR_DISK_FAILED;
    pthread_mutex_lock(&d->lock);
    inode = lookup(d, path);
    if (inode) {
        *is_there = true;
        buf_add(out, inode->now->at, inode->now->cap);
    }
    pthread_mutex_unlock(&d->lock);
    return ERR_OK;
}

/* Draft, write, sync, rename, sync the directory: the power may go at each. */
static enum err replace_steps(struct sim_disk *d, const char *path, struct bytes content)
{
    struct inode *inode;
    struct name  *n;

    if (used_space(d) + content.len > d->space)
        return ERR_NO_SPACE;
    inode = inode_new(0);
    inode_set(inode, content);
    if (is_cut(d)) {
        inode_drop(inode);
        return ERR_DISK_FAILED;
    }
    inode_sync(&d->chance, inode);
    set_name(d, path, inode);
    if (is_cut(d))
        return ERR_DISK_FAILED;
    n = find(d, path);
    if (!is_planted(PLANTED_SKIP_DIR_SYNC))
        name_sync(n);
    return ERR_OK;
}

static enum err replace(struct disk *disk, const char *path, struct bytes content)
{
    struct sim_disk *d = sim_of(disk);
    enum err         err = ERR_DISK_FAILED;

    pthread_mutex_lock(&d->lock);
    if (!d->is_off)
        err = replace_steps(d, path, content);
    pthread_mutex_unlock(&d->lock);
    return err;
}

static enum err remove_file(struct disk *disk, const char *path)
{
    struct sim_disk *d = sim_of(disk);
    enum err         err = ERR_DISK_FAILED;

    pthread_mutex_lock(&d->lock);
    if (!is_cut(d)) {
        if (lookup(d, path))
            set_name(d, path, NULL);
        err = ERR_OK;
    }
    pthread_mutex_unlock(&d->lock);
    return err;
}

/* The new name may be lost, and then the old one is still there. */
static enum err rename_locked(struct sim_disk *d, const char *from, const char *to)
{
    struct inode *inode = lookup(d, from);

    if (is_cut(d) || !inode || lookup(d, to))
        return ERR_DISK_FAILED;
    set_name(d, to, inode_hold(inode));
    set_name(d, from, NULL);
    snprintf(find(d, to)->from, DISK_PATH_MAX, "%s", from);
    return ERR_OK;
}

static enum err rename_file(struct disk *disk, const char *from, const char *to)
{
    struct sim_disk *d = sim_of(disk);
    enum err         err;

    pthread_mutex_lock(&d->lock);
    err = rename_locked(d, from, to);
    pthread_mutex_unlock(&d->lock);
    return err;
}

static enum err space(struct disk *disk, uint64_t *bytes)
{
    struct sim_disk *d = sim_of(disk);
    uint64_t         used;

    pthread_mutex_lock(&d->lock);
    used = used_space(d);
    *bytes = used < d->space ? d->space - used : 0;
    pthread_mutex_unlock(&d->lock);
    return d->is_off ? ERR_DISK_FAILED : ERR_OK;
}

static struct disk_file *file_new(struct sim_disk *d, const char *path, struct inode *inode)
{
    struct sim_file *f = mem_new(sizeof *f);

    f->file.ops = &ops;
    snprintf(f->file.path, sizeof f->file.path, "%s", path);
    f->disk = d;
    f->inode = inode_hold(inode);
    f->generation = d->generation;
    return &f->file;
}

static enum err create_locked(struct sim_disk *d, const char *path, uint64_t bytes,
                              struct disk_file **out)
{
    if (is_cut(d) || lookup(d, path))
        return ERR_DISK_FAILED;
    if (used_space(d) + bytes > d->space)
        return ERR_NO_SPACE;
    set_name(d, path, inode_new(bytes));
    *out = file_new(d, path, lookup(d, path));
    return ERR_OK;
}

static enum err create(struct disk *disk, const char *path, uint64_t bytes, struct disk_file **out)
{
    struct sim_disk *d = sim_of(disk);
    enum err         err;

    pthread_mutex_lock(&d->lock);
    err = create_locked(d, path, bytes, out);
    pthread_mutex_unlock(&d->lock);
    return err;
}

static enum err open_file(struct disk *disk, const char *path, struct disk_file **out)
{
    struct sim_disk *d = sim_of(disk);
    struct inode    *inode;

    if (d->is_off)
        return ERR_DISK_FAILED;
    pthread_mutex_lock(&d->lock);
    inode = lookup(d, path);
    if (inode)
        *out = file_new(d, path, inode);
    pthread_mutex_unlock(&d->lock);
    return inode ? ERR_OK : ERR_CORRUPT;
}

/* ---- operations on a file ---- */

static void close_file(struct disk_file *file)
{
    struct sim_file *f = sim_file_of(file);
    struct sim_disk *d = f->disk;

    pthread_mutex_lock(&d->lock);
    inode_drop(f->inode);
    pthread_mutex_unlock(&d->lock);
    free(f);
}

/* Locks the disk. False: the power is gone, or was since the file was opened. */
static bool enter(struct sim_file *f)
{
    pthread_mutex_lock(&f->disk->lock);
    return !f->disk->is_off && f->generation == f->disk->generation;
}

static enum err leave(struct sim_file *f, enum err err)
{
    pthread_mutex_unlock(&f->disk->lock);
    return err;
}

static uint64_t size(struct disk_file *file)
{
    struct sim_file *f = sim_file_of(file);
    uint64_t         bytes;

    enter(f);
    bytes = f->inode->now->cap;
    leave(f, ERR_OK);
    return bytes;
}

static uint64_t data_end(struct disk_file *file)
{
    static const uint8_t zeros[512];
    struct sim_file *f = sim_file_of(file);
    uint64_t         end;

    enter(f);
    end = f->inode->now->cap;
    while (end >= sizeof zeros &&
           memcmp(f->inode->now->at + end - sizeof zeros, zeros, sizeof zeros) == 0)
        end -= sizeof zeros;
    while (end > 0 && f->inode->now->at[end - 1] == 0)
        end--;
    leave(f, ERR_OK);
    return end;
}

static bool is_unreadable(const struct sim_disk *d, const char *path, uint64_t offset, uint64_t len)
{
    return strcmp(d->unreadable_path, path) == 0 && d->unreadable >= offset &&
           d->unreadable < offset + len;
}

static enum err read_at(struct disk_file *file, uint64_t offset, void *out, size_t len)
{
    struct sim_file *f = sim_file_of(file);

    if (!enter(f) || is_unreadable(f->disk, file->path, offset, len) ||
        offset > f->inode->now->cap || len > f->inode->now->cap - offset)
        return leave(f, ERR_DISK_FAILED);
    f->disk->reads++;
    memcpy(out, f->inode->now->at + offset, len);
    return leave(f, ERR_OK);
}

static enum err write_file(struct disk_file *file, uint64_t offset, struct iovec *iov, size_t count)
{
    struct sim_file *f = sim_file_of(file);
    disk_sim_fn     *hook = f->disk->on_write;
    bool             is_off;

    if (hook)
        hook(f->disk->on_write_ctx, file->path);
    if (!enter(f))
        return leave(f, ERR_DISK_FAILED);
    is_off = is_cut(f->disk); /* then some of it may still land */
    f->disk->written += inode_write(f->inode, offset, iov, count);
    return leave(f, is_off || sim_counts_down(&f->disk->fail_write) ? ERR_DISK_FAILED : ERR_OK);
}

/* After a failed sync the system may have dropped the writes and call the pages clean. */
static void fail_sync(struct sim_file *f)
{
    inode_crash(&f->disk->chance, f->inode);
}

static enum err sync_file(struct disk_file *file, bool with_size)
{
    struct sim_file *f = sim_file_of(file);

    (void)with_size;
    if (!enter(f) || is_cut(f->disk))
        return leave(f, ERR_DISK_FAILED);
    if (sim_counts_down(&f->disk->fail_sync)) {
        fail_sync(f);
        return leave(f, ERR_DISK_FAILED);
    }
    inode_sync(&f->disk->chance, f->inode);
    return leave(f, ERR_OK);
}

static enum err zero(struct disk_file *file, uint64_t offset, uint64_t len)
{
    (void)file;
    (void)offset;
    (void)len;
    return ERR_OK;
}

static enum err resize(struct disk_file *file, uint64_t bytes)
{
    struct sim_file *f = sim_file_of(file);
    uint64_t         used;

    if (!enter(f) || is_cut(f->disk))
        return leave(f, ERR_DISK_FAILED);
    used = used_space(f->disk) - f->inode->now->cap;
    if (bytes > f->inode->now->cap && used + bytes > f->disk->space)
        return leave(f, ERR_NO_SPACE);
    inode_resize(f->inode, bytes);
    return leave(f, ERR_OK);
}

static void forget(struct disk_file *file)
{
    struct sim_file *f = sim_file_of(file);

    enter(f);
    if (f->inode->is_astray && list_empty(&f->inode->unsynced))
        inode_reread(f->inode);
    leave(f, ERR_OK);
}

/* A mapping has its own count: whoever made it can tell whether others hold it. */
struct sim_map {
    struct block  block;
    struct block *under;
};

static void free_map(struct block *b)
{
    block_drop(CONTAINER(b, struct sim_map, block)->under);
    free(b);
}

static struct block *map(struct disk_file *file)
{
    struct sim_file *f = sim_file_of(file);
    struct sim_map  *m = mem_new(sizeof *m);

    enter(f);
    m->under = block_hold(f->inode->now);
    leave(f, ERR_OK);
    block_init(&m->block, m->under->at, m->under->cap, free_map);
    return &m->block;
}

static enum err load(struct disk *disk, const char *path, struct block *map, uint64_t offset,
                     uint64_t len, bool in_order)
{
    struct sim_disk *d = sim_of(disk);
    enum err         err;

    (void)map;
    (void)in_order;
    pthread_mutex_lock(&d->lock);
    d->reads++;
    err = d->is_off || is_unreadable(d, path, offset, len) ? ERR_DISK_FAILED : ERR_OK;
    pthread_mutex_unlock(&d->lock);
    return err;
}

static enum err stream(struct disk_file *f, struct block *map, uint64_t offset, uint64_t len)
{
    return load(&sim_file_of(f)->disk->disk, f->path, map, offset, len, true);
}

static void unload(struct disk *disk, struct block *map)
{
    (void)disk;
    (void)map;
}

static const struct disk_ops ops = {
    .close = close_disk,
    .root = root,
    .random = get_random,
    .make_dir = make_dir,
    .sync_dir = sync_dir,
    .list = list,
    .read = read_file,
    .replace = replace,
    .remove = remove_file,
    .rename = rename_file,
    .space = space,
    .create = create,
    .open = open_file,
    .close_file = close_file,
    .size = size,
    .data_end = data_end,
    .read_at = read_at,
    .write = write_file,
    .zero = zero,
    .sync = sync_file,
    .resize = resize,
    .forget = forget,
    .map = map,
    .load = load,
    .stream = stream,
    .unload = unload,
};

/* ---- what tests do to it ---- */

struct disk *disk_sim_new(uint64_t seed)
{
    struct sim_disk *d = mem_new(sizeof *d);

    d->disk.ops = &ops;
    d->chance.random = seed;
    d->space = UINT64_MAX / 2;
    list_init(&d->names);
    pthread_mutex_init(&d->lock, NULL);
    return &d->disk;
}

struct disk *disk_sim_keep(uint64_t seed)
{
    struct disk *d = disk_sim_new(seed);

    sim_of(d)->is_kept = true;
    return d;
}

void disk_sim_free(struct disk *disk)
{
    struct sim_disk *d = sim_of(disk);

    while (!list_empty(&d->names))
        free_name(CONTAINER(d->names.next, struct name, in_disk));
    pthread_mutex_destroy(&d->lock);
    free(d);
}

struct disk *disk_sim_clone(const struct disk *disk)
{
    const struct sim_disk *d = sim_of(disk);
    struct disk           *clone = disk_sim_keep(d->chance.random);

    for (struct list *l = d->names.next; l != &d->names; l = l->next) {
        const struct name *n = CONTAINER(l, struct name, in_disk);

        if (!n->now)
            continue;
        set_name(sim_of(clone), n->path, inode_clone(n->now));
        name_sync(find(sim_of(clone), n->path));
    }
    return clone;
}

static void name_crash(struct sim_disk *d, struct name *n)
{
    if (n->now != n->medium && next_random(d) & 1)
        name_sync(n);
    name_undo(n);
    if (n->now)
        inode_crash(&d->chance, n->now);
    else
        free_name(n);
}

void disk_sim_crash(struct disk *disk)
{
    struct sim_disk *d = sim_of(disk);
    struct list     *next;

    for (struct list *l = d->names.next; l != &d->names; l = l->next)
        rename_crash(d, CONTAINER(l, struct name, in_disk));
    for (struct list *l = d->names.next; l != &d->names; l = next) {
        next = l->next;
        name_crash(d, CONTAINER(l, struct name, in_disk));
    }
    disk_sim_kill(disk);
}

void disk_sim_kill(struct disk *disk)
{
    struct sim_disk *d = sim_of(disk);

    d->generation++;
    d->is_off = false;
    d->cut_after = 0;
    d->fail_sync = 0;
    d->fail_write = 0;
    d->chance.misdirect = 0;
}

void disk_sim_cut_after(struct disk *d, uint64_t operations)
{
    sim_of(d)->cut_after = operations;
}

void disk_sim_cut(struct disk *d)
{
    sim_of(d)->is_off = true;
}

bool disk_sim_is_off(const struct disk *d)
{
    return sim_of(d)->is_off;
}

void disk_sim_fail_sync(struct disk *d, uint64_t n)
{
    sim_of(d)->fail_sync = n;
}

void disk_sim_fail_write(struct disk *d, uint64_t n)
{
    sim_of(d)->fail_write = n;
}

void disk_sim_misdirect(struct disk *d, uint64_t n)
{
    sim_of(d)->chance.misdirect = n;
}

bool disk_sim_has_lied(const struct disk *d)
{
    return sim_of(d)->chance.has_lied;
}

bool disk_sim_lie_is_last(const struct disk *disk, const char *word)
{
    const struct sim_disk *d = sim_of(disk);

    for (struct list *l = d->names.next; d->chance.lied_in && l != &d->names; l = l->next) {
        const struct name *n = CONTAINER(l, struct name, in_disk);

        if (n->now == d->chance.lied_in)
            return strstr(n->path, word) != NULL;
    }
    return false;
}

bool disk_sim_file(const struct disk *disk, size_t index, char path[DISK_PATH_MAX], uint64_t *bytes)
{
    const struct sim_disk *d = sim_of(disk);
    size_t                 i = 0;

    for (struct list *l = d->names.next; l != &d->names; l = l->next) {
        const struct name *n = CONTAINER(l, struct name, in_disk);

        if (!n->now || i++ < index)
            continue;
        snprintf(path, DISK_PATH_MAX, "%s", n->path);
        *bytes = n->now->now->cap;
        return true;
    }
    return false;
}

void disk_sim_set_space(struct disk *d, uint64_t bytes)
{
    sim_of(d)->space = bytes;
}

uint64_t disk_sim_used(const struct disk *d)
{
    return used_space(sim_of(d));
}

bool disk_sim_rot(struct disk *d, const char *path, uint64_t offset)
{
    struct inode *i = lookup(sim_of(d), path);

    if (!i || offset >= i->now->cap)
        return false;
    inode_rot(i, offset);
    return true;
}

void disk_sim_on_write(struct disk *disk, disk_sim_fn *fn, void *ctx)
{
    sim_of(disk)->on_write = fn;
    sim_of(disk)->on_write_ctx = ctx;
}

void disk_sim_spoil(struct disk *disk, const char *path, uint64_t offset)
{
    struct sim_disk *d = sim_of(disk);

    snprintf(d->unreadable_path, sizeof d->unreadable_path, "%s", path);
    d->unreadable = offset;
}

void disk_sim_put(struct disk *disk, const char *path, struct bytes content)
{
    struct sim_disk *d = sim_of(disk);
    struct inode    *inode = inode_new(0);

    inode_set(inode, content);
    inode_sync(&d->chance, inode);
    set_name(d, path, inode);
    name_sync(find(d, path));
}

uint64_t disk_sim_written(const struct disk *d)
{
    return sim_of(d)->written;
}

uint64_t disk_sim_reads(const struct disk *d)
{
    return sim_of(d)->reads;
}
