/*
 * disk.h - the few things the store asks of a file system, as a table of functions: so that the
 * same store runs on real files (disk_file.c) and on a disk in memory that loses, tears and fails
 * at will (disk_sim.c).
 *
 * Paths are relative to the disk's root. Nothing is durable before the sync that covers it:
 * disk_sync for a file's bytes, size and blocks, disk_sync_dir for names; disk_replace does all
 * that itself and leaves the old content or the new, never a mixture. Errors: ERR_NO_SPACE, which is
 * an answer, and ERR_ACCESS, ERR_DISK_FAILED (anything else), whose cause has been said in one diag
 * line.
 *
 * Thread: any, but no range of a file is written by two threads at a time.
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "base/block.h"
#include "base/buf.h"
#include "base/err.h"

#include <sys/uio.h>

struct disk {
    const struct disk_ops *ops;
};

enum {
    DISK_PATH_MAX = 128,
    DISK_READ_MAX = 64 << 20, /* disk_read takes no larger file */
};

struct disk_file {
    const struct disk_ops *ops;
    char                   path[DISK_PATH_MAX];
};

typedef void disk_list_fn(void *ctx, const char *name);

struct disk_ops {
    void (*close)(struct disk *d);
    const char *(*root)(const struct disk *d);
    void (*random)(struct disk *d, void *out, size_t len);
    enum err (*make_dir)(struct disk *d, const char *path);
    enum err (*sync_dir)(struct disk *d, const char *path);
    enum err (*list)(struct disk *d, const char *path, disk_list_fn *fn, void *ctx);
    enum err (*read)(struct disk *d, const char *path, struct buf *out, bool *is_there);
    enum err (*replace)(struct disk *d, const char *path, struct bytes content);
    enum err (*remove)(struct disk *d, const char *path);
    enum err (*rename)(struct disk *d, const char *from, const char *to);
    enum err (*space)(struct disk *d, uint64_t *bytes);
    enum err (*create)(struct disk *d, const char *path, uint64_t bytes, struct disk_file **out);
    enum err (*open)(struct disk *d, const char *path, struct disk_file **out);
    enum err (*load)(struct disk *d, const char *path, struct block *map, uint64_t offset,
                     uint64_t len, bool in_order);
    void (*unload)(struct disk *d, struct block *map);

    void (*close_file)(struct disk_file *f);
    uint64_t (*size)(struct disk_file *f);
    uint64_t (*data_end)(struct disk_file *f);
    enum err (*read_at)(struct disk_file *f, uint64_t offset, void *out, size_t len);
    enum err (*write)(struct disk_file *f, uint64_t offset, struct iovec *iov, size_t count);
    enum err (*zero)(struct disk_file *f, uint64_t offset, uint64_t len);
    enum err (*sync)(struct disk_file *f, bool with_size);
    enum err (*resize)(struct disk_file *f, uint64_t bytes);
    void (*forget)(struct disk_file *f);
    struct block *(*map)(struct disk_file *f);
    enum err (*stream)(struct disk_file *f, struct block *map, uint64_t offset, uint64_t len);
};

static inline void disk_close(struct disk *d)
{
    d->ops->close(d);
}

/* Where it lies in the machine's file system; NULL: nowhere. */
static inline const char *disk_root(const struct disk *d)
{
    return d->ops->root(d);
}

static inline void disk_random(struct disk *d, void *out, size_t len)
{
    d->ops->random(d, out, len);
}

/* Fine when it is there already. */
MUST_CHECK static inline enum err disk_make_dir(struct disk *d, const char *path)
{
    return d->ops->make_dir(d, path);
}

MUST_CHECK static inline enum err disk_sync_dir(struct disk *d, const char *path)
{
    return d->ops->sync_dir(d, path);
}

MUST_CHECK static inline enum err disk_list(struct disk *d, const char *path,
                                            disk_list_fn *fn, void *ctx)
{
    return d->ops->list(d, path, fn, ctx);
}

/* Appends the whole of a small file to out. */
MUST_CHECK static inline enum err disk_read(struct disk *d, const char *path,
                                            struct buf *out, bool *is_there)
{
    return d->ops->read(d, path, out, is_there);
}

MUST_CHECK static inline enum err disk_replace(struct disk *d, const char *path,
                                               struct bytes content)
{
    return d->ops->replace(d, path, content);
}

