/* node.c - see node.h. */
#include "node/node.h"
#include "base/diag.h"
#include "base/thread.h"
#include "doors/amqp/amqp.h"
#include "doors/console/console.h"
#include "doors/kafka/kafka.h"
#include "doors/pubsub/pubsub.h"
#include "doors/sqs/sqs.h"
#include "doors/token.h"
#include "engine/limits.h"
#include "engine/rights.h"
#include "net/door.h"
#include "net/tls.h"
#include "node/certificate.h"
#include "node/control.h"
#include "node/courier.h"
#include "node/memory.h"
#include "node/process.h"
#include "node/token_file.h"
#include "node/worker.h"
#include "store/planted.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLOSE_GRACE_MS = 500, CLOSE_TICK_MS = 5 };

struct door_row {
    const char *name;
    const char *option; /* of its port */
    size_t      port_at;
    const char *hint_before; /* a line to try, around the port */
    const char *hint_after;
    enum err (*open)(struct door_server **out, const struct door_env *env);
    bool is_sealed; /* speaks TLS; shut without a certificate */
    size_t login_at; /* of the option that says whether clients must log in; 0: the protocol does */
};

static const struct door_row doors[] = {
    { "Kafka", "--kafka-port", offsetof(struct options, kafka_port),
      "echo hello | kcat -P -b localhost:", " -t orders", kafka_door_open, false,
      offsetof(struct options, kafka_login) },
    { "RabbitMQ", "--amqp-port", offsetof(struct options, amqp_port),
      "amqp-get -u amqp://localhost:", " -q orders", amqp_door_open },
    { "SQS", "--sqs-port", offsetof(struct options, sqs_port),
      "aws sqs list-queues --endpoint-url http://localhost:", "", sqs_door_open },
    { "Pub/Sub", "--pubsub-port", offsetof(struct options, pubsub_port),
      "export PUBSUB_EMULATOR_HOST=localhost:", "", pubsub_door_open },
    { "Kafka TLS", "--kafka-tls-port", offsetof(struct options, kafka_tls_port),
      "echo hello | kcat -X security.protocol=ssl -P -b localhost:", " -t orders", kafka_door_open, true,
      offsetof(struct options, kafka_tls_login) },
    { "AMQPS", "--amqp-tls-port", offsetof(struct options, amqp_tls_port), "amqps://localhost:", "",
      amqp_door_open, true },
};

/* Opened before there is an engine, and closed with the others. */
static const struct door_row console = { "console", "--console-port",
                                         offsetof(struct options, console_port),
                                         "curl http://localhost:", "/health/ready" };

struct node {
    const struct options *options;
    const char           *version;
    struct clock          clock;
    struct volume        *volume;
    struct recovery       recovery;
    struct worker        *worker;
    struct loop          *loop;
    struct courier       *courier;
    struct tls           *tls; /* NULL: none */
    struct control       *control;
    struct token_file    *token_file; /* NULL: none */
    struct rights        *rights;     /* NULL: nobody asks */
    struct limits        *limits;
    struct token_rules    token_rules;
    pthread_t             loop_thread;
    struct door_server   *open_doors[COUNT(doors)];
    struct door_server   *open_console;
    struct mail           close_mail;
    struct timer          grace;
    int64_t               grace_end_ms;
};

/* 0: that door stays shut. */
static uint16_t port_of(const struct node *n, const struct door_row *d)
{
    uint16_t port;

    memcpy(&port, (const char *)n->options + d->port_at, sizeof port);
    return d->is_sealed && !n->tls ? 0 : port;
}

/* The disk failed: nothing that was not synced may be promised any more, so the process ends here and now. */
static void disk_failed(enum err err, const char *what)
{
    diag(DIAG_ERROR, "the disk failed (%s): %s; stopping, nothing acknowledged is lost", err_text(err), what);
    _exit(1);
}

/* ---- starting ---- */

/* What is said while the volume opens: one sentence must do for a user, so the last error becomes part of it. */
struct opening {
    char detail[512];
};

static void hold_line(void *ctx, enum diag_level level, const char *line)
{
    struct opening *o = ctx;

    if (level == DIAG_ERROR || o->detail[0] == 0)
        snprintf(o->detail, sizeof o->detail, "%s", line);
}

