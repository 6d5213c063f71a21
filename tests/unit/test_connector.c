/* SPDX-License-Identifier: MIT */
/*
 * test_connector - the connector, a forked child in its sandbox, connects and always replies.
 *
 * Nothing here leaves the machine: targets are loopback addresses, "localhost", paths, and one
 * name that cannot be written into a query.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/settings.h"
#include "sockets.h"
#include "worker/connector.h"
#include "worker/service.h"
#include "worker/target.h"

#define WAIT_MS	 20000 /* for what must happen */
#define SHORT_MS 200   /* for what must not */
#define FLOOD	 20
#define THREADS	 64 /* of the connector */

/* No label of a name may be longer than 63 characters: the resolver fails by itself. */
#define LONG_LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"

static struct settings settings = {.size = sizeof(settings), .name = "probe"};

/* One connector and the test's ends of it. */
static struct {
	pid_t pid;
	int end;    /* the worker's end of the pair */
	int denied; /* what its sandbox reports */
	int memory; /* the targets */
} child;

/* Writes the targets as they are, sealed or not. */
static void store(const struct cservd_target *targets, size_t count, int seals)
{
	size_t size = count * sizeof(*targets);

	child.memory = sockets_lift(memfd_create("targets", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	assert_int_equal(write(child.memory, targets, size), (ssize_t)size);
	assert_int_equal(fcntl(child.memory, F_ADD_SEALS, seals), 0);
}

/* In the child: what the master does before main. */
static void be_connector(int end, int messages, int idle_ms)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nothing behind */
	if (dup2(child.memory, WORKER_FD_TARGETS) == -1 || dup2(end, WORKER_FD_CONNECTOR) == -1 ||
	    dup2(messages, WORKER_FD_MESSAGES) == -1 || close_range(SOCKETS_FIRST, ~0u, 0) == -1)
		_exit(EX_TEMPFAIL);
	service.settings = &settings;
	_exit(connector_main(idle_ms));
}

/* Starts a connector for what was stored. */
static void start(int idle_ms)
{
	int pair[2], messages[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(messages, O_CLOEXEC), 0);
	for (size_t i = 0; i < 2; i++) {
		pair[i] = sockets_lift(pair[i]);
		messages[i] = sockets_lift(messages[i]);
	}
	child.pid = fork();
	assert_int_not_equal(child.pid, -1);
	if (child.pid == 0)
		be_connector(pair[1], messages[1], idle_ms);
	child.end = pair[0];
	child.denied = messages[0];
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(close(messages[1]), 0);
}

/* Starts a connector for count targets. */
static void start_for(const char *const where[], size_t count)
{
	struct cservd_target targets[8];
	const char *why;

	assert_true(count <= ARRAY_SIZE(targets));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(target_parse(where[i], &targets[i], &why), 0);
		targets[i].index = (uint32_t)i;
	}
	store(targets, count, TARGET_SEALS);
	start(10 * WAIT_MS);
}

/* Waits for the end of the connector: its exit status, and not one denied system call. */
static int await_end(void)
{
	struct pollfd closed = {.fd = child.denied, .events = POLLIN};
	char byte;
	int status;

	assert_int_equal(poll(&closed, 1, WAIT_MS), 1);
	assert_int_equal(read(child.denied, &byte, 1), 0);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(close(child.denied), 0);
	assert_int_equal(close(child.memory), 0);
	return WEXITSTATUS(status);
}

/* The worker ends, and so does the connector. */
static void stop(void)
{
	assert_int_equal(close(child.end), 0);
	assert_int_equal(await_end(), 0);
}

