/* SPDX-License-Identifier: MIT */
/*
 * replay - runs a fuzz target over stored inputs, where libFuzzer is not linked in.
 *
 * Arguments are input files.  Without any, a target called fuzz_NAME takes every file of
 * $top_srcdir/tests/fuzz/seeds/NAME.  Prints TAP; an input that crashes ends the program.
 */
#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The bytes of a file in a block of exactly that size, so that AddressSanitizer sees a read
 * one byte too far.  The caller frees it; NULL with errno.
 */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	struct stat about;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &about) == 0) {
		*ret_size = (size_t)about.st_size;
		bytes = malloc(*ret_size ? *ret_size : 1);
	}
	if (bytes && fread(bytes, 1, *ret_size, file) != *ret_size) {
		free(bytes);
		bytes = NULL;
		errno = EIO;
	}
	(void)fclose(file); /* only read from */
	return bytes;
}

/* Runs input number n and prints its line: 0, or -1 if the file cannot be read. */
static int replay_file(size_t n, const char *path)
{
	const char *name = strrchr(path, '/');
	CLEANUP_FREE uint8_t *bytes = NULL;
	size_t size;

	bytes = read_file(path, &size);
	if (!bytes) {
		printf("not ok %zu - %s: %s\n", n, path, strerror(errno));
		return -1;
	}
	(void)LLVMFuzzerTestOneInput(bytes,
				     size); /* libFuzzer reserves the value; it says nothing */
	printf("ok %zu - %s\n", n, name ? name + 1 : path);
	return 0;
}

static int replay_files(size_t count, char *const paths[])
{
	int status = EXIT_SUCCESS;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		(void)fflush(stdout); /* keeps what is known should the next input crash */
		if (replay_file(i + 1, paths[i]) < 0)
			status = EXIT_FAILURE;
	}
	return status;
}

static int replay_seeds(void)
{
	const char *top = getenv("top_srcdir");
	const char *name = strchr(program_invocation_short_name, '_');
	char pattern[4096];
	glob_t seeds;
	int status;

	if (!name)
		name = "";
	(void)snprintf(pattern, sizeof(pattern), "%s/tests/fuzz/seeds/%s/*", top ? top : ".",
		       name + strspn(name, "_")); /* a cut pattern matches nothing: reported */
	if (glob(pattern, 0, NULL, &seeds) != 0) {
		printf("1..1\nnot ok 1 - no seeds: %s\n", pattern);
		return EXIT_FAILURE;
	}
	status = replay_files(seeds.gl_pathc, seeds.gl_pathv);
	globfree(&seeds);
	return status;
}

int main(int argc, char *argv[])
{
	if (argc > 1)
		return replay_files((size_t)argc - 1, argv + 1);
	return replay_seeds();
}
