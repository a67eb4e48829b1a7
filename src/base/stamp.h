/*
 * stamp.h - has a file changed? Two stamps of a path differ when another file lies there, or the file was written to.
 *
 * Thread: any.
 */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct stamp {
    dev_t           device;
    ino_t           inode;
    off_t           size;
    struct timespec changed;
};

/* Of a file that is not there, or of NULL: zeroes. */
struct stamp stamp_of(const char *path);
bool stamp_eq(const struct stamp *a, const struct stamp *b);

#endif
