/* tls_test.c - connections that speak TLS over real loopback sockets: tls.c, tls_link.c, conn.c, listener.c. The other
 * end is OpenSSL as a client, with certificates made here. */
#include "net/tls.h"
#include "base/mem.h"
#include "net/conn.h"
#include "net/test_peer.h"
#include "net/tls_link.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

enum { LARGE_BYTES = 9 * 1000 * 1000, YEAR_S = 365 * 24 * 3600 };

/* ---- certificates ---- */

struct identity {
    EVP_PKEY *key;
    X509     *certificate;
};

static char folder[64];

static const char *file(const char *name)
{
    static char paths[8][128];
    static int  next;

    next = (next + 1) % 8;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static void save(const char *path, void (*fn)(FILE *f, const struct identity *id),
                 const struct identity *id)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fn(f, id);
    fclose(f);
}

static void put_certificate(FILE *f, const struct identity *id)
{
    PEM_write_X509(f, id->certificate);
}

static void put_key(FILE *f, const struct identity *id)
{
    PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL);
}

static void put_text(FILE *f, const struct identity *id)
{
    (void)id;
    fputs("not a certificate\n", f);
}

/* Signed by `by`, or by itself. */
static struct identity identity_new(const char *name, const struct identity *by)
{
    struct identity id = { EVP_EC_gen("P-256"), X509_new() };
    X509_NAME      *subject = X509_get_subject_name(id.certificate);
    const struct identity *signer = by ? by : &id;
    X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
                                             by ? "CA:FALSE" : "critical,CA:TRUE");

    X509_set_version(id.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id.certificate), (long)time(NULL));
    X509_gmtime_adj(X509_getm_notBefore(id.certificate), -YEAR_S);
    X509_gmtime_adj(X509_getm_notAfter(id.certificate), YEAR_S);
    X509_set_pubkey(id.certificate, id.key);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Test", -1, -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(id.certificate, X509_get_subject_name(signer->certificate));
    X509_add_ext(id.certificate, ca, -1);
    X509_EXTENSION_free(ca);
    assert_true(X509_sign(id.certificate, signer->key, EVP_sha256()) > 0);
    return id;
}

static void identity_free(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->certificate);
}

static struct identity server, other, orders;

static int make_files(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/myna-tls-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    server = identity_new("localhost", NULL);
    other = identity_new("other", NULL);
    orders = identity_new("orders", &other);
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = { "certificate", "key", "authorities" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        unlink(file(names[i]));
    rmdir(folder);
    identity_free(&server);
    identity_free(&other);
    identity_free(&orders);
    return 0;
}

/* ---- a door that echoes ---- */

struct door {
    struct loop     *loop;
    struct listener *listener;
    struct tls      *tls;
    uv_timer_t       tick;
    struct conn     *conn; /* the newest */
    size_t           opened_count, closed_count;
    size_t           got;
    size_t           closes_at; /* bytes received, 0: never */
    size_t           pauses_at;
    char             certificate[TLS_NAME_BYTES_MAX];
};

static void *on_opened(struct conn *c, void *ctx)
{
    struct door *d = ctx;
    struct bytes name = conn_certificate(c);

    d->opened_count++;
    d->conn = c;
    assert_true(conn_is_sealed(c));
    memcpy(d->certificate, name.at ? (const char *)name.at : "", name.len);
    d->certificate[name.len] = 0;
    return d;
}

static size_t on_received(void *self, struct slice in)
{
    struct door *d = self;

    conn_send(d->conn, slice_hold(in));
    d->got += in.bytes.len;
    if (d->pauses_at > 0 && d->got >= d->pauses_at) {
        d->pauses_at = 0;
        conn_pause(d->conn);
    }
    if (d->closes_at > 0 && d->got >= d->closes_at)
        conn_close(d->conn);
    return in.bytes.len;
}

static void on_closed(void *self)
{
    struct door *d = self;

    d->closed_count++;
    d->conn = NULL;
}

static const struct conn_ops ops = { on_opened, on_received, NULL, on_closed, NULL };

static struct tls_files files_of(enum tls_clients clients)
{
    return (struct tls_files){ file("certificate"), file("key"),
                               clients == TLS_CLIENTS_UNASKED ? NULL : file("authorities"), clients };
}

static void open_door(struct door *d, enum tls_clients clients)
{
    struct tls_files files = files_of(clients);
    char             why[256];

    save(files.certificate, put_certificate, &server);
    save(files.key, put_key, &server);
    if (files.authorities)
        save(files.authorities, put_certificate, &other);
    *d = (struct door){ 0 };
    assert_int_equal(tls_open(&d->tls, &files, why, sizeof why), ERR_OK);
    assert_int_equal(loop_new(&d->loop), ERR_OK);
    assert_int_equal(listener_open(&d->listener, d->loop, "localhost", 0, &ops, d), ERR_OK);
    listener_seal(d->listener, d->tls);
    peer_tick_start(d->loop, &d->tick);
}

static void close_door(struct door *d)
{
    peer_tick_stop(&d->tick);
    loop_stop(d->loop);
    loop_run(d->loop);
    assert_int_equal(d->closed_count, d->opened_count);
    listener_close(d->listener);
    loop_free(d->loop);
    tls_close(d->tls);
}

/* ---- a client ---- */

struct client {
    struct door *door;
    SSL_CTX     *context;
    SSL         *ssl;
    int          fd;
};

static struct client client_open(struct door *d, const struct identity *id, int version)
{
    struct client c = { .door = d, .context = SSL_CTX_new(TLS_client_method()) };

    if (version) {
        SSL_CTX_set_min_proto_version(c.context, version);
        SSL_CTX_set_max_proto_version(c.context, version);
    }
    SSL_CTX_set_security_level(c.context, 0);
    if (id) {
        SSL_CTX_use_certificate(c.context, id->certificate);
        SSL_CTX_use_PrivateKey(c.context, id->key);
    }
    c.ssl = SSL_new(c.context);
    c.fd = peer_connect(AF_INET, listener_port(d->listener));
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    SSL_set_fd(c.ssl, c.fd);
    SSL_set_connect_state(c.ssl);
    return c;
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
}

/* Goes on while OpenSSL only waits; its last word otherwise. */
static bool goes_on(struct client *c, int rc)
{
    int what = SSL_get_error(c->ssl, rc);

    if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE)
        return false;
    loop_turn(c->door->loop);
    return true;
}

