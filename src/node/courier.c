/* courier.c - see courier.h. */
#include "node/courier.h"

#include <assert.h>
#include <stdlib.h>

struct courier {
    struct gate      gate;
    struct loop     *loop;
    struct worker   *worker;
    struct loop_task leave; /* at the end of the turn, when there is something */
    struct mail     *first;
    struct mail     *last;
};

static void on_leave(struct loop_task *t)
{
    struct courier *c = CONTAINER(t, struct courier, leave);
    struct mail    *first = c->first;

    c->first = NULL;
    worker_submit(c->worker, first, c->last);
}

static void submit(struct gate *g, struct call *call)
{
    struct courier *c = CONTAINER(g, struct courier, gate);

    worker_address(c->worker, call);
    if (c->first) {
        c->last->next = &call->mail;
    } else {
        c->first = &call->mail;
        loop_later(c->loop, &c->leave);
    }
    c->last = &call->mail;
}

static bool is_full(struct gate *g)
{
    return worker_is_full(CONTAINER(g, struct courier, gate)->worker);
}

struct courier *courier_new(struct loop *l, struct worker *w)
{
    struct courier *c = mem_new(sizeof *c);

    c->gate.submit = submit;
    c->gate.is_full = is_full;
    atomic_init(&c->gate.sessions, 0);
    c->loop = l;
    c->worker = w;
    c->leave.run = on_leave;
    return c;
}

void courier_free(struct courier *c)
{
    if (!c)
        return;
    assert(!c->first);
    free(c);
}

struct gate *courier_gate(struct courier *c)
{
    return &c->gate;
}
