/* SPDX-License-Identifier: MIT */
/* vet - decides whether a file may be used. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "master/vet.h"

/* A walk from / down a real path. */
struct walk {
	char path[PATH_MAX]; /* as far as it has come */
	size_t len;	     /* of it; 0 stands for "/" */
	int fd;		     /* of what path names */
	char *why;
};

/* Tells why; -1 with errno EPERM. */
UTIL_PRINTF(2, 3) static int refuse(char why[VET_WHY_SIZE], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, VET_WHY_SIZE, fmt, args); /* room for two paths and a sentence */
	va_end(args);
	errno = EPERM;
	return -1;
}

static bool is_trusted_owner(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

static const char *kind_of(const struct stat *file)
{
	return S_ISDIR(file->st_mode) ? "directory" : "file";
}

static const char *path_of(const struct walk *walk)
{
	return walk->len > 0 ? walk->path : "/";
}

static int check_owner(const struct walk *walk, const struct stat *file)
{
	if (is_trusted_owner(file->st_uid))
		return 0;
	return refuse(walk->why,
		      "%s \"%s\" belongs to user id %u, who could exchange what cservd reads: "
		      "chown %s %s",
		      kind_of(file), path_of(walk), (unsigned int)file->st_uid,
		      geteuid() == 0 ? "root" : "\"$(id -un)\"", path_of(walk));
}

/* In a sticky directory of root's, such as /tmp, nobody can exchange what is not his own; what
 * comes next on the walk must have a trusted owner like everything else. */
static bool is_shared_safely(const struct stat *file)
{
	return S_ISDIR(file->st_mode) && (file->st_mode & S_ISVTX) != 0 && file->st_uid == 0;
}

static int check_mode(const struct walk *walk, const struct stat *file)
{
	mode_t others = file->st_mode & (S_IWGRP | S_IWOTH);

	if (others == 0 || is_shared_safely(file))
		return 0;
	return refuse(walk->why, "%s \"%s\" is writable by %s: chmod %s-w %s", kind_of(file),
		      path_of(walk), (others & S_IWOTH) != 0 ? "everybody" : "its group",
		      others == (S_IWGRP | S_IWOTH) ? "go"
		      : others == S_IWOTH	    ? "o"
						    : "g",
		      path_of(walk));
}

static int look_at(const struct walk *walk, struct stat *ret_file)
{
	if (fstat(walk->fd, ret_file) < 0)
		return -1;
	if (!S_ISDIR(ret_file->st_mode) && !S_ISREG(ret_file->st_mode))
		return 0; /* refused by the caller, for that */
	if (check_owner(walk, ret_file) < 0)
		return -1;
	return check_mode(walk, ret_file);
}

/* Goes one name down. */
static int descend(struct walk *walk, const char *name, size_t len, int flags)
{
	int up = walk->fd;

	if (walk->len + 1 + len >= sizeof(walk->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	walk->path[walk->len++] = '/';
	memcpy(walk->path + walk->len, name, len);
	walk->path[walk->len + len] = '\0';
	walk->fd = openat(up, walk->path + walk->len, flags | O_NOFOLLOW | O_CLOEXEC);
	walk->len += len;
	util_close(up);
	return walk->fd < 0 ? -1 : 0;
}

/* Walks down a real path; last: the flags to open its last name with. */
static int walk_down(struct walk *walk, const char *real, int last, struct stat *ret_file)
{
	walk->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->fd < 0 || look_at(walk, ret_file) < 0)
		return -1;
	while (*real != '\0') {
		size_t len = strcspn(++real, "/");
		bool is_last = real[len] == '\0';

		if (len > 0 &&
		    (descend(walk, real, len, is_last ? last : O_PATH | O_DIRECTORY) < 0 ||
		     look_at(walk, ret_file) < 0))
			return -1;
		real += len;
	}
	return 0;
}

/* What has no path, such as a pipe in /proc/self/fd, cannot be resolved, but it is there. */
static int explain_unresolved(const char *path, char why[VET_WHY_SIZE])
{
	int error = errno;
	struct stat file;

	if (stat(path, &file) == 0 && !S_ISREG(file.st_mode))
		return refuse(why, "this is not a regular file, name one");
	errno = error;
	return -1;
}

/* A descriptor of what path names after all links, opened with these flags. */
static int open_trusted(const char *path, int flags, char why[VET_WHY_SIZE], struct stat *ret_file)
{
	CLEANUP_FREE char *real = realpath(path, NULL);
	struct walk walk = {.fd = -1, .why = why};

	why[0] = '\0';
	if (real == NULL)
		return explain_unresolved(path, why);
	if (walk_down(&walk, real, flags, ret_file) == 0)
		return walk.fd;
	util_close(walk.fd);
	return -1;
}

int vet_open(const char *path, char why[VET_WHY_SIZE])
{
	struct stat file;
	/* O_NONBLOCK: a fifo by this name must not stop us. */
	int fd = open_trusted(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, why, &file);

	if (fd < 0 || S_ISREG(file.st_mode))
		return fd;
	util_close(fd);
	if (S_ISDIR(file.st_mode))
		return refuse(why, "this is a directory, name a file");
	return refuse(why, "this is not a regular file, name one");
}

int vet_folder(const char *path, char why[VET_WHY_SIZE])
{
	struct stat file;
	int fd = open_trusted(path, O_PATH | O_DIRECTORY, why, &file);

	util_close(fd);
	return fd < 0 ? -1 : 0;
}

/* What to do about a plugin that cannot be opened. */
static const char *open_advice(int error)
{
	switch (error) {
	case ENOENT: return "install it there, or correct the name";
	case EACCES: return "make it and the folders above readable for the user of cservd";
	case ENOTDIR: return "a part of its path is a file; correct the name";
	default: return "cservd cannot read it";
	}
}

int vet_plugin(const struct config_service *service, struct config_errors *errors)
{
	char why[VET_WHY_SIZE];
	int fd = vet_open(service->path, why);
	int error = errno;

	if (fd >= 0)
		return fd;
	if (why[0] != '\0')
		config_errors_add(errors, service->handler_where, "handler \"%s\": %s",
				  service->handler, why);
	else
		config_errors_add(errors, service->handler_where, "handler \"%s\": \"%s\": %s; %s",
				  service->handler, service->path, strerror(error),
				  open_advice(error));
	return -1;
}
