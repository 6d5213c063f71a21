/* SPDX-License-Identifier: MIT */
/* inflight - what a board tells about a worker's connections; the board is hostile. */
#ifndef MASTER_INFLIGHT_H
#define MASTER_INFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "common/board.h"

#define INFLIGHT_NAMED	   8 /* more peers are only counted */
#define INFLIGHT_TEXT_SIZE (INFLIGHT_NAMED * (ADDR_TEXT_SIZE + 2) + 32)

/*
 * The peer that a slot serves, copied so that it cannot change under our eyes.  Its family is
 * AF_UNSPEC if the slot serves none or is not sane.
 */
union addr inflight_peer(const struct flight *flight);

/* How many of the slots (the master's own number) say that they serve a peer. */
uint64_t inflight_count(const struct board *board, uint64_t slots);

/*
 * Writes the peers being served: "192.0.2.7:51515, [2001:db8::1]:9 and 3 more", empty if there
 * are none.  Returns text.
 */
const char *inflight_format(const struct board *board, uint64_t slots,
			    char text[INFLIGHT_TEXT_SIZE]);

#endif
