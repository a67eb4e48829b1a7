/* http_test.c - the HTTP/1.1 server, spoken to byte by byte over loopback sockets. */
#include "net/http.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/test_peer.h"

enum { BODY_MAX = 100000 };

struct site {
    struct loop         *loop;
    struct http_server  *server;
    uv_timer_t           tick;
    struct http_request *waiting;
    struct http_request *more[8];
    size_t               more_count;
    size_t               request_count;
    size_t               gone_count;
    bool                 answers_later;
    bool                 is_closed;
};

static bool add_header(void *arg, struct bytes name, struct bytes value)
{
    struct buf *b = arg;

    buf_bytes(b, name);
    buf_str(b, "=");
    buf_bytes(b, value);
    buf_str(b, ";");
    return true;
}

/* Tells what it got: METHOD path ? query [headers] body. */
static void answer(struct http_request *r)
{
    struct http_field fields[] = { { "X-Len", { 0 } }, { "X-Bad", bytes_str("a\r\nEvil: 1") } };
    char              len[32];
    struct buf        b;

    buf_init(&b);
    buf_bytes(&b, http_method(r));
    buf_str(&b, " ");
    buf_bytes(&b, http_path(r));
    buf_str(&b, bytes_is_null(http_query(r)) ? " -" : " ?");
    buf_bytes(&b, http_query(r));
    buf_str(&b, " [");
    http_each_header(r, add_header, &b);
    buf_str(&b, "] ");
    buf_bytes(&b, http_body(r));
    snprintf(len, sizeof len, "%zu", http_body(r).len);
    fields[0].value = bytes_str(len);
    http_respond(r, 200, fields, COUNT(fields), buf_view(&b));
    buf_fini(&b);
}

static void on_request(void *ctx, struct http_request *r)
{
    struct site *s = ctx;

    s->request_count++;
    http_set_user(r, s);
    if (!s->answers_later)
        answer(r);
    else if (!s->waiting)
        s->waiting = r;
    else
        s->more[s->more_count++] = r;
}

static void on_gone(void *ctx, struct http_request *r)
{
    struct site *s = ctx;

    assert_ptr_equal(http_user(r), s);
    s->gone_count++;
    if (s->waiting == r)
        s->waiting = NULL;
}

static const struct http_ops ops = { on_request, on_gone };

static void open_site(struct site *s)
{
    struct http_limits limits = { BODY_MAX, 1, 100 };

    *s = (struct site){ 0 };
    assert_int_equal(loop_new(&s->loop), ERR_OK);
    assert_int_equal(http_server_open(&s->server, s->loop, "localhost", 0, &limits, &ops, s), ERR_OK);
    peer_tick_start(s->loop, &s->tick);
}

static void close_site(struct site *s)
{
    peer_tick_stop(&s->tick);
    loop_stop(s->loop);
    loop_run(s->loop);
    if (!s->is_closed)
        http_server_close(s->server);
    loop_free(s->loop);
}

static int client(struct site *s)
{
    return peer_connect(AF_INET, http_server_port(s->server));
}

/* One response: head up to the empty line, then as much as Content-Length says. False: the connection has ended. */
struct answer {
    char head[4096];
    char body[8192];
};

static bool receive_head(struct site *s, int fd, char *head, size_t max)
{
    size_t n = 0;

    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        assert_true(n < max - 1);
        if (peer_recv(s->loop, fd, head + n, 1) == 0)
            return false;
        n++;
    }
    head[n] = 0;
    return true;
}

static bool receive(struct site *s, int fd, struct answer *a)
{
    const char *length;
    size_t      n;

    if (!receive_head(s, fd, a->head, sizeof a->head))
        return false;
    length = strstr(a->head, "Content-Length: ");
    n = length ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    assert_true(n < sizeof a->body);
    assert_int_equal(peer_recv(s->loop, fd, a->body, n), n);
    a->body[n] = 0;
    return true;
}

static void expect(struct site *s, int fd, const char *status, const char *body)
{
    struct answer a;

    assert_true(receive(s, fd, &a));
    assert_memory_equal(a.head + 9, status, strlen(status));
    if (body)
        assert_string_equal(a.body, body);
}

static bool is_hung_up(struct site *s, int fd)
{
    char c;

    return peer_recv(s->loop, fd, &c, 1) == 0;
}

