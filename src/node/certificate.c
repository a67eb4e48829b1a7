/* certificate.c - see certificate.h. */
#include "node/certificate.h"
#include "base/diag.h"
#include "net/tls.h"
#include "node/options.h"

#include <stdio.h>

enum { WHY_BYTES = 512 };

/* Half of what TLS needs is a mistake, which must not leave a door open that its owner believes to be sealed. */
static const char *missing(const struct options *o)
{
    bool has_any = o->tls_certificate || o->tls_key || o->tls_client_authorities || o->tls_clients_required;

    if (has_any && !o->tls_certificate)
        return "--tls-certificate";
    if (has_any && !o->tls_key)
        return "--tls-key";
    if (o->tls_clients_required && !o->tls_client_authorities)
        return "--tls-client-authorities";
    return NULL;
}

enum err certificate_open(struct tls **out, const struct options *o)
{
    struct tls_files files = {
        .certificate = o->tls_certificate,
        .key = o->tls_key,
        .authorities = o->tls_client_authorities,
        .clients = o->tls_clients_required     ? TLS_CLIENTS_REQUIRED
                   : o->tls_client_authorities ? TLS_CLIENTS_ASKED
                                               : TLS_CLIENTS_UNASKED,
    };
    const char *lacks = missing(o);
    char        why[WHY_BYTES];
    enum err    err;

    *out = NULL;
    if (lacks) {
        fprintf(stderr, "myna: TLS was asked for, but %s is missing\n", lacks);
        return ERR_BAD_ARGUMENT;
    }
    if (!files.certificate)
        return ERR_OK;
    err = tls_open(out, &files, why, sizeof why);
    if (err)
        fprintf(stderr, "myna: %s\n", why);
    return err;
}

void certificate_reload(struct tls *t)
{
    char why[WHY_BYTES];

    if (!t)
        return;
    if (tls_reload(t, why, sizeof why) == ERR_OK)
        diag(DIAG_INFO, "tls-reloaded");
    else
        diag(DIAG_WARN, "tls-not-reloaded, the old certificate stays in force: %s", why);
}

void certificate_refresh(struct tls *t)
{
    if (t && tls_is_stale(t))
        certificate_reload(t);
}