static bool client_shake(struct client *c)
{
    int rc;

    do {
        ERR_clear_error();
        rc = SSL_do_handshake(c->ssl);
    } while (rc != 1 && goes_on(c, rc));
    return rc == 1;
}

static void client_send(struct client *c, const uint8_t *at, size_t len)
{
    while (len > 0) {
        size_t n = 0;
        int    rc = SSL_write_ex(c->ssl, at, len < 65536 ? len : 65536, &n);

        assert_true(rc == 1 || goes_on(c, rc));
        at += n;
        len -= n;
    }
}

/* Until len bytes are there, or the other end says it is over; how many. */
static size_t client_receive(struct client *c, uint8_t *at, size_t len)
{
    size_t have = 0;

    while (have < len) {
        size_t n = 0;
        int    rc = SSL_read_ex(c->ssl, at + have, len - have, &n);

        if (rc != 1 && !goes_on(c, rc))
            break;
        have += n;
    }
    return have;
}

static bool is_closed(void *d)
{
    return ((struct door *)d)->closed_count > 0;
}

static bool is_opened(void *d)
{
    return ((struct door *)d)->opened_count > 0;
}

static void assert_echoes(struct client *c)
{
    uint8_t got[6];

    client_send(c, (const uint8_t *)"hello", 5);
    assert_int_equal(client_receive(c, got, 5), 5);
    assert_memory_equal(got, "hello", 5);
}

/* Ends when the other end is closed, without a reset. */
static void drain(struct door *d, int fd)
{
    char scratch[4096];

    while (peer_recv(d->loop, fd, scratch, sizeof scratch) == sizeof scratch)
        ;
}

/* ---- tests ---- */

static void both_versions_echo(void **state)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct door   d;
        struct client c;

        open_door(&d, TLS_CLIENTS_UNASKED);
        c = client_open(&d, NULL, versions[i]);
        assert_true(client_shake(&c));
        assert_int_equal(SSL_version(c.ssl), versions[i]);
        assert_echoes(&c);
        assert_string_equal(d.certificate, "");
        client_close(&c);
        peer_drive(d.loop, is_closed, &d);
        close_door(&d);
    }
}

static void older_versions_are_refused(void **state)
{
    struct door   d;
    struct client c;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    c = client_open(&d, NULL, TLS1_1_VERSION);
    assert_false(client_shake(&c));
    assert_int_equal(d.opened_count, 0);
    client_close(&c);
    close_door(&d);
}

