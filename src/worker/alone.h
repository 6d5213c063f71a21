/* SPDX-License-Identifier: MIT */
/* alone - has this process one thread, as long as only one is allowed? */
#ifndef WORKER_ALONE_H
#define WORKER_ALONE_H

#include <stdbool.h>

#include "common/util.h"

/*
 * True if the calling thread is the only one, or becomes that within 1 s: a thread is listed a
 * moment longer than pthread_join(3) waits.  Without /proc nothing can be said, which is true.
 */
bool alone_wait(void) UTIL_CHECKED;

#endif
