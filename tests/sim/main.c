/*
 * main.c - sim: runs seeds one after the other.
 *
 *     sim [--seeds N] [--from K]     N seeds (1000) from K (1) on
 *     sim --seed K                   one, saying everything it does
 *     --without FEATURE              whatever the seed says (plan.h)
 *
 * Each run of seeds is a child process: what a broken rule or an assert ends is the child, and the
 * next seed gets a new one.
 */
#include "audit.h"
#include "base/diag.h"
#include "clients.h"
#include "faults.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KEPT_BYTES = 256 << 20,
    VIOLATIONS_MAX = 10,
    SECONDS_MAX = 20, /* of one seed; a thousand times what it takes */
};

/* What the parent knows of its child. */
struct progress {
    uint64_t            seed;
    uint64_t            done;
    struct plan_mask    mask;
    struct world_counts sum;
};

static void add_clients(struct world *w)
{
    const struct plan *p = &w->plan;

    world_add(w, &producer_kind);
    world_add(w, &sender_kind);
    if (p->has[HAS_WORKERS]) {
        world_add(w, &worker_kind);
        world_add(w, &worker_kind);
    }
    if (p->has[HAS_SUBSCRIBERS]) {
        world_add(w, &subscriber_kind);
        world_add(w, &subscriber_kind);
    }
    if (p->has[HAS_RETENTION] || p->has[HAS_TRIMS] || p->has[HAS_COMPACTION])
        world_add(w, &curator_kind);
    if (p->has[HAS_READERS]) {
        world_add(w, &reader_kind);
        world_add(w, &surveyor_kind);
    }
    if (p->has[HAS_EXCHANGES]) {
        world_add(w, &binder_kind);
        world_add(w, &publisher_kind);
    }
    if (p->has[HAS_TXNS]) {
        world_add(w, &writer_kind);
        world_add(w, &writer_kind);
    }
    if (p->has[HAS_COPIES]) {
        world_add(w, &copier_kind);
        world_add(w, &copier_kind);
    }
    if (p->has[HAS_USERS])
        world_add(w, &registrar_kind);
    if (p->has[HAS_GROUPS]) {
        world_add(w, &member_kind);
        world_add(w, &member_kind);
        world_add(w, &member_kind);
        world_add(w, &committer_kind);
        world_add(w, &group_admin_kind);
    }
}

/* Until it is up and everything was found as it must be. */
static void come_up(struct world *w, struct client *auditor)
{
    for (unsigned tries = 0;; tries++) {
        enum err err;

        faults_arm_recovery(w, tries);
        err = world_start(w);
        if (!err && audit_run(auditor))
            return;
        if (err && !w->has_failed)
            violation(w, "what was stopped starts again", "%s", err_text(err));
        world_die(w, faults_is_power(w));
    }
}

static void end_life(struct world *w, struct client *auditor)
{
    bool is_dead = world_is_dead(w);

    if (!is_dead && w->plan.has[HAS_STOP] && draw_one_in(&w->draw, 2) && world_settle(w)) {
        world_stop(w);
        is_dead = world_is_dead(w); /* that was cut short, too */
        if (!is_dead)
            faults_rot(w, auditor);
    } else {
        faults_strike(w);
        is_dead = true;
    }
    if (is_dead)
        world_die(w, faults_is_power(w));
}

static void run_world(struct world *w)
{
    struct client *auditor = world_add(w, &auditor_kind);
    struct client *definer = world_add(w, &definer_kind);

    if (world_start(w) != ERR_OK || !definer_begin(definer))
        violation(w, "a new volume opens", "it does not");
    add_clients(w);
    for (unsigned life = 0; life < w->plan.lives; life++) {
        faults_arm(w);
        for (unsigned i = 0; i < w->plan.steps && !world_is_dead(w) && !w->has_told; i++) {
            world_step(w);
            faults_step(w);
        }
        end_life(w, auditor);
        if (!faults_survive_lie(w, auditor))
            return;
        if (life + 1 == w->plan.lives)
            faults_end(w);
        come_up(w, auditor);
    }
    audit_drain(auditor);
    world_stop(w);
    if (world_start(w) != ERR_OK || !audit_run(auditor))
        violation(w, "what was stopped starts again", "it does not");
    audit_space(auditor);
    world_stop(w);
}

static void hear(void *ctx, enum diag_level level, const char *line)
{
    struct world *w = ctx;

    TRACE(w, "myna: %s", line);
    if (level != DIAG_ERROR || !strstr(line, "cannot be read"))
        return;
    w->has_told = true;
    if (!w->may_be_damaged && !disk_sim_has_lied(w->disk))
        violation(w, "nothing is damaged by itself", "%s", line);
}

static struct world_counts run_seed(uint64_t seed, const struct plan_mask *mask, bool is_verbose)
{
    struct world        w;
    struct world_counts counts;

