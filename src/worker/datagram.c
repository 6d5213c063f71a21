/* SPDX-License-Identifier: MIT */
/*
 * datagram - receives in batches, runs the datagram handler, sends the replies in batches.
 *
 *	recvmmsg --> [inbox: 32 datagrams] --> guard --> handler --> [outbox] --> sendmmsg
 *
 * The outbox is sent when the inbox is done, or when it is full.  A reply leaves from the address
 * its request came to (IP_PKTINFO, ip(7)).
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/settings.h"
#include "worker/ban.h"
#include "worker/conn.h"
#include "worker/datagram.h"
#include "worker/guard.h"
#include "worker/keeper.h"
#include "worker/lost.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/thread.h"
#include "worker/watch.h"

#define INBOX_SIZE   32
#define OUTBOX_SIZE  64
#define OUTBOX_BYTES (256 * 1024)
#define LARGEST	     65507 /* [bytes] of payload that IPv4 carries */
#define HEADER_BYTES 28	   /* of IPv4 and UDP, which each further reply costs of the budget */
#define RETRY_MS     100   /* [ms] after an error of recvmmsg(2) */

/* Room for the control message of either family. */
union control {
	struct cmsghdr align;
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct inbox {
	struct mmsghdr message[INBOX_SIZE];
	struct iovec part[INBOX_SIZE];
	union addr peer[INBOX_SIZE];
	union control control[INBOX_SIZE];
	char *bytes; /* INBOX_SIZE * CSERVD_MAX_DATAGRAM, touched only as far as datagrams reach */
};

struct outbox {
	struct mmsghdr message[OUTBOX_SIZE];
	struct iovec part[OUTBOX_SIZE];
	union addr peer[OUTBOX_SIZE];
	union control control[OUTBOX_SIZE];
	unsigned int count;
	uint32_t flushes; /* how often it was sent; tells that a mark in it is out of date */
	size_t used;	  /* of bytes */
	char bytes[OUTBOX_BYTES];
};

/* All that one datagram thread has. */
struct lane {
	int fd;
	uint16_t port; /* of the listener */
	_Atomic int32_t thread;
	_Atomic bool alive;
	_Atomic uint32_t turn; /* odd: a handler runs; a clock would cost each datagram more */
	uint32_t seen_turn;    /* what the keeper saw last, */
	int64_t seen_ms;       /* and since when, in [ms] of CLOCK_MONOTONIC */
	struct guard guard;
	struct inbox inbox;
	struct outbox outbox;
};

/* One datagram as its handler sees it. */
struct datagram {
	struct cservd_conn conn;
	struct lane *lane;
	const char *payload;
	size_t size;
	bool taken;
	bool is_counted; /* as dropped */
	bool has_replied;
	uint64_t budget; /* [bytes] that replies may still have */
};

static struct lane *lanes[SETTINGS_LISTENERS_MAX];
static uint32_t lane_count;

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static void count_drop(enum drop_reason reason)
{
	count(&service.board->counters.dropped[reason], 1);
}

static void sent(const struct mmsghdr *message)
{
	count(&service.board->counters.datagrams_out, 1);
	count(&service.board->counters.datagram_bytes_out, message->msg_len);
}

/* Sends all that is queued; a reply that the kernel refuses is counted and left out. */
static void outbox_flush(struct lane *lane)
{
	struct outbox *outbox = &lane->outbox;
	unsigned int done = 0;

	while (done < outbox->count) {
		int n = sendmmsg(lane->fd, outbox->message + done, outbox->count - done, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			lost_check(lane->fd, errno);
			count_drop(DROP_SEND);
			done++;
			continue;
		}
		for (int i = 0; i < n; i++)
			sent(&outbox->message[done + (unsigned int)i]);
		done += (unsigned int)n;
	}
	outbox->count = 0;
	outbox->used = 0;
	outbox->flushes++;
}

/* Writes the control message that makes a reply leave from the address local.  Its length. */
static size_t set_source(union control *control, const union addr *local)
{
	bool is_v6 = local->sa.sa_family == AF_INET6;
	struct msghdr header = {.msg_control = control, .msg_controllen = sizeof(*control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);

	memset(control, 0, sizeof(*control));
	cmsg->cmsg_level = is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	cmsg->cmsg_type = is_v6 ? IPV6_PKTINFO : IP_PKTINFO;
	if (is_v6) {
		struct in6_pktinfo info = {.ipi6_addr = local->in6.sin6_addr,
					   .ipi6_ifindex = local->in6.sin6_scope_id};

		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	struct in_pktinfo info = {.ipi_spec_dst = local->in4.sin_addr};

	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

static void outbox_add(struct lane *lane, const struct cservd_conn *conn, const void *buf,
		       size_t size)
{
	struct outbox *outbox = &lane->outbox;
	unsigned int i;

	if (outbox->count == OUTBOX_SIZE || size > OUTBOX_BYTES - outbox->used)
		outbox_flush(lane);
	i = outbox->count++;
	if (size > 0)
		memcpy(outbox->bytes + outbox->used, buf, size);
	outbox->part[i] = (struct iovec){.iov_base = outbox->bytes + outbox->used, .iov_len = size};
	outbox->used += size;
	outbox->peer[i] = conn->peer;
	outbox->message[i].msg_hdr = (struct msghdr){
		.msg_name = &outbox->peer[i],
		.msg_namelen = addr_len(&conn->peer),
		.msg_iov = &outbox->part[i],
		.msg_iovlen = 1,
		.msg_control = &outbox->control[i],
		.msg_controllen = set_source(&outbox->control[i], &conn->local),
	};
}

static struct datagram *datagram_of(struct cservd_conn *conn)
{
	return (struct datagram *)((char *)conn - offsetof(struct datagram, conn));
}

static ssize_t datagram_read(struct cservd_conn *conn, void *buf, size_t size)
{
	struct datagram *datagram = datagram_of(conn);

	if (conn_check_cut(conn) == -1)
		return -1;
	if (datagram->taken)
		return 0;
	if (size < datagram->size) {
		errno = EMSGSIZE;
		return -1;
	}
	if (datagram->size > 0)
		memcpy(buf, datagram->payload, datagram->size);
	datagram->taken = true;
	conn->ended = true;
	return (ssize_t)datagram->size;
}

static int datagram_write(struct cservd_conn *conn, const void *buf, size_t size)
{
	struct datagram *datagram = datagram_of(conn);
	/* Else a datagram could be answered by any number of empty ones. */
	uint64_t cost = size + (datagram->has_replied ? HEADER_BYTES : 0);

	if (conn_check_cut(conn) == -1)
		return -1;
	if (conn->finished) {
		errno = EPIPE;
		return -1;
	}
	if (cost > datagram->budget && !datagram->is_counted) {
		count_drop(DROP_AMPLIFY);
		datagram->is_counted = true;
	}
	if (cost > datagram->budget || size > LARGEST) {
		errno = EMSGSIZE;
		return -1;
	}
	datagram->budget -= cost;
	datagram->has_replied = true;
	outbox_add(datagram->lane, conn, buf, size);
	return 0;
}

/* The payload is there, and so is its end. */
static int datagram_wait(struct cservd_conn *conn, int ms)
{
	(void)ms;
	return conn_check_cut(conn) == -1 ? -1 : 1;
}

static int datagram_finish(struct cservd_conn *conn)
{
	conn->finished = true;
	return 0;
}

static const struct conn_ops datagram_ops = {
	.read = datagram_read,
	.write = datagram_write,
	.wait = datagram_wait,
	.finish = datagram_finish,
};

/* The address a datagram was sent to, with the listener's port. */
static void find_local(const struct lane *lane, struct msghdr *header, union addr *ret_local)
{
	memset(ret_local, 0, sizeof(*ret_local));
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			ret_local->in4 = (struct sockaddr_in){.sin_family = AF_INET,
							      .sin_port = htons(lane->port),
							      .sin_addr = info.ipi_addr};
		} else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			ret_local->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
							       .sin6_port = htons(lane->port),
							       .sin6_addr = info.ipi6_addr};
			/* Only link-local addresses are ambiguous without the interface. */
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				ret_local->in6.sin6_scope_id = info.ipi6_ifindex;
		}
	}
}

