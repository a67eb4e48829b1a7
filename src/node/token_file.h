/*
 * token_file.h - the keys that sign tokens (doors/token.h), from a file: read at the start, and again
 * on SIGHUP and when the file changes. Keys are rotated while brokers run.
 *
 *   TF1 A file that cannot be read or holds anything wrong changes nothing; it is said why.
 *   TF2 New keys are put in force on the loop's thread, between two of its turns: doors look at token_file_keys each
 *       time they need them.
 *
 * Thread: the main one, but for what TF2 says.
 */
#ifndef NODE_TOKEN_FILE_H
#define NODE_TOKEN_FILE_H

#include "base/err.h"

struct mailbox;
struct token_file;
struct token_keys;

/* *out is NULL when path is. On failure one sentence was printed. */
MUST_CHECK enum err token_file_open(struct token_file **out, const char *path);
/* After the loop's last mail. */
void token_file_close(struct token_file *f);
/* NULL: f is. */
const struct token_keys *const *token_file_keys(const struct token_file *f);
/* loop: the mailbox of the loop whose doors look at them. */
void token_file_reload(struct token_file *f, struct mailbox *loop);
/* The same if it has changed. */
void token_file_refresh(struct token_file *f, struct mailbox *loop);

#endif
