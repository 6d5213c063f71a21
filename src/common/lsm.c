/* SPDX-License-Identifier: MIT */
/* lsm - asks the kernel for its Landlock. */
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/lsm.h"
#include "common/util.h"

#define CREATE_RULESET_VERSION 1 /* a flag of landlock_create_ruleset(2) */

static const struct {
	int abi;
	const char *what;
} levels[] = {
	{LSM_ABI_SCOPES, "files, TCP ports, signals and abstract UNIX sockets"},
	{LSM_ABI_PORTS, "files and TCP ports"},
	{LSM_ABI_TRUNCATE, "files"},
	{LSM_ABI_FILES, "files, but not their truncation"},
};

int lsm_landlock_abi(void)
{
	/* No wrapper in glibc.  ENOSYS: not built in; EOPNOTSUPP: not switched on. */
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

const char *lsm_landlock_level(int abi, char text[LSM_LEVEL_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (abi < levels[i].abi)
			continue;
		(void)snprintf(text, LSM_LEVEL_SIZE, "landlock: ABI %d: %s", abi,
			       levels[i].what); /* fits */
		return text;
	}
	(void)snprintf(text, LSM_LEVEL_SIZE, /* fits */
		       "this kernel has no Landlock: paths are guarded by seccomp and the user's "
		       "rights only");
	return text;
}
