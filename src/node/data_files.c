/* data_files.c - see data_files.h. */
#include "node/data_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

enum err mapped_open(struct mapped *m, const char *path)
{
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void       *at = MAP_FAILED;

    *m = (struct mapped){ 0 };
    if (fd < 0)
        return errno == EACCES ? ERR_ACCESS : ERR_IO;
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (st.st_size > 0 && at == MAP_FAILED)
        return ERR_IO;
    if (st.st_size > 0)
        m->bytes = bytes_of(at, (size_t)st.st_size);
    return ERR_OK;
}

void mapped_close(struct mapped *m)
{
    if (m->bytes.len > 0)
        munmap((void *)(uintptr_t)m->bytes.at, m->bytes.len);
    *m = (struct mapped){ 0 };
}

/* "epoch-number": false for anything else. */
static bool parse_name(const char *name, uint64_t *epoch, uint64_t *number)
{
    int len = 0;

    return sscanf(name, "%" SCNu64 "-%" SCNu64 "%n", epoch, number, &len) == 2 && name[len] == 0;
}

static int is_numbered(const struct dirent *d)
{
    uint64_t epoch, number;

    return parse_name(d->d_name, &epoch, &number);
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
    uint64_t epoch[2] = { 0 }, number[2] = { 0 };

    parse_name((*a)->d_name, &epoch[0], &number[0]);
    parse_name((*b)->d_name, &epoch[1], &number[1]);
    if (epoch[0] != epoch[1])
        return epoch[0] < epoch[1] ? -1 : 1;
    return number[0] < number[1] ? -1 : number[0] > number[1];
}

static int is_shard(const struct dirent *d)
{
    return strlen(d->d_name) == 3 && strspn(d->d_name, "0123456789") == 3;
}

static void each_numbered(const char *folder, data_file_fn *fn, void *ctx)
{
    struct dirent **names;
    int             n = scandir(folder, &names, is_numbered, by_number);

    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES_MAX];

        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < sizeof path)
            fn(ctx, path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static void each_of_shard(const char *shard, const char *kind, data_file_fn *fn, void *ctx)
{
    char        path[PATH_BYTES_MAX];
    struct stat st;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", shard, kind) >= sizeof path ||
        stat(path, &st) != 0)
        return;
    if (S_ISDIR(st.st_mode))
        each_numbered(path, fn, ctx);
    else
        fn(ctx, path);
}

static enum err each_shard(const char *data, const char *kind, data_file_fn *fn, void *ctx)
{
    char            folder[PATH_BYTES_MAX];
    struct dirent **names;
    int             n;

    if ((size_t)snprintf(folder, sizeof folder, "%s/shard", data) >= sizeof folder)
        return ERR_BAD_NAME;
    n = scandir(folder, &names, is_shard, alphasort);
    if (n < 0)
        return errno == ENOENT ? ERR_FOREIGN : errno == EACCES ? ERR_ACCESS : ERR_IO;
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES_MAX];

        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < sizeof path)
            each_of_shard(path, kind, fn, ctx);
        free(names[i]);
    }
    free(names);
    return ERR_OK;
}

enum err data_files_each(const char *path, const char *kind, data_file_fn *fn, void *ctx)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return errno == EACCES ? ERR_ACCESS : ERR_IO;
    if (S_ISDIR(st.st_mode))
        return each_shard(path, kind, fn, ctx);
    fn(ctx, path);
    return ERR_OK;
}
