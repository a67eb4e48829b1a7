/*
 * catalogue.c - see catalogue.h. Tables:
 *
 *     state       key, kind, head, crc: of key, kind u8, head; what leads to the state
 *     meta        one row: position, epoch, rows (how many), sum (of their crc, modulo 2^64), and
 *                 crc: of these four as u64 each
 *     definition  key (of its row), what, namespace, name, text: for people; never read by the
 *                 program
 *
 * application_id is "Myna", user_version the version of this layout. What is gathered between begin
 * and commit lies in one buffer of steps, each an octet that says which and its parts, each with
 * its length.
 */
#include "store/catalogue.h"
#include "base/buf.h"
#include "base/crc32c.h"
#include "base/diag.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/volume_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CATALOGUE_VERSION = 2, APPLICATION_ID = 0x4d796e61 };

static const char schema[] =
    "BEGIN;"
    "PRAGMA application_id = 1299803745;"
    "PRAGMA user_version = 2;"
    "CREATE TABLE state (key BLOB PRIMARY KEY, kind INTEGER NOT NULL, head BLOB NOT NULL,"
    " crc INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, rows INTEGER NOT NULL, sum INTEGER NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE definition (key BLOB PRIMARY KEY, what TEXT NOT NULL, namespace TEXT NOT NULL,"
    " name TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;"
    "COMMIT;";

_Static_assert(APPLICATION_ID == 1299803745 && CATALOGUE_VERSION == 2, "the schema says so, too");

enum step { STEP_PUT, STEP_REMOVE, STEP_DEFINE };

struct meta {
    uint64_t position;
    uint64_t epoch;
    uint64_t rows;
    uint64_t sum;
};

struct catalogue {
    struct shard      *shard;
    char              *path; /* NULL: in memory */
    sqlite3           *db;
    struct buf         steps;
    struct buf         next; /* the first steps of the next checkpoint */
    uint64_t           position;
    uint64_t           row_count; /* of the checkpoint that is loaded */
    bool               is_full;   /* the checkpoint that is gathered or written */
    bool               must_be_full; /* K4 */
    bool               is_damaged;   /* so a commit found; the next one begins anew */
    int                said; /* SQLite's code of the failure that was said since the last commit */
    bool               is_busy;
    bool               has_writer; /* a thread to be joined */
    bool               is_closed; /* while busy: freed when the mail comes */
    pthread_t          writer;
    struct mail        mail;
    enum err           result;
    catalogue_done_fn *done;
    void              *ctx;
};

/* ---- SQLite ---- */

static const char *place(const struct catalogue *c)
{
    return c->path ? c->path : "(in memory)";
}

/* A failure that lasts is met again by each checkpoint, and said once. */
static enum err failed(struct catalogue *c, int code)
{
    if ((code & 0xff) != c->said)
        diag(DIAG_WARN, "catalogue: %s: %s", place(c),
             c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(code));
    c->said = code & 0xff;
    switch (c->said) {
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_ERROR: /* a table is missing */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return ERR_ACCESS;
    default:
        return ERR_IO;
    }
}

static enum err run(struct catalogue *c, const char *sql)
{
    int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? ERR_OK : failed(c, code);
}

static enum err prepare(struct catalogue *c, const char *sql, sqlite3_stmt **out)
{
    int code = sqlite3_prepare_v2(c->db, sql, -1, out, NULL);

    return code == SQLITE_OK ? ERR_OK : failed(c, code);
}

/* Runs a statement that gives no row, ready for the next bindings. */
static enum err step(struct catalogue *c, sqlite3_stmt *s)
{
    int code = sqlite3_step(s);

    sqlite3_reset(s);
    return code == SQLITE_DONE ? ERR_OK : failed(c, code);
}

static uint32_t row_crc(struct bytes key, uint8_t kind, struct bytes head)
{
    uint32_t crc = crc32c(0, key.at, key.len);

    crc = crc32c(crc, &kind, sizeof kind);
    return crc32c(crc, head.at, head.len);
}

