/* dump.c - see dump.h. One line per thing, two blanks deeper per level; nothing is written. */
#include "node/dump.h"
#include "engine/describe.h"
#include "engine/segment.h"
#include "node/catalogue_copy.h"
#include "node/data_files.h"
#include "store/catalogue.h"
#include "store/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct dump {
    const char *path;
    struct buf  line;
    size_t      findings;
    enum err    err; /* a file could not be read */
};

/* ---- journal files ---- */

static void show_head(void *ctx, const struct file_head *h)
{
    const struct dump *d = ctx;

    printf("%s: journal file, epoch %" PRIu64 ", number %u, shard %u\n", d->path, h->epoch,
           h->number, h->shard);
}

static void show_frame(void *ctx, const struct frame *f, size_t offset)
{
    (void)ctx;
    printf("  frame offset=%zu position=%" PRIu64 " sequence=%" PRIu64 " body=%u synced=%" PRIu64
           "\n",
           offset, f->position, f->seq, f->bytes, f->synced);
}

/* One after the other. False: what comes next is none. */
static bool show_batches(struct dump *d, const char *indent, struct bytes batches)
{
    while (batches.len > 0) {
        buf_clear(&d->line);
        if (describe_batch(&d->line, &batches) != ERR_OK) {
            printf("%sbatch of at most %zu bytes (malformed)\n", indent, batches.len);
            return false;
        }
        printf("%sbatch%.*s\n", indent, (int)d->line.len, (const char *)d->line.at);
    }
    return true;
}

static enum err show_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                            uint64_t position)
{
    struct dump *d = ctx;
    const char  *name = describe_kind(kind);
    enum err     err;

    (void)position;
    buf_clear(&d->line);
    err = describe_change(&d->line, kind, head);
    printf("    %s%.*s%s\n", name ? name : "(unknown kind)", (int)d->line.len,
           (const char *)d->line.at, err ? " (malformed)" : "");
    return show_batches(d, "      ", payload) ? err : ERR_CORRUPT;
}

static void show_end(void *ctx, size_t offset, bool is_zeros)
{
    (void)ctx;
    printf("  end offset=%zu, behind it %s\n", offset,
           is_zeros ? "zeros" : "bytes that are no frame of this file");
}

static void show_finding(void *ctx, size_t offset, const char *what)
{
    struct dump *d = ctx;

    d->findings++;
    printf("  DAMAGE offset=%zu: %s\n", offset, what);
}

static void dump_journal(struct dump *d, struct bytes file)
{
    const struct inspector in = {
        .head = show_head,
        .frame = show_frame,
        .record = show_record,
        .end = show_end,
        .finding = show_finding,
        .ctx = d,
    };

    inspect_journal(file, &in);
}

/* ---- segments ---- */

static void show_extent(void *ctx, uint64_t at, const struct extent_head *h, struct bytes batches,
                        enum err err)
{
    struct dump *d = ctx;

    printf("  extent at=%" PRIu64 " log=%" PRIu64 " base=%" PRIu64 " end=%" PRIu64
           " batches=%u bytes=%u max_time=%" PRId64 " when=%" PRId64 "%s\n",
           at, h->log, h->base, h->end, h->batches, h->bytes, h->max_timestamp_ms, h->append_ms,
           err ? " DAMAGE" : "");
    d->findings += err != ERR_OK;
    if (!err && !show_batches(d, "    ", batches))
        d->findings++;
}

static void dump_segment(struct dump *d, struct bytes file)
{
    struct segment_head head;
    enum err            err = segment_head_decode(file, &head);

    if (err) {
        printf("%s: %s\n", d->path,
               err == ERR_NEWER_FORMAT ? "written by a newer version"
                                       : "DAMAGE: the header is none of a segment");
        d->findings++;
        return;
    }
    printf("%s: segment, epoch %" PRIu64 ", number %" PRIu64 ", shard %u, log %" PRIu64 "%s\n",
           d->path, head.epoch, head.number, head.shard, head.log,
           head.log == 0 ? " (several)" : "");
    segment_each(file, show_extent, d);
}

/* ---- catalogues ---- */

static void show_row(void *ctx, struct bytes key, uint8_t kind, struct bytes head, bool is_whole)
{
    struct dump *d = ctx;
    const char  *name = describe_kind(kind);
    enum err     err;

    buf_clear(&d->line);
    err = describe_change(&d->line, kind, head);
    fputs("  key=", stdout);
    for (size_t i = 0; i < key.len; i++)
        printf("%02x", key.at[i]);
    printf(" %s%.*s%s%s\n", name ? name : "(unknown kind)", (int)d->line.len,
           (const char *)d->line.at, err ? " (malformed)" : "", is_whole ? "" : " DAMAGE");
    d->findings += err || !is_whole;
}

static void dump_catalogue(struct dump *d, struct bytes file)
{
    struct catalogue_copy    copy;
    struct catalogue_summary sum;

    (void)file;
    d->err = catalogue_copy_make(&copy, d->path);
    if (d->err)
        return;
    printf("%s: catalogue\n", d->path);
    d->err = catalogue_inspect(copy.path, show_row, d, &sum);
    if (d->err)
        fprintf(stderr, "myna: '%s' is no catalogue: %s\n", d->path, err_text(d->err));
    else
        printf("  end rows=%" PRIu64 " position=%" PRIu64 " epoch=%" PRIu64 "%s\n", sum.rows,
               sum.position, sum.epoch,
               sum.is_whole ? "" : " DAMAGE: rows were lost or changed");
    d->findings += !sum.is_whole;
    catalogue_copy_remove(&copy);
}

/* ---- any file ---- */

struct kind {
    const char *name;
    const char *files; /* data_files.h */
    void (*dump)(struct dump *d, struct bytes file);
};

static const struct kind kinds[] = {
    { "journal", "journal", dump_journal },
    { "segment", "segment", dump_segment },
    { "catalogue", "catalogue.db", dump_catalogue },
};

struct each {
    struct dump       *dump;
    const struct kind *kind;
};

static void dump_file(void *ctx, const char *path)
{
    struct each  *e = ctx;
    struct mapped m;
    enum err      err = mapped_open(&m, path);

    e->dump->path = path;
    if (err) {
        fprintf(stderr, "myna: cannot read '%s': %s\n", path, strerror(errno));
        e->dump->err = err;
        return;
    }
    e->kind->dump(e->dump, m.bytes);
    mapped_close(&m);
}

static int dump_all(const struct kind *kind, const char *path)
{
    struct dump d = { 0 };
    struct each e = { &d, kind };
    enum err    err;

    buf_init(&d.line);
    err = data_files_each(path, kind->files, dump_file, &e);
    buf_fini(&d.line);
    if (err == ERR_FOREIGN)
        fprintf(stderr, "myna: '%s' is not a data directory\n", path);
    else if (err)
        fprintf(stderr, "myna: cannot read '%s': %s\n", path, strerror(errno));
    return err || d.err || d.findings > 0;
}

int dump_run(int count, char **args)
{
    if (count < 1 || count > 2)
        return -1;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].name, args[0]) == 0)
            return dump_all(&kinds[i], count == 2 ? args[1] : "./data");
    return -1;
}
