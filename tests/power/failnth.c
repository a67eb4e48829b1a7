/*
 * failnth.c - a library to be preloaded into the broker: the N-th call of a group of libc's functions fails, once.
 *
 *     LD_PRELOAD=libfailnth.so FAILNTH=sync:3 FAILNTH_LOG=file myna ...
 *
 *   group    functions                                                  fails with
 *   alloc    malloc calloc realloc posix_memalign aligned_alloc         ENOMEM
 *   write    write writev pwrite pwritev, to files                      EIO
 *   space    the same, posix_fallocate, ftruncate                       ENOSPC
 *   read     read pread, of files                                       EIO
 *   sync     fsync fdatasync                                            EIO
 *   open     open openat mkdir mkdirat                                  EMFILE
 *   rename   rename renameat unlink unlinkat                            EIO
 *   map      mmap of a file                                             ENOMEM
 *   thread   pthread_create                                             EAGAIN
 *
 * The log gets "hit FUNCTION" and the stack when it happens, and "count N" when the process ends orderly. With N = 0
 * nothing fails. Calls that come in thousands (alloc, write, space) count only REPEATS times for each different stack
 * of FRAMES callers, so that N stays in the range in which every N can be tried.
 *
 * Calls that libc makes inside itself are not seen. What a call does otherwise is asked of the kernel directly, so
 * nothing here allocates.
 *
 * Thread: any; the count is atomic.
 */
#undef _FILE_OFFSET_BITS /* both names of each call are defined here, and they are the same */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

#pragma GCC visibility push(default)

enum group { NONE, ALLOC, WRITE, SPACE, READ, SYNC, OPEN, RENAME, MAP, THREAD };

static const char *const names[] = {
    [NONE] = "none", [ALLOC] = "alloc", [WRITE] = "write",   [SPACE] = "space", [READ] = "read",
    [SYNC] = "sync", [OPEN] = "open",   [RENAME] = "rename", [MAP] = "map",     [THREAD] = "thread",
};


/* What glibc's own allocator is called beside the names that are taken over here. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

enum { FRAMES = 12, REPEATS = 2, STACKS = 1 << 14 };

struct stack {
    void    *frames[FRAMES];
    int      count;
    uint64_t hash;
};

typedef int thread_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static enum group         wanted;
static unsigned long      target;
static _Atomic unsigned long count;
static int                log_fd = -1;
static thread_fn         *real_thread;
static pthread_mutex_t    lock = PTHREAD_MUTEX_INITIALIZER;
static struct { uint64_t hash; int seen; } stacks[STACKS]; /* open addressing */
static __thread bool      is_inside __attribute__((tls_model("initial-exec")));

static void say(const char *what, const char *value)
{
    char line[64];
    int  n = snprintf(line, sizeof line, "%s %s\n", what, value);

    if (log_fd >= 0 && n > 0)
        syscall(SYS_write, log_fd, line, (size_t)n);
}

__attribute__((constructor)) static void begin(void)
{
    const char *spec = getenv("FAILNTH");
    const char *path = getenv("FAILNTH_LOG");
    const char *colon = spec ? strchr(spec, ':') : NULL;

    *(void **)&real_thread = dlsym(RTLD_NEXT, "pthread_create");
    if (path)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (!colon)
        return;
    target = strtoul(colon + 1, NULL, 10);
    for (enum group g = ALLOC; g <= THREAD; g++)
        if (strlen(names[g]) == (size_t)(colon - spec) && strncmp(spec, names[g], strlen(names[g])) == 0)
            wanted = g;
}

