/* catalogue_copy.c - see catalogue_copy.h. */
#include "node/catalogue_copy.h"
#include "base/diag.h"
#include "node/data_files.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

static bool copy_file(const char *from, const char *to)
{
    struct mapped m;
    FILE         *f;
    bool          is_ok;

    if (mapped_open(&m, from) != ERR_OK)
        return errno == ENOENT;
    f = fopen(to, "wb");
    is_ok = f && fwrite(m.bytes.at, 1, m.bytes.len, f) == m.bytes.len;
    if (f)
        is_ok &= fclose(f) == 0;
    mapped_close(&m);
    return is_ok;
}

/* The database, and the log of what was committed and not yet moved into it. */
static bool copy_both(struct catalogue_copy *c, const char *data)
{
    static const char *const ends[] = { "", "-wal" };
    struct stat              st;
    const char *inside = stat(data, &st) == 0 && S_ISDIR(st.st_mode) ? "/shard/000/catalogue.db" : "";

    for (size_t i = 0; i < COUNT(ends); i++) {
        char from[PATH_BYTES_MAX];
        char to[sizeof c->path + 8];

        if ((size_t)snprintf(from, sizeof from, "%s%s%s", data, inside, ends[i]) >= sizeof from)
            return false;
        snprintf(to, sizeof to, "%s%s", c->path, ends[i]);
        if (!copy_file(from, to))
            return false;
    }
    return true;
}

static bool make(struct catalogue_copy *c, const char *data)
{
    const char *tmp = getenv("TMPDIR");
    char        path[sizeof c->root + 16];

    if ((size_t)snprintf(c->root, sizeof c->root, "%s/myna-XXXXXX", tmp ? tmp : "/tmp") >=
            sizeof c->root ||
        !mkdtemp(c->root)) {
        c->root[0] = 0;
        return false;
    }
    snprintf(path, sizeof path, "%s/shard", c->root);
    if (mkdir(path, 0700) != 0)
        return false;
    snprintf(path, sizeof path, "%s/shard/000", c->root);
    snprintf(c->path, sizeof c->path, "%s/catalogue.db", path);
    return mkdir(path, 0700) == 0 && copy_both(c, data);
}

enum err catalogue_copy_make(struct catalogue_copy *c, const char *data)
{
    *c = (struct catalogue_copy){ 0 };
    if (make(c, data))
        return ERR_OK;
    diag(DIAG_ERROR, "no copy of the catalogue of %s in %s: %s", data,
         c->root[0] ? c->root : "a temporary directory", strerror(errno));
    return ERR_IO;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void catalogue_copy_remove(struct catalogue_copy *c)
{
    if (c->root[0])
        nftw(c->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
