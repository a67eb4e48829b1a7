/*
 * tls.h - the certificate, key and rules of a listener that speaks TLS, read from files.
 *
 * TLS 1.2 and 1.3, no renegotiation, no compression, OpenSSL's default ciphers. Connections take what is in force
 * when they begin (net/tls_link.h) and keep it to their end.
 *
 *   T1  A reload is all or nothing: the new files are in force when every one of them was read and the key fits the
 *       certificate; else the old ones stay, and it is said why.
 *   T2  Nothing secret is ever printed.
 *
 * Thread: any; a lock guards the one pointer that a reload changes.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ssl_ctx_st;
struct tls;

enum tls_clients {
    TLS_CLIENTS_UNASKED,
    TLS_CLIENTS_ASKED,    /* a certificate that is shown must be good; none is fine */
    TLS_CLIENTS_REQUIRED,
};

struct tls_files {
    const char      *certificate; /* PEM: the server's own first, then the rest of its chain */
    const char      *key;         /* PEM */
    const char      *authorities; /* PEM: who may have signed clients' certificates; with TLS_CLIENTS_UNASKED NULL */
    enum tls_clients clients;
};

/* The strings of files outlive the tls. On failure why says which file and what is wrong with it. */
MUST_CHECK enum err tls_open(struct tls **out, const struct tls_files *files, char *why,
                             size_t why_size);
void tls_close(struct tls *t);
/* Reads the files again (T1). */
MUST_CHECK enum err tls_reload(struct tls *t, char *why, size_t why_size);
/* Whether one of the files is another than the one read last, whether that reading succeeded or not. */
bool tls_is_stale(struct tls *t);
/* What is in force; the caller gives it back with SSL_CTX_free. */
struct ssl_ctx_st *tls_context(struct tls *t);

#endif