static uint32_t meta_crc(const struct meta *m)
{
    uint8_t at[32];

    put_u64(at, m->position);
    put_u64(at + 8, m->epoch);
    put_u64(at + 16, m->rows);
    put_u64(at + 24, m->sum);
    return crc32c(0, at, sizeof at);
}

static enum err get_number(struct catalogue *c, const char *sql, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, sql, &s);
    int           code;

    if (err)
        return err;
    code = sqlite3_step(s);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return code == SQLITE_ROW || code == SQLITE_DONE ? ERR_OK : failed(c, code);
}

/* ---- opening ---- */

static enum err check_layout(struct catalogue *c)
{
    int64_t  application = 0;
    int64_t  version = 0;
    enum err err = get_number(c, "PRAGMA application_id", &application);

    if (!err)
        err = get_number(c, "PRAGMA user_version", &version);
    if (err)
        return err;
    if (application == 0 && version == 0)
        return run(c, schema);
    if (application != APPLICATION_ID)
        return ERR_CORRUPT;
    if (version > CATALOGUE_VERSION)
        return ERR_NEWER_FORMAT;
    return version < CATALOGUE_VERSION ? ERR_CORRUPT : ERR_OK;
}

/* Made before SQLite does, so that it has our mode and not the umask's. */
static enum err make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return errno == ENOSPC ? ERR_NO_SPACE : errno == EACCES ? ERR_ACCESS : ERR_IO;
    close(fd);
    return ERR_OK;
}

/* WAL lets a shell read while we write; FULL syncs each commit. */
static enum err open_path(struct catalogue *c)
{
    enum err err = make_private(c->path);
    int      code;

    if (err)
        return err;
    code = sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code != SQLITE_OK)
        return failed(c, code);
    sqlite3_busy_timeout(c->db, 10000);
    err = run(c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864;");
    return err ? err : check_layout(c);
}

static enum err open_memory(struct catalogue *c)
{
    struct buf     image;
    bool           is_there = false;
    enum err       err;
    int            code = sqlite3_open(":memory:", &c->db);
    unsigned char *copy;

    if (code != SQLITE_OK)
        return failed(c, code);
    buf_init(&image);
    err = shard_get_checkpoint(c->shard, &image, &is_there);
    if (!err && is_there) {
        copy = sqlite3_malloc64(image.len);
        memcpy(copy, image.at, image.len);
        code = sqlite3_deserialize(c->db, "main", copy, (sqlite3_int64)image.len,
                                   (sqlite3_int64)image.len,
                                   SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
        err = code == SQLITE_OK ? ERR_OK : failed(c, code);
    }
    buf_fini(&image);
    return err ? err : check_layout(c);
}

static void close_db(struct catalogue *c)
{
    sqlite3_close(c->db);
    c->db = NULL;
}

/* K3 */
static void set_aside(struct catalogue *c)
{
    static const char *const companions[] = { "-wal", "-shm" };
    struct buf               other;

    diag(DIAG_WARN, "catalogue: %s is damaged; the state is rebuilt from the journal", c->path);
    buf_init(&other);
    buf_printf(&other, "%s.damaged", c->path);
    buf_u8(&other, 0);
    if (rename(c->path, (const char *)other.at) != 0)
        unlink(c->path);
    for (size_t i = 0; i < COUNT(companions); i++) {
        buf_clear(&other);
        buf_printf(&other, "%s%s", c->path, companions[i]);
        buf_u8(&other, 0);
        unlink((const char *)other.at);
    }
    buf_fini(&other);
}

static enum err begin_anew(struct catalogue *c)
{
    close_db(c);
    if (c->path) {
        set_aside(c);
        return open_path(c);
    }
    diag(DIAG_WARN, "catalogue: the checkpoint is damaged; the state is rebuilt from the journal");
    if (sqlite3_open(":memory:", &c->db) != SQLITE_OK)
        return ERR_IO;
    return run(c, schema);
}

/* ---- reading ---- */

static struct bytes column(sqlite3_stmt *s, int at)
{
    const void *blob = sqlite3_column_blob(s, at);

