/* SPDX-License-Identifier: MIT */
/* test_image - plugins in sealed memory: what is copied, shared, told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/log.h"
#include "master/image.h"

static bool memory_is_forbidden;

/* Stands in for a kernel with vm.memfd_noexec = 2 (see LDFLAGS). */
int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	if (!memory_is_forbidden)
		return __real_memfd_create(name, flags);
	errno = EACCES;
	return -1;
}

struct fixture {
	char folder[32];
	char path[2][64];
	struct config_service services[3]; /* of path 0, 1, 0 */
	struct config config;
	struct config_errors errors;
	int *images;
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w"); /* in place: an existing file stays the same one */

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char folder[] = "/tmp/test_image.XXXXXX";

	assert_non_null(f);
	memory_is_forbidden = false;
	log_init("test", LOG_ERR, false);
	(void)umask(022); /* returns the old one */
	assert_non_null(mkdtemp(folder));
	strcpy(f->folder, folder);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(f->path[i], sizeof(f->path[i]), "%s/%d.so", folder, i); /* fits */
		write_file(f->path[i], "content");
	}
	for (int i = 0; i < 3; i++)
		f->services[i].handler = f->services[i].path = f->path[i % 2];
	f->config = (struct config){.services = f->services, .count = 3};
	f->images = image_open_all(&f->config, &f->errors);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	image_close_all(f->images, f->config.count);
	config_errors_finish(&f->errors);
	for (int i = 0; i < 2; i++)
		assert_int_equal(unlink(f->path[i]), 0);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static ino_t inode_of(int fd)
{
	struct stat file;

	assert_int_equal(fstat(fd, &file), 0);
	return file.st_ino;
}

static void assert_holds(int image, const char *text)
{
	char content[64] = "";

	assert_int_equal(pread(image, content, sizeof(content) - 1, 0), strlen(text));
	assert_string_equal(content, text);
}

static void an_image_keeps_what_was_there_when_it_was_made(void **state)
{
	struct fixture *f = *state;

	assert_non_null(f->images);
	assert_holds(f->images[0], "content");
	write_file(f->path[0], "something else");
	assert_holds(f->images[0], "content");
}

static void nobody_can_change_an_image(void **state)
{
	const struct fixture *f = *state;
	int image = f->images[0];

	assert_int_equal(pwrite(image, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(image, 0), -1);
	assert_int_equal(ftruncate(image, 100), -1);
	assert_int_equal(fcntl(image, F_ADD_SEALS, 0), -1);
	assert_ptr_equal(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, image, 0), MAP_FAILED);
}

static void an_image_can_be_executed(void **state)
{
	const struct fixture *f = *state;
	void *code = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->images[0], 0);

	assert_ptr_not_equal(code, MAP_FAILED);
	assert_int_equal(munmap(code, 1), 0);
}

static void services_with_one_file_share_one_image(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(inode_of(f->images[0]), inode_of(f->images[2]));
	assert_int_not_equal(inode_of(f->images[0]), inode_of(f->images[1]));
	assert_int_not_equal(f->images[0], f->images[2]);
}

static void a_link_leads_to_the_same_image(void **state)
{
	struct fixture *f = *state;
	struct config_service services[2] = {f->services[0], f->services[0]};
	const struct config config = {.services = services, .count = 2};
	char link[64];
	int *images;

	(void)snprintf(link, sizeof(link), "%s/link.so", f->folder); /* fits */
	assert_int_equal(symlink(f->path[0], link), 0);
	services[1].path = link;
	images = image_open_all(&config, &f->errors);
	assert_int_equal(unlink(link), 0);
	assert_non_null(images);
	assert_int_equal(inode_of(images[0]), inode_of(images[1]));
	image_close_all(images, 2);
}

static void images_are_the_same_if_their_bytes_are(void **state)
{
	struct fixture *f = *state;
	const struct config config = {.services = f->services, .count = 1};
	const char *texts[] = {"content", "coNtent", "content longer", ""};
	const bool same[] = {true, false, false, false};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int *images;

		write_file(f->path[0], texts[i]);
		images = image_open_all(&config, &f->errors);
		assert_non_null(images);
		assert_int_equal(image_is_same(f->images[0], images[0]), same[i]);
		image_close_all(images, 1);
	}
	assert_true(image_is_same(f->images[0], f->images[1]));
	assert_true(image_is_same(f->images[0], f->images[2]));
}

static void every_refused_plugin_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->path[0], 0666), 0);
	assert_null(image_open_all(&f->config, &f->errors));
	assert_int_equal(f->errors.total, 2);
}

static void a_file_too_large_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(truncate(f->path[1], (off_t)IMAGE_SIZE_MAX + 1), 0);
	assert_null(image_open_all(&f->config, &f->errors));
	assert_int_equal(f->errors.total, 1);
	assert_non_null(strstr(f->errors.lines[0], "File too large"));
}

static void without_executable_memory_it_is_the_file_itself(void **state)
{
	struct fixture *f = *state;
	struct stat file;
	int *images;

	memory_is_forbidden = true;
	images = image_open_all(&f->config, &f->errors);
	assert_non_null(images);
	assert_int_equal(stat(f->path[0], &file), 0);
	assert_int_equal(inode_of(images[0]), file.st_ino);
	assert_int_equal(inode_of(images[2]), file.st_ino);
	/* Its bytes may change while it is used: nothing is known about them. */
	assert_false(image_is_same(images[0], images[0]));
	assert_false(image_is_same(images[0], f->images[0]));
	image_close_all(images, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_image_keeps_what_was_there_when_it_was_made),
		TEST(nobody_can_change_an_image),
		TEST(an_image_can_be_executed),
		TEST(services_with_one_file_share_one_image),
		TEST(a_link_leads_to_the_same_image),
		TEST(images_are_the_same_if_their_bytes_are),
		TEST(every_refused_plugin_is_told),
		TEST(a_file_too_large_is_refused),
		TEST(without_executable_memory_it_is_the_file_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
