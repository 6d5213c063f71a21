/* SPDX-License-Identifier: MIT */
/* ending - how a connection ended whose process (concurrency = process) did not live to say it. */
#ifndef WORKER_ENDING_H
#define WORKER_ENDING_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "worker/conn.h"

struct ending {
	union addr peer;
	int64_t since_ms;     /* [ms] CLOCK_MONOTONIC */
	enum conn_cut cut;    /* whether and why the worker had cut it */
	bool is_killed;	      /* for it did not return then */
	const siginfo_t *how; /* of waitid(2) */
};

/* Reports it as MESSAGE_CLOSED; without log_connections only if it was a crash. */
void ending_report(const struct ending *ending);

#endif
