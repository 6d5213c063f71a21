/* SPDX-License-Identifier: MIT */
/*
 * vet - decides whether a file may be used: only root, or the ordinary user who runs us, can
 * have put it there or can change it.
 *
 * Links are resolved first.  The real path is then walked from / by descriptors, and every
 * directory on it is looked at through the descriptor that opens the next: what is judged is what
 * is used, whatever happens to names meanwhile.
 */
#ifndef MASTER_VET_H
#define MASTER_VET_H

#include <limits.h>
#include <sys/types.h>

#include "master/config.h"

#define VET_WHY_SIZE (2 * PATH_MAX + 256)

/*
 * Opens a regular file that can be trusted; never waits, not even for the writer of a fifo.
 * Returns a descriptor, read-only, or -1 with errno and why: what is wrong and what to do about
 * it, or empty if errno says all.
 */
int vet_open(const char *path, char why[VET_WHY_SIZE]) UTIL_CHECKED;

/* The same for a folder whose files are to be listed.  0, or -1 as above. */
int vet_folder(const char *path, char why[VET_WHY_SIZE]) UTIL_CHECKED;

/* Opens the plugin of a service as vet_open() does; -1 with one error added. */
int vet_plugin(const struct config_service *service, struct config_errors *errors) UTIL_CHECKED;

#endif
