/* disk_calls.c - see disk_calls.h. */
#include "disk_calls.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HOLLOW_BYTES = 64 }; /* of a write are written */

static atomic_bool   is_hollow;
static atomic_ullong syncs, written_bytes, commit_syncs, commit_written_bytes;

/* By the name that is linked when file offsets have 64 bits. */
int     __real_fdatasync(int fd);
int     __real_fsync(int fd);
int     __real_posix_fallocate64(int fd, off_t offset, off_t len);
int     __wrap_posix_fallocate64(int fd, off_t offset, off_t len);
ssize_t __real_pwritev64(int fd, const struct iovec *iov, int count, off_t offset);
int     __wrap_fdatasync(int fd);
int     __wrap_fsync(int fd);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int count, off_t offset);

static bool is_commit_thread(void)
{
    static _Thread_local int
         is_commit; /* 0: not known yet; a thread that syncs has its name by then */
    char name[16] = "";

    if (is_commit == 0) {
        pthread_getname_np(pthread_self(), name, sizeof name);
        is_commit = strcmp(name, "commit") == 0 ? 1 : -1;
    }
    return is_commit > 0;
}

static void count_sync(void)
{
    atomic_fetch_add(&syncs, 1);
    if (is_commit_thread())
        atomic_fetch_add(&commit_syncs, 1);
}

int __wrap_fdatasync(int fd)
{
    count_sync();
    return __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
    count_sync();
    return __real_fsync(fd);
}

void disk_calls_hollow_segments(void)
{
    atomic_store(&is_hollow, true);
}

static bool is_hollow_file(int fd)
{
    char    name[32], path[4096];
    ssize_t len;

    if (!atomic_load(&is_hollow))
        return false;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    len = readlink(name, path, sizeof path - 1);
    path[len > 0 ? len : 0] = 0;
    return strstr(path, "/segment/") != NULL;
}

int __wrap_posix_fallocate64(int fd, off_t offset, off_t len)
{
    if (!is_hollow_file(fd))
        return __real_posix_fallocate64(fd, offset, len);
    return ftruncate(fd, offset + len) == 0 ? 0 : errno;
}

/* Says that all of it was written. */
static ssize_t write_beginning(int fd, const struct iovec *iov, int count, off_t offset)
{
    size_t  bytes = 0;
    size_t  some = iov[0].iov_len < HOLLOW_BYTES ? iov[0].iov_len : HOLLOW_BYTES;
    ssize_t n = pwrite(fd, iov[0].iov_base, some, offset);

    for (int i = 0; i < count; i++)
        bytes += iov[i].iov_len;
    return n < 0 ? n : (ssize_t)bytes;
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
    ssize_t n = is_hollow_file(fd) ? write_beginning(fd, iov, count, offset)
                                   : __real_pwritev64(fd, iov, count, offset);

    if (n > 0) {
        atomic_fetch_add(&written_bytes, (unsigned long long)n);
        if (is_commit_thread())
            atomic_fetch_add(&commit_written_bytes, (unsigned long long)n);
    }
    return n;
}

struct disk_calls disk_calls_get(void)
{
    return (struct disk_calls){ atomic_load(&syncs), atomic_load(&written_bytes),
                                atomic_load(&commit_syncs), atomic_load(&commit_written_bytes) };
}

struct disk_calls disk_calls_since(const struct disk_calls *before)
{
    struct disk_calls now = disk_calls_get();

    return (struct disk_calls){ now.syncs - before->syncs,
                                now.written_bytes - before->written_bytes,
                                now.commit_syncs - before->commit_syncs,
                                now.commit_written_bytes - before->commit_written_bytes };
}