static enum err try_volume(struct node *n)
{
    char uri[4096];

    if ((size_t)snprintf(uri, sizeof uri, "file:%s", n->options->data) >= sizeof uri)
        return ERR_BAD_NAME;
    return volume_open(&n->volume, uri);
}

static enum err try_worker(struct node *n)
{
    struct worker_limits limits = { .disk_free_min = n->options->disk_free_min,
                                    .memory = n->options->memory,
                                    .rights = n->rights,
                                    .limits = n->limits };

    return worker_open(&n->worker, n->volume, 0, &limits, &n->clock, &n->recovery, disk_failed);
}

static const char *data_sentence(enum err err)
{
    static const struct {
        enum err    err;
        const char *text;
    } sentences[] = {
        { ERR_BUSY, "is in use by another process" },
        { ERR_FOREIGN, "holds other files and is not Myna's; choose another one with --data" },
        { ERR_NEWER_FORMAT, "was written by a newer version of Myna; use that version" },
        { ERR_OLDER_FORMAT, "was written by an older version of Myna, whose format this one does not read" },
        { ERR_ACCESS, "cannot be read and written by this user" },
        { ERR_NO_SPACE, "lies on a disk without free space" },
        { ERR_CORRUPT, "is damaged; nothing was changed" },
    };

    for (size_t i = 0; i < COUNT(sentences); i++)
        if (sentences[i].err == err)
            return sentences[i].text;
    return "cannot be made or opened";
}

/* One step of opening what lies on the disk. */
static int open_data(struct node *n, enum err (*step)(struct node *n))
{
    struct opening o = { 0 };
    enum err       err;

    diag_set_sink(hold_line, &o);
    err = step(n);
    diag_set_sink(NULL, NULL);
    if (err == ERR_OK) {
        if (o.detail[0] != 0)
            diag(DIAG_WARN, "%s", o.detail);
        return 0;
    }
    fprintf(stderr, "myna: the data directory '%s' %s%s%s%s\n", n->options->data,
            data_sentence(err), o.detail[0] ? " (" : "", o.detail, o.detail[0] ? ")" : "");
    return -1;
}

/* Without randomness nothing that hangs on it is safe. */
static void draw(void *at, size_t len)
{
    if (getrandom(at, len, 0) != (ssize_t)len) {
        diag(DIAG_ERROR, "the system gives no random numbers; stopping, nothing acknowledged is lost");
        _exit(1);
    }
}

static struct door_env env_of(struct node *n, const struct door_row *row)
{
    struct door_env env = {
        .loop = n->loop,
        .gate = n->courier ? courier_gate(n->courier) : NULL,
        .host = n->options->listen,
        .port = port_of(n, row),
        .tls = row->is_sealed ? n->tls : NULL,
        .advertised_host = n->options->advertised_host,
        .kafka_nodes = (unsigned)n->options->kafka_nodes,
        .data = n->options->data,
        .cluster_id = volume_id(n->volume),
        .default_project = n->options->project,
        .version = n->version,
        .needs_login = row->login_at && *((const bool *)((const char *)n->options + row->login_at)),
        .login_ms = (int64_t)n->options->kafka_login_ms,
        .rights = n->rights,
        .limits = n->limits,
        .super_users = n->options->kafka_super_users,
        .everyone_if_no_acls = n->options->kafka_allow_without_acls,
        .token_keys = token_file_keys(n->token_file),
        .token_rules = &n->token_rules,
        .random = draw,
    };

    if (getrandom(&env.seed, sizeof env.seed, 0) != (ssize_t)sizeof env.seed)
        env.seed = (uint64_t)clock_now_ms(&n->clock);
    return env;
}

/* Says why a door is not open. */
static int judge_door(const struct door_row *row, const struct door_env *env, enum err err)
{
    if (err == ERR_OK)
        return 0;
    if (err == ERR_BUSY)
        fprintf(stderr, "myna: port %u (%s) is in use on %s; stop the other program or choose another port with %s\n",
                env->port, row->name, env->host, row->option);
    else
        fprintf(stderr, "myna: cannot listen on %s port %u (%s): %s\n", env->host, env->port, row->name,
                err_text(err));
    return -1;
}

