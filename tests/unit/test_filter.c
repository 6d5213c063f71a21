/* SPDX-License-Identifier: MIT */
/*
 * test_filter - the BPF of every promise set answers as the table of rules says.
 *
 * The programs are run by bpfsim.c.  What they should answer is worked out here from the table
 * by other means than filter.c uses.
 */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "bpfsim.h"
#include "common/promise.h"
#include "common/settings.h"
#include "worker/filter.h"

#define NUMBERS	    512
#define X32	    0x40000000u
#define LAST_PID    (1u << 22) /* of Linux, PID_MAX_LIMIT */
#define HIGH	    0xffffffff00000000u
#define SAMPLES_MAX 512
#define WORDS	    0x7feu /* PROMISE_INET .. PROMISE_STATUS: stdio is in every set */
#define POOL	    (PROMISE_STDIO | PROMISE_POOL)
#define BASE	    (POOL | PROMISE_CORE)

struct sample {
	uint64_t args[6];
};

struct samples {
	size_t count;
	struct sample sample[SAMPLES_MAX];
};

/* The names by number of one machine, with what is worth trying as arguments of each. */
struct machine {
	uint32_t arch;
	char *names[NUMBERS];
	struct samples samples[NUMBERS];
};

static struct machine machines[] = {{.arch = AUDIT_ARCH_X86_64}, {.arch = AUDIT_ARCH_AARCH64}};

static const uint32_t doors[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
				 AUDIT_ARCH_ARM};

/* Sets that are not BASE and any set of words, and a few that are in use. */
static const uint32_t special_sets[] = {
	POOL,
	BASE,
	PROMISE_STDIO | PROMISE_PROC,
	POOL | PROMISE_EXEC,
	BASE | PROMISE_FORKER,
	BASE | PROMISE_FORKER | PROMISE_INET | PROMISE_PROC,
	BASE | PROMISE_INET | PROMISE_DNS,
	BASE | PROMISE_INET | PROMISE_DNS | PROMISE_UNIX,
	BASE | PROMISE_RPATH | PROMISE_WPATH | PROMISE_CPATH,
	BASE | WORDS,
	PROMISE_STDIO,
	PROMISE_STDIO | PROMISE_INET | PROMISE_DNS,
};

static uint32_t value_of(const struct promise_arg *arg)
{
	return arg->own_pid ? (uint32_t)getpid() : arg->value;
}

static bool is_match(const struct promise_rule *rule, const uint64_t args[6])
{
	for (size_t i = 0; i < PROMISE_ARGS; i++)
		if (((uint32_t)args[rule->arg[i].index] & rule->arg[i].mask) !=
		    value_of(&rule->arg[i]))
			return false;
	return true;
}

/* Makes args match rule and leaves the bits alone that it does not care about. */
static void bend(const struct promise_rule *rule, uint64_t args[6])
{
	for (size_t i = 0; i < PROMISE_ARGS; i++) {
		const struct promise_arg *arg = &rule->arg[i];

		args[arg->index] = (args[arg->index] & ~(uint64_t)arg->mask) | value_of(arg);
	}
}

/* Bends a call to what the allowing rule wants, then to the failing one: is it still allowed? */
static bool is_shadowed(const struct promise_rule *failing, uint32_t promises)
{
	for (size_t i = 0; i < promise_rule_count; i++) {
		const struct promise_rule *rule = &promise_rules[i];
		struct sample call = {{0}};

		if (rule->answer != ANSWER_ALLOW || (rule->promises & promises) == 0 ||
		    strcmp(rule->syscall, failing->syscall) != 0)
			continue;
		bend(rule, call.args);
		bend(failing, call.args);
		if (is_match(rule, call.args))
			return true;
	}
	return false;
}

