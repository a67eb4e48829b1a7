/* call.c - making and freeing calls; see call.h. */
#include "engine/call.h"

#include <stdlib.h>

void *call_new(size_t size, enum call_kind kind, struct mailbox *home, call_done_fn *done, void *ctx)
{
    void *call = mem_new(size);

    call_init(call, kind, home, done, ctx);
    return call;
}

void call_init(struct call *c, enum call_kind kind, struct mailbox *home, call_done_fn *done, void *ctx)
{
    *c = (struct call){ .kind = kind, .home = home, .done = done, .ctx = ctx };
    list_init(&c->parked);
    list_init(&c->in_session);
}

void call_fini(struct call *c)
{
    arena_fini(&c->arena);
}

void call_free(void *call)
{
    call_fini(call);
    free(call);
}
