/*
 * control.h - commands to a running broker, through a socket in its data directory.
 *
 * Whoever may open the files of the data directory may do everything to it anyway, so the system's rights on the
 * directory are all the protection there is, and all that is needed. A connection is one command: a line of JSON there,
 * a line of JSON back, with "error" and a sentence in it when it was not done.
 *
 *     {"verb": "add_user", "name": "anna", "password": "secret"}  -->  {"ok": true}
 *
 * Thread: the loop's. control_send: any, and it waits.
 */
#ifndef NODE_CONTROL_H
#define NODE_CONTROL_H

#include "net/loop.h"

#include <jansson.h>

struct control;
struct gate;

enum {
    CONTROL_BYTES_MAX = 64 * 1024, /* of a command */
    CONTROL_ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    CONTROL_WAIT_S = 30,
};

#define CONTROL_FILE "control"

/* random: unpredictable bytes. NULL: it could not be opened, which a line on stderr says; the broker does without. */
struct control *control_open(struct loop *l, struct gate *gate, const char *data,
                             void (*random)(void *at, size_t len));
/* Listens no more. NULL is nothing. */
void control_close(struct control *c);
/* When no call of it is out any more. */
void control_free(struct control *c);

/* From another process: the answer to a command; NULL: there is none, and a sentence was printed. */
json_t *control_send(const char *data, const json_t *command);

#endif
