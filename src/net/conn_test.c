/* conn_test.c - connections over real loopback sockets: conn.c, listener.c, acceptor.c, intake.c, outlet.c,
 * pool.c. */
#include "net/conn.h"
#include "base/mem.h"
#include "net/test_peer.h"

#include <sys/resource.h>

/* A door whose behaviour each test sets. */
struct door {
    struct loop     *loop;
    struct listener *listener;
    uv_timer_t       tick;
    struct conn     *conn; /* the newest */
    size_t (*received)(struct door *d, struct slice in);
    size_t       opened_count;
    size_t       closed_count;
    size_t       ended_count;
    size_t       writable_count;
    size_t       calls;
    size_t       frame_bytes;
    size_t       got;
    struct slice kept[64];
    size_t       kept_count;
    bool         refuses;
    bool         in_call; /* N1: closed must not come inside a conn_ call */
};

static void *on_opened(struct conn *c, void *ctx)
{
    struct door *d = ctx;

    d->opened_count++;
    d->conn = c;
    return d->refuses ? NULL : d;
}

static size_t on_received(void *self, struct slice in)
{
    struct door *d = self;

    d->calls++;
    return d->received(d, in);
}

static void on_writable(void *self)
{
    ((struct door *)self)->writable_count++;
}

static void on_closed(void *self)
{
    struct door *d = self;

    assert_false(d->in_call);
    d->closed_count++;
    d->conn = NULL;
}

static void on_ended(void *self)
{
    ((struct door *)self)->ended_count++;
}

static const struct conn_ops ops = { on_opened, on_received, on_writable, on_closed, NULL };
static const struct conn_ops half_ops = { on_opened, on_received, on_writable, on_closed, on_ended };

static size_t echo(struct door *d, struct slice in)
{
    conn_send(d->conn, slice_hold(in));
    d->got += in.bytes.len;
    return in.bytes.len;
}

static void open_door(struct door *d, const struct conn_ops *o, size_t (*received)(struct door *, struct slice))
{
    *d = (struct door){ .received = received };
    assert_int_equal(loop_new(&d->loop), ERR_OK);
    assert_int_equal(listener_open(&d->listener, d->loop, "localhost", 0, o, d), ERR_OK);
    peer_tick_start(d->loop, &d->tick);
}

static void close_door(struct door *d)
{
    for (size_t i = 0; i < d->kept_count; i++)
        slice_drop(&d->kept[i]);
    peer_tick_stop(&d->tick);
    loop_stop(d->loop);
    loop_run(d->loop);
    assert_int_equal(d->closed_count, d->refuses ? 0 : d->opened_count);
    listener_close(d->listener);
    loop_free(d->loop);
}

static bool is_opened(void *d)
{
    return ((struct door *)d)->opened_count > 0;
}

static bool is_closed(void *d)
{
    return ((struct door *)d)->closed_count > 0;
}

static bool has_ended(void *d)
{
    return ((struct door *)d)->ended_count > 0;
}

static bool was_called(void *d)
{
    return ((struct door *)d)->calls > 0;
}

static bool is_writable(void *d)
{
    return ((struct door *)d)->writable_count > 0;
}

static int connect_to(struct door *d)
{
    size_t before = d->opened_count;
    int    fd = peer_connect(AF_INET, listener_port(d->listener));

    while (d->opened_count == before)
        loop_turn(d->loop);
    return fd;
}

static void fill(uint8_t *at, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
}

static void echoes_on_both_loopbacks(void **state)
{
    struct door d;
    char        got[6] = "";
    int         fd;

    (void)state;
    open_door(&d, &ops, echo);
    for (size_t i = 0; i < (peer_has_ipv6() ? 2 : 1); i++) {
        fd = peer_connect(i ? AF_INET6 : AF_INET, listener_port(d.listener));
        peer_send_str(d.loop, fd, "hello");
        assert_int_equal(peer_recv(d.loop, fd, got, 5), 5);
        assert_string_equal(got, "hello");
        close(fd);
        while (d.closed_count <= i)
            loop_turn(d.loop);
    }
    close_door(&d);
}

