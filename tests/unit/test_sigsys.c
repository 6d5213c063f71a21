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
#include <sys/sysinfo.h>
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
	assert_int_equal(report->end, COST_CONNECTION);
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
	for (int i = 0; i < 2 * SIGSYS_VIOLATIONS_MAX; i++)
		EXPECT(syscall(UNKNOWN_CALL) == -1 && errno == ENOSYS);
	EXPECT(conn.cut == CUT_NONE);
	EXPECT_REPORTS(1);
	for (int i = 1; i < 2 * CONN_DENIALS; i++)
		EXPECT(syscall(UNKNOWN_CALL + i) == -1 && errno == ENOSYS);
	EXPECT_REPORTS(CONN_DENIALS); /* more are not told apart */
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
	assert_int_equal(sandboxed->report[0].end, COST_REPLY);
}

static void unknown_calls_do_not_exist(void **state)
{
	(void)state;
	sandboxed_passes(calls_the_unknown);
	assert_int_equal(sandboxed->report[0].number, UNKNOWN_CALL);
	assert_int_equal(sandboxed->report[0].error, ENOSYS);
	assert_int_equal(sandboxed->report[0].end, COST_CALL);
}

static void opens_for_several(void)
{
	static struct cservd_conn conns[3];

	sandboxed_settings.mode = MODE_SERVE;
	sandboxed_enter(PROMISE_STDIO, 0);
	for (size_t i = 0; i < ARRAY_SIZE(conns); i++) {
		conn_current = &conns[i];
		EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
	}
}

static void the_first_denial_asks_once_for_a_successor(void **state)
{
	(void)state;
	sandboxed_passes(opens_for_several);
	assert_int_equal(sandboxed->reports, 4);
	assert_int_equal(sandboxed->report[0].type, MESSAGE_DENIED);
	assert_int_equal(sandboxed->report[1].type, MESSAGE_REPLACE);
	assert_int_equal(sandboxed->report[1].number, REPLACE_TAINTED);
	assert_int_equal(sandboxed->report[2].type, MESSAGE_DENIED);
	assert_int_equal(sandboxed->report[3].type, MESSAGE_DENIED);
}

static void calls_the_new_in_service(void)
{
	static struct cservd_conn conn;

	sandboxed_settings.mode = MODE_SERVE;
	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conn;
	EXPECT(syscall(UNKNOWN_CALL) == -1 && errno == ENOSYS);
}

static void a_call_too_new_taints_nobody(void **state)
{
	(void)state;
	sandboxed_passes(calls_the_new_in_service);
	assert_int_equal(sandboxed->reports, 1);
}

static void opens_in_deny_mode(void)
{
	static struct cservd_conn conn = {.peer.in4 = {.sin_family = AF_INET, .sin_port = 4711}};

	sandboxed_settings.mode = MODE_SERVE;
	sandboxed_settings.on_violation = VIOLATION_DENY;
	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conn;
	for (int i = 0; i < SIGSYS_VIOLATIONS_MAX - 2; i++)
		EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
	EXPECT_DENIED(socket(AF_INET, SOCK_STREAM, 0));
	EXPECT(conn.cut == CUT_NONE);
	EXPECT_REPORTS(2);
	conn_current = NULL;
	sigsys_report_repeats(&conn);
}

static void deny_lets_the_connection_go_on_and_counts(void **state)
{
	const struct message *repeat = &sandboxed->report[2];

	(void)state;
	sandboxed_passes(opens_in_deny_mode);
	assert_int_equal(sandboxed->reports, 3);
	assert_int_equal(sandboxed->report[0].end, COST_CALL);
	assert_int_equal(repeat->type, MESSAGE_REPEATED);
	assert_int_equal(repeat->number, SYS_openat);
	assert_int_equal(repeat->arch, sandboxed->report[0].arch);
	assert_int_equal(repeat->in, SIGSYS_VIOLATIONS_MAX - 3);
	assert_int_equal(repeat->peer.in4.sin_port, 4711);
}

