/* SPDX-License-Identifier: MIT */
/* process - a process for each connection: accepted, forked, listened to, reaped. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>

#include "worker/ban.h"
#include "worker/channel.h"
#include "worker/child.h"
#include "worker/connect.h"
#include "worker/ending.h"
#include "worker/process.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/thread.h"
#include "worker/watch.h"

#define EVENTS_MAX  32	 /* in one turn */
#define ACCEPT_MAX  16	 /* connections in a row, before children are listened to again */
#define SHORTAGE_MS 100	 /* [ms] between attempts while something is short */
#define CUT_MS	    1000 /* [ms] that a handler gets to return once it was cut */
#define ROUND_MS    10	 /* [ms] between signals to the handlers that were cut */
#define LAST_TAKES  64	 /* of a channel, more than it can hold */
#define RESTART_MS  200	 /* [ms] at least between two starts of the process of the datagrams */
#define NEVER	    INT64_MAX
#define NOBODY	    UINT32_MAX

/* What an event is about: the upper half of epoll_data; the lower one says which. */
enum source { FROM_CHILD, FROM_LISTENER, FROM_SIGNALS };

struct slot {
	pid_t pid; /* 0: free */
	struct channel channel;
	bool is_watched; /* the channel */
	bool is_killed;
	int64_t since_ms;
	int64_t kill_ms;    /* NEVER: it was not cut */
	enum conn_cut cut;  /* why */
	uint32_t next_free; /* NOBODY: the last */
};

static struct {
	struct slot *slots;   /* max_connections, and behind them one for the datagrams */
	uint32_t size;	      /* max_connections */
	uint32_t used;	      /* slots of connections that were ever taken */
	uint32_t first_free;  /* among those; NOBODY: none */
	uint32_t connections; /* alive */
	int events;	      /* epoll */
	int signals;	      /* signalfd: SIGCHLD */
	sigset_t mask;	      /* of signals, as plugin code is to have it */
	bool accepting;	      /* between go and drain */
	bool listening;	      /* the listeners are among the events */
	bool short_of;	      /* a shortage was reported and lasts */
	int held; /* a connection that was accepted and could not be forked for, or -1 */
	union addr held_peer;
	int64_t resume_ms, round_ms, restart_ms; /* when due */
} process = {.first_free = NOBODY,
	     .events = -1,
	     .held = -1,
	     .resume_ms = NEVER,
	     .round_ms = NEVER,
	     .restart_ms = NEVER};

static struct slot *datagrams(void)
{
	return &process.slots[process.size];
}

static struct flight *flight_of(const struct slot *slot)
{
	return &service.board->flight[slot - process.slots];
}

static int control(int operation, int fd, enum source source, uint32_t which)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)source << 32 | which};

	return epoll_ctl(process.events, operation, fd, &event);
}

/* Adds the listeners to the events, or takes them out, as it should be now. */
static void update_listening(void)
{
	bool should = process.accepting && process.connections < process.size &&
		      process.resume_ms == NEVER;

	if (should == process.listening)
		return;
	process.listening = should;
	for (uint32_t i = 0; i < service.settings->tcp_listeners; i++) {
		int fd = WORKER_FD_LISTENERS + (int)i;

		/* Out of memory at most: what was added is enough, and another time comes. */
		(void)control(should ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, FROM_LISTENER, i);
	}
}

/* Nothing else makes room than time; saying it once is enough. */
static void wait_out_shortage(const char *what)
{
	if (!process.short_of)
		report_log(LOG_WARNING, "cannot %s: %m; clients wait in the kernel's queue", what);
	process.short_of = true;
	process.resume_ms = util_now_ms() + SHORTAGE_MS;
	update_listening();
}

static struct slot *take_slot(void)
{
	uint32_t number = process.first_free;

	if (number == NOBODY)
		return &process.slots[process.used++];
	process.first_free = process.slots[number].next_free;
	return &process.slots[number];
}

static void give_slot(struct slot *slot)
{
	slot->next_free = process.first_free;
	process.first_free = (uint32_t)(slot - process.slots);
}

/* Where it cannot be watched, the channel is read when the process has ended. */
static void watch(struct slot *slot)
{
	slot->is_watched = control(EPOLL_CTL_ADD, slot->channel.fd, FROM_CHILD,
				   (uint32_t)(slot - process.slots)) == 0;
}

/* Not left to close(2): a process forked this moment still has a copy. */
static void unwatch(struct slot *slot)
{
	if (slot->is_watched)
		(void)epoll_ctl(process.events, EPOLL_CTL_DEL, slot->channel.fd, NULL);
	slot->is_watched = false;
}