/* Frames: a length of 4 bytes and so many bytes; each must come contiguous and is echoed without its length. */
static size_t frames(struct door *d, struct slice in)
{
    struct bytes b = in.bytes;
    size_t       used = 0;

    while (b.len - used >= 4) {
        size_t n = get_u32(b.at + used) + 4;

        if (b.len - used < n) {
            conn_want(d->conn, n);
            return used;
        }
        conn_send(d->conn, slice_hold(slice_of(in.block, b.at + used + 4, n - 4)));
        used += n;
        d->got++;
    }
    return used;
}

static void frames_of_all_sizes_arrive_whole(void **state)
{
    static const uint32_t sizes[] = { 0, 1, 5, 100, 4096, 16380, 16384, 16385, 40000, 65532, 65536, 65537, 200000,
                                      1048572, 1048573, 3000000, 7 };
    struct door           d;
    size_t                total = 0;
    uint8_t              *out, *back;
    int                   fd;

    (void)state;
    open_door(&d, &ops, frames);
    fd = connect_to(&d);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint8_t head[4];

        out = mem_new(sizes[i] + 1);
        back = mem_new(sizes[i] + 1);
        fill(out, sizes[i], (unsigned)i);
        put_u32(head, sizes[i]);
        peer_send(d.loop, fd, head, 4);
        peer_send(d.loop, fd, out, sizes[i]);
        assert_int_equal(peer_recv(d.loop, fd, back, sizes[i]), sizes[i]);
        assert_memory_equal(out, back, sizes[i]);
        free(out);
        free(back);
        total += sizes[i];
    }
    while (d.got < COUNT(sizes))
        loop_turn(d.loop);
    assert_int_equal(d.got, COUNT(sizes));
    assert_true(total > 0);
    close(fd);
    close_door(&d);
}

/* A wish is granted with one call, not with one per arriving piece. */
static void want_is_called_when_all_is_there(void **state)
{
    struct door d;
    uint8_t     head[4];
    uint8_t     part[1000];

    (void)state;
    open_door(&d, &ops, frames);
    int fd = connect_to(&d);
    put_u32(head, 100 * sizeof part);
    peer_send(d.loop, fd, head, 4);
    peer_drive(d.loop, was_called, &d);
    assert_int_equal(d.calls, 1);
    for (int i = 0; i < 100; i++) {
        fill(part, sizeof part, (unsigned)i);
        peer_send(d.loop, fd, part, sizeof part);
        loop_turn(d.loop);
    }
    for (int i = 0; i < 100; i++) {
        uint8_t got[sizeof part];

        assert_int_equal(peer_recv(d.loop, fd, got, sizeof got), sizeof got);
        fill(part, sizeof part, (unsigned)i);
        assert_memory_equal(part, got, sizeof got);
    }
    assert_int_equal(d.calls, 2);
    close(fd);
    close_door(&d);
}

/* The length promises 3 GiB; only as many bytes as really came may be held. */
static void a_lying_length_costs_nothing(void **state)
{
    struct rusage before, after;
    struct door   d;
    uint8_t       head[4];

    (void)state;
    open_door(&d, &ops, frames);
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 20; i++) {
        int fd = connect_to(&d);

        put_u32(head, 3u * 1024 * 1024 * 1024);
        d.calls = 0;
        peer_send(d.loop, fd, head, 4);
        peer_send(d.loop, fd, "abc", 3);
        peer_drive(d.loop, was_called, &d);
        conn_abort(d.conn);
        close(fd);
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    close_door(&d);
}

static size_t keep(struct door *d, struct slice in)
{
    if (in.bytes.len < d->frame_bytes) {
        conn_want(d->conn, d->frame_bytes);
        return 0;
    }
    d->kept[d->kept_count++] = slice_hold(slice_of(in.block, in.bytes.at, d->frame_bytes));
    return d->frame_bytes;
}

/* Slices that the door keeps are not written again while the connection goes on receiving. */
static void kept_slices_stay_as_they_are(void **state)
{
    enum { FRAMES = 60, BYTES = 5000 };
    struct door d;
    uint8_t     frame[BYTES];

    (void)state;
    open_door(&d, &ops, keep);
    d.frame_bytes = BYTES;
    int a = connect_to(&d);
    for (unsigned i = 0; i < FRAMES; i++) {
        fill(frame, BYTES, i);
        peer_send(d.loop, a, frame, i % 2 ? 100 : BYTES);
        for (int turn = 0; turn < 2; turn++)
            loop_turn(d.loop);
        if (i % 2)
            peer_send(d.loop, a, frame + 100, BYTES - 100);
        while (d.kept_count < i + 1)
            loop_turn(d.loop);
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        fill(frame, BYTES, i);
        assert_memory_equal(d.kept[i].bytes.at, frame, BYTES);
    }
    close(a);
    close_door(&d);
}

