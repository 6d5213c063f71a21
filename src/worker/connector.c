/* SPDX-License-Identifier: MIT */
/*
 * connector - a process beside the worker that may open sockets, and only towards its targets.
 *
 *	main thread:      poll: a request, an ended thread, or nothing for too long
 *	a thread for each request, at most 64: resolve, connect, reply
 *
 * It reads no byte of a client, and what the worker sends is checked like a stranger's.  With 64
 * requests under way the next ones wait in the socket.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/promise.h"
#include "common/settings.h"
#include "common/util.h"
#include "worker/connector.h"
#include "worker/dial.h"
#include "worker/layers.h"
#include "worker/passing.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/target.h"

#define BUSY_MAX     64
#define THREAD_STACK (256 * 1024) /* [bytes] the resolver puts answers of 64 KiB on its stack */

static struct {
	const struct cservd_target *targets; /* the mapped memfd */
	uint32_t count;
	struct addrinfo *numeric[TARGET_MAX]; /* by index; NULL for a name or a path */
	pthread_attr_t thread;
	_Atomic int busy; /* threads at work */
	int ended;	  /* eventfd: a thread has ended */
} connector;

/* 0 or -1: a worker that did not seal, or filled in, its targets properly has none. */
static int map_targets(void)
{
	int seals = fcntl(WORKER_FD_TARGETS, F_GET_SEALS);
	struct stat st;
	size_t size;

	if (seals == -1 || (seals & TARGET_SEALS) != TARGET_SEALS ||
	    fstat(WORKER_FD_TARGETS, &st) == -1)
		return -1;
	size = (size_t)st.st_size;
	if (size % sizeof(struct cservd_target) != 0 ||
	    size > TARGET_MAX * sizeof(struct cservd_target))
		return -1;
	/* Private: before Linux 6.7 the seal against writing refuses even a shared reader. */
	connector.targets = mmap(NULL, size, PROT_READ, MAP_PRIVATE, WORKER_FD_TARGETS, 0);
	if (connector.targets == MAP_FAILED)
		return -1;
	connector.count = (uint32_t)(size / sizeof(struct cservd_target));
	for (uint32_t i = 0; i < connector.count; i++)
		if (!target_is_valid(&connector.targets[i], i))
			return -1;
	return 0;
}

/* Reads the numeric targets and returns the promises that all of them need. */
static uint32_t prepare_targets(void)
{
	uint32_t promises = PROMISE_STDIO;

	for (uint32_t i = 0; i < connector.count; i++) {
		const struct cservd_target *target = &connector.targets[i];

		if (target->kind == TARGET_UNIX) {
			promises |= PROMISE_UNIX;
			continue;
		}
		promises |= PROMISE_INET;
		connector.numeric[i] = dial_numeric(target);
		if (connector.numeric[i] == NULL)
			promises |= PROMISE_DNS;
	}
	return promises;
}

/* Files of the resolver, ports of the targets; a path is not Landlock's to allow. */
static int restrict_reach(uint32_t promises)
{
	static uint16_t ports[TARGET_MAX];
	struct layers_grants grants = {.promises = promises, .connect.port = ports};

	for (uint32_t i = 0; i < connector.count; i++) {
		const struct cservd_target *target = &connector.targets[i];

		if (target->kind == TARGET_TCP) /* its port was checked */
			ports[grants.connect.count++] = (uint16_t)atoi(target->port);
	}
	return layers_enter_second(&grants);
}

static int enter_sandbox(uint32_t promises)
{
	if (service.settings->unsandboxed)
		return 0;
	if (sandbox_warm_up(promises) == -1 || restrict_reach(promises) == -1)
		return -1;
	if (sandbox_prepare(promises, 0) == -1)
		return -1;
	return sandbox_enter();
}

static int prepare_threads(void)
{
	int error = pthread_attr_init(&connector.thread);

	if (error == 0)
		error = pthread_attr_setdetachstate(&connector.thread, PTHREAD_CREATE_DETACHED);
	if (error == 0)
		error = pthread_attr_setstacksize(&connector.thread, THREAD_STACK);
	if (error != 0)
		return -1;
	connector.ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return connector.ended == -1 ? -1 : 0;
}

