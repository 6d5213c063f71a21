/* SPDX-License-Identifier: MIT */
/* clash - finds addresses of a configuration that cannot be bound together. */
#ifndef MASTER_CLASH_H
#define MASTER_CLASH_H

#include "master/config.h"

/*
 * Adds an error for each listener of an enabled service that is there twice, or that a wildcard
 * of its family, port and protocol covers: bind(2) would fail with EADDRINUSE.  0, or -1 with
 * errno ENOMEM.
 */
int clash_check(const struct config *config, struct config_errors *errors) UTIL_CHECKED;

#endif
