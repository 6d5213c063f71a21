/* SPDX-License-Identifier: MIT */
/* test_sigsys - what is denied behind real filters, how it is reported, and what it costs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/promise.h"
#include "sandboxed.h"
#include "worker/conn.h"
#include "worker/sandbox.h"
#include "worker/sigsys.h"

#define UNKNOWN_CALL 1000 /* no kernel and no libseccomp has it yet */

static void *opens_twice(void *argument)
{
	struct cservd_conn *conn = argument;

	conn_current = conn;
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	EXPECT(conn->cut == CUT_DENIED);
	return NULL;
}

static void *goes_on_with_others(void *argument)
{
	struct cservd_conn *conn = argument;

	EXPECT(sandbox_enter_thread() == 0);
	(void)opens_twice(&conn[0]); /* one report */
	EXPECT_REPORTS(1);
	(void)opens_twice(&conn[1]); /* one, for another connection */
	EXPECT_REPORTS(2);
	EXPECT_DENIED(socket(AF_INET, SOCK_STREAM, 0)); /* another call */
	EXPECT_REPORTS(3);
	conn_current = NULL;
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY)); /* none: always */
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
	EXPECT_REPORTS(5);
	EXPECT_DENIED(accept(-1, NULL, NULL));
	EXPECT_DENIED((int)syscall(SYS_seccomp, 1, 0, NULL));
	return NULL;
}

static void opens_files(void)
{
	static struct cservd_conn conns[2];

	sandboxed_enter(PROMISE_STDIO, 0);
	sandboxed_thread(goes_on_with_others, conns);
}

static void reports_a_denied_call_once_for_each_connection(void **state)
{
	const struct message *report = &sandboxed->report[0];

	(void)state;
	sandboxed_passes(opens_files);
	assert_int_equal(sandboxed->reports, 7);
	assert_int_equal(sandboxed->board.counters.denied, 9);
	assert_int_equal(report->type, MESSAGE_DENIED);
	assert_int_equal(report->number, SYS_openat);
	assert_int_equal(report->error, EPERM);
	assert_int_equal(report->end, END_DENIED);
	assert_int_equal((int)report->args[0], AT_FDCWD);
	assert_int_equal(report->args[2], O_RDONLY | O_CLOEXEC);
	assert_int_not_equal(report->address, 0);
	assert_true(report->thread > 0);
	assert_int_equal(sandboxed->report[2].number, SYS_socket);
	assert_int_equal(sandboxed->report[2].args[0], AF_INET);
	assert_int_equal(sandboxed->report[2].args[1], SOCK_STREAM);
#if defined(__x86_64__)
	assert_int_equal(report->arch, AUDIT_ARCH_X86_64);
#elif defined(__aarch64__)
	assert_int_equal(report->arch, AUDIT_ARCH_AARCH64);
#endif
}

static void calls_the_unknown(void)
{
	static struct cservd_conn conn;

	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conn;
	errno = 0;
	EXPECT(syscall(UNKNOWN_CALL) == -1 && errno == ENOSYS);
	EXPECT(conn.cut == CUT_NONE);
	EXPECT_REPORTS(1);
}

static void opens_for_a_datagram(void)
{
	static struct cservd_conn conn = {.fd = -1};

	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conn;
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
	EXPECT(conn.cut == CUT_DENIED);
}

static void a_datagram_is_cut_but_closes_nothing(void **state)
{
	(void)state;
	sandboxed_passes(opens_for_a_datagram);
	assert_int_equal(sandboxed->report[0].end, END_CLIENT);
}

static void unknown_calls_do_not_exist(void **state)
{
	(void)state;
	sandboxed_passes(calls_the_unknown);
	assert_int_equal(sandboxed->report[0].number, UNKNOWN_CALL);
	assert_int_equal(sandboxed->report[0].error, ENOSYS);
	assert_int_equal(sandboxed->report[0].end, END_CLIENT);
}

static void executes(void)
{
	char *const words[] = {"true", NULL};

	sandboxed_enter(PROMISE_STDIO, 0);
	(void)execve("/bin/true", words, words + 1); /* does not return */
	_exit(1);
}

static void exec_ends_the_worker(void **state)
{
	int status = sandboxed_end(sandboxed_start(executes));

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SIGSYS_EXIT_STATUS);
	assert_int_equal(sandboxed->reports, 1);
	assert_int_equal(sandboxed->report[0].number, SYS_execve);
}

static void makes_processes(void)
{
	char *const words[] = {"true", NULL};
	pid_t pid;

	sandboxed_enter(PROMISE_STDIO, 0);
	EXPECT_DENIED(fork());
	EXPECT_REPORTS(0);
	EXPECT(posix_spawn(&pid, "/bin/true", NULL, NULL, words, words + 1) == EPERM);
	EXPECT(popen("true", "re") == NULL);
	EXPECT(WEXITSTATUS(system("true")) == 127); /* as of a shell that is not there */
}

static void making_processes_fails_and_kills_nobody(void **state)
{
	(void)state;
	sandboxed_passes(makes_processes);
}

static void signals_others(void)
{
	pid_t parent = getppid();

	sandboxed_enter(PROMISE_STDIO, 0);
	EXPECT(pthread_kill(pthread_self(), 0) == 0);
	EXPECT_REPORTS(0);
	EXPECT_DENIED((int)syscall(SYS_tgkill, parent, parent, 0));
	EXPECT_DENIED(kill(parent, 0));
}

static void signals_stay_within_the_process(void **state)
{
	(void)state;
	sandboxed_passes(signals_others);
}

static void makes_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(page != MAP_FAILED);
	sandboxed_enter(PROMISE_STDIO, 0);
	EXPECT_DENIED(mprotect(page, 4096, PROT_READ | PROT_EXEC));
	EXPECT(mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	EXPECT(mprotect(page, 4096, PROT_READ) == 0);
}

static void memory_never_becomes_code(void **state)
{
	(void)state;
	sandboxed_passes(makes_code);
}

static void blocks_everything(void)
{
	sigset_t all;

	(void)sigfillset(&all);				     /* cannot fail */
	EXPECT(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0); /* as a careless parent does */
	sandboxed_enter(PROMISE_STDIO, 0);
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
	EXPECT(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0); /* as a careless plugin does */
	sandbox_unblock();
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
}

static void unblocking_turns_a_kill_into_a_denial(void **state)
{
	(void)state;
	sandboxed_passes(blocks_everything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_a_denied_call_once_for_each_connection),
		cmocka_unit_test(a_datagram_is_cut_but_closes_nothing),
		cmocka_unit_test(unknown_calls_do_not_exist),
		cmocka_unit_test(exec_ends_the_worker),
		cmocka_unit_test(making_processes_fails_and_kills_nobody),
		cmocka_unit_test(signals_stay_within_the_process),
		cmocka_unit_test(memory_never_becomes_code),
		cmocka_unit_test(unblocking_turns_a_kill_into_a_denial),
	};

	return cmocka_run_group_tests(tests, sandboxed_set_up, NULL);
}