    return bytes_of(blob, (size_t)sqlite3_column_bytes(s, at));
}

/* All zeros when there is no checkpoint. */
static enum err read_meta(struct catalogue *c, struct meta *m)
{
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "SELECT position, epoch, rows, sum, crc FROM meta", &s);
    int           code;

    *m = (struct meta){ 0 };
    if (err)
        return err;
    code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        m->position = (uint64_t)sqlite3_column_int64(s, 0);
        m->epoch = (uint64_t)sqlite3_column_int64(s, 1);
        m->rows = (uint64_t)sqlite3_column_int64(s, 2);
        m->sum = (uint64_t)sqlite3_column_int64(s, 3);
        if (sqlite3_column_int64(s, 4) != meta_crc(m))
            err = ERR_CORRUPT;
    } else if (code != SQLITE_DONE) {
        err = failed(c, code);
    }
    sqlite3_finalize(s);
    return err;
}

/* Walks over all rows, checks them against m (K2), and gives them away when fn is not NULL. */
static enum err read_rows(struct catalogue *c, const struct meta *m, catalogue_load_fn *fn,
                          void *ctx)
{
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "SELECT key, kind, head, crc FROM state ORDER BY key", &s);
    uint64_t      rows = 0;
    uint64_t      sum = 0;
    int           code = SQLITE_DONE;

    while (!err && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct bytes key = column(s, 0);
        struct bytes head = column(s, 2);
        uint8_t      kind = (uint8_t)sqlite3_column_int(s, 1);
        uint32_t     crc = row_crc(key, kind, head);

        rows++;
        sum += crc;
        if (sqlite3_column_int64(s, 3) != crc)
            err = ERR_CORRUPT;
        else if (fn)
            err = fn(ctx, kind, head);
    }
    if (!err && code != SQLITE_DONE)
        err = failed(c, code);
    sqlite3_finalize(s);
    return err || (rows == m->rows && sum == m->sum) ? err : ERR_CORRUPT;
}

enum err catalogue_load(struct catalogue *c, catalogue_load_fn *fn, void *ctx, uint64_t *position)
{
    struct meta m;
    enum err    err = read_meta(c, &m);

    if (!err)
        err = read_rows(c, &m, NULL, NULL);
    if (err == ERR_CORRUPT) {
        m = (struct meta){ 0 };
        err = begin_anew(c);
    }
    if (err)
        return err;
    *position = m.position;
    c->row_count = m.rows;
    return read_rows(c, &m, fn, ctx);
}

/* ---- for tools ---- */

static enum err inspect_rows(struct catalogue *c, catalogue_row_fn *fn, void *ctx,
                             struct catalogue_summary *out, uint64_t *sum)
{
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "SELECT key, kind, head, crc FROM state ORDER BY key", &s);
    int           code = SQLITE_DONE;

    while (!err && (code = sqlite3_step(s)) == SQLITE_ROW) {
        struct bytes key = column(s, 0);
        struct bytes head = column(s, 2);
        uint8_t      kind = (uint8_t)sqlite3_column_int(s, 1);
        uint32_t     crc = row_crc(key, kind, head);
        bool         is_whole = sqlite3_column_int64(s, 3) == crc;

        fn(ctx, key, kind, head, is_whole);
        out->is_whole &= is_whole;
        out->rows++;
        *sum += crc;
    }
    if (!err && code != SQLITE_DONE)
        err = failed(c, code);
    sqlite3_finalize(s);
    return err;
}

static enum err inspect(struct catalogue *c, catalogue_row_fn *fn, void *ctx,
                        struct catalogue_summary *out)
{
    struct meta m = { 0 };
    uint64_t    sum = 0;
    enum err    err = check_layout(c);

    if (!err)
        err = read_meta(c, &m);
    out->is_whole = err == ERR_OK;
    out->position = m.position;
    out->epoch = m.epoch;
    if (!err || err == ERR_CORRUPT)
        err = inspect_rows(c, fn, ctx, out, &sum);
    out->is_whole &= out->rows == m.rows && sum == m.sum;
    return err;
}

