/* verify.h - `myna verify`: is everything in a data directory whole? Thread: the main one. */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

/* A data directory (default ./data) on which no broker runs. Exit status 0: nothing wrong was found. */
int verify_run(int count, char **args);

#endif
