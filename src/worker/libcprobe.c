/* SPDX-License-Identifier: MIT */
/* libcprobe - which paths libc itself looks at, and where its constants are. */
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/util.h"
#include "worker/libcprobe.h"

#define SEGMENTS_MAX 16 /* libc and the loader have about three that are not writable each */

/* The calls that take a path, and which argument that is. */
static const struct {
	int number;
	unsigned int argument;
} calls[] = {
#ifdef SYS_open
	{SYS_open, 0},	    {SYS_stat, 0},	 {SYS_lstat, 0},
	{SYS_access, 0},    {SYS_readlink, 0},
#endif
	{SYS_openat, 1},    {SYS_newfstatat, 1}, {SYS_statx, 1},
	{SYS_faccessat, 1}, {SYS_readlinkat, 1},
};

/*
 * What libc falls back from without harm, and looks at without being asked for a file: malloc,
 * sysconf(3), time, locale, the loader.  Not here: what a plugin asks for by a call of its own,
 * such as /etc/passwd through getpwnam(3), for there the answer changes.
 */
static const char *const paths[] = {
	"/proc/sys/vm/overcommit_memory",
	"/sys/devices/system/cpu",
	"/sys/devices/system/cpu/online",
	"/sys/devices/system/cpu/possible",
	"/proc/stat",
	"/proc/cpuinfo",
	"/proc/meminfo",
	"/proc/sys/kernel/ngroups_max",
	"/proc/sys/kernel/rtsig-max",
	"/etc/localtime",
	"/etc/suid-debug",
	"/etc/ld.so.cache",
	"/etc/ld.so.preload",
	"/usr/lib/locale/locale-archive",
	"/usr/lib/locale/C.utf8",
	"/usr/share/locale/locale.alias",
	"libgcc_s.so.1",
};

static struct {
	uintptr_t start, end;
} segments[SEGMENTS_MAX];
static size_t segment_count;

static bool is_libc(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	return strncmp(name, "libc.so.", strlen("libc.so.")) == 0 ||
	       strncmp(name, "ld-linux", strlen("ld-linux")) == 0;
}

static int note_object(struct dl_phdr_info *object, size_t size, void *unused)
{
	(void)size; /* the fields used here were always there */
	(void)unused;
	for (size_t i = 0; i < object->dlpi_phnum && is_libc(object->dlpi_name); i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];

		if (part->p_type != PT_LOAD || (part->p_flags & (PF_R | PF_W)) != PF_R ||
		    segment_count == SEGMENTS_MAX)
			continue;
		segments[segment_count].start = object->dlpi_addr + part->p_vaddr;
		segments[segment_count].end = object->dlpi_addr + part->p_vaddr + part->p_filesz;
		segment_count++;
	}
	return 0;
}

/* [bytes] that may be read at address: it lies in a constant segment; 0 elsewhere. */
static size_t readable(uintptr_t address)
{
	for (size_t i = 0; i < segment_count; i++)
		if (address >= segments[i].start && address < segments[i].end)
			return segments[i].end - address;
	return 0;
}

static bool is_listed(const char *path, size_t room)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		size_t size = strlen(paths[i]) + 1;

		if (size <= room && memcmp(path, paths[i], size) == 0)
			return true;
	}
	return false;
}

void libcprobe_init(void)
{
	segment_count = 0;
	(void)dl_iterate_phdr(note_object, NULL); /* returns what note_object() does */
}

bool libcprobe_is(int number, const uint64_t args[6])
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		uintptr_t address = (uintptr_t)args[calls[i].argument];
		size_t room = calls[i].number == number ? readable(address) : 0;

		if (room > 0)
			return is_listed((const char *)address, room);
	}
	return false;
}
