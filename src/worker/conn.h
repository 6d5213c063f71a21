/* SPDX-License-Identifier: MIT */
/*
 * conn - struct cservd_conn, what a handler reads from and writes to.
 *
 * conn.c is the public API of the header; what carries the bytes is a struct conn_ops:
 * stream.c for a connected socket (or stdin and stdout), datagram.c for one datagram.
 */
#ifndef WORKER_CONN_H
#define WORKER_CONN_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cservd/plugin.h"
#include "common/addr.h"

#define CONN_NO_LIMIT INT_MAX	/* [ms] for idle_ms */
#define CONN_FOREVER  INT64_MAX /* for deadline_ms */
#define CONN_AHEAD    4096	/* [bytes] read ahead by cservd_readline() */

/* Why a connection is being cut under its handler; the first reason stays. */
enum conn_cut {
	CUT_NONE,
	CUT_DRAIN,    /* calls fail with ECANCELED */
	CUT_DURATION, /* calls fail with ETIMEDOUT */
	CUT_DENIED,   /* after a denied system call: calls fail with EPERM */
};

struct conn_ops {
	/* As cservd_read(); size is not 0. */
	ssize_t (*read)(struct cservd_conn *, void *buf, size_t size);
	/* As cservd_write(). */
	int (*write)(struct cservd_conn *, const void *buf, size_t size);
	/* As cservd_wait(). */
	int (*wait)(struct cservd_conn *, int ms);
	/* As cservd_finish(). */
	int (*finish)(struct cservd_conn *);
};

#define CONN_DENIALS 8 /* different system calls that are counted for one conn */

/* How often one system call was denied to a conn. */
struct conn_denial {
	int number;
	uint32_t count; /* 0: the entry is free */
};

struct cservd_conn {
	const struct conn_ops *ops;
	struct cservd_service *service;
	struct cservd_conn *next; /* among the conns of one handler; the first is its client */
	const struct cservd_conn *client; /* of an outgoing conn, else NULL */
	union addr peer, local;
	int fd;			/* reading; -1 for a datagram */
	int fd_out;		/* writing; the same as fd for a socket */
	int idle_ms;		/* [ms] limit of silence, CONN_NO_LIMIT */
	int kernel_idle_ms;	/* [ms] what SO_RCVTIMEO and SO_SNDTIMEO of fd are set to */
	int64_t deadline_ms;	/* [ms] CLOCK_MONOTONIC, CONN_FOREVER */
	_Atomic int cut;	/* enum conn_cut; set by other threads */
	_Atomic int64_t cut_ms; /* [ms] CLOCK_MONOTONIC, when that was; 0 until then */
	uint32_t violations;	/* denied system calls, however often each */
	bool is_socket;
	int failure;	  /* errno of the last call that failed on this conn, 0 for none */
	bool ended;	  /* end of file was read */
	bool finished;	  /* our side is closed */
	uint64_t in, out; /* [bytes] */
	char *ahead;	  /* bytes read ahead by readline, CONN_AHEAD, or NULL */
	size_t ahead_at, ahead_end;
	struct conn_denial denial[CONN_DENIALS]; /* written by sigsys.c only */
	char peer_text[ADDR_TEXT_SIZE], local_text[ADDR_TEXT_SIZE];
};

/* The conn whose handler runs on this thread, or NULL; async-signal-safe to read. */
extern _Thread_local struct cservd_conn *conn_current
	__attribute__((__tls_model__("initial-exec")));

/*
 * Makes *conn ready for a handler: all fields zero, then ops, service and limits of the
 * service; fd -1.
 */
void conn_init(struct cservd_conn *conn, const struct conn_ops *ops,
	       struct cservd_service *service);

/* Closes conns that the handler opened, frees what readline held; not conn->fd. */
void conn_finish(struct cservd_conn *conn);

/* Cuts a connection: its reason (the first one stays), then shutdown(2).  Any thread that
 * holds the slot's lock; async-signal-safe. */
void conn_cut(struct cservd_conn *conn, enum conn_cut reason);

/* [ms] until the nearer of idle limit and deadline, at least 0; -1 for no limit. */
int conn_remaining_ms(const struct cservd_conn *conn);

/* If conn was cut: sets errno to what its calls fail with and returns -1; else 0. */
int conn_check_cut(const struct cservd_conn *conn);

#endif
