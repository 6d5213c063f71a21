/* SPDX-License-Identifier: MIT */
/* test_sandbox - what works behind real filters, which threads carry them, and the guard. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/promise.h"
#include "common/settings.h"
#include "sandboxed.h"
#include "worker/sandbox.h"
#include "workload.h"

#define POOL_THREADS 4

static int listener = -1;

/* --- what stdio promises --- */

static int pairs[POOL_THREADS + 1][2]; /* socketpair(2) is in no promise */

static void *connection_thread(void *pair)
{
	workload_run(pair);
	pthread_exit(NULL);
}

static void *nursery(void *unused)
{
	pthread_t threads[POOL_THREADS];

	EXPECT(sandbox_enter_thread() == 0);
	for (size_t i = 0; i < POOL_THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, connection_thread, pairs[i]) == 0);
	for (size_t i = 0; i < POOL_THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	return unused;
}

static void works_in_the_sandbox(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]) == 0);
	sandboxed_enter(PROMISE_STDIO, 0);
	sandboxed_thread(nursery, NULL);
	workload_run(pairs[POOL_THREADS]); /* the keeper lives behind the base filter alone */
	EXPECT_REPORTS(0);
}

static void denies_nothing_of_what_a_handler_does(void **state)
{
	(void)state;
	sandboxed_passes(works_in_the_sandbox);
	assert_int_equal(sandboxed->board.counters.denied, 0);
}

static void polls_at_the_gate(void)
{
	struct pollfd in = {.fd = sandboxed_gate[0], .events = POLLIN};

	sandboxed_enter(PROMISE_STDIO, 0);
	atomic_store(&sandboxed->ready, 1);
	EXPECT(poll(&in, 1, SANDBOXED_DEADLINE_S * 1000) == 1);
	EXPECT_REPORTS(0);
}

/* The letter of proc(5): S sleeps, T is stopped. */
static char state_of(pid_t pid)
{
	char path[32], line[256], letter = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid); /* fits */
	file = fopen(path, "re");
	assert_non_null(file);
	if (fgets(line, sizeof(line), file) != NULL)
		letter = strrchr(line, ')')[2];
	(void)fclose(file); /* only read */
	return letter;
}

static void await_sleep(pid_t pid)
{
	int64_t end = util_now_ms() + SANDBOXED_DEADLINE_S * 1000;

	while (atomic_load(&sandboxed->ready) == 0 || state_of(pid) != 'S') {
		assert_int_not_equal(state_of(pid), 'Z');
		assert_true(util_now_ms() < end);
		(void)sched_yield(); /* cannot fail */
	}
}

static void survives_a_stop_in_poll(void **state)
{
	pid_t pid = sandboxed_start(polls_at_the_gate);
	int status;

	(void)state;
	await_sleep(pid);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(kill(pid, SIGCONT), 0);
	await_sleep(pid);
	assert_int_equal(write(sandboxed_gate[1], "x", 1), 1);
	assert_int_equal(sandboxed_end(pid), 0);
}

static void resolves_and_connects(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *found;
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int fd;

	EXPECT(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
	sandboxed_enter(PROMISE_INET | PROMISE_DNS, 0);
	EXPECT(getaddrinfo("localhost", NULL, &hints, &found) == 0);
	((struct sockaddr_in *)found->ai_addr)->sin_port = addr.sin_port;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(fd != -1);
	EXPECT(connect(fd, found->ai_addr, found->ai_addrlen) == 0);
	freeaddrinfo(found);
	EXPECT_REPORTS(0);
	EXPECT_DENIED(open("/etc/hosts", O_RDWR));
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EACCES);
	EXPECT_REPORTS(1);
}

static void the_connector_resolves_and_connects(void **state)
{
	(void)state;
	sandboxed_passes(resolves_and_connects);
}

/* --- the guard --- */

