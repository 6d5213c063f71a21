/* SPDX-License-Identifier: MIT */
/* test_clash - addresses that cannot be bound together, and those that can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "inifile.h"

#define SERVICE(name, listen) "[" name "]\nhandler = a.so\nlisten = " listen "\n"

static void refuses_one_address_in_two_services(void **state)
{
	inifile_refuse(
		*state, SERVICE("a", "127.0.0.1:7/tcp") SERVICE("b", "127.0.0.1:7/tcp"),
		"cservd.ini:6: listen \"127.0.0.1:7/tcp\" clashes with \"127.0.0.1:7/tcp\" of "
		"[a] at cservd.ini:3");
}

static void refuses_one_address_twice_in_a_service(void **state)
{
	inifile_refuse(
		*state, SERVICE("a", "[::1]:7/udp") "listen += 8/tcp [::1]:7/udp\n",
		"cservd.ini:4: listen \"[::1]:7/udp\" clashes with \"[::1]:7/udp\" of [a] at "
		"cservd.ini:3");
}

static void refuses_a_wildcard_over_another_address(void **state)
{
	inifile_refuse(*state, SERVICE("a", "127.0.0.1:7/tcp") SERVICE("b", "0.0.0.0:7/tcp"),
		       "cservd.ini:6: listen \"0.0.0.0:7/tcp\" clashes with \"127.0.0.1:7/tcp\" of "
		       "[a] at cservd.ini:3");
	inifile_refuse(*state,
		       SERVICE("a", "7/udp") SERVICE("b", "127.0.0.2:7/udp")
			       SERVICE("c", "[::2]:7/udp"),
		       "cservd.ini:6: listen \"127.0.0.2:7/udp\" clashes with \"0.0.0.0:7/udp\" of "
		       "[a] at cservd.ini:3\n"
		       "cservd.ini:9: listen \"[::2]:7/udp\" clashes with \"[::]:7/udp\" of [a] at "
		       "cservd.ini:3");
}

static void names_every_one_of_several(void **state)
{
	struct inifile *ini = *state;

	inifile_refuse(
		ini,
		SERVICE("a", "127.0.0.1:7/tcp") SERVICE("b", "127.0.0.1:7/tcp")
			SERVICE("c", "127.0.0.1:7/tcp"),
		"cservd.ini:6: listen \"127.0.0.1:7/tcp\" clashes with \"127.0.0.1:7/tcp\" of "
		"[a] at cservd.ini:3\n"
		"cservd.ini:9: listen \"127.0.0.1:7/tcp\" clashes with \"127.0.0.1:7/tcp\" of "
		"[b] at cservd.ini:6");
}

static void names_both_files(void **state)
{
	static const char more[] = "\n" SERVICE("more", "localhost:7/udp");

	inifile_write(*state, "more", more, sizeof(more) - 1);
	inifile_refuse(*state, "[cservd]\ninclude = more\n" SERVICE("a", "127.0.0.1:7/udp"),
		       "more:4: listen \"127.0.0.1:7/udp\" clashes with \"127.0.0.1:7/udp\" of [a] "
		       "at cservd.ini:5");
}

static void protocols_families_ports_and_addresses_differ(void **state)
{
	inifile_accept(*state,
		       SERVICE("a", "127.0.0.1:7/tcp") SERVICE("b", "127.0.0.1:7/udp")
			       SERVICE("c", "127.0.0.2:7/tcp") SERVICE("d", "127.0.0.1:8/tcp")
				       SERVICE("e", "[::]:7/tcp [::1]:8/tcp"));
	inifile_accept(*state, SERVICE("a", "0.0.0.0:7/tcp") SERVICE("b", "[::1]:7/tcp"));
}

static void disabled_services_do_not_clash(void **state)
{
	inifile_accept(*state, SERVICE("a", "7/tcp") SERVICE("b", "7/tcp") "enabled = no\n");
	inifile_accept(*state, SERVICE("a", "7/tcp 7/tcp") "enabled = no\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, inifile_setup, inifile_teardown)
	const struct CMUnitTest tests[] = {
		TEST(refuses_one_address_in_two_services),
		TEST(refuses_one_address_twice_in_a_service),
		TEST(refuses_a_wildcard_over_another_address),
		TEST(names_every_one_of_several),
		TEST(names_both_files),
		TEST(protocols_families_ports_and_addresses_differ),
		TEST(disabled_services_do_not_clash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
