/* SPDX-License-Identifier: MIT */
/* alike - whether two services are configured alike. */
#ifndef MASTER_ALIKE_H
#define MASTER_ALIKE_H

#include "master/config.h"

/*
 * Whether everything in effect is equal: every key of keys.c, every option, and the path and the
 * ids that follow from them.  Where in a file it stands does not matter.
 */
bool alike_services(const struct config_service *a, const struct config_service *b);

#endif