/* Forks for the connection fd, or for the datagrams where it is -1.  0 or -1 with errno. */
static int fork_for(struct slot *slot, int fd, const union addr *peer)
{
	struct child_start start = {.parent = getpid(), .mask = process.mask};

	start.channel = channel_open(&slot->channel, (uint32_t)(slot - process.slots), peer);
	if (start.channel == -1)
		return -1;
	slot->pid = fork();
	if (slot->pid == 0 && fd != -1)
		child_serve(&start, fd, peer);
	if (slot->pid == 0)
		child_receive(&start);
	util_close(start.channel);
	if (slot->pid == -1) {
		channel_close(&slot->channel);
		slot->pid = 0;
		return -1;
	}
	slot->since_ms = util_now_ms();
	slot->kill_ms = NEVER;
	slot->cut = CUT_NONE;
	slot->is_killed = false;
	watch(slot);
	return 0;
}

static void begin_flight(const struct slot *slot)
{
	struct flight *flight = flight_of(slot);

	flight->peer = slot->channel.peer;
	flight->since_ms = slot->since_ms;
	atomic_store(&flight->thread, (int32_t)slot->pid);
	atomic_store(&flight->state, FLIGHT_OPEN);
	atomic_fetch_add_explicit(&service.board->counters.accepted, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&service.board->counters.open, 1, memory_order_relaxed);
}

/* The process has the connection from now on; while there can be none, it is held. */
static void serve(int fd, const union addr *peer)
{
	struct slot *slot = take_slot();

	if (fork_for(slot, fd, peer) == -1) {
		give_slot(slot);
		process.held = fd;
		process.held_peer = *peer;
		wait_out_shortage("fork");
		return;
	}
	util_close(fd);
	process.short_of = false;
	process.connections++;
	begin_flight(slot);
	watch_stir();
}

static void start_datagrams(void)
{
	static const union addr nobody;
	struct slot *slot = datagrams();

	process.restart_ms = NEVER;
	if (fork_for(slot, -1, &nobody) == 0)
		return;
	report_log(LOG_WARNING, "cannot fork: %m; datagrams wait");
	process.restart_ms = util_now_ms() + SHORTAGE_MS;
}

static void stop_datagrams(void)
{
	process.restart_ms = NEVER;
	if (datagrams()->pid != 0)
		(void)shutdown(datagrams()->channel.fd, SHUT_WR); /* ENOTCONN: it is ending */
}

static void refuse(int fd)
{
	atomic_fetch_add_explicit(&service.board->counters.refused, 1, memory_order_relaxed);
	util_close(fd);
}

static void on_listener(uint32_t which)
{
	for (int i = 0; i < ACCEPT_MAX && process.listening; i++) {
		union addr peer = {0};
		socklen_t len = sizeof(peer);
		int fd = accept4(WORKER_FD_LISTENERS + (int)which, &peer.sa, &len, SOCK_CLOEXEC);

		if (fd != -1 && ban_refuses(&peer))
			refuse(fd);
		else if (fd != -1)
			serve(fd, &peer);
		else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			wait_out_shortage("accept");
		if (fd == -1)
			return;
		update_listening();
	}
}

static void on_child(uint32_t which)
{
	struct slot *slot = &process.slots[which];

	if (slot->is_watched && channel_take(&slot->channel) == -1)
		unwatch(slot);
	/* What a violation may have made of it, no later datagram is to meet. */
	if (slot == datagrams() && slot->channel.is_tainted)
		stop_datagrams();
}

static void end_connection(struct slot *slot, const siginfo_t *info)
{
	struct counters *counters = &service.board->counters;
	const struct ending ending = {.peer = slot->channel.peer,
				      .since_ms = slot->since_ms,
				      .cut = slot->cut,
				      .is_killed = slot->is_killed,
				      .how = info};

	if (!slot->channel.is_closed)
		ending_report(&ending);
	atomic_store(&flight_of(slot)->state, FLIGHT_FREE);
	atomic_fetch_add_explicit(&counters->in, slot->channel.in, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->out, slot->channel.out, memory_order_relaxed);
	atomic_fetch_sub_explicit(&counters->open, 1, memory_order_relaxed);
	process.connections--;
	give_slot(slot);
}

static void end_datagrams(const struct slot *slot, const siginfo_t *info)
{
	if (info->si_code != CLD_EXITED)
		report_log(LOG_WARNING, "the process of its datagrams died: %s",
			   strsignal(info->si_status));
	else if (info->si_status != 0)
		report_log(LOG_WARNING, "the process of its datagrams exited with status %d",
			   info->si_status);
	if (process.accepting)
		process.restart_ms = slot->since_ms + RESTART_MS;
}

static struct slot *find(pid_t pid)
{
	for (uint32_t i = 0; i < process.used; i++)
		if (process.slots[i].pid == pid)
			return &process.slots[i];
	return datagrams()->pid == pid ? datagrams() : NULL;
}

static void bury(const siginfo_t *info)
{
	struct slot *slot = find(info->si_pid);

	if (slot == NULL)
		return; /* the plugin's own, from its start */
	/* Bounded: one that may fork can have left somebody who still writes. */
	for (int i = 0; i < LAST_TAKES && channel_take(&slot->channel) == 1; i++)
		continue;
	unwatch(slot);
	if (slot != datagrams())
		end_connection(slot, info);
	else
		end_datagrams(slot, info);
	channel_close(&slot->channel);
	slot->pid = 0;
}

