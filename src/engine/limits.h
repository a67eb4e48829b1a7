/*
 * limits.h - how much clients may do in a time: Kafka's quotas, and what was done lately by whom.
 *
 * A quota is set for a user, for a client id, for both together or for an address, by name or as the default. Which
 * one counts for somebody is looked for in Kafka's order, most exact first, for each kind of limit by itself. Who is
 * measured together follows from it: a user's quota counts all his clients, a client id's all users who give it.
 *
 *   LI1  A rate is what was counted in the last WINDOWS windows by the time they cover, as Kafka's Rate: at least
 *        WINDOWS - 1 of them. Who is over his quota waits until the rate would be down to it again.
 *   LI2  Mutations are counted by a bucket of tokens: WINDOWS windows' worth of them may be used at once; who has less
 *        than none waits until he has some (KIP-599).
 *   LI3  Measurements take bounded memory: LIMITS_METERS_MAX of them, the one not used for longest goes first.
 *   LI4  The engine's thread sets quotas, doors count on their own threads: everything is under one lock, which is
 *        not even taken while no quota is set.
 *
 * Time is an argument, in milliseconds on any clock that does not go back. Thread: any.
 */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include "base/bytes.h"

/* On disk: a number is never used again for something else. */
enum limit {
    LIMIT_PRODUCE,     /* bytes a second */
    LIMIT_CONSUME,     /* bytes a second */
    LIMIT_REQUESTS,    /* per cent of a thread's time */
    LIMIT_MUTATIONS,   /* partitions made and deleted a second */
    LIMIT_CONNECTIONS, /* a second; of an address */
    LIMIT_COUNT
};

enum { LIMITS_WINDOWS = 11, LIMITS_WINDOW_MS = 1000, LIMITS_METERS_MAX = 50000 };

/* On disk, too: in this order. */
enum limit_part { LIMIT_OF_USER, LIMIT_OF_CLIENT, LIMIT_OF_ADDRESS, LIMIT_PART_COUNT };
enum limit_presence { LIMIT_ABSENT, LIMIT_DEFAULT, LIMIT_NAMED, LIMIT_PRESENCE_COUNT };

struct limit_entity {
    enum limit_presence presence[LIMIT_PART_COUNT];
    struct bytes        names[LIMIT_PART_COUNT]; /* of those that are named */
};

struct limits;

struct limits *limits_new(void);
void limits_free(struct limits *l);
/* 0: no such limit any more. Nothing is borrowed. */
void limits_set(struct limits *l, const struct limit_entity *entity, const double values[LIMIT_COUNT]);

struct limits_asker {
    struct bytes user, client_id;
};
/* Counts; how long he has to wait after it, in milliseconds. */
int64_t limits_count(struct limits *l, const struct limits_asker *who, enum limit limit, double amount,
                     int64_t now_ms);
/* LI2. False: he is not allowed to (only if is_strict), and nothing was counted. */
bool limits_take(struct limits *l, const struct limits_asker *who, double amount, bool is_strict,
                 int64_t now_ms, int64_t *wait_ms);
/* A connection from there. */
int64_t limits_connect(struct limits *l, struct bytes address, int64_t now_ms);
/* Is this limit set for anybody? Cheap. */
bool limits_has(const struct limits *l, enum limit limit);

#endif
