/* SPDX-License-Identifier: MIT */
/* vocabulary - the words of the promises, and look-ups in the table of rules. */
#include <string.h>

#include "common/promise.h"

static const struct {
	const char *word;
	uint32_t bit;
} words[] = {
	{"stdio", PROMISE_STDIO}, {"inet", PROMISE_INET},	{"dns", PROMISE_DNS},
	{"rpath", PROMISE_RPATH}, {"wpath", PROMISE_WPATH},	{"cpath", PROMISE_CPATH},
	{"unix", PROMISE_UNIX},	  {"threads", PROMISE_THREADS}, {"proc", PROMISE_PROC},
	{"exec", PROMISE_EXEC},	  {"status", PROMISE_STATUS},
};

/* Other programs, other processes, the kernel, the view of the file system. */
static const char *const fatal[] = {
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_enter",
	"io_uring_register",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"swapon",
	"swapoff",
	"add_key",
	"request_key",
	"keyctl",
	"modify_ldt",
	"iopl",
	"ioperm",
};

uint32_t promise_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].bit;
	return 0;
}

const char *promise_word(uint32_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].bit == bit)
			return words[i].word;
	return NULL;
}

/* Whether some call matches both. */
static bool is_overlap(const struct promise_rule *a, const struct promise_rule *b)
{
	for (size_t i = 0; i < PROMISE_ARGS; i++)
		for (size_t j = 0; j < PROMISE_ARGS; j++)
			if (a->arg[i].index == b->arg[j].index &&
			    ((a->arg[i].value ^ b->arg[j].value) & a->arg[i].mask &
			     b->arg[j].mask) != 0)
				return false;
	return true;
}

/* A denied call matches no condition on the own pid: it would have been allowed. */
static bool is_match(const struct promise_rule *rule, const uint64_t args[6])
{
	for (size_t i = 0; i < PROMISE_ARGS; i++) {
		const struct promise_arg *arg = &rule->arg[i];

		if (arg->own_pid || ((uint32_t)args[arg->index] & arg->mask) != arg->value)
			return false;
	}
	return true;
}

const char *promise_hint(const char *syscall, const uint64_t args[6])
{
	for (size_t i = 0; i < promise_rule_count; i++) {
		const struct promise_rule *rule = &promise_rules[i];

		if (rule->answer != ANSWER_ALLOW || strcmp(rule->syscall, syscall) != 0 ||
		    !is_match(rule, args))
			continue;
		/* What stdio allows, the guard of the listeners denied. */
		if (rule->promises & PROMISE_STDIO)
			return NULL;
		return promise_word(rule->promises & -rule->promises);
	}
	return NULL;
}

uint32_t promise_allowing(const char *syscall, const uint64_t args[6])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < promise_rule_count; i++) {
		const struct promise_rule *rule = &promise_rules[i];

		if (rule->answer == ANSWER_ALLOW && strcmp(rule->syscall, syscall) == 0 &&
		    is_match(rule, args))
			bits |= rule->promises;
	}
	if (bits & PROMISE_PROGRAM)
		bits |= PROMISE_EXEC;
	return bits & (PROMISE_POOL - 1); /* below the internal ones */
}

bool promise_is_fatal(const char *syscall)
{
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (strcmp(fatal[i], syscall) == 0)
			return true;
	return false;
}

uint32_t promise_expand(uint32_t promises)
{
	return promises | PROMISE_STDIO | (promises & PROMISE_EXEC ? PROMISE_PROGRAM : 0);
}

bool promise_is_in_force(const struct promise_rule *rule, uint32_t promises)
{
	if ((rule->promises & promises) == 0)
		return false;
	if (rule->answer == ANSWER_ALLOW)
		return true;
	for (size_t i = 0; i < promise_rule_count; i++) {
		const struct promise_rule *other = &promise_rules[i];

		if (other->answer == ANSWER_ALLOW && (other->promises & promises) != 0 &&
		    strcmp(other->syscall, rule->syscall) == 0 && is_overlap(rule, other))
			return false;
	}
	return true;
}
