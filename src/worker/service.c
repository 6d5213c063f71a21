/* SPDX-License-Identifier: MIT */
/* service - maps what the master hands over, and the calls of the API about the service. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "worker/service.h"

struct cservd_service service;

/*
 * Maps all of fd, at least size bytes; NULL with errno.  A memfd sealed against writing can be
 * mapped MAP_PRIVATE only before Linux 6.7.
 */
static void *map_fd(int fd, size_t size, int protection, int flags, size_t *ret_size)
{
	struct stat st;
	void *memory;

	if (fstat(fd, &st) == -1)
		return NULL;
	if ((size_t)st.st_size < size || st.st_size == 0) {
		errno = EBADMSG;
		return NULL;
	}
	memory = mmap(NULL, (size_t)st.st_size, protection, flags, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	*ret_size = (size_t)st.st_size;
	return memory;
}

/* The next NUL-terminated string before end; NULL with errno EBADMSG when there is none. */
static const char *next_string(const char **cursor, const char *end)
{
	const char *string = *cursor;
	const char *nul = memchr(string, '\0', (size_t)(end - string));

	if (nul == NULL) {
		errno = EBADMSG;
		return NULL;
	}
	*cursor = nul + 1;
	return string;
}

/* An array of the next count strings; NULL with errno. */
static const char **read_list(uint32_t count, const char **cursor, const char *end)
{
	const char **list = calloc((size_t)count + 1, sizeof(*list));

	for (uint32_t i = 0; list != NULL && i < count; i++) {
		list[i] = next_string(cursor, end);
		if (list[i] == NULL)
			return NULL; /* the worker ends */
	}
	return list;
}

static int read_options(struct cservd_service *s, const char *cursor, const char *end)
{
	s->options = calloc(s->settings->options + 1, sizeof(*s->options));
	if (s->options == NULL)
		return -1;
	for (uint32_t i = 0; i < s->settings->options; i++) {
		struct option *option = &s->options[i];

		option->name = next_string(&cursor, end);
		option->value = option->name ? next_string(&cursor, end) : NULL;
		option->where = option->value ? next_string(&cursor, end) : NULL;
		if (option->where == NULL)
			return -1;
	}
	return 0;
}

static int read_settings(struct cservd_service *s)
{
	size_t size;
	const struct settings *settings =
		map_fd(WORKER_FD_SETTINGS, sizeof(struct settings), PROT_READ, MAP_PRIVATE, &size);
	const char *cursor, *end;

	if (settings == NULL)
		return -1;
	if (settings->size != sizeof(*settings) || settings->strings > size - sizeof(*settings)) {
		errno = EBADMSG;
		return -1;
	}
	s->settings = settings;
	cursor = (const char *)(settings + 1);
	end = cursor + settings->strings;
	s->handler = next_string(&cursor, end);
	s->where = s->handler ? next_string(&cursor, end) : NULL;
	if (s->where == NULL)
		return -1;
	s->read_paths = read_list(settings->read_paths, &cursor, end);
	s->write_paths = s->read_paths ? read_list(settings->write_paths, &cursor, end) : NULL;
	return s->write_paths ? read_options(s, cursor, end) : -1;
}

static int map_shared(struct cservd_service *s)
{
	size_t size;

	if (s->settings->mode != MODE_SERVE) {
		s->board = calloc(1, board_size(1)); /* counters that nobody reads */
		return s->board ? 0 : -1;
	}
	s->board = map_fd(WORKER_FD_BOARD, board_size(s->settings->max_connections),
			  PROT_READ | PROT_WRITE, MAP_SHARED, &size);
	s->world = map_fd(WORKER_FD_WORLD, sizeof(struct world), PROT_READ, MAP_SHARED, &size);
	return s->board && s->world ? 0 : -1;
}

int service_init(struct cservd_service *s)
{
	if (read_settings(s) == -1)
		return -1;
	return map_shared(s);
}

CSERVD_EXPORT const char *cservd_name(const struct cservd_service *s)
{
	return s->settings->name;
}

CSERVD_EXPORT void cservd_set_data(struct cservd_service *s, void *data)
{
	s->data = data;
}

CSERVD_EXPORT void *cservd_data(const struct cservd_service *s)
{
	return s->data;
}

CSERVD_EXPORT int cservd_draining(const struct cservd_service *s)
{
	const _Atomic bool *draining =
		s->parent_draining != NULL ? s->parent_draining : &s->draining;

	return atomic_load_explicit(draining, memory_order_relaxed);
}