/* More than fits the socket, and a pause of the door in its middle. */
static void large_transfers_arrive_whole(void **state)
{
    uint8_t      *sent = mem_new(LARGE_BYTES);
    uint8_t      *got = mem_new(LARGE_BYTES);
    struct door   d;
    struct client c;
    size_t        half = LARGE_BYTES / 2;

    (void)state;
    for (size_t i = 0; i < LARGE_BYTES; i++)
        sent[i] = (uint8_t)(i * 2654435761u >> 24);
    open_door(&d, TLS_CLIENTS_UNASKED);
    c = client_open(&d, NULL, 0);
    assert_true(client_shake(&c));
    d.pauses_at = 100 * 1000;
    client_send(&c, sent, 200 * 1000);
    assert_int_equal(client_receive(&c, got, 100 * 1000), 100 * 1000);
    assert_in_range(d.got, 100 * 1000, 200 * 1000 - 1);
    conn_resume(d.conn);
    assert_int_equal(client_receive(&c, got + 100 * 1000, 100 * 1000), 100 * 1000);
    for (size_t at = 200 * 1000; at < LARGE_BYTES; at += half) {
        size_t n = LARGE_BYTES - at < half ? LARGE_BYTES - at : half;

        client_send(&c, sent + at, n);
        assert_int_equal(client_receive(&c, got + at, n), n);
    }
    assert_memory_equal(sent, got, LARGE_BYTES);
    client_close(&c);
    close_door(&d);
    free(sent);
    free(got);
}

/* Everything queued, then close_notify, then the end: the client can tell that nothing is missing. */
static void closing_says_so(void **state)
{
    uint8_t      *sent = mem_new(LARGE_BYTES);
    struct door   d;
    struct client c;
    uint8_t       one;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    c = client_open(&d, NULL, 0);
    assert_true(client_shake(&c));
    d.closes_at = 300 * 1000;
    client_send(&c, sent, 300 * 1000);
    assert_int_equal(client_receive(&c, sent, 300 * 1000), 300 * 1000);
    assert_int_equal(client_receive(&c, &one, 1), 0);
    assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    client_close(&c);
    peer_drive(d.loop, is_closed, &d);
    close_door(&d);
    free(sent);
}

static void the_clients_close_notify_ends_it(void **state)
{
    struct door   d;
    struct client c;
    uint8_t       one;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    c = client_open(&d, NULL, 0);
    assert_true(client_shake(&c));
    assert_echoes(&c);
    SSL_shutdown(c.ssl);
    assert_int_equal(client_receive(&c, &one, 1), 0);
    assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    peer_drive(d.loop, is_closed, &d);
    client_close(&c);
    close_door(&d);
}

/* The first two look like nothing to OpenSSL, the third like a record of a version that never was. */
static void plain_bytes_are_refused(void **state)
{
    static const char *const plain[] = { "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                         "AMQP\x00\x00\x09\x01 and more", "\x16\x09\x01\x01\x01 and much more" };
    struct door d;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    for (size_t i = 0; i < COUNT(plain); i++) {
        int fd = peer_connect(AF_INET, listener_port(d.listener));

        peer_send(d.loop, fd, plain[i], 16);
        drain(&d, fd);
        close(fd);
    }
    assert_int_equal(d.opened_count, 0);
    close_door(&d);
}

static void clients_show_certificates(void **state)
{
    struct door   d;
    struct client c;

    (void)state;
    open_door(&d, TLS_CLIENTS_ASKED);
    c = client_open(&d, &orders, 0);
    assert_true(client_shake(&c));
    assert_echoes(&c);
    assert_string_equal(d.certificate, "CN=orders,O=Test");
    client_close(&c);
    c = client_open(&d, NULL, 0);
    assert_true(client_shake(&c));
    assert_echoes(&c);
    assert_string_equal(d.certificate, "");
    client_close(&c);
    close_door(&d);
}

/* In TLS 1.3 a client believes it has shaken hands before it hears that its certificate is bad. */
static void bad_certificates_of_clients_are_refused(void **state)
{
    const struct identity *const bad[] = { NULL, &server };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct door   d;
        struct client c;
        uint8_t       one;

        open_door(&d, TLS_CLIENTS_REQUIRED);
        c = client_open(&d, bad[i], TLS1_3_VERSION);
        if (client_shake(&c))
            assert_int_equal(client_receive(&c, &one, 1), 0);
        client_close(&c);
        c = client_open(&d, bad[i], TLS1_2_VERSION);
        assert_false(client_shake(&c));
        client_close(&c);
        assert_int_equal(d.opened_count, 0);
        close_door(&d);
    }
}

/* N half-open handshakes are there; the next pushes out the oldest, and a real client gets in. */
static void half_open_handshakes_keep_nobody_out(void **state)
{
    struct door   d;
    struct client c;
    int           fds[CONN_SHAKING_MAX];
    char          one;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = peer_connect(AF_INET, listener_port(d.listener));
        peer_send(d.loop, fds[i], "\x16\x03\x01", 3);
        loop_turn(d.loop);
    }
    c = client_open(&d, NULL, 0);
    assert_true(client_shake(&c));
    assert_echoes(&c);
    assert_int_equal(peer_recv(d.loop, fds[0], &one, 1), 0);
    assert_int_equal(recv(fds[COUNT(fds) - 1], &one, 1, MSG_DONTWAIT), -1);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    client_close(&c);
    close_door(&d);
}

