/* SPDX-License-Identifier: MIT */
/* check - workers that do one thing and exit: check a configuration, describe a plugin, run once.
 */
#ifndef MASTER_CHECK_H
#define MASTER_CHECK_H

#include "master/config.h"

struct check {
	const struct config_service *service;
	int plugin;		       /* vetted */
	bool is_ready;		       /* result: the configuration is right */
	int status;		       /* result: exit status, -1 if it died or did not start */
	bool has_stream, has_datagram; /* result: handlers of the plugin */
};

/*
 * Starts a worker in MODE_CHECK for each check and returns how many run.  Once those have ended,
 * done is called from within the loop; until then checks and errors must live, and no others may
 * begin.  Errors are added as by check_run(), and one if not all could be started.
 */
size_t check_begin(struct check *checks, size_t count, struct config_errors *errors,
		   void (*done)(void)) UTIL_CHECKED;

/* Kills those that run; done is not called any more. */
void check_cancel(void);

/*
 * Runs one worker in this mode (MODE_CHECK, MODE_INFO, MODE_SANDBOX, MODE_STDIO) for each check,
 * all at the same time, and waits for them; loop_init() comes first.  Adds an error for each wrong
 * option, for a worker that dies and, but for MODE_STDIO, for one that needs more than 10 s. 0, or
 * -1 with errno if that cannot be done.
 */
int check_run(struct check *checks, size_t count, enum worker_mode mode,
	      struct config_errors *errors) UTIL_CHECKED;

#endif
