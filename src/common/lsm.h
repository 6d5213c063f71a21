/* SPDX-License-Identifier: MIT */
/*
 * lsm - what the Landlock of this kernel can do.
 *
 * The numbers are those of landlock(7) and of the kernel's interface, up to ABI 7; the headers of
 * a distribution may know fewer of them than the kernel that runs.
 */
#ifndef COMMON_LSM_H
#define COMMON_LSM_H

#include <stdint.h>

/* Rights on files and folders; the comment says since which ABI. */
enum lsm_file {
	LSM_EXECUTE = 1 << 0, /* 1 */
	LSM_WRITE_FILE = 1 << 1,
	LSM_READ_FILE = 1 << 2,
	LSM_READ_DIR = 1 << 3,
	LSM_REMOVE_DIR = 1 << 4,
	LSM_REMOVE_FILE = 1 << 5,
	LSM_MAKE_CHAR = 1 << 6,
	LSM_MAKE_DIR = 1 << 7,
	LSM_MAKE_REG = 1 << 8,
	LSM_MAKE_SOCK = 1 << 9,
	LSM_MAKE_FIFO = 1 << 10,
	LSM_MAKE_BLOCK = 1 << 11,
	LSM_MAKE_SYM = 1 << 12,
	LSM_REFER = 1 << 13,	 /* 2: link and rename between folders */
	LSM_TRUNCATE = 1 << 14,	 /* 3 */
	LSM_IOCTL_DEV = 1 << 15, /* 5 */
};

/* Rights on TCP ports, since ABI 4. */
enum lsm_port {
	LSM_BIND_TCP = 1 << 0,
	LSM_CONNECT_TCP = 1 << 1,
};

/* What stays within a process and its children, since ABI 6. */
enum lsm_scope {
	LSM_ABSTRACT_UNIX = 1 << 0,
	LSM_SIGNAL = 1 << 1,
};

/* The first ABI with each of these. */
enum lsm_since {
	LSM_ABI_FILES = 1,
	LSM_ABI_REFER = 2,
	LSM_ABI_TRUNCATE = 3,
	LSM_ABI_PORTS = 4,
	LSM_ABI_DEVICES = 5,
	LSM_ABI_SCOPES = 6,
};

/* The version of Landlock's interface in the running kernel, 0 for none. */
int lsm_landlock_abi(void);

#define LSM_LEVEL_SIZE 128

/* A line for people about this ABI, without a line end.  Returns text. */
const char *lsm_landlock_level(int abi, char text[LSM_LEVEL_SIZE]);

#endif
