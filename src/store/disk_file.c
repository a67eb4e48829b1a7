/*
 * disk_file.c - see disk_file.h. All paths go through the descriptor of the root, so a directory
 * that is renamed while the program runs stays the same disk. Modes are 0700 and 0600 whatever the
 * umask says.
 */
#include "store/disk_file.h"
#include "base/diag.h"
#include "base/mem.h"
#include "store/planted.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14, younger than Debian 12's headers */
#endif

enum {
    IOV_PER_WRITE = 1024,
    READ_BYTES = 64 << 10,
    ZERO_BYTES = 256 << 10,
    WRITE_BYTES = 1 << 20,
    PAGE_BYTES = 4096,
    DIRECT_BYTES = 4096, /* alignment that every device takes */
};

struct real_disk {
    struct disk disk;
    int         fd;
    char       *root;
};

struct real_file {
    struct disk_file file;
    int              fd;
    int              root; /* the disk's */
};

static const struct disk_ops ops;

static int root_of(const struct disk *d)
{
    return ((const struct real_disk *)d)->fd;
}

static int fd_of(const struct disk_file *f)
{
    return ((const struct real_file *)f)->fd;
}

static enum err err_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_ACCESS;
    default:
        return ERR_DISK_FAILED;
    }
}

/* Says what the system said, and which of our errors it is. */
static enum err failed(const char *what, const char *path, int error)
{
    enum err err = err_of(error);

    if (err != ERR_NO_SPACE)
        diag(DIAG_ERROR, "disk: %s %s: %s", what, path, strerror(error));
    return err;
}

static void disk_file_close(struct disk *d)
{
    struct real_disk *r = (struct real_disk *)d;

    close(r->fd);
    free(r->root);
    free(r);
}

static const char *get_root(const struct disk *d)
{
    return ((const struct real_disk *)d)->root;
}

static void get_random(struct disk *d, void *out, size_t len)
{
    ssize_t n;

    (void)d;
    do
        n = getrandom(out, len, 0);
    while (n < 0 && errno == EINTR);
    assert(n == (ssize_t)len); /* up to 256 bytes come whole */
}

/* ---- names ---- */

static enum err make_dir(struct disk *d, const char *path)
{
    if (mkdirat(root_of(d), path, 0700) != 0 && errno != EEXIST)
        return failed("make directory", path, errno);
    return ERR_OK;
}

static enum err sync_dir(struct disk *d, const char *path)
{
    int      fd = openat(root_of(d), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = ERR_OK;

    if (fd < 0)
        return failed("open directory", path, errno);
    if (!is_planted(PLANTED_SKIP_DIR_SYNC) && fsync(fd) != 0)
        err = failed("sync directory", path, errno);
    close(fd);
    return err;
}

static enum err list(struct disk *d, const char *path, disk_list_fn *fn, void *ctx)
{
    int            fd = openat(root_of(d), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR           *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!dir) {
        int error = errno;

        if (fd >= 0)
            close(fd);
        return failed("list", path, error);
    }
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fn(ctx, entry->d_name);
        errno = 0;
    }
    fd = errno;
    closedir(dir);
    return fd ? failed("list", path, fd) : ERR_OK;
}

static enum err remove_file(struct disk *d, const char *path)
{
    if (unlinkat(root_of(d), path, 0) != 0 && errno != ENOENT)
        return failed("remove", path, errno);
    return ERR_OK;
}

static enum err rename_file(struct disk *d, const char *from, const char *to)
{
    if (renameat(root_of(d), from, root_of(d), to) != 0)
        return failed("rename", from, errno);
    return ERR_OK;
}

/* What the system keeps back for root does not count. */
static enum err space(struct disk *d, uint64_t *bytes)
{
    struct statvfs st;

    if (fstatvfs(root_of(d), &st) != 0)
        return failed("ask for the free space of", get_root(d), errno);
    *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return ERR_OK;
}

/* ---- small files, whole ---- */

static enum err read_all(int fd, const char *path, struct buf *out)
{
    for (;;) {
        ssize_t n = read(fd, buf_room(out, READ_BYTES), READ_BYTES);

        if (n == 0)
            return ERR_OK;
        if (n > 0)
            out->len += (size_t)n;
        else if (errno != EINTR)
            return failed("read", path, errno);
        if (out->len > DISK_READ_MAX)
            return ERR_CORRUPT;
    }
}

