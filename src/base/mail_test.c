/* mail_test.c - mails arrive once and in order, and the owner is woken when the box was empty. */
#include "base/mail.h"
#include "base/list.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SENDERS = 3, LETTERS = 20000 };

struct letter {
    struct mail mail;
    int         sender;
    int         number;
};

struct world {
    struct mailbox box;
    atomic_int     wakes;
    struct letter  letters[SENDERS][LETTERS];
    struct letter  late;
};

/* run() gets nothing but the mail, so what the receiver saw is here. */
static int           next_of[SENDERS];
static struct world *posts_more;

static void wake(void *ctx)
{
    struct world *w = ctx;

    atomic_fetch_add(&w->wakes, 1);
}

static void run(struct mail *m)
{
    struct letter *l = CONTAINER(m, struct letter, mail);

    assert_int_equal(l->number, next_of[l->sender]);
    next_of[l->sender]++;
    m->next = NULL; /* the receiver may do what it likes with it */
    if (posts_more) {
        struct world *w = posts_more;

        posts_more = NULL;
        mail_post(&w->box, &w->late.mail);
    }
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    mailbox_init(&w->box, wake, w);
    for (int s = 0; s < SENDERS; s++) {
        next_of[s] = 0;
        for (int i = 0; i < LETTERS; i++)
            w->letters[s][i] = (struct letter){ { NULL, run }, s, i };
    }
    posts_more = NULL;
    return w;
}

static void world_free(struct world *w)
{
    mailbox_fini(&w->box);
    free(w);
}

static void arrives_in_order_with_one_wake(void **state)
{
    struct world *w = world_new();

    (void)state;
    assert_int_equal(mail_run(&w->box), 0);
    for (int i = 0; i < 10; i++)
        mail_post(&w->box, &w->letters[0][i].mail);
    assert_int_equal(atomic_load(&w->wakes), 1);
    assert_int_equal(mail_run(&w->box), 10);
    assert_int_equal(next_of[0], 10);
    mail_post(&w->box, &w->letters[0][10].mail);
    assert_int_equal(atomic_load(&w->wakes), 2);
    assert_int_equal(mail_run(&w->box), 1);
    world_free(w);
}

static void a_chain_is_posted_at_once(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (int i = 0; i < 9; i++)
        w->letters[1][i].mail.next = &w->letters[1][i + 1].mail;
    w->letters[1][9].mail.next = &w->letters[1][500].mail; /* not part of it */
    mail_post_chain(&w->box, &w->letters[1][0].mail, &w->letters[1][9].mail);
    assert_int_equal(mail_run(&w->box), 10);
    assert_int_equal(atomic_load(&w->wakes), 1);
    world_free(w);
}

static void what_is_posted_meanwhile_waits(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->late = (struct letter){ { NULL, run }, 0, 1 };
    posts_more = w;
    mail_post(&w->box, &w->letters[0][0].mail);
    assert_int_equal(mail_run(&w->box), 1);
    assert_int_equal(atomic_load(&w->wakes), 2);
    assert_int_equal(mail_run(&w->box), 1);
    assert_int_equal(next_of[0], 2);
    world_free(w);
}

static struct world *shared;

static void *send_all(void *arg)
{
    struct letter *letters = arg;

    for (int i = 0; i < LETTERS; i++)
        mail_post(&shared->box, &letters[i].mail);
    return NULL;
}

static void each_sender_keeps_its_order(void **state)
{
    pthread_t senders[SENDERS];
    size_t    got = 0;

    (void)state;
    shared = world_new();
    for (int s = 0; s < SENDERS; s++)
        pthread_create(&senders[s], NULL, send_all, shared->letters[s]);
    while (got < (size_t)SENDERS * LETTERS) {
        size_t n = mail_run(&shared->box);

        got += n;
        if (n == 0)
            sched_yield();
    }
    for (int s = 0; s < SENDERS; s++) {
        pthread_join(senders[s], NULL);
        assert_int_equal(next_of[s], LETTERS);
    }
    assert_true(atomic_load(&shared->wakes) >= 1);
    world_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrives_in_order_with_one_wake),
        cmocka_unit_test(a_chain_is_posted_at_once),
        cmocka_unit_test(what_is_posted_meanwhile_waits),
        cmocka_unit_test(each_sender_keeps_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