static int open_door(struct node *n, size_t i)
{
    struct door_env env = env_of(n, &doors[i]);

    return env.port == 0 ? 0 : judge_door(&doors[i], &env, doors[i].open(&n->open_doors[i], &env));
}

static unsigned progress(void *ctx)
{
    return recovery_percent(ctx);
}

static void process_figures(void *ctx, struct process_figures *out)
{
    (void)ctx;
    process_figures_get(out);
}

static int open_console(struct node *n)
{
    struct console_source source = { progress, process_figures, &n->recovery };
    struct door_env       env = env_of(n, &console);

    if (env.port == 0)
        return 0;
    return judge_door(&console, &env, console_open(&n->open_console, &env, &source));
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

/* The loop with the console on it: what can be wrong with options is said before a recovery that may take long. */
static int start_loop(struct node *n)
{
    n->token_rules = (struct token_rules){ n->options->oauth_issuer, n->options->oauth_audience };
    if (certificate_open(&n->tls, n->options) != ERR_OK ||
        token_file_open(&n->token_file, n->options->oauth_keys) != ERR_OK)
        return -1;
    if (loop_new(&n->loop) != ERR_OK) {
        fputs("myna: cannot make an event loop\n", stderr);
        return -1;
    }
    if (open_console(n) != 0)
        return -1;
    thread_start(&n->loop_thread, run_loop, n->loop);
    return 0;
}

/* The loop's thread. */
static int open_doors(struct node *n)
{
    n->courier = courier_new(n->loop, n->worker);
    for (size_t i = 0; i < COUNT(doors); i++)
        if (open_door(n, i) != 0)
            return -1;
    n->control = control_open(n->loop, courier_gate(n->courier), n->options->data, draw);
    if (n->open_console)
        console_connect(n->open_console, courier_gate(n->courier));
    return 0;
}

/* What the loop's thread does while the main one waits. */
struct errand {
    struct mail     mail;
    struct node    *node;
    pthread_mutex_t lock;
    pthread_cond_t  done;
    bool            is_done;
    int             status;
};

static void run_open_doors(struct mail *m)
{
    struct errand *e = CONTAINER(m, struct errand, mail);
    int            status = open_doors(e->node);

    pthread_mutex_lock(&e->lock);
    e->status = status;
    e->is_done = true;
    pthread_cond_signal(&e->done);
    pthread_mutex_unlock(&e->lock);
}

static int have_doors_opened(struct node *n)
{
    struct errand e = { .mail.run = run_open_doors,
                        .node = n,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .done = PTHREAD_COND_INITIALIZER };

    mail_post(loop_mailbox(n->loop), &e.mail);
    pthread_mutex_lock(&e.lock);
    while (!e.is_done)
        pthread_cond_wait(&e.done, &e.lock);
    pthread_mutex_unlock(&e.lock);
    return e.status;
}

static void print_hint(const struct node *n, const struct door_row *row)
{
    unsigned port = port_of(n, row);

    if (port != 0)
        printf("  %-9s %5u   %s%u%s\n", row->name, port, row->hint_before, port, row->hint_after);
}

static void banner(const struct node *n)
{
    if (n->options->is_quiet)
        return;
    printf("Myna %s, data in %s, listening on %s\n", n->version, n->options->data, n->options->listen);
    for (size_t i = 0; i < COUNT(doors); i++)
        print_hint(n, &doors[i]);
    print_hint(n, &console);
    puts("ready");
    fflush(stdout);
}

/* ---- running and stopping ---- */

/* Looks whether everybody has gone; whoever has not when the grace is over is cut off. */
static void on_grace_tick(struct timer *t, int64_t now_ms)
{
    struct node *n = CONTAINER(t, struct node, grace);

    if (loop_is_empty(n->loop) || now_ms >= n->grace_end_ms)
        loop_stop(n->loop);
    else
        timer_start(loop_timers(n->loop), t, now_ms + CLOSE_TICK_MS);
}

static void close_doors(struct node *n)
{
    control_close(n->control);
    if (n->open_console)
        n->open_console->close(n->open_console);
    for (size_t i = 0; i < COUNT(doors); i++)
        if (n->open_doors[i])
            n->open_doors[i]->close(n->open_doors[i]);
}

/* On the loop: clients are told goodbye. */
static void run_close(struct mail *m)
{
    struct node *n = CONTAINER(m, struct node, close_mail);

    close_doors(n);
    n->grace_end_ms = loop_now_ms(n->loop) + CLOSE_GRACE_MS;
    n->grace.fire = on_grace_tick;
    timer_start(loop_timers(n->loop), &n->grace, loop_now_ms(n->loop) + CLOSE_TICK_MS);
}

static void stop(struct node *n)
{
    n->close_mail.run = run_close;
    mail_post(loop_mailbox(n->loop), &n->close_mail);
    pthread_join(n->loop_thread, NULL);
    if (n->worker)
        worker_stop(n->worker);
}

/* A page of a mapped file was thrown out of memory and the medium does not give it back. Nothing can
 * go on behind that read; at least it is said. */
static void on_bus_error(int number)
{
    static const char text[] = "myna: error: a part of a data file that was read before can no "
                               "longer be read; stopping, nothing acknowledged is lost\n";
    ssize_t           ignored = write(STDERR_FILENO, text, sizeof text - 1);

    (void)number;
    (void)ignored;
    _exit(1);
}

/* SIGHUP means something only with TLS or keys of tokens; else it ends the process, as it does any that
 * a closed terminal leaves behind. */
static void block_signals(sigset_t *set, const struct options *o)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGBUS, on_bus_error);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    if (o->tls_certificate || o->oauth_keys)
        sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* inherited by every thread: only sigwait sees them */
}

