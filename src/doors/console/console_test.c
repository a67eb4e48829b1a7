/*
 * console_test.c - pages before there is an engine, and the text of metrics. (With one, from outside:
 * tests/console.js.)
 */
#include "doors/console/console.h"
#include "base/buf.h"
#include "base/mem.h"
#include "doors/console/metrics.h"
#include "net/test_peer.h"

struct site {
    struct loop        *loop;
    struct door_server *server;
    uv_timer_t          tick;
    uint16_t            port;
    unsigned            percent;
};

static unsigned progress(void *ctx)
{
    return ((struct site *)ctx)->percent;
}

static void process(void *ctx, struct process_figures *out)
{
    (void)ctx;
    *out = (struct process_figures){ 5 << 20, 1.5, 17 };
}

/* One that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t          len = sizeof at;
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void open_site(struct site *s)
{
    struct console_source source = { progress, process, s };
    struct door_env       env = { .host = "127.0.0.1", .version = "1.2.3" };

    *s = (struct site){ .port = free_port() };
    assert_int_equal(loop_new(&s->loop), ERR_OK);
    env.loop = s->loop;
    env.port = s->port;
    assert_int_equal(console_open(&s->server, &env, &source), ERR_OK);
    peer_tick_start(s->loop, &s->tick);
}

static void close_site(struct site *s)
{
    peer_tick_stop(&s->tick);
    s->server->close(s->server);
    loop_stop(s->loop);
    loop_run(s->loop);
    loop_free(s->loop);
}

/* The whole answer: the connection ends with it. */
static void get(struct site *s, const char *path, char *answer, size_t max)
{
    char   text[128];
    int    fd = peer_connect(AF_INET, s->port);
    size_t n;

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
    peer_send_str(s->loop, fd, text);
    n = peer_recv(s->loop, fd, answer, max - 1);
    answer[n] = 0;
    close(fd);
}

static void assert_ends(const char *text, const char *end)
{
    size_t len = strlen(text);

    assert_true(len >= strlen(end));
    assert_string_equal(text + len - strlen(end), end);
}

static void a_recovery_can_be_watched(void **state)
{
    struct site s;
    char        answer[4096];

    (void)state;
    open_site(&s);
    s.percent = 41;
    get(&s, "/health/live", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    get(&s, "/health/ready", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 503", 12);
    assert_ends(answer, "{\"status\":\"recovering\",\"percent\":41}\n");
    s.percent = 100; /* recovered, and the doors are not open yet */
    get(&s, "/health/ready", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 503", 12);
    assert_ends(answer, "{\"status\":\"recovering\",\"percent\":99}\n");
    close_site(&s);
}

static void metrics_come_before_an_engine(void **state)
{
    struct site s;
    char        answer[8192];

    (void)state;
    open_site(&s);
    get(&s, "/metrics", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_non_null(strstr(answer, "\nmyna_ready 0\n"));
    assert_non_null(strstr(answer, "\nmyna_build_info{version=\"1.2.3\"} 1\n"));
    assert_non_null(strstr(answer, "\nprocess_resident_memory_bytes 5242880\n"));
    assert_non_null(strstr(answer, "\nprocess_cpu_seconds_total 1.50\n"));
    assert_null(strstr(answer, "myna_topics"));
    close_site(&s);
}

static void figures_are_named_and_typed(void **state)
{
    struct tally t = { .topics = 3, .routed = 12, .ready = 5, .fates = { [FATE_ACKED] = 7 } };
    struct buf   b;

    (void)state;
    buf_init(&b);
    metrics_put_engine(&b, &t);
    buf_u8(&b, 0);
    assert_non_null(strstr((char *)b.at, "# HELP myna_topics topics\n# TYPE myna_topics gauge\n"
                                         "myna_topics 3\n"));
    assert_non_null(strstr((char *)b.at, "# TYPE myna_messages_routed_total counter\n"
                                         "myna_messages_routed_total 12\n"));
    assert_non_null(strstr((char *)b.at, "\nmyna_messages_fate_total{fate=\"acked\"} 7\n"));
    assert_non_null(strstr((char *)b.at, "\nmyna_messages_fate_total{fate=\"dead-lettered\"} 0\n"));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recovery_can_be_watched),
        cmocka_unit_test(metrics_come_before_an_engine),
        cmocka_unit_test(figures_are_named_and_typed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
