/* SPDX-License-Identifier: MIT */
/* test_promise - words, hints, and that the table of rules is in order. */
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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
	assert_null(promise_word(PROMISE_PROGRAM));
	assert_null(promise_word(PROMISE_FORKER));
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
	assert_string_equal(HINT("tgkill", 1, 1, 9), "proc");
	assert_string_equal(HINT("unlink", 1), "cpath");
	assert_string_equal(HINT("newfstatat", 0, 1, 2, 0), "rpath");
}

static void gives_no_hint_where_no_promise_helps(void **state)
{
	(void)state;
	assert_null(HINT("ptrace", 0));
	assert_null(HINT("no_such_call", 0));
	assert_null(HINT("mmap", 0, 4096, PROT_READ | PROT_EXEC));
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

static void the_wide_list_comes_with_exec_alone(void **state)
{
	(void)state;
	assert_int_equal(promise_expand(0), PROMISE_STDIO);
	assert_int_equal(promise_expand(PROMISE_RPATH), PROMISE_STDIO | PROMISE_RPATH);
	assert_int_equal(promise_expand(PROMISE_EXEC),
			 PROMISE_STDIO | PROMISE_EXEC | PROMISE_PROGRAM);
}

/* Whoever wants dup2 or executable memory should not be told to allow all programs. */
static void never_hints_at_the_wide_list(void **state)
{
	(void)state;
	assert_null(HINT("dup2", 3, 4));
	assert_null(HINT("rt_sigaction", SIGSYS));
	assert_null(HINT("mprotect", 0, 4096, PROT_EXEC));
	assert_null(HINT("setsockopt", 3, SOL_SOCKET, SO_BROADCAST));
}

static const struct promise_rule *find_failing(const char *syscall)
{
	for (size_t i = 0; i < promise_rule_count; i++)
		if (promise_rules[i].answer == ANSWER_ERRNO &&
		    strcmp(promise_rules[i].syscall, syscall) == 0)
			return &promise_rules[i];
	fail_msg("no rule fails %s", syscall);
	return NULL;
}

static void a_failing_rule_gives_way_to_a_promise(void **state)
{
	const struct promise_rule *fork = find_failing("fork");

	(void)state;
	assert_true(promise_is_in_force(fork, PROMISE_STDIO));
	assert_true(promise_is_in_force(fork, PROMISE_STDIO | PROMISE_THREADS));
	assert_false(promise_is_in_force(fork, PROMISE_STDIO | PROMISE_PROC));
	assert_false(promise_is_in_force(fork, promise_expand(PROMISE_EXEC)));
	assert_true(promise_is_in_force(find_failing("io_uring_setup"), UINT32_MAX));
}

/* No filter of a socket can be attached, or locked, by whatever is granted. */
static void no_promise_allows_socket_filters(void **state)
{
	static const uint32_t options[] = {SO_ATTACH_FILTER,	     SO_DETACH_FILTER,
					   SO_LOCK_FILTER,	     SO_ATTACH_BPF,
					   SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		for (size_t j = 0; j < promise_rule_count; j++) {
			const struct promise_rule *rule = &promise_rules[j];

			if (strcmp(rule->syscall, "setsockopt") != 0 || rule->arg[0].index != 1 ||
			    rule->arg[0].value != SOL_SOCKET)
				continue;
			assert_int_equal(rule->arg[1].index, 2);
			assert_int_not_equal(options[i] & rule->arg[1].mask, rule->arg[1].value);
		}
}

/* The item of a word in the list of promises, from ".It Cm WORD" to the next item. */
static void find_item(const char *manual, const char *word, const char **ret, size_t *ret_len)
{
	char start[32];
	const char *at, *end;

	(void)snprintf(start, sizeof(start), "\n.It Cm %s\n", word); /* fits */
	at = strstr(manual, start);
	if (at == NULL)
		fail_msg("cservd.ini(5) has no item for \"%s\"", word);
	at += strlen(start);
	end = strstr(at, "\n.It ");
	*ret = at;
	*ret_len = (size_t)((end != NULL && end < strstr(at, "\n.El") ? end : strstr(at, "\n.El")) -
			    at);
}

static bool has_word(const char *text, size_t len, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = text; (at = memmem(at, len - (size_t)(at - text), word, size)); at++)
		if (strchr(" \n", at[-1]) != NULL && strchr(" \n,.", at[size]) != NULL)
			return true;
	return false;
}

static void the_manual_names_every_call_of_every_word(void **state)
{
	static char manual[128 * 1024];
	const char *source = getenv("top_srcdir");
	char path[4096];
	FILE *file;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/etc/cservd.ini.5", source != NULL ? source : ".");
	file = fopen(path, "re");
	if (file == NULL)
		fail_msg("cannot read %s: set top_srcdir", path);
	assert_true(fread(manual, 1, sizeof(manual) - 1, file) > 0);
	(void)fclose(file); /* only read */
	for (size_t i = 0; i < promise_rule_count; i++) {
		uint32_t bits = promise_rules[i].promises;

		if (promise_rules[i].answer != ANSWER_ALLOW)
			continue;
		if (bits & PROMISE_PROGRAM)
			bits |= PROMISE_EXEC;
		for (uint32_t bit = PROMISE_STDIO; bit <= PROMISE_STATUS; bit <<= 1) {
			const char *item;
			size_t len;

			if ((bits & bit) == 0)
				continue;
			find_item(manual, promise_word(bit), &item, &len);
			if (!has_word(item, len, promise_rules[i].syscall))
				fail_msg("cservd.ini(5): \"%s\" lacks %s", promise_word(bit),
					 promise_rules[i].syscall);
		}
	}
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
		cmocka_unit_test(the_wide_list_comes_with_exec_alone),
		cmocka_unit_test(never_hints_at_the_wide_list),
		cmocka_unit_test(a_failing_rule_gives_way_to_a_promise),
		cmocka_unit_test(no_promise_allows_socket_filters),
		cmocka_unit_test(the_manual_names_every_call_of_every_word),
		cmocka_unit_test(names_calls_of_either_machine),
		cmocka_unit_test(names_unknown_calls_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
