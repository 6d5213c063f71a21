/* SPDX-License-Identifier: MIT */
/* test_plugin - the rules of the plugin ABI, played by hosts of several versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/plugin.h"

#define VERSION(major, minor) ((uint32_t)(major)*65536 + (minor))
#define TAIL		      16 /* [bytes] that a later version of the descriptor may have more */

/* A descriptor of a later version. */
struct later {
	struct cservd_plugin known;
	unsigned char tail[TAIL];
};

static const struct plugin_host host_0_1 = {VERSION(0, 1), sizeof(struct cservd_plugin), 1};
static const struct plugin_host host_1_0 = {VERSION(1, 0), sizeof(struct cservd_plugin), 1};
static const struct plugin_host host_1_3 = {VERSION(1, 3), sizeof(struct later), 3};

static char why[PLUGIN_WHY_SIZE];

static int handle(struct cservd_conn *conn)
{
	(void)conn; /* never called */
	return 0;
}

static struct later plugin_of(uint32_t abi)
{
	return (struct later){.known = {.abi = abi,
					.size = sizeof(struct cservd_plugin),
					.name = "tested",
					.stream = handle}};
}

static void assert_accepted(const struct later *plugin, const struct plugin_host *host)
{
	struct cservd_plugin copy;

	why[0] = '\0';
	if (plugin_accept(&plugin->known, host, &copy, why) == -1)
		fail_msg("refused: %s", why);
	assert_string_equal(copy.name, "tested");
}

static void assert_refused(const struct later *plugin, const struct plugin_host *host,
			   const char *because)
{
	struct cservd_plugin copy;

	assert_int_equal(plugin_accept(&plugin->known, host, &copy, why), -1);
	if (strstr(why, because) == NULL)
		fail_msg("no \"%s\" in \"%s\"", because, why);
}

static void before_1_0_only_the_same_minor_loads(void **state)
{
	struct later same = plugin_of(VERSION(0, 1)), newer = plugin_of(VERSION(0, 2)),
		     older = plugin_of(VERSION(0, 0)), stable = plugin_of(VERSION(1, 0));

	(void)state;
	assert_accepted(&same, &host_0_1);
	assert_refused(&newer, &host_0_1, "built for ABI 0.2, this cservd speaks 0.1");
	assert_refused(&older, &host_0_1, "built for ABI 0.0, this cservd speaks 0.1");
	assert_refused(&stable, &host_0_1, "built for ABI 1.0, this cservd speaks 0.1");
}

static void from_1_0_every_minor_of_the_same_major_loads(void **state)
{
	struct later first = plugin_of(VERSION(1, 0)), later = plugin_of(VERSION(1, 3)),
		     last = plugin_of(VERSION(1, 65535));

	(void)state;
	assert_accepted(&first, &host_1_0);
	assert_accepted(&later, &host_1_0);
	assert_accepted(&last, &host_1_0);
	assert_accepted(&first, &host_1_3);
}

static void another_major_is_refused(void **state)
{
	struct later before = plugin_of(VERSION(0, 1)), after = plugin_of(VERSION(2, 0));

	(void)state;
	assert_refused(&before, &host_1_0, "built for ABI 0.1, this cservd speaks 1.0");
	assert_refused(&after, &host_1_0, "built for ABI 2.0, this cservd speaks 1.0");
}

static void a_later_descriptor_loads_while_its_new_fields_are_unused(void **state)
{
	struct later plugin = plugin_of(VERSION(1, 3));

	(void)state;
	plugin.known.size = sizeof(plugin);
	assert_accepted(&plugin, &host_1_0);
}

static void a_later_descriptor_with_a_used_field_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < TAIL; i++) {
		struct later plugin = plugin_of(VERSION(1, 3));

		plugin.known.size = sizeof(plugin);
		plugin.tail[i] = 1;
		assert_refused(&plugin, &host_1_0,
			       "uses features of ABI 1.3, this cservd speaks 1.0");
		assert_accepted(&plugin, &host_1_3);
	}
}

