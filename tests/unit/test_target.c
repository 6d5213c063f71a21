/* SPDX-License-Identifier: MIT */
/* test_target - what is a target, and that a sealed list of them stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/message.h"
#include "common/settings.h"
#include "worker/service.h"
#include "worker/target.h"

#define TEXT_26	 "abcdefghijklmnopqrstuvwxyz"
#define LABEL_63 TEXT_26 TEXT_26 "abcdefghijk"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." TEXT_26 TEXT_26 "abcdefghi"
#define PATH_107 "/" LABEL_63 TEXT_26 "abcdefghijklmnopq"

struct good {
	const char *where;
	enum target_kind kind;
	const char *host, *port;
};

static const struct good good[] = {
	{"web:80", TARGET_TCP, "web", "80"},
	{"web:80/tcp", TARGET_TCP, "web", "80"},
	{"www.example.org:443", TARGET_TCP, "www.example.org", "443"},
	{"_under.score-dash.:1", TARGET_TCP, "_under.score-dash.", "1"},
	{"10.0.0.1:53/udp", TARGET_UDP, "10.0.0.1", "53"},
	{"[::1]:80", TARGET_TCP, "::1", "80"},
	{"[2001:db8::7]:53/udp", TARGET_UDP, "2001:db8::7", "53"},
	{"[fe80::1%eth0]:80", TARGET_TCP, "fe80::1%eth0", "80"},
	{"web:0080", TARGET_TCP, "web", "80"},
	{"web:65535", TARGET_TCP, "web", "65535"},
	{NAME_253 ":1", TARGET_TCP, NAME_253, "1"},
	{"unix:/run/x", TARGET_UNIX, "/run/x", ""},
	{"unix:/run/with:colon/and space", TARGET_UNIX, "/run/with:colon/and space", ""},
	{"unix:" PATH_107, TARGET_UNIX, PATH_107, ""},
};

struct bad {
	const char *where, *why;
};

static const struct bad bad[] = {
	{"", "port is missing"},
	{"web", "port is missing"},
	{"[::1]", "brackets"},
	{"web:", "port must be a number"},
	{"web:0", "port 0"},
	{"web:65536", "port must be a number"},
	{"web:99999999999999999999", "port must be a number"},
	{"web:http", "port must be a number"},
	{"web:-1", "port must be a number"},
	{"web:+80", "port must be a number"},
	{"web: 80", "port must be a number"},
	{"web:80 ", "port must be a number"},
	{"web:80/sctp", "protocol"},
	{"web:80/", "protocol"},
	{"web:80/UDP", "protocol"},
	{"web/80", "protocol"},
	{":80", "host is missing"},
	{"::1:80", "needs brackets"},
	{"[]:80", "IPv6 address in the brackets"},
	{"[::g]:80", "IPv6 address in the brackets"},
	{"[10.0.0.1]:80", "IPv6 address in the brackets"},
	{"[fe80::1%]:80", "IPv6 address in the brackets"},
	{"[::1:80", "needs brackets"},
	{"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:80", "too long"},
	{"we b:80", "letters, digits"},
	{"w\303\244b:80", "letters, digits"},
	{"fe80%eth0:80", "letters, digits"},
	{"a" NAME_253 ":1", "host is too long"},
	{"unix:", "path must be absolute"},
	{"unix:run/x", "path must be absolute"},
	{"unix:" PATH_107 "x", "path is too long"},
};

static struct option option_texts[] = {{.name = "target", .value = "web:0", .where = "a.ini:7"}};
static struct settings settings = {.name = "probe", .options = 1, .log_level = LOG_DEBUG};
static int messages; /* what the worker reports */

static int set_up(void **state)
{
	int fds[2];

	(void)state;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	messages = fcntl(fds[0], F_DUPFD_CLOEXEC, 32);
	if (messages == -1 || dup2(fds[1], WORKER_FD_MESSAGES) == -1)
		return -1;
	service.settings = &settings;
	service.where = "a.ini:3";
	service.options = option_texts;
	service.in_config = true;
	return 0;
}

static void assert_reported(enum message_type type, const char *text)
{
	struct message message;

	assert_int_equal(read(messages, &message, sizeof(message)), sizeof(message));
	assert_int_equal(message.type, type);
	assert_string_equal(message.text, text);
}

