/* SPDX-License-Identifier: MIT */
/* connector - the process that resolves and connects for a worker (target.h). */
#ifndef WORKER_CONNECTOR_H
#define WORKER_CONNECTOR_H

#define CONNECTOR_IDLE_MS 60000

/*
 * The main function of MODE_CONNECTOR: serves WORKER_FD_CONNECTOR until the worker's end closes
 * or there was nothing to do for idle_ms [ms].  Requests that are still in the socket stay there
 * for the next connector.  Needs service.settings; installs the sandbox.  Returns the exit
 * status: 0, EX_SOFTWARE (the targets are not sealed or not ours) or EX_OSERR.
 */
int connector_main(int idle_ms);

#endif
