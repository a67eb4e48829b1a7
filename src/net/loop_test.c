/* loop_test.c - turns, tasks, timers, mails from other threads. */
#include "net/loop.h"
#include "base/mem.h"
#include "net/test_peer.h"

#include <pthread.h>
#include <stdatomic.h>

struct rig {
    struct loop *loop;
    uv_timer_t   tick;
    int          count;
    int64_t      at_ms[3];
};

static void open_rig(struct rig *r)
{
    *r = (struct rig){ 0 };
    assert_int_equal(loop_new(&r->loop), ERR_OK);
    peer_tick_start(r->loop, &r->tick);
}

static void close_rig(struct rig *r)
{
    peer_tick_stop(&r->tick);
    loop_stop(r->loop);
    loop_run(r->loop);
    loop_free(r->loop);
}

struct test_task {
    struct loop_task task;
    struct rig      *rig;
    bool             again;
};

static void on_task(struct loop_task *t)
{
    struct test_task *tt = CONTAINER(t, struct test_task, task);

    tt->rig->count++;
    if (tt->again)
        loop_later(tt->rig->loop, t);
}

static void a_task_runs_once_at_the_end_of_the_turn(void **state)
{
    struct rig       r;
    struct test_task t = { .task.run = on_task, .rig = &r };

    (void)state;
    open_rig(&r);
    loop_later(r.loop, &t.task);
    loop_later(r.loop, &t.task);
    assert_int_equal(r.count, 0);
    loop_turn(r.loop);
    loop_turn(r.loop);
    assert_int_equal(r.count, 1);
    loop_later(r.loop, &t.task);
    loop_cancel(&t.task);
    loop_turn(r.loop);
    assert_int_equal(r.count, 1);
    close_rig(&r);
}

/* L2: it runs again and again without a tick of the clock, and the loop still gets to its other work. */
static void a_task_that_feeds_itself_neither_blocks_nor_hogs(void **state)
{
    struct rig       r;
    struct test_task t = { .task.run = on_task, .rig = &r, .again = true };

    (void)state;
    open_rig(&r);
    loop_later(r.loop, &t.task);
    for (int i = 1; i <= 10; i++) {
        int before = r.count;

        loop_turn(r.loop);
        assert_in_range(r.count - before, 1, 8);
    }
    t.again = false;
    loop_turn(r.loop);
    loop_cancel(&t.task);
    close_rig(&r);
}

struct test_timer {
    struct timer timer;
    struct rig  *rig;
};

static void on_timer(struct timer *t, int64_t now_ms)
{
    struct test_timer *tt = CONTAINER(t, struct test_timer, timer);

    assert_true(now_ms >= t->due_ms);
    tt->rig->at_ms[tt->rig->count++] = t->due_ms;
}

static bool have_fired(void *arg)
{
    return ((struct rig *)arg)->count == 3;
}

static void timers_fire_in_order_and_not_early(void **state)
{
    static const int64_t waits_ms[] = { 30, 1, 15 };
    struct test_timer    t[3];
    struct rig           r;
    int64_t              now_ms;

    (void)state;
    open_rig(&r);
    loop_turn(r.loop);
    now_ms = loop_now_ms(r.loop);
    for (int i = 0; i < 3; i++) {
        t[i] = (struct test_timer){ .timer.fire = on_timer, .rig = &r };
        timer_start(loop_timers(r.loop), &t[i].timer, now_ms + waits_ms[i]);
    }
    peer_drive(r.loop, have_fired, &r);
    assert_int_equal(r.at_ms[0], now_ms + 1);
    assert_int_equal(r.at_ms[1], now_ms + 15);
    assert_int_equal(r.at_ms[2], now_ms + 30);
    close_rig(&r);
}

/* A timer moved to a later moment must not fire at the old one, nor be forgotten. */
static void a_timer_can_be_moved(void **state)
{
    struct rig        r;
    struct test_timer t = { .timer.fire = on_timer, .rig = &r };
    int64_t           now_ms;

    (void)state;
    open_rig(&r);
    now_ms = loop_now_ms(r.loop);
    timer_start(loop_timers(r.loop), &t.timer, now_ms + 5);
    loop_turn(r.loop);
    if (r.count == 0)
        timer_start(loop_timers(r.loop), &t.timer, now_ms + 40);
    while (r.count == 0)
        loop_turn(r.loop);
    assert_true(loop_now_ms(r.loop) >= r.at_ms[0]);
    close_rig(&r);
}

enum { SENDERS = 3, MAILS = 2000 };

