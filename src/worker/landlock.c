/* SPDX-License-Identifier: MIT */
/* landlock - the three system calls of Landlock, none of which glibc wraps. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "worker/landlock.h"

/* What a rule on anything but a folder may say; the kernel refuses the rest. */
#define FILE_ONLY (LSM_EXECUTE | LSM_WRITE_FILE | LSM_READ_FILE | LSM_TRUNCATE | LSM_IOCTL_DEV)

/* The kernel's struct landlock_ruleset_attr; an older kernel takes a shorter one. */
struct ruleset {
	uint64_t files;
	uint64_t ports;	 /* since ABI 4 */
	uint64_t scopes; /* since ABI 6 */
};

enum rule_type { RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

/* The kernel's struct landlock_path_beneath_attr. */
struct path_rule {
	uint64_t rights;
	int32_t fd;
} __attribute__((__packed__));

/* The kernel's struct landlock_net_port_attr. */
struct port_rule {
	uint64_t rights;
	uint64_t port;
};

/* All rights on files, by the ABI that brought them. */
static const struct {
	int abi;
	uint64_t rights;
} known_files[] = {
	{LSM_ABI_FILES, LSM_REFER - 1}, /* all below it */
	{LSM_ABI_REFER, LSM_REFER},
	{LSM_ABI_TRUNCATE, LSM_TRUNCATE},
	{LSM_ABI_DEVICES, LSM_IOCTL_DEV},
};

static struct ruleset limit(const struct landlock_layer *layer, int abi)
{
	struct ruleset set = {0};

	for (size_t i = 0; i < ARRAY_SIZE(known_files); i++)
		if (abi >= known_files[i].abi)
			set.files |= layer->files & known_files[i].rights;
	if (abi >= LSM_ABI_PORTS)
		set.ports = layer->ports;
	if (abi >= LSM_ABI_SCOPES)
		set.scopes = layer->scopes;
	return set;
}

static int create(const struct ruleset *set, int abi)
{
	size_t size = sizeof(set->files);

	if (abi >= LSM_ABI_SCOPES)
		size = sizeof(*set);
	else if (abi >= LSM_ABI_PORTS)
		size = offsetof(struct ruleset, scopes);
	return (int)syscall(SYS_landlock_create_ruleset, set, size, 0);
}

static int add_rule(int set, enum rule_type type, const void *rule)
{
	return (int)syscall(SYS_landlock_add_rule, set, type, rule, 0);
}

/* 0, or -1 where the kernel refuses the rule; a file that is not there needs none. */
static int add_file(int set, const struct landlock_file *file, uint64_t handled,
		    void (*skipped)(const char *path))
{
	CLEANUP_CLOSE int fd = open(file->path, O_PATH | O_CLOEXEC);
	struct path_rule rule = {.rights = file->rights & handled, .fd = fd};
	struct stat status;

	if (fd == -1) {
		if (file->is_listed && skipped != NULL)
			skipped(file->path);
		return 0;
	}
	if (fstat(fd, &status) == -1)
		return -1;
	if (!S_ISDIR(status.st_mode))
		rule.rights &= FILE_ONLY;
	return rule.rights == 0 ? 0 : add_rule(set, RULE_PATH_BENEATH, &rule);
}

static int add_port(int set, const struct landlock_port *port, uint64_t handled)
{
	struct port_rule rule = {.rights = port->rights & handled, .port = port->port};

	return rule.rights == 0 ? 0 : add_rule(set, RULE_NET_PORT, &rule);
}

int landlock_restrict(const struct landlock_layer *layer, int abi,
		      void (*skipped)(const char *path))
{
	struct ruleset handled = limit(layer, abi);
	CLEANUP_CLOSE int set = -1;

	if (handled.files == 0 && handled.ports == 0 && handled.scopes == 0)
		return 0;
	set = create(&handled, abi);
	if (set == -1)
		return -1;
	for (size_t i = 0; i < layer->file_count; i++)
		if (add_file(set, &layer->file[i], handled.files, skipped) == -1)
			return -1;
	for (size_t i = 0; i < layer->port_count; i++)
		if (add_port(set, &layer->port[i], handled.ports) == -1)
			return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, set, 0);
}
