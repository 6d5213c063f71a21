/* SPDX-License-Identifier: MIT */
/* test_notify - lines reach the socket that NOTIFY_SOCKET names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/util.h"
#include "master/notify.h"

#define WAIT_MS 10000

/* A manager's socket at this address; its path goes into NOTIFY_SOCKET as text. */
static int listen_at(const struct sockaddr_un *at, socklen_t len, const char *text)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)at, len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", text, 1), 0);
	return fd;
}

static void assert_receives(int fd, const char *expected)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char text[128];
	ssize_t len;

	assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
	len = recv(fd, text, sizeof(text), 0);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, strlen(expected));
}

static void nobody_listening_is_fine(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(notify_send("READY=1"), 0);
}

static void lines_reach_a_socket_by_path(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/test_notify.XXXXXX";
	CLEANUP_CLOSE int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", folder);
	fd = listen_at(&at, sizeof(at), at.sun_path);
	assert_int_equal(notify_send("READY=1\nSTATUS=3 of 3 services ready"), 0);
	assert_receives(fd, "READY=1\nSTATUS=3 of 3 services ready");
	assert_int_equal(unlink(at.sun_path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void lines_reach_an_abstract_socket(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	CLEANUP_CLOSE int fd = -1;
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "@test_notify.%d", (int)getpid());
	memcpy(at.sun_path + 1, text + 1, strlen(text) - 1);
	fd = listen_at(&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text)),
		       text);
	assert_int_equal(notify_send("STOPPING=1"), 0);
	assert_receives(fd, "STOPPING=1");
}

static void refuses_names_that_are_no_socket(void **state)
{
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	const char *const names[] = {"", "/", "@", "socket", "vsock:2:1", longest};

	(void)state;
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		errno = 0;
		assert_int_equal(notify_send("READY=1"), -1);
		assert_int_equal(errno, EINVAL);
	}
}

static void a_missing_manager_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1), 0);
	assert_int_equal(notify_send("READY=1"), -1);
	assert_int_equal(errno, ENOENT);
}

static void a_manager_that_does_not_read_is_not_waited_for(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	CLEANUP_CLOSE int fd = -1;
	char text[64];
	int sent = 0;

	(void)state;
	(void)snprintf(text, sizeof(text), "@test_notify.full.%d", (int)getpid());
	memcpy(at.sun_path + 1, text + 1, strlen(text) - 1);
	fd = listen_at(&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text)),
		       text);
	while (sent < 1000000 && notify_send("STATUS=busy") == 0)
		sent++;
	assert_int_equal(errno, EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listening_is_fine),
		cmocka_unit_test(lines_reach_a_socket_by_path),
		cmocka_unit_test(lines_reach_an_abstract_socket),
		cmocka_unit_test(refuses_names_that_are_no_socket),
		cmocka_unit_test(a_missing_manager_is_an_error),
		cmocka_unit_test(a_manager_that_does_not_read_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
