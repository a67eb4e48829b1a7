/* main.c - see driver.h: reads the command line, runs one command. */
#include "driver.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct command {
    const char *name;
    int (*run)(const struct options *o);
} commands[] = {
    { "create", create }, /* the topic, with `partitions` */
    { "touch", touch },   /* one record into each partition: all are there, and have their files */
    { "drop", drop },     /* the topic */
    { "produce", produce }, /* as fast as it goes for `seconds`, by `producers` */
    { "fetch", fetch },     /* `records` from the beginning, or as many as come */
    { "paced", paced }, /* `rate` records a second, and from send to receipt how long each takes */
};

static const struct number {
    const char *name;
    size_t      at;
} numbers[] = {
    { "partitions", offsetof(struct options, partitions) },
    { "seconds", offsetof(struct options, seconds) },
    { "bytes", offsetof(struct options, bytes) },
    { "records", offsetof(struct options, records) },
    { "rate", offsetof(struct options, rate) },
    { "producers", offsetof(struct options, producers) },
    { "linger", offsetof(struct options, linger) },
    { "batch", offsetof(struct options, batch) },
    { "inflight", offsetof(struct options, inflight) },
    { "backlog", offsetof(struct options, backlog) },
    { "queue", offsetof(struct options, queue) },
};

static void take_option(struct options *o, const char *arg)
{
    const char *equals = strchr(arg, '=');

    if (!equals)
        driver_die("%s: not KEY=VALUE", arg);
    if (strncmp(arg, "topic=", 6) == 0) {
        o->topic = equals + 1;
        return;
    }
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (strlen(numbers[i].name) == (size_t)(equals - arg) &&
            strncmp(numbers[i].name, arg, (size_t)(equals - arg)) == 0) {
            *(double *)((char *)o + numbers[i].at) = strtod(equals + 1, NULL);
            return;
        }
    driver_die("%s: no such option", arg);
}

int main(int argc, char **argv)
{
    struct options o = {
        .partitions = 1, .seconds = 5, .bytes = 1024, .producers = 1, .queue = 1000000
    };

    for (int i = 3; i < argc; i++)
        take_option(&o, argv[i]);
    for (size_t i = 0; argc >= 3 && o.topic && i < COUNT(commands); i++)
        if (strcmp(commands[i].name, argv[2]) == 0) {
            o.broker = argv[1];
            return commands[i].run(&o);
        }
    driver_die("usage: kafka_driver BROKER create|touch|drop|produce|fetch|paced topic=NAME "
               "[KEY=VALUE...]");
}
