/*
 * users.h - rabbitmqctl's verbs about users, as commands to a running broker (node/control.h).
 * Each returns an exit status, or -1: the arguments make no sense. Thread: the main one.
 */
#ifndef NODE_USERS_H
#define NODE_USERS_H

int users_run_add(int count, char **args);
int users_run_change_password(int count, char **args);
int users_run_tags(int count, char **args);
int users_run_delete(int count, char **args);
int users_run_list(int count, char **args);

#endif
