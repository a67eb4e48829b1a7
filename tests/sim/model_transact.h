/*
 * model_transact.h - several calls that take effect together, all of them or none
 * (engine/transact_calls.h T1), and what one of them that is seen says of the others.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_TRANSACT_H
#define SIM_MODEL_TRANSACT_H

#include "model.h"

enum { TRANSACTION_BATCHES_MAX = 5, TRANSACTION_ENDINGS_MAX = 5 };

/* A lease that it ends. */
struct m_ending {
    struct m_queue    *queue;
    struct lease       lease;
    enum settle_action action;
    bool               gone_ok; /* it may be left out */
    enum certainty     foreseen;
};

struct m_transaction {
    struct m_transaction *next;
    uint64_t              number; /* of the call */
    enum certainty        foreseen;
    bool                  is_lost; /* the process died before it was answered */
    bool                  is_durable; /* a later call was answered by then: world.h W3 */
    size_t                batch_count;
    struct m_batch       *batches[TRANSACTION_BATCHES_MAX];
    struct m_slot        *slot; /* an offset is committed for it, too; NULL: none */
    size_t                ending_count;
    struct m_ending       endings[TRANSACTION_ENDINGS_MAX];
};

/* Kept until the world ends. */
struct m_transaction *model_new_transaction(struct model *m);
void model_free_transactions(struct model *m);
/* After a crash, when model_decide_batches has looked at each batch alone. */
void model_decide_transactions(struct model *m);

#endif
