/* SPDX-License-Identifier: MIT */
/*
 * sandboxed - forked children that live in the sandbox, and what they leave to their parent.
 *
 *	test ---- fork ----> child: enters the sandbox as a worker does, checks what it can
 *	  ^                    |    by itself, leaves the rest in `sandboxed`
 *	  '--- exit status ----'
 *
 * Stand-ins for worker/report.c, worker/conn.c and worker/service.c write there.
 */
#ifndef UNIT_SANDBOXED_H
#define UNIT_SANDBOXED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/board.h"
#include "common/message.h"
#include "common/settings.h"

#define SANDBOXED_DEADLINE_S 30
#define SANDBOXED_REPORTS    16

/* Shared memory, all zero when a child starts. */
struct sandboxed {
	_Atomic uint32_t reports, ready;
	struct message report[SANDBOXED_REPORTS];
	struct board board; /* last: it ends with an array of any length */
};

extern struct sandboxed *sandboxed;

/* The settings of the service; a child may change its own. */
extern struct settings sandboxed_settings;

/* A child waits at [0] until its parent writes to [1]. */
extern int sandboxed_gate[2];

/* In a child: ends it with status 1 and a line on stderr unless the condition holds. */
void sandboxed_expect(bool holds, const char *what, const char *file, int line);

#define EXPECT(condition) sandboxed_expect(condition, #condition, __FILE__, __LINE__)
#define EXPECT_DENIED(call) \
	sandboxed_expect((call) == -1 && errno == EPERM, #call, __FILE__, __LINE__)
#define EXPECT_REPORTS(want) EXPECT(atomic_load(&sandboxed->reports) == (want))

/* In a child: sandbox_prepare() and sandbox_enter(). */
void sandboxed_enter(uint32_t promises, uint32_t listeners);

/* In a child: creates a thread and waits for its end. */
void sandboxed_thread(void *(*body)(void *), void *argument);

/* Forks a child that runs body and exits 0; it is killed after the deadline. */
pid_t sandboxed_start(void (*body)(void));

/* Waits for the child; its wait(2) status. */
int sandboxed_end(pid_t pid);

/* Both in one, and the child must exit 0. */
void sandboxed_passes(void (*body)(void));

/* For cmocka_run_group_tests(): maps the shared memory. */
int sandboxed_set_up(void **state);

#endif