static uint32_t expected(uint32_t promises, const char *name, const uint64_t args[6])
{
	uint32_t verdict = SECCOMP_RET_TRAP;

	if (promises & PROMISE_EXEC) {
		promises |= PROMISE_PROGRAM;
		verdict = SECCOMP_RET_ERRNO | EPERM;
	}
	for (size_t i = 0; name != NULL && i < promise_rule_count; i++) {
		const struct promise_rule *rule = &promise_rules[i];

		if ((rule->promises & promises) == 0 || strcmp(rule->syscall, name) != 0 ||
		    !is_match(rule, args))
			continue;
		if (rule->answer == ANSWER_ALLOW)
			return SECCOMP_RET_ALLOW;
		if (!is_shadowed(rule, promises))
			verdict = SECCOMP_RET_ERRNO | (uint32_t)rule->error;
	}
	return verdict;
}

static void add_sample(struct samples *samples, const uint64_t args[6])
{
	assert_true(samples->count < SAMPLES_MAX);
	memcpy(samples->sample[samples->count++].args, args, 6 * sizeof(args[0]));
}

/* Just matching; with all bits set that do not matter; and just not matching, one bit each. */
static void add_rule_samples(struct samples *samples, const struct promise_rule *rule)
{
	uint64_t args[6] = {0};

	bend(rule, args);
	add_sample(samples, args);
	for (size_t i = 0; i < PROMISE_ARGS; i++) {
		uint64_t lowest = rule->arg[i].mask & -rule->arg[i].mask;

		args[rule->arg[i].index] ^= lowest;
		add_sample(samples, args);
		args[rule->arg[i].index] ^= lowest | HIGH;
		add_sample(samples, args);
		args[rule->arg[i].index] ^= HIGH;
	}
	memset(args, 0xff, sizeof(args));
	bend(rule, args);
	add_sample(samples, args);
}

static void add_samples(struct samples *samples, const char *name)
{
	static const uint64_t zeros[6];
	static const uint64_t high[6] = {HIGH, HIGH, HIGH, HIGH, HIGH, HIGH};
	static const uint64_t ones[6] = {UINT64_MAX, UINT64_MAX, UINT64_MAX,
					 UINT64_MAX, UINT64_MAX, UINT64_MAX};

	add_sample(samples, zeros);
	add_sample(samples, high);
	add_sample(samples, ones);
	for (size_t i = 0; name != NULL && i < promise_rule_count; i++)
		if (strcmp(promise_rules[i].syscall, name) == 0)
			add_rule_samples(samples, &promise_rules[i]);
}

static int learn_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		for (int n = 0; n < NUMBERS; n++) {
			struct machine *machine = &machines[i];

			machine->names[n] = seccomp_syscall_resolve_num_arch(machine->arch, n);
			add_samples(&machine->samples[n], machine->names[n]);
		}
	return 0;
}

static int forget_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		for (int n = 0; n < NUMBERS; n++)
			free(machines[i].names[n]);
	return 0;
}

static uint32_t ask(const struct sock_fprog *program, uint32_t arch, uint32_t number,
		    const uint64_t args[6])
{
	struct seccomp_data call = {.nr = (int)number, .arch = arch};

	memcpy(call.args, args, sizeof(call.args));
	return bpfsim_run(program, &call, NULL);
}

static void expect_verdict(const struct machine *machine, const struct sock_fprog *program,
			   uint32_t promises, int number)
{
	const struct samples *samples = &machine->samples[number];
	const char *name = machine->names[number];

	for (size_t i = 0; i < samples->count; i++) {
		const uint64_t *args = samples->sample[i].args;
		uint32_t verdict = ask(program, machine->arch, (uint32_t)number, args);
		uint32_t wanted = expected(promises, name, args);

		if (verdict != wanted)
			fail_msg("arch %#x promises %#x: %s(%#lx, %#lx, %#lx, %#lx): %#x, not %#x",
				 machine->arch, promises, name != NULL ? name : "?", args[0],
				 args[1], args[2], args[3], verdict, wanted);
	}
}

static void expect_table(const struct machine *machine, uint32_t promises)
{
	struct sock_fprog program;

	assert_int_equal(filter_build(machine->arch, promises, &program), 0);
	for (int number = 0; number < NUMBERS; number++)
		expect_verdict(machine, &program, promises, number);
	filter_finish(&program);
}

