/*
 * volume_rig.h - a volume for tests, on real files with their threads or on the simulated disk step by step; included
 * by x_test.c only.
 */
#ifndef STORE_VOLUME_RIG_H
#define STORE_VOLUME_RIG_H

#include "store/disk_sim.h"
#include "store/fixture.h"
#include "store/volume_file.h"

struct volume_rig {
    struct postbox post;
    struct disk   *disk; /* NULL: real files */
    const char    *dir;  /* of those */
    struct volume *volume;
};

/* The volume once more, after volume_close. */
static inline void volume_rig_reopen(struct volume_rig *r)
{
    char uri[96];

    snprintf(uri, sizeof uri, "file:%s", r->dir ? r->dir : "");
    if (r->disk)
        assert_ok(volume_file_open(&r->volume, r->disk, false));
    else
        assert_ok(volume_open(&r->volume, uri));
}

static inline void volume_rig_on_files(struct volume_rig *r)
{
    postbox_init(&r->post);
    r->dir = make_temporary();
    volume_rig_reopen(r);
}

static inline void volume_rig_on_sim(struct volume_rig *r, uint64_t seed)
{
    postbox_init(&r->post);
    r->disk = disk_sim_keep(seed);
    volume_rig_reopen(r);
}

/* With all that lies on it. */
static inline void volume_rig_close(struct volume_rig *r)
{
    mail_run(&r->post.box);
    volume_close(r->volume);
    postbox_fini(&r->post);
    if (r->disk)
        disk_sim_free(r->disk);
    else
        remove_tree(r->dir);
}

#endif
