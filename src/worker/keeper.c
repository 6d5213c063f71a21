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
#include "worker/report.h"
#include "worker/service.h"
#include "worker/thread.h"

#define FLUSH_MS     20	  /* [ms] messages are sent together at most this late */
#define TEND_MS	     2000 /* [ms] between looks for threads that nobody needs */
#define DURATION_MS  1000 /* [ms] between looks for connections past max_duration */
#define INTERRUPT_MS 10	  /* [ms] between attempts to wake waiting threads at a stop */
#define CUT_MS	     1000 /* [ms] that handlers get to return once they were cut */
#define NEVER	     INT64_MAX

/* When something is due, in [ms] of CLOCK_MONOTONIC. */
static struct {
	int64_t flush, tend, duration, interrupt, cut, give_up;
	bool draining;
} due = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, false};

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
	sooner(&next, due.duration);
	sooner(&next, due.interrupt);
	sooner(&next, due.cut);
	sooner(&next, due.give_up);
	return next;
}

static void go(void)
{
	int64_t now = util_now_ms();

	if (service.plugin.datagram != NULL && datagram_start() == -1) {
		report_log(LOG_ERR, "cannot receive datagrams: %m");
		(void)report_flush(); /* if it does not fit, the exit status says it */
		_exit(EX_OSERR);
	}
	if (service.settings->tcp_listeners > 0)
		thread_accept();
	if (service.settings->duration_ms != SETTINGS_UNLIMITED)
		due.duration = now + DURATION_MS;
}

static void drain(uint64_t ms)
{
	int64_t now = util_now_ms();

	due.draining = true;
	atomic_store(&service.draining, true);
	thread_stop_accepting();
	due.interrupt = now;
	if (ms < INT64_MAX / 2)
		sooner(&due.cut, now + (int64_t)ms);
}

static void obey(const struct command *command)
{
	if (command->type == COMMAND_GO)
		go();
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
	connect_wake_all();
	due.cut = NEVER;
	due.give_up = now + CUT_MS;
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
	if (now >= due.duration) {
		thread_cut_all(CUT_DURATION, (int64_t)service.settings->duration_ms + DURATION_MS);
		connect_wake_all();
		due.duration = now + DURATION_MS;
	}
	if (now >= due.cut)
		cut_the_rest(now);
	if (now >= due.flush)
		flush(now);
}

/* Threads are waiting no more, only serving: interrupting has done its work. */
static bool is_everybody_told(void)
{
	return datagram_count() == 0 &&
	       thread_count() == atomic_load(&service.board->counters.open);
}

/* The master has closed its listeners, or serves them through a successor: once ours are closed,
 * a client that nobody will serve is refused instead of kept waiting. */
static void close_listeners(void)
{
	for (uint32_t i = 0; i < service.settings->listeners; i++)
		util_close(WORKER_FD_LISTENERS + (int)i);
}

static bool is_drained(int64_t now)
{
	if (due.draining && due.interrupt != NEVER && is_everybody_told()) {
		due.interrupt = NEVER;
		close_listeners();
	}
	return due.draining &&
	       ((thread_count() == 0 && datagram_count() == 0) || now >= due.give_up);
}

/* One line about what was counted, where there were datagrams. */
static void report_datagrams(void)
{
	static const char *const names[DROP_REASONS] = {
		[DROP_PORT] = "port",		[DROP_MULTICAST] = "multicast",
		[DROP_BROADCAST] = "broadcast", [DROP_LOOP] = "loop",
		[DROP_AMPLIFY] = "amplify",	[DROP_DENIED] = "denied",
		[DROP_FAILED] = "failed",	[DROP_SEND] = "send"};
	struct counters *counters = &service.board->counters;
	char dropped[256] = "";
	size_t used = 0;

	if (atomic_load(&counters->datagrams_in) == 0)
		return;
	for (size_t i = 0; i < DROP_REASONS; i++) {
		unsigned long long n = atomic_load(&counters->dropped[i]);

		if (n > 0 && used < sizeof(dropped))
			used += (size_t)snprintf(dropped + used, sizeof(dropped) - used,
						 ", dropped %llu: %s", n, names[i]);
	}
	report_log(LOG_INFO, "datagrams: %llu in, %llu out%s",
		   (unsigned long long)atomic_load(&counters->datagrams_in),
		   (unsigned long long)atomic_load(&counters->datagrams_out), dropped);
}

static void wait_for_work(void)
{
	struct pollfd fds[] = {
		{.fd = WORKER_FD_COMMANDS, .events = POLLIN},
		{.fd = report_bell(), .events = POLLIN},
		{.fd = WORKER_FD_CONNECTOR, .events = POLLIN},
	};
	int64_t next = next_due();
	int64_t left = next - util_now_ms();

	if (left < 0)
		left = 0;
	if (poll(fds, ARRAY_SIZE(fds), next == NEVER ? -1 : (int)left) == -1)
		return; /* EINTR */
	if (fds[0].revents != 0)
		take_commands();
	if (fds[1].revents != 0)
		sooner(&due.flush, util_now_ms());
	if (fds[2].revents != 0)
		connect_take_replies();
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
	int64_t now;

	report_keeper_runs();
	due.flush = util_now_ms();
	do {
		wait_for_work();
		now = util_now_ms();
		if (atomic_exchange(&woken, false))
			sooner(&due.tend, now + TEND_MS);
		keep_time(now);
	} while (!is_drained(now));
	if (thread_count() + datagram_count() > 0)
		report_log(LOG_WARNING, "%u handlers did not return when they were cut",
			   thread_count() + datagram_count());
	else if (service.plugin.stop != NULL)
		service.plugin.stop(&service);
	report_datagrams();
	(void)report_flush(); /* what does not fit now is lost, and counted by nobody */
	return EX_OK;
}
