/* plan.c - see plan.h. */
#include "plan.h"

#include <string.h>

static const char *const texts[] = {
#define X(name, text) [HAS_##name] = text,
    PLAN_LIST(X)
#undef X
};

const char *plan_text(enum feature f)
{
    return texts[f];
}

enum feature plan_find(const char *name)
{
    static const char *const names[] = {
#define X(name, text) #name,
        PLAN_LIST(X)
#undef X
    };
    int f = 0;

    while (f < FEATURE_COUNT && strcmp(names[f], name) != 0)
        f++;
    return (enum feature)f;
}

void plan_init(struct plan *p, const struct plan_mask *mask, struct draw *d)
{
    for (int f = 0; f < FEATURE_COUNT; f++)
        p->has[f] = draw_one_in(d, 2) && !mask->is_off[f];
    p->has[HAS_LIES] &= draw_one_in(d, 8); /* such a world ends early */
    if (!p->has[HAS_CRASH] && !p->has[HAS_STOP])
        p->has[HAS_KILL] = true;
    if (!p->has[HAS_SUBSCRIBERS] && !p->has[HAS_READERS])
        p->has[HAS_WORKERS] = true;
    p->lives = (unsigned)draw_range(d, 2, 6);
    p->steps = (unsigned)draw_range(d, 100, 700);
    p->weights[0] = (unsigned)draw_range(d, 2, 8);
    p->weights[1] = (unsigned)draw_range(d, 1, 6);
    p->weights[2] = (unsigned)draw_range(d, 1, 6);
    p->weights[3] = (unsigned)draw_range(d, 1, 6);
    p->weights[4] = (unsigned)draw_range(d, 1, 3);
}
