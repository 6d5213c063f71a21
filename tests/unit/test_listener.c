/* SPDX-License-Identifier: MIT */
/* test_listener - sockets are opened all or none, as workers need them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>

#include "master/listener.h"

#define IDLE_MS 1500

static struct endpoint endpoint_of(const char *word)
{
	struct endpoint found[ADDR_LISTEN_MAX];
	const char *why;

	assert_int_equal(addr_parse_listen(word, found, &why), 1);
	return found[0];
}

/* A service on these words; port 1 stands for any free port, as 0 is no word. */
static struct config_service service_on(struct endpoint *endpoints, const char *const words[])
{
	struct config_service service = {
		.name = "test", .listen = endpoints, .backlog = 5, .idle_timeout = IDLE_MS};

	for (; words[service.listeners] != NULL; service.listeners++) {
		endpoints[service.listeners] = endpoint_of(words[service.listeners]);
		if (addr_port(&endpoints[service.listeners].addr) == 1)
			endpoints[service.listeners].addr.in4.sin_port = 0;
	}
	return service;
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void open_them(const struct config_service *service, struct listeners *ret)
{
	const struct endpoint *failed;

	if (listener_open_all(service, NULL, ret, &failed) < 0)
		fail_msg("%s", strerror(errno));
}

static void tcp_comes_first_whatever_the_order_of_the_words(void **state)
{
	struct endpoint endpoints[3];
	struct config_service service =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/udp", "127.0.0.1:1/tcp", NULL});
	struct listeners listeners;

	(void)state;
	open_them(&service, &listeners);
	assert_int_equal(listeners.count, 2);
	assert_int_equal(listeners.tcp, 1);
	assert_int_equal(listener_count_tcp(&service), 1);
	assert_ptr_equal(listeners.endpoint[0], &endpoints[1]);
	assert_int_equal(option_of(listeners.fd[0], SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(option_of(listeners.fd[0], SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(option_of(listeners.fd[1], SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	assert_int_equal(option_of(listeners.fd[1], IPPROTO_IP, IP_PKTINFO), 1);
	listener_close_all(&listeners);
	assert_int_equal(listeners.count, 0);
}

static void only_several_tcp_listeners_do_not_block(void **state)
{
	struct endpoint endpoints[3];
	struct config_service one =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/tcp", "127.0.0.1:1/udp", NULL});
	struct endpoint others[3];
	struct config_service two =
		service_on(others, (const char *[]){"127.0.0.1:1/tcp", "127.0.0.1:1/tcp", NULL});
	struct listeners listeners;

	(void)state;
	open_them(&one, &listeners);
	assert_int_equal(fcntl(listeners.fd[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(listeners.fd[1], F_GETFL) & O_NONBLOCK, 0);
	listener_close_all(&listeners);
	open_them(&two, &listeners);
	assert_int_equal(fcntl(listeners.fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(listeners.fd[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	listener_close_all(&listeners);
}

static void the_idle_limit_is_there_to_be_inherited(void **state)
{
	struct endpoint endpoints[2];
	struct config_service service =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/tcp", NULL});
	struct listeners listeners;
	struct timeval limit;
	socklen_t len = sizeof(limit);

	(void)state;
	open_them(&service, &listeners);
	assert_int_equal(getsockopt(listeners.fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, &len), 0);
	assert_int_equal(limit.tv_sec * 1000 + limit.tv_usec / 1000, IDLE_MS);
	listener_close_all(&listeners);
	service.idle_timeout = SETTINGS_UNLIMITED;
	open_them(&service, &listeners);
	assert_int_equal(getsockopt(listeners.fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, &len), 0);
	assert_int_equal(limit.tv_sec, 0);
	assert_int_equal(limit.tv_usec, 0);
	listener_close_all(&listeners);
}

/* The word for the port that another service has. */
static struct endpoint taken_endpoint(const struct listeners *other, const char *word)
{
	struct endpoint endpoint = endpoint_of(word);
	socklen_t len = sizeof(endpoint.addr);

	assert_int_equal(getsockname(other->fd[0], &endpoint.addr.sa, &len), 0);
	return endpoint;
}

static void all_are_opened_or_none(void **state)
{
	struct endpoint endpoints[3];
	struct config_service service =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/tcp", "127.0.0.1:1/tcp", NULL});
	struct listeners first, second;
	const struct endpoint *failed = NULL;
	int next, after;

	(void)state;
	open_them(&service, &first);
	endpoints[1] = taken_endpoint(&first, "127.0.0.1:1/tcp");
	next = dup(0);
	util_close(next);
	assert_int_equal(listener_open_all(&service, NULL, &second, &failed), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_ptr_equal(failed, &endpoints[1]);
	assert_int_equal(second.count, 0);
	after = dup(0);
	util_close(after);
	assert_int_equal(after, next);
	listener_close_all(&first);
}

static void an_address_of_another_machine_is_an_error(void **state)
{
	struct endpoint endpoints[2];
	struct config_service service =
		service_on(endpoints, (const char *[]){"192.0.2.1:1/udp", NULL});
	struct listeners listeners;
	const struct endpoint *failed = NULL;

	(void)state;
	assert_int_equal(listener_open_all(&service, NULL, &listeners, &failed), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_ptr_equal(failed, &endpoints[0]);
}

static int64_t idle_ms_of(int fd)
{
	struct timeval limit;
	socklen_t len = sizeof(limit);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len), 0);
	return (int64_t)limit.tv_sec * 1000 + limit.tv_usec / 1000;
}

/* Opens what heir wants, taking what old has. */
static void inherit(const struct config_service *heir, const struct listeners *old,
		    struct listeners *ret)
{
	const struct listeners *sets[] = {old};
	const struct listener_pool pool = {.sets = sets, .count = 1};
	const struct endpoint *failed;

	if (listener_open_all(heir, &pool, ret, &failed) < 0)
		fail_msg("%s", strerror(errno));
}

static uint64_t socket_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

static void a_socket_of_the_pool_is_taken_as_it_is(void **state)
{
	struct endpoint endpoints[2], wanted[2];
	struct config_service old =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/tcp", "127.0.0.1:1/udp", NULL});
	struct config_service heir =
		service_on(wanted, (const char *[]){"127.0.0.1:1/udp", "127.0.0.1:1/tcp", NULL});
	struct listeners listeners, taken;

	(void)state;
	open_them(&old, &listeners);
	heir.idle_timeout = 2 * IDLE_MS;
	inherit(&heir, &listeners, &taken);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_not_equal(taken.fd[i], listeners.fd[i]);
		assert_int_equal(socket_of(taken.fd[i]), socket_of(listeners.fd[i]));
	}
	assert_ptr_equal(taken.endpoint[0], &wanted[1]);
	assert_int_equal(idle_ms_of(listeners.fd[0]), IDLE_MS);
	listener_close_all(&taken);
	assert_int_equal(option_of(listeners.fd[0], SOL_SOCKET, SO_ACCEPTCONN), 1);
	listener_close_all(&listeners);
}

static void applying_sets_what_the_heir_is_configured_to_have(void **state)
{
	struct endpoint endpoints[2], wanted[2];
	struct config_service old =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/tcp", NULL});
	struct config_service heir =
		service_on(wanted, (const char *[]){"127.0.0.1:1/tcp", "127.0.0.2:1/tcp", NULL});
	struct listeners listeners, taken;

	(void)state;
	open_them(&old, &listeners);
	heir.idle_timeout = 2 * IDLE_MS;
	inherit(&heir, &listeners, &taken);
	assert_int_equal(fcntl(taken.fd[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(listener_apply(&heir, &taken), 0);
	assert_int_equal(fcntl(taken.fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(idle_ms_of(taken.fd[0]), 2 * IDLE_MS);
	assert_int_equal(listener_apply(&old, &listeners), 0);
	assert_int_equal(fcntl(taken.fd[0], F_GETFL) & O_NONBLOCK, 0);
	listener_close_all(&taken);
	listener_close_all(&listeners);
}

static void what_an_heir_has_is_closed_but_goes_on_listening(void **state)
{
	struct endpoint endpoints[3], wanted[1];
	struct config_service old =
		service_on(endpoints, (const char *[]){"127.0.0.1:1/tcp", "127.0.0.2:1/tcp",
						       "127.0.0.1:1/udp", NULL});
	struct config_service heir = service_on(wanted, (const char *[]){"127.0.0.1:1/tcp", NULL});
	struct listeners listeners, taken;

	(void)state;
	open_them(&old, &listeners);
	inherit(&heir, &listeners, &taken);
	listener_bequeath(&listeners, &taken);
	assert_int_equal(listeners.count, 2);
	assert_int_equal(listeners.tcp, 1);
	assert_ptr_equal(listeners.endpoint[0], &endpoints[1]);
	assert_ptr_equal(listeners.endpoint[1], &endpoints[2]);
	listener_close_all(&listeners);
	assert_int_equal(option_of(taken.fd[0], SOL_SOCKET, SO_ACCEPTCONN), 1);
	listener_close_all(&taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_comes_first_whatever_the_order_of_the_words),
		cmocka_unit_test(only_several_tcp_listeners_do_not_block),
		cmocka_unit_test(the_idle_limit_is_there_to_be_inherited),
		cmocka_unit_test(all_are_opened_or_none),
		cmocka_unit_test(an_address_of_another_machine_is_an_error),
		cmocka_unit_test(a_socket_of_the_pool_is_taken_as_it_is),
		cmocka_unit_test(applying_sets_what_the_heir_is_configured_to_have),
		cmocka_unit_test(what_an_heir_has_is_closed_but_goes_on_listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