/* Fine when it is not there. */
MUST_CHECK static inline enum err disk_remove(struct disk *d, const char *path)
{
    return d->ops->remove(d, path);
}

/* Within one directory; `to` is not there. Either name, and never both or none, is there after a
 * crash. */
MUST_CHECK static inline enum err disk_rename(struct disk *d, const char *from, const char *to)
{
    return d->ops->rename(d, from, to);
}

/* What is left for files to grow. */
MUST_CHECK static inline enum err disk_space(struct disk *d, uint64_t *bytes)
{
    return d->ops->space(d, bytes);
}

/* A new file of this size, its space allocated, reading as zeros. Nothing is left behind when it
 * fails. */
MUST_CHECK static inline enum err disk_create(struct disk *d, const char *path,
                                              uint64_t bytes, struct disk_file **out)
{
    return d->ops->create(d, path, bytes, out);
}

/* ERR_CORRUPT: it is not there. */
MUST_CHECK static inline enum err disk_open(struct disk *d, const char *path,
                                            struct disk_file **out)
{
    return d->ops->open(d, path, out);
}

static inline void disk_close_file(struct disk_file *f)
{
    if (f)
        f->ops->close_file(f);
}

static inline uint64_t disk_size(struct disk_file *f)
{
    return f->ops->size(f);
}

/* Nothing but zeros lies at or behind this offset; the nearest one that can be told cheaply. */
static inline uint64_t disk_data_end(struct disk_file *f)
{
    return f->ops->data_end(f);
}

/* All of [offset, offset + len), copied: an unreadable medium is ERR_DISK_FAILED, whenever it turns
 * out to be. Waits for the disk. */
MUST_CHECK static inline enum err disk_read_at(struct disk_file *f, uint64_t offset, void *out,
                                               size_t len)
{
    return f->ops->read_at(f, offset, out, len);
}

/* Writes all of iov at offset. The array is used up; the memory it leads to is not. */
MUST_CHECK static inline enum err disk_write(struct disk_file *f, uint64_t offset,
                                             struct iovec *iov, size_t count)
{
    return f->ops->write(f, offset, iov, count);
}

/* Writes zeros over zeros, so that the blocks have been written once: the first write to a block
 * that was only allocated costs a commit of the file system in the next sync. Past the memory of
 * the system; where that is impossible nothing happens. */
MUST_CHECK static inline enum err disk_zero(struct disk_file *f, uint64_t offset, uint64_t len)
{
    return f->ops->zero(f, offset, len);
}

/* with_size: also its size and blocks (fsync); without: what reading the bytes back needs
 * (fdatasync). */
MUST_CHECK static inline enum err disk_sync(struct disk_file *f, bool with_size)
{
    return f->ops->sync(f, with_size);
}

/* Longer, with the space allocated, or shorter. Not yet durable. */
MUST_CHECK static inline enum err disk_resize(struct disk_file *f, uint64_t bytes)
{
    return f->ops->resize(f, bytes);
}

/* What was read before and is in memory is dropped, so that the next read sees what the medium
 * holds. After a sync. */
static inline void disk_forget(struct disk_file *f)
{
    f->ops->forget(f);
}

/* All of the file as it is now, for reading, in one block; what is written later shows through, or
 * NULL when the system refuses. The file may be closed and removed; the last drop unmaps. */
static inline struct block *disk_map(struct disk_file *f)
{
    return f->ops->map(f);
}

/* Reads a part of the mapping of a file ahead: nobody who looks at it next waits for the disk. An
 * unreadable medium is ERR_DISK_FAILED here and a dead process without. in_order: the mapping is read
 * from its beginning to its end, and what comes next may be fetched already. */
MUST_CHECK static inline enum err disk_load(struct disk *d, const char *path, struct block *map,
                                            uint64_t offset, uint64_t len, bool in_order)
{
    return d->ops->load(d, path, map, offset, len, in_order);
}

/* The same, of an open file that is read from its beginning to its end: what comes next is on its
 * way when this returns. */
MUST_CHECK static inline enum err disk_stream(struct disk_file *f, struct block *map,
                                              uint64_t offset, uint64_t len)
{
    return f->ops->stream(f, map, offset, len);
}

/* The process needs it no more for now; it can still be read. */
static inline void disk_unload(struct disk *d, struct block *map)
{
    d->ops->unload(d, map);
}

#endif
