/* methods.h - the table of RPCs: path, messages, handler. Thread: pure, any. */
#ifndef DOORS_PUBSUB_METHODS_H
#define DOORS_PUBSUB_METHODS_H

#include "doors/pubsub/rpc.h"

/* By the whole path ("/google.pubsub.v1.Publisher/Publish"); NULL: not implemented. */
const struct rpc_method *ps_method_find(struct bytes path);
/* All of them, for tests and tools. */
const struct rpc_method *ps_methods(size_t *count);

#endif
