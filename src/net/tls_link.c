/*
 * tls_link.c - see tls_link.h. OpenSSL reads and writes through a BIO of ours: reading takes from what was fed,
 * writing appends to what is sealed, so that a turn's records leave in one system call.
 */
#include "net/tls_link.h"
#include "base/mem.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

struct tls_link {
    SSL           *ssl;
    struct pool   *pool;
    struct bytes   fed;
    struct outlet  sealed;
    unsigned       key_updates;
    bool           is_failed;
    unsigned long  why;
    struct bytes   name; /* owned */
};

/* ---- the BIO ---- */

static int bio_read(BIO *b, char *at, int size)
{
    struct tls_link *k = BIO_get_data(b);
    size_t           n = k->fed.len < (size_t)size ? k->fed.len : (size_t)size;

    BIO_clear_retry_flags(b);
    if (n == 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    memcpy(at, k->fed.at, n);
    k->fed.at += n;
    k->fed.len -= n;
    return (int)n;
}

static int bio_write(BIO *b, const char *at, int size)
{
    struct tls_link *k = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    outlet_copy(&k->sealed, k->pool, bytes_of(at, (size_t)size));
    return size;
}

static long bio_ctrl(BIO *b, int what, long number, void *at)
{
    (void)b;
    (void)number;
    (void)at;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD    *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "myna");
    if (!method)
        mem_exhausted("OpenSSL");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

/* ---- the life of a link ---- */

/* TL3. */
static void on_message(int is_ours, int version, int type, const void *at, size_t len, SSL *ssl,
                       void *ctx)
{
    struct tls_link *k = ctx;

    (void)version;
    (void)ssl;
    if (!is_ours && type == SSL3_RT_HANDSHAKE && len > 0 &&
        *(const uint8_t *)at == SSL3_MT_KEY_UPDATE)
        k->key_updates++;
}

struct tls_link *tls_link_new(struct tls *t, struct pool *pool)
{
    struct tls_link *k = mem_new(sizeof *k);
    SSL_CTX         *context = tls_context(t);
    BIO             *bio;

    pthread_once(&method_once, make_method);
    bio = BIO_new(method);
    k->ssl = SSL_new(context);
    if (!bio || !k->ssl)
        mem_exhausted("OpenSSL");
    SSL_CTX_free(context);
    k->pool = pool;
    BIO_set_data(bio, k);
    BIO_set_init(bio, 1);
    SSL_set_bio(k->ssl, bio, bio);
    SSL_set_msg_callback(k->ssl, on_message);
    SSL_set_msg_callback_arg(k->ssl, k);
    SSL_set_accept_state(k->ssl);
    return k;
}

void tls_link_free(struct tls_link *k)
{
    if (!k)
        return;
    SSL_free(k->ssl);
    outlet_fini(&k->sealed);
    free((void *)(uintptr_t)k->name.at);
    free(k);
}

/* ---- working ---- */

static enum tls_answer fail(struct tls_link *k)
{
    k->is_failed = true;
    k->why = ERR_peek_last_error();
    ERR_clear_error();
    return TLS_FAILED;
}

/* What an SSL_ call that returned less than 1 means. */
static enum tls_answer answer(struct tls_link *k, int rc)
{
    switch (SSL_get_error(k->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return k->fed.len > 0 ? fail(k) : TLS_WANTS;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        return fail(k);
    }
}

void tls_link_feed(struct tls_link *k, struct bytes sealed)
{
    k->fed = sealed;
}

/* A name that is longer than we keep is none: half of it could be somebody else's. */
static void note_name(struct tls_link *k)
{
    X509 *certificate = SSL_get0_peer_certificate(k->ssl);
    BIO  *text = certificate ? BIO_new(BIO_s_mem()) : NULL;
    char *at;
    long  len;

    if (!text)
        return;
    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    len = BIO_get_mem_data(text, &at);
    if (len > 0 && len <= TLS_NAME_BYTES_MAX)
        k->name = bytes_of(mem_copy(at, (size_t)len), (size_t)len);
    BIO_free(text);
}

enum tls_answer tls_link_shake(struct tls_link *k)
{
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(k->ssl);
    if (rc != 1)
        return answer(k, rc);
    note_name(k);
    return TLS_DONE;
}

enum tls_answer tls_link_open(struct tls_link *k, uint8_t *room, size_t size, size_t *n)
{
    int rc;

    ERR_clear_error();
    rc = SSL_read_ex(k->ssl, room, size, n);
    if (k->key_updates > TLS_KEY_UPDATES_MAX)
        return fail(k);
    return rc == 1 ? TLS_DONE : answer(k, rc);
}

/* Small slices share a record, large ones are sealed from where they are. Returns what was sealed, 0: it failed. */
static size_t seal_record(struct tls_link *k, const struct outlet *plain)
{
    uint8_t      record[TLS_RECORD_BYTES];
    struct iovec iov[OUTLET_GATHER_MAX];
    int          count = outlet_gather(plain, iov);
    struct bytes from = bytes_of(iov[0].iov_base, iov[0].iov_len);
    size_t       sealed;

    if (from.len < sizeof record && count > 1) {
        size_t len = 0;

        for (int i = 0; i < count && len < sizeof record; i++) {
            size_t room = sizeof record - len;
            size_t n = iov[i].iov_len < room ? iov[i].iov_len : room;

            memcpy(record + len, iov[i].iov_base, n);
            len += n;
        }
        from = bytes_of(record, len);
    }
    if (from.len > TLS_RECORD_BYTES)
        from.len = TLS_RECORD_BYTES;
    return SSL_write_ex(k->ssl, from.at, from.len, &sealed) == 1 ? sealed : 0;
}

bool tls_link_seal(struct tls_link *k, struct outlet *plain)
{
    ERR_clear_error();
    while (plain->bytes > 0 && k->sealed.bytes < TLS_SEALED_BYTES) {
        size_t n = k->is_failed ? 0 : seal_record(k, plain);

        if (n == 0) {
            fail(k);
            return false;
        }
        outlet_sent(plain, n);
    }
    return true;
}

void tls_link_end(struct tls_link *k)
{
    if (k->is_failed)
        return;
    ERR_clear_error();
    SSL_shutdown(k->ssl);
    ERR_clear_error();
}

struct outlet *tls_link_sealed(struct tls_link *k)
{
    return &k->sealed;
}

struct bytes tls_link_name(const struct tls_link *k)
{
    return k->name;
}

const char *tls_link_why(const struct tls_link *k)
{
    const char *text = ERR_reason_error_string(k->why);

    return text ? text : "the peer broke the protocol";
}