/* Runs the handler.  A denied call takes back the replies that have not left yet. */
static void handle(struct lane *lane, struct datagram *datagram)
{
	struct outbox *outbox = &lane->outbox;
	unsigned int count_before = outbox->count;
	uint32_t flushes_before = outbox->flushes;
	size_t used_before = outbox->used;
	int result;

	conn_current = &datagram->conn;
	(void)atomic_fetch_add_explicit(&lane->turn, 1, memory_order_relaxed);
	result = service.plugin.datagram(&datagram->conn);
	(void)atomic_fetch_add_explicit(&lane->turn, 1, memory_order_relaxed);
	conn_current = NULL;
	sandbox_leave(&datagram->conn);
	conn_finish(&datagram->conn);
	if (atomic_load(&datagram->conn.cut) != CUT_DENIED) {
		if (result == -1 && !datagram->is_counted)
			count_drop(DROP_FAILED);
		return;
	}
	count_drop(DROP_DENIED);
	/* If the outbox was sent meanwhile, all that is in it now is of this datagram. */
	outbox->count = outbox->flushes == flushes_before ? count_before : 0;
	outbox->used = outbox->flushes == flushes_before ? used_before : 0;
}

static void dispatch(struct lane *lane, unsigned int i)
{
	struct mmsghdr *message = &lane->inbox.message[i];
	struct datagram datagram = {
		.lane = lane, .payload = lane->inbox.part[i].iov_base, .size = message->msg_len};
	int reason;

	conn_init(&datagram.conn, &datagram_ops, &service);
	datagram.conn.peer = lane->inbox.peer[i];
	find_local(lane, &message->msg_hdr, &datagram.conn.local);
	datagram.budget = guard_budget(datagram.size, service.settings->udp_amplify);
	count(&service.board->counters.datagrams_in, 1);
	count(&service.board->counters.datagram_bytes_in, message->msg_len);
	reason = guard_check(&lane->guard, &datagram.conn.peer, &datagram.conn.local);
	if (reason == -1 && ban_refuses(&datagram.conn.peer))
		reason = DROP_BANNED;
	if (reason != -1)
		count_drop((enum drop_reason)reason);
	else
		handle(lane, &datagram);
}

