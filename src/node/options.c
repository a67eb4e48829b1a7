/* options.c - see options.h. */
#include "node/options.h"
#include "node/command.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { TEXT, PORT, SIZE, NUMBER, NODES, FLAG };

struct option {
    const char *name;
    enum kind   kind;
    size_t      at; /* of the member in struct options */
    const char *fallback;
    const char *meaning;
};

static const struct option table[] = {
    { "data", TEXT, offsetof(struct options, data), "./data", "directory of the durable log" },
    { "listen", TEXT, offsetof(struct options, listen), "localhost",
      "address to listen on; localhost is 127.0.0.1 and ::1" },
    { "advertised-host", TEXT, offsetof(struct options, advertised_host), NULL,
      "host that Kafka clients are told; default: the address they reached" },
    { "project", TEXT, offsetof(struct options, project), "default",
      "Pub/Sub project that is the default namespace" },
    { "kafka-port", PORT, offsetof(struct options, kafka_port), "9092", "Kafka door; 0: shut" },
    { "amqp-port", PORT, offsetof(struct options, amqp_port), "5672", "RabbitMQ door; 0: shut" },
    { "sqs-port", PORT, offsetof(struct options, sqs_port), "9324", "SQS door; 0: shut" },
    { "pubsub-port", PORT, offsetof(struct options, pubsub_port), "8085",
      "Pub/Sub door; 0: shut" },
    { "console-port", PORT, offsetof(struct options, console_port), "15672",
      "health and metrics over HTTP; 0: shut" },
    { "tls-certificate", TEXT, offsetof(struct options, tls_certificate), NULL,
      "PEM file with the certificate and its chain: TLS on the two ports below" },
    { "tls-key", TEXT, offsetof(struct options, tls_key), NULL, "PEM file with its private key" },
    { "tls-client-authorities", TEXT, offsetof(struct options, tls_client_authorities), NULL,
      "PEM file: clients may show certificates signed by these" },
    { "tls-clients-required", FLAG, offsetof(struct options, tls_clients_required), NULL,
      "refuse TLS clients that show no certificate" },
    { "kafka-tls-port", PORT, offsetof(struct options, kafka_tls_port), "9093",
      "Kafka door with TLS; 0: shut" },
    { "amqp-tls-port", PORT, offsetof(struct options, amqp_tls_port), "5671",
      "RabbitMQ door with TLS; 0: shut" },
    { "kafka-sasl-required", FLAG, offsetof(struct options, kafka_login), NULL,
      "Kafka clients must log in, with SASL PLAIN or SCRAM" },
    { "kafka-tls-sasl-required", FLAG, offsetof(struct options, kafka_tls_login), NULL,
      "the same with TLS" },
    { "kafka-acls", FLAG, offsetof(struct options, kafka_acls), NULL,
      "Kafka clients may only do what ACLs allow; default: everything" },
    { "kafka-super-users", TEXT, offsetof(struct options, kafka_super_users), NULL,
      "who needs no ACL, like \"User:ann;User:bob\"; administrators never do" },
    { "kafka-allow-without-acls", FLAG, offsetof(struct options, kafka_allow_without_acls), NULL,
      "what no ACL is about is everybody's" },
    { "oauth-keys", TEXT, offsetof(struct options, oauth_keys), NULL,
      "JWKS file: Kafka clients may log in by OAUTHBEARER tokens signed by these" },
    { "oauth-issuer", TEXT, offsetof(struct options, oauth_issuer), NULL,
      "whom the tokens must be from; default: anybody" },
    { "oauth-audience", TEXT, offsetof(struct options, oauth_audience), NULL,
      "whom they must be for; default: anybody" },
    { "kafka-reauth-ms", NUMBER, offsetof(struct options, kafka_login_ms), "0",
      "Kafka clients must log in again after so long; 0: never" },
    { "kafka-nodes", NODES, offsetof(struct options, kafka_nodes), "1",
      "brokers that Kafka clients see, on the Kafka port and those that follow" },
    { "disk-free-min", SIZE, offsetof(struct options, disk_free_min), "64M",
      "free space below which publishing is refused" },
    { "memory", SIZE, offsetof(struct options, memory), "512M",
      "memory for messages and the index of new ones, at least 16M" },
    { "quiet", FLAG, offsetof(struct options, is_quiet), NULL, "print nothing but errors" },
    { "verbose", FLAG, offsetof(struct options, is_verbose), NULL,
      "say more about what happens" },
};

/* What follows the name in --help. */
static const char *const placeholders[] = {
    [TEXT] = " X",
    [PORT] = " N",
    [SIZE] = " N[K|M|G]",
    [NUMBER] = " N",
    [NODES] = " N",
    [FLAG] = "",
};

