/* SPDX-License-Identifier: MIT */
/*
 * collect - what workers say becomes lines of the log.
 *
 * The bytes are hostile: name and process id are the master's, texts are escaped, and how much
 * of the log one worker can fill in a second is limited.
 */
#ifndef MASTER_COLLECT_H
#define MASTER_COLLECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/message.h"
#include "master/config.h"
#include "master/loop.h"

#define COLLECT_RATE	  1000 /* lines a second that a worker's code decides about */
#define COLLECT_LINE_SIZE 2048

/* The voice of one worker.  Ends with collect_finish(). */
struct collect {
	const struct config_service *service;
	pid_t pid;
	int64_t window_ms;   /* [ms] when the present second began */
	uint32_t lines;	     /* logged in it */
	uint64_t suppressed; /* not yet told */
	struct loop_timer tell;
};

/*
 * Writes the line for a message of type LOG, CLOSED, DENIED, REPEATED or LOST, without the name of
 * the program.  Returns its priority, or -1 for another type.
 */
int collect_format(const struct collect *from, const struct message *message,
		   char line[COLLECT_LINE_SIZE]);

/* All zero but for the service, whose name and grants the lines need, and, later, the pid. */
void collect_init(struct collect *from, const struct config_service *service);

/* Whether a line may be logged at now_ms [ms]; counts it either way. */
bool collect_may_log(struct collect *from, int64_t now_ms);

/* Logs a checked message of such a type. */
void collect_log(struct collect *from, const struct message *message);

/* Says how many lines were suppressed, if any were and nobody was told yet. */
void collect_finish(struct collect *from);

#endif
