/*
 * command.h - what the program does besides being a broker: `myna dump ...`, `myna verify ...`. One
 * table; `myna help` is printed from it.
 *
 * Thread: the main one.
 */
#ifndef NODE_COMMAND_H
#define NODE_COMMAND_H

#include <stdbool.h>

/* Is the first argument a command rather than an option? */
bool command_is_meant(int argc, char **argv);
/* Runs it. The exit status: 0, 1 (it found something wrong, or could not look), 2 (bad usage, said
 * in one sentence). */
int command_run(int argc, char **argv);
/* Lines for --help. */
void command_help(void);

#endif