static void a_handshake_has_its_time(void **state)
{
    struct door d;
    int64_t     start = peer_clock_ms();
    char        one;
    int         fd;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    fd = peer_connect(AF_INET, listener_port(d.listener));
    peer_send(d.loop, fd, "\x16\x03\x01", 3);
    assert_int_equal(peer_recv(d.loop, fd, &one, 1), 0);
    assert_true(peer_clock_ms() - start >= CONN_SHAKE_MS);
    close(fd);
    close_door(&d);
}

static void a_stranger_who_leaves_is_forgotten(void **state)
{
    struct door   d;
    struct client c;
    int           fd;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    fd = peer_connect(AF_INET, listener_port(d.listener));
    peer_send(d.loop, fd, "\x16\x03\x01", 3);
    close(fd);
    c = client_open(&d, NULL, 0);
    assert_true(client_shake(&c));
    peer_drive(d.loop, is_opened, &d);
    client_close(&c);
    close_door(&d);
    assert_int_equal(d.opened_count, 1);
}

/* TL3: each new key is answered, and a flood of them ends. */
static void a_flood_of_key_updates_ends(void **state)
{
    struct door   d;
    struct client c;
    uint8_t       one;
    int           rc = 1;

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    c = client_open(&d, NULL, TLS1_3_VERSION);
    assert_true(client_shake(&c));
    for (int i = 0; i < 100; i++) {
        SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED);
        assert_echoes(&c);
    }
    for (int i = 100; i <= TLS_KEY_UPDATES_MAX && rc == 1; i++) {
        size_t n;

        SSL_key_update(c.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
        while ((rc = SSL_write_ex(c.ssl, "x", 1, &n)) != 1 && goes_on(&c, rc))
            ;
    }
    while (client_receive(&c, &one, 1) == 1)
        ;
    peer_drive(d.loop, is_closed, &d);
    client_close(&c);
    close_door(&d);
}

/* ---- reloading ---- */

static bool shows(struct door *d, const struct identity *id)
{
    struct client c = client_open(d, NULL, 0);
    bool          is_same;

    assert_true(client_shake(&c));
    is_same = X509_cmp(SSL_get0_peer_certificate(c.ssl), id->certificate) == 0;
    client_close(&c);
    return is_same;
}

static void a_reload_is_for_new_connections(void **state)
{
    struct door   d;
    struct client before;
    char          why[256];

    (void)state;
    open_door(&d, TLS_CLIENTS_UNASKED);
    before = client_open(&d, NULL, 0);
    assert_true(client_shake(&before));
    assert_true(shows(&d, &server));
    assert_false(tls_is_stale(d.tls));
    save(file("certificate"), put_certificate, &other);
    save(file("key"), put_key, &other);
    assert_true(tls_is_stale(d.tls));
    assert_int_equal(tls_reload(d.tls, why, sizeof why), ERR_OK);
    assert_false(tls_is_stale(d.tls));
    assert_true(shows(&d, &other));
    d.conn = NULL;
    client_close(&before);
    close_door(&d);
}

/* T1: a certificate without its key, garbage, a file that is gone: what was in force stays. */
static void a_bad_reload_changes_nothing(void **state)
{
    struct door d;
    char        why[256] = "";

    (void)state;
    open_door(&d, TLS_CLIENTS_ASKED);
    save(file("certificate"), put_certificate, &other);
    assert_int_equal(tls_reload(d.tls, why, sizeof why), ERR_BAD_ARGUMENT);
    assert_non_null(strstr(why, "key"));
    assert_true(shows(&d, &server));
    save(file("certificate"), put_text, NULL);
    assert_int_equal(tls_reload(d.tls, why, sizeof why), ERR_BAD_ARGUMENT);
    save(file("certificate"), put_certificate, &server);
    save(file("authorities"), put_text, NULL);
    assert_int_equal(tls_reload(d.tls, why, sizeof why), ERR_BAD_ARGUMENT);
    assert_non_null(strstr(why, "authorities"));
    unlink(file("key"));
    assert_int_equal(tls_reload(d.tls, why, sizeof why), ERR_BAD_ARGUMENT);
    assert_true(shows(&d, &server));
    close_door(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_echo),
        cmocka_unit_test(older_versions_are_refused),
        cmocka_unit_test(large_transfers_arrive_whole),
        cmocka_unit_test(closing_says_so),
        cmocka_unit_test(the_clients_close_notify_ends_it),
        cmocka_unit_test(plain_bytes_are_refused),
        cmocka_unit_test(clients_show_certificates),
        cmocka_unit_test(bad_certificates_of_clients_are_refused),
        cmocka_unit_test(half_open_handshakes_keep_nobody_out),
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(a_stranger_who_leaves_is_forgotten),
        cmocka_unit_test(a_flood_of_key_updates_ends),
        cmocka_unit_test(a_reload_is_for_new_connections),
        cmocka_unit_test(a_bad_reload_changes_nothing),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
