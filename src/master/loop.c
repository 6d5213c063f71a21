/* SPDX-License-Identifier: MIT */
/* loop - the one event loop of the master: descriptors, timers, signals. */
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "master/loop.h"

static struct {
	int epoll;
	bool stopped;
	struct loop_timer *timers; /* the next to expire first */
	struct loop_watch signals;
	void (*on_signal)(int number);
} loop = {.epoll = -1, .signals = {.fd = -1}};

static void read_signal(struct loop_watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop.on_signal((int)info.ssi_signo);
}

/* [ms] until the first timer, for epoll_wait(2): -1 for ever. */
static int sleep_ms(void)
{
	int64_t left;

	if (loop.timers == NULL)
		return -1;
	left = loop.timers->due_ms - util_now_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static void expire_timers(void)
{
	int64_t now = util_now_ms();

	while (!loop.stopped && loop.timers != NULL && loop.timers->due_ms <= now) {
		struct loop_timer *timer = loop.timers;

		loop_clear_timer(timer);
		timer->expired(timer);
	}
}

int loop_init(void)
{
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop.epoll < 0 ? -1 : 0;
}

int loop_take_signals(void (*on_signal)(int number))
{
	sigset_t set;

	(void)sigemptyset(&set); /* cannot fail, as the next five */
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	loop.on_signal = on_signal;
	loop.signals.ready = read_signal;
	loop.signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop.signals.fd < 0)
		return -1;
	return loop_add(&loop.signals, EPOLLIN);
}

int loop_add(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop.epoll, EPOLL_CTL_ADD, watch->fd, &event);
}

int loop_change(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop.epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_remove(struct loop_watch *watch)
{
	(void)epoll_ctl(loop.epoll, EPOLL_CTL_DEL, watch->fd, NULL); /* gone is gone */
}

void loop_set_timer(struct loop_timer *timer, uint64_t ms)
{
	struct loop_timer **at = &loop.timers;
	uint64_t far = (uint64_t)(INT64_MAX / 2);

	loop_clear_timer(timer);
	timer->due_ms = util_now_ms() + (int64_t)(ms < far ? ms : far);
	while (*at != NULL && (*at)->due_ms <= timer->due_ms)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	timer->is_set = true;
}

void loop_clear_timer(struct loop_timer *timer)
{
	struct loop_timer **at = &loop.timers;

	if (!timer->is_set)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->is_set = false;
}

int loop_run(void)
{
	while (!loop.stopped) {
		/* One event a turn, so that a callback may free any other watch; the kernel
		 * puts a descriptor that stays ready at the end of its list (epoll(7)). */
		struct epoll_event event;
		int count = epoll_wait(loop.epoll, &event, 1, sleep_ms());

		if (count < 0 && errno != EINTR)
			return -1;
		if (count == 1) {
			struct loop_watch *watch = event.data.ptr;

			watch->ready(watch, event.events);
		}
		expire_timers();
	}
	loop.stopped = false;
	return 0;
}

void loop_stop(void)
{
	loop.stopped = true;
}
