/* SPDX-License-Identifier: MIT */
/* test_vet - which plugin files are refused, with what advice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/util.h"
#include "master/vet.h"

#define SOMEBODY 12345 /* a user id that is neither root nor ours */

struct fixture {
	char folder[32];
	char path[64];
	struct config_service service;
	struct config_errors errors;
};

static char handler[] = "plugin.so";

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	FILE *file;

	if (f == NULL)
		return -1;
	strcpy(f->folder, "/tmp/test_vet.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/plugin.so", f->folder);
	f->service.handler = handler;
	f->service.path = f->path;
	f->service.handler_where = (struct place){.file = "cservd.ini", .line = 7};
	file = fopen(f->path, "w");
	if (file == NULL || fputs("content", file) < 0 || fclose(file) != 0)
		return -1;
	*state = f;
	return chmod(f->path, 0644);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	config_errors_finish(&f->errors);
	(void)!unlink(f->path); /* some tests put a folder there, or nothing */
	(void)!rmdir(f->path);
	if (rmdir(f->folder) < 0)
		return -1;
	free(f);
	return 0;
}

/* The plugin is refused with one error at its line, which has all these parts. */
static void assert_refused(struct fixture *f, const char *part, const char *advice)
{
	assert_int_equal(vet_plugin(&f->service, &f->errors), -1);
	assert_int_equal(f->errors.count, 1);
	assert_ptr_equal(strstr(f->errors.lines[0], "cservd.ini:7: handler \"plugin.so\""),
			 f->errors.lines[0]);
	if (strstr(f->errors.lines[0], part) == NULL || strstr(f->errors.lines[0], advice) == NULL)
		fail_msg("neither \"%s\" nor \"%s\" in: %s", part, advice, f->errors.lines[0]);
}

static void a_file_that_only_we_can_change_is_opened(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = vet_plugin(&f->service, &f->errors);
	char content[16];

	assert_true(fd >= 0);
	assert_int_equal(f->errors.count, 0);
	assert_int_equal(read(fd, content, sizeof(content)), 7);
	assert_int_equal(write(fd, "x", 1), -1);
}

static void a_missing_file_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->path), 0);
	assert_refused(f, "No such file or directory", "install it there");
}

static void a_path_through_a_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char below[96];

	(void)snprintf(below, sizeof(below), "%s/x.so", f->path);
	f->service.path = below;
	assert_refused(f, "Not a directory", "correct the name");
	f->service.path = f->path;
}

static void an_unreadable_file_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() == 0)
		skip(); /* root reads everything */
	assert_int_equal(chmod(f->path, 0), 0);
	assert_refused(f, "Permission denied", "readable");
}

static void a_folder_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0755), 0);
	assert_refused(f, "is a directory", ".so file");
}

static void a_fifo_is_refused_without_waiting_for_a_writer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0644), 0);
	assert_refused(f, "not a regular file", ".so file");
}

static void a_file_that_its_group_may_write_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->path, 0664), 0);
	assert_refused(f, "writable for its group", "chmod go-w");
}

static void a_file_that_everybody_may_write_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->path, 0646), 0);
	assert_refused(f, "writable for everybody", "chmod go-w");
}

static void a_file_of_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	assert_int_equal(chown(f->path, SOMEBODY, 0), 0);
	assert_refused(f, "user id 12345", "chown root");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_only_we_can_change_is_opened),
		TEST(a_missing_file_is_refused),
		TEST(a_path_through_a_file_is_refused),
		TEST(an_unreadable_file_is_refused),
		TEST(a_folder_is_refused),
		TEST(a_fifo_is_refused_without_waiting_for_a_writer),
		TEST(a_file_that_its_group_may_write_is_refused),
		TEST(a_file_that_everybody_may_write_is_refused),
		TEST(a_file_of_somebody_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