enum err catalogue_inspect(const char *path, catalogue_row_fn *fn, void *ctx,
                           struct catalogue_summary *out)
{
    struct catalogue c = { .path = (char *)(uintptr_t)path };
    enum err         err;

    *out = (struct catalogue_summary){ 0 };
    if (sqlite3_open_v2(path, &c.db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        err = inspect(&c, fn, ctx, out);
    else
        err = failed(&c, sqlite3_errcode(c.db));
    close_db(&c);
    return err;
}

uint64_t catalogue_row_count(const struct catalogue *c)
{
    return c->row_count;
}

/* ---- writing ---- */

/* The statements of one checkpoint. */
struct writing {
    struct catalogue *c;
    sqlite3_stmt     *get_crc;
    sqlite3_stmt     *put;
    sqlite3_stmt     *remove;
    sqlite3_stmt     *define;
    sqlite3_stmt     *undefine;
    struct meta       meta;
};

static void bind_blob(sqlite3_stmt *s, int at, struct bytes b)
{
    sqlite3_bind_blob64(s, at, b.len > 0 ? (const void *)b.at : "", b.len, SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *s, int at, struct bytes b)
{
    sqlite3_bind_text64(s, at, b.len > 0 ? (const char *)b.at : "", b.len, SQLITE_STATIC,
                        SQLITE_UTF8);
}

/* Takes the rows that s gives, each a crc, out of the sum. */
static enum err take_out(struct writing *w, sqlite3_stmt *s)
{
    int code;

    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        w->meta.rows--;
        w->meta.sum -= (uint64_t)sqlite3_column_int64(s, 0);
    }
    sqlite3_reset(s);
    return code == SQLITE_DONE ? ERR_OK : failed(w->c, code);
}

static struct bytes next_part(struct rd *r)
{
    uint32_t len = rd_u32(r);

    return rd_bytes(r, len);
}

static enum err write_put(struct writing *w, struct rd *r)
{
    uint8_t      kind = rd_u8(r);
    struct bytes key = next_part(r);
    struct bytes head = next_part(r);
    uint32_t     crc = row_crc(key, kind, head);
    enum err     err;

    bind_blob(w->get_crc, 1, key);
    err = take_out(w, w->get_crc);
    if (err)
        return err;
    w->meta.rows++;
    w->meta.sum += crc;
    bind_blob(w->put, 1, key);
    sqlite3_bind_int(w->put, 2, kind);
    bind_blob(w->put, 3, head);
    sqlite3_bind_int64(w->put, 4, crc);
    return step(w->c, w->put);
}

/* The first key behind all that begin with `key`, whose first octet is never 0xff. */
static struct bytes key_behind(struct buf *out, struct bytes key)
{
    buf_clear(out);
    buf_bytes(out, key);
    while (out->len > 1 && out->at[out->len - 1] == 0xff)
        out->len--;
    out->at[out->len - 1]++;
    return buf_view(out);
}

static enum err write_remove(struct writing *w, struct rd *r)
{
    struct bytes key = next_part(r);
    struct buf   behind;
    enum err     err;

    buf_init(&behind);
    bind_blob(w->remove, 1, key);
    bind_blob(w->remove, 2, key_behind(&behind, key));
    err = take_out(w, w->remove);
    if (!err) {
        bind_blob(w->undefine, 1, key);
        bind_blob(w->undefine, 2, buf_view(&behind));
        err = step(w->c, w->undefine);
    }
    buf_fini(&behind);
    return err;
}

static enum err write_define(struct writing *w, struct rd *r)
{
    bind_blob(w->define, 1, next_part(r));
    for (int at = 2; at <= 5; at++)
        bind_text(w->define, at, next_part(r));
    return step(w->c, w->define);
}

static enum err write_steps(struct writing *w)
{
    struct rd r = rd_of(buf_view(&w->c->steps));
    enum err  err = ERR_OK;

    while (rd_left(&r) > 0 && !err)
        switch ((enum step)rd_u8(&r)) {
        case STEP_PUT:
            err = write_put(w, &r);
            break;
        case STEP_REMOVE:
            err = write_remove(w, &r);
            break;
        case STEP_DEFINE:
            err = write_define(w, &r);
            break;
        }
    return err;
}

static enum err write_meta(struct writing *w)
{
    sqlite3_stmt *s = NULL;
    enum err err = prepare(w->c, "INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?, ?, ?)", &s);

    if (err)
        return err;
    w->meta.position = w->c->position;
    w->meta.epoch = shard_epoch(w->c->shard);
    sqlite3_bind_int64(s, 1, (int64_t)w->meta.position);
    sqlite3_bind_int64(s, 2, (int64_t)w->meta.epoch);
    sqlite3_bind_int64(s, 3, (int64_t)w->meta.rows);
    sqlite3_bind_int64(s, 4, (int64_t)w->meta.sum);
    sqlite3_bind_int64(s, 5, meta_crc(&w->meta));
    err = step(w->c, s);
    sqlite3_finalize(s);
    return err;
}

static enum err prepare_all(struct writing *w)
{
    const struct {
        sqlite3_stmt **s;
        const char    *sql;
    } statements[] = {
        { &w->get_crc, "SELECT crc FROM state WHERE key = ?" },
        { &w->put, "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)" },
        { &w->remove, "DELETE FROM state WHERE key >= ? AND key < ? RETURNING crc" },
        { &w->define, "INSERT OR REPLACE INTO definition VALUES (?, ?, ?, ?, ?)" },
        { &w->undefine, "DELETE FROM definition WHERE key >= ? AND key < ?" },
    };
    enum err err = ERR_OK;

    for (size_t i = 0; i < COUNT(statements) && !err; i++)
        err = prepare(w->c, statements[i].sql, statements[i].s);
    return err;
}

static void finalize_all(struct writing *w)
{
    sqlite3_finalize(w->get_crc);
    sqlite3_finalize(w->put);
    sqlite3_finalize(w->remove);
    sqlite3_finalize(w->define);
    sqlite3_finalize(w->undefine);
}

static enum err begin_transaction(struct writing *w)
{
    struct catalogue *c = w->c;
    enum err          err = c->is_damaged ? begin_anew(c) : ERR_OK;

    if (!err)
        err = run(c, "BEGIN IMMEDIATE");
    if (!err && c->is_full)
        err = run(c, "DELETE FROM meta; DELETE FROM state; DELETE FROM definition;");
    return err ? err : read_meta(c, &w->meta);
}

static enum err put_image(struct catalogue *c)
{
    sqlite3_int64  len = 0;
    unsigned char *image = sqlite3_serialize(c->db, "main", &len, 0);
    enum err       err = image ? shard_put_checkpoint(c->shard, bytes_of(image, (size_t)len)) : ERR_IO;

    sqlite3_free(image);
    return err;
}

static void say_end_of_failure(struct catalogue *c)
{
    if (c->said != SQLITE_OK)
        diag(DIAG_WARN, "catalogue: %s: it is written again", place(c));
    c->said = SQLITE_OK;
}

static enum err write_checkpoint(struct catalogue *c)
{
    struct writing w = { .c = c };
    enum err       err = begin_transaction(&w);

    if (!err)
        err = prepare_all(&w);
    if (!err)
        err = write_steps(&w);
    if (!err)
        err = write_meta(&w);
    finalize_all(&w);
    if (!err)
        err = run(c, "COMMIT");
    if (err && !sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    c->is_damaged = err == ERR_CORRUPT;
    if (!err)
        say_end_of_failure(c);
    return err || c->path ? err : put_image(c);
}

static void catalogue_free(struct catalogue *c)
{
    buf_fini(&c->steps);
    buf_fini(&c->next);
    free(c->path);
    free(c);
}

static void *writer_main(void *arg)
{
    struct catalogue *c = arg;

    c->result = write_checkpoint(c);
    mail_post(c->shard->box, &c->mail);
    return NULL;
}

static void join_writer(struct catalogue *c)
{
    if (c->has_writer)
        pthread_join(c->writer, NULL);
    c->has_writer = false;
}

static void on_written(struct mail *mail)
{
    struct catalogue *c = CONTAINER(mail, struct catalogue, mail);

    if (c->is_closed) {
        catalogue_free(c);
        return;
    }
    join_writer(c);
    c->is_busy = false;
    c->must_be_full = c->result != ERR_OK;
    buf_fini(&c->steps);
    c->done(c->ctx, c->result, c->position);
}

bool catalogue_is_busy(const struct catalogue *c)
{
    return c->is_busy;
}

void catalogue_begin(struct catalogue *c, bool is_full)
{
    assert(!c->is_busy && (is_full || !c->must_be_full)); /* K4 */
    buf_fini(&c->steps);
    if (is_full)
        buf_fini(&c->next);
    c->steps = c->next;
    buf_init(&c->next);
    c->is_full = is_full;
}

static void add_part(struct buf *out, struct bytes b)
{
    buf_u32(out, (uint32_t)b.len);
    buf_bytes(out, b);
}

void catalogue_put(struct catalogue *c, struct bytes key, uint8_t kind, struct bytes head)
{
    buf_u8(&c->steps, STEP_PUT);
    buf_u8(&c->steps, kind);
    add_part(&c->steps, key);
    add_part(&c->steps, head);
}

static void add_remove(struct buf *out, struct bytes key)
{
    buf_u8(out, STEP_REMOVE);
    add_part(out, key);
}

void catalogue_remove(struct catalogue *c, struct bytes key)
{
    add_remove(&c->steps, key);
}

void catalogue_remove_next(struct catalogue *c, struct bytes key)
{
    add_remove(&c->next, key);
}

void catalogue_define(struct catalogue *c, struct bytes key, const char *what, struct bytes ns,
                      struct bytes name, const char *text)
{
    buf_u8(&c->steps, STEP_DEFINE);
    add_part(&c->steps, key);
    add_part(&c->steps, bytes_str(what));
    add_part(&c->steps, ns);
    add_part(&c->steps, name);
    add_part(&c->steps, bytes_str(text));
}

static void start_writer(struct catalogue *c)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all); /* signals are for the threads of the node */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    c->has_writer = pthread_create(&c->writer, NULL, writer_main, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (c->has_writer)
        return;
    c->result = ERR_LIMIT; /* no thread to be had: the next checkpoint may do better */
    mail_post(c->shard->box, &c->mail);
}

void catalogue_commit(struct catalogue *c, const struct journal *j, uint64_t position,
                      catalogue_done_fn *done, void *ctx)
{
    assert(!c->is_busy && position <= journal_durable(j)); /* K1 */
    c->is_busy = true;
    c->position = position;
    c->done = done;
    c->ctx = ctx;
    if (c->path)
        start_writer(c);
    else
        writer_main(c);
}

/* ---- the catalogue ---- */

static char *path_in(const char *dir)
{
    struct buf path;

    buf_init(&path);
    buf_printf(&path, "%s/catalogue.db", dir);
    buf_u8(&path, 0);
    return (char *)path.at;
}

enum err catalogue_open(struct catalogue **out, struct shard *shard)
{
    struct catalogue *c = mem_new(sizeof *c);
    const char       *dir = shard_directory(shard);
    enum err          err;

    c->shard = shard;
    c->path = dir ? path_in(dir) : NULL;
    c->mail.run = on_written;
    buf_init(&c->steps);
    buf_init(&c->next);
    err = c->path ? open_path(c) : open_memory(c);
    if (err == ERR_CORRUPT)
        err = begin_anew(c);
    if (err) {
        close_db(c);
        catalogue_free(c);
        return err;
    }
    *out = c;
    return ERR_OK;
}

void catalogue_close(struct catalogue *c)
{
    if (!c)
        return;
    c->is_closed = true;
    join_writer(c);
    close_db(c);
    if (!c->is_busy)
        catalogue_free(c);
}
