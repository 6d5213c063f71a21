/* SPDX-License-Identifier: MIT */
/* vet - decides from the outside whether a plugin file may be loaded. */
#ifndef MASTER_VET_H
#define MASTER_VET_H

#include "master/config.h"

/*
 * Opens the plugin of a service: a regular file that nobody but root (or the ordinary user who
 * runs us) can change.  Returns the descriptor, read-only, which is then the one to load, so
 * that nothing can be exchanged in between; or -1 with one error added.
 */
int vet_plugin(const struct config_service *service, struct config_errors *errors) UTIL_CHECKED;

#endif
