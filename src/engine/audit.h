/*
 * audit.h - can everything that is stored be read, and is it whole? Every log is read from its start
 * to its end the way a consumer reads it, and each batch is checked: checksum, place, order. For
 * `myna verify`, after a recovery.
 *
 * Thread: the engine's.
 */
#ifndef ENGINE_AUDIT_H
#define ENGINE_AUDIT_H

#include <stdint.h>

struct engine;

struct audit {
    /* Turns the engine until nothing is left to do. */
    void (*pump)(void *ctx);
    void (*finding)(void *ctx, const char *what);
    void    *ctx;
    uint64_t logs, batches, records, bytes; /* out */
};

void engine_audit(struct engine *e, struct audit *a);

#endif
