/* thread.c - see thread.h. */
#include "base/thread.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
    int error = pthread_create(out, NULL, run, arg);

    if (error == 0)
        return;
    fprintf(stderr, "myna: cannot start a thread: %s\n", strerror(error));
    _exit(1); /* not exit(): other threads are at work */
}
