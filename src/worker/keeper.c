/* SPDX-License-Identifier: MIT */
/* keeper - the worker's main thread once it serves: commands, messages, clocks, drain. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "common/message.h"
#include "worker/connect.h"
#include "worker/datagram.h"
#include "worker/keeper.h"
#include "worker/lost.h"
#include "worker/process.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/thread.h"
#include "worker/watch.h"

#define FLUSH_MS     20	  /* [ms] messages are sent together at most this late */
#define TEND_MS	     2000 /* [ms] between looks for threads that nobody needs */
#define GRACE_MS     1000 /* [ms] beyond max_duration before a connection is cut */
#define INTERRUPT_MS 10	  /* [ms] between attempts to wake waiting threads at a stop */
#define CUT_MS	     1000 /* [ms] that handlers get to return once they were cut */
#define NEVER	     INT64_MAX

/* When something is due, in [ms] of CLOCK_MONOTONIC. */
static struct {
	int64_t flush, tend, look, interrupt, cut, give_up;
	bool draining, stopped;
} due = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, false, false};

static _Atomic bool woken; /* keeper_wake() was called */

static void sooner(int64_t *when, int64_t candidate)
{
	if (candidate < *when)
		*when = candidate;
}

static int64_t next_due(void)
{
	int64_t next = due.flush;

	sooner(&next, due.tend);
	sooner(&next, due.look);
	sooner(&next, due.interrupt);
	sooner(&next, due.cut);
	sooner(&next, due.give_up);
	sooner(&next, process_due());
	return next;
}

static bool is_forking(void)
{
	return service.settings->concurrency == CONCURRENCY_PROCESS;
}

static void go(void)
{
	if (is_forking()) {
		process_go();
		return;
	}
	if (service.plugin.datagram != NULL && datagram_start() == -1) {
		report_log(LOG_ERR, "cannot receive datagrams: %m");
		(void)report_flush(); /* if it does not fit, the exit status says it */
		_exit(EX_OSERR);
	}
	if (service.settings->tcp_listeners > 0)
		thread_accept();
}

static void answer(void)
{
	struct message message;

	report_prepare(&message, MESSAGE_ALIVE);
	report_push(&message);
}

static void drain(uint64_t ms)
{
	int64_t now = util_now_ms();

	due.draining = true;
	atomic_store(&service.draining, true);
	if (is_forking()) {
		process_stop_accepting();
	} else {
		thread_stop_accepting();
		due.interrupt = now;
	}
	if (ms < INT64_MAX / 2)
		sooner(&due.cut, now + (int64_t)ms);
}

static void obey(const struct command *command)
{
	if (command->type == COMMAND_GO)
		go();
	else if (command->type == COMMAND_PING)
		answer();
	else if (command->type == COMMAND_DRAIN)
		drain(command->ms);
}

/* Reads the commands that wait.  The master gone is a command to end. */
static void take_commands(void)
{
	struct command command;
	ssize_t n;

	while ((n = recv(WORKER_FD_COMMANDS, &command, sizeof(command), MSG_DONTWAIT)) > 0) {
		if (n == sizeof(command))
			obey(&command);
	}
	if (n == 0)
		_exit(EX_OK); /* nobody is left to serve for */
}

/* Messages go out in bunches: while there are any, the bell stays unarmed for FLUSH_MS, so that
 * a busy service does not wake the keeper for each. */
static void flush(int64_t now)
{
	bool busy = report_flush() != 0 || report_sleep() == 0;

	due.flush = busy ? now + FLUSH_MS : NEVER;
}

static void cut_the_rest(int64_t now)
{
	thread_cut_all(CUT_DRAIN, 0);
	process_cut_all(CUT_DRAIN, 0);
	connect_wake_all();
	due.cut = NEVER;
	due.give_up = now + CUT_MS;
}

