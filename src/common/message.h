/* SPDX-License-Identifier: MIT */
/*
 * message - what a worker and the master say to each other.
 *
 *	worker -> master   struct message, fixed size, through a pipe.  The master
 *	                   reads them as hostile bytes: message_check() first.
 *	master -> worker   struct command, through a SOCK_SEQPACKET pair.
 *
 * A write of up to MESSAGE_BATCH messages fits PIPE_BUF, so it goes into the
 * pipe whole or not at all (pipe(7)) and writers never interleave.
 */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define MESSAGE_SIZE  512
#define MESSAGE_BATCH 8
#define MESSAGE_TEXT  384

enum message_type {
	MESSAGE_NONE,
	MESSAGE_WRONG,	/* the configuration is wrong; text is "file:line: why" */
	MESSAGE_READY,	/* plugin loaded, started, sandboxed; waits for COMMAND_GO */
	MESSAGE_FAILED, /* cannot start now; text says why; the worker exits */
	MESSAGE_LOG,	/* the plugin or the worker logs a line: priority, text, perhaps peer */
	MESSAGE_CLOSED, /* a connection ended: end, error, peer, ms, in, out */
	/* A system call was denied: number, arch, args, address, thread, peer.  error: what it
	 * returned.  end: an enum message_cost. */
	MESSAGE_DENIED,
	MESSAGE_REPEATED, /* that call, number and arch, was denied `in` more times to the peer */
	MESSAGE_LOST,	  /* number messages could not be sent */
	MESSAGE_REPLACE,  /* the worker asks for a successor: number is an enum message_replace */
	MESSAGE_ALIVE,	  /* the answer to COMMAND_PING; unasked, a first client came */
	MESSAGE_STOPPED,  /* after COMMAND_DRAIN: it accepts nothing any more */
	MESSAGE_TYPES
};

/* Why a worker should be replaced. */
enum message_replace {
	REPLACE_TAINTED, /* a handler tried a denied call: its memory may be an attacker's */
	REPLACE_HUNG,	 /* a handler has not returned hang_timeout after its connection was cut */
	REPLACE_MEMORY,	 /* more memory than max_memory */
	REPLACE_REASONS
};

/* How a connection ended. */
enum message_end {
	END_CLIENT,   /* the client closed, the handler returned 0 */
	END_HANDLER,  /* the handler returned 0 before the client closed */
	END_FAILED,   /* the handler returned -1 with `error` */
	END_RESET,    /* the client reset the connection */
	END_IDLE,     /* silent for idle_timeout */
	END_DURATION, /* open for max_duration, or for the handler's own limit */
	END_DRAIN,    /* cut when the drain time was over */
	END_DENIED,   /* cut after a denied system call */
	END_CRASHED,  /* its own process died: error is the signal, or 0 and number the status */
	END_REASONS
};

/* What a denied system call cost. */
enum message_cost {
	COST_CALL,	 /* it failed, no more */
	COST_REPLY,	 /* the datagram gets none */
	COST_CONNECTION, /* was cut */
	COST_WORKER,	 /* ended at once */
	COST_KINDS
};

struct message {
	uint16_t type;	  /* enum message_type */
	uint8_t priority; /* LOG_ERR .. LOG_DEBUG */
	uint8_t end;	  /* enum message_end, or message_cost */
	int32_t error;	  /* errno */
	union addr peer;  /* AF_UNSPEC: nobody in particular */
	int32_t thread;	  /* thread id */
	uint64_t ms;	  /* [ms] how long the connection lasted */
	uint64_t in, out; /* [bytes] */
	int32_t number;	  /* system call, or a count */
	uint32_t arch;	  /* AUDIT_ARCH_* of that call */
	uint64_t address; /* code address of that call */
	uint64_t args[6];
	char text[MESSAGE_TEXT]; /* NUL-terminated, any bytes; escaped by the reader */
};

_Static_assert(sizeof(struct message) == MESSAGE_SIZE, "a message has one size");

/*
 * Copies one message out of size untrusted bytes.  Returns 0, or -1 with errno EBADMSG
 * if the size, a type, an enumeration or the address family is not one of ours; text is
 * terminated in any case.  A priority is checked where one is used, in MESSAGE_LOG.
 */
int message_check(const void *bytes, size_t size, struct message *ret) UTIL_CHECKED;

/* "closed by client", "idle too long" ... */
const char *message_end_text(enum message_end end);

enum command_type {
	COMMAND_GO = 1, /* start accepting */
	COMMAND_PING,	/* answer MESSAGE_ALIVE */
	COMMAND_DRAIN,	/* stop accepting, finish what is open, at most ms, then exit 0 */
};

#define COMMAND_NO_LIMIT UINT64_MAX

struct command {
	uint32_t type;
	uint32_t reserved; /* 0 */
	uint64_t ms;	   /* [ms] COMMAND_DRAIN: at most; COMMAND_NO_LIMIT */
};

#endif