/* Until the other end closes. */
static void drain(struct site *s, int fd)
{
    char junk[1000];

    while (peer_recv(s->loop, fd, junk, sizeof junk) == sizeof junk)
        continue;
}

static bool is_waiting(void *s)
{
    return ((struct site *)s)->waiting != NULL;
}

static bool is_gone(void *s)
{
    return ((struct site *)s)->gone_count > 0;
}

static void requests_follow_each_other_on_one_connection(void **state)
{
    struct site   s;
    struct answer a;
    int           fd;

    (void)state;
    open_site(&s);
    fd = client(&s);
    peer_send_str(s.loop, fd, "GET /a%2Fb+c?x=%31&y HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\n\r\n");
    expect(&s, fd, "200", "GET /a%2Fb+c ?x=%31&y [Host=h;X-A=1;x-a=2;] ");
    peer_send_str(s.loop, fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    assert_true(receive(&s, fd, &a));
    assert_string_equal(a.body, "POST / - [Host=h;Content-Length=5;] hello");
    assert_non_null(strstr(a.head, "X-Len: 5\r\n"));
    assert_non_null(strstr(a.head, "Date: "));
    assert_null(strstr(a.head, "Evil"));
    for (int i = 0; i < 3; i++) {
        static const char *const methods[] = { "PUT", "PATCH", "DELETE" };
        char                     text[100];

        snprintf(text, sizeof text, "%s /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", methods[i]);
        peer_send_str(s.loop, fd, text);
        snprintf(text, sizeof text, "%s /p - [Host=h;Content-Length=1;] x", methods[i]);
        expect(&s, fd, "200", text);
    }
    close(fd);
    close_site(&s);
}

static void an_absolute_uri_counts_as_its_path(void **state)
{
    struct site s;
    int         fd;

    (void)state;
    open_site(&s);
    fd = client(&s);
    peer_send_str(s.loop, fd, "GET http://queue.example:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(&s, fd, "200", "GET /a ?b [Host=h;] ");
    close(fd);
    close_site(&s);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct site s;
    int         fd;

    (void)state;
    open_site(&s);
    s.answers_later = true;
    fd = client(&s);
    peer_send_str(s.loop, fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        struct http_request *r;

        peer_drive(s.loop, is_waiting, &s);
        r = s.waiting;
        s.waiting = NULL;
        answer(r);
        expect(&s, fd, "200", i ? "GET /2 - [Host=h;] " : "GET /1 - [Host=h;] ");
    }
    close(fd);
    close_site(&s);
}

static void a_chunked_body_is_joined(void **state)
{
    struct site s;
    int         fd;

    (void)state;
    open_site(&s);
    fd = client(&s);
    peer_send_str(s.loop, fd, "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    loop_turn(s.loop);
    peer_send_str(s.loop, fd, "2\r\nde\r\n0\r\n\r\n");
    expect(&s, fd, "200", "POST /c - [Host=h;Transfer-Encoding=chunked;] abcde");
    close(fd);
    close_site(&s);
}

static void a_100_is_sent_before_the_body(void **state)
{
    struct site s;
    char        head[1000];
    int         fd;

    (void)state;
    open_site(&s);
    fd = client(&s);
    peer_send_str(s.loop, fd, "PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_true(receive_head(&s, fd, head, sizeof head));
    assert_memory_equal(head, "HTTP/1.1 100", 12);
    peer_send_str(s.loop, fd, "ok");
    expect(&s, fd, "200", "PUT /e - [Host=h;Content-Length=2;Expect=100-continue;] ok");
    peer_send_str(s.loop, fd, "PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n");
    expect(&s, fd, "413", NULL);
    assert_int_equal(s.request_count, 1);
    close(fd);
    close_site(&s);
}

static void send_body(struct site *s, int fd, size_t n, bool is_chunked)
{
    char *junk = mem_new(n);
    char  line[32];

    snprintf(line, sizeof line, "%zx\r\n", n);
    if (is_chunked)
        peer_send_str(s->loop, fd, line);
    peer_send(s->loop, fd, junk, n);
    if (is_chunked)
        peer_send_str(s->loop, fd, "\r\n0\r\n\r\n");
    free(junk);
}

static void the_largest_body_passes_and_one_more_does_not(void **state)
{
    struct answer *a = mem_new(sizeof *a);
    struct site    s;
    int            fd;

    (void)state;
    open_site(&s);
    s.answers_later = true;
    fd = client(&s);
    peer_send_str(s.loop, fd, "POST /m HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    send_body(&s, fd, BODY_MAX, false);
    peer_drive(s.loop, is_waiting, &s);
    assert_int_equal(http_body(s.waiting).len, BODY_MAX);
    http_respond(s.waiting, 204, NULL, 0, (struct bytes){ 0 });
    expect(&s, fd, "204", "");
    close(fd);
    for (int chunked = 0; chunked < 2; chunked++) {
        fd = client(&s);
        peer_send_str(s.loop, fd, chunked ? "POST /m HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                          : "POST /m HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n");
        send_body(&s, fd, BODY_MAX + 1, chunked);
        expect(&s, fd, "413", NULL);
        assert_true(is_hung_up(&s, fd));
        close(fd);
    }
    assert_int_equal(s.request_count, 1);
    free(a);
    close_site(&s);
}

static void an_absurd_length_is_refused_at_once(void **state)
{
    struct site s;
    int         fd;

    (void)state;
    open_site(&s);
    fd = client(&s);
    peer_send_str(s.loop, fd, "POST /m HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\n");
    expect(&s, fd, "413", NULL);
    assert_true(is_hung_up(&s, fd));
    close(fd);
    close_site(&s);
}

static void nonsense_is_answered_with_400(void **state)
{
    static const char *const nonsense[] = {
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    };
    struct site s;

    (void)state;
    open_site(&s);
    for (size_t i = 0; i < COUNT(nonsense); i++) {
        struct answer a;
        int           fd = client(&s);

        peer_send_str(s.loop, fd, nonsense[i]);
        if (receive(&s, fd, &a))
            assert_true(a.head[9] == '4' || a.head[9] == '5');
        drain(&s, fd);
        close(fd);
    }
    assert_int_equal(s.request_count, 0);
    close_site(&s);
}

static void endless_headers_and_lines_are_refused(void **state)
{
    static const char *const begins[] = { "GET /", "GET / HTTP/1.1\r\nHost: h\r\nX: " };
    static const char *const statuses[] = { "414", "431" };
    struct site              s;
    char                     junk[1000];

    (void)state;
    memset(junk, 'a', sizeof junk);
    open_site(&s);
    for (size_t i = 0; i < COUNT(begins); i++) {
        struct answer a;
        int           fd = client(&s);

        peer_send_str(s.loop, fd, begins[i]);
        for (int n = 0; n < 4 * HTTP_HEAD_BYTES_MAX / 1000 && send(fd, junk, sizeof junk, MSG_NOSIGNAL) > 0; n++)
            loop_turn(s.loop);
        if (receive(&s, fd, &a))
            assert_memory_equal(a.head + 9, statuses[i], 3);
        close(fd);
    }
    assert_int_equal(s.request_count, 0);
    close_site(&s);
}

static void a_client_that_leaves_while_waiting_is_noticed(void **state)
{
    struct linger hard = { 1, 0 };
    struct site   s;
    int           fd;

    (void)state;
    open_site(&s);
    s.answers_later = true;
    for (int reset = 0; reset < 2; reset++) {
        int64_t left_at;

        fd = client(&s);
        peer_send_str(s.loop, fd, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
        peer_drive(s.loop, is_waiting, &s);
        assert_int_equal(s.gone_count, 0);
        if (reset)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        left_at = peer_clock_ms();
        peer_drive(s.loop, is_gone, &s);
        assert_true(peer_clock_ms() - left_at < 1000);
        assert_int_equal(s.gone_count, 1);
        s.gone_count = 0;
    }
    close_site(&s);
}

/* The idle limit is one second; a long poll may take longer, and the connection is good for more afterwards. */
static void waiting_is_not_idling(void **state)
{
    struct site s;
    int64_t     until;
    int         fd;

    (void)state;
    open_site(&s);
    s.answers_later = true;
    fd = client(&s);
    peer_send_str(s.loop, fd, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_drive(s.loop, is_waiting, &s);
    for (until = peer_clock_ms() + 1500; peer_clock_ms() < until;)
        loop_turn(s.loop);
    assert_int_equal(s.gone_count, 0);
    answer(s.waiting);
    expect(&s, fd, "200", "GET /long - [Host=h;] ");
    s.answers_later = false;
    peer_send_str(s.loop, fd, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(&s, fd, "200", "GET /next - [Host=h;] ");
    until = peer_clock_ms() + 1000;
    assert_true(is_hung_up(&s, fd)); /* now it idles */
    assert_true(peer_clock_ms() >= until - 300);
    close(fd);
    close_site(&s);
}

static void closing_loses_the_waiting_and_ends_the_idle(void **state)
{
    struct site s;
    int         idle, waiting;

    (void)state;
    open_site(&s);
    idle = client(&s);
    peer_send_str(s.loop, idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(&s, idle, "200", NULL);
    s.answers_later = true;
    waiting = client(&s);
    peer_send_str(s.loop, waiting, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_drive(s.loop, is_waiting, &s);
    http_server_close(s.server);
    s.is_closed = true;
    assert_int_equal(s.gone_count, 0);
    assert_true(is_hung_up(&s, idle));
    assert_true(is_hung_up(&s, waiting));
    assert_int_equal(s.gone_count, 1);
    close(idle);
    close(waiting);
    close_site(&s);
}

static void an_answer_under_way_survives_closing(void **state)
{
    enum { BYTES = 5000000 };
    struct site s;
    char       *big = mem_new(BYTES);
    char        head[1000];
    int         fd;

    (void)state;
    open_site(&s);
    s.answers_later = true;
    fd = client(&s);
    peer_send_str(s.loop, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_drive(s.loop, is_waiting, &s);
    http_respond(s.waiting, 200, NULL, 0, bytes_of(big, BYTES));
    http_server_close(s.server);
    s.is_closed = true;
    assert_true(receive_head(&s, fd, head, sizeof head));
    assert_int_equal(peer_recv(s.loop, fd, big, BYTES), BYTES);
    assert_true(is_hung_up(&s, fd));
    assert_int_equal(s.gone_count, 0);
    free(big);
    close(fd);
    close_site(&s);
}

static void stopping_the_loop_loses_the_waiting(void **state)
{
    struct site s;
    int         fds[3];

    (void)state;
    open_site(&s);
    s.answers_later = true;
    for (int i = 0; i < 3; i++) {
        fds[i] = client(&s);
        peer_send_str(s.loop, fds[i], i == 2 ? "GET / HTT" : "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    while (s.request_count < 2)
        loop_turn(s.loop);
    close_site(&s);
    assert_int_equal(s.gone_count, 2);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void more_connections_than_the_limit_wait_their_turn(void **state)
{
    struct site s;
    int         fds[110];

    (void)state;
    open_site(&s);
    for (int i = 0; i < 110; i++)
        fds[i] = client(&s);
    for (int i = 0; i < 110; i++) {
        peer_send_str(s.loop, fds[i], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        expect(&s, fds[i], "200", NULL);
        close(fds[i]);
    }
    assert_int_equal(s.request_count, 110);
    close_site(&s);
}

static void sockets_can_be_handed_over(void **state)
{
    struct site s;
    int         pair[2];

    (void)state;
    open_site(&s);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    http_server_adopt(s.server, pair[0]);
    peer_send_str(s.loop, pair[1], "GET /h HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(&s, pair[1], "200", "GET /h - [Host=h;] ");
    close(pair[1]);
    close_site(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_each_other_on_one_connection),
        cmocka_unit_test(an_absolute_uri_counts_as_its_path),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_chunked_body_is_joined),
        cmocka_unit_test(a_100_is_sent_before_the_body),
        cmocka_unit_test(the_largest_body_passes_and_one_more_does_not),
        cmocka_unit_test(an_absurd_length_is_refused_at_once),
        cmocka_unit_test(nonsense_is_answered_with_400),
        cmocka_unit_test(endless_headers_and_lines_are_refused),
        cmocka_unit_test(a_client_that_leaves_while_waiting_is_noticed),
        cmocka_unit_test(waiting_is_not_idling),
        cmocka_unit_test(closing_loses_the_waiting_and_ends_the_idle),
        cmocka_unit_test(an_answer_under_way_survives_closing),
        cmocka_unit_test(stopping_the_loop_loses_the_waiting),
        cmocka_unit_test(more_connections_than_the_limit_wait_their_turn),
        cmocka_unit_test(sockets_can_be_handed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
