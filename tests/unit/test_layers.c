/* SPDX-License-Identifier: MIT */
/* test_layers - which rules the promises and their lists come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/promise.h"
#include "worker/layers.h"

#define WRITES (LSM_WRITE_FILE | LSM_TRUNCATE | LSM_MAKE_REG | LSM_REMOVE_FILE | LSM_REFER)

static const char *reads[] = {"/srv/read"};
static const char *writes[] = {"/srv/write", "/srv/more"};
static const uint16_t ports[] = {80, 443};

static uint64_t rights_on(const struct landlock_layer *layer, const char *path)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < layer->file_count; i++)
		if (strcmp(layer->file[i].path, path) == 0)
			rights |= layer->file[i].rights;
	return rights;
}

static uint64_t rights_on_port(const struct landlock_layer *layer, uint16_t port)
{
	uint64_t rights = 0;

	for (size_t i = 0; i < layer->port_count; i++)
		if (layer->port[i].port == port)
			rights |= layer->port[i].rights;
	return rights;
}

static struct layers_grants grant(uint32_t promises)
{
	return (struct layers_grants){.promises = PROMISE_STDIO | promises,
				      .read = reads,
				      .reads = ARRAY_SIZE(reads),
				      .write = writes,
				      .writes = ARRAY_SIZE(writes)};
}

static struct landlock_layer *second(uint32_t promises)
{
	const struct layers_grants grants = grant(promises);
	struct landlock_layer *layer = layers_create_second(&grants);

	assert_non_null(layer);
	return layer;
}

static void stdio_has_no_rule_at_all(void **state)
{
	struct landlock_layer *layer = second(0);

	(void)state;
	assert_int_equal(layer->file_count, 0);
	assert_int_equal(layer->port_count, 0);
	assert_int_equal(layer->files, 0xffff);
	assert_int_equal(layer->ports, LSM_BIND_TCP | LSM_CONNECT_TCP);
	assert_int_equal(layer->scopes, LSM_SIGNAL | LSM_ABSTRACT_UNIX);
	layers_destroy(layer);
}

static void the_first_layer_is_about_writing_only(void **state)
{
	const struct layers_grants grants = grant(0);
	struct landlock_layer *layer = layers_create_first(&grants);

	(void)state;
	assert_non_null(layer);
	assert_int_equal(layer->files & (LSM_READ_FILE | LSM_READ_DIR | LSM_EXECUTE), 0);
	assert_int_equal(layer->files & WRITES, WRITES);
	assert_int_equal(layer->ports | layer->scopes, 0);
	assert_int_equal(rights_on(layer, "/srv/write") & WRITES, WRITES);
	assert_int_equal(rights_on(layer, "/srv/more") & WRITES, WRITES);
	assert_int_equal(rights_on(layer, "/srv/read"), 0);
	layers_destroy(layer);
}

static void each_promise_brings_its_rights_on_its_list(void **state)
{
	static const struct {
		uint32_t promise;
		uint64_t read, write, not_write;
	} cases[] = {
		{PROMISE_RPATH, LSM_READ_FILE | LSM_READ_DIR, 0, UINT64_MAX},
		{PROMISE_WPATH, 0, LSM_READ_FILE | LSM_WRITE_FILE | LSM_TRUNCATE,
		 LSM_MAKE_REG | LSM_REMOVE_FILE | LSM_REFER | LSM_EXECUTE},
		{PROMISE_CPATH, 0, WRITES | LSM_READ_FILE,
		 LSM_MAKE_CHAR | LSM_MAKE_BLOCK | LSM_EXECUTE},
		{PROMISE_EXEC, LSM_READ_FILE | LSM_EXECUTE, 0, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct landlock_layer *layer = second(cases[i].promise);
		uint64_t read = rights_on(layer, "/srv/read");
		uint64_t write = rights_on(layer, "/srv/write");

		assert_int_equal(read & cases[i].read, cases[i].read);
		assert_int_equal(read & LSM_WRITE_FILE, 0);
		assert_int_equal(write & cases[i].write, cases[i].write);
		assert_int_equal(write & cases[i].not_write, 0);
		layers_destroy(layer);
	}
}

static void dns_reads_the_resolvers_files_and_asks_by_tcp(void **state)
{
	struct landlock_layer *layer = second(PROMISE_DNS);

	(void)state;
	assert_int_equal(rights_on(layer, "/etc/resolv.conf"), LSM_READ_FILE);
	assert_int_equal(rights_on(layer, "/etc/hosts"), LSM_READ_FILE);
	assert_int_equal(rights_on(layer, "/srv/read"), 0);
	assert_int_equal(rights_on_port(layer, 53), LSM_CONNECT_TCP);
	assert_int_equal(layer->port_count, 1);
	layers_destroy(layer);
}

static void ports_are_free_only_without_a_list(void **state)
{
	struct layers_grants grants = grant(PROMISE_INET | PROMISE_DNS);
	struct landlock_layer *layer;

	(void)state;
	grants.connect = (struct layers_ports){.count = 2, .port = ports};
	grants.bind = (struct layers_ports){.is_free = true};
	layer = layers_create_second(&grants);
	assert_non_null(layer);
	assert_int_equal(layer->ports, LSM_CONNECT_TCP);
	assert_int_equal(rights_on_port(layer, 80), LSM_CONNECT_TCP);
	assert_int_equal(rights_on_port(layer, 443), LSM_CONNECT_TCP);
	assert_int_equal(rights_on_port(layer, 53), LSM_CONNECT_TCP);
	assert_int_equal(rights_on_port(layer, 8080), 0);
	layers_destroy(layer);
}

static const char *unmet(const struct layers_grants *grants, int abi, bool only_listed)
{
	int needs = -1;
	const char *key = layers_find_unmet(grants, abi, only_listed, &needs);

	if (key != NULL)
		assert_true(needs > abi);
	return key;
}

static void names_the_key_that_a_kernel_cannot_keep(void **state)
{
	struct layers_grants grants = {.promises = PROMISE_STDIO};

	(void)state;
	assert_string_equal(unmet(&grants, 0, false), "sandbox");
	assert_null(unmet(&grants, 0, true));
	assert_null(unmet(&grants, 1, false));
	grants = grant(PROMISE_WPATH);
	assert_string_equal(unmet(&grants, 0, true), "read_paths");
	assert_string_equal(unmet(&grants, 2, false), "write_paths");
	assert_null(unmet(&grants, 3, false));
	grants.bind = (struct layers_ports){.count = 1, .port = ports};
	assert_string_equal(unmet(&grants, 3, true), "bind_ports");
	grants.connect = grants.bind;
	assert_string_equal(unmet(&grants, 3, true), "connect_ports");
	assert_null(unmet(&grants, 4, false));
	grants.promises |= PROMISE_PROC;
	assert_string_equal(unmet(&grants, 5, false), "sandbox");
	assert_null(unmet(&grants, 5, true));
	assert_null(unmet(&grants, 6, false));
}

static void destroying_nothing_is_fine(void **state)
{
	(void)state;
	layers_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stdio_has_no_rule_at_all),
		cmocka_unit_test(the_first_layer_is_about_writing_only),
		cmocka_unit_test(each_promise_brings_its_rights_on_its_list),
		cmocka_unit_test(dns_reads_the_resolvers_files_and_asks_by_tcp),
		cmocka_unit_test(ports_are_free_only_without_a_list),
		cmocka_unit_test(names_the_key_that_a_kernel_cannot_keep),
		cmocka_unit_test(destroying_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
