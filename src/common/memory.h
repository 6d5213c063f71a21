/* SPDX-License-Identifier: MIT */
/* memory - shared memory that holds data, and never code. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include "common/util.h"

/* An empty memfd of this name that can be sealed and is closed at exec; -1 with errno. */
int memory_create(const char *name) UTIL_CHECKED;

#endif