static void expect_table_everywhere(uint32_t promises)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		expect_table(&machines[i], promises);
}

static void answers_as_the_table_says_for_sets_in_use(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(special_sets); i++)
		expect_table_everywhere(special_sets[i]);
}

static void answers_as_the_table_says_for_every_set_of_words(void **state)
{
	(void)state;
	for (uint32_t set = 0; set <= WORDS; set += 1u << 1) /* the bit of stdio stays 0 */
		expect_table_everywhere(BASE | set);
}

/* All that is worth trying behind one door, through another one. */
static void expect_closed(const struct machine *machine, const struct sock_fprog *program,
			  uint32_t arch, uint32_t bits)
{
	for (uint32_t n = 0; n < NUMBERS; n++)
		for (size_t i = 0; i < machine->samples[n].count; i++)
			assert_int_equal(
				ask(program, arch, bits | n, machine->samples[n].sample[i].args),
				SECCOMP_RET_KILL_PROCESS);
}

static void kills_what_calls_through_another_door(void **state)
{
	static const uint32_t sets[] = {BASE, BASE | WORDS, BASE | (WORDS ^ PROMISE_EXEC)};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines) * ARRAY_SIZE(sets); i++) {
		const struct machine *machine = &machines[i % ARRAY_SIZE(machines)];
		struct sock_fprog program;

		assert_int_equal(
			filter_build(machine->arch, sets[i / ARRAY_SIZE(machines)], &program), 0);
		for (size_t j = 0; j < ARRAY_SIZE(doors); j++)
			if (doors[j] != machine->arch)
				expect_closed(machine, &program, doors[j], 0);
		if (machine->arch == AUDIT_ARCH_X86_64)
			expect_closed(machine, &program, machine->arch, X32);
		filter_finish(&program);
	}
}

static void builds_for_this_machine_by_default(void **state)
{
	struct sock_fprog ours, same;

	(void)state;
	assert_int_equal(filter_build(0, BASE, &ours), 0);
	assert_int_equal(filter_build(seccomp_arch_native(), BASE, &same), 0);
	assert_int_equal(ours.len, same.len);
	assert_memory_equal(ours.filter, same.filter, ours.len * sizeof(*ours.filter));
	filter_finish(&ours);
	filter_finish(&same);
}

static void a_template_becomes_the_filter_of_a_process(void **state)
{
	struct sock_fprog template, wanted;

	(void)state;
	assert_int_equal(filter_build_template(PROMISE_STDIO, &template), 0);
	assert_int_equal(filter_build(0, PROMISE_STDIO, &wanted), 0);
	assert_int_equal(template.len, wanted.len);
	assert_memory_not_equal(template.filter, wanted.filter,
				wanted.len * sizeof(*wanted.filter));
	filter_set_pid(&template, getpid());
	assert_memory_equal(template.filter, wanted.filter, wanted.len * sizeof(*wanted.filter));
	filter_finish(&template);
	filter_finish(&wanted);
}

static void a_template_not_filled_in_allows_no_process_to_be_signalled(void **state)
{
	struct sock_fprog template;

	(void)state;
	assert_int_equal(filter_build_template(PROMISE_STDIO, &template), 0);
	for (uint64_t pid = 1; pid <= LAST_PID; pid++) {
		const uint64_t args[6] = {pid, pid, SIGABRT};

		assert_int_equal(ask(&template, seccomp_arch_native(), SYS_tgkill, args),
				 SECCOMP_RET_TRAP);
	}
	filter_finish(&template);
}

static void refuses_an_unknown_machine(void **state)
{
	struct sock_fprog program = {0};

	(void)state;
	errno = 0;
	assert_int_equal(filter_build(0xdeadbeef, PROMISE_STDIO, &program), -1);
	assert_int_equal(errno, EINVAL);
	assert_null(program.filter);
	filter_finish(&program);
	filter_finish(NULL);
}

