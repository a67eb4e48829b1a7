/* faults.c - see faults.h. */
#include "faults.h"

enum { OPERATIONS_MAX = 400, RECOVERY_OPERATIONS_MAX = 60, RECOVERY_TRIES_MAX = 3 };

static const uint64_t PLENTY = 1ull << 40;

static bool has(const struct world *w, enum feature f)
{
    return w->plan.has[f];
}

void faults_arm(struct world *w)
{
    disk_sim_set_space(w->disk, PLENTY);
    disk_sim_cut_after(w->disk, 0);
    if ((has(w, HAS_CRASH) || has(w, HAS_KILL)) && draw_one_in(&w->draw, 2))
        disk_sim_cut_after(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX));
    if (has(w, HAS_FAILED_SYNC) && draw_one_in(&w->draw, 3))
        disk_sim_fail_sync(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX / 4));
    if (has(w, HAS_FAILED_WRITE) && draw_one_in(&w->draw, 3))
        disk_sim_fail_write(w->disk, draw_range(&w->draw, 1, OPERATIONS_MAX / 4));
}

void faults_arm_recovery(struct world *w, unsigned tries)
{
    if (w->is_calm)
        return;
    disk_sim_set_space(w->disk, PLENTY);
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

bool faults_is_power(struct world *w)
{
    if (!has(w, HAS_CRASH))
        return false;
    return !has(w, HAS_KILL) || draw_one_in(&w->draw, 2);
}

void faults_end(struct world *w)
{
    w->is_calm = true;
    disk_sim_set_space(w->disk, PLENTY);
    disk_sim_cut_after(w->disk, 0);
    disk_sim_fail_sync(w->disk, 0);
    disk_sim_fail_write(w->disk, 0);
}
