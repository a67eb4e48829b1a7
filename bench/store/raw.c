/* raw.c - see raw.h. */
#include "raw.h"
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_BYTES = 512 << 20,
    FILES_KEPT = 4,
    SOURCE_BYTES = 32 << 20, /* a multiple of each block; more than caches keep, as with new data */
    READ_BYTES = 1 << 20,
    COPY_BYTES = 256 << 20,
    PAGE_BYTES = 4096,
    SYNC_FILE_BYTES = 64 << 20
};

static void *aligned(size_t bytes)
{
    void *at;

    if (posix_memalign(&at, PAGE_BYTES, bytes) != 0)
        bench_die("no memory");
    memset(at, 'x', bytes);
    return at;
}

static void write_at(int fd, const void *block, size_t bytes, size_t offset)
{
    if (pwrite(fd, block, bytes, (off_t)offset) != (ssize_t)bytes)
        bench_die("raw write: %s", strerror(errno));
}

/* A file with its space allocated and, when asked for, written, all of it on disk. */
static int make_file(const char *path, size_t bytes, bool is_written, int flags)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || posix_fallocate(fd, 0, (off_t)bytes) != 0)
        bench_die("%s: %s", path, strerror(errno));
    if (is_written) {
        void *block = aligned(READ_BYTES);

        for (size_t at = 0; at < bytes; at += READ_BYTES)
            write_at(fd, block, READ_BYTES, at);
        free(block);
    }
    if (fsync(fd) != 0)
        bench_die("%s: %s", path, strerror(errno));
    close(fd);
    fd = open(path, O_RDWR | flags);
    if (fd < 0)
        bench_die("%s: %s", path, strerror(errno));
    return fd;
}

/* ---- large writes ---- */

struct raw_stream {
    const struct raw_write *how;
    char                    dir[PATH_BYTES];
    char                   *source;
    size_t                  taken; /* of it */
    unsigned                files; /* made; the last is being written */
    int                     fd;
    size_t                  offset;
};

static void stream_path(const struct raw_stream *r, unsigned file, char out[PATH_BYTES + 64])
{
    snprintf(out, PATH_BYTES + 64, "%s/%s-%u", r->dir, r->how->name, file);
}

static void remove_file(const struct raw_stream *r, unsigned file)
{
    char path[PATH_BYTES + 64];

    stream_path(r, file, path);
    unlink(path);
}

static void next_file(struct raw_stream *r)
{
    char path[PATH_BYTES + 64];

    if (r->fd >= 0) {
        posix_fadvise(r->fd, 0, 0, POSIX_FADV_DONTNEED);
        close(r->fd);
    }
    if (r->files >= FILES_KEPT)
        remove_file(r, r->files - FILES_KEPT);
    stream_path(r, r->files++, path);
    r->fd = make_file(path, FILE_BYTES, r->how->is_written, r->how->is_direct ? O_DIRECT : 0);
    r->offset = 0;
}

struct raw_stream *raw_stream_open(const char *dir, const struct raw_write *how)
{
    struct raw_stream *r = calloc(1, sizeof *r);

    if (!r)
        bench_die("no memory");
    snprintf(r->dir, sizeof r->dir, "%s", dir);
    r->how = how;
    r->source = aligned(SOURCE_BYTES);
    r->fd = -1;
    return r;
}

static void write_block(struct raw_stream *r)
{
    const struct raw_write *how = r->how;

    for (size_t at = 0; at < how->block_bytes; at += how->step_bytes) {
        write_at(r->fd, r->source + r->taken + at, how->step_bytes, r->offset + at);
        if (how->step_bytes < how->block_bytes && !how->is_direct)
            sync_file_range(r->fd, (off_t)(r->offset + at), (off_t)how->step_bytes,
                            SYNC_FILE_RANGE_WRITE);
    }
    if (fdatasync(r->fd) != 0)
        bench_die("raw sync: %s", strerror(errno));
    r->offset += how->block_bytes;
    r->taken = (r->taken + how->block_bytes) % SOURCE_BYTES;
}

