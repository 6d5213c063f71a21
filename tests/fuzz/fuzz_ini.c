/* SPDX-License-Identifier: MIT */
/* fuzz_ini - a file loads or is refused with a reason; what loads prints, and loads again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "master/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Loads a memory file with these bytes; NULL if they are wrong. */
static struct config *load(const void *bytes, size_t size)
{
	CLEANUP_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct config_errors errors = {0};
	struct config *config;
	char path[64];

	if (fd < 0 || fchmod(fd, 0600) != 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* fits */
	config = config_load(path, &errors);
	if ((config == NULL) != (errors.total > 0) || (errors.total > 0) != (errors.count > 0))
		abort();
	config_errors_finish(&errors);
	return config;
}

/* The caller frees the text. */
static char *print(const struct config *config)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	config_print(config, out);
	if (fclose(out) != 0)
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *first = load(data, size), *second;
	CLEANUP_FREE char *text = NULL, *again = NULL;

	if (!first)
		return 0;
	text = print(first);
	second = load(text, strlen(text));
	if (!second)
		abort();
	again = print(second);
	if (strcmp(text, again) != 0)
		abort();
	config_destroy(first);
	config_destroy(second);
	return 0;
}
