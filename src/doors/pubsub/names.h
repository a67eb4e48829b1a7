/*
 * names.h - resource names: projects/P/topics/T, projects/P/subscriptions/S, projects/P.
 *
 * Two strengths. A name that is looked up only has to have the right shape, so that what other doors named freely (a
 * queue "q", a topic "a b") can be reached; a name that is created must obey Pub/Sub's rule: 3 to 255 characters, a
 * letter first, then letters, digits and - _ . ~ + %, not beginning with "goog". A look-up that finds nothing under a
 * name that could not exist is answered INVALID_ARGUMENT, as the service does.
 *
 * Project P is the namespace P, and the default project (door_env.default_project) is the namespace "default".
 *
 * Thread: pure, any.
 */
#ifndef DOORS_PUBSUB_NAMES_H
#define DOORS_PUBSUB_NAMES_H

#include "base/buf.h"

enum { PS_PROJECT_BYTES_MAX = 255, PS_ID_BYTES_MAX = 255 };

enum ps_collection { PS_TOPICS, PS_SUBSCRIPTIONS };

struct ps_name {
    struct bytes full;    /* as the client wrote it */
    struct bytes project;
    struct bytes ns;      /* the project's namespace */
    struct bytes id;      /* the short name: the engine's name */
};

/* Splits a full name; everything borrows from full and default_project. False: not of this shape. */
bool ps_name_parse(const char *full, enum ps_collection collection, const char *default_project,
                   struct ps_name *out);
/* projects/P alone; id is null. */
bool ps_project_parse(const char *full, const char *default_project, struct ps_name *out);
/* The rule for new names. */
bool ps_id_is_valid(struct bytes id);
/* Appends projects/P/<collection>/ID. */
void ps_name_format(struct buf *out, struct bytes project, enum ps_collection collection, struct bytes id);
/* The sentence for a bad name. */
void ps_name_fault(struct buf *out, const char *full);

#endif
