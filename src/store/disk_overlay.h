/*
 * disk_overlay.h - a disk that reads from another one and keeps every change to itself, in memory:
 * so that `myna verify` can rehearse a whole recovery, with the broker's own code, on a data
 * directory that it must not touch.
 *
 * A file that is changed is copied into memory first. A name that is removed is remembered as gone.
 * Syncs do nothing. All of it is forgotten with disk_close, which closes the disk below, too.
 *
 * Thread: any, but one at a time.
 */
#ifndef STORE_DISK_OVERLAY_H
#define STORE_DISK_OVERLAY_H

#include "store/disk.h"

/* Takes over below. root: what disk_root says, copied; NULL: nowhere. */
struct disk *disk_overlay_new(struct disk *below, const char *root);

#endif
