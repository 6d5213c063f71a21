/* SPDX-License-Identifier: MIT */
/* test_learn - what handlers did becomes the fewest promises that allow it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>

#include <cmocka.h>

#include "common/promise.h"
#include "common/settings.h"
#include "sandboxed.h"
#include "worker/learn.h"
#include "worker/sandbox.h"

#define LINE 256

static void prepare(void)
{
	sandboxed_settings.on_violation = VIOLATION_LEARN;
	EXPECT(learn_is_on());
	EXPECT(learn_prepare() == 0);
}

static void note(int number, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t args[6] = {a, b, c};

	learn_note(number, args);
}

static void expect_line(const char *expected)
{
	char line[LINE] = "";

	EXPECT(learn_format(line, sizeof(line)) == strlen(expected));
	if (strcmp(line, expected) != 0)
		dprintf(STDERR_FILENO, "%s\n", line);
	EXPECT(strcmp(line, expected) == 0);
}

static void needs_nothing(void)
{
	prepare();
	expect_line("this handler used: sandbox = stdio");
}

static void a_modest_handler_needs_stdio_only(void **state)
{
	(void)state;
	sandboxed_passes(needs_nothing);
}

static void reads_and_connects(void)
{
	prepare();
	note(SYS_openat, (uint64_t)AT_FDCWD, 0, O_RDONLY | O_CLOEXEC);
	expect_line("this handler used: sandbox = rpath");
	note(SYS_openat, (uint64_t)AT_FDCWD, 0, O_RDONLY);
	expect_line("");
	note(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	note(SYS_connect, 3, 0, 0);
	expect_line("this handler used: sandbox = inet rpath");
}

static void a_line_comes_only_when_something_was_learned(void **state)
{
	(void)state;
	sandboxed_passes(reads_and_connects);
}

static void resolves(void)
{
	prepare();
	note(SYS_openat, (uint64_t)AT_FDCWD, 0, O_RDONLY);
	note(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	note(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	note(SYS_connect, 3, 0, 0);
	expect_line("this handler used: sandbox = dns");
}

static void one_promise_that_covers_three_is_enough(void **state)
{
	(void)state;
	sandboxed_passes(resolves);
}

static void writes(void)
{
	prepare();
	note(SYS_openat, (uint64_t)AT_FDCWD, 0, O_WRONLY);
	expect_line("this handler used: sandbox = wpath");
	note(SYS_openat, (uint64_t)AT_FDCWD, 0, O_WRONLY | O_CREAT);
	expect_line("this handler used: sandbox = wpath cpath");
}

static void the_promise_grows_with_the_need(void **state)
{
	(void)state;
	sandboxed_passes(writes);
}

static void mounts(void)
{
	prepare();
	note(SYS_mount, 0, 0, 0);
	note(1000, 0, 0, 0);
	note(-1, 0, 0, 0);
	note(5000, 0, 0, 0);
	expect_line("this handler used: sandbox = stdio; no promise allows mount, "
		    "system call 1000");
}

static void calls_without_a_promise_are_named(void **state)
{
	(void)state;
	sandboxed_passes(mounts);
}

static void *does_it_all(void *unused)
{
	int status;
	pid_t pid;

	EXPECT(sandbox_enter_thread() == 0);
	EXPECT(close(open("/etc/passwd", O_RDONLY | O_CLOEXEC)) == 0);
	EXPECT(close(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == 0);
	pid = fork();
	if (pid == 0)
		_exit(open("/etc/passwd", O_RDONLY) == -1);
	EXPECT(pid != -1 && waitpid(pid, &status, 0) == pid && status == 0);
	learn_tell();
	learn_tell();
	return unused;
}

static void learns(void)
{
	sandboxed_settings.on_violation = VIOLATION_LEARN;
	sandboxed_enter(PROMISE_STDIO, 0);
	sandboxed_thread(does_it_all, NULL);
}

static void everything_works_and_is_told_once(void **state)
{
	(void)state;
	sandboxed_passes(learns);
	assert_int_equal(sandboxed->reports, 1);
	assert_int_equal(sandboxed->report[0].priority, LOG_WARNING);
	assert_string_equal(sandboxed->report[0].text,
			    "learn: this handler used: sandbox = inet rpath proc");
	assert_int_equal(sandboxed->board.counters.denied, 0);
}

static void is_watched_already(void)
{
	struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	struct sock_fprog program = {.len = 1, .filter = &allow};

	prepare();
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &program) != -1);
	EXPECT(learn_enter() == -1 && errno == EBUSY);
}

static void a_second_watcher_is_refused(void **state)
{
	(void)state;
	sandboxed_passes(is_watched_already);
}

static void is_a_connector(void)
{
	sandboxed_settings.on_violation = VIOLATION_LEARN;
	sandboxed_settings.mode = MODE_CONNECTOR;
	EXPECT(!learn_is_on());
	sandboxed_enter(PROMISE_STDIO, 0);
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
}

static void a_connector_never_learns(void **state)
{
	(void)state;
	sandboxed_passes(is_a_connector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_modest_handler_needs_stdio_only),
		cmocka_unit_test(a_line_comes_only_when_something_was_learned),
		cmocka_unit_test(one_promise_that_covers_three_is_enough),
		cmocka_unit_test(the_promise_grows_with_the_need),
		cmocka_unit_test(calls_without_a_promise_are_named),
		cmocka_unit_test(everything_works_and_is_told_once),
		cmocka_unit_test(a_second_watcher_is_refused),
		cmocka_unit_test(a_connector_never_learns),
	};

	return cmocka_run_group_tests(tests, sandboxed_set_up, NULL);
}
