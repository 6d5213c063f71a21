/* SPDX-License-Identifier: MIT */
/* test_repair - listeners that a worker has changed are made right again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/repair.h"

static struct endpoint endpoints[2];
static struct config_service service;
static struct listeners listeners;

static struct endpoint loopback(enum addr_protocol protocol)
{
	struct endpoint endpoint = {.protocol = protocol};

	endpoint.addr.in4.sin_family = AF_INET;
	endpoint.addr.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return endpoint;
}

/* One TCP and one UDP socket, on ports that the kernel chooses. */
static int setup(void **state)
{
	const struct endpoint *failed;

	(void)state;
	endpoints[0] = loopback(ADDR_TCP);
	endpoints[1] = loopback(ADDR_UDP);
	service = (struct config_service){.name = "test",
					  .listen = endpoints,
					  .listeners = 2,
					  .backlog = 16,
					  .idle_timeout = 300000};
	return listener_open_all(&service, NULL, &listeners, &failed);
}

static int teardown(void **state)
{
	(void)state;
	listener_close_all(&listeners);
	return 0;
}

static bool can_connect(void)
{
	union addr addr;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool can;

	assert_int_equal(getsockname(listeners.fd[0], &addr.sa, &len), 0);
	can = connect(fd, &addr.sa, len) == 0;
	util_close(fd);
	return can;
}

static void a_listener_that_was_shut_listens_again(void **state)
{
	(void)state;
	assert_int_equal(shutdown(listeners.fd[0], SHUT_RD), 0);
	assert_false(can_connect());
	repair_listeners(&service, &listeners);
	assert_true(can_connect());
}

static void a_listener_that_was_disconnected_listens_again(void **state)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	(void)state;
	assert_true(can_connect());
	assert_int_equal(connect(listeners.fd[0], &nobody, sizeof(nobody)), 0);
	repair_listeners(&service, &listeners);
	assert_true(can_connect());
}

static void the_blocking_mode_comes_back(void **state)
{
	(void)state;
	assert_int_equal(fcntl(listeners.fd[0], F_SETFL, O_NONBLOCK), 0);
	repair_listeners(&service, &listeners);
	assert_int_equal(fcntl(listeners.fd[0], F_GETFL) & O_NONBLOCK, 0);
}

static void the_time_limits_come_back(void **state)
{
	struct timeval short_time = {.tv_usec = 50000}, now;
	socklen_t len = sizeof(now);

	(void)state;
	assert_int_equal(setsockopt(listeners.fd[0], SOL_SOCKET, SO_SNDTIMEO, &short_time,
				    sizeof(short_time)),
			 0);
	repair_listeners(&service, &listeners);
	assert_int_equal(getsockopt(listeners.fd[0], SOL_SOCKET, SO_SNDTIMEO, &now, &len), 0);
	assert_int_equal(now.tv_sec, 300);
}

static void a_udp_socket_hears_everybody_again(void **state)
{
	union addr peer = endpoints[1].addr;
	socklen_t len = sizeof(peer);

	(void)state;
	peer.in4.sin_port = htons(9);
	assert_int_equal(connect(listeners.fd[1], &peer.sa, sizeof(peer.in4)), 0);
	repair_listeners(&service, &listeners);
	assert_int_equal(getpeername(listeners.fd[1], &peer.sa, &len), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_listener_that_was_shut_listens_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_listener_that_was_disconnected_listens_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_blocking_mode_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_time_limits_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_udp_socket_hears_everybody_again, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