/* The kernel caches the verdict on a call only if no filter of the stack reads its arguments. */
static void never_reads_arguments_of_hot_calls(void **state)
{
	static const char *const hot[] = {
		"read",	    "readv",	     "write",	  "writev",   "recvfrom",  "recvmsg",
		"recvmmsg", "sendto",	     "sendmsg",	  "sendmmsg", "close",	   "poll",
		"ppoll",    "epoll_wait",    "epoll_ctl", "futex",    "nanosleep", "munmap",
		"madvise",  "clock_gettime", "brk",	  "getpid",   "accept4",   "epoll_pwait",
	};
	struct sock_fprog programs[3];

	(void)state;
	assert_int_equal(filter_build(0, BASE, &programs[0]), 0);
	assert_int_equal(filter_build(0, POOL, &programs[1]), 0);
	assert_int_equal(filter_build_guard(0, WORKER_FD_LISTENERS, 2, &programs[2]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(hot); j++) {
			struct seccomp_data call = {.arch = seccomp_arch_native()};
			bool reads_args = true;

			call.nr = seccomp_syscall_resolve_name(hot[j]);
			if (call.nr < 0)
				continue; /* not on this machine */
			assert_int_equal(bpfsim_run(&programs[i], &call, &reads_args),
					 SECCOMP_RET_ALLOW);
			assert_false(reads_args);
		}
		filter_finish(&programs[i]);
	}
}

static bool is_guarded(const char *name)
{
	static const char *const guarded[] = {"shutdown", "setsockopt", "listen", "bind",
					      "connect",  "dup",	"dup2",	  "dup3",
					      "fcntl",	  "ioctl"};

	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(guarded); i++)
		if (strcmp(name, guarded[i]) == 0)
			return true;
	return false;
}

static void expect_guard(const struct machine *machine, const struct sock_fprog *guard, int number,
			 uint32_t listeners)
{
	for (uint32_t fd = 0; fd < WORKER_FD_LISTENERS + listeners + 70; fd++) {
		bool is_trapped = is_guarded(machine->names[number]) && fd >= WORKER_FD_LISTENERS &&
				  fd < WORKER_FD_LISTENERS + listeners;
		uint32_t wanted = is_trapped ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW;

		assert_int_equal(
			ask(guard, machine->arch, (uint32_t)number, (const uint64_t[6]){fd, 0}),
			wanted);
		assert_int_equal(ask(guard, machine->arch, (uint32_t)number,
				     (const uint64_t[6]){HIGH | fd, UINT64_MAX, 7}),
				 wanted);
	}
}

static void guards_listeners_and_nothing_else(void **state)
{
	static const uint32_t counts[] = {1, 3, SETTINGS_LISTENERS_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts) * ARRAY_SIZE(machines); i++) {
		const struct machine *machine = &machines[i % ARRAY_SIZE(machines)];
		uint32_t count = counts[i / ARRAY_SIZE(machines)];
		struct sock_fprog guard;

		assert_int_equal(
			filter_build_guard(machine->arch, WORKER_FD_LISTENERS, count, &guard), 0);
		assert_true(guard.len < BPF_MAXINSNS);
		for (int number = 0; number < NUMBERS; number++)
			expect_guard(machine, &guard, number, count);
		filter_finish(&guard);
	}
}

static void refuses_to_install_without_a_program(void **state)
{
	struct sock_fprog empty = {0};

	(void)state;
	assert_int_equal(filter_install(&empty, 0), -1);
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_the_table_says_for_sets_in_use),
		cmocka_unit_test(answers_as_the_table_says_for_every_set_of_words),
		cmocka_unit_test(kills_what_calls_through_another_door),
		cmocka_unit_test(builds_for_this_machine_by_default),
		cmocka_unit_test(a_template_becomes_the_filter_of_a_process),
		cmocka_unit_test(a_template_not_filled_in_allows_no_process_to_be_signalled),
		cmocka_unit_test(refuses_an_unknown_machine),
		cmocka_unit_test(never_reads_arguments_of_hot_calls),
		cmocka_unit_test(guards_listeners_and_nothing_else),
		cmocka_unit_test(refuses_to_install_without_a_program),
	};

	return cmocka_run_group_tests(tests, learn_machines, forget_machines);
}
