/* SPDX-License-Identifier: MIT */
/* supervise - runs all services from the first verdict to the last drain. */
#ifndef MASTER_SUPERVISE_H
#define MASTER_SUPERVISE_H

#include "master/config.h"

/*
 * Serves until SIGTERM or SIGINT; loop_init(), spawn_init() and world_init() come first.  plugins:
 * the vetted descriptors of config->services, closed at the end.  on_ready is called once, when
 * every service has said whether it can serve and those that can, serving of them, do accept.
 * Returns the exit status: EX_OK, EX_CONFIG with errors added (then nothing was ever accepted),
 * EX_NOPERM or EX_OSERR after logging why.
 */
int supervise_run(const struct config *config, const int *plugins, struct config_errors *errors,
		  void (*on_ready)(size_t serving));

#endif
