/* SPDX-License-Identifier: MIT */
/* inifile - configurations in a folder of their own, for tests of what reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "inifile.h"

static void forget(struct inifile *ini)
{
	config_destroy(ini->config);
	config_errors_finish(&ini->errors);
	free(ini->said);
	ini->config = NULL;
	ini->said = NULL;
}

/* Takes away every "folder/", which differs from run to run. */
static void shorten(char *text, const char *folder)
{
	size_t len = strlen(folder) + 1;
	char *found;

	while ((found = strstr(text, folder)))
		memmove(found, found + len, strlen(found + len) + 1);
}

int inifile_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct inifile *ini = calloc(1, sizeof(*ini));

	assert_non_null(ini);
	(void)snprintf(ini->folder, sizeof(ini->folder), "%s/cservd-ini-XXXXXX",
		       tmp && strlen(tmp) < 40 ? tmp : "/tmp"); /* fits */
	assert_non_null(mkdtemp(ini->folder));
	(void)umask(022); /* files that a group may write are refused; returns the old one */
	(void)snprintf(ini->path, sizeof(ini->path), "%s/cservd.ini", ini->folder); /* fits */
	*state = ini;
	return 0;
}

int inifile_teardown(void **state)
{
	struct inifile *ini = *state;
	DIR *folder = opendir(ini->folder);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (unlinkat(dirfd(folder), entry->d_name, 0) != 0 && entry->d_name[0] != '.')
			print_message("cannot remove %s\n", entry->d_name);
	if (folder)
		(void)closedir(folder); /* it was only read */
	forget(ini);
	if (rmdir(ini->folder) != 0)
		return -1;
	free(ini);
	return 0;
}

int inifile_setup_ordinary(void **state)
{
	struct inifile *ini;

	assert_int_equal(inifile_setup(state), 0);
	ini = *state;
	if (geteuid() != 0)
		return 0;
	if (chown(ini->folder, INIFILE_STRANGER, INIFILE_STRANGER) != 0)
		return -1;
	return setegid(INIFILE_STRANGER) != 0 || seteuid(INIFILE_STRANGER) != 0;
}

int inifile_teardown_ordinary(void **state)
{
	if (getuid() == 0 && (seteuid(0) != 0 || setegid(0) != 0))
		return -1;
	return inifile_teardown(state);
}

void inifile_write(struct inifile *ini, const char *name, const void *bytes, size_t size)
{
	char path[256];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", ini->folder, name); /* names are short */
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

char *inifile_read_source(const char *path)
{
	const char *top = getenv("top_srcdir");
	CLEANUP_FREE char *full = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *in;

	assert_true(asprintf(&full, "%s/%s", top ? top : ".", path) > 0);
	in = fopen(full, "r");
	if (!in)
		fail_msg("cannot open %s: set top_srcdir", full);
	assert_true(getdelim(&text, &size, '\0', in) > 0);
	assert_int_equal(fclose(in), 0);
	return text;
}

void inifile_load(struct inifile *ini, const char *path)
{
	size_t size;
	FILE *out;

	forget(ini);
	ini->config = config_load(path, &ini->errors);
	out = open_memstream(&ini->said, &size);
	assert_non_null(out);
	for (size_t i = 0; i < ini->errors.count; i++)
		assert_true(fprintf(out, "%s%s", i ? "\n" : "", ini->errors.lines[i]) > 0);
	assert_int_equal(fclose(out), 0);
	shorten(ini->said, ini->folder);
	assert_true((ini->config == NULL) == (ini->errors.total > 0));
}

struct config *inifile_accept(struct inifile *ini, const char *text)
{
	inifile_write(ini, "cservd.ini", text, strlen(text));
	inifile_load(ini, ini->path);
	assert_string_equal(ini->said, "");
	return ini->config;
}

void inifile_refuse(struct inifile *ini, const char *text, const char *said)
{
	inifile_write(ini, "cservd.ini", text, strlen(text));
	inifile_load(ini, ini->path);
	assert_string_equal(ini->said, said);
}

void inifile_refuse_key(struct inifile *ini, const char *line, const char *said)
{
	CLEANUP_FREE char *text = NULL, *wanted = NULL;

	assert_true(asprintf(&text, "[a]\nlisten = 7/tcp\nhandler = a.so\n%s\n", line) > 0);
	assert_true(asprintf(&wanted, "cservd.ini:4: %s", said) > 0);
	inifile_refuse(ini, text, wanted);
}
