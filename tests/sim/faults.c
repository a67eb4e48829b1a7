/* faults.c - see faults.h. */
#include "faults.h"
#include "audit.h"

#include <stdio.h>

enum { OPERATIONS_MAX = 400, RECOVERY_OPERATIONS_MAX = 60, RECOVERY_TRIES_MAX = 3,
       STRIKE_OPERATIONS_MAX = 6 };

static const uint64_t PLENTY = 1ull << 40;

static bool has(const struct world *w, enum feature f)
{
    return w->plan.has[f];
}

static void disarm(struct world *w)
{
    disk_sim_set_space(w->disk, PLENTY);
    disk_sim_cut_after(w->disk, 0);
    disk_sim_fail_sync(w->disk, 0);
    disk_sim_fail_write(w->disk, 0);
    disk_sim_misdirect(w->disk, 0);
}

void faults_arm(struct world *w)
{
    disarm(w);
    if ((has(w, HAS_CRASH) || has(w, HAS_KILL)) && draw_one_in(&w->draw, 2))
        disk_sim_cut_after(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX));
    if (has(w, HAS_FAILED_SYNC) && draw_one_in(&w->draw, 3))
        disk_sim_fail_sync(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX / 4));
    if (has(w, HAS_LIES) && draw_one_in(&w->draw, 3))
        disk_sim_misdirect(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX / 8));
    if (has(w, HAS_FAILED_WRITE) && draw_one_in(&w->draw, 3))
        disk_sim_fail_write(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX / 4));
}

void faults_arm_recovery(struct world *w, unsigned tries)
{
    if (w->is_calm)
        return;
    disk_sim_set_space(w->disk, PLENTY);
    disk_sim_misdirect(w->disk, 0); /* a lie ends a life, not a recovery */
    if (has(w, HAS_CRASH_IN_RECOVERY) && tries < RECOVERY_TRIES_MAX && draw_one_in(&w->draw, 2))
        disk_sim_cut_after(w->disk, draw_range(&w->draw, 1, RECOVERY_OPERATIONS_MAX));
    else
        disk_sim_cut_after(w->disk, 0);
}

void faults_step(struct world *w)
{
    if (!has(w, HAS_FULL_DISK) || !draw_one_in(&w->draw, 100))
        return;
    if (draw_one_in(&w->draw, 2)) {
        disk_sim_set_space(w->disk, disk_sim_used(w->disk) + draw_below(&w->draw, 100000));
        w->is_short = true;
    } else {
        disk_sim_set_space(w->disk, PLENTY);
    }
}

/* ---- damage ---- */

static bool is_refusal(enum err err)
{
    return err == ERR_CORRUPT || err == ERR_NEWER_FORMAT || err == ERR_FOREIGN;
}

/* Starts on a damaged disk and looks at everything, unless some of it was found unreadable, and given
 * up, while the process still lived. */
static void try_damaged(struct world *w, struct client *auditor, const char *what)
{
    bool     is_known = w->has_told;
    enum err err;

    w->counts.damages++;
    w->may_be_damaged = true;
    w->is_damaged = false;
    disarm(w);
    err = world_start(w);
    if (err && !is_refusal(err))
        violation(w, "damage is refused or does no harm", "%s: %s", what, err_text(err));
    if (!err && !is_known && !audit_run(auditor) && !w->is_damaged)
        violation(w, "damage is refused or does no harm", "%s: the process died", what);
    w->counts.refusals += err != ERR_OK;
    w->counts.unreadable += w->is_damaged || is_known;
    world_die(w, false);
    w->may_be_damaged = false;
    w->has_told = false;
}

static bool pick_byte(struct world *w, struct disk *d, char path[DISK_PATH_MAX], uint64_t *offset)
{
    uint64_t bytes;
    size_t   count = 0;

    while (disk_sim_file(d, count, path, &bytes))
        count++;
    if (count == 0 || !disk_sim_file(d, draw_below(&w->draw, count), path, &bytes) || bytes == 0)
        return false;
    *offset = draw_below(&w->draw, draw_one_in(&w->draw, 2) && bytes > 9000 ? 9000 : bytes);
    return true;
}

void faults_rot(struct world *w, struct client *auditor)
{
    struct disk *original = w->disk;
    char         path[DISK_PATH_MAX];
    char         what[DISK_PATH_MAX + 64];
    uint64_t     offset;

    if (!has(w, HAS_ROT) || w->is_calm)
        return;
    w->disk = disk_sim_clone(original);
    if (pick_byte(w, w->disk, path, &offset) && disk_sim_rot(w->disk, path, offset)) {
        snprintf(what, sizeof what, "a bit of %s at %llu changed", path,
                 (unsigned long long)offset);
        TRACE(w, "%s", what);
        try_damaged(w, auditor, what);
    }
    disk_sim_free(w->disk);
    w->disk = original;
}

/* The last frame of the journal that went elsewhere looks like one that was never written: only the
 * next one could tell. */
bool faults_survive_lie(struct world *w, struct client *auditor)
{
    if (!disk_sim_has_lied(w->disk))
        return true;
    /* The last bundle of a journal has nothing behind it that says it was there (docs/journal.md). */
    if (!disk_sim_lie_is_last(w->disk, "journal"))
        try_damaged(w, auditor, "a write went astray");
    return false;
}

void faults_strike(struct world *w)
{
    if (world_is_dead(w) || draw_one_in(&w->draw, 3))
        return;
    disk_sim_cut_after(w->disk, draw_range(&w->draw, 1, STRIKE_OPERATIONS_MAX));
    world_turn(w);
    while (!world_is_dead(w) && volume_file_step(w->volume))
        ;
}

bool faults_is_power(struct world *w)
{
    if (!has(w, HAS_CRASH))
        return false;
    return !has(w, HAS_KILL) || draw_one_in(&w->draw, 2);
}

void faults_end(struct world *w)
{
    w->is_calm = true;
    disarm(w);
}
