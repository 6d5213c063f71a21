/* SPDX-License-Identifier: MIT */
/* handover - the memory a worker is handed: its settings, its board, its targets. */
#ifndef MASTER_HANDOVER_H
#define MASTER_HANDOVER_H

#include "common/board.h"
#include "common/settings.h"
#include "master/config.h"

/* What settings say beyond the configuration. */
struct handover {
	enum worker_mode mode;
	int log_level;		/* LOG_ERR .. LOG_DEBUG */
	uint32_t listeners;	/* how many are handed over, or only configured */
	uint32_t tcp_listeners; /* how many of them are TCP */
};

/* A sealed memfd with struct settings and its strings, or -1 with errno. */
int handover_settings(const struct config_service *service,
		      const struct handover *handover) UTIL_CHECKED;

/*
 * A memfd for a board of that many slots, whose size nobody can change any more (a shorter one
 * would kill its reader by SIGBUS), mapped read-only at *ret_board for the caller to munmap(2).
 * -1 with errno.
 */
int handover_board(uint64_t slots, const struct board **ret_board) UTIL_CHECKED;

/* An empty memfd that can be sealed, or -1 with errno. */
int handover_targets(void) UTIL_CHECKED;

/* Whether the worker has named targets and given up every way to change them. */
bool handover_has_targets(int fd);

#endif
