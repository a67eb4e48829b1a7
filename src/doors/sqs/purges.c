/* purges.c - see purges.h. */
#include "doors/sqs/purges.h"
#include "base/mem.h"

#include <stdlib.h>

struct purge {
    uint64_t queue_id;
    int64_t  at_ms;
};

void purges_init(struct purges *p)
{
    idmap_init(&p->by_queue);
}

void purges_fini(struct purges *p)
{
    size_t        at = 0;
    struct purge *one;

    while ((one = idmap_next(&p->by_queue, &at)) != NULL)
        free(one);
    idmap_fini(&p->by_queue);
}

/* One that is over, or NULL. Removing moves entries, so the caller starts again after each. */
static struct purge *find_old(const struct purges *p, int64_t now_ms)
{
    size_t        at = 0;
    struct purge *one;

    while ((one = idmap_next(&p->by_queue, &at)) != NULL)
        if (now_ms - one->at_ms >= PURGE_INTERVAL_MS)
            return one;
    return NULL;
}

bool purges_begin(struct purges *p, uint64_t queue_id, int64_t now_ms)
{
    struct purge *one;

    while ((one = find_old(p, now_ms)) != NULL) {
        idmap_remove(&p->by_queue, one->queue_id);
        free(one);
    }
    if (idmap_get(&p->by_queue, queue_id))
        return false;
    one = mem_new(sizeof *one);
    *one = (struct purge){ queue_id, now_ms };
    idmap_put(&p->by_queue, queue_id, one);
    return true;
}
