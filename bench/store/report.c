/* report.c - see bench.h: figures, goals, and what the system says of this process. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void bench_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bench-store: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* ---- processes and directories ---- */

pid_t bench_fork(void)
{
    pid_t pid = fork();

    if (pid < 0)
        bench_die("fork: %s", strerror(errno));
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
    (void)s;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void bench_remove_dir(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void bench_make_dir(const char *dir)
{
    bench_remove_dir(dir);
    if (mkdir(dir, 0700) != 0)
        bench_die("%s: %s", dir, strerror(errno));
}

/* ---- series ---- */

void series_add(struct series *s, double value)
{
    if (s->count < SERIES_MAX)
        s->at[s->count++] = value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double series_median(const struct series *s)
{
    struct series sorted = *s;

    if (s->count == 0)
        return 0;
    qsort(sorted.at, sorted.count, sizeof sorted.at[0], compare);
    if (s->count % 2 == 1)
        return sorted.at[s->count / 2];
    return (sorted.at[s->count / 2 - 1] + sorted.at[s->count / 2]) / 2;
}

double series_min(const struct series *s)
{
    double min = s->count ? s->at[0] : 0;

    for (size_t i = 1; i < s->count; i++)
        min = s->at[i] < min ? s->at[i] : min;
    return min;
}

double series_max(const struct series *s)
{
    double max = s->count ? s->at[0] : 0;

    for (size_t i = 1; i < s->count; i++)
        max = s->at[i] > max ? s->at[i] : max;
    return max;
}

/* ---- what goes to store.json ---- */

/* A sensible number of digits for anything from microseconds to messages per second. */
static const char *number(char out[32], double value)
{
    double size = value < 0 ? -value : value;

    snprintf(out, 32, "%.*f", size >= 1000 ? 0 : size >= 10 ? 1 : 3, value);
    return out;
}

void bench_figure(struct bench *b, const char *name, const struct series *s)
{
    char    median[32], min[32], max[32];
    json_t *all = json_array();

    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(all, json_real(s->at[i]));
    json_object_set_new(b->figures, name,
                        json_pack("{s:f,s:f,s:f,s:o}", "median", series_median(s), "min",
                                  series_min(s), "max", series_max(s), "all", all));
    bench_say("  %-44s %12s   (%s to %s, %zu times)", name, number(median, series_median(s)),
              number(min, series_min(s)), number(max, series_max(s)), s->count);
}

void bench_number(struct bench *b, const char *name, double value)
{
    char text[32];

    json_object_set_new(b->figures, name, json_real(value));
    bench_say("  %-44s %12s", name, number(text, value));
}

void bench_json(struct bench *b, const char *name, json_t *value)
{
    json_object_set_new(b->figures, name, value);
}

void bench_goal(struct bench *b, const char *what, double value, const char *relation, double bound)
{
    bool is_met = strcmp(relation, ">=") == 0 ? value >= bound : value <= bound;
    char is[32], must[32];

    json_array_append_new(b->goals, json_pack("{s:s,s:f,s:s,s:f,s:b}", "goal", what, "value", value,
                                              "relation", relation, "bound", bound, "met", is_met));
    bench_say("  %s %s: %s, must be %s %s", is_met ? "met   " : "MISSED", what, number(is, value),
              relation, number(must, bound));
}

/* ---- what the system says ---- */

/* The number behind `key` in a file of lines "key: number ..."; 0 when there is none. */
static uint64_t line_of(const char *path, const char *key)
{
    char     line[256];
    uint64_t value = 0;
    FILE    *f = fopen(path, "r");

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
            value = strtoull(line + strlen(key) + 1, NULL, 10);
    if (f)
        fclose(f);
    return value;
}

struct memory bench_memory(void)
{
    return (struct memory){ .own = line_of("/proc/self/status", "RssAnon") * 1024,
                            .files = line_of("/proc/self/status", "RssFile") * 1024 };
}

uint64_t bench_read_bytes(void)
{
    uint64_t calls = line_of("/proc/self/io", "rchar");
    uint64_t disk = line_of("/proc/self/io", "read_bytes");

    return calls > disk ? calls : disk;
}

/* The first line of /proc/self/task/TID/NAME. */
static bool task_line(const char *task, const char *name, char out[128])
{
    char  path[320];
    FILE *f;
    bool  is_read;

    snprintf(path, sizeof path, "/proc/self/task/%s/%s", task, name);
    f = fopen(path, "r");
    is_read = f && fgets(out, 128, f);
    if (f)
        fclose(f);
    return is_read;
}

double bench_thread_seconds(const char *name, size_t nth)
{
    DIR           *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    char           line[128];
    double         seconds = -1;

    while (tasks && seconds < 0 &&
           (entry = readdir(tasks)) != NULL) { /* the oldest first: names are inherited */
        if (!task_line(entry->d_name, "comm", line))
            continue;
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, name) == 0 && nth-- == 0 && task_line(entry->d_name, "schedstat", line))
            seconds = strtod(line, NULL) / 1e9;
    }
    if (tasks)
        closedir(tasks);
    return seconds;
}