static void request_until(uint64_t id, uint32_t target, int64_t deadline_ms)
{
	struct connect_request request = {.id = id, .deadline_ms = deadline_ms, .target = target};

	assert_int_equal(send(child.end, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
}

static void request(uint64_t id, uint32_t target, int ms)
{
	request_until(id, target, util_now_ms() + ms);
}

/* The next reply within WAIT_MS; its descriptor or -1. */
static struct connect_reply take_reply(int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct connect_reply reply;
	struct iovec data = {.iov_base = &reply, .iov_len = sizeof(reply)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct pollfd readable = {.fd = child.end, .events = POLLIN};

	assert_int_equal(poll(&readable, 1, WAIT_MS), 1);
	assert_int_equal(recvmsg(child.end, &message, MSG_CMSG_CLOEXEC), sizeof(reply));
	*ret_fd = -1;
	if (CMSG_FIRSTHDR(&message) != NULL)
		memcpy(ret_fd, CMSG_DATA(&control.header), sizeof(*ret_fd));
	return reply;
}

static int take_socket(uint64_t id)
{
	int fd;
	struct connect_reply reply = take_reply(&fd);

	assert_int_equal(reply.id, id);
	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.resolve_error, 0);
	assert_int_not_equal(fd, -1);
	return fd;
}

static void assert_failed(uint64_t id, int error)
{
	int fd;
	struct connect_reply reply = take_reply(&fd);

	assert_int_equal(reply.id, id);
	assert_int_equal(reply.error, error);
	assert_int_equal(fd, -1);
}

static void connect_once(const char *host, int family)
{
	char where[SOCKETS_WHERE_SIZE];
	int listener = sockets_bind(family, SOCK_STREAM);

	assert_int_equal(listen(listener, 1), 0);
	start_for((const char *[]){sockets_name(where, host, listener, "")}, 1);
	request(7, 0, WAIT_MS);
	sockets_assert_connected(listener, take_socket(7));
	stop();
}

static void connects_over_ipv4(void **state)
{
	(void)state;
	connect_once("127.0.0.1", AF_INET);
}

static void connects_over_ipv6(void **state)
{
	(void)state;
	connect_once("[::1]", AF_INET6);
}

static void resolves_a_name(void **state)
{
	(void)state;
	connect_once("localhost", AF_INET);
}

static void connects_over_udp(void **state)
{
	char where[SOCKETS_WHERE_SIZE], text[4];
	int receiver = sockets_bind(AF_INET, SOCK_DGRAM);
	int fd;

	(void)state;
	start_for((const char *[]){sockets_name(where, "127.0.0.1", receiver, "/udp")}, 1);
	request(1, 0, WAIT_MS);
	fd = take_socket(1);
	assert_int_equal(send(fd, "ping", 4, 0), 4);
	assert_int_equal(recv(receiver, text, sizeof(text), 0), 4);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(receiver), 0);
	stop();
}

static void connects_to_a_path(void **state)
{
	struct path_listener listener;

	(void)state;
	path_listener_init(&listener, 1);
	start_for((const char *[]){listener.where, "unix:/nowhere/to/be/found"}, 2);
	request(1, 0, WAIT_MS);
	sockets_assert_connected(listener.fd, take_socket(1));
	request(2, 1, WAIT_MS);
	assert_failed(2, ENOENT);
	stop();
	path_listener_finish(&listener);
}

static void a_name_that_does_not_resolve_is_replied(void **state)
{
	struct connect_reply reply;
	int fd;

	(void)state;
	start_for((const char *[]){LONG_LABEL ".invalid:1"}, 1);
	request(1, 0, WAIT_MS);
	reply = take_reply(&fd);
	assert_int_equal(reply.id, 1);
	assert_int_not_equal(reply.resolve_error, 0);
	assert_int_equal(fd, -1);
	stop();
}

static void a_target_that_never_answers_delays_no_other(void **state)
{
	struct black_hole hole;
	char where[SOCKETS_WHERE_SIZE];
	int silent = sockets_bind(AF_INET, SOCK_STREAM);

	(void)state;
	black_hole_init(&hole);
	start_for((const char *[]){hole.where, sockets_name(where, "127.0.0.1", silent, "")}, 2);
	for (uint64_t i = 0; i < FLOOD; i++)
		request(1, 0, 10 * WAIT_MS);
	for (uint64_t i = 0; i < FLOOD; i++)
		request(2, 1, 10 * WAIT_MS);
	for (uint64_t i = 0; i < FLOOD; i++)
		assert_failed(2, ECONNREFUSED);
	assert_int_equal(close(silent), 0);
	stop();
	black_hole_finish(&hole);
}

static void more_requests_than_threads_wait_in_the_socket(void **state)
{
	struct black_hole hole;
	char where[SOCKETS_WHERE_SIZE];
	int silent = sockets_bind(AF_INET, SOCK_STREAM);

	(void)state;
	black_hole_init(&hole);
	start_for((const char *[]){hole.where, sockets_name(where, "127.0.0.1", silent, "")}, 2);
	for (uint64_t i = 0; i < THREADS; i++)
		request(1, 0, SHORT_MS);
	request(2, 1, WAIT_MS);
	for (uint64_t i = 0; i < THREADS; i++) {
		int fd;
		struct connect_reply reply = take_reply(&fd);

		assert_int_equal(reply.error, reply.id == 1 ? ETIMEDOUT : ECONNREFUSED);
	}
	(void)take_reply(&(int){-1});
	assert_int_equal(close(silent), 0);
	stop();
	black_hole_finish(&hole);
}

static void a_request_that_makes_no_sense_harms_nobody(void **state)
{
	char junk[sizeof(struct connect_request) + 1] = "";

	(void)state;
	start_for((const char *[]){"unix:/nowhere/to/be/found"}, 1);
	assert_int_equal(send(child.end, junk, 1, 0), 1);
	assert_int_equal(send(child.end, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(send(child.end, junk, 0, 0), 0);
	request(1, 1, WAIT_MS);
	assert_failed(1, EINVAL);
	request(2, UINT32_MAX, WAIT_MS);
	assert_failed(2, EINVAL);
	request(3, 0, WAIT_MS);
	assert_failed(3, ENOENT);
	stop();
}

static void ends_when_there_is_nothing_to_do(void **state)
{
	struct cservd_target target;
	struct black_hole hole;
	const char *why;

	(void)state;
	black_hole_init(&hole);
	assert_int_equal(target_parse(hole.where, &target, &why), 0);
	store(&target, 1, TARGET_SEALS);
	start(1);
	request(1, 0, SHORT_MS); /* it does not end before it has replied */
	assert_failed(1, ETIMEDOUT);
	assert_int_equal(await_end(), 0);
	assert_int_equal(close(child.end), 0);
	black_hole_finish(&hole);
}

static int status_for(const struct cservd_target *targets, size_t count, int seals)
{
	int status;

	store(targets, count, seals);
	start(WAIT_MS);
	status = await_end();
	assert_int_equal(close(child.end), 0);
	return status;
}

static void targets_must_be_sealed_and_sane(void **state)
{
	struct cservd_target target;
	const char *why;

	(void)state;
	assert_int_equal(target_parse("127.0.0.1:1", &target, &why), 0);
	assert_int_equal(status_for(&target, 1, 0), EX_SOFTWARE);
	assert_int_equal(status_for(&target, 1, TARGET_SEALS & ~F_SEAL_WRITE), EX_SOFTWARE);
	assert_int_equal(status_for(&target, 0, TARGET_SEALS), EX_SOFTWARE);
	target.kind = TARGET_KINDS;
	assert_int_equal(status_for(&target, 1, TARGET_SEALS), EX_SOFTWARE);
	target.kind = TARGET_TCP;
	memset(target.port, '1', sizeof(target.port));
	assert_int_equal(status_for(&target, 1, TARGET_SEALS), EX_SOFTWARE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_over_ipv4),
		cmocka_unit_test(connects_over_ipv6),
		cmocka_unit_test(resolves_a_name),
		cmocka_unit_test(connects_over_udp),
		cmocka_unit_test(connects_to_a_path),
		cmocka_unit_test(a_name_that_does_not_resolve_is_replied),
		cmocka_unit_test(a_target_that_never_answers_delays_no_other),
		cmocka_unit_test(more_requests_than_threads_wait_in_the_socket),
		cmocka_unit_test(a_request_that_makes_no_sense_harms_nobody),
		cmocka_unit_test(ends_when_there_is_nothing_to_do),
		cmocka_unit_test(targets_must_be_sealed_and_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