/* Once a second while there are clients: does one stay too long, or hang, or cost too much? */
static int64_t look(int64_t now)
{
	if (service.settings->duration_ms != SETTINGS_UNLIMITED) {
		int64_t limit = (int64_t)service.settings->duration_ms + GRACE_MS;

		thread_cut_all(CUT_DURATION, limit);
		process_cut_all(CUT_DURATION, limit);
		connect_wake_all();
	}
	return watch_look(now) ? now + WATCH_MS : NEVER;
}

static void keep_time(int64_t now)
{
	if (now >= due.interrupt) {
		thread_interrupt();
		datagram_interrupt();
		due.interrupt = now + INTERRUPT_MS;
	}
	if (now >= due.tend)
		due.tend = thread_tend() ? now + TEND_MS : NEVER;
	if (now >= due.look)
		due.look = look(now);
	if (now >= due.cut)
		cut_the_rest(now);
	process_keep_time(now);
	if (now >= due.flush)
		flush(now);
}

/* Threads are waiting no more, only serving: interrupting has done its work. */
static bool is_everybody_told(void)
{
	return datagram_count() == 0 &&
	       (is_forking() || thread_count() == atomic_load(&service.board->counters.open));
}

/* What comes from now on is for a successor.  Where there is none, and the master has closed its
 * listeners too, clients are refused instead of kept waiting, and the port is free again, however
 * long the connections here go on. */
static void tell_stopped(void)
{
	due.stopped = true;
	due.interrupt = NEVER;
	for (uint32_t i = 0; i < service.settings->listeners; i++)
		util_close(WORKER_FD_LISTENERS + (int)i);
	report_state(MESSAGE_STOPPED, "%s", "");
}

static bool is_drained(int64_t now)
{
	if (due.draining && !due.stopped && is_everybody_told())
		tell_stopped();
	return due.draining && process_count() == 0 &&
	       ((thread_count() == 0 && datagram_count() == 0) || now >= due.give_up);
}

static void report_refused(void)
{
	unsigned long long n = atomic_load(&service.board->counters.refused);

	if (n > 0)
		report_log(LOG_INFO, "refused for their crash penalty: %llu connection%s", n,
			   n == 1 ? "" : "s");
}

static void wait_for_work(void)
{
	struct pollfd fds[] = {
		{.fd = WORKER_FD_COMMANDS, .events = POLLIN},
		{.fd = report_bell(), .events = POLLIN},
		{.fd = WORKER_FD_CONNECTOR, .events = POLLIN},
		{.fd = process_fd(), .events = POLLIN},
	};
	int64_t next = next_due();
	int64_t left = next - util_now_ms();

	if (left < 0)
		left = 0;
	if (poll(fds, ARRAY_SIZE(fds), next == NEVER ? -1 : (int)left) == -1)
		return; /* EINTR */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i].revents & POLLNVAL)
			lost_check(fds[i].fd, EBADF);
	if (fds[0].revents != 0)
		take_commands();
	if (fds[1].revents != 0)
		sooner(&due.flush, util_now_ms());
	if (fds[2].revents != 0)
		connect_take_replies();
	if (fds[3].revents != 0)
		process_turn();
}

int keeper_init(void)
{
	return report_init();
}

void keeper_wake(void)
{
	atomic_store(&woken, true);
	report_ring();
}

int keeper_run(void)
{
	unsigned int left;
	int64_t now;

	report_keeper_runs();
	due.flush = util_now_ms();
	do {
		wait_for_work();
		now = util_now_ms();
		if (atomic_exchange(&woken, false))
			sooner(&due.tend, now + TEND_MS);
		if (due.look == NEVER && watch_is_stirred()) {
			answer(); /* so that the master asks from now on */
			due.look = now + WATCH_MS;
		}
		keep_time(now);
	} while (!is_drained(now));
	left = thread_count() + datagram_count();
	if (left > 0)
		report_log(LOG_WARNING, "%u handler%s did not return when %s cut", left,
			   left == 1 ? "" : "s", left == 1 ? "it was" : "they were");
	else if (service.plugin.stop != NULL)
		service.plugin.stop(&service);
	report_refused();
	(void)report_flush(); /* what does not fit now is lost, and counted by nobody */
	return EX_OK;
}
