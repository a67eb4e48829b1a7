/* control_send.c - the other end of control.c: one command to the broker of a data directory. */
#include "node/control.h"
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 4096 };

static int complain(const char *data, const char *why)
{
    fprintf(stderr, "myna: no broker answers on the data directory '%s' (%s); is it running, and is this the directory "
                    "it was started with?\n",
            data, why);
    return -1;
}

/* A connected socket, or -1 and a sentence. */
static int dial(const char *data)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct timeval     patience = { .tv_sec = CONTROL_WAIT_S };
    int                len = snprintf(un.sun_path, sizeof un.sun_path, "%s/" CONTROL_FILE, data);
    int                fd;

    if (len < 0 || (size_t)len >= sizeof un.sun_path)
        return complain(data, "the path is too long for a socket");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return complain(data, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    complain(data, strerror(errno));
    close(fd);
    return -1;
}

static bool send_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        left -= (size_t)n;
    }
    return true;
}

/* Until the broker hangs up. */
static void receive_all(int fd, struct buf *out)
{
    ssize_t n = 1;

    while (n > 0 && out->len < CONTROL_ANSWER_BYTES_MAX) {
        n = recv(fd, buf_room(out, READ_BYTES), READ_BYTES, 0);
        if (n > 0)
            out->len += (size_t)n;
    }
}

json_t *control_send(const char *data, const json_t *command)
{
    int        fd = dial(data);
    char      *text = json_dumps(command, JSON_COMPACT);
    json_t    *answer = NULL;
    struct buf got;

    buf_init(&got);
    if (fd >= 0 && text && send_all(fd, text) && send_all(fd, "\n"))
        receive_all(fd, &got);
    if (got.len > 0)
        answer = json_loadb((const char *)got.at, got.len, JSON_DISABLE_EOF_CHECK, NULL);
    if (fd >= 0 && !answer)
        complain(data, "it hung up");
    if (fd >= 0)
        close(fd);
    free(text);
    buf_fini(&got);
    return answer;
}
