/* SPDX-License-Identifier: MIT */
/*
 * test_connect - a handler gets its connection, or an errno, whatever the connector replies.
 *
 *	test (handler) thread -- cservd_connect() --> connector thread: a script of the test
 *	keeper thread: connect_take_replies() <---------------'
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/settings.h"
#include "sockets.h"
#include "worker/conn.h"
#include "worker/connect.h"
#include "worker/service.h"
#include "worker/stream.h"
#include "worker/target.h"

#define CALLERS	 32
#define WAIT_MS	 20000 /* for what must happen */
#define SHORT_MS 100   /* for what must not */

static struct settings settings = {
	.name = "probe", .idle_ms = SETTINGS_UNLIMITED, .duration_ms = SETTINGS_UNLIMITED};
static const struct cservd_target *targets[CALLERS];
static struct cservd_conn client;
static int far_end;    /* the connector's end of the pair */
static int keeper_end; /* eventfd: the keeper is to stop */
static pthread_t keeper, connector;
static pthread_mutex_t keeper_lock = PTHREAD_MUTEX_INITIALIZER; /* holds the keeper back */

static void *keep(void *unused)
{
	struct pollfd fds[] = {{.fd = WORKER_FD_CONNECTOR, .events = POLLIN},
			       {.fd = keeper_end, .events = POLLIN}};

	do {
		(void)poll(fds, ARRAY_SIZE(fds), -1);
		assert_int_equal(pthread_mutex_lock(&keeper_lock), 0);
		connect_take_replies();
		assert_int_equal(pthread_mutex_unlock(&keeper_lock), 0);
	} while (fds[1].revents == 0);
	return unused;
}

static int set_up_targets(void **state)
{
	(void)state;
	service.settings = &settings;
	service.where = "a.ini:1";
	service.in_config = true;
	for (size_t i = 0; i < CALLERS; i++) {
		targets[i] = cservd_target(&service, "127.0.0.1:1");
		if (targets[i] == NULL)
			return -1;
	}
	return 0;
}

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	far_end = sockets_lift(pair[0]);
	pair[1] = sockets_lift(pair[1]);
	assert_int_equal(dup2(pair[1], WORKER_FD_CONNECTOR), WORKER_FD_CONNECTOR);
	assert_int_equal(close(pair[1]), 0);
	keeper_end = sockets_lift(eventfd(0, EFD_CLOEXEC));
	conn_init(&client, &stream_ops, &service);
	client.fd = keeper_end; /* any: a stream has one */
	conn_current = &client;
	return pthread_create(&keeper, NULL, keep, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(eventfd_write(keeper_end, 1), 0);
	assert_int_equal(pthread_join(keeper, NULL), 0);
	conn_finish(&client);
	conn_current = NULL;
	assert_int_equal(close(keeper_end), 0);
	assert_int_equal(close(far_end), 0);
	return close(WORKER_FD_CONNECTOR);
}

static void run_connector(void *(*script)(void *))
{
	assert_int_equal(pthread_create(&connector, NULL, script, NULL), 0);
}

static void join_connector(void)
{
	assert_int_equal(pthread_join(connector, NULL), 0);
}

/* The next request within WAIT_MS; its id and target are 0 when none comes. */
static struct connect_request take_request(void)
{
	struct pollfd readable = {.fd = far_end, .events = POLLIN};
	struct connect_request request = {0};

	if (poll(&readable, 1, WAIT_MS) == 1 &&
	    recv(far_end, &request, sizeof(request), 0) != sizeof(request))
		memset(&request, 0, sizeof(request));
	return request;
}

static void send_error(uint64_t id, int error, int resolve_error)
{
	struct connect_reply reply = {.id = id, .error = error, .resolve_error = resolve_error};

	sockets_send(far_end, &reply, sizeof(reply), NULL, 0);
}

/* Replies with one end of a new pair; returns the other. */
static int send_socket(uint64_t id)
{
	struct connect_reply reply = {.id = id};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	sockets_send(far_end, &reply, sizeof(reply), &pair[0], 1);
	assert_int_equal(close(pair[0]), 0);
	return pair[1];
}

static void assert_fails_with(int error)
{
	errno = 0;
	assert_null(cservd_connect(targets[0], WAIT_MS));
	assert_int_equal(errno, error);
}

static int served; /* the script's end of the connection it gave away */

static void *connect_one(void *unused)
{
	served = send_socket(take_request().id);
	return unused;
}

static struct cservd_conn *connect_to_script(void)
{
	struct cservd_conn *conn;

	run_connector(connect_one);
	conn = cservd_connect(targets[0], WAIT_MS);
	join_connector();
	assert_non_null(conn);
	return conn;
}