static void parses_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct cservd_target target;
		const char *why = "";

		if (target_parse(good[i].where, &target, &why) == -1)
			fail_msg("\"%s\": %s", good[i].where, why);
		assert_int_equal(target.kind, good[i].kind);
		assert_string_equal(target.host, good[i].host);
		assert_string_equal(target.port, good[i].port);
		assert_true(target_is_valid(&target, 0));
	}
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cservd_target target = {.index = 77};
		const char *why = "";

		errno = 0;
		if (target_parse(bad[i].where, &target, &why) == 0)
			fail_msg("\"%s\" is accepted", bad[i].where);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(target.index, 77);
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("\"%s\": %s", bad[i].where, why);
	}
}

static struct cservd_target valid_target(void)
{
	struct cservd_target target;
	const char *why;

	assert_int_equal(target_parse("web:80", &target, &why), 0);
	return target;
}

static void bytes_of_another_process_are_checked(void **state)
{
	struct cservd_target target = valid_target();

	(void)state;
	assert_true(target_is_valid(&target, 0));
	assert_false(target_is_valid(&target, 1));
	target.kind = TARGET_KINDS;
	assert_false(target_is_valid(&target, 0));
	target = valid_target();
	memset(target.host, 'a', sizeof(target.host));
	assert_false(target_is_valid(&target, 0));
	target = valid_target();
	memset(target.port, '8', sizeof(target.port));
	assert_false(target_is_valid(&target, 0));
	target = valid_target();
	target.host[0] = '\0';
	assert_false(target_is_valid(&target, 0));
	target = valid_target();
	target.port[0] = '\0';
	assert_false(target_is_valid(&target, 0));
	target = valid_target();
	target.kind = TARGET_UNIX;
	assert_false(target_is_valid(&target, 0));
	memset(target.host, '/', 108);
	assert_false(target_is_valid(&target, 0));
	target.host[107] = '\0';
	assert_true(target_is_valid(&target, 0));
}

static void a_wrong_target_refuses_the_configuration(void **state)
{
	(void)state;
	service.config_wrong = false;
	assert_null(cservd_target(&service, "web"));
	assert_int_equal(errno, EINVAL);
	assert_true(service.config_wrong);
	assert_reported(MESSAGE_WRONG,
			"a.ini:3: target \"web\": the port is missing, write HOST:PORT");
}

static void a_wrong_target_of_an_option_names_its_line(void **state)
{
	(void)state;
	assert_null(cservd_target(&service, option_texts[0].value));
	assert_reported(MESSAGE_WRONG, "a.ini:7: opt.target: \"web:0\": port 0 is not allowed");
}

static void targets_are_named_in_config_only(void **state)
{
	uint32_t before = target_count();

	(void)state;
	service.in_config = false;
	errno = 0;
	assert_null(cservd_target(&service, "web:80"));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(target_count(), before);
	assert_reported(MESSAGE_LOG,
			"target \"web:80\" refused: targets are named in .config only");
	service.in_config = true;
}

static void one_target_too_many_is_refused(void **state)
{
	(void)state;
	while (target_count() < TARGET_MAX) {
		uint32_t index = target_count();
		const struct cservd_target *target = cservd_target(&service, "web:80");

		assert_non_null(target);
		assert_int_equal(target->index, index);
	}
	assert_null(cservd_target(&service, "web:80"));
	assert_reported(MESSAGE_WRONG,
			"a.ini:3: target \"web:80\": a service has at most 256 targets");
}

static void a_sealed_list_cannot_be_changed(void **state)
{
	struct cservd_target target;
	size_t size = target_count() * sizeof(target);
	int fd = memfd_create("targets", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(dup2(fd, WORKER_FD_TARGETS), WORKER_FD_TARGETS);
	assert_int_equal(target_seal(), 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & TARGET_SEALS, TARGET_SEALS);
	assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)size);
	assert_int_equal(pread(fd, &target, sizeof(target), (off_t)(size - sizeof(target))),
			 sizeof(target));
	assert_true(target_is_valid(&target, TARGET_MAX - 1));

	assert_int_equal(pwrite(fd, &target, sizeof(target), 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, (off_t)(size + sizeof(target))), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), -1);
	assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(target_seal(), -1);
	assert_int_equal(close(fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_form),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(bytes_of_another_process_are_checked),
		cmocka_unit_test(a_wrong_target_refuses_the_configuration),
		cmocka_unit_test(a_wrong_target_of_an_option_names_its_line),
		cmocka_unit_test(targets_are_named_in_config_only),
		cmocka_unit_test(one_target_too_many_is_refused),
		cmocka_unit_test(a_sealed_list_cannot_be_changed),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
