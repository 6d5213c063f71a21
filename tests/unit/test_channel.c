/* SPDX-License-Identifier: MIT */
/* test_channel - what a forked process may say, and about whom. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/settings.h"
#include "worker/channel.h"
#include "worker/service.h"
#include "worker/target.h"

#define NUMBER 7 /* of the channel */

static struct settings settings = {.log_connections = 1, .mode = MODE_SERVE};
static struct board board;
static union addr client = {.in4 = {.sin_family = AF_INET, .sin_port = 1, .sin_addr = {1}}};
static union addr somebody = {.in4 = {.sin_family = AF_INET, .sin_port = 2, .sin_addr = {2}}};

/* Both ends of a channel, what the master would read, and what the connector would. */
static struct {
	struct channel ours;
	int theirs, master, connector;
} pair;

/* The worker's descriptors are where the worker has them. */
static int install(int fd, int number)
{
	int result = dup2(fd, number);

	(void)close(fd); /* of a pipe or a socket */
	return result;
}

static int set_up(void **state)
{
	int messages[2], requests[2];

	(void)state;
	service.settings = &settings;
	service.board = &board;
	memset(&board, 0, sizeof(board));
	settings.log_connections = 1;
	/* Above the numbers that are given away below. */
	pair.theirs = channel_open(&pair.ours, NUMBER, &client);
	if (pair.theirs == -1 || pipe2(messages, O_NONBLOCK) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, requests) == -1)
		return -1;
	pair.theirs = install(pair.theirs, 40);
	pair.ours.fd = install(pair.ours.fd, 41);
	pair.master = install(messages[0], 42);
	pair.connector = install(requests[0], 43);
	messages[1] = install(messages[1], 44);
	requests[1] = install(requests[1], 45);
	return install(messages[1], WORKER_FD_MESSAGES) == -1 ||
			       install(requests[1], WORKER_FD_CONNECTOR) == -1
		       ? -1
		       : 0;
}

static int tear_down(void **state)
{
	(void)state;
	channel_close(&pair.ours);
	util_close(pair.theirs);
	util_close(pair.master);
	util_close(pair.connector);
	util_close(WORKER_FD_MESSAGES);
	util_close(WORKER_FD_CONNECTOR);
	return 0;
}

static void say(const void *bytes, size_t size)
{
	assert_int_equal(write(pair.theirs, bytes, size), (ssize_t)size);
}

static void say_message(enum message_type type, union addr peer)
{
	struct message message = {
		.type = (uint16_t)type, .priority = LOG_INFO, .peer = peer, .in = 3, .out = 4};

	say(&message, sizeof(message));
}

/* The next message that went to the master; false if there is none. */
static bool heard(struct message *ret)
{
	return read(pair.master, ret, sizeof(*ret)) == sizeof(*ret);
}

static void assert_nothing_heard(void)
{
	struct message message;

	assert_false(heard(&message));
}

static void says_when_there_is_nothing_and_when_it_is_over(void **state)
{
	(void)state;
	assert_int_equal(channel_take(&pair.ours), 0);
	util_close(pair.theirs);
	pair.theirs = -1;
	assert_int_equal(channel_take(&pair.ours), -1);
}

static void passes_a_line_on_in_the_name_of_its_client(void **state)
{
	struct message message;

	(void)state;
	say_message(MESSAGE_LOG, somebody);
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_true(heard(&message));
	assert_int_equal(message.type, MESSAGE_LOG);
	assert_true(addr_equal(&message.peer, &client));
}

static void leaves_the_peers_of_datagrams_alone(void **state)
{
	struct message message;

	(void)state;
	pair.ours.peer = (union addr){.sa.sa_family = AF_UNSPEC};
	say_message(MESSAGE_LOG, somebody);
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_true(heard(&message));
	assert_true(addr_equal(&message.peer, &somebody));
}

