/* SPDX-License-Identifier: MIT */
/* syscall - names of system calls for people, from libseccomp's tables. */
#include <seccomp.h>
#include <stdio.h>

#include "common/syscall.h"
#include "common/util.h"

const char *syscall_name(int number, uint32_t arch, char text[SYSCALL_NAME_SIZE])
{
	CLEANUP_FREE char *name = NULL;

	/* libseccomp takes 0 for "this machine", and negative numbers for calls of its own. */
	if (arch != SCMP_ARCH_NATIVE && number >= 0)
		name = seccomp_syscall_resolve_num_arch(arch, number);
	if (name != NULL)
		(void)snprintf(text, SYSCALL_NAME_SIZE, "%s", name); /* all names fit */
	else
		(void)snprintf(text, SYSCALL_NAME_SIZE, "system call %d", number); /* fits */
	return text;
}
