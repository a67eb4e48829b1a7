/*
 * options.h - the command line: one table of names, defaults and meanings; --help is printed from it.
 * Thread: the main one.
 */
#ifndef NODE_OPTIONS_H
#define NODE_OPTIONS_H

#include "base/bytes.h"

enum options_result {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help, --version */
    OPTIONS_WRONG, /* a sentence was printed */
};

enum { OPTIONS_MEMORY_MIN = 16 << 20, OPTIONS_KAFKA_NODES_MAX = 16 };

struct options {
    const char *data;
    const char *listen;
    const char *advertised_host; /* NULL: what the client reached */
    const char *project;
    uint16_t    kafka_port, amqp_port, sqs_port, pubsub_port; /* 0: that door stays shut */
    uint16_t    console_port;                                 /* the same */
    uint16_t    kafka_tls_port, amqp_tls_port;                /* the same, and without a certificate */
    const char *tls_certificate, *tls_key;                    /* files, or NULL */
    const char *tls_client_authorities;
    bool        tls_clients_required;
    const char *oauth_keys, *oauth_issuer, *oauth_audience; /* or NULL */
    bool        kafka_login, kafka_tls_login; /* required */
    bool        kafka_acls;                   /* ACLs are looked at */
    const char *kafka_super_users;            /* or NULL */
    bool        kafka_allow_without_acls;
    uint64_t    kafka_login_ms;               /* how long one is good; 0: as long as the connection */
    uint64_t    kafka_nodes;   /* 1 to OPTIONS_KAFKA_NODES_MAX */
    uint64_t    disk_free_min; /* bytes */
    uint64_t    memory;        /* bytes, OPTIONS_MEMORY_MIN at least (engine_share_memory) */
    bool        is_quiet;
    bool        is_verbose;
};

/* argv's strings are borrowed. */
enum options_result options_parse(struct options *o, int argc, char **argv, const char *version);

#endif
