/* A stream of bytes from a socket, read on without a trip through Python. Mirrored by kernel/stream.py. */
#ifndef WAYFARE_STREAM_H
#define WAYFARE_STREAM_H
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* What is received and not yet used lies from `start` to `end`. */
typedef struct {
    uint8_t *buffer;
    int64_t size, start, end;
    int64_t received; /* so far, by anybody */
    int32_t fd;       /* to read on from; -1: only Python can */
    int32_t error;    /* errno of a read that failed; ETIMEDOUT where nothing came */
    int32_t stall_ms; /* how long nothing may come, once something has; -1: for ever */
} wf_window;

#define WF_STREAMING (1 << 20)
#define WF_PORTION_MAX (256 << 10)
#define WF_PATIENCE_MS 4

/* Sleep until a portion has come, or a moment has passed: servers send 8 or 16 KB at a time, and to be woken for each of them
 * costs both sides more than everything else here. A portion is a small part of the receive buffer, so that the server never
 * waits for us. False after a signal. */
static int wf_gather(int fd) {
    int portion = 0, any = 1;
    socklen_t size = sizeof portion;
    struct pollfd readable = {fd, POLLIN, 0};
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &portion, &size);
    portion = portion / 8 < WF_PORTION_MAX ? portion / 8 + 1 : WF_PORTION_MAX;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &portion, sizeof portion);
    int found = poll(&readable, 1, WF_PATIENCE_MS);
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof any);
    return found >= 0;
}

/* Read on, whatever the socket's mode. False where Python must see to it: no socket of our own, a packet too large for the
 * window, a signal, the end, or an error. */
static int wf_fill(wf_window *w) {
    int64_t left = w->end - w->start;
    if (w->fd < 0 || left > w->size / 2) return 0;
    if (!left || w->size - w->end < w->size / 2) { /* seldom, so that what waits for the rest of a packet is not moved over and over */
        memmove(w->buffer, w->buffer + w->start, (size_t)left);
        w->start = 0;
        w->end = left;
    }
    int patient = w->received >= WF_STREAMING; /* what is small is had at once */
    for (;;) {
        ssize_t received = recv(w->fd, w->buffer + w->end, (size_t)(w->size - w->end), MSG_DONTWAIT);
        if (received > 0) {
            w->end += received;
            w->received += received;
            return 1;
        }
        if (received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            w->error = received < 0 && errno != EINTR ? errno : 0;
            return 0;
        }
        if (patient) {
            if (!wf_gather(w->fd)) return 0;
            patient = 0;
            continue;
        }
        struct pollfd readable = {w->fd, POLLIN, 0};
        int found = poll(&readable, 1, w->received ? w->stall_ms : -1);
        if (found < 0) return 0; /* a signal: Python has handlers to call */
        if (!found) return w->error = ETIMEDOUT, 0;
    }
}
#endif