    world_init(&w, seed, mask, is_verbose);
    diag_set_sink(hear, &w);
    if (is_verbose) {
        printf("sim: seed %llu:", (unsigned long long)seed);
        for (int f = 0; f < FEATURE_COUNT; f++)
            if (w.plan.has[f])
                printf(" %s;", plan_text((enum feature)f));
        printf("\n");
    }
    run_world(&w);
    counts = w.counts;
    world_fini(&w);
    return counts;
}

static void add_counts(struct world_counts *sum, const struct world_counts *c)
{
    uint64_t       *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)c;

    for (size_t i = 0; i < sizeof *c / sizeof *from; i++)
        to[i] += from[i];
}

/* In a child: from p->seed on. */
static void run_seeds(struct progress *p, uint64_t end)
{
    for (; p->seed < end; p->seed++) {
        struct world_counts c;

        alarm(SECONDS_MAX); /* what hangs is ended by it */
        c = run_seed(p->seed, &p->mask, false);
        add_counts(&p->sum, &c);
        p->done++;
    }
}

/* True: all seeds passed. Else p->seed is the one that did not. */
static bool run_child(struct progress *p, uint64_t end)
{
    int   status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        run_seeds(p, end);
        _Exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        exit(2);
    if (WIFSIGNALED(status))
        printf("sim: seed %llu: ended by signal %d; again with: make sim SEED=%llu\n",
               (unsigned long long)p->seed, WTERMSIG(status), (unsigned long long)p->seed);
    return status == 0;
}

static void say_average(const struct progress *p)
{
    double n = p->done > 0 ? (double)p->done : 1;

    printf("sim: on average %.0f calls, %.0f turns, %.0f messages received, %.1f power failures, "
           "%.1f kills, %.1f orderly stops, %.1f recoveries, %.0f records lost by their logs; %llu disks "
           "damaged, %llu refused, %llu with something unreadable\n",
           (double)p->sum.calls / n, (double)p->sum.turns / n, (double)p->sum.delivered / n,
           (double)p->sum.crashes / n, (double)p->sum.kills / n, (double)p->sum.stops / n,
           (double)p->sum.recoveries / n, (double)(p->sum.trimmed + p->sum.holes) / n,
           (unsigned long long)p->sum.damages,
           (unsigned long long)p->sum.refusals, (unsigned long long)p->sum.unreadable);
}

/* Of all children that have ended. */
static double children_s(void)
{
    struct rusage u;

    if (getrusage(RUSAGE_CHILDREN, &u) != 0)
        return 1;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int run_all(uint64_t from, uint64_t seeds, const struct plan_mask *mask)
{
    struct progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                              -1, 0);
    uint64_t         violations = 0;

    if (p == MAP_FAILED)
        return 2;
    printf("sim: seeds %llu to %llu\n", (unsigned long long)from,
           (unsigned long long)(from + seeds - 1));
    p->seed = from;
    p->mask = *mask;
    while (p->seed < from + seeds && violations < VIOLATIONS_MAX && !run_child(p, from + seeds)) {
        violations++;
        p->seed++;
    }
    say_average(p);
    printf("sim: %.0f seeds a second of processor time\n", (double)p->done / children_s());
    printf("sim: %llu seeds, %llu violations\n", (unsigned long long)(p->done + violations),
           (unsigned long long)violations);
    return violations > 0;
}

static uint64_t number_of(const char *text)
{
    return strtoull(text, NULL, 10);
}

struct options {
    uint64_t         seeds, from, seed;
    bool             is_one;
    struct plan_mask mask;
};

static bool parse(struct options *o, const char *name, const char *value)
{
    enum feature f;

    if (strcmp(name, "--seeds") == 0) {
        o->seeds = number_of(value);
    } else if (strcmp(name, "--from") == 0) {
        o->from = number_of(value);
    } else if (strcmp(name, "--seed") == 0) {
        o->seed = number_of(value);
        o->is_one = true;
    } else if (strcmp(name, "--without") == 0) {
        f = plan_find(value);
        if (f == FEATURE_COUNT)
            return false;
        o->mask.is_off[f] = true;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = { .seeds = 1000, .from = 1 };

    /* The files of the disk come and go all the time: their memory is kept, half of the time was
     * the system's otherwise. */
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !parse(&o, argv[i], argv[i + 1])) {
            fprintf(stderr, "usage: sim [--seeds N] [--from K] [--seed K] [--without FEATURE]...\n");
            return 2;
        }
    if (!o.is_one)
        return run_all(o.from, o.seeds, &o.mask);
    setvbuf(stdout, NULL, _IOLBF, 0);
    run_seed(o.seed, &o.mask, true);
    printf("sim: 1 seeds, 0 violations\n");
    return 0;
}
