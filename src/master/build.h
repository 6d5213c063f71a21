/* SPDX-License-Identifier: MIT */
/* build - makes a configuration out of a draft: defaults, values, and what must fit together. */
#ifndef MASTER_BUILD_H
#define MASTER_BUILD_H

#include "master/draft.h"

/*
 * Makes a config that owns the draft's store.  needs_listen: a service without `listen` is an
 * error.  What is wrong adds errors, and is left out of the config.  NULL, with an error added and
 * the store destroyed, only for want of memory.
 */
struct config *build_config(const struct draft *draft, bool needs_listen) UTIL_CHECKED;

#endif
