/*
 * sniffer.h - which protocol a fresh connection speaks, when HTTP/1.1 and HTTP/2 share a port.
 *
 * The HTTP/2 preface begins with "PRI", which no HTTP/1 method does. Three bytes are looked at and left in the
 * socket, so that whoever gets it finds it untouched.
 *
 * Thread: the loop's.
 */
#ifndef NET_SNIFFER_H
#define NET_SNIFFER_H

#include "net/loop.h"

enum { SNIFFER_WAIT_MS = 10000 };

struct sniffer;
/* Owns fd; -1: the client left, or said nothing for SNIFFER_WAIT_MS. Never from inside a sniffer_ call. */
typedef void sniffed_fn(void *ctx, int fd, bool is_http2);

struct sniffer *sniffer_new(struct loop *l, sniffed_fn *sniffed, void *ctx);
/* fd passes; sniffed() comes once for each. */
void sniffer_add(struct sniffer *sn, int fd);
/* Closes what is still undecided, without sniffed(); returns how many these were. */
size_t sniffer_free(struct sniffer *sn);

#endif
