/* SPDX-License-Identifier: MIT */
/*
 * board - memory that master and workers share.
 *
 * struct world is written by the master alone and mapped read-only by every worker.
 * struct board, one for each service, is written by its worker alone and read by the
 * master as hostile bytes: it survives the worker and names the peers in flight.
 */
#ifndef COMMON_BOARD_H
#define COMMON_BOARD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/settings.h"

#define WORLD_LISTENERS	 4096
#define WORLD_LOCALS	 1024
#define WORLD_BROADCASTS 512
#define WORLD_BANS	 64

/* A source that one service refuses. */
struct ban {
	char service[SETTINGS_NAME_SIZE];
	union addr source; /* of addr_source() */
	int64_t until_ms;  /* [ms] CLOCK_MONOTONIC */
};

/*
 * Readers copy between two equal, even readings of generation (a sequence lock); the
 * writer makes it odd while it writes.
 */
struct world {
	_Atomic uint32_t generation;
	uint32_t listeners, locals, broadcasts;	    /* entries in use */
	union addr listener[WORLD_LISTENERS];	    /* our UDP listeners, wildcards as such */
	union addr local[WORLD_LOCALS];		    /* addresses of this machine, port 0 */
	struct in_addr broadcast[WORLD_BROADCASTS]; /* of its interfaces */
	/* A sequence lock of their own: a ban must not cost every datagram thread a copy. */
	_Atomic uint32_t ban_generation;
	_Atomic uint32_t bans; /* entries in use; some may be over */
	struct ban ban[WORLD_BANS];
};

/* Why a datagram, or its reply, was dropped. */
enum drop_reason {
	DROP_PORT,	/* source port below udp_min_port, or denied, or 0 */
	DROP_MULTICAST, /* sent from or to a multicast group */
	DROP_BROADCAST, /* sent from or to a broadcast or unspecified address */
	DROP_LOOP,	/* from one of our own listeners */
	DROP_AMPLIFY,	/* reply larger than the amplification limit */
	DROP_DENIED,	/* the handler tried a denied system call */
	DROP_FAILED,	/* the handler failed */
	DROP_SEND,	/* the kernel refused the reply */
	DROP_BANNED,	/* from a source in its crash penalty */
	DROP_REASONS
};

enum flight_state {
	FLIGHT_FREE,	/* no thread */
	FLIGHT_WAITING, /* its thread waits for a connection */
	FLIGHT_OPEN,	/* peer is being served */
};

/* One slot of a connection; 64 bytes, a cache line. */
struct flight {
	_Atomic uint32_t state; /* enum flight_state */
	_Atomic int32_t thread; /* thread id */
	union addr peer;
	uint32_t reserved;
	int64_t since_ms; /* [ms] CLOCK_MONOTONIC */
	_Alignas(8) unsigned char pad[16];
};

_Static_assert(sizeof(struct flight) == 64, "a flight is a cache line");

struct counters {
	_Atomic uint64_t accepted;
	_Atomic uint64_t open;
	_Atomic uint64_t in, out; /* [bytes] of finished connections */
	_Atomic uint64_t datagrams_in, datagrams_out;
	_Atomic uint64_t datagram_bytes_in, datagram_bytes_out;
	_Atomic uint64_t dropped[DROP_REASONS];
	_Atomic uint64_t denied;
	_Atomic uint64_t refused; /* connections from a source in its crash penalty */
	_Atomic uint64_t messages_lost;
};

struct board {
	struct counters counters;
	_Alignas(64) struct flight flight[];
};

static inline size_t board_size(uint64_t slots)
{
	return sizeof(struct board) + (size_t)slots * sizeof(struct flight);
}

#endif