static void on_signals(uint32_t which)
{
	struct signalfd_siginfo ignored;
	siginfo_t info = {.si_pid = 0};

	(void)which; /* there is one descriptor for all, and one signal for many ends */
	(void)!read(process.signals, &ignored, sizeof(ignored)); /* only to silence it */
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
		bury(&info);
		info.si_pid = 0;
	}
	update_listening();
}

static void (*const handlers[])(uint32_t) = {
	[FROM_CHILD] = on_child, [FROM_LISTENER] = on_listener, [FROM_SIGNALS] = on_signals};

/* Of the connector; whoever asked may be gone. */
static void take_reply(uint64_t id, int error, int fd)
{
	uint32_t number = channel_number_of(id);

	if (number < process.used && process.slots[number].pid != 0 &&
	    process.slots[number].channel.asked == id)
		channel_reply(&process.slots[number].channel, error, fd);
	else
		util_close(fd);
}

static void resume(void)
{
	int fd = process.held;

	process.resume_ms = NEVER;
	process.held = -1;
	if (fd != -1)
		serve(fd, &process.held_peer);
	update_listening();
}

/* A signal, not a shutdown(2) of a copy of the socket: so the handler learns why it is cut. */
static void signal_child(struct slot *slot, int64_t now)
{
	if (now >= slot->kill_ms && !slot->is_killed) {
		char peer[ADDR_TEXT_SIZE];

		report_log(
			LOG_WARNING,
			"the handler of %s did not return when it was cut: its process is killed",
			addr_format(&slot->channel.peer, peer));
		slot->is_killed = true;
	}
	/* Not reaped yet, so the number is still its own. */
	(void)syscall(SYS_tgkill, slot->pid, slot->pid, slot->is_killed ? SIGKILL : THREAD_SIGNAL);
}

static void signal_those_cut(int64_t now)
{
	process.round_ms = NEVER;
	for (uint32_t i = 0; i < process.used; i++) {
		struct slot *slot = &process.slots[i];

		if (slot->pid == 0 || slot->kill_ms == NEVER)
			continue;
		signal_child(slot, now);
		process.round_ms = now + ROUND_MS;
	}
}

/* Events instead of a handler for SIGCHLD.  0 or -1 with errno. */
static int take_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set); /* neither can fail with these arguments */
	(void)sigaddset(&set, SIGCHLD);
	errno = pthread_sigmask(SIG_BLOCK, &set, &process.mask);
	if (errno != 0)
		return -1;
	process.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (process.signals == -1)
		return -1;
	return control(EPOLL_CTL_ADD, process.signals, FROM_SIGNALS, 0);
}

int process_init(void)
{
	process.size = (uint32_t)service.settings->max_connections;
	process.slots = calloc((size_t)process.size + 1, sizeof(*process.slots));
	if (process.slots == NULL)
		return -1;
	process.events = epoll_create1(EPOLL_CLOEXEC);
	if (process.events == -1)
		return -1;
	connect_forward_to(take_reply);
	return take_signals();
}

void process_go(void)
{
	process.accepting = true;
	update_listening();
	if (service.settings->listeners > service.settings->tcp_listeners)
		start_datagrams();
}

void process_stop_accepting(void)
{
	process.accepting = false;
	update_listening();
	stop_datagrams();
	child_tell_draining();
}

int process_fd(void)
{
	return process.events;
}

void process_turn(void)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(process.events, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++)
		handlers[events[i].data.u64 >> 32]((uint32_t)events[i].data.u64);
}

int64_t process_due(void)
{
	int64_t due = process.resume_ms;

	if (process.round_ms < due)
		due = process.round_ms;
	return process.restart_ms < due ? process.restart_ms : due;
}

void process_keep_time(int64_t now)
{
	if (now >= process.resume_ms)
		resume();
	if (now >= process.restart_ms)
		start_datagrams();
	if (now >= process.round_ms)
		signal_those_cut(now);
}

void process_cut_all(enum conn_cut reason, int64_t age_ms)
{
	int64_t now = util_now_ms();

	if (reason == CUT_DRAIN) {
		util_close(process.held);
		process.held = -1;
	}
	for (uint32_t i = 0; i < process.used; i++) {
		struct slot *slot = &process.slots[i];

		if (slot->pid == 0 || slot->kill_ms != NEVER || now - slot->since_ms < age_ms)
			continue;
		slot->cut = reason;
		slot->kill_ms = now + CUT_MS;
		process.round_ms = now;
	}
}

uint32_t process_count(void)
{
	uint32_t others = process.held != -1;

	if (process.slots != NULL && datagrams()->pid != 0)
		others++;
	return process.connections + others;
}