/* Files that may change while it runs: all are read again, or those that have changed. */
static void read_again(struct node *n, bool all)
{
    struct mailbox *loop = loop_mailbox(n->loop);

    if (all) {
        certificate_reload(n->tls);
        token_file_reload(n->token_file, loop);
    } else {
        certificate_refresh(n->tls);
        token_file_refresh(n->token_file, loop);
    }
}

/* Until the node is to stop. Only with such files there is something to do meanwhile. */
static void wait_for_signal(struct node *n, const sigset_t *signals)
{
    const struct timespec look = { .tv_sec = CERTIFICATE_LOOK_S };
    int                   got;

    if (!n->tls && !n->token_file) {
        sigwait(signals, &got);
        return;
    }
    do {
        got = sigtimedwait(signals, NULL, &look);
        if (got == SIGHUP || got < 0)
            read_again(n, got == SIGHUP);
    } while (got == SIGHUP || got < 0);
}

/* With the loop running. */
static int serve(struct node *n, const sigset_t *signals)
{
    if (open_data(n, try_worker) != 0)
        return 1;
    worker_start(n->worker);
    if (have_doors_opened(n) != 0)
        return 1;
    banner(n);
    wait_for_signal(n, signals);
    return 0;
}

/* The worker's last answers are in the loop's mailbox; they run here, with nobody else left. */
static void close_all(struct node *n)
{
    if (n->worker)
        worker_close(n->worker);
    if (n->loop) {
        while (mail_run(loop_mailbox(n->loop)) > 0)
            ;
        control_free(n->control);
        courier_free(n->courier);
        loop_free(n->loop);
    }
    tls_close(n->tls);
    token_file_close(n->token_file);
    rights_free(n->rights);
    limits_free(n->limits);
    if (n->volume)
        volume_close(n->volume);
}

int node_run(const struct options *o, const char *version)
{
    struct node n = { .options = o, .version = version };
    sigset_t    signals;
    int         status = 1;

    memory_of_libraries();
    if (!is_planted(PLANTED_NONE))
        fputs("myna: a bug was planted in this build: it loses data\n", stdout);
    umask(0077);
    block_signals(&signals, o);
    diag_set_level(o->is_verbose ? DIAG_INFO : DIAG_WARN);
    clock_init(&n.clock);
    n.rights = o->kafka_acls ? rights_new(true) : NULL;
    n.limits = limits_new();
    if (open_data(&n, try_volume) == 0 && start_loop(&n) == 0) {
        status = serve(&n, &signals);
        stop(&n);
    }
    close_all(&n);
    return status;
}
