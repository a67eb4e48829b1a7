/* tls.c - see tls.h. */
#include "net/tls.h"
#include "base/stamp.h"
#include "base/bytes.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_COUNT = 3 };

/* By what a file is recognized as another one. */
struct tls {
    struct tls_files files;
    pthread_mutex_t  lock; /* of context */
    SSL_CTX         *context;
    struct stamp     stamps[FILE_COUNT];
};

/* ---- files ---- */

static const char *path(const struct tls *t, int i)
{
    const char *const paths[FILE_COUNT] = { t->files.certificate, t->files.key,
                                            t->files.authorities };

    return paths[i];
}

static void take_stamps(struct tls *t)
{
    for (int i = 0; i < FILE_COUNT; i++)
        t->stamps[i] = stamp_of(path(t, i));
}

bool tls_is_stale(struct tls *t)
{
    bool is_stale = false;

    for (int i = 0; i < FILE_COUNT; i++) {
        struct stamp now = stamp_of(path(t, i));

        is_stale |= !stamp_eq(&now, &t->stamps[i]);
    }
    return is_stale;
}

/* ---- a context ---- */

static enum err complain(const char *what, const char *file, char *why, size_t why_size)
{
    unsigned long code = ERR_peek_last_error();
    const char   *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
                                                  : ERR_reason_error_string(code);

    snprintf(why, why_size, "%s %s: %s", what, file, reason ? reason : "not usable");
    ERR_clear_error();
    return ERR_BAD_ARGUMENT;
}

/* A key that is protected by a passphrase is refused instead of asking a terminal nobody looks at. */
static int no_passphrase(char *at, int size, int is_writing, void *ctx)
{
    (void)at;
    (void)size;
    (void)is_writing;
    (void)ctx;
    return 0;
}

static void set_rules(SSL_CTX *context)
{
    static const uint8_t id[] = "myna";

    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need no memory of ours */
    SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
}

static enum err set_clients(SSL_CTX *context, const struct tls_files *f, char *why, size_t why_size)
{
    STACK_OF(X509_NAME) *names;

    if (f->clients == TLS_CLIENTS_UNASKED)
        return ERR_OK;
    names = SSL_load_client_CA_file(f->authorities);
    if (!names || SSL_CTX_load_verify_file(context, f->authorities) != 1)
        return complain("the authorities of clients in", f->authorities, why, why_size);
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context,
                       SSL_VERIFY_PEER | (f->clients == TLS_CLIENTS_REQUIRED
                                              ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                              : 0),
                       NULL);
    return ERR_OK;
}

static enum err fill(SSL_CTX *context, const struct tls_files *f, char *why, size_t why_size)
{
    ERR_clear_error();
    set_rules(context);
    if (SSL_CTX_use_certificate_chain_file(context, f->certificate) != 1)
        return complain("the certificate", f->certificate, why, why_size);
    if (SSL_CTX_use_PrivateKey_file(context, f->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return complain("the key", f->key, why, why_size);
    return set_clients(context, f, why, why_size);
}

/* ---- the life of a tls ---- */

enum err tls_reload(struct tls *t, char *why, size_t why_size)
{
    SSL_CTX *fresh = SSL_CTX_new(TLS_server_method());
    SSL_CTX *old;
    enum err err;

    if (!fresh)
        mem_exhausted("OpenSSL");
    take_stamps(t); /* before reading: what changes meanwhile is read once more */
    err = fill(fresh, &t->files, why, why_size);
    if (err) {
        SSL_CTX_free(fresh);
        return err;
    }
    pthread_mutex_lock(&t->lock);
    old = t->context;
    t->context = fresh;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old);
    return ERR_OK;
}

enum err tls_open(struct tls **out, const struct tls_files *files, char *why, size_t why_size)
{
    struct tls *t = mem_new(sizeof *t);
    enum err    err;

    t->files = *files;
    pthread_mutex_init(&t->lock, NULL);
    err = tls_reload(t, why, why_size);
    if (err) {
        tls_close(t);
        return err;
    }
    *out = t;
    return ERR_OK;
}

void tls_close(struct tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->context);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct ssl_ctx_st *tls_context(struct tls *t)
{
    SSL_CTX *context;

    pthread_mutex_lock(&t->lock);
    context = t->context;
    SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&t->lock);
    return context;
}