__attribute__((destructor)) static void end(void)
{
    char number[32];

    snprintf(number, sizeof number, "%lu", atomic_load(&count));
    wanted = NONE;
    say("count", number);
}

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *c, void *arg)
{
    struct stack *s = arg;

    s->frames[s->count] = (void *)_Unwind_GetIP(c);
    s->hash = (s->hash ^ (uint64_t)_Unwind_GetIP(c)) * 0x9e3779b97f4a7c15u;
    return ++s->count < FRAMES ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

/* How often this stack was seen before; a table that is full has seen all. lock is held. */
static int seen_before(const struct stack *s)
{
    for (size_t i = 0; i < STACKS; i++) {
        size_t at = (size_t)(s->hash + i) % STACKS;

        if (stacks[at].seen == 0 || stacks[at].hash == s->hash) {
            stacks[at].hash = s->hash;
            return stacks[at].seen++;
        }
    }
    return REPEATS;
}

static bool is_counted(enum group group, const struct stack *s)
{
    bool is;

    if (group != ALLOC && group != WRITE && group != SPACE)
        return true;
    pthread_mutex_lock(&lock);
    is = seen_before(s) < REPEATS;
    pthread_mutex_unlock(&lock);
    return is;
}

/* Counts a call; true when it is the one. */
static bool fails(enum group group, const char *function, int error)
{
    struct stack s = { .count = 0 };
    bool         is = false;

    if (group != wanted || is_inside)
        return false;
    is_inside = true; /* should the unwinder or libc ask for memory */
    _Unwind_Backtrace(add_frame, &s);
    if (is_counted(group, &s) && atomic_fetch_add(&count, 1) + 1 == target) {
        say("hit", function);
        backtrace_symbols_fd(s.frames, s.count, log_fd);
        is = true;
    }
    is_inside = false;
    if (is)
        errno = error;
    return is;
}

static bool is_file(int fd)
{
    int         before = errno;
    struct stat st;
    bool        is = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    errno = before;
    return is && fd != log_fd;
}

/* ---- memory ---- */

void *malloc(size_t n)
{
    return fails(ALLOC, "malloc", ENOMEM) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(ALLOC, "calloc", ENOMEM) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails(ALLOC, "realloc", ENOMEM) ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return fails(ALLOC, "aligned_alloc", ENOMEM) ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    if (fails(ALLOC, "posix_memalign", ENOMEM))
        return ENOMEM;
    *out = __libc_memalign(align, n);
    return *out ? 0 : ENOMEM;
}

/* ---- bytes of files ---- */

static bool write_fails(int fd, const char *function)
{
    if ((wanted != WRITE && wanted != SPACE) || !is_file(fd))
        return false;
    return fails(WRITE, function, EIO) || fails(SPACE, function, ENOSPC);
}

static bool read_fails(int fd, const char *function)
{
    return wanted == READ && is_file(fd) && fails(READ, function, EIO);
}

ssize_t write(int fd, const void *at, size_t n)
{
    return write_fails(fd, "write") ? -1 : syscall(SYS_write, fd, at, n);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    return write_fails(fd, "writev") ? -1 : syscall(SYS_writev, fd, iov, n);
}

ssize_t pwrite(int fd, const void *at, size_t n, off_t offset)
{
    return write_fails(fd, "pwrite") ? -1 : syscall(SYS_pwrite64, fd, at, n, offset);
}

ssize_t pwrite64(int fd, const void *at, size_t n, off64_t offset)
{
    return pwrite(fd, at, n, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    return write_fails(fd, "pwritev") ? -1 : syscall(SYS_pwritev, fd, iov, n, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t offset)
{
    return pwritev(fd, iov, n, offset);
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    if (fails(SPACE, "posix_fallocate", ENOSPC))
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, offset, len) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t len)
{
    return posix_fallocate(fd, offset, len);
}

int ftruncate(int fd, off_t len)
{
    return fails(SPACE, "ftruncate", ENOSPC) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

ssize_t read(int fd, void *at, size_t n)
{
    return read_fails(fd, "read") ? -1 : syscall(SYS_read, fd, at, n);
}

ssize_t pread(int fd, void *at, size_t n, off_t offset)
{
    return read_fails(fd, "pread") ? -1 : syscall(SYS_pread64, fd, at, n, offset);
}

ssize_t pread64(int fd, void *at, size_t n, off64_t offset)
{
    return pread(fd, at, n, offset);
}

int fsync(int fd)
{
    return fails(SYNC, "fsync", EIO) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(SYNC, "fdatasync", EIO) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (fd >= 0 && fails(MAP, "mmap", ENOMEM))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
    return mmap(at, n, prot, flags, fd, offset);
}

/* ---- names ---- */

static int open_at(int dir, const char *path, int flags, va_list args)
{
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;

    return fails(OPEN, "open", EMFILE) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN_LIKE(name, params, dir) \
    int name params \
    { \
        va_list args; \
        int     fd; \
\
        va_start(args, flags); \
        fd = open_at(dir, path, flags, args); \
        va_end(args); \
        return fd; \
    }

OPEN_LIKE(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN_LIKE(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN_LIKE(openat, (int dir, const char *path, int flags, ...), dir)
OPEN_LIKE(openat64, (int dir, const char *path, int flags, ...), dir)

int mkdirat(int dir, const char *path, mode_t mode)
{
    return fails(OPEN, "mkdir", EMFILE) ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails(RENAME, "rename", EIO) ? -1 : (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir, const char *path, int flags)
{
    return fails(RENAME, "unlink", EIO) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

/* ---- threads ---- */

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    return fails(THREAD, "pthread_create", EAGAIN) ? EAGAIN : real_thread(out, attr, run, arg);
}
