/* SPDX-License-Identifier: MIT */
/* test_vet - which files and directories are refused, with what advice. */
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
	char inner[48]; /* folder/inner */
	char path[64];	/* folder/inner/plugin.so */
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
	(void)snprintf(f->inner, sizeof(f->inner), "%s/inner", f->folder);
	(void)snprintf(f->path, sizeof(f->path), "%s/plugin.so", f->inner);
	(void)umask(022); /* returns the old one */
	if (mkdir(f->inner, 0755) < 0)
		return -1;
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
	if (rmdir(f->inner) < 0 || rmdir(f->folder) < 0)
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
	assert_refused(f, "is a directory", "name a file");
}

static void a_fifo_is_refused_without_waiting_for_a_writer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0644), 0);
	assert_refused(f, "not a regular file", "name one");
}

static void a_file_that_its_group_may_write_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->path, 0664), 0);
	assert_refused(f, "plugin.so\" is writable by its group", ": chmod g-w /");
}

static void a_file_that_everybody_may_write_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->path, 0646), 0);
	assert_refused(f, "plugin.so\" is writable by everybody", ": chmod o-w /");
}

static void a_file_of_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	assert_int_equal(chown(f->path, SOMEBODY, 0), 0);
	assert_refused(f, "user id 12345", ": chown root /");
}

static void a_directory_that_its_group_may_write_is_refused(void **state)
{
	struct fixture *f = *state;
	char what[96], advice[96];

	assert_int_equal(chmod(f->folder, 0775), 0);
	(void)snprintf(what, sizeof(what), "directory \"%s\" is writable by its group",
		       f->folder); /* fits, as below */
	(void)snprintf(advice, sizeof(advice), ": chmod g-w %s", f->folder);
	assert_refused(f, what, advice);
}

static void a_directory_of_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* only root can give a directory away */
	assert_int_equal(chown(f->folder, SOMEBODY, 0), 0);
	assert_refused(f, "directory \"/tmp/test_vet.", "belongs to user id 12345");
}

static void an_ordinary_user_trusts_himself_and_root(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int own = -1, roots = -1;

	if (geteuid() != 0)
		skip(); /* the other tests run as one */
	assert_int_equal(chmod(f->folder, 0755), 0);
	assert_int_equal(chown(f->path, SOMEBODY, 0), 0);
	assert_int_equal(seteuid(SOMEBODY), 0);
	own = vet_plugin(&f->service, &f->errors);
	assert_int_equal(seteuid(0), 0);
	assert_true(own >= 0);
	assert_int_equal(chown(f->path, 0, 0), 0);
	assert_int_equal(seteuid(SOMEBODY), 0);
	roots = vet_plugin(&f->service, &f->errors);
	assert_int_equal(seteuid(0), 0);
	assert_true(roots >= 0);
}

static void what_is_in_a_sticky_directory_must_be_ones_own(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* only a sticky directory of root's counts */
	assert_int_equal(chmod(f->folder, 01777), 0);
	a_file_that_only_we_can_change_is_opened(state);
	assert_int_equal(chown(f->inner, SOMEBODY, 0), 0);
	assert_refused(f, "/inner\" belongs to user id 12345", ": chown root /tmp/");
}

static void a_link_counts_as_what_it_leads_to(void **state)
{
	struct fixture *f = *state;
	CLEANUP_CLOSE int fd = -1;
	char link[64];

	(void)snprintf(link, sizeof(link), "%s/link.so", f->folder); /* fits */
	assert_int_equal(symlink("inner/plugin.so", link), 0);
	f->service.path = link;
	fd = vet_plugin(&f->service, &f->errors);
	assert_true(fd >= 0);
	assert_int_equal(chmod(f->inner, 0775), 0);
	assert_refused(f, "/inner\" is writable by its group", ": chmod g-w /tmp/");
	assert_int_equal(unlink(link), 0);
}

static void a_pipe_without_a_path_is_not_a_regular_file(void **state)
{
	char path[32], why[VET_WHY_SIZE];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]); /* fits */
	assert_int_equal(vet_open(path, why), -1);
	assert_string_equal(why, "this is not a regular file, name one");
	util_close(ends[0]);
	util_close(ends[1]);
}

static void a_relative_path_is_walked_as_well(void **state)
{
	struct fixture *f = *state;
	char why[VET_WHY_SIZE], before[PATH_MAX];
	CLEANUP_CLOSE int fd = -1;

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(f->folder), 0);
	fd = vet_open("inner/../inner/plugin.so", why);
	assert_true(fd >= 0);
	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_int_equal(vet_open("inner/plugin.so", why), -1);
	assert_non_null(strstr(why, "is writable by everybody: chmod go-w /tmp/"));
	assert_int_equal(chdir(before), 0);
}

static void a_folder_to_list_may_be_no_file(void **state)
{
	struct fixture *f = *state;
	char why[VET_WHY_SIZE];

	assert_int_equal(vet_folder(f->inner, why), 0);
	assert_int_equal(vet_folder(f->path, why), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_string_equal(why, "");
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
		TEST(a_directory_that_its_group_may_write_is_refused),
		TEST(a_directory_of_somebody_else_is_refused),
		TEST(an_ordinary_user_trusts_himself_and_root),
		TEST(what_is_in_a_sticky_directory_must_be_ones_own),
		TEST(a_link_counts_as_what_it_leads_to),
		TEST(a_pipe_without_a_path_is_not_a_regular_file),
		TEST(a_relative_path_is_walked_as_well),
		TEST(a_folder_to_list_may_be_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
