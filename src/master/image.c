/* SPDX-License-Identifier: MIT */
/* image - the bytes of plugins as they were vetted. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "common/log.h"
#include "master/image.h"
#include "master/vet.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* since Linux 6.3; without it memfd_create(2) may forbid execution */
#endif

#define SEALS	  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define NAME_SIZE 64

/* Which file an image was made of. */
struct origin {
	dev_t device;
	ino_t inode;
};

static bool warned; /* that memfds cannot be executed */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* A memfd that shows up as /memfd:plugin:NAME in /proc/PID/maps; -1 with errno. */
static int create_memory(const char *path)
{
	char name[NAME_SIZE];
	int fd;

	(void)snprintf(name, sizeof(name), "plugin:%s", base_name(path)); /* or cut */
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int copy(int from, int to)
{
	ssize_t copied;

	do {
		copied = sendfile(to, from, NULL, IMAGE_SIZE_MAX);
	} while (copied > 0);
	return copied < 0 ? -1 : fcntl(to, F_ADD_SEALS, SEALS);
}

/* As the dynamic linker will map it, although nothing of it is ever run here. */
static bool is_executable(int fd)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (page == MAP_FAILED)
		return errno != EPERM && errno != EACCES;
	(void)munmap(page, 1); /* mapped with this size */
	return true;
}

static void warn_about_execution(void)
{
	if (!warned)
		log_warning("this kernel forbids to load plugins from memory "
			    "(sysctl vm.memfd_noexec): a plugin file that is overwritten in place "
			    "breaks its running services; replace it by rename instead");
	warned = true;
}

/* A sealed copy of a vetted file; -1 with errno, EPERM or EACCES if it could not be loaded. */
static int make_copy(int file, const char *path)
{
	int memory = create_memory(path);

	if (memory < 0)
		return -1;
	if (copy(file, memory) == 0 && is_executable(memory)) {
		log_debug("plugin \"%s\" is \"/memfd:plugin:%s (deleted)\" in the maps of workers",
			  path, base_name(path));
		return memory;
	}
	util_close(memory);
	return -1;
}

/* The image of a vetted file, which may be that file, or -1 with errno.  Takes file over. */
static int make_image(int file, const struct stat *about, const char *path)
{
	int image = -1;

	if (about->st_size > IMAGE_SIZE_MAX)
		errno = EFBIG;
	else
		image = make_copy(file, path);
	if (image < 0 && (errno == EPERM || errno == EACCES)) {
		warn_about_execution();
		return file;
	}
	util_close(file);
	return image;
}

static int explain(int image, const struct config_service *service, struct config_errors *errors)
{
	if (image < 0)
		config_errors_add(errors, service->handler_where,
				  "handler \"%s\": cannot read \"%s\": %m", service->handler,
				  service->path);
	return image;
}

/* A copy of the descriptor of an earlier service with that file, or -1 with errno 0 if none. */
static int share_image(const struct origin *origins, const int *images, size_t i)
{
	errno = 0;
	for (size_t k = 0; k < i; k++) {
		if (images[k] >= 0 && origins[k].device == origins[i].device &&
		    origins[k].inode == origins[i].inode)
			return fcntl(images[k], F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

/* Image i, a shared one if possible; -1 with errors added. */
static int open_image(const struct config_service *service, struct origin *origins,
		      const int *images, size_t i, struct config_errors *errors)
{
	int file = vet_plugin(service, errors);
	struct stat about;
	int image = -1;

	if (file < 0)
		return -1;
	if (fstat(file, &about) == 0) {
		origins[i] = (struct origin){.device = about.st_dev, .inode = about.st_ino};
		image = share_image(origins, images, i);
		if (image < 0 && errno == 0)
			return explain(make_image(file, &about, service->path), service, errors);
	}
	util_close(file);
	return explain(image, service, errors);
}

int *image_open_right(const struct config *config, struct config_errors *errors)
{
	size_t count = config->count;
	CLEANUP_FREE struct origin *origins = calloc(count + 1, sizeof(*origins));
	int *images = calloc(count + 1, sizeof(*images));

	if (origins == NULL || images == NULL) {
		config_errors_add(errors, (struct place){.file = NULL}, "%m");
		free(images);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const struct config_service *service = &config->services[i];

		images[i] = -1;
		if (!service->is_wrong)
			images[i] = open_image(service, origins, images, i, errors);
	}
	return images;
}

int *image_open_all(const struct config *config, struct config_errors *errors)
{
	size_t wrong = errors->total;
	int *images = image_open_right(config, errors);

	if (errors->total == wrong)
		return images;
	image_close_all(images, config->count);
	return NULL;
}

void image_close_all(int *images, size_t count)
{
	for (size_t i = 0; images != NULL && i < count; i++)
		util_close(images[i]);
	free(images);
}

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS); /* EINVAL for a file */

	return seals >= 0 && (seals & SEALS) == SEALS;
}

bool image_is_same(int a, int b)
{
	struct stat of_a, of_b;
	void *in_a, *in_b;
	bool same = false;
	size_t size;

	if (!is_sealed(a) || !is_sealed(b) || fstat(a, &of_a) < 0 || fstat(b, &of_b) < 0 ||
	    of_a.st_size != of_b.st_size)
		return false;
	if (of_a.st_size == 0 || of_a.st_ino == of_b.st_ino)
		return true; /* all memfds are of one file system */
	size = (size_t)of_a.st_size;
	in_a = mmap(NULL, size, PROT_READ, MAP_PRIVATE, a, 0);
	in_b = mmap(NULL, size, PROT_READ, MAP_PRIVATE, b, 0);
	if (in_a != MAP_FAILED && in_b != MAP_FAILED)
		same = memcmp(in_a, in_b, size) == 0;
	if (in_a != MAP_FAILED)
		(void)munmap(in_a, size); /* mapped with this size, as below */
	if (in_b != MAP_FAILED)
		(void)munmap(in_b, size);
	return same;
}
