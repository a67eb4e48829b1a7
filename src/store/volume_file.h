/*
 * volume_file.h - a volume on a disk, real or simulated.
 *
 * Thread: as volume.h. With is_threaded each started shard has a commit thread, a keeper thread and
 * two work threads; without, nothing happens by itself and volume_file_step does their work on the
 * caller's thread, one piece at a time.
 */
#ifndef STORE_VOLUME_FILE_H
#define STORE_VOLUME_FILE_H

#include "store/disk.h"
#include "store/volume.h"

/* Takes over disk, closed by volume_close, unless it fails. Errors: volume_open's. */
MUST_CHECK enum err volume_file_open(struct volume **out, struct disk *disk, bool is_threaded);
/* The parts or the frames of one commit, one file made, one trim or one work; which of those that
 * could be next is drawn from the disk's random numbers. Completions are posted to the mailboxes.
 * False when there was nothing to do. */
bool volume_file_step(struct volume *v);

#endif