static size_t take_all(struct door *d, struct slice in)
{
    d->got += in.bytes.len;
    return in.bytes.len;
}

static void writable_comes_after_a_full_queue_drains(void **state)
{
    enum { BYTES = 20 * 1024 * 1024 };
    struct door d;
    uint8_t    *out = mem_new(BYTES);
    uint8_t    *back = mem_new(BYTES);

    (void)state;
    fill(out, BYTES, 1);
    open_door(&d, &ops, take_all);
    int fd = connect_to(&d);
    conn_send_copy(d.conn, bytes_of(out, BYTES));
    assert_int_equal(conn_queued(d.conn), BYTES);
    loop_turn(d.loop);
    assert_true(conn_queued(d.conn) > CONN_HIGH_WATER);
    assert_int_equal(d.writable_count, 0);
    assert_int_equal(peer_recv(d.loop, fd, back, BYTES), BYTES);
    assert_memory_equal(out, back, BYTES);
    peer_drive(d.loop, is_writable, &d);
    assert_int_equal(d.writable_count, 1);
    assert_int_equal(conn_queued(d.conn), 0);
    free(out);
    free(back);
    close(fd);
    close_door(&d);
}

static void many_small_sends_keep_their_order(void **state)
{
    enum { COUNT_SENT = 100000 };
    struct door d;
    uint8_t     number[4];

    (void)state;
    open_door(&d, &ops, take_all);
    int fd = connect_to(&d);
    for (uint32_t i = 0; i < COUNT_SENT; i++) {
        put_u32(number, i);
        if (i % 3)
            conn_send_copy(d.conn, bytes_of(number, 4));
        else
            conn_send(d.conn, slice_copy(bytes_of(number, 4)));
    }
    for (uint32_t i = 0; i < COUNT_SENT; i++) {
        assert_int_equal(peer_recv(d.loop, fd, number, 4), 4);
        assert_int_equal(get_u32(number), i);
    }
    close(fd);
    close_door(&d);
}

static void pause_stops_and_resume_delivers_again(void **state)
{
    struct door d;

    (void)state;
    open_door(&d, &ops, frames);
    int fd = connect_to(&d);
    conn_pause(d.conn);
    peer_send(d.loop, fd, "\0\0\0\1x", 5);
    for (int i = 0; i < 3; i++)
        loop_turn(d.loop);
    assert_int_equal(d.calls, 0);
    conn_resume(d.conn);
    peer_drive(d.loop, was_called, &d);
    assert_int_equal(d.got, 1);
    close(fd);
    close_door(&d);
}

static size_t pause_and_use_nothing(struct door *d, struct slice in)
{
    if (d->calls == 1) {
        conn_pause(d->conn);
        return 0;
    }
    d->got = in.bytes.len;
    return in.bytes.len;
}

static void resume_delivers_what_was_left_over(void **state)
{
    struct door d;

    (void)state;
    open_door(&d, &ops, pause_and_use_nothing);
    int fd = connect_to(&d);
    peer_send_str(d.loop, fd, "left over");
    peer_drive(d.loop, was_called, &d);
    conn_resume(d.conn);
    while (d.calls < 2)
        loop_turn(d.loop);
    assert_int_equal(d.got, 9);
    close(fd);
    close_door(&d);
}

static void a_paused_connection_notices_a_reset(void **state)
{
    struct linger hard = { 1, 0 };
    struct door   d;

    (void)state;
    open_door(&d, &ops, take_all);
    int fd = connect_to(&d);
    conn_pause(d.conn);
    loop_turn(d.loop);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    peer_drive(d.loop, is_closed, &d);
    close_door(&d);
}

static void the_peers_end_closes_after_the_output(void **state)
{
    struct door d;
    char        got[8];

    (void)state;
    open_door(&d, &ops, echo);
    int fd = connect_to(&d);
    peer_send_str(d.loop, fd, "last");
    shutdown(fd, SHUT_WR);
    assert_int_equal(peer_recv(d.loop, fd, got, sizeof got), 4);
    peer_drive(d.loop, is_closed, &d);
    close(fd);
    close_door(&d);
}