static enum err read_file(struct disk *d, const char *path, struct buf *out, bool *is_there)
{
    int      fd = openat(root_of(d), path, O_RDONLY | O_CLOEXEC);
    enum err err;

    *is_there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : failed("open", path, errno);
    err = read_all(fd, path, out);
    close(fd);
    return err;
}

static enum err write_all(int fd, const char *path, struct bytes content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.at, content.len);

        if (n < 0 && errno != EINTR)
            return failed("write", path, errno);
        if (n > 0) {
            content.at += n;
            content.len -= (size_t)n;
        }
    }
    return fsync(fd) == 0 ? ERR_OK : failed("sync", path, errno);
}

/* The directory part of a path; "." when there is none. */
static void parent_of(char out[DISK_PATH_MAX], const char *path)
{
    char *slash;

    snprintf(out, DISK_PATH_MAX, "%s", path);
    slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
    else
        snprintf(out, DISK_PATH_MAX, ".");
}

static enum err replace(struct disk *d, const char *path, struct bytes content)
{
    char     draft[DISK_PATH_MAX + 4];
    char     parent[DISK_PATH_MAX];
    enum err err;
    int      fd;

    snprintf(draft, sizeof draft, "%s.tmp", path);
    fd = openat(root_of(d), draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed("create", draft, errno);
    err = write_all(fd, draft, content);
    close(fd);
    if (err)
        return err;
    if (renameat(root_of(d), draft, root_of(d), path) != 0)
        return failed("rename", draft, errno);
    parent_of(parent, path);
    return sync_dir(d, parent);
}

/* ---- files ---- */

static struct disk_file *file_new(struct disk *d, const char *path, int fd)
{
    struct real_file *f = mem_new(sizeof *f);

    f->file.ops = &ops;
    snprintf(f->file.path, sizeof f->file.path, "%s", path);
    f->fd = fd;
    f->root = root_of(d);
    return &f->file;
}

static void close_file(struct disk_file *f)
{
    close(fd_of(f));
    free(f);
}

static enum err open_file(struct disk *d, const char *path, struct disk_file **out)
{
    int fd = openat(root_of(d), path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        enum err err = failed("open", path, errno);

        return errno == ENOENT ? ERR_CORRUPT : err;
    }
    *out = file_new(d, path, fd);
    return ERR_OK;
}

/* posix_fallocate writes a byte per block where the file system has no such call of its own. */
static int allocate(int fd, uint64_t from, uint64_t to)
{
    int error;

    do
        error = posix_fallocate(fd, (off_t)from, (off_t)(to - from));
    while (error == EINTR);
    return error;
}

static enum err create(struct disk *d, const char *path, uint64_t bytes, struct disk_file **out)
{
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(root_of(d), path, flags, 0600);
    int error;

    if (fd < 0)
        return failed("create", path, errno);
    error = allocate(fd, 0, bytes);
    if (error) {
        close(fd);
        unlinkat(root_of(d), path, 0);
        return failed("allocate", path, error);
    }
    *out = file_new(d, path, fd);
    return ERR_OK;
}

static uint64_t size(struct disk_file *f)
{
    struct stat st;

    return fstat(fd_of(f), &st) == 0 ? (uint64_t)st.st_size : 0;
}

static enum err resize(struct disk_file *f, uint64_t bytes)
{
    uint64_t now = size(f);
    int      error = 0;

