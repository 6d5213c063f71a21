/* SPDX-License-Identifier: MIT */
/*
 * talk - a conversation of cservc between its console and a server.
 *
 *	stdin  ---> console ---> socket      talk_tcp.c: bytes, both ways at the same time
 *	stdout <--- console <--- socket      talk_udp.c: a line, a datagram, its answer
 */
#ifndef TOOLS_TALK_H
#define TOOLS_TALK_H

#include "tools/console.h"
#include "tools/reach.h"

enum talk_status {
	TALK_ANSWERED = 0,
	TALK_FAILED = 1, /* no answer, or cut; logged */
};

/* Both take over fd, a socket that reach_connect() made, and close it. */
enum talk_status talk_tcp(struct reach *reach, struct console *console, int fd);
enum talk_status talk_udp(struct reach *reach, struct console *console, int fd);

#endif