static void a_half_closed_peer_can_still_be_answered(void **state)
{
    struct door d;
    char        got[8];

    (void)state;
    open_door(&d, &half_ops, take_all);
    int fd = connect_to(&d);
    shutdown(fd, SHUT_WR);
    peer_drive(d.loop, has_ended, &d);
    for (int i = 0; i < 3; i++)
        loop_turn(d.loop);
    assert_int_equal(d.ended_count, 1);
    assert_int_equal(d.closed_count, 0);
    conn_send_copy(d.conn, bytes_str("late"));
    conn_close(d.conn);
    assert_int_equal(peer_recv(d.loop, fd, got, sizeof got), 4);
    peer_drive(d.loop, is_closed, &d);
    close(fd);
    close_door(&d);
}

static size_t answer_and_close(struct door *d, struct slice in)
{
    static const uint8_t big[300000];

    d->got += in.bytes.len;
    d->in_call = true;
    conn_send_copy(d->conn, bytes_of(big, sizeof big));
    conn_close(d->conn);
    conn_send_copy(d->conn, bytes_str("not sent"));
    d->in_call = false;
    return 0;
}

/* The peer has sent far more than is read; without C3 the kernel would answer with a reset and the answer be
 * lost. */
static void close_delivers_the_last_bytes(void **state)
{
    static uint8_t junk[200000], got[300001];
    struct door    d;

    (void)state;
    open_door(&d, &ops, answer_and_close);
    int fd = connect_to(&d);
    peer_send(d.loop, fd, junk, sizeof junk);
    peer_send(d.loop, fd, junk, sizeof junk);
    assert_int_equal(peer_recv(d.loop, fd, got, sizeof got), 300000);
    assert_int_equal(d.calls, 1);
    assert_int_equal(d.closed_count, 0);
    close(fd);
    peer_drive(d.loop, is_closed, &d);
    close_door(&d);
}

static void lingering_ends_by_itself(void **state)
{
    struct door d;

    (void)state;
    open_door(&d, &ops, take_all);
    int fd = connect_to(&d);
    conn_close(d.conn);
    peer_drive(d.loop, is_closed, &d);
    close(fd);
    close_door(&d);
}

static size_t abort_it(struct door *d, struct slice in)
{
    d->in_call = true;
    conn_abort(d->conn);
    conn_abort(d->conn);
    conn_send_copy(d->conn, in.bytes);
    conn_close(d->conn);
    assert_int_equal(in.bytes.at[0], 'x'); /* C2 */
    d->in_call = false;
    return in.bytes.len;
}

static void abort_inside_received_is_safe(void **state)
{
    struct door d;
    char        got[8];

    (void)state;
    open_door(&d, &ops, abort_it);
    int fd = connect_to(&d);
    peer_send_str(d.loop, fd, "xyz");
    peer_drive(d.loop, is_closed, &d);
    assert_int_equal(peer_recv(d.loop, fd, got, sizeof got), 0);
    close(fd);
    close_door(&d);
}

static void a_refused_connection_is_closed(void **state)
{
    struct door d;
    char        got[8];

    (void)state;
    open_door(&d, &ops, echo);
    d.refuses = true;
    int fd = connect_to(&d);
    assert_int_equal(peer_recv(d.loop, fd, got, sizeof got), 0);
    close(fd);
    close_door(&d);
}

static void addresses_are_told(void **state)
{
    struct conn_address local, remote;
    struct sockaddr_in  sa;
    socklen_t           len = sizeof sa;
    struct door         d;

    (void)state;
    open_door(&d, &ops, echo);
    int fd = connect_to(&d);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    conn_local(d.conn, &local);
    conn_peer(d.conn, &remote);
    assert_string_equal(local.host, "127.0.0.1");
    assert_int_equal(local.port, listener_port(d.listener));
    assert_string_equal(remote.host, "127.0.0.1");
    assert_int_equal(remote.port, ntohs(sa.sin_port));
    close(fd);
    close_door(&d);
}

