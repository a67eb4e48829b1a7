/*
 * catalogue.c - see catalogue.h. Tables:
 *
 *     checkpoint  one row: position, epoch, changes (how many), crc (K2)
 *     change      n, kind, head: what leads to the state
 *     definition  what, namespace, name, text: for people; never read by the program
 *
 * application_id is "Myna", user_version the version of this layout. What is added between begin
 * and commit lies in one buffer, which is also what the CRC is taken over:
 *
 *     kind u8 | head bytes u32 | head      again and again
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

enum { CATALOGUE_VERSION = 1, APPLICATION_ID = 0x4d796e61 };

static const char schema[] =
    "BEGIN;"
    "PRAGMA application_id = 1299803745;"
    "PRAGMA user_version = 1;"
    "CREATE TABLE checkpoint (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, changes INTEGER NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE change (n INTEGER PRIMARY KEY, kind INTEGER NOT NULL, head BLOB NOT NULL);"
    "CREATE TABLE definition (what TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY (what, namespace, name)) WITHOUT ROWID;"
    "COMMIT;";

_Static_assert(APPLICATION_ID == 1299803745 && CATALOGUE_VERSION == 1, "the schema says so, too");

struct catalogue {
    struct shard      *shard;
    char              *path; /* NULL: in memory */
    sqlite3           *db;
    struct buf         changes;
    struct buf         definitions; /* what, ns, name, text, each u32 length and bytes */
    uint64_t           position;
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

static enum err failed(struct catalogue *c, int code)
{
    diag(DIAG_WARN, "catalogue: %s: %s", c->path ? c->path : "(in memory)",
         c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(code));
    switch (code & 0xff) {
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
    return version > CATALOGUE_VERSION ? ERR_NEWER_FORMAT : ERR_OK;
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
    err = run(c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
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

static enum err read_changes(struct catalogue *c)
{
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "SELECT kind, head FROM change ORDER BY n", &s);
    int           code = SQLITE_DONE;

    buf_clear(&c->changes);
    while (!err && (code = sqlite3_step(s)) == SQLITE_ROW)
        catalogue_add(c, (uint8_t)sqlite3_column_int(s, 0),
                      bytes_of(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1)));
    if (!err && code != SQLITE_DONE)
        err = failed(c, code);
    sqlite3_finalize(s);
    return err;
}

/* Fills c->changes and c->position; both empty when there is no checkpoint. */
static enum err read_checkpoint(struct catalogue *c)
{
    int64_t  count = 0;
    int64_t  position = 0;
    int64_t  crc = 0;
    enum err err = get_number(c, "SELECT count(*) FROM checkpoint", &count);

    if (!err)
        err = get_number(c, "SELECT position FROM checkpoint", &position);
    if (!err)
        err = get_number(c, "SELECT crc FROM checkpoint", &crc);
    if (!err)
        err = read_changes(c);
    if (!err && count > 0 && crc != crc32c(0, c->changes.at, c->changes.len))
        err = ERR_CORRUPT;
    if (err || count == 0)
        buf_clear(&c->changes);
    c->position = err ? 0 : (uint64_t)position;
    return err;
}

enum err catalogue_load(struct catalogue *c, catalogue_load_fn *fn, void *ctx, uint64_t *position)
{
    struct rd r;
    enum err  err = read_checkpoint(c);

    if (err == ERR_CORRUPT)
        err = begin_anew(c);
    if (err)
        return err;
    r = rd_of(buf_view(&c->changes));
    *position = c->position;
    while (rd_left(&r) > 0 && !err) {
        uint8_t  kind = rd_u8(&r);
        uint32_t len = rd_u32(&r);

        err = fn(ctx, kind, rd_bytes(&r, len));
    }
    buf_fini(&c->changes);
    return err;
}

/* ---- writing ---- */

static enum err write_changes(struct catalogue *c, int64_t *count)
{
    struct rd     r = rd_of(buf_view(&c->changes));
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "INSERT INTO change (kind, head) VALUES (?, ?)", &s);

