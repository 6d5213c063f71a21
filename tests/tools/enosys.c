/* SPDX-License-Identifier: MIT */
/*
 * enosys - runs a program as on a kernel that lacks some system calls:
 *
 *	enosys CALL... -- PROGRAM ARGUMENT...
 *
 * Each CALL, by name, answers ENOSYS in the program and in all that it starts.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static int fail(const char *what)
{
	(void)fprintf(stderr, "enosys: %s: %s\n", what,
		      strerror(errno)); /* nowhere else to say it */
	return EX_OSERR;
}

int main(int argc, char *argv[])
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int at = 1;

	if (filter == NULL)
		return fail("cannot create a filter");
	for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
		errno = -seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
					  seccomp_syscall_resolve_name(argv[at]), 0);
		if (errno != 0)
			return fail(argv[at]);
	}
	if (at + 1 >= argc) {
		(void)fprintf(stderr, "usage: enosys CALL... -- PROGRAM ARGUMENT...\n");
		return EX_USAGE;
	}
	/* Root needs no no_new_privs for it, and would lose nothing by it. */
	errno = -seccomp_load(filter);
	if (errno != 0)
		return fail("cannot load the filter");
	(void)execv(argv[at + 1], argv + at + 1); /* returns only to fail */
	return fail(argv[at + 1]);
}