static const char *const refusals[] = {
    [PORT] = "not a port number between 0 and 65535:",
    [SIZE] = "not a size, like 4096, 512K, 64M or 2G:",
    [NUMBER] = "not a number between 0 and 2147483647:",
    [NODES] = "not a number of brokers from 1 to 16:",
};

static void help(void)
{
    puts("myna - one broker that RabbitMQ, Kafka, SQS and Pub/Sub clients can use together\n\n"
         "usage: myna [options]            be a broker\n"
         "       myna COMMAND [arguments]  look at its data\n");
    for (size_t i = 0; i < COUNT(table); i++) {
        const char *value = placeholders[table[i].kind];

        printf("  --%s%s%*s%s", table[i].name, value,
               (int)(24 - strlen(table[i].name) - strlen(value)), "", table[i].meaning);
        if (table[i].fallback)
            printf(" (default %s)", table[i].fallback);
        putchar('\n');
    }
    puts("  --version                 print the version\n"
         "  --help                    print this\n");
    command_help();
}

/* A decimal number of at most max, and what follows it. */
static bool parse_number(const char *text, unsigned long long max, unsigned long long *out,
                         const char **rest)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0 && *out <= max;
}

/* Bytes, or with a suffix more. */
static bool parse_size(const char *text, uint64_t *out)
{
    static const char  suffixes[] = "KMG";
    unsigned long long n;
    const char        *rest;
    const char        *suffix;

    if (!parse_number(text, UINT64_MAX >> 30, &n, &rest))
        return false;
    *out = n;
    if (!*rest)
        return true;
    suffix = strchr(suffixes, *rest);
    *out = suffix ? n << 10 * (suffix - suffixes + 1) : 0;
    return suffix && !rest[1];
}

static bool parse_whole(const char *text, uint64_t *out)
{
    unsigned long long n;
    const char        *rest;

    if (!parse_number(text, INT32_MAX, &n, &rest) || *rest)
        return false;
    *out = n;
    return true;
}

static bool parse_port(const char *text, uint16_t *out)
{
    unsigned long long n;
    const char        *rest;

    if (!parse_number(text, UINT16_MAX, &n, &rest) || *rest)
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool parse_nodes(const char *text, uint64_t *out)
{
    unsigned long long n;
    const char        *rest;

    if (!parse_number(text, OPTIONS_KAFKA_NODES_MAX, &n, &rest) || *rest || n == 0)
        return false;
    *out = n;
    return true;
}

static bool set(struct options *o, const struct option *row, const char *value)
{
    void *member = (char *)o + row->at;

    switch (row->kind) {
    case TEXT:
        *(const char **)member = value;
        return true;
    case FLAG:
        *(bool *)member = true;
        return true;
    case PORT:
        return parse_port(value, member);
    case NUMBER:
        return parse_whole(value, member);
    case SIZE:
        return parse_size(value, member);
    case NODES:
        return parse_nodes(value, member);
    }
    return false;
}

static const struct option *find(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (strlen(table[i].name) == len && strncmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

static enum options_result wrong(const char *what, const char *arg)
{
    fprintf(stderr, "myna: %s '%s'; 'myna --help' lists the options\n", what, arg);
    return OPTIONS_WRONG;
}

/* One argument (and its value); *i moves on. */
static enum options_result take(struct options *o, int argc, char **argv, int *i)
{
    const char          *arg = argv[*i];
    const char          *name = strncmp(arg, "--", 2) == 0 ? arg + 2 : "";
    size_t               len = strcspn(name, "=");
    const struct option *row = find(name, len);
    const char          *value = NULL;

    if (!row)
        return wrong(arg[0] == '-' ? "unknown option" : "unexpected argument", arg);
    if (row->kind == FLAG && name[len] == '=')
        return wrong("this option takes no value:", arg);
    if (row->kind != FLAG) {
        if (name[len] == '=')
            value = name + len + 1;
        else if (*i + 1 < argc)
            value = argv[++*i];
        else
            return wrong("this option needs a value:", arg);
    }
    if (set(o, row, value))
        return o->memory >= OPTIONS_MEMORY_MIN ? OPTIONS_RUN : wrong("less than 16M:", value);
    return wrong(refusals[row->kind], value);
}

enum options_result options_parse(struct options *o, int argc, char **argv, const char *version)
{
    enum options_result result = OPTIONS_RUN;

    *o = (struct options){ 0 };
    for (size_t i = 0; i < COUNT(table); i++)
        if (table[i].fallback)
            set(o, &table[i], table[i].fallback);
    for (int i = 1; i < argc && result == OPTIONS_RUN; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            help();
            return OPTIONS_DONE;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("myna %s\n", version);
            return OPTIONS_DONE;
        }
        result = take(o, argc, argv, &i);
    }
    return result;
}
