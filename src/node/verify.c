/*
 * verify.c - see verify.h. Two looks: at every file by itself, as far as it goes, and at all of them
 * together in a rehearsed recovery (rehearsal.h), after which every stored batch is read and every
 * reference followed (engine/audit.h). One line per finding; the last line is the sum.
 */
#include "node/verify.h"
#include "base/diag.h"
#include "engine/audit.h"
#include "engine/describe.h"
#include "node/data_files.h"
#include "node/rehearsal.h"
#include "store/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

struct verify {
    const char *path; /* of the file that is looked at */
    size_t      files;
    size_t      frames;
    uint64_t    changes;
    uint64_t    logs;
    uint64_t    batches;
    uint64_t    stored; /* records in them */
    size_t      findings;
    struct buf  text;
};

__attribute__((format(printf, 2, 3))) static void find(struct verify *v, const char *format, ...)
{
    va_list args;

    v->findings++;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* ---- files by themselves ---- */

static void on_finding(void *ctx, size_t offset, const char *what)
{
    struct verify *v = ctx;

    find(v, "%s offset %zu: %s", v->path, offset, what);
}

static void on_frame(void *ctx, const struct frame *f, size_t offset)
{
    struct verify *v = ctx;

    (void)f;
    (void)offset;
    v->frames++;
}

static enum err on_record(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                          uint64_t position)
{
    struct verify *v = ctx;

    v->changes++;
    buf_clear(&v->text);
    if (describe_change(&v->text, kind, head) != ERR_OK)
        find(v, "%s position %" PRIu64 ": malformed change of kind %u", v->path, position, kind);
    while (payload.len > 0) {
        buf_clear(&v->text);
        if (describe_batch(&v->text, &payload) != ERR_OK) {
            find(v, "%s position %" PRIu64 ": malformed record batch", v->path, position);
            break;
        }
    }
    return ERR_OK;
}

static void look_at_journal(void *ctx, const char *path)
{
    struct verify         *v = ctx;
    const struct inspector in = {
        .frame = on_frame, .record = on_record, .finding = on_finding, .ctx = v };
    struct mapped m;

    v->path = path;
    v->files++;
    if (mapped_open(&m, path) != ERR_OK) {
        find(v, "%s: cannot be read: %s", path, strerror(errno));
        return;
    }
    inspect_journal(m.bytes, &in);
    mapped_close(&m);
}

/* ---- all together ---- */

static void on_line(void *ctx, enum diag_level level, const char *line)
{
    if (level <= DIAG_WARN)
        find(ctx, "start: %s", line);
}

struct looking {
    struct verify    *verify;
    struct rehearsal *rehearsal;
};

static void on_audit(void *ctx, const char *what)
{
    find(((struct looking *)ctx)->verify, "%s", what);
}

static void pump(void *ctx)
{
    rehearsal_turn(((struct looking *)ctx)->rehearsal);
}

static void look_at_engine(void *ctx, struct engine *e, struct rehearsal *r)
{
    struct verify *v = ctx;
    struct looking l = { v, r };
    struct audit   a = { .pump = pump, .finding = on_audit, .ctx = &l };

    engine_audit(e, &a);
    v->logs = a.logs;
    v->batches = a.batches;
    v->stored = a.records;
}

static int refuse(const char *data, enum err err)
{
    fprintf(stderr, "myna: '%s' %s\n", data,
            err == ERR_BUSY      ? "is in use by another process; stop the broker first"
            : err == ERR_FOREIGN ? "is not a data directory"
                                 : strerror(errno));
    return 1;
}

static int verify(const char *data)
{
    struct verify v = { 0 };
    enum err      err = data_files_each(data, "journal", look_at_journal, &v);

    if (err)
        return refuse(data, err);
    diag_set_sink(on_line, &v);
    err = rehearse(data, look_at_engine, &v);
    diag_set_sink(NULL, NULL);
    if (err == ERR_BUSY)
        return refuse(data, err);
    if (err)
        find(&v, "start: a broker would not start: %s", err_text(err));
    buf_fini(&v.text);
    printf("verify: %zu files, %zu frames, %" PRIu64 " changes, %" PRIu64 " logs, %" PRIu64
           " stored batches, %" PRIu64 " records, %zu findings\n",
           v.files, v.frames, v.changes, v.logs, v.batches, v.stored, v.findings);
    return v.findings > 0;
}

int verify_run(int count, char **args)
{
    struct stat st;
    const char *data = count == 1 ? args[0] : "./data";

    if (count > 1)
        return -1;
    if (stat(data, &st) != 0 || !S_ISDIR(st.st_mode)) {
        fprintf(stderr, "myna: '%s' is not a data directory\n", data);
        return 1;
    }
    return verify(data);
}
