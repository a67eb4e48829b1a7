/* recovery.c - see recovery.h. */
#include "node/recovery.h"

#include <stdio.h>

enum { TELL_MS = 1000 };

static const struct {
    const char *name;
    const char *unit;
    double      unit_size;
} stages[] = {
    [ENGINE_LOADS] = { "checkpoint", "thousand rows", 1e3 },
    [ENGINE_REPLAYS] = { "journal", "GB", 1e9 },
};

void recovery_begin(struct recovery *r, int64_t now_ms)
{
    *r = (struct recovery){ .began_ms = now_ms, .told_ms = now_ms };
}

bool recovery_note(struct recovery *r, enum engine_stage stage, uint64_t done, uint64_t all,
                   int64_t now_ms, char line[80])
{
    unsigned percent = all > done ? (unsigned)(done * 100 / all) : 99;
    double   seconds;

    if (stage != r->stage) {
        r->stage = stage;
        r->began_ms = now_ms;
    }
    /* Which stage takes how much of a start nobody knows before it is over: a half for each. */
    atomic_store(&r->percent, stage == ENGINE_LOADS ? percent / 2 : 50 + percent / 2);
    if (now_ms - r->told_ms < TELL_MS)
        return false;
    r->told_ms = now_ms;
    seconds = (double)(now_ms - r->began_ms + 1) / 1e3;
    snprintf(line, 80, "recovering: %s, %u %%, %.2f %s/s", stages[stage].name, percent,
             (double)done / stages[stage].unit_size / seconds, stages[stage].unit);
    return true;
}

void recovery_end(struct recovery *r)
{
    atomic_store(&r->percent, 100);
}

unsigned recovery_percent(const struct recovery *r)
{
    return atomic_load(&r->percent);
}
