/* diag.c - see diag.h. */
#include "base/diag.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int level_max = DIAG_WARN;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the sink while it is called */
static diag_sink_fn   *sink;
static void           *sink_ctx;

void diag_set_sink(diag_sink_fn *fn, void *ctx)
{
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

void diag_set_level(enum diag_level max)
{
    atomic_store(&level_max, (int)max);
}

void diag(enum diag_level level, const char *format, ...)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    char                     line[1024];
    va_list                  args;

    if ((int)level > atomic_load(&level_max))
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    if (sink)
        sink(sink_ctx, level, line);
    else
        fprintf(stderr, "myna: %s: %s\n", names[level], line);
    pthread_mutex_unlock(&lock);
}
