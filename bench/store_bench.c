/*
 * store_bench.c - the store alone: what one thread can journal durably, next to what the disk does
 * with nothing in between.
 *
 *     store_bench URI [SECONDS [PAYLOAD...]]      e.g. store_bench file:/tmp/bench 2
 *
 * Prints, for several payload sizes, records/s, MB/s, commits/s and commit latency, then the speed
 * of a replay; and for a file volume first the raw figures: sequential write + fdatasync of blocks
 * of some sizes in a preallocated file.
 */
#include "base/mem.h"
#include "store/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LATENCIES_MAX = 1 << 20, RAW_BYTES = 1 << 30, KEEP_BYTES = 1 << 30,
       STREAM_WINDOW = 32 << 20 };

struct bench {
    struct mailbox  box;
    pthread_mutex_t lock;
    pthread_cond_t  woken;
    bool            is_woken;
    struct volume  *volume;
    struct shard   *shard;
    struct journal *journal;
    uint64_t        commits;
    uint64_t        replayed;
    uint64_t        replayed_bytes;
    double          sent_at;
    double          waits[LATENCIES_MAX];
    size_t          wait_count;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wake(void *ctx)
{
    struct bench *b = ctx;

    pthread_mutex_lock(&b->lock);
    b->is_woken = true;
    pthread_cond_signal(&b->woken);
    pthread_mutex_unlock(&b->lock);
}

static void wait_for_mail(struct bench *b)
{
    pthread_mutex_lock(&b->lock);
    while (!b->is_woken)
        pthread_cond_wait(&b->woken, &b->lock);
    b->is_woken = false;
    pthread_mutex_unlock(&b->lock);
    mail_run(&b->box);
}

static void on_durable(void *ctx, uint64_t position)
{
    struct bench *b = ctx;

    (void)position;
    b->commits++;
    if (b->wait_count < LATENCIES_MAX)
        b->waits[b->wait_count++] = now() - b->sent_at;
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    fprintf(stderr, "store_bench: %s: %s\n", what, err_text(err));
    exit(1);
}

static enum err on_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    struct bench *b = ctx;

    (void)kind;
    (void)position;
    b->replayed++;
    b->replayed_bytes += head.len + payload.len;
    return ERR_OK;
}

static void check(enum err err, const char *what)
{
    if (!err)
        return;
    fprintf(stderr, "store_bench: %s: %s\n", what, err_text(err));
    exit(1);
}

static void open_journal(struct bench *b, const char *uri, uint64_t from)
{
    struct journal_options options = { 0, on_durable, on_failed, b };
    double                 begin;

    check(volume_open(&b->volume, uri), uri);
    check(shard_claim(&b->shard, b->volume, 0, &b->box), "claim");
    check(journal_open(&b->journal, b->shard, &options), "journal");
    b->replayed = b->replayed_bytes = 0;
    begin = now();
    check(journal_replay(b->journal, from, on_record, b), "replay");
    begin = now() - begin;
    printf("opened: %" PRIu64 " records, %.0f MB replayed in %.0f ms (%.0f MB/s)\n", b->replayed,
           (double)b->replayed_bytes / 1e6, begin * 1e3, (double)b->replayed_bytes / 1e6 / begin);
}

static void close_journal(struct bench *b)
{
    journal_close(b->journal);
    shard_release(b->shard);
    volume_close(b->volume);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void report(struct bench *b, const char *what, size_t len, uint64_t records, double seconds)
{
    qsort(b->waits, b->wait_count, sizeof b->waits[0], compare);
    printf("%-9s %7zu B: %9.0f rec/s %8.1f MB/s %7.0f frames/s, p50 %.3f p99 %.3f ms\n", what, len,
           (double)records / seconds, (double)records * (double)len / 1e6 / seconds,
           (double)b->commits / seconds, b->wait_count ? b->waits[b->wait_count / 2] * 1e3 : 0.0,
           b->wait_count ? b->waits[b->wait_count * 99 / 100] * 1e3 : 0.0);
    fflush(stdout);
}

/* window: bytes on their way at most; one record at a time when 0. Trims behind itself. */
static void run(struct bench *b, const char *what, size_t len, size_t window, double seconds)
{
    static const uint8_t head[24] = { 1 };
    struct slice         payload = slice_copy(bytes_of(calloc(1, len), len));
    uint64_t             records = 0;
    double               begin = now();

    b->commits = 0;
    b->wait_count = 0;
    while (now() - begin < seconds) {
        b->sent_at = now();
        do {
            for (size_t turn = 0; turn < (window ? 64u << 10 : 1); turn += len) {
                journal_add(b->journal, 10, bytes_of(head, sizeof head), payload);
                records++;
            }
            journal_kick(b->journal);
        } while (journal_pending_bytes(b->journal) < window);
        wait_for_mail(b);
        if (journal_durable(b->journal) > KEEP_BYTES)
            journal_trim(b->journal, journal_durable(b->journal) - KEEP_BYTES);
    }
    while (!journal_is_idle(b->journal))
        wait_for_mail(b);
    report(b, what, len, records, now() - begin);
    slice_drop(&payload);
}

static void raw(const char *dir, size_t block, double seconds)
{
    char     path[4096];
    uint8_t *bytes = mem_new(block);
    double   begin;
    size_t   n = 0;
    int      fd;

    snprintf(path, sizeof path, "%s.raw", dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, RAW_BYTES) != 0 || fsync(fd) != 0) {
        perror(path);
        exit(1);
    }
    memset(bytes, 'x', block);
    begin = now();
    for (; (n + 1) * block <= RAW_BYTES && now() - begin < seconds; n++)
        if (pwrite(fd, bytes, block, (off_t)(n * block)) != (ssize_t)block || fdatasync(fd) != 0)
            exit(1);
    begin = now() - begin;
    printf("raw       %7zu B: %8.1f MB/s, %.3f ms per sync\n", block,
           (double)(n * block) / 1e6 / begin, begin * 1e3 / (double)n);
    close(fd);
    unlink(path);
    free(bytes);
}

static void run_all(struct bench *b, double seconds)
{
    run(b, "alone", 16, 0, seconds);
    run(b, "alone", 4096, 0, seconds);
    run(b, "alone", 64 << 10, 0, seconds);
    run(b, "streaming", 16, 4 << 20, seconds);
    run(b, "streaming", 1024, STREAM_WINDOW, seconds);
    run(b, "streaming", 64 << 10, STREAM_WINDOW, seconds);
    run(b, "streaming", 1 << 20, STREAM_WINDOW, seconds);
}

int main(int argc, char **argv)
{
    static struct bench b;
    const char         *uri = argc > 1 ? argv[1] : "sim:1";
    double              seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    uint64_t            from;

    pthread_mutex_init(&b.lock, NULL);
    pthread_cond_init(&b.woken, NULL);
    mailbox_init(&b.box, wake, &b);
    if (strncmp(uri, "file:", 5) == 0)
        for (size_t block = 4096; block <= 4 << 20; block *= 16)
            raw(uri + 5, block, seconds);
    open_journal(&b, uri, 0);
    for (int i = 3; i < argc; i++)
        run(&b, "streaming", strtoul(argv[i], NULL, 10), STREAM_WINDOW, seconds);
    if (argc <= 3)
        run_all(&b, seconds);
    from = journal_start(b.journal);
    close_journal(&b);
    if (strncmp(uri, "file:", 5) == 0) {
        open_journal(&b, uri, from);
        close_journal(&b);
    }
    return 0;
}
