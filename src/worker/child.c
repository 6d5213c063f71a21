/* SPDX-License-Identifier: MIT */
/* child - what a process does that the worker forked. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <syslog.h>

#include "common/memory.h"
#include "worker/child.h"
#include "worker/connect.h"
#include "worker/datagram.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/tcp.h"
#include "worker/thread.h"
#include "worker/watch.h"

#define NULL_FD	     STDIN_FILENO /* /dev/null in a worker that serves */
#define INTERRUPT_MS 10		  /* [ms] between attempts to wake datagram threads at the end */

static struct {
	_Atomic bool *draining;		    /* the worker's view; not in children */
	const _Atomic bool *draining_child; /* theirs, which nothing can make writable */
	unsigned int own;		    /* descriptors from this number on are the worker's */
} inherited;

/* Not _exit(2), before which AddressSanitizer opens a file. */
static _Noreturn void end(int status)
{
	for (;;)
		(void)syscall(SYS_exit_group, status); /* does not return */
}

/* The number after the highest open descriptor, no other below being free; -1 with errno. */
static int fill_gaps(void)
{
	struct rlimit files;
	int highest = WORKER_FD_LISTENERS + (int)service.settings->listeners - 1;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		return -1;
	for (int fd = highest; fd < (int)files.rlim_cur; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			highest = fd;
	for (int fd = 0; fd < highest; fd++)
		if (fcntl(fd, F_GETFD) == -1 && dup3(NULL_FD, fd, O_CLOEXEC) == -1)
			return -1;
	return highest + 1;
}

/* One page, mapped twice: to be written here, and to be read by children for ever. */
static int share_draining(void)
{
	CLEANUP_CLOSE int fd = memory_create("cservd-draining");
	size_t size = sizeof(_Atomic bool);
	void *ours, *theirs;

	if (fd == -1 || ftruncate(fd, (off_t)size) == -1)
		return -1;
	ours = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ours == MAP_FAILED || madvise(ours, size, MADV_DONTFORK) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == -1)
		return -1;
	theirs = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (theirs == MAP_FAILED)
		return -1;
	inherited.draining = ours;
	inherited.draining_child = theirs;
	return 0;
}

/*
 * The worker sends this signal only to cut, at max_duration or at the end of a drain.  It ends a
 * wait for an outgoing connection as well, so that those need not be touched here.
 */
static void on_cut(int number)
{
	struct cservd_conn *conn = conn_current;
	int saved = errno;

	(void)number; /* installed for one only */
	if (service.is_child && conn != NULL && conn->fd != -1)
		conn_cut(conn, util_now_ms() >= conn->deadline_ms ? CUT_DURATION : CUT_DRAIN);
	errno = saved;
}

/* What should stand at a number of enum worker_fd in a child; connection is -1 if it has none. */
static int source_of(int number, int channel, int connection)
{
	int first_udp = WORKER_FD_LISTENERS + (int)service.settings->tcp_listeners;

	if (number == WORKER_FD_MESSAGES || number == WORKER_FD_CONNECTOR)
		return channel;
	if (number == WORKER_FD_COMMANDS && connection != -1)
		return connection;
	return connection == -1 && number >= first_udp ? number : NULL_FD;
}

/* No number becomes free: the guard of the listeners would be in the way of what gets theirs. */
static int arrange_fds(int channel, int connection)
{
	int end_of_fixed = WORKER_FD_LISTENERS + (int)service.settings->listeners;

	for (int fd = WORKER_FD_COMMANDS; fd < end_of_fixed; fd++) {
		int source = source_of(fd, channel, connection);

		if (source != fd && dup3(source, fd, O_CLOEXEC) == -1)
			return -1;
	}
	return close_range(inherited.own, UINT_MAX, 0);
}

/* The same place, other memory: what is counted here, the worker learns from MESSAGE_CLOSED. */
static int leave_board(void)
{
	void *board = mmap(service.board, board_size(service.settings->max_connections),
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return board == MAP_FAILED ? -1 : 0;
}

/* Everything up to plugin code.  0 or -1 with errno. */
static int enter(const struct child_start *start, const char *name, int connection)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		return -1;
	if (getppid() != start->parent)
		end(EX_OK);		/* the worker died before that */
	(void)prctl(PR_SET_NAME, name); /* only for ps(1) */
	service.is_child = true;
	service.parent_draining = inherited.draining_child;
	report_enter_child();
	connect_forward_to(NULL);
	if (arrange_fds(start->channel, connection) == -1)
		return -1;
	errno = pthread_sigmask(SIG_SETMASK, &start->mask, NULL);
	if (errno != 0)
		return -1;
	return service.settings->unsandboxed ? 0 : sandbox_enter_child(connection == -1);
}

static _Noreturn void fail(const char *what)
{
	report_log(LOG_ERR, "cannot %s in a process of its own: %m", what);
	end(EX_OSERR);
}

int child_init(void)
{
	struct sigaction action = {.sa_handler = on_cut};
	int own = fill_gaps();

	if (own == -1 || share_draining() == -1)
		return -1;
	inherited.own = (unsigned int)own;
	return sigaction(THREAD_SIGNAL, &action, NULL);
}

void child_tell_draining(void)
{
	atomic_store(inherited.draining, true);
}

_Noreturn void child_serve(const struct child_start *start, int fd, const union addr *peer)
{
	static struct thread_slot slot = {.lock = PTHREAD_MUTEX_INITIALIZER, .conn.fd = -1};

	if (leave_board() == -1 || enter(start, "connection", fd) == -1)
		fail("serve a connection");
	slot.flight = service.board->flight;
	tcp_serve(&slot, WORKER_FD_COMMANDS, peer); /* where arrange_fds() put it */
	end(EX_OK);
}

/* Returns when the worker has closed its side of the channel; a hung handler ends the process. */
static void wait_for_stop(void)
{
	struct pollfd stop = {.fd = WORKER_FD_MESSAGES, .events = POLLIN};
	uint64_t hang_ms = service.settings->hang_ms;

	while (poll(&stop, 1, hang_ms == SETTINGS_UNLIMITED ? -1 : WATCH_MS) != 1) {
		if (hang_ms == SETTINGS_UNLIMITED ||
		    !datagram_is_hung(util_now_ms(), (int64_t)hang_ms))
			continue;
		report_log(LOG_WARNING, "a handler of datagrams does not return");
		end(EX_SOFTWARE);
	}
}

_Noreturn void child_receive(const struct child_start *start)
{
	if (enter(start, "datagrams", -1) == -1 || thread_start() == -1 || datagram_start() == -1)
		fail("receive datagrams");
	wait_for_stop();
	thread_stop_accepting();
	while (datagram_count() > 0) {
		datagram_interrupt();
		(void)poll(NULL, 0, INTERRUPT_MS); /* cut short by a signal is fine */
	}
	end(EX_OK);
}
