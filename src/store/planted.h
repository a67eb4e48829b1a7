/*
 * planted.h - bugs on purpose: each is built into a program of its own (meson.build), to see that the tests which say
 * that nothing is lost would notice if something were (make planted). Such a program says so when it starts.
 *
 *   ack-before-sync   an append completes when its frames are written, and the system syncs them when it likes
 *   skip-dir-sync     the names of new and replaced files are not synced
 *   ignore-crc        the bodies of frames are taken as they are
 *
 * Thread: any.
 */
#ifndef STORE_PLANTED_H
#define STORE_PLANTED_H

#include <stdbool.h>

enum planted {
    PLANTED_NONE,
    PLANTED_ACK_BEFORE_SYNC,
    PLANTED_SKIP_DIR_SYNC,
    PLANTED_IGNORE_CRC,
};

#ifndef PLANTED
#define PLANTED PLANTED_NONE
#endif

static inline bool is_planted(enum planted bug)
{
    return PLANTED == bug;
}

#endif
