/* SPDX-License-Identifier: MIT */
/*
 * repair - makes listeners right again that a worker has changed.
 *
 * Workers share the sockets with us.  The guard filter keeps a plugin from changing them; with
 * `sandbox = none`, or behind a hole in the filter, it can.
 */
#ifndef MASTER_REPAIR_H
#define MASTER_REPAIR_H

#include "master/listener.h"

/*
 * Looks at the sockets of a service and restores listening, blocking mode, time limits and, for
 * UDP, that they hear everybody.  Says what was wrong, a line for each socket.
 */
void repair_listeners(const struct config_service *service, const struct listeners *listeners);

#endif
