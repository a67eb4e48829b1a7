/* token_file.c - see token_file.h. */
#include "node/token_file.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/list.h"
#include "base/mail.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "doors/token.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 1 << 20, PIECE_BYTES = 4096 };

struct token_file {
    const char        *path;
    struct stamp       stamp;
    struct token_keys *keys; /* TF2 */
};

struct swap {
    struct mail        mail;
    struct token_file *file;
    struct token_keys *fresh;
};

/* It is read, not mapped: somebody may be writing it. */
static enum err read_file(const char *path, struct buf *out)
{
    uint8_t piece[PIECE_BYTES];
    size_t  n = 1;
    FILE   *f = fopen(path, "re");

    if (!f)
        return ERR_IO;
    while (n > 0 && out->len <= FILE_BYTES_MAX) {
        n = fread(piece, 1, sizeof piece, f);
        buf_add(out, piece, n);
    }
    n = (size_t)ferror(f);
    fclose(f);
    if (n != 0)
        return ERR_IO;
    return out->len <= FILE_BYTES_MAX ? ERR_OK : ERR_TOO_BIG;
}

static enum err read_keys(struct token_file *f, struct token_keys **out, const char **why)
{
    struct buf text;
    enum err   err;

    *why = "it cannot be read";
    f->stamp = stamp_of(f->path); /* before reading: what changes meanwhile is read once more */
    buf_init(&text);
    err = read_file(f->path, &text);
    if (err == ERR_OK)
        err = token_keys_parse(out, buf_view(&text), why);
    buf_fini(&text);
    return err;
}

enum err token_file_open(struct token_file **out, const char *path)
{
    struct token_file *f;
    const char        *why;
    enum err           err;

    *out = NULL;
    if (!path)
        return ERR_OK;
    f = mem_new(sizeof *f);
    f->path = path;
    err = read_keys(f, &f->keys, &why);
    if (err) {
        fprintf(stderr, "myna: the keys of tokens in %s: %s\n", path, why);
        free(f);
        return err;
    }
    *out = f;
    return ERR_OK;
}

void token_file_close(struct token_file *f)
{
    if (!f)
        return;
    token_keys_free(f->keys);
    free(f);
}

const struct token_keys *const *token_file_keys(const struct token_file *f)
{
    return f ? (const struct token_keys *const *)&f->keys : NULL;
}

/* On the loop. */
static void run_swap(struct mail *m)
{
    struct swap *s = CONTAINER(m, struct swap, mail);

    token_keys_free(s->file->keys);
    s->file->keys = s->fresh;
    free(s);
}

void token_file_reload(struct token_file *f, struct mailbox *loop)
{
    struct token_keys *fresh;
    struct swap       *s;
    const char        *why;

    if (!f)
        return;
    if (read_keys(f, &fresh, &why) != ERR_OK) {
        diag(DIAG_WARN, "token-keys-not-reloaded, the old ones stay in force: %s: %s", f->path, why);
        return;
    }
    s = mem_new(sizeof *s);
    *s = (struct swap){ .mail.run = run_swap, .file = f, .fresh = fresh };
    mail_post(loop, &s->mail);
    diag(DIAG_INFO, "token-keys-reloaded");
}

void token_file_refresh(struct token_file *f, struct mailbox *loop)
{
    struct stamp now = f ? stamp_of(f->path) : (struct stamp){ 0 };

    if (f && !stamp_eq(&now, &f->stamp))
        token_file_reload(f, loop);
}
