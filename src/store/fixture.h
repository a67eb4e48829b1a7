/*
 * fixture.h - what the tests of the store share; included by x_test.c only.
 *
 * A mailbox whose owner can wait, a directory of its own that is removed at the end, and bytes that
 * are different for each number and length.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "base/block.h"
#include "base/err.h"
#include "base/mail.h"
#include "store/disk.h"

#include <assert.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* cmocka replaces assert-like names; keep ours plain. */
#define assert_ok(e) assert_int_equal((e), ERR_OK)

struct postbox {
    struct mailbox  box;
    pthread_mutex_t lock;
    pthread_cond_t  woken;
    bool            is_woken;
};

static inline void postbox_wake(void *ctx)
{
    struct postbox *p = ctx;

    pthread_mutex_lock(&p->lock);
    p->is_woken = true;
    pthread_cond_signal(&p->woken);
    pthread_mutex_unlock(&p->lock);
}

static inline void postbox_init(struct postbox *p)
{
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->woken, NULL);
    p->is_woken = false;
    mailbox_init(&p->box, postbox_wake, p);
}

static inline void postbox_fini(struct postbox *p)
{
    mailbox_fini(&p->box);
    pthread_cond_destroy(&p->woken);
    pthread_mutex_destroy(&p->lock);
}

/* Runs all mails that are there; waits for the first. */
static inline void postbox_wait(struct postbox *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->is_woken)
        pthread_cond_wait(&p->woken, &p->lock);
    p->is_woken = false;
    pthread_mutex_unlock(&p->lock);
    mail_run(&p->box);
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A directory that is there, as an absolute path in static storage. */
static inline const char *make_temporary(void)
{
    static char path[64];

    snprintf(path, sizeof path, "/tmp/myna-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline struct slice pattern(uint64_t number, size_t len)
{
    struct block *b = block_new(len);

    for (size_t i = 0; i < len; i++)
        b->at[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
    return slice_of(b, b->at, len);
}

static inline void assert_bytes(struct bytes got, struct bytes want)
{
    assert_int_equal(got.len, want.len);
    if (want.len > 0)
        assert_memory_equal(got.at, want.at, want.len);
}

/* A small file of a disk; NULL: it is not there. */
static inline void assert_content(struct disk *d, const char *path, const char *want)
{
    struct buf b;
    bool       is_there;

    buf_init(&b);
    assert_ok(disk_read(d, path, &b, &is_there));
    assert_int_equal(is_there, want != NULL);
    if (want)
        assert_bytes(buf_view(&b), bytes_str(want));
    buf_fini(&b);
}

#endif
