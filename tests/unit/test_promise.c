/* SPDX-License-Identifier: MIT */
/* test_promise - words, hints, and that the table of rules is in order. */
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/promise.h"
#include "common/syscall.h"

#define HINT(syscall, ...) promise_hint(syscall, (const uint64_t[6]){__VA_ARGS__})

static void every_word_has_a_bit_of_its_own(void **state)
{
	static const char *const words[] = {"stdio", "inet", "dns",	"rpath", "wpath", "cpath",
					    "unix",  "exec", "threads", "proc",	 "status"};
	uint32_t all = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		uint32_t bit = promise_parse(words[i]);

		assert_int_not_equal(bit, 0);
		assert_int_equal(bit & (bit - 1), 0);
		assert_int_equal(all & bit, 0);
		assert_string_equal(promise_word(bit), words[i]);
		all |= bit;
	}
}

static void refuses_words_that_are_no_promise(void **state)
{
	(void)state;
	assert_int_equal(promise_parse("tty"), 0);
	assert_int_equal(promise_parse("STDIO"), 0);
	assert_int_equal(promise_parse("stdio "), 0);
	assert_int_equal(promise_parse(""), 0);
	assert_int_equal(promise_parse("none"), 0);
}

static void internal_promises_have_no_word(void **state)
{
	(void)state;
	assert_int_equal(promise_parse("pool"), 0);
	assert_int_equal(promise_parse("core"), 0);
	assert_null(promise_word(PROMISE_POOL));
	assert_null(promise_word(PROMISE_CORE));
	assert_null(promise_word(0));
}

static void every_rule_names_a_call_that_exists(void **state)
{
	(void)state;
	for (size_t i = 0; i < promise_rule_count; i++) {
		const char *name = promise_rules[i].syscall;

		if (seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name) < 0 &&
		    seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, name) < 0)
			fail_msg("'%s' is no system call", name);
	}
}

static void every_condition_can_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < promise_rule_count; i++) {
		unsigned int used = 0;

		assert_int_not_equal(promise_rules[i].promises, 0);
		for (size_t j = 0; j < PROMISE_ARGS; j++) {
			const struct promise_arg *arg = &promise_rules[i].arg[j];

			assert_int_equal(arg->value & ~arg->mask, 0);
			if (arg->mask == 0)
				continue;
			assert_true(arg->index < 6);
			assert_int_equal(used & (1u << arg->index), 0);
			used |= 1u << arg->index;
		}
	}
}

static void only_failing_rules_have_an_errno(void **state)
{
	(void)state;
	for (size_t i = 0; i < promise_rule_count; i++)
		assert_int_equal(promise_rules[i].error != 0,
				 promise_rules[i].answer == ANSWER_ERRNO);
}

static void hints_at_the_promise_the_flags_of_open_need(void **state)
{
	(void)state;
	assert_string_equal(HINT("openat", 0, 0, O_RDONLY), "rpath");
	assert_string_equal(HINT("openat", 0, 0, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "rpath");
	assert_string_equal(HINT("openat", 0, 0, O_RDWR), "wpath");
	assert_string_equal(HINT("openat", 0, 0, O_RDONLY | O_TRUNC), "wpath");
	assert_string_equal(HINT("openat", 0, 0, O_WRONLY | O_CREAT), "cpath");
	assert_string_equal(HINT("open", 0, O_RDONLY), "rpath");
}

static void hints_at_the_promise_the_family_of_a_socket_needs(void **state)
{
	(void)state;
	assert_string_equal(HINT("socket", AF_INET, SOCK_STREAM | SOCK_CLOEXEC), "inet");
	assert_string_equal(HINT("socket", AF_INET6, SOCK_DGRAM, IPPROTO_UDP), "inet");
	assert_string_equal(HINT("socket", AF_UNIX, SOCK_STREAM), "unix");
	assert_string_equal(HINT("socket", AF_NETLINK, SOCK_RAW), "dns");
	assert_null(HINT("socket", AF_INET, SOCK_RAW));
	assert_null(HINT("socket", AF_PACKET, SOCK_RAW));
}

static void hints_by_name_where_arguments_do_not_matter(void **state)
{
	(void)state;
	assert_string_equal(HINT("connect", 3), "inet");
	assert_string_equal(HINT("execve", 1, 2, 3), "exec");
	assert_string_equal(HINT("wait4", 1), "proc");
	assert_string_equal(HINT("unlink", 1), "cpath");
	assert_string_equal(HINT("newfstatat", 0, 1, 2, 0), "rpath");
}

static void gives_no_hint_where_no_promise_helps(void **state)
{
	(void)state;
	assert_null(HINT("ptrace", 0));
	assert_null(HINT("no_such_call", 0));
	assert_null(HINT("mmap", 0, 4096, PROT_READ | PROT_EXEC));
	assert_null(HINT("tgkill", 1, 1, 9));
	assert_null(HINT("accept4", 3));
	assert_null(HINT("seccomp", 1, 0));
}

static void gives_no_hint_for_what_only_the_guard_denies(void **state)
{
	(void)state;
	assert_null(HINT("shutdown", 11));
	assert_null(HINT("setsockopt", 11, SOL_SOCKET, SO_KEEPALIVE));
}

static void only_an_attackers_calls_are_fatal(void **state)
{
	(void)state;
	assert_true(promise_is_fatal("execve"));
	assert_true(promise_is_fatal("ptrace"));
	assert_true(promise_is_fatal("mount"));
	assert_true(promise_is_fatal("process_vm_writev"));
	assert_false(promise_is_fatal("openat"));
	assert_false(promise_is_fatal("socket"));
	assert_false(promise_is_fatal("exec"));
	assert_false(promise_is_fatal(""));
}

static void names_calls_of_either_machine(void **state)
{
	char text[SYSCALL_NAME_SIZE];

	(void)state;
	assert_string_equal(syscall_name(257, SCMP_ARCH_X86_64, text), "openat");
	assert_string_equal(syscall_name(56, SCMP_ARCH_AARCH64, text), "openat");
}

static void names_unknown_calls_by_number(void **state)
{
	char text[SYSCALL_NAME_SIZE];

	(void)state;
	assert_string_equal(syscall_name(1234, SCMP_ARCH_X86_64, text), "system call 1234");
	assert_string_equal(syscall_name(-101, SCMP_ARCH_X86_64, text), "system call -101");
	assert_string_equal(syscall_name(0, 0, text), "system call 0");
	assert_string_equal(syscall_name(1, 0xdeadbeef, text), "system call 1");
	assert_string_equal(syscall_name(INT32_MIN, UINT32_MAX, text), "system call -2147483648");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_has_a_bit_of_its_own),
		cmocka_unit_test(refuses_words_that_are_no_promise),
		cmocka_unit_test(internal_promises_have_no_word),
		cmocka_unit_test(every_rule_names_a_call_that_exists),
		cmocka_unit_test(every_condition_can_hold),
		cmocka_unit_test(only_failing_rules_have_an_errno),
		cmocka_unit_test(hints_at_the_promise_the_flags_of_open_need),
		cmocka_unit_test(hints_at_the_promise_the_family_of_a_socket_needs),
		cmocka_unit_test(hints_by_name_where_arguments_do_not_matter),
		cmocka_unit_test(gives_no_hint_where_no_promise_helps),
		cmocka_unit_test(gives_no_hint_for_what_only_the_guard_denies),
		cmocka_unit_test(only_an_attackers_calls_are_fatal),
		cmocka_unit_test(names_calls_of_either_machine),
		cmocka_unit_test(names_unknown_calls_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