struct test_mail {
    struct mail  mail;
    struct post *post;
    int          number;
};

struct post {
    struct loop     *loop;
    pthread_t        thread;
    int              next; /* the loop's thread counts what arrives */
    atomic_int      *left;
    struct test_mail mails[MAILS];
};

static void on_mail(struct mail *m)
{
    struct test_mail *tm = CONTAINER(m, struct test_mail, mail);

    assert_int_equal(tm->number, tm->post->next);
    tm->post->next++;
    if (atomic_fetch_sub(tm->post->left, 1) == 1)
        loop_stop(tm->post->loop);
}

static void *send_mails(void *arg)
{
    struct post *p = arg;

    for (int i = 0; i < MAILS; i++) {
        p->mails[i] = (struct test_mail){ { NULL, on_mail }, p, i };
        mail_post(loop_mailbox(p->loop), &p->mails[i].mail);
    }
    return NULL;
}

static void mails_of_many_threads_arrive_in_order(void **state)
{
    struct post *posts = mem_new(SENDERS * sizeof *posts);
    atomic_int   left;
    struct rig   r;

    (void)state;
    open_rig(&r);
    atomic_init(&left, SENDERS * MAILS);
    for (int i = 0; i < SENDERS; i++) {
        posts[i].loop = r.loop;
        posts[i].left = &left;
        pthread_create(&posts[i].thread, NULL, send_mails, &posts[i]);
    }
    loop_run(r.loop); /* the last mail stops it */
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(posts[i].thread, NULL);
        assert_int_equal(posts[i].next, MAILS);
    }
    peer_tick_stop(&r.tick);
    loop_free(r.loop);
    free(posts);
}

static void *stop_it(void *loop)
{
    loop_stop(loop);
    loop_stop(loop);
    return NULL;
}

static void any_thread_may_stop_the_loop(void **state)
{
    struct rig r;
    pthread_t  thread;

    (void)state;
    open_rig(&r);
    pthread_create(&thread, NULL, stop_it, r.loop);
    loop_run(r.loop);
    pthread_join(thread, NULL);
    assert_true(loop_is_stopping(r.loop));
    peer_tick_stop(&r.tick);
    loop_free(r.loop);
}

/* ---- jobs ---- */

struct counted {
    struct loop_job job;
    struct loop    *loop;
    pthread_t       ran_on;
    int            *done;
    int             place;
};

static void run_counted(struct loop_job *j)
{
    CONTAINER(j, struct counted, job)->ran_on = pthread_self();
}

static void end_counted(struct loop_job *j)
{
    struct counted *c = CONTAINER(j, struct counted, job);

    c->place = ++*c->done;
}

static void jobs_run_elsewhere_one_after_the_other(void **state)
{
    struct counted jobs[5];
    struct loop   *l;
    int            done = 0;

    (void)state;
    assert_int_equal(loop_new(&l), ERR_OK);
    assert_false(loop_has_jobs(l));
    for (size_t i = 0; i < COUNT(jobs); i++) {
        jobs[i] = (struct counted){ .job = { .run = run_counted, .done = end_counted }, .done = &done };
        loop_offload(l, &jobs[i].job);
    }
    assert_true(loop_has_jobs(l));
    while (loop_has_jobs(l))
        loop_turn(l);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        assert_int_equal(jobs[i].place, i + 1);
        assert_false(pthread_equal(jobs[i].ran_on, pthread_self()));
    }
    loop_free(l);
}

static void a_loop_that_stops_ends_its_jobs_first(void **state)
{
    struct counted jobs[2];
    struct loop   *l;
    int            done = 0;

    (void)state;
    assert_int_equal(loop_new(&l), ERR_OK);
    loop_stop(l);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        jobs[i] = (struct counted){ .job = { .run = run_counted, .done = end_counted }, .done = &done };
        loop_offload(l, &jobs[i].job);
    }
    loop_run(l);
    assert_int_equal(done, 2);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_elsewhere_one_after_the_other),
        cmocka_unit_test(a_loop_that_stops_ends_its_jobs_first),
        cmocka_unit_test(a_task_runs_once_at_the_end_of_the_turn),
        cmocka_unit_test(a_task_that_feeds_itself_neither_blocks_nor_hogs),
        cmocka_unit_test(timers_fire_in_order_and_not_early),
        cmocka_unit_test(a_timer_can_be_moved),
        cmocka_unit_test(mails_of_many_threads_arrive_in_order),
        cmocka_unit_test(any_thread_may_stop_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
