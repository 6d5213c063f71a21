/* SPDX-License-Identifier: MIT */
/* test_ids - whom a worker may run as, for root and for an ordinary user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "inifile.h"
#include "master/ids.h"

#define SERVICE "[a]\nlisten = 7/tcp\nhandler = a.so\n"

static void assert_user_refused(const char *text, const char *wanted)
{
	uid_t uid = 4711;
	char why[IDS_WHY_SIZE];

	assert_int_equal(ids_parse_user(text, &uid, why), -1);
	assert_string_equal(why, wanted);
	assert_int_equal(uid, 4711);
}

static void assert_group_refused(const char *text, const char *wanted)
{
	gid_t gid = 4711;
	char why[IDS_WHY_SIZE];

	assert_int_equal(ids_parse_group(text, &gid, why), -1);
	assert_string_equal(why, wanted);
	assert_int_equal(gid, 4711);
}

static void refuses_root(void **state)
{
	(void)state;
	assert_user_refused("root", "no service runs as root, name another user");
	assert_user_refused("0", "no service runs as root, name another user");
	assert_user_refused("000", "no service runs as root, name another user");
}

static void refuses_unknown_names_and_large_numbers(void **state)
{
	(void)state;
	assert_user_refused("nosuchuser", "no such user, create it or name another one");
	assert_group_refused("nosuchgroup", "no such group, create it or name another one");
	assert_user_refused("4294967295", "no user has a number that large");
	assert_group_refused("99999999999999999999", "no group has a number that large");
}

static void root_may_name_anybody_else(void **state)
{
	char why[IDS_WHY_SIZE];
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(ids_parse_user("nobody", &uid, why), 0);
	assert_int_equal(uid, 65534);
	assert_int_equal(ids_parse_user("54321", &uid, why), 0);
	assert_int_equal(uid, 54321);
	assert_int_equal(ids_parse_group("54321", &gid, why), 0);
	assert_int_equal(gid, 54321);
	assert_group_refused("0", "no service runs in root's group, name another group");
	assert_int_equal(ids_default_group(65534, &gid, why), 0);
	assert_int_equal(gid, getpwuid(65534)->pw_gid);
}

static void root_needs_a_group_for_a_number_without_a_user(void **state)
{
	char why[IDS_WHY_SIZE];
	gid_t gid;

	(void)state;
	assert_int_equal(ids_default_group(INIFILE_STRANGER, &gid, why), -1);
	assert_string_equal(why, "user 54321 has no group: add \"group = NAME\"");
}

static void the_default_user_is_not_root(void **state)
{
	char why[IDS_WHY_SIZE];
	uid_t uid = 0;

	(void)state;
	assert_int_equal(ids_default_user(&uid, why), 0);
	assert_int_not_equal(uid, 0);
}

static void an_ordinary_user_may_name_only_itself(void **state)
{
	char own[32], other[32], why[IDS_WHY_SIZE];
	uid_t uid = 0;
	gid_t gid = 0;

	(void)state;
	(void)snprintf(own, sizeof(own), "%u", geteuid());
	(void)snprintf(other, sizeof(other), "%u", geteuid() + 1);
	assert_int_equal(ids_parse_user(own, &uid, why), 0);
	assert_int_equal(uid, geteuid());
	assert_user_refused(other, "only root can change to another user, start cservd as root");
	(void)snprintf(own, sizeof(own), "%u", getegid());
	(void)snprintf(other, sizeof(other), "%u", getegid() + 1);
	assert_int_equal(ids_parse_group(own, &gid, why), 0);
	assert_int_equal(gid, getegid());
	assert_group_refused(other, "only root can change to another group, start cservd as root");
}

static void an_ordinary_user_is_its_own_default(void **state)
{
	char why[IDS_WHY_SIZE];
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(ids_default_user(&uid, why), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(ids_default_group(uid, &gid, why), 0);
	assert_int_equal(gid, getegid());
}

static void prints_names_and_numbers(void **state)
{
	char name[IDS_NAME_SIZE];

	(void)state;
	assert_string_equal(ids_user_name(0, name), "root");
	assert_string_equal(ids_group_name(0, name), "root");
	assert_string_equal(ids_user_name(INIFILE_STRANGER, name), "54321");
	assert_string_equal(ids_group_name(INIFILE_STRANGER, name), "54321");
}

static void root_runs_services_as_their_user(void **state)
{
	const struct config *config;

	config = inifile_accept(*state, "[defaults]\nuser = nobody\n" SERVICE
					"[b]\nlisten = 8/tcp\nhandler = a.so\nuser = 54321\n"
					"group = 54322\n");
	assert_string_equal(config->services[0].user, "nobody");
	assert_int_equal(config->services[0].uid, 65534);
	assert_int_equal(config->services[0].gid, getpwuid(65534)->pw_gid);
	assert_int_equal(config->services[1].uid, 54321);
	assert_int_equal(config->services[1].gid, 54322);
}

static void errors_name_the_line_of_the_user(void **state)
{
	inifile_refuse_key(*state, "user = root",
			   "user \"root\": no service runs as root, name another user");
	inifile_refuse_key(*state, "group = nosuchgroup",
			   "group \"nosuchgroup\": no such group, create it or name another one");
}

static void root_hears_of_a_missing_group_for_each_service(void **state)
{
	inifile_refuse(*state, "[defaults]\nuser = 54321\n" SERVICE,
		       "cservd.ini:3: section [a]: user 54321 has no group: add \"group = NAME\"");
}

int main(void)
{
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
#define ORDINARY_TEST(name) \
	cmocka_unit_test_setup_teardown(name, inifile_setup_ordinary, inifile_teardown_ordinary)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_root),
		cmocka_unit_test(refuses_unknown_names_and_large_numbers),
		cmocka_unit_test(root_may_name_anybody_else),
		cmocka_unit_test(root_needs_a_group_for_a_number_without_a_user),
		cmocka_unit_test(the_default_user_is_not_root),
		ORDINARY_TEST(an_ordinary_user_may_name_only_itself),
		ORDINARY_TEST(an_ordinary_user_is_its_own_default),
		cmocka_unit_test(prints_names_and_numbers),
		FILE_TEST(root_runs_services_as_their_user),
		FILE_TEST(errors_name_the_line_of_the_user),
		FILE_TEST(root_hears_of_a_missing_group_for_each_service),
	};

	if (geteuid() != 0)
		cmocka_set_skip_filter("root_*");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