static void ignores_what_only_a_worker_may_say(void **state)
{
	static const enum message_type forbidden[] = {
		MESSAGE_WRONG, MESSAGE_READY, MESSAGE_FAILED,
		MESSAGE_LOST,  MESSAGE_ALIVE, MESSAGE_REPLACE,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		say_message(forbidden[i], client);
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_nothing_heard();
}

static void ignores_nonsense(void **state)
{
	struct message message = {.type = MESSAGE_TYPES};
	char bytes[2 * MESSAGE_SIZE];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	say(bytes, 1);
	say(bytes, MESSAGE_SIZE);
	say(bytes, sizeof(bytes));
	say(&message, sizeof(message));
	message = (struct message){.type = MESSAGE_CLOSED, .end = END_CRASHED};
	say(&message, sizeof(message));
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_nothing_heard();
	assert_false(pair.ours.is_closed);
}

static void believes_one_end(void **state)
{
	struct message message;

	(void)state;
	say_message(MESSAGE_CLOSED, client);
	say_message(MESSAGE_CLOSED, client);
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_true(heard(&message));
	assert_nothing_heard();
	assert_true(pair.ours.is_closed);
	assert_int_equal(pair.ours.in, 3);
	assert_int_equal(pair.ours.out, 4);
}

static void keeps_an_end_to_itself_without_log_connections(void **state)
{
	(void)state;
	settings.log_connections = 0;
	say_message(MESSAGE_CLOSED, client);
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_nothing_heard();
	assert_true(pair.ours.is_closed);
}

static void counts_denials_and_never_says_that_the_worker_is_replaced(void **state)
{
	struct message message = {.type = MESSAGE_DENIED, .end = COST_WORKER, .peer = client};

	(void)state;
	say(&message, sizeof(message));
	say_message(MESSAGE_REPEATED, client);
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_true(heard(&message));
	assert_int_equal(message.end, COST_CONNECTION);
	assert_int_equal(atomic_load(&board.counters.denied), 1 + 3);
}

static void takes_some_packets_at_a_time(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		say_message(MESSAGE_LOG, client);
	assert_int_equal(channel_take(&pair.ours), 1);
	while (channel_take(&pair.ours) == 1)
		continue;
}

static void requests_get_ids_of_the_worker_and_replies_find_back(void **state)
{
	struct connect_request request = {.id = 99, .deadline_ms = 5, .target = 1}, first, second;
	struct connect_reply reply;

	(void)state;
	say(&request, sizeof(request));
	say(&request, sizeof(request));
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_int_equal(read(pair.connector, &first, sizeof(first)), sizeof(first));
	assert_int_equal(read(pair.connector, &second, sizeof(second)), sizeof(second));
	assert_true(first.id != second.id);
	assert_int_equal(channel_number_of(second.id), NUMBER);
	assert_int_equal(second.target, 1);
	assert_true(pair.ours.asked == second.id);
	channel_reply(&pair.ours, ECONNREFUSED, -1);
	assert_int_equal(read(pair.theirs, &reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(reply.id, 99);
	assert_int_equal(reply.error, ECONNREFUSED);
	assert_int_equal(pair.ours.asked, 0);
}

static void says_no_when_the_connector_has_too_much_to_do(void **state)
{
	struct connect_request request = {.id = 1};
	struct connect_reply reply;

	(void)state;
	while (send(WORKER_FD_CONNECTOR, &request, sizeof(request), MSG_DONTWAIT) != -1)
		continue;
	say(&request, sizeof(request));
	assert_int_equal(channel_take(&pair.ours), 0);
	assert_int_equal(read(pair.theirs, &reply, sizeof(reply)), sizeof(reply));
	assert_int_equal(reply.error, ENOBUFS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_when_there_is_nothing_and_when_it_is_over),
		TEST(passes_a_line_on_in_the_name_of_its_client),
		TEST(leaves_the_peers_of_datagrams_alone),
		TEST(ignores_what_only_a_worker_may_say),
		TEST(ignores_nonsense),
		TEST(believes_one_end),
		TEST(keeps_an_end_to_itself_without_log_connections),
		TEST(counts_denials_and_never_says_that_the_worker_is_replaced),
		TEST(takes_some_packets_at_a_time),
		TEST(requests_get_ids_of_the_worker_and_replies_find_back),
		TEST(says_no_when_the_connector_has_too_much_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