static void a_port_has_one_owner(void **state)
{
    struct listener *second;
    struct door      d;

    (void)state;
    open_door(&d, &ops, echo);
    assert_int_equal(listener_open(&second, d.loop, "localhost", listener_port(d.listener), &ops, &d), ERR_BUSY);
    assert_int_equal(listener_open(&second, d.loop, "127.0.0.1", listener_port(d.listener), &ops, &d), ERR_BUSY);
    if (peer_has_ipv6())
        assert_int_equal(listener_open(&second, d.loop, "::1", listener_port(d.listener), &ops, &d), ERR_BUSY);
    assert_int_equal(listener_open(&second, d.loop, "256.1.1.1", 0, &ops, &d), ERR_BAD_ARGUMENT);
    close_door(&d);
}

/* A2: with no descriptor left the loop waits instead of spinning, and accepts when there is one again. */
static void running_out_of_descriptors_is_survived(void **state)
{
    struct rlimit old, tight;
    struct door   d;
    char          got[8] = "";
    int           turns = 0;

    (void)state;
    open_door(&d, &ops, echo);
    int fd = peer_connect(AF_INET, listener_port(d.listener));
    int next = dup(fd);
    getrlimit(RLIMIT_NOFILE, &old);
    tight = (struct rlimit){ (rlim_t)next, old.rlim_max };
    close(next);
    setrlimit(RLIMIT_NOFILE, &tight);
    for (int64_t until = peer_clock_ms() + 50; peer_clock_ms() < until; turns++)
        loop_turn(d.loop);
    assert_int_equal(d.opened_count, 0);
    assert_in_range(turns, 1, 100);
    setrlimit(RLIMIT_NOFILE, &old);
    peer_drive(d.loop, is_opened, &d);
    peer_send_str(d.loop, fd, "here");
    assert_int_equal(peer_recv(d.loop, fd, got, 4), 4);
    close(fd);
    close_door(&d);
}

/* One connection that sends without end does not keep the loop from the others. */
static void a_flood_leaves_room_for_others(void **state)
{
    static uint8_t junk[4 * 1024 * 1024];
    struct door    d;
    size_t         before;
    ssize_t        n;

    (void)state;
    open_door(&d, &ops, take_all);
    int fd = connect_to(&d);
    conn_pause(d.conn);
    loop_turn(d.loop);
    n = send(fd, junk, sizeof junk, MSG_DONTWAIT);
    assert_true(n > 0);
    conn_resume(d.conn);
    while (d.got == 0) {
        before = d.got;
        loop_turn(d.loop);
        assert_true(d.got - before <= CONN_TURN_BYTES);
    }
    close(fd);
    close_door(&d);
}

static void hundreds_of_connections_come_and_go(void **state)
{
    enum { CONNECTIONS = 400 };
    struct door d;
    int         fds[CONNECTIONS];

    (void)state;
    open_door(&d, &ops, echo);
    for (int i = 0; i < CONNECTIONS; i++)
        fds[i] = peer_connect(AF_INET, listener_port(d.listener));
    while (d.opened_count < CONNECTIONS)
        loop_turn(d.loop);
    assert_int_equal(d.opened_count, CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    while (d.closed_count < CONNECTIONS)
        loop_turn(d.loop);
    close_door(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echoes_on_both_loopbacks),
        cmocka_unit_test(frames_of_all_sizes_arrive_whole),
        cmocka_unit_test(want_is_called_when_all_is_there),
        cmocka_unit_test(a_lying_length_costs_nothing),
        cmocka_unit_test(kept_slices_stay_as_they_are),
        cmocka_unit_test(writable_comes_after_a_full_queue_drains),
        cmocka_unit_test(many_small_sends_keep_their_order),
        cmocka_unit_test(pause_stops_and_resume_delivers_again),
        cmocka_unit_test(resume_delivers_what_was_left_over),
        cmocka_unit_test(a_paused_connection_notices_a_reset),
        cmocka_unit_test(the_peers_end_closes_after_the_output),
        cmocka_unit_test(a_half_closed_peer_can_still_be_answered),
        cmocka_unit_test(close_delivers_the_last_bytes),
        cmocka_unit_test(lingering_ends_by_itself),
        cmocka_unit_test(abort_inside_received_is_safe),
        cmocka_unit_test(a_refused_connection_is_closed),
        cmocka_unit_test(addresses_are_told),
        cmocka_unit_test(a_port_has_one_owner),
        cmocka_unit_test(running_out_of_descriptors_is_survived),
        cmocka_unit_test(a_flood_leaves_room_for_others),
        cmocka_unit_test(hundreds_of_connections_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
