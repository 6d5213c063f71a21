/* SPDX-License-Identifier: MIT */
/*
 * connector - starts the connector of a worker when the worker first asks for a connection.
 *
 * A connector is a second unprivileged process that may reach the targets its worker sealed,
 * and nothing else; it leaves when it is idle and is started again on demand.
 */
#ifndef MASTER_CONNECTOR_H
#define MASTER_CONNECTOR_H

#include "master/child.h"

struct connector;

/*
 * Watches for requests of a worker that is ready.  Returns NULL if the worker named no targets
 * (errno 0), or with errno.  The worker must outlive the connector.
 */
struct connector *connector_create(struct child *worker);

/* Ends the process, if there is one, and the watching. */
void connector_destroy(struct connector *connector);

#endif