/* recvmmsg(2) overwrites lengths; they are set again before each call. */
static void inbox_reset(struct inbox *inbox)
{
	for (unsigned int i = 0; i < INBOX_SIZE; i++) {
		inbox->part[i] =
			(struct iovec){.iov_base = inbox->bytes + (size_t)i * CSERVD_MAX_DATAGRAM,
				       .iov_len = CSERVD_MAX_DATAGRAM};
		inbox->message[i].msg_hdr = (struct msghdr){
			.msg_name = &inbox->peer[i],
			.msg_namelen = sizeof(inbox->peer[i]),
			.msg_iov = &inbox->part[i],
			.msg_iovlen = 1,
			.msg_control = &inbox->control[i],
			.msg_controllen = sizeof(inbox->control[i]),
		};
	}
}

static void *datagram_thread(void *argument)
{
	struct lane *lane = argument;

	(void)prctl(PR_SET_NAME, "datagram"); /* only for ps(1) */
	atomic_store(&lane->thread, (int32_t)syscall(SYS_gettid));
	while (!thread_is_stopping()) {
		int n;

		inbox_reset(&lane->inbox);
		n = recvmmsg(lane->fd, lane->inbox.message, INBOX_SIZE, MSG_WAITFORONE, NULL);
		if (n == -1) {
			lost_check(lane->fd, errno);
			if (errno != EINTR) /* memory is short, perhaps: do not spin */
				(void)poll(NULL, 0, RETRY_MS);
			continue;
		}
		sandbox_unblock();
		guard_refresh(&lane->guard);
		watch_stir();
		for (int i = 0; i < n; i++)
			dispatch(lane, (unsigned int)i);
		outbox_flush(lane);
	}
	atomic_store(&lane->alive, false);
	keeper_wake();
	return NULL;
}

static struct lane *lane_create(int fd)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	union addr local = {0};
	socklen_t len = sizeof(local);

	if (lane == NULL)
		return NULL;
	lane->inbox.bytes = mmap(NULL, (size_t)INBOX_SIZE * CSERVD_MAX_DATAGRAM,
				 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lane->inbox.bytes == MAP_FAILED || getsockname(fd, &local.sa, &len) == -1) {
		free(lane);
		return NULL;
	}
	lane->fd = fd;
	lane->port = addr_port(&local);
	guard_init(&lane->guard, service.world);
	return lane;
}

int datagram_start(void)
{
	uint32_t first = service.settings->tcp_listeners;

	for (uint32_t i = first; i < service.settings->listeners; i++) {
		struct lane *lane = lane_create(WORKER_FD_LISTENERS + (int)i);

		if (lane == NULL)
			return -1;
		lanes[lane_count++] = lane;
		atomic_store(&lane->alive, true);
		if (thread_create_other(datagram_thread, lane) == -1)
			return -1;
	}
	return 0;
}

uint32_t datagram_count(void)
{
	uint32_t alive = 0;

	for (uint32_t i = 0; i < lane_count; i++)
		alive += atomic_load(&lanes[i]->alive);
	return alive;
}

bool datagram_is_busy(void)
{
	for (uint32_t i = 0; i < lane_count; i++) {
		if (atomic_load_explicit(&lanes[i]->turn, memory_order_relaxed) % 2 != 0)
			return true;
	}
	return false;
}

bool datagram_is_hung(int64_t now_ms, int64_t ms)
{
	bool is_hung = false;

	for (uint32_t i = 0; i < lane_count; i++) {
		struct lane *lane = lanes[i];
		uint32_t turn = atomic_load_explicit(&lane->turn, memory_order_relaxed);

		if (turn != lane->seen_turn) {
			lane->seen_turn = turn;
			lane->seen_ms = now_ms;
		}
		is_hung |= turn % 2 != 0 && now_ms - lane->seen_ms >= ms;
	}
	return is_hung;
}

void datagram_interrupt(void)
{
	for (uint32_t i = 0; i < lane_count; i++) {
		int32_t thread = atomic_load(&lanes[i]->thread);

		if (thread != 0 && atomic_load(&lanes[i]->alive))
			(void)syscall(SYS_tgkill, getpid(), thread, THREAD_SIGNAL);
	}
}
