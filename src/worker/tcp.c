/* SPDX-License-Identifier: MIT */
/*
 * tcp - accepts connections and runs the stream handler on them.
 *
 * A lone listener, which blocks, is waited for in accept4() itself.  Several share one epoll set,
 * level-triggered: the kernel wakes one waiter for an event, not all of them as poll(2) would.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/message.h"
#include "worker/ban.h"
#include "worker/lost.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/stream.h"
#include "worker/tcp.h"
#include "worker/watch.h"

#define SHORTAGE_MS 100	  /* [ms] between attempts while descriptors or memory are short */
#define REPORT_MS   60000 /* [ms] between lines about a shortage */

static struct {
	int epoll;		     /* -1: wait in accept4() */
	int kernel_idle_ms;	     /* what accepted sockets inherit as SO_RCVTIMEO */
	_Atomic int64_t reported_ms; /* [ms] when a shortage was last reported, 0 never */
} acceptor = {.epoll = -1};

/* The idle limit that the master sets on the listeners, in [ms]; after a reload it does so only
 * when this worker may accept. */
static int inherited_idle_ms(void)
{
	uint64_t ms = service.settings->idle_ms;

	return ms < CONN_NO_LIMIT ? (int)ms : CONN_NO_LIMIT;
}

int tcp_init(void)
{
	uint32_t count = service.settings->tcp_listeners;

	if (count == 0)
		return 0;
	acceptor.kernel_idle_ms = inherited_idle_ms();
	if (service.settings->concurrency == CONCURRENCY_PROCESS)
		return 0; /* process.c accepts */
	/* The master makes listeners non-blocking where there may be several; one that an older
	 * worker still waits for with a lone blocking call comes to be so at GO. */
	if (count == 1 && (fcntl(WORKER_FD_LISTENERS, F_GETFL) & O_NONBLOCK) == 0)
		return 0;
	acceptor.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (acceptor.epoll == -1)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		int fd = WORKER_FD_LISTENERS + (int)i;
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (epoll_ctl(acceptor.epoll, EPOLL_CTL_ADD, fd, &event) == -1)
			return -1;
	}
	return 0;
}

/* Whether it is time to say that descriptors or memory are short: it comes and goes quickly. */
static bool is_report_due(void)
{
	int64_t now = util_now_ms();
	int64_t last = atomic_load(&acceptor.reported_ms);

	return (last == 0 || now - last >= REPORT_MS) &&
	       atomic_compare_exchange_strong(&acceptor.reported_ms, &last, now);
}

/* Nothing else makes room than time. */
static void wait_out_shortage(int error)
{
	if (is_report_due()) {
		errno = error;
		report_log(LOG_WARNING, "cannot accept: %m; clients wait in the kernel's queue");
	}
	(void)poll(NULL, 0, SHORTAGE_MS); /* cut short by a signal is fine */
	errno = error;
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Without a word, and before anything of it is read. */
static void refuse(int fd)
{
	atomic_fetch_add_explicit(&service.board->counters.refused, 1, memory_order_relaxed);
	util_close(fd);
	errno = EACCES;
}

int tcp_accept(union addr *ret_peer)
{
	socklen_t len = sizeof(*ret_peer);
	int listener = WORKER_FD_LISTENERS;
	int fd;

	if (acceptor.epoll != -1) {
		struct epoll_event event;

		if (epoll_wait(acceptor.epoll, &event, 1, -1) == -1)
			return -1;
		listener = event.data.fd;
	}
	memset(ret_peer, 0, sizeof(*ret_peer));
	fd = accept4(listener, &ret_peer->sa, &len, SOCK_CLOEXEC);
	if (fd != -1 && ban_refuses(ret_peer)) {
		refuse(fd);
		return -1;
	}
	if (fd == -1)
		lost_check(listener, errno);
	if (fd == -1 && is_shortage(errno))
		wait_out_shortage(errno);
	return fd;
}

static void begin(struct thread_slot *slot, int fd, const union addr *peer)
{
	(void)pthread_mutex_lock(&slot->lock); /* a valid mutex: cannot fail, here and below */
	conn_init(&slot->conn, &stream_ops, &service);
	stream_attach(&slot->conn, fd, acceptor.kernel_idle_ms);
	slot->conn.peer = *peer;
	slot->flight->peer = *peer;
	slot->flight->since_ms = util_now_ms();
	atomic_store(&slot->flight->state, FLIGHT_OPEN);
	(void)pthread_mutex_unlock(&slot->lock);
	atomic_fetch_add_explicit(&service.board->counters.accepted, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&service.board->counters.open, 1, memory_order_relaxed);
	watch_stir();
}

/* How did it end?  The handler's errno may be about something else, a target perhaps. */
static enum message_end judge(const struct cservd_conn *conn, int result)
{
	static const enum message_end cuts[] = {
		[CUT_DRAIN] = END_DRAIN, [CUT_DURATION] = END_DURATION, [CUT_DENIED] = END_DENIED};
	int cut = atomic_load(&conn->cut);

	if (cut != CUT_NONE)
		return cuts[cut];
	if (result == 0)
		return conn->ended ? END_CLIENT : END_HANDLER;
	if (conn->failure == ECONNRESET || conn->failure == EPIPE)
		return END_RESET;
	if (conn->failure != ETIMEDOUT)
		return END_FAILED;
	return util_now_ms() >= conn->deadline_ms ? END_DURATION : END_IDLE;
}

static void report_end(const struct thread_slot *slot, enum message_end end, int error)
{
	const struct cservd_conn *conn = &slot->conn;
	struct message message;

	report_prepare(&message, MESSAGE_CLOSED);
	message.priority = LOG_INFO;
	message.peer = conn->peer;
	message.end = (uint8_t)end;
	message.error = error;
	message.ms = (uint64_t)(util_now_ms() - slot->flight->since_ms);
	message.in = conn->in;
	message.out = conn->out;
	report_push(&message);
}

static void end(struct thread_slot *slot, enum message_end reason, int error)
{
	struct counters *counters = &service.board->counters;
	int fd;

	sandbox_leave(&slot->conn);
	if (service.settings->log_connections || service.is_child) /* whose parent counts by it */
		report_end(slot, reason, error);
	(void)pthread_mutex_lock(&slot->lock);
	fd = slot->conn.fd;
	slot->conn.fd = -1;
	(void)pthread_mutex_unlock(&slot->lock);
	util_close(fd);
	atomic_fetch_add_explicit(&counters->in, slot->conn.in, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->out, slot->conn.out, memory_order_relaxed);
	atomic_fetch_sub_explicit(&counters->open, 1, memory_order_relaxed);
}

void tcp_serve(struct thread_slot *slot, int fd, const union addr *peer)
{
	enum message_end reason;
	int result, error;

	begin(slot, fd, peer);
	conn_current = &slot->conn;
	sandbox_unblock();
	errno = 0;
	result = service.plugin.stream(&slot->conn);
	error = result == 0 ? 0 : errno;
	reason = judge(&slot->conn, result);
	conn_finish(&slot->conn);
	stream_linger(&slot->conn);
	conn_current = NULL;
	end(slot, reason, error);
}
