/* disk_file.h - a directory of the machine's file system as a disk. Thread: as disk.h. */
#ifndef STORE_DISK_FILE_H
#define STORE_DISK_FILE_H

#include "store/disk.h"

/*
 * Opens a directory, made with mode 0700 when it is not there (its parent must be), and locks it
 * until disk_close: flock on the directory itself, so nothing is written. ERR_BUSY, ERR_ACCESS,
 * ERR_IO.
 */
MUST_CHECK enum err disk_file_open(struct disk **out, const char *root);

#endif