static void abuses_the_listener(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	int one = 1, other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(other != -1);
	EXPECT(dup2(listener, WORKER_FD_LISTENERS) == WORKER_FD_LISTENERS);
	sandboxed_enter(PROMISE_INET, 1);
	EXPECT_DENIED(shutdown(WORKER_FD_LISTENERS, SHUT_RD));
	EXPECT_DENIED(setsockopt(WORKER_FD_LISTENERS, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
	EXPECT_DENIED(bind(WORKER_FD_LISTENERS, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_DENIED(connect(WORKER_FD_LISTENERS, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_DENIED(fcntl(WORKER_FD_LISTENERS, F_SETFL, 0));
	EXPECT_REPORTS(5);
	EXPECT(setsockopt(other, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0);
	EXPECT(bind(other, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	EXPECT(shutdown(other, SHUT_RD) == -1 && errno == ENOTCONN); /* the kernel's own answer */
	EXPECT(fcntl(other, F_SETFL, O_NONBLOCK) == 0);
	EXPECT_REPORTS(5);
}

static void guards_the_listener_and_leaves_others_alone(void **state)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	sandboxed_passes(abuses_the_listener);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&addr, len), 0);
	(void)close(client); /* nothing was written */
}

/* --- who carries which filters --- */

static void *waits_at_the_gate(void *unused)
{
	char byte;

	atomic_fetch_add(&sandboxed->ready, 1);
	EXPECT(read(sandboxed_gate[0], &byte, 1) == 1);
	return unused;
}

static void *nursery_of_one(void *unused)
{
	EXPECT(sandbox_enter_thread() == 0);
	sandboxed_thread(waits_at_the_gate, unused);
	return unused;
}

/* A thread that a plugin started before the sandbox must not stay outside. */
static void waits_with_threads(void)
{
	pthread_t early;

	EXPECT(pthread_create(&early, NULL, waits_at_the_gate, NULL) == 0);
	sandboxed_enter(PROMISE_STDIO, 1);
	sandboxed_thread(nursery_of_one, NULL);
	EXPECT(pthread_join(early, NULL) == 0);
}

static int filters_of(const char *path)
{
	int mode = -1, filters = -1;
	char line[128];
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		(void)sscanf(line, "Seccomp: %d", &mode); /* other lines do not match */
		(void)sscanf(line, "Seccomp_filters: %d", &filters);
	}
	(void)fclose(file); /* only read */
	return mode == 2 ? filters : 0;
}

/* How many threads of pid have this many filters. */
static int count_threads(pid_t pid, int filters)
{
	char path[64];
	struct dirent *entry;
	int count = 0;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid); /* fits */
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%.8s/status", pid, entry->d_name);
		if (filters < 0 || filters_of(path) == filters)
			count++;
	}
	(void)closedir(tasks); /* only read */
	return count;
}

static void threads_inherit_guard_base_and_connection_filter(void **state)
{
	int ours = filters_of("/proc/self/status"); /* a container may have brought some */
	pid_t pid = sandboxed_start(waits_with_threads);
	int64_t end = util_now_ms() + SANDBOXED_DEADLINE_S * 1000;
	int with_two, with_three, all;

	(void)state;
	while (atomic_load(&sandboxed->ready) < 2 && util_now_ms() < end)
		(void)sched_yield(); /* cannot fail */
	with_two = count_threads(pid, ours + 2);
	with_three = count_threads(pid, ours + 3);
	all = count_threads(pid, -1);
	assert_int_equal(write(sandboxed_gate[1], "xx", 2), 2); /* a byte for each */
	assert_int_equal(sandboxed_end(pid), 0);
	assert_int_equal(with_three, 2); /* the nursery and its thread */
	assert_true(with_two >= 2);	 /* keeper, early thread; ThreadSanitizer has one too */
	assert_int_equal(with_two + with_three, all);
}

static int set_up(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == -1 ||
	    listen(listener, 8) == -1)
		return -1;
	return sandboxed_set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denies_nothing_of_what_a_handler_does),
		cmocka_unit_test(survives_a_stop_in_poll),
		cmocka_unit_test(the_connector_resolves_and_connects),
		cmocka_unit_test(guards_the_listener_and_leaves_others_alone),
		cmocka_unit_test(threads_inherit_guard_base_and_connection_filter),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
