/*
 * scram.h - the server's side of one SCRAM login (RFC 5802, RFC 7677): messages in, messages out.
 *
 *     n,,n=anna,r=CLIENT --scram_read_first--> name --user looked up--> scram_challenge --> r=CLIENT SERVER,s=..,i=4096
 *     c=biws,r=CLIENT SERVER,p=PROOF --scram_read_final--> v=SIGNATURE, or not he
 *
 *   SC1 Nobody learns from the challenge whether there is such a user: who is none gets a salt that stays the same
 *       (scram_challenge with NULL), and is turned away after the proof like one with a wrong password.
 *   SC2 Channel binding is not offered: a client that insists on it ("p=") is turned away.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_KAFKA_SCRAM_H
#define DOORS_KAFKA_SCRAM_H

#include "base/buf.h"
#include "doors/password.h"

enum {
    SCRAM_MESSAGE_BYTES_MAX = 4096,
    SCRAM_NONCE_BYTES = 24, /* random; twice as many characters */
    SCRAM_SECRET_BYTES = 32,
};

struct scram {
    enum credential_kind kind;
    struct bytes         name;       /* of the user; owned, as are all the others */
    struct bytes         binding;    /* the beginning of the first message, up to the user */
    struct bytes         first_bare; /* the rest of it */
    struct bytes         nonce;      /* the client's, then with ours behind it */
    struct bytes         challenge;
    bool                 is_known;
    uint8_t              stored[PASSWORD_KEY_BYTES_MAX];
    uint8_t              server[PASSWORD_KEY_BYTES_MAX];
};

struct scram *scram_new(enum credential_kind kind);
void scram_free(struct scram *s);
/* False: malformed. Then s->name is whom the client claims to be. */
MUST_CHECK bool scram_read_first(struct scram *s, struct bytes message);
/* The answer to it. c: the user's credential of this kind, NULL: he is none or has none. secret: of this broker, for
 * SC1; random: as many bytes as the nonce has. */
struct bytes scram_challenge(struct scram *s, const struct credential *c,
                             const uint8_t secret[SCRAM_SECRET_BYTES],
                             const uint8_t random[SCRAM_NONCE_BYTES]);
/* True: it is he; then out gets the last answer. */
MUST_CHECK bool scram_read_final(struct scram *s, struct bytes message, struct buf *out);

#endif