/* Sends one message, with fd unless it is -1; waits for room.  0 or -1. */
static int send_message(const struct connect_reply *reply, int fd)
{
	struct pollfd room = {.fd = WORKER_FD_CONNECTOR, .events = POLLOUT};

	while (passing_send(WORKER_FD_CONNECTOR, reply, sizeof(*reply), fd, 0) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		(void)poll(&room, 1, -1); /* whatever it says, sendmsg(2) says why */
	}
	return 0;
}

static void send_reply(struct connect_reply *reply, int fd)
{
	if (send_message(reply, fd) == 0 || fd == -1)
		return;
	/* ETOOMANYREFS: the worker takes its replies too slowly.  It gets to know that much. */
	reply->error = errno;
	(void)send_message(reply, -1); /* the worker is gone, the main thread will see it */
}

static void *serve_request(void *argument)
{
	struct connect_request request = *(struct connect_request *)argument;
	struct connect_reply reply = {.id = request.id};
	int fd;

	free(argument);
	fd = dial_target(&connector.targets[request.target], connector.numeric[request.target],
			 request.deadline_ms, &reply.resolve_error);
	if (fd == -1)
		reply.error = errno;
	send_reply(&reply, fd);
	util_close(fd);
	atomic_fetch_sub(&connector.busy, 1);
	(void)eventfd_write(connector.ended, 1); /* EAGAIN: it is readable already */
	return NULL;
}

/* 0 or an errno. */
static int start_thread(const struct connect_request *request)
{
	struct connect_request *argument = malloc(sizeof(*argument));
	pthread_t thread;
	int error;

	if (argument == NULL)
		return ENOMEM;
	*argument = *request;
	atomic_fetch_add(&connector.busy, 1);
	error = pthread_create(&thread, &connector.thread, serve_request, argument);
	if (error != 0) {
		atomic_fetch_sub(&connector.busy, 1);
		free(argument);
	}
	return error;
}

/* recv(2) and not recvmsg(2): descriptors that the worker might attach never come in. */
static void take_request(void)
{
	struct connect_request request;
	struct connect_reply reply = {.error = EINVAL};
	ssize_t n = recv(WORKER_FD_CONNECTOR, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

	if (n != sizeof(request))
		return; /* no request of ours: there is no id to reply to */
	reply.id = request.id;
	if (request.target < connector.count)
		reply.error = start_thread(&request);
	if (reply.error != 0)
		send_reply(&reply, -1);
}

static int serve(int idle_ms)
{
	for (;;) {
		int busy = atomic_load(&connector.busy);
		struct pollfd wanted[] = {
			{.fd = WORKER_FD_CONNECTOR, .events = busy < BUSY_MAX ? POLLIN : 0},
			{.fd = connector.ended, .events = POLLIN}};
		int n = poll(wanted, ARRAY_SIZE(wanted), idle_ms);
		eventfd_t ignored;

		if (n == -1 && errno != EINTR)
			return EX_OSERR;
		if (n == 0 && busy == 0)
			return 0;
		if (n <= 0)
			continue;
		if (wanted[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return 0; /* requests may be left, but nobody who waits for them */
		if (wanted[1].revents & POLLIN)
			(void)eventfd_read(connector.ended, &ignored); /* only to silence it */
		if (wanted[0].revents & POLLIN)
			take_request();
	}
}

int connector_main(int idle_ms)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* The resolver writes to a name server's TCP connection without MSG_NOSIGNAL. */
	if (sigaction(SIGPIPE, &ignore, NULL) == -1)
		return EX_OSERR;
	if (map_targets() == -1)
		return EX_SOFTWARE;
	if (prepare_threads() == -1 || enter_sandbox(prepare_targets()) == -1)
		return EX_OSERR;
	return serve(idle_ms);
}