static void a_connection_carries_bytes(void **state)
{
	struct cservd_conn *conn = connect_to_script();
	char text[8];

	(void)state;
	assert_int_equal(cservd_write(conn, "ping\n", 5), 0);
	assert_int_equal(recv(served, text, sizeof(text), MSG_WAITALL | MSG_DONTWAIT), 5);
	assert_int_equal(send(served, "pong\n", 5, 0), 5);
	assert_int_equal(cservd_readline(conn, text, sizeof(text)), 1);
	assert_string_equal(text, "pong");
	assert_int_equal(close(served), 0);
}

static void close_ends_one_connection(void **state)
{
	struct cservd_conn *first = connect_to_script();
	int first_end = served;
	struct cservd_conn *second = connect_to_script();
	char byte;

	(void)state;
	cservd_close(first);
	assert_int_equal(recv(first_end, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(served, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_ptr_equal(client.next, second);
	cservd_close(NULL);
	cservd_close(&client);
	assert_ptr_equal(client.next, second);
	assert_int_equal(close(first_end), 0);
	assert_int_equal(close(served), 0);
}

static void the_end_of_the_handler_closes_all(void **state)
{
	int before = sockets_count();
	int ends[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		(void)connect_to_script();
		ends[i] = served;
	}
	conn_finish(&client);
	assert_null(client.next);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		assert_int_equal(close(ends[i]), 0);
	assert_int_equal(sockets_count(), before);
}

static void a_connection_has_the_deadline_of_its_client(void **state)
{
	(void)state;
	cservd_deadline(&client, WAIT_MS);
	assert_true(connect_to_script()->deadline_ms == client.deadline_ms);
	assert_int_equal(close(served), 0);
}

struct translation {
	int error, resolve_error, seen;
};

static const struct translation translations[] = {{ECONNREFUSED, 0, ECONNREFUSED},
						  {EHOSTUNREACH, 0, EHOSTUNREACH},
						  {-1, 0, EPROTO},
						  {INT32_MAX, 0, EPROTO},
						  {0, EAI_NONAME, ENXIO},
						  {0, EAI_NODATA, ENXIO},
						  {0, EAI_ADDRFAMILY, ENXIO},
						  {0, EAI_AGAIN, EAGAIN},
						  {0, EAI_MEMORY, ENOMEM},
						  {0, EAI_FAIL, EPROTO},
						  {EMFILE, EAI_SYSTEM, EMFILE},
						  {0, EAI_SYSTEM, EPROTO},
						  {0, 12345, EPROTO}};

static void *reply_with_errors(void *unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(translations); i++)
		send_error(take_request().id, translations[i].error, translations[i].resolve_error);
	return unused;
}

static void every_failure_becomes_an_errno(void **state)
{
	(void)state;
	run_connector(reply_with_errors);
	for (size_t i = 0; i < ARRAY_SIZE(translations); i++)
		assert_fails_with(translations[i].seen);
	join_connector();
}

static void a_late_socket_is_closed(void **state)
{
	struct connect_request late;
	int before = sockets_count();
	int late_end;
	char byte;

	(void)state;
	assert_null(cservd_connect(targets[0], SHORT_MS));
	assert_int_equal(errno, ETIMEDOUT);
	late = take_request();
	late_end = send_socket(late.id);
	/* The keeper takes replies in their order, so the late one is done with after this. */
	cservd_close(connect_to_script());
	assert_int_equal(recv(late_end, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(close(late_end), 0);
	assert_int_equal(close(served), 0);
	assert_int_equal(sockets_count(), before);
}

static void *reply_with_nonsense(void *unused)
{
	struct connect_reply reply = {.id = take_request().id};
	struct connect_reply failure = {.id = reply.id, .error = EACCES};
	char large[sizeof(reply) + 1];
	int fds[3], plain[2];

	memset(large, 0, sizeof(large));
	memcpy(large, &reply, sizeof(reply));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(pipe2(plain, O_CLOEXEC), 0);
	sockets_send(far_end, &reply, sizeof(reply) - 1, fds, 1);
	sockets_send(far_end, large, sizeof(large), fds, 1);
	sockets_send(far_end, &reply, sizeof(reply), NULL, 0);
	sockets_send(far_end, &reply, sizeof(reply), fds, 2);
	sockets_send(far_end, &reply, sizeof(reply), plain, 1);
	sockets_send(far_end, &failure, sizeof(failure), fds, 1);
	failure.id++;
	sockets_send(far_end, &failure, sizeof(failure), NULL, 0);
	reply.id--;
	sockets_send(far_end, &reply, sizeof(reply), fds, 1);
	send_error(reply.id + 1, ENETDOWN, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_int_equal(close(fds[i]), 0);
	assert_int_equal(close(plain[0]), 0);
	assert_int_equal(close(plain[1]), 0);
	return unused;
}

static void a_malformed_reply_is_ignored(void **state)
{
	int before = sockets_count();

	(void)state;
	run_connector(reply_with_nonsense);
	assert_fails_with(ENETDOWN);
	join_connector();
	assert_int_equal(sockets_count(), before);
}

static void *reply_twice(void *unused)
{
	uint64_t id = take_request().id;

	assert_int_equal(pthread_mutex_lock(&keeper_lock), 0);
	served = send_socket(id);
	assert_int_equal(close(send_socket(id)), 0);
	assert_int_equal(pthread_mutex_unlock(&keeper_lock), 0);
	return unused;
}

static void the_first_reply_counts(void **state)
{
	int before = sockets_count();
	struct cservd_conn *conn;

	(void)state;
	run_connector(reply_twice);
	conn = cservd_connect(targets[0], -1);
	join_connector();
	assert_non_null(conn);
	cservd_close(conn);
	assert_int_equal(close(served), 0);
	cservd_close(connect_to_script()); /* all replies before this one are done with */
	assert_int_equal(close(served), 0);
	assert_int_equal(sockets_count(), before);
}

static void *cut_the_client(void *unused)
{
	(void)take_request();
	conn_cut(&client, CUT_DRAIN);
	connect_wake_all();
	return unused;
}

static void a_cut_ends_the_wait(void **state)
{
	int64_t start = util_now_ms();

	(void)state;
	run_connector(cut_the_client);
	assert_fails_with(ECANCELED);
	join_connector();
	assert_true(util_now_ms() - start < WAIT_MS / 2);
}

static void limits_of_the_client_end_the_wait(void **state)
{
	(void)state;
	client.idle_ms = SHORT_MS;
	assert_fails_with(ETIMEDOUT);
	client.idle_ms = CONN_NO_LIMIT;
	cservd_deadline(&client, SHORT_MS);
	assert_fails_with(ETIMEDOUT);
}

static void fill_the_socket(void)
{
	struct connect_request request = {0};

	while (send(WORKER_FD_CONNECTOR, &request, sizeof(request), MSG_DONTWAIT) != -1)
		;
	assert_int_equal(errno, EAGAIN);
}

static void a_full_socket_is_waited_for(void **state)
{
	(void)state;
	fill_the_socket();
	assert_null(cservd_connect(targets[0], SHORT_MS));
	assert_int_equal(errno, ETIMEDOUT);
	run_connector(cut_the_client);
	assert_fails_with(ECANCELED);
	join_connector();
}

static void *skip_to_the_request(void *unused)
{
	struct connect_request request;

	do
		request = take_request();
	while (request.target == 0 && request.id == 0);
	send_error(request.id, ENETDOWN, 0);
	return unused;
}

static void a_request_goes_out_when_there_is_room(void **state)
{
	(void)state;
	fill_the_socket();
	run_connector(skip_to_the_request);
	assert_fails_with(ENETDOWN);
	join_connector();
}

static void only_a_stream_handler_connects(void **state)
{
	struct cservd_target foreign = {.index = CALLERS};

	(void)state;
	errno = 0;
	assert_null(cservd_connect(NULL, WAIT_MS));
	assert_int_equal(errno, EINVAL);
	assert_null(cservd_connect(&foreign, WAIT_MS));
	assert_int_equal(errno, EINVAL);
	client.fd = -1; /* a datagram */
	assert_fails_with(ENOTSUP);
	conn_current = NULL;
	assert_fails_with(ENOTSUP);
}

static void *reply_backwards(void *unused)
{
	struct connect_request requests[CALLERS];

	for (size_t i = 0; i < CALLERS; i++)
		requests[i] = take_request();
	for (size_t i = CALLERS; i > 0; i--)
		send_error(requests[i - 1].id, 1 + (int)requests[i - 1].target, 0);
	return unused;
}

/* Returns NULL if the errno is that of this thread's target. */
static void *call(void *target)
{
	const struct cservd_target *mine = target;
	struct cservd_conn own;
	bool right;

	conn_init(&own, &stream_ops, &service);
	own.fd = keeper_end;
	conn_current = &own;
	right = cservd_connect(mine, WAIT_MS) == NULL && errno == 1 + (int)mine->index;
	conn_finish(&own);
	return right ? NULL : target;
}

static void each_caller_gets_its_own_reply(void **state)
{
	pthread_t threads[CALLERS];
	void *wrong;

	(void)state;
	run_connector(reply_backwards);
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call, (void *)targets[i]), 0);
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	join_connector();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_carries_bytes),
		TEST(close_ends_one_connection),
		TEST(the_end_of_the_handler_closes_all),
		TEST(a_connection_has_the_deadline_of_its_client),
		TEST(every_failure_becomes_an_errno),
		TEST(a_late_socket_is_closed),
		TEST(a_malformed_reply_is_ignored),
		TEST(the_first_reply_counts),
		TEST(a_cut_ends_the_wait),
		TEST(limits_of_the_client_end_the_wait),
		TEST(a_full_socket_is_waited_for),
		TEST(a_request_goes_out_when_there_is_room),
		TEST(only_a_stream_handler_connects),
		TEST(each_caller_gets_its_own_reply),
	};

	return cmocka_run_group_tests(tests, set_up_targets, NULL);
}
