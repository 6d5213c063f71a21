/* SPDX-License-Identifier: MIT */
/* build - makes a configuration out of a draft: defaults, values, and what must fit together. */
#ifndef MASTER_BUILD_H
#define MASTER_BUILD_H

#include "master/draft.h"

/*
 * Makes a config that owns the draft's store.  needs_listen: a service without `listen` is an
 * error.  wrong: how many errors there were before the draft; if there are more, or more are
 * added here, or draft->store is NULL for want of memory, the store is destroyed.  Returns NULL
 * then, with at least one error added.
 */
struct config *build_config(const struct draft *draft, bool needs_listen,
			    size_t wrong) UTIL_CHECKED;

#endif
