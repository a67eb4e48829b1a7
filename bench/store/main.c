/*
 * main.c - the benchmark of the store: store_bench [--quick] [--dir DIR] [--json FILE] [PART...]
 *
 * Runs the parts one after the other, each in a process and a directory of its own, gathers their
 * figures and goals, and ends with the line "bench-store: M of N goals met". Goals that are missed
 * are no error of this program. make bench-store runs it; docs/performance.md explains what is
 * measured.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How many goals a part has is said here, too: one that dies has missed those it did not get to. */
static const struct part {
    const char *name;
    const char *title;
    void (*run)(struct bench *b);
    size_t goal_count;
} parts[] = {
    { "one-log", "one log: 1 KiB records in 64 KiB batches", part_one_log, 1 },
    { "many-logs", "10,000 logs: batches of one 1 KiB record", part_many_logs, 2 },
    { "latency", "one writer: from append to durable", part_latency, 6 },
    { "read", "reading: hot tail, cold scan", part_read, 2 },
    { "recovery", "recovery: replay, and opening what is large", part_recovery, 4 },
    { "queue", "a queue: append, lease, settle 16 B", part_queue, 3 },
    { "memory", "memory: what the large cases hold", part_memory, 3 },
};

struct options {
    bool        is_quick;
    const char *dir;
    const char *json;
};

/* In the part's process: what it found goes through the pipe, also when bench_die ends it. */
static void run_part(const struct part *p, const struct options *o, const char *dir, int out)
{
    struct bench b = { .dir = dir, .is_quick = o->is_quick };
    json_t      *found;
    FILE        *f = fdopen(out, "w");

    b.figures = json_object();
    b.goals = json_array();
    p->run(&b);
    found = json_pack("{s:o,s:o}", "figures", b.figures, "goals", b.goals);
    json_dumpf(found, f, 0);
    json_decref(found);
    fclose(f);
}

/* The part's figures and goals; NULL when it died. */
static json_t *fork_part(const struct part *p, const struct options *o)
{
    char    dir[PATH_BYTES];
    int     ends[2], status;
    json_t *found = NULL;
    FILE   *f;
    pid_t   pid;

    snprintf(dir, sizeof dir, "%s/%s", o->dir, p->name);
    bench_make_dir(dir);
    if (pipe(ends) != 0)
        bench_die("pipe: %s", strerror(errno));
    pid = bench_fork();
    if (pid == 0) {
        close(ends[0]);
        run_part(p, o, dir, ends[1]);
        exit(0);
    }
    close(ends[1]);
    f = fdopen(ends[0], "r");
    found = json_loadf(f, 0, NULL);
    fclose(f);
    waitpid(pid, &status, 0);
    bench_remove_dir(dir);
    return found;
}

static bool is_wanted(const struct part *p, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], p->name) == 0)
            return true;
    return argc == 0;
}

static size_t goals_met(const json_t *found)
{
    size_t  met = 0;
    size_t  i;
    json_t *goal;

    json_array_foreach (json_object_get(found, "goals"), i, goal)
        met += json_is_true(json_object_get(goal, "met"));
    return met;
}

static void save(const struct options *o, const json_t *all)
{
    if (o->json && json_dump_file(all, o->json, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
        bench_die("%s: cannot be written", o->json);
}

static void run_parts(const struct options *o, int argc, char **argv)
{
    json_t *all = json_object();
    size_t  goals = 0;
    size_t  met = 0;
    double  begin;

    for (size_t i = 0; i < COUNT(parts); i++) {
        json_t *found;

        if (!is_wanted(&parts[i], argc, argv))
            continue;
        bench_say("\n%s (%s)", parts[i].title, parts[i].name);
        begin = bench_now();
        found = fork_part(&parts[i], o);
        if (!found)
            bench_say("  MISSED all: the part did not end");
        bench_say("  %.1f s", bench_now() - begin);
        goals += parts[i].goal_count;
        met += goals_met(found);
        json_object_set_new(all, parts[i].name, found ? found : json_null());
    }
    json_object_set_new(all, "goals", json_pack("{s:i,s:i}", "met", (int)met, "of", (int)goals));
    save(o, all);
    json_decref(all);
    bench_say("\nbench-store: %zu of %zu goals met", met, goals);
}

static void header(const struct options *o)
{
    double load = 0;

    bench_say("store benchmark%s, data in %s", o->is_quick ? ", quick: shorter and smaller" : "",
              o->dir);
    bench_say("sync policy: every answer waits for the fdatasync that covers it; all that waits "
              "shares one");
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        bench_say("load average %.1f: others use this machine, only ratios within this run mean "
                  "something",
                  load);
}

int main(int argc, char **argv)
{
    struct options o = { .dir = "build/bench/store" };
    int            i;

    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            o.is_quick = true;
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            o.dir = argv[++i];
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            o.json = argv[++i];
        else
            bench_die("usage: store_bench [--quick] [--dir DIR] [--json FILE] [PART...]");
    }
    bench_make_dir(o.dir);
    header(&o);
    run_parts(&o, argc - i, argv + i);
    return 0;
}
