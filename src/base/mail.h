/*
 * mail.h - how threads talk: mailboxes.
 *
 * A mail is embedded in whatever is sent; run() is called with it on the receiving thread. Mails of one sender arrive
 * in order. The sender must not touch the object after posting it. A mailbox never blocks the poster; what bounds it is
 * that every sender has a bounded number of mails out (calls in flight per connection, credit per consumer).
 *
 * Thread: mail_post from any thread; mail_run only on the owner's. wake() is called by a poster when the box was empty.
 */
#ifndef BASE_MAIL_H
#define BASE_MAIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct mail {
    struct mail *next;
    void (*run)(struct mail *self);
};

struct mailbox {
    pthread_mutex_t lock;
    struct mail    *first;
    struct mail   **last;
    void (*wake)(void *ctx); /* must be cheap and callable from any thread */
    void *ctx;
};

void mailbox_init(struct mailbox *b, void (*wake)(void *ctx), void *ctx);
void mailbox_fini(struct mailbox *b);
void mail_post(struct mailbox *b, struct mail *m);
/* Posts a whole chain m..last (linked by next) with one lock and at most one wake. */
void mail_post_chain(struct mailbox *b, struct mail *m, struct mail *last);
/* Takes all that is there and runs it in order; returns how many. Mails posted meanwhile wait for the next call. */
size_t mail_run(struct mailbox *b);
bool mailbox_is_empty(struct mailbox *b);

#endif
