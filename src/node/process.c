/* process.c - see process.h. */
#include "node/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t resident_bytes(void)
{
    FILE              *f = fopen("/proc/self/statm", "re");
    unsigned long long size = 0;
    unsigned long long resident = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_files(void)
{
    DIR           *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    uint64_t       count = 0;

    if (!dir)
        return 0;
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count - 1; /* this directory */
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void process_figures_get(struct process_figures *out)
{
    struct rusage usage = { 0 };

    getrusage(RUSAGE_SELF, &usage);
    *out = (struct process_figures){ resident_bytes(),
                                     seconds(usage.ru_utime) + seconds(usage.ru_stime),
                                     open_files() };
}
