/* SPDX-License-Identifier: MIT */
/* test_doorbell - a service's sockets are watched without taking anything from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/doorbell.h"

static struct doorbell bell;
static struct listeners listeners;
static unsigned int rang, broke;
static bool repairs; /* on_broke() makes it listen again */

static void on_rang(struct doorbell *unused)
{
	(void)unused; /* there is one */
	rang++;
}

static void on_broke(struct doorbell *unused)
{
	(void)unused; /* as above */
	broke++;
	if (repairs)
		assert_int_equal(listen(listeners.fd[0], 8), 0);
}

static const struct doorbell_events events = {.rang = on_rang, .broke = on_broke};

static int prepare(void **state)
{
	(void)state;
	return loop_init();
}

/* A listener on a port of the kernel's choice. */
static int setup(void **state)
{
	const struct sockaddr_in any = {.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	rang = broke = 0;
	repairs = true;
	listeners = (struct listeners){.count = 1, .tcp = 1, .fd[0] = fd};
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 8) < 0)
		return -1;
	return doorbell_hang(&bell, &listeners, &events);
}

static int teardown(void **state)
{
	(void)state;
	doorbell_take_down(&bell);
	util_close(listeners.fd[0]);
	return 0;
}

static void connect_client(void)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(getsockname(listeners.fd[0], (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, len), 0);
	util_close(fd);
}

static void stop(struct loop_timer *timer)
{
	(void)timer; /* its owner needs it no more */
	loop_stop();
}

/* Everything that is ready has called back. */
static void turn(void)
{
	struct loop_timer end = {.expired = stop};

	loop_set_timer(&end, 20);
	assert_int_equal(loop_run(), 0);
}

static void does_not_ring_unless_it_is_armed(void **state)
{
	(void)state;
	connect_client();
	turn();
	assert_int_equal(rang, 0);
	assert_true(doorbell_has_client(&bell));
}

static void rings_once_for_all_clients_and_those_that_waited(void **state)
{
	(void)state;
	connect_client();
	connect_client();
	assert_int_equal(doorbell_arm(&bell), 0);
	turn();
	assert_int_equal(rang, 1);
	assert_int_equal(doorbell_arm(&bell), 0);
	turn();
	assert_int_equal(rang, 2);
}

static void does_not_ring_once_it_is_disarmed(void **state)
{
	(void)state;
	assert_int_equal(doorbell_arm(&bell), 0);
	doorbell_disarm(&bell);
	connect_client();
	turn();
	assert_int_equal(rang, 0);
}

static void stays_silent_while_nobody_comes(void **state)
{
	(void)state;
	assert_int_equal(doorbell_arm(&bell), 0);
	turn();
	assert_int_equal(rang, 0);
	assert_false(doorbell_has_client(&bell));
}

static void tells_that_a_listener_broke_armed_or_not(void **state)
{
	(void)state;
	assert_int_equal(shutdown(listeners.fd[0], SHUT_RD), 0);
	turn();
	assert_int_equal(broke, 1);
	connect_client();
	assert_int_equal(shutdown(listeners.fd[0], SHUT_RD), 0);
	assert_int_equal(doorbell_arm(&bell), 0);
	turn();
	assert_int_equal(broke, 2);
}

static void what_stays_broken_is_told_once(void **state)
{
	(void)state;
	repairs = false;
	assert_int_equal(shutdown(listeners.fd[0], SHUT_RD), 0);
	turn();
	assert_int_equal(broke, 1);
	assert_false(doorbell_has_client(&bell));
}

static void what_is_taken_down_is_silent(void **state)
{
	(void)state;
	assert_int_equal(doorbell_arm(&bell), 0);
	doorbell_take_down(&bell);
	connect_client();
	turn();
	assert_int_equal(rang, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(does_not_ring_unless_it_is_armed, setup, teardown),
		cmocka_unit_test_setup_teardown(rings_once_for_all_clients_and_those_that_waited,
						setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_ring_once_it_is_disarmed, setup, teardown),
		cmocka_unit_test_setup_teardown(stays_silent_while_nobody_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_that_a_listener_broke_armed_or_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_stays_broken_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_taken_down_is_silent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
