/* SPDX-License-Identifier: MIT */
/*
 * image - the bytes of plugins as they were vetted.
 *
 * A plugin is copied into a sealed memfd, which every worker loads: whatever happens to the file
 * under running services changes nothing for them, nor for workers that replace dead ones, until
 * a reload.
 */
#ifndef MASTER_IMAGE_H
#define MASTER_IMAGE_H

#include "master/config.h"

#define IMAGE_SIZE_MAX (256 << 20) /* [bytes] of a plugin */

/*
 * Vets the plugin of each service and copies it; services that name the same file share one
 * copy.  Where the kernel forbids to execute a memfd (vm.memfd_noexec = 2, or a security module)
 * it is the vetted file itself, with one line in the log.  Returns an array of descriptors, one
 * for each of config->services, to be given to image_close_all(); or NULL with errors added.
 */
int *image_open_all(const struct config *config, struct config_errors *errors);

/*
 * As image_open_all(), of a config that is wrong: those that cannot be opened, and those of
 * services that are wrong themselves, are -1.  NULL only without memory, with an error added.
 */
int *image_open_right(const struct config *config, struct config_errors *errors);

/* Closes those that are not -1, and frees the array; accepts NULL. */
void image_close_all(int *images, size_t count);

/*
 * Whether two hold the same bytes for ever.  A file that was not copied may change at any time,
 * and equals nothing.
 */
bool image_is_same(int a, int b);

#endif
