/* stamp.c - see stamp.h. */
#include "base/stamp.h"

#include <sys/stat.h>

struct stamp stamp_of(const char *path)
{
    struct stat st;

    if (!path || stat(path, &st) != 0)
        return (struct stamp){ 0 };
    return (struct stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

bool stamp_eq(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}
