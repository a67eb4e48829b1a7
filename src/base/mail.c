/* mail.c - see mail.h. */
#include "base/mail.h"

void mailbox_init(struct mailbox *b, void (*wake)(void *ctx), void *ctx)
{
    pthread_mutex_init(&b->lock, NULL);
    b->first = NULL;
    b->last = &b->first;
    b->wake = wake;
    b->ctx = ctx;
}

void mailbox_fini(struct mailbox *b)
{
    pthread_mutex_destroy(&b->lock);
}

void mail_post_chain(struct mailbox *b, struct mail *m, struct mail *last)
{
    bool was_empty;

    last->next = NULL;
    pthread_mutex_lock(&b->lock);
    was_empty = b->first == NULL;
    *b->last = m;
    b->last = &last->next;
    pthread_mutex_unlock(&b->lock);
    if (was_empty)
        b->wake(b->ctx);
}

void mail_post(struct mailbox *b, struct mail *m)
{
    mail_post_chain(b, m, m);
}

bool mailbox_is_empty(struct mailbox *b)
{
    bool is_empty;

    pthread_mutex_lock(&b->lock);
    is_empty = b->first == NULL;
    pthread_mutex_unlock(&b->lock);
    return is_empty;
}

size_t mail_run(struct mailbox *b)
{
    struct mail *m;
    size_t       n = 0;

    pthread_mutex_lock(&b->lock);
    m = b->first;
    b->first = NULL;
    b->last = &b->first;
    pthread_mutex_unlock(&b->lock);
    while (m) {
        struct mail *next = m->next; /* run() may free m */

        m->run(m);
        m = next;
        n++;
    }
    return n;
}
