/* SPDX-License-Identifier: MIT */
/* test_libcprobe - which paths are libc's own, and that no other pointer is followed. */
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/libcprobe.h"

#define OVERCOMMIT "/proc/sys/vm/overcommit_memory"

/* Where a text stands among the constants of libc; NULL: not there. */
struct search {
	const char *text;
	const char *found;
};

static int search_object(struct dl_phdr_info *object, size_t size, void *argument)
{
	struct search *search = argument;

	(void)size; /* the fields used here were always there */
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && (part->p_flags & (PF_R | PF_W)) == PF_R &&
		    strstr(object->dlpi_name, "libc.so") != NULL && search->found == NULL)
			search->found =
				memmem((const void *)(object->dlpi_addr + part->p_vaddr),
				       part->p_filesz, search->text, strlen(search->text) + 1);
	}
	return 0;
}

static const char *in_libc(const char *text)
{
	struct search search = {.text = text};

	(void)dl_iterate_phdr(search_object, &search); /* returns 0 */
	assert_non_null(search.found);
	return search.found;
}

static bool is_probe(int number, const void *path)
{
	const uint64_t args[6] = {(uint64_t)AT_FDCWD, (uint64_t)(uintptr_t)path};

	return libcprobe_is(number, args);
}

static void a_constant_of_libc_in_the_table_is_libcs_own(void **state)
{
	(void)state;
	assert_true(is_probe(SYS_openat, in_libc(OVERCOMMIT)));
	assert_true(is_probe(SYS_newfstatat, in_libc("/etc/localtime")));
}

static void the_same_text_elsewhere_is_the_plugins(void **state)
{
	char on_stack[] = OVERCOMMIT;

	(void)state;
	assert_false(is_probe(SYS_openat, OVERCOMMIT));
	assert_false(is_probe(SYS_openat, on_stack));
}

static void another_constant_of_libc_is_not_in_the_table(void **state)
{
	(void)state;
	assert_false(is_probe(SYS_openat, in_libc("/etc/passwd")));
	assert_false(is_probe(SYS_openat, in_libc(OVERCOMMIT) + 1));
}

static void only_calls_that_take_a_path_are_looked_at(void **state)
{
	(void)state;
	assert_false(is_probe(SYS_socket, in_libc(OVERCOMMIT)));
	assert_false(is_probe(SYS_execve, in_libc(OVERCOMMIT)));
	assert_false(is_probe(-1, in_libc(OVERCOMMIT)));
}

static void no_other_pointer_is_followed(void **state)
{
	void *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(forbidden, MAP_FAILED);
	assert_false(is_probe(SYS_openat, forbidden));
	assert_false(is_probe(SYS_openat, NULL));
	assert_false(is_probe(SYS_openat, (const void *)UINTPTR_MAX));
	assert_int_equal(munmap(forbidden, 4096), 0);
}

static int set_up(void **state)
{
	(void)state;
	libcprobe_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_of_libc_in_the_table_is_libcs_own),
		cmocka_unit_test(the_same_text_elsewhere_is_the_plugins),
		cmocka_unit_test(another_constant_of_libc_is_not_in_the_table),
		cmocka_unit_test(only_calls_that_take_a_path_are_looked_at),
		cmocka_unit_test(no_other_pointer_is_followed),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
