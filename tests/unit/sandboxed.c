/* SPDX-License-Identifier: MIT */
/* sandboxed - forked children in the sandbox, with stand-ins for the rest of the worker. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "sandboxed.h"
#include "worker/conn.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/service.h"

struct sandboxed *sandboxed;
int sandboxed_gate[2];

_Thread_local struct cservd_conn *conn_current;
struct settings sandboxed_settings = {.mode = MODE_STDIO};
struct cservd_service service = {.settings = &sandboxed_settings};

void conn_cut(struct cservd_conn *conn, enum conn_cut reason)
{
	atomic_store(&conn->cut, (int)reason);
}

void report_prepare(struct message *message, enum message_type type)
{
	memset(message, 0, sizeof(*message));
	message->type = (uint16_t)type;
	message->thread = gettid();
}

int report_now(const struct message *message)
{
	uint32_t at = atomic_fetch_add(&sandboxed->reports, 1);

	if (at < SANDBOXED_REPORTS)
		sandboxed->report[at] = *message;
	return 0;
}

void report_push(const struct message *message)
{
	(void)report_now(message); /* as above */
}

void report_log(int priority, const char *fmt, ...)
{
	struct message message = {.type = MESSAGE_LOG, .priority = (uint8_t)priority};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message.text, sizeof(message.text), fmt, args); /* cut is fine */
	va_end(args);
	(void)report_now(&message); /* as above */
}

void sandboxed_expect(bool holds, const char *what, const char *file, int line)
{
	uint32_t reports = atomic_load(&sandboxed->reports);

	if (holds)
		return;
	dprintf(STDERR_FILENO, "%s:%d: %s: %m; %u denied, first %d\n", file, line, what, reports,
		sandboxed->report[0].number);
	_exit(1);
}

void sandboxed_enter(uint32_t promises, uint32_t listeners)
{
	EXPECT(sandbox_prepare(promises, listeners) == 0);
	EXPECT(sandbox_enter() == 0);
}

void sandboxed_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	EXPECT(pthread_create(&thread, NULL, body, argument) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
}

pid_t sandboxed_start(void (*body)(void))
{
	pid_t pid;

	memset(sandboxed, 0, sizeof(*sandboxed));
	assert_int_equal(pipe2(sandboxed_gate, O_CLOEXEC), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid != 0)
		return pid;
	(void)alarm(SANDBOXED_DEADLINE_S); /* a child that hangs is killed */
	service.board = &sandboxed->board;
	body();
	_exit(0);
}

int sandboxed_end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(sandboxed_gate[0]); /* ends of a pipe */
	(void)close(sandboxed_gate[1]);
	return status;
}

void sandboxed_passes(void (*body)(void))
{
	assert_int_equal(sandboxed_end(sandboxed_start(body)), 0);
}

int sandboxed_set_up(void **state)
{
	(void)state;
	sandboxed = mmap(NULL, sizeof(*sandboxed), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return sandboxed == MAP_FAILED ? -1 : 0;
}
