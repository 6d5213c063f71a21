/* SPDX-License-Identifier: MIT */
/* handover - the memory a worker is handed: its settings, its board, its targets. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "master/handover.h"

#define FIXED_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define FROZEN	   (FIXED_SIZE | F_SEAL_WRITE)

static void write_place(FILE *out, const struct place *where)
{
	if (where->file != NULL && where->line > 0)
		(void)fprintf(out, "%s:%u", where->file, where->line); /* see write_settings() */
	else if (where->file != NULL)
		(void)fputs(where->file, out);
	(void)fputc('\0', out);
}

static void write_string(FILE *out, const char *text)
{
	(void)fwrite(text, 1, strlen(text) + 1, out); /* see write_settings() */
}

static void write_paths(FILE *out, const struct config_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		write_string(out, paths->path[i]);
}

static void fill_settings(const struct config_service *service, const struct handover *handover,
			  struct settings *ret)
{
	*ret = (struct settings){
		.size = sizeof(*ret),
		.mode = handover->mode,
		.log_connections = service->log_connections,
		.unsandboxed = service->unsandboxed,
		.concurrency = (uint8_t)service->concurrency,
		.on_violation = (uint8_t)service->on_violation,
		.landlock = (uint8_t)service->landlock,
		.log_level = (uint32_t)handover->log_level,
		.listeners = handover->listeners,
		.tcp_listeners = handover->tcp_listeners,
		.promises = service->promises,
		.max_connections = service->max_connections,
		.idle_ms = service->idle_timeout,
		.duration_ms = service->max_duration,
		.stack_size = service->stack_size,
		.max_memory = service->max_memory,
		.hang_ms = service->hang_timeout,
		.udp_amplify = service->udp_amplify,
		.connect_ports = service->connect_ports,
		.bind_ports = service->bind_ports,
		.read_paths = (uint32_t)service->read_paths.count,
		.write_paths = (uint32_t)service->write_paths.count,
		.options = (uint32_t)service->option_count,
	};
	memcpy(ret->name, service->name, sizeof(ret->name));
}

/* Into memory, where the only error is a lack of it, which fclose() reports for all calls. */
static int write_settings(const struct config_service *service, const struct handover *handover,
			  char **ret_bytes, size_t *ret_size)
{
	struct settings settings;
	FILE *out = open_memstream(ret_bytes, ret_size);

	if (out == NULL)
		return -1;
	fill_settings(service, handover, &settings);
	(void)fwrite(&settings, sizeof(settings), 1, out);
	write_string(out, service->path);
	write_place(out, &service->handler_where);
	write_paths(out, &service->read_paths);
	write_paths(out, &service->write_paths);
	for (size_t i = 0; i < service->option_count; i++) {
		write_string(out, service->options[i].name);
		write_string(out, service->options[i].value);
		write_place(out, &service->options[i].where);
	}
	if (ferror(out) != 0) {
		(void)fclose(out); /* it is thrown away */
		errno = ENOMEM;
		return -1;
	}
	return fclose(out) == 0 ? 0 : -1;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0)
			return -1;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

int handover_settings(const struct config_service *service, const struct handover *handover)
{
	CLEANUP_FREE char *bytes = NULL;
	uint32_t strings;
	size_t size = 0;
	int fd;

	if (write_settings(service, handover, &bytes, &size) < 0)
		return -1;
	strings = (uint32_t)(size - sizeof(struct settings));
	memcpy(bytes + offsetof(struct settings, strings), &strings, sizeof(strings));
	fd = memory_create("cservd-settings");
	if (fd < 0)
		return -1;
	if (write_all(fd, bytes, size) == 0 && fcntl(fd, F_ADD_SEALS, FROZEN) == 0)
		return fd;
	util_close(fd);
	return -1;
}

int handover_board(uint64_t slots, const struct board **ret_board)
{
	size_t size = board_size(slots);
	int fd = memory_create("cservd-board");
	void *memory;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, FIXED_SIZE) == 0) {
		memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED) {
			*ret_board = memory;
			return fd;
		}
	}
	util_close(fd);
	return -1;
}

int handover_targets(void)
{
	return memory_create("cservd-targets");
}

bool handover_has_targets(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat file;

	return seals >= 0 && (seals & FROZEN) == FROZEN && fstat(fd, &file) == 0 &&
	       file.st_size > 0;
}