    for (*count = 0; rd_left(&r) > 0 && !err; ++*count) {
        uint8_t      kind = rd_u8(&r);
        uint32_t     len = rd_u32(&r);
        struct bytes head = rd_bytes(&r, len);

        sqlite3_bind_int(s, 1, kind);
        sqlite3_bind_blob64(s, 2, head.at, head.len, SQLITE_STATIC);
        err = step(c, s);
    }
    sqlite3_finalize(s);
    return err;
}

static enum err write_definitions(struct catalogue *c)
{
    struct rd     r = rd_of(buf_view(&c->definitions));
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "INSERT OR REPLACE INTO definition VALUES (?, ?, ?, ?)", &s);

    while (rd_left(&r) > 0 && !err) {
        for (int column = 1; column <= 4; column++) {
            uint32_t     len = rd_u32(&r);
            struct bytes b = rd_bytes(&r, len);

            sqlite3_bind_text64(s, column, (const char *)b.at, b.len, SQLITE_STATIC, SQLITE_UTF8);
        }
        err = step(c, s);
    }
    sqlite3_finalize(s);
    return err;
}

static enum err write_position(struct catalogue *c, int64_t count)
{
    sqlite3_stmt *s = NULL;
    enum err      err = prepare(c, "INSERT INTO checkpoint VALUES (1, ?, ?, ?, ?)", &s);

    if (err)
        return err;
    sqlite3_bind_int64(s, 1, (int64_t)c->position);
    sqlite3_bind_int64(s, 2, (int64_t)shard_epoch(c->shard));
    sqlite3_bind_int64(s, 3, count);
    sqlite3_bind_int64(s, 4, crc32c(0, c->changes.at, c->changes.len));
    err = step(c, s);
    sqlite3_finalize(s);
    return err;
}

static enum err put_image(struct catalogue *c)
{
    sqlite3_int64  len = 0;
    unsigned char *image = sqlite3_serialize(c->db, "main", &len, 0);
    enum err       err = image ? shard_put_checkpoint(c->shard, bytes_of(image, (size_t)len)) : ERR_IO;

    sqlite3_free(image);
    return err;
}

static enum err write_checkpoint(struct catalogue *c)
{
    int64_t  count = 0;
    enum err err = run(c, "BEGIN IMMEDIATE; DELETE FROM checkpoint; DELETE FROM change;"
                          "DELETE FROM definition;");

    if (!err)
        err = write_changes(c, &count);
    if (!err)
        err = write_definitions(c);
    if (!err)
        err = write_position(c, count);
    if (!err)
        err = run(c, "COMMIT");
    if (err && !sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return err || c->path ? err : put_image(c);
}

static void catalogue_free(struct catalogue *c)
{
    buf_fini(&c->changes);
    buf_fini(&c->definitions);
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
    buf_fini(&c->changes);
    buf_fini(&c->definitions);
    c->done(c->ctx, c->result, c->position);
}

bool catalogue_is_busy(const struct catalogue *c)
{
    return c->is_busy;
}

void catalogue_begin(struct catalogue *c)
{
    assert(!c->is_busy);
    buf_clear(&c->changes);
    buf_clear(&c->definitions);
}

void catalogue_add(struct catalogue *c, uint8_t kind, struct bytes head)
{
    buf_u8(&c->changes, kind);
    buf_u32(&c->changes, (uint32_t)head.len);
    buf_bytes(&c->changes, head);
}

static void add_text(struct buf *out, struct bytes b)
{
    buf_u32(out, (uint32_t)b.len);
    buf_bytes(out, b);
}

void catalogue_define(struct catalogue *c, const char *what, struct bytes ns, struct bytes name,
                      const char *text)
{
    add_text(&c->definitions, bytes_str(what));
    add_text(&c->definitions, ns);
    add_text(&c->definitions, name);
    add_text(&c->definitions, bytes_str(text));
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
    buf_init(&c->changes);
    buf_init(&c->definitions);
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
