/* SPDX-License-Identifier: MIT */
/*
 * filter - from the rules of promise.c to BPF, through libseccomp.
 *
 * libseccomp keeps one answer where two rules of a call collide, without an error; which one
 * depends on the order.  So colliding rules are sorted out here, before it sees them.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/memory.h"
#include "common/promise.h"
#include "worker/filter.h"

#define NO_PID	    0x7ffffffe /* no process has it (Linux stops at 2^22), no rule compares with it */
#define BINARY_TREE 2	       /* SCMP_FLTATR_CTL_OPTIMIZE: few comparisons to any call */

/* What shuts down, re-configures, re-binds or copies a listener. */
static const char *const guarded[] = {
	"shutdown", "setsockopt", "listen", "bind",  "connect",
	"dup",	    "dup2",	  "dup3",   "fcntl", "ioctl",
};

static void release(scmp_filter_ctx *context)
{
	if (*context != NULL)
		seccomp_release(*context);
}

#define CLEANUP_FILTER __attribute__((__cleanup__(release)))

/* libseccomp returns errno values, negative. */
static int check(int result)
{
	if (result >= 0)
		return 0;
	errno = -result;
	return -1;
}

static scmp_filter_ctx create(uint32_t arch, uint32_t default_action)
{
	CLEANUP_FILTER scmp_filter_ctx context = seccomp_init(default_action);
	scmp_filter_ctx ready;

	if (context == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	if (arch != SCMP_ARCH_NATIVE && arch != seccomp_arch_native() &&
	    (check(seccomp_arch_add(context, arch)) == -1 ||
	     check(seccomp_arch_remove(context, SCMP_ARCH_NATIVE)) == -1))
		return NULL;
	if (check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) ==
		    -1 ||
	    check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE)) == -1)
		return NULL;
	ready = context;
	context = NULL;
	return ready;
}

/* Through a memfd: libseccomp 2.5 writes programs to descriptors only. */
static int export(scmp_filter_ctx context, struct sock_fprog *ret)
{
	CLEANUP_CLOSE int fd = memory_create("filter");
	CLEANUP_FREE void *code = NULL;
	struct stat status;
	size_t size;

	if (fd == -1 || check(seccomp_export_bpf(context, fd)) == -1 || fstat(fd, &status) == -1)
		return -1;
	size = (size_t)status.st_size;
	if (size / sizeof(struct sock_filter) > BPF_MAXINSNS) {
		errno = E2BIG;
		return -1;
	}
	code = malloc(size);
	if (code == NULL || pread(fd, code, size, 0) != (ssize_t)size)
		return -1;
	ret->len = (unsigned short)(size / sizeof(struct sock_filter));
	ret->filter = code;
	code = NULL;
	return 0;
}

/*
 * libseccomp takes the number that this machine gives a call (negative if it has none) and
 * translates it for the filter's architecture; a call missing there is left out.
 */
static int add(scmp_filter_ctx context, uint32_t action, const char *syscall, unsigned int count,
	       const struct scmp_arg_cmp *conditions)
{
	int number = seccomp_syscall_resolve_name(syscall);

	if (number == __NR_SCMP_ERROR)
		return 0; /* newer than this libseccomp: stays denied */
	return check(seccomp_rule_add_array(context, action, number, count, conditions));
}

static int add_rule(scmp_filter_ctx context, const struct promise_rule *rule, pid_t pid)
{
	struct scmp_arg_cmp conditions[PROMISE_ARGS];
	unsigned int count = 0;
	uint32_t action = rule->answer == ANSWER_ALLOW ? SCMP_ACT_ALLOW
						       : SCMP_ACT_ERRNO((uint32_t)rule->error);

	for (size_t i = 0; i < PROMISE_ARGS; i++) {
		const struct promise_arg *arg = &rule->arg[i];
		uint32_t value = arg->own_pid ? (uint32_t)pid : arg->value;

		if (arg->mask != 0)
			conditions[count++] = SCMP_CMP64(arg->index, SCMP_CMP_MASKED_EQ,
							 (uint64_t)arg->mask, (uint64_t)value);
	}
	return add(context, action, rule->syscall, count, conditions);
}

static int build(uint32_t arch, uint32_t promises, pid_t pid, struct sock_fprog *ret)
{
	/* A program that is executed has no handler for SIGSYS. */
	uint32_t denied = promises & PROMISE_EXEC ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP;
	CLEANUP_FILTER scmp_filter_ctx context = create(arch, denied);

	if (context == NULL)
		return -1;
	promises = promise_expand(promises);
	for (size_t i = 0; i < promise_rule_count; i++)
		if (promise_is_in_force(&promise_rules[i], promises) &&
		    add_rule(context, &promise_rules[i], pid) == -1)
			return -1;
	return export(context, ret);
}

int filter_build(uint32_t arch, uint32_t promises, struct sock_fprog *ret)
{
	return build(arch, promises, getpid(), ret);
}

int filter_build_template(uint32_t promises, struct sock_fprog *ret)
{
	return build(0, promises, NO_PID, ret);
}

void filter_set_pid(struct sock_fprog *program, pid_t pid)
{
	for (unsigned short i = 0; i < program->len; i++) {
		struct sock_filter *instruction = &program->filter[i];

		if (instruction->code == (BPF_JMP | BPF_JEQ | BPF_K) && instruction->k == NO_PID)
			instruction->k = (uint32_t)pid;
	}
}

int filter_build_guard(uint32_t arch, uint32_t first, uint32_t count, struct sock_fprog *ret)
{
	CLEANUP_FILTER scmp_filter_ctx context = create(arch, SCMP_ACT_ALLOW);

	if (context == NULL)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++) {
		for (uint32_t fd = first; fd < first + count; fd++) {
			struct scmp_arg_cmp is_fd = SCMP_CMP64(0, SCMP_CMP_MASKED_EQ,
							       (uint64_t)UINT32_MAX, (uint64_t)fd);

			if (add(context, SCMP_ACT_TRAP, guarded[i], 1, &is_fd) == -1)
				return -1;
		}
	}
	return export(context, ret);
}

void filter_finish(struct sock_fprog *program)
{
	if (program == NULL)
		return;
	free(program->filter);
	*program = (struct sock_fprog){0};
}

int filter_install(const struct sock_fprog *program, unsigned int flags)
{
	/* glibc has no wrapper.  With TSYNC a positive result is a thread that is in the way. */
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

	if (result > 0)
		errno = EBUSY;
	return result == 0 ? 0 : -1;
}
