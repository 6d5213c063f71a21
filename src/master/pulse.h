/* SPDX-License-Identifier: MIT */
/* pulse - tells a worker that hangs from one that has nothing to do. */
#ifndef MASTER_PULSE_H
#define MASTER_PULSE_H

#include "master/child.h"

enum pulse {
	PULSE_IDLE,   /* nothing happened since the last look, nothing is open, nobody waits */
	PULSE_BUSY,   /* it was asked for a sign of life */
	PULSE_SILENT, /* it has not given one for its hang_timeout */
};

/*
 * Looks at a worker that serves; has_client: somebody waits to be accepted.  To be called twice
 * in a hang_timeout.  is_late: the last look was longer ago than that, because we ourselves were
 * stopped, and so perhaps the worker; then its time begins anew.
 */
enum pulse pulse_look(struct child *child, bool has_client, bool is_late);

#endif
