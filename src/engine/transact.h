/*
 * transact.h - what a kind of call must offer to be part of a CALL_TRANSACT.
 *
 * check() says whether the call as a whole can be done now, and changes nothing that survives.
 * perform() then does it and cannot fail. It is called twice for each call: first with
 * TRANSACT_TAKE, then with TRANSACT_GIVE_BACK, which is for leases that return and for nothing else.
 * end() comes last, whether it was done or not. None of them answers the call.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_TRANSACT_H
#define ENGINE_TRANSACT_H

#include "engine/transact_calls.h"

enum transact_phase { TRANSACT_TAKE, TRANSACT_GIVE_BACK };

typedef enum err transact_check_fn(struct engine *e, struct call *c);
typedef void transact_perform_fn(struct engine *e, struct call *c, enum transact_phase phase);
/* Bytes of the batches the call brings. */
typedef uint64_t transact_bytes_fn(const struct call *c);
/* What check() noted is forgotten, batches that went nowhere are dropped. */
typedef void transact_end_fn(struct engine *e, struct call *c);

transact_check_fn   exchange_check_publish, append_check, queue_check_settle, group_check_commit;
transact_perform_fn exchange_perform_publish, append_perform, queue_perform_settle, group_perform_commit;
transact_bytes_fn   exchange_publish_bytes, append_bytes;
transact_end_fn     exchange_end_publish, append_end, queue_end_settle;

#endif
