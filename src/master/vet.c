/* SPDX-License-Identifier: MIT */
/* vet - decides from the outside whether a plugin file may be loaded. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "master/vet.h"

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

static int check_file(const struct stat *file, const struct config_service *service,
		      struct config_errors *errors)
{
	const char *path = service->path;
	const char *what;

	if (!S_ISREG(file->st_mode)) {
		what = S_ISDIR(file->st_mode) ? "a directory" : "not a regular file";
		config_errors_add(errors, service->handler_where,
				  "handler \"%s\": \"%s\" is %s; name the plugin's .so file",
				  service->handler, path, what);
		return -1;
	}
	if (file->st_uid != 0 && file->st_uid != geteuid()) {
		config_errors_add(errors, service->handler_where,
				  "handler \"%s\" belongs to user id %u, who could change what "
				  "cservd loads; run: chown %s '%s'",
				  service->handler, (unsigned int)file->st_uid,
				  geteuid() == 0 ? "root" : "\"$(id -un)\"", path);
		return -1;
	}
	if ((file->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		config_errors_add(errors, service->handler_where,
				  "handler \"%s\" is writable for %s; run: chmod go-w '%s'",
				  service->handler,
				  (file->st_mode & S_IWOTH) != 0 ? "everybody" : "its group", path);
		return -1;
	}
	return 0;
}

int vet_plugin(const struct config_service *service, struct config_errors *errors)
{
	struct stat file;
	/* O_NONBLOCK: a FIFO by this name must not stop us. */
	int fd = open(service->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &file) < 0) {
		int error = errno;

		config_errors_add(errors, service->handler_where, "handler \"%s\": \"%s\": %s; %s",
				  service->handler, service->path, strerror(error),
				  open_advice(error));
		util_close(fd);
		return -1;
	}
	if (check_file(&file, service, errors) < 0) {
		util_close(fd);
		return -1;
	}
	return fd;
}