double raw_stream_rate(struct raw_stream *r, double seconds)
{
    size_t bytes = 0;
    double spent = 0;

    while (spent < seconds) {
        double begin;

        if (r->fd < 0 || r->offset + r->how->block_bytes > FILE_BYTES)
            next_file(r);
        begin = bench_now();
        write_block(r);
        spent += bench_now() - begin;
        bytes += r->how->block_bytes;
    }
    return (double)bytes / 1e6 / spent;
}

void raw_stream_close(struct raw_stream *r)
{
    if (r->fd >= 0)
        close(r->fd);
    for (unsigned i = 0; i < r->files; i++)
        remove_file(r, i);
    free(r->source);
    free(r);
}

/* ---- small writes, one at a time ---- */

struct raw_sync {
    char   path[PATH_BYTES];
    int    fd;
    size_t offset;
    size_t block_bytes;
    void  *block;
};

struct raw_sync *raw_sync_open(const char *dir, size_t block_bytes, bool is_written)
{
    struct raw_sync *r = calloc(1, sizeof *r);

    if (!r)
        bench_die("no memory");
    snprintf(r->path, sizeof r->path, "%s/raw-%zu-%d", dir, block_bytes, is_written);
    r->block_bytes = block_bytes;
    r->block = aligned(block_bytes);
    r->fd = make_file(r->path, SYNC_FILE_BYTES, is_written, 0);
    return r;
}

void raw_sync_run(struct raw_sync *r, size_t times, struct quantile *out)
{
    for (size_t i = 0; i < times; i++) {
        double begin = bench_now();

        if (r->offset + r->block_bytes > SYNC_FILE_BYTES)
            r->offset = 0;
        write_at(r->fd, r->block, r->block_bytes, r->offset);
        if (fdatasync(r->fd) != 0)
            bench_die("raw sync: %s", strerror(errno));
        quantile_add(out, (bench_now() - begin) * 1e3);
        r->offset += r->block_bytes;
    }
}

void raw_sync_close(struct raw_sync *r)
{
    close(r->fd);
    unlink(r->path);
    free(r->block);
    free(r);
}

/* ---- reading ---- */

static int forget_file(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
    int fd = kind == FTW_F && s->st_size > 0 ? open(path, O_RDONLY) : -1;

    (void)ftw;
    if (fd >= 0) {
        fdatasync(fd); /* dirty pages would stay */
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    return 0;
}

void raw_forget(const char *path)
{
    nftw(path, forget_file, 16, FTW_PHYS);
}

/* nftw has no argument for us. Only this process' first thread comes here. */
static struct reading {
    int      flags;
    uint64_t bytes;
} reading;

static int read_file(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
    void   *block;
    ssize_t n;
    int     fd;

    (void)ftw;
    if (kind != FTW_F || s->st_size < READ_BYTES)
        return 0;
    fd = open(path, O_RDONLY | reading.flags);
    if (fd < 0)
        return 0;
    block = aligned(READ_BYTES);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while ((n = read(fd, block, READ_BYTES)) > 0)
        reading.bytes += (uint64_t)n;
    free(block);
    close(fd);
    return 0;
}

double raw_read_seconds(const char *dir, bool is_direct)
{
    double begin = bench_now();

    reading = (struct reading){ .flags = is_direct ? O_DIRECT : 0 };
    nftw(dir, read_file, 16, FTW_PHYS);
    return bench_now() - begin;
}

double raw_read_rate(const char *dir, bool is_direct)
{
    double seconds = raw_read_seconds(dir, is_direct);

    return (double)reading.bytes / 1e6 / seconds;
}

double raw_copy_rate(double seconds)
{
    uint8_t *from = aligned(COPY_BYTES);
    uint8_t *to = aligned(COPY_BYTES);
    double   begin = bench_now();
    size_t   times = 0;

    while (bench_now() - begin < seconds) {
        memcpy(to, from, COPY_BYTES);
        __asm__ volatile("" : : "r"(to) : "memory"); /* the copy has a reader */
        times++;
    }
    seconds = bench_now() - begin;
    free(from);
    free(to);
    return (double)times * COPY_BYTES / 1e9 / seconds;
}
