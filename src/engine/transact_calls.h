/*
 * transact_calls.h - several calls that take effect together. See call.h for the rules of all.
 *
 *   T1  All of the calls take effect, in their order, or none does: also after a crash, and
 *       whatever their size (up to TRANSACT_BYTES_MAX). Leases that are given back come last.
 *   T2  Each call is checked first, against the state as it is. When one could not be done nothing
 *       is.
 *
 * The calls are CALL_PUBLISH, CALL_APPEND, CALL_SETTLE and CALL_OFFSETS_COMMIT, made as if they were
 * to be submitted; only their arguments count, and their results are filled in. They belong to the
 * engine from submit to done(), and are not answered themselves. Where an item of such a call may
 * fail on its own, here it may not: the transaction fails with its error. With settle_call.gone_ok a
 * lease that is no more does not matter. Batches of idempotent producers are not for here
 * (ERR_BAD_ARGUMENT): their sequences are checked one by one.
 */
#ifndef ENGINE_TRANSACT_CALLS_H
#define ENGINE_TRANSACT_CALLS_H

#include "engine/exchange_calls.h"
#include "engine/group_calls.h"

enum { TRANSACT_BYTES_MAX = 256 * 1024 * 1024 }; /* of the batches together */

struct transact_call {
    struct call   call; /* the error of the first one that could not be done; ERR_TOO_BIG */
    size_t        count;
    struct call **calls;
    size_t        failed; /* out, with an error: its index */
};

#endif
