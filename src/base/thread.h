/*
 * thread.h - starting a thread, which cannot fail: without its threads no process is worth going on, so where the
 * system refuses one the process ends with one line, as it does without memory (mem.h). A thread that something can be
 * done without is made with pthread_create.
 *
 * Thread: any.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* To be joined by the caller. */
void thread_start(pthread_t *out, void *(*run)(void *), void *arg);

#endif
