/* SPDX-License-Identifier: MIT */
/* elf - looks at a shared object before dlopen(3) does: a truncated one would end in SIGBUS. */
#ifndef WORKER_ELF_H
#define WORKER_ELF_H

#include "common/util.h"

/*
 * Is fd a whole ELF shared object for this machine?  0, or -1 with *ret_why a sentence part
 * ("it is not an ELF file").
 */
int elf_check(int fd, const char **ret_why) UTIL_CHECKED;

#endif
