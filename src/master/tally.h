/* SPDX-License-Identifier: MIT */
/* tally - what a worker counted, in words; its board is hostile, and outlives it. */
#ifndef MASTER_TALLY_H
#define MASTER_TALLY_H

#include "common/board.h"

#define TALLY_TEXT_SIZE 512

/*
 * Writes "datagrams: 8 in, 1 out, dropped 7: amplify", with each reason that dropped any, or
 * nothing if no datagram came.  Returns text.
 */
const char *tally_format(const struct board *board, char text[TALLY_TEXT_SIZE]);

#endif