    if (bytes > now)
        error = allocate(fd_of(f), now, bytes);
    else if (ftruncate(fd_of(f), (off_t)bytes) != 0)
        error = errno;
    return error ? failed("resize", f->path, error) : ERR_OK;
}

/* Space that was allocated and never written is a hole to SEEK_DATA. */
static uint64_t data_end(struct disk_file *f)
{
    uint64_t end = size(f);
    off_t    hole = 0;
    off_t    data;

    while ((data = lseek(fd_of(f), hole, SEEK_DATA)) >= 0) {
        hole = lseek(fd_of(f), data, SEEK_HOLE);
        if (hole < 0)
            return end;
    }
    return errno == ENXIO ? (uint64_t)hole : end;
}

static enum err read_at(struct disk_file *f, uint64_t offset, void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        ssize_t n = pread(fd_of(f), at, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed("read", f->path, n == 0 ? EIO : errno); /* it was longer once */
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

/* Leaves iov at what is still to be written. */
static size_t advance(struct iovec **iov, size_t count, size_t n)
{
    while (count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        count--;
    }
    if (count > 0) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
    return count;
}

/* How many iovecs hold the next WRITE_BYTES; the last one is shortened by *cut to end there. */
static int portion(struct iovec *iov, size_t count, size_t *cut)
{
    size_t bytes = 0;
    int    n = 0;

    while (n < IOV_PER_WRITE && (size_t)n < count && bytes < WRITE_BYTES)
        bytes += iov[n++].iov_len;
    *cut = bytes > WRITE_BYTES ? bytes - WRITE_BYTES : 0;
    iov[n - 1].iov_len -= *cut;
    return n;
}

/*
 * One large write would be copied whole before the device hears of it, into pages so large that the
 * system has to clear them one after the other. So it goes in portions, and the device begins with
 * each (but for its last page, which the next one goes on with) while the next is copied. What goes
 * wrong there is told by the sync.
 */
static enum err write_file(struct disk_file *f, uint64_t offset, struct iovec *iov, size_t count)
{
    while (count > 0) {
        size_t  cut;
        int     some = portion(iov, count, &cut);
        ssize_t n = pwritev(fd_of(f), iov, some, (off_t)offset);

        iov[some - 1].iov_len += cut;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed("write", f->path, errno);
        if (n == 0)
            return failed("write", f->path, EIO); /* would never end */
        if (n == WRITE_BYTES)
            (void)sync_file_range(fd_of(f), (off_t)offset, n - PAGE_BYTES, SYNC_FILE_RANGE_WRITE);
        offset += (uint64_t)n;
        count = advance(&iov, count, (size_t)n);
    }
    return ERR_OK;
}

/* A descriptor of its own: the other one must go on writing through the page cache, where views
 * look. */
static enum err zero(struct disk_file *f, uint64_t offset, uint64_t len)
{
    static _Alignas(DIRECT_BYTES) const uint8_t zeros[ZERO_BYTES];
    static const int        flags = O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW;
    const struct real_file *r = (const struct real_file *)f;
    int                     fd = openat(r->root, f->path, flags);
    enum err                err = ERR_OK;

    if (fd < 0)
        return ERR_OK; /* a file system that cannot: blocks are as good as they are */
    while (len > 0 && !err) {
        ssize_t n = pwrite(fd, zeros, len < ZERO_BYTES ? len : ZERO_BYTES, (off_t)offset);

        if (n > 0) {
            offset += (uint64_t)n;
            len -= (uint64_t)n;
        } else if (n == 0 || errno == EINVAL) {
            break;
        } else if (errno != EINTR) {
            err = failed("write", f->path, errno);
        }
    }
    close(fd);
    return err;
}

static enum err sync_file(struct disk_file *f, bool with_size)
{
    if ((with_size ? fsync(fd_of(f)) : fdatasync(fd_of(f))) != 0)
        return failed("sync", f->path, errno);
    return ERR_OK;
}

static void forget(struct disk_file *f)
{
    posix_fadvise(fd_of(f), 0, 0, POSIX_FADV_DONTNEED);
}

static void unmap(struct block *b)
{
    munmap(b->at, b->cap);
    free(b);
}

static struct block *map(struct disk_file *f)
{
    size_t        len = (size_t)size(f);
    struct block *b;
    void         *at;

    at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd_of(f), 0);
    if (at == MAP_FAILED) {
        diag(DIAG_ERROR, "disk: map %s: %s", f->path, strerror(errno));
        return NULL;
    }
    b = mem_new(sizeof *b);
    block_init(b, at, len, unmap);
    return b;
}

/* Through the process: what comes is thrown away, the system's memory keeps it. */
static enum err read_range(int fd, const char *path, uint64_t offset, uint64_t len)
{
    uint8_t  bin[READ_BYTES]; /* nobody looks at what is in it */
    enum err err = ERR_OK;

    while (len > 0 && !err) {
        ssize_t n = pread(fd, bin, len < sizeof bin ? len : sizeof bin, (off_t)offset);

        if (n > 0) {
            offset += (uint64_t)n;
            len -= (uint64_t)n;
        } else if (n == 0 || errno != EINTR) {
            err = failed("read", path, n == 0 ? EIO : errno); /* it was longer once */
        }
    }
    return err;
}

/* For a system that does not know MADV_POPULATE_READ, and to learn why it said no. */
static enum err read_through(struct disk *d, const char *path, uint64_t offset, uint64_t len)
{
    int      fd = openat(root_of(d), path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    enum err err;

    if (fd < 0)
        return failed("open", path, errno);
    err = read_range(fd, path, offset, len);
    close(fd);
    return err;
}

static uint64_t page_start(uint64_t offset)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    return offset / page * page;
}

/*
 * What is asked for by MADV_WILLNEED is exactly that, and comes in single pages, each of which costs
 * the system more than the disk does. Of a mapping that is read in order it comes in large ones, at a
 * twentieth of the processor time, and what lies behind is fetched meanwhile: megabytes, which would
 * be far too much for whoever wants a piece here and there.
 */
static enum err load(struct disk *d, const char *path, struct block *map, uint64_t offset,
                     uint64_t len, bool in_order)
{
    uint64_t start = page_start(offset);

    if (in_order)
        madvise(map->at, map->cap, MADV_SEQUENTIAL);
    else
        madvise(map->at + start, offset + len - start, MADV_WILLNEED);
    if (madvise(map->at + start, offset + len - start, MADV_POPULATE_READ) == 0)
        return ERR_OK;
    return read_through(d, path, offset, len);
}

/* What a mapping is asked for comes in single pages, each of which costs the system more than the
 * disk does. What is read comes in large ones, and those behind it are fetched meanwhile; to copy it
 * costs less than that. */
static enum err stream(struct disk_file *f, struct block *map, uint64_t offset, uint64_t len)
{
    uint64_t start = page_start(offset);
    enum err err;

    posix_fadvise(fd_of(f), 0, 0, POSIX_FADV_SEQUENTIAL);
    err = read_range(fd_of(f), f->path, offset, len);
    if (!err)
        madvise(map->at + start, offset + len - start, MADV_POPULATE_READ);
    return err;
}

static void unload(struct disk *d, struct block *map)
{
    (void)d;
    madvise(map->at, map->cap, MADV_DONTNEED); /* of a shared mapping: the page cache keeps it */
}

static const struct disk_ops ops = {
    .close = disk_file_close,
    .root = get_root,
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

/* ---- opening ---- */

/* Whoever opens a volume says what is wrong with the directory; only the unusual is said here. */
static enum err refused(const char *root, int error)
{
    if (error == EACCES || error == EPERM || error == EROFS)
        return ERR_ACCESS;
    failed("open directory", root, error);
    return error == ENOSPC ? ERR_NO_SPACE : ERR_IO;
}

/* The name of a directory that was just made must survive, too. */
static enum err sync_parent(int fd, const char *root)
{
    int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (parent < 0)
        return ERR_OK; /* not ours to read, so not ours to sync */
    if (fsync(parent) != 0 && errno != EINVAL) {
        int error = errno;

        close(parent);
        return refused(root, error);
    }
    close(parent);
    return ERR_OK;
}

static enum err open_root(const char *root, int *fd)
{
    bool is_new = mkdir(root, 0700) == 0;

    if (!is_new && errno != EEXIST)
        return refused(root, errno);
    *fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return refused(root, errno);
    return is_new ? sync_parent(*fd, root) : ERR_OK;
}

enum err disk_file_open(struct disk **out, const char *root)
{
    struct real_disk *d;
    enum err          err;
    int               fd = -1;

    err = open_root(root, &fd);
    if (!err && flock(fd, LOCK_EX | LOCK_NB) != 0)
        err = errno == EWOULDBLOCK ? ERR_BUSY : refused(root, errno);
    if (err) {
        if (fd >= 0)
            close(fd);
        return err;
    }
    d = mem_new(sizeof *d);
    d->disk.ops = &ops;
    d->fd = fd;
    d->root = mem_copy(root, strlen(root) + 1);
    *out = &d->disk;
    return ERR_OK;
}
