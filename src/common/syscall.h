/* SPDX-License-Identifier: MIT */
/* syscall - names of system calls for people. */
#ifndef COMMON_SYSCALL_H
#define COMMON_SYSCALL_H

#include <stdint.h>

#define SYSCALL_NAME_SIZE 32 /* holds the longest name and its NUL */

/*
 * Writes "openat", or "system call 1234" where the number or the architecture (AUDIT_ARCH_*,
 * both may come from a hostile worker) is unknown.  Allocates meanwhile, so not for signal
 * handlers.  Returns text.
 */
const char *syscall_name(int number, uint32_t arch, char text[SYSCALL_NAME_SIZE]);

#endif
