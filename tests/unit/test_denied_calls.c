/* SPDX-License-Identifier: MIT */
/*
 * test_denied_calls - every system call that the filters deny is really made, once, from a
 * connection thread: it fails, and leaves one report.
 *
 *	for each number: what the BPF says (bpfsim.c) --> a child makes the call --> what happened
 */
#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "bpfsim.h"
#include "common/promise.h"
#include "sandboxed.h"
#include "worker/filter.h"
#include "worker/sandbox.h"
#include "worker/sigsys.h"

#define NUMBERS	 512
#define FEWEST	 200 /* calls that stdio denies: far more, on any machine */
#define PROMISES (PROMISE_STDIO | PROMISE_POOL)

static struct sock_fprog filter;

/* The call that the child makes. */
static long number;
static uint32_t verdict;

/*
 * Arguments that no rule allows where it has conditions, and that do no harm where the filter
 * should fail: descriptors that are not open, pointers to nowhere, flags that do not exist.
 */
static const uint64_t bad = UINT64_MAX;

static uint32_t verdict_on(int call)
{
	const struct seccomp_data data = {
		.nr = call, .arch = seccomp_arch_native(), .args = {bad, bad, bad, bad, bad, bad}};

	return bpfsim_run(&filter, &data, NULL);
}

static void *make_the_call(void *unused)
{
	EXPECT(sandbox_enter_thread() == 0);
	sandbox_unblock();
	errno = 0;
	EXPECT(syscall(number, bad, bad, bad, bad, bad, bad) == -1);
	if ((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) {
		EXPECT((uint32_t)errno == (verdict & SECCOMP_RET_DATA));
		EXPECT_REPORTS(0);
	} else {
		EXPECT(errno == EPERM || errno == ENOSYS);
		EXPECT_REPORTS(1);
		EXPECT(sandboxed->report[0].number == number);
	}
	return unused;
}

static void enters_and_calls(void)
{
	sandboxed_enter(PROMISE_STDIO, 0);
	sandboxed_thread(make_the_call, NULL);
}

static bool is_fatal(int call)
{
	CLEANUP_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	return name != NULL && promise_is_fatal(name);
}

static void expect_denied(int call)
{
	int status;

	number = call;
	status = sandboxed_end(sandboxed_start(enters_and_calls));
	if (is_fatal(call) && WIFEXITED(status) && WEXITSTATUS(status) == SIGSYS_EXIT_STATUS) {
		if (atomic_load(&sandboxed->reports) != 1 || sandboxed->report[0].number != call)
			fail_msg("system call %d: %u reports, the first about %d", call,
				 atomic_load(&sandboxed->reports), sandboxed->report[0].number);
	} else if (status != 0 || is_fatal(call)) {
		fail_msg("system call %d: its process ended with %#x", call, status);
	}
}

/*
 * uretprobe and uprobe of x86-64, which the kernel itself makes a probed program call: since Linux
 * 6.14 it asks no filter about them, and ends whoever was not probed.
 */
static bool is_unfiltered(int call)
{
	return seccomp_arch_native() == SCMP_ARCH_X86_64 && (call == 335 || call == 336);
}

static void every_denied_call_fails_and_is_reported_once(void **state)
{
	int denied = 0;

	(void)state;
	for (int call = 0; call < NUMBERS; call++) {
		verdict = verdict_on(call);
		if (verdict == SECCOMP_RET_ALLOW || is_unfiltered(call))
			continue;
		expect_denied(call);
		denied++;
	}
	assert_true(denied > FEWEST);
}

static int set_up(void **state)
{
	if (filter_build(0, PROMISES, &filter) == -1)
		return -1;
	return sandboxed_set_up(state);
}

static int tear_down(void **state)
{
	(void)state;
	filter_finish(&filter);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_denied_call_fails_and_is_reported_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