static void opens_too_often(void)
{
	static struct cservd_conn conns[2];

	sandboxed_settings.on_violation = VIOLATION_DENY;
	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conns[0];
	EXPECT_DENIED(open("/etc/passwd", O_RDONLY)); /* another connection's */
	conn_current = &conns[1];
	for (int i = 0; i < SIGSYS_VIOLATIONS_MAX - 1; i++)
		EXPECT_DENIED(open("/etc/passwd", O_RDONLY));
	EXPECT_REPORTS(2);
	(void)open("/etc/passwd", O_RDONLY); /* does not return */
}

static void ends_after_too_many(void (*body)(void), uint32_t reports)
{
	int status = sandboxed_end(sandboxed_start(body));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SIGSYS_EXIT_STATUS);
	assert_int_equal(sandboxed->reports, reports);
	assert_int_equal(sandboxed->report[reports - 1].type, MESSAGE_DENIED);
	assert_int_equal(sandboxed->report[reports - 1].end, COST_WORKER);
}

static void the_eighth_violation_of_a_connection_ends_the_worker(void **state)
{
	(void)state;
	ends_after_too_many(opens_too_often, 4);
	assert_int_equal(sandboxed->report[2].type, MESSAGE_REPEATED);
	assert_int_equal(sandboxed->report[2].in, SIGSYS_VIOLATIONS_MAX - 2);
}

static void opens_too_often_for_nobody(void)
{
	sandboxed_enter(PROMISE_STDIO, 0);
	for (int i = 0; i < SIGSYS_VIOLATIONS_MAX; i++)
		(void)open("/etc/passwd", O_RDONLY); /* the last does not return */
}

static void threads_of_the_plugin_have_no_more_attempts(void **state)
{
	(void)state;
	ends_after_too_many(opens_too_often_for_nobody, SIGSYS_VIOLATIONS_MAX);
}

static void opens_in_kill_mode(void)
{
	static struct cservd_conn conn;

	sandboxed_settings.on_violation = VIOLATION_KILL;
	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conn;
	(void)open("/etc/passwd", O_RDONLY); /* does not return */
}

static void kill_ends_the_worker_at_once(void **state)
{
	(void)state;
	ends_after_too_many(opens_in_kill_mode, 1);
}

static void lets_libc_look(void)
{
	static struct cservd_conn conn;

	sandboxed_settings.mode = MODE_SERVE;
	sandboxed_settings.on_violation = VIOLATION_KILL;
	sandboxed_enter(PROMISE_STDIO, 0);
	conn_current = &conn;
	for (int i = 0; i < 2 * SIGSYS_VIOLATIONS_MAX; i++)
		EXPECT(get_nprocs() > 0); /* opens a file below /sys */
	EXPECT(conn.cut == CUT_NONE);
}

static void looks_of_libc_are_denied_and_cost_nothing(void **state)
{
	(void)state;
	sandboxed_passes(lets_libc_look);
	assert_int_equal(sandboxed->reports, 0);
	assert_true(sandboxed->board.counters.denied >= 2 * SIGSYS_VIOLATIONS_MAX);
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
		cmocka_unit_test(the_first_denial_asks_once_for_a_successor),
		cmocka_unit_test(a_call_too_new_taints_nobody),
		cmocka_unit_test(deny_lets_the_connection_go_on_and_counts),
		cmocka_unit_test(the_eighth_violation_of_a_connection_ends_the_worker),
		cmocka_unit_test(threads_of_the_plugin_have_no_more_attempts),
		cmocka_unit_test(kill_ends_the_worker_at_once),
		cmocka_unit_test(looks_of_libc_are_denied_and_cost_nothing),
		cmocka_unit_test(exec_ends_the_worker),
		cmocka_unit_test(making_processes_fails_and_kills_nobody),
		cmocka_unit_test(signals_stay_within_the_process),
		cmocka_unit_test(memory_never_becomes_code),
		cmocka_unit_test(unblocking_turns_a_kill_into_a_denial),
	};

	return cmocka_run_group_tests(tests, sandboxed_set_up, NULL);
}