static void what_lies_behind_a_shorter_descriptor_is_not_read(void **state)
{
	struct later plugin = plugin_of(VERSION(1, 0));
	struct cservd_plugin copies[2];

	(void)state;
	memset(plugin.tail, 0xff, TAIL);
	memset(copies, 0x55, sizeof(copies));
	assert_int_equal(plugin_accept(&plugin.known, &host_1_3, &copies[0], why), 0);
	assert_memory_equal(&copies[0], &plugin.known, sizeof(plugin.known));
	for (size_t i = 0; i < sizeof(copies[1]); i++)
		assert_int_equal(((unsigned char *)&copies[1])[i], 0x55);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
	const uint32_t sizes[] = {0, 8, sizeof(struct cservd_plugin) - 1, 65536, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct later plugin = plugin_of(VERSION(1, 0));

		plugin.known.size = sizes[i];
		assert_refused(&plugin, &host_1_0, "its descriptor is broken");
	}
}

static void flags_load_only_where_they_are_known(void **state)
{
	struct later old_flag = plugin_of(VERSION(1, 0)), new_flag = plugin_of(VERSION(1, 3));

	(void)state;
	old_flag.known.flags = CSERVD_FIBER_SAFE;
	new_flag.known.flags = CSERVD_FIBER_SAFE | 2;
	assert_accepted(&old_flag, &host_1_0);
	assert_refused(&new_flag, &host_1_0, "flags 0x2 that");
	assert_accepted(&new_flag, &host_1_3);
}

static void promises_load_only_where_they_are_known(void **state)
{
	struct later plugin = plugin_of(VERSION(1, 0));

	(void)state;
	plugin.known.sandbox = "stdio inet, rpath";
	assert_accepted(&plugin, &host_1_0);
	plugin.known.sandbox = "inet teleport";
	assert_refused(&plugin, &host_1_0, "\"teleport\"");
	plugin.known.sandbox = "";
	assert_accepted(&plugin, &host_1_0);
}

static void an_endless_promise_list_is_refused(void **state)
{
	struct later plugin = plugin_of(VERSION(1, 0));
	char list[2000];

	(void)state;
	memset(list, 'x', sizeof(list) - 1);
	list[sizeof(list) - 1] = '\0';
	plugin.known.sandbox = list;
	assert_refused(&plugin, &host_1_0, "promise");
}

static void a_plugin_without_a_name_is_refused(void **state)
{
	struct later plugin = plugin_of(VERSION(1, 0));

	(void)state;
	plugin.known.name = NULL;
	assert_refused(&plugin, &host_1_0, ".name");
	plugin.known.name = "";
	assert_refused(&plugin, &host_1_0, ".name");
}

static void one_handler_of_either_kind_is_enough(void **state)
{
	struct later plugin = plugin_of(VERSION(1, 0));

	(void)state;
	plugin.known.stream = NULL;
	assert_refused(&plugin, &host_1_0, "handler");
	plugin.known.datagram = handle;
	assert_accepted(&plugin, &host_1_0);
}

static void this_host_is_the_header(void **state)
{
	(void)state;
	assert_int_equal(plugin_host.abi, CSERVD_ABI);
	assert_int_equal(plugin_host.size, sizeof(struct cservd_plugin));
	assert_int_equal(plugin_host.flags, CSERVD_FIBER_SAFE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_1_0_only_the_same_minor_loads),
		cmocka_unit_test(from_1_0_every_minor_of_the_same_major_loads),
		cmocka_unit_test(another_major_is_refused),
		cmocka_unit_test(a_later_descriptor_loads_while_its_new_fields_are_unused),
		cmocka_unit_test(a_later_descriptor_with_a_used_field_is_refused),
		cmocka_unit_test(what_lies_behind_a_shorter_descriptor_is_not_read),
		cmocka_unit_test(a_size_that_cannot_be_is_refused),
		cmocka_unit_test(flags_load_only_where_they_are_known),
		cmocka_unit_test(promises_load_only_where_they_are_known),
		cmocka_unit_test(an_endless_promise_list_is_refused),
		cmocka_unit_test(a_plugin_without_a_name_is_refused),
		cmocka_unit_test(one_handler_of_either_kind_is_enough),
		cmocka_unit_test(this_host_is_the_header),
	};

	return cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
}
