/* SPDX-License-Identifier: MIT */
/* test_landlock - one layer, as a forked child finds it; a lower ABI is tried by saying so. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "worker/landlock.h"

#define FILES	   (LSM_READ_FILE | LSM_READ_DIR | LSM_WRITE_FILE | LSM_MAKE_REG)
#define LAYERS_MAX 16 /* landlock(7) */
#define DEADLINE_S 30

static char folder[] = "/tmp/test_landlock-XXXXXX";
static char inside[64], outside[64], gone[64];
static int abi, skips;

#define EXPECT(condition)                                                                        \
	do {                                                                                     \
		if (condition)                                                                   \
			break;                                                                   \
		(void)dprintf(STDERR_FILENO, "%s:%d: %s: %m\n", __FILE__, __LINE__, #condition); \
		_exit(1);                                                                        \
	} while (0)

/* A layer stays for ever, so each test is a child; it must exit 0. */
static void in_child(void (*body)(void))
{
	int status;
	pid_t pid;

	if (abi == 0)
		skip();
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(DEADLINE_S); /* a child that hangs is killed */
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd == -1 ? errno : close(fd);
}

static void count_skip(const char *path)
{
	EXPECT(errno == ENOENT);
	EXPECT(strcmp(path, gone) == 0);
	skips++;
}

static void reads_one_folder(void)
{
	struct landlock_file files[] = {{inside, LSM_READ_FILE | LSM_READ_DIR, true}};
	const struct landlock_layer layer = {.files = FILES, .file = files, .file_count = 1};
	char file[128];

	(void)snprintf(file, sizeof(file), "%s/file", inside); /* fits */
	EXPECT(landlock_restrict(&layer, abi, count_skip) == 0);
	EXPECT(can_open(file, O_RDONLY) == 0);
	EXPECT(can_open(inside, O_RDONLY | O_DIRECTORY) == 0);
	EXPECT(can_open(file, O_WRONLY) == EACCES);
	EXPECT(can_open(outside, O_RDONLY) == EACCES);
	EXPECT(can_open(folder, O_RDONLY | O_DIRECTORY) == EACCES);
	EXPECT(skips == 0);
}

static void allows_what_a_rule_says_below_a_folder(void **state)
{
	(void)state;
	in_child(reads_one_folder);
}

/* The kernel would refuse a rule that lets one make files in a file. */
static void allows_all_of_one_file(void)
{
	struct landlock_file files[] = {{outside, FILES, true}};
	const struct landlock_layer layer = {.files = FILES, .file = files, .file_count = 1};

	EXPECT(landlock_restrict(&layer, abi, count_skip) == 0);
	EXPECT(can_open(outside, O_RDWR) == 0);
	EXPECT(can_open(inside, O_RDONLY | O_DIRECTORY) == EACCES);
}

static void rights_of_folders_are_left_out_for_a_file(void **state)
{
	(void)state;
	in_child(allows_all_of_one_file);
}

static void misses_two_files(void)
{
	struct landlock_file files[] = {{gone, FILES, true}, {gone, FILES, false}};
	const struct landlock_layer layer = {.files = FILES, .file = files, .file_count = 2};

	EXPECT(landlock_restrict(&layer, abi, count_skip) == 0);
	EXPECT(skips == 1);
	EXPECT(landlock_restrict(&layer, abi, NULL) == 0);
	EXPECT(can_open(outside, O_RDONLY) == EACCES);
}

static void tells_of_listed_files_that_are_missing(void **state)
{
	(void)state;
	in_child(misses_two_files);
}

/* Connects, or binds, a socket of its own to a port of 127.0.0.1. */
static int try_port(uint16_t port, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT(fd != -1);
	result = use(fd, (const struct sockaddr *)&addr, sizeof(addr)) == -1 ? errno : 0;
	(void)close(fd); /* nothing was sent */
	return result;
}

static void uses_two_ports(void)
{
	struct landlock_port ports[] = {{1, LSM_CONNECT_TCP}, {0, LSM_BIND_TCP}};
	const struct landlock_layer layer = {
		.ports = LSM_BIND_TCP | LSM_CONNECT_TCP, .port = ports, .port_count = 2};

	EXPECT(landlock_restrict(&layer, abi, NULL) == 0);
	EXPECT(try_port(1, connect) != EACCES);
	EXPECT(try_port(2, connect) == EACCES);
	EXPECT(try_port(0, bind) == 0);
	EXPECT(try_port(65000, bind) == EACCES);
	EXPECT(can_open(outside, O_RDONLY) == 0);
}

static void allows_listed_ports(void **state)
{
	(void)state;
	if (abi < LSM_ABI_PORTS)
		skip();
	in_child(uses_two_ports);
}

static void signals_its_parent(void)
{
	const struct landlock_layer layer = {.scopes = LSM_SIGNAL | LSM_ABSTRACT_UNIX};

	EXPECT(kill(getppid(), 0) == 0);
	EXPECT(landlock_restrict(&layer, abi, NULL) == 0);
	EXPECT(kill(getppid(), 0) == -1 && errno == EPERM);
	EXPECT(kill(getpid(), 0) == 0);
}

static void keeps_signals_within(void **state)
{
	(void)state;
	if (abi < LSM_ABI_SCOPES)
		skip();
	in_child(signals_its_parent);
}

static void pretends_to_be_old(void)
{
	const struct landlock_layer layer = {
		.files = FILES | LSM_REFER | LSM_TRUNCATE | LSM_IOCTL_DEV,
		.ports = LSM_BIND_TCP | LSM_CONNECT_TCP,
		.scopes = LSM_SIGNAL,
	};

	EXPECT(landlock_restrict(&layer, LSM_ABI_FILES, NULL) == 0);
	EXPECT(can_open(outside, O_RDONLY) == EACCES);
	EXPECT(try_port(0, bind) == 0);
	EXPECT(kill(getppid(), 0) == 0);
}

static void leaves_out_what_an_older_kernel_lacks(void **state)
{
	(void)state;
	in_child(pretends_to_be_old);
}

static void pretends_to_have_none(void)
{
	const struct landlock_layer layer = {.files = FILES, .ports = LSM_BIND_TCP};

	EXPECT(landlock_restrict(&layer, 0, NULL) == 0);
	EXPECT(can_open(outside, O_RDONLY) == 0);
}

static void does_nothing_without_landlock(void **state)
{
	(void)state;
	in_child(pretends_to_have_none);
}

static void piles_layers_up(void)
{
	const struct landlock_layer layer = {.files = LSM_MAKE_REG};

	for (int i = 0; i < LAYERS_MAX; i++)
		if (landlock_restrict(&layer, abi, NULL) == -1)
			EXPECT(errno == E2BIG); /* whoever started us may have some */
	EXPECT(landlock_restrict(&layer, abi, NULL) == -1 && errno == E2BIG);
}

static void reports_the_seventeenth_layer(void **state)
{
	(void)state;
	in_child(piles_layers_up);
}

static int set_up(void **state)
{
	char file[128];

	(void)state;
	abi = lsm_landlock_abi();
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(inside, sizeof(inside), "%s/inside", folder); /* all fit */
	(void)snprintf(outside, sizeof(outside), "%s/outside", folder);
	(void)snprintf(gone, sizeof(gone), "%s/gone", folder);
	(void)snprintf(file, sizeof(file), "%s/file", inside);
	if (mkdir(inside, 0700) == -1 || can_open(file, O_WRONLY | O_CREAT) != 0)
		return -1;
	return can_open(outside, O_WRONLY | O_CREAT) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char file[128];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/file", inside); /* fits */
	(void)unlink(file);				       /* what is left shows in rmdir(2) */
	(void)unlink(outside);
	(void)rmdir(inside);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allows_what_a_rule_says_below_a_folder),
		cmocka_unit_test(rights_of_folders_are_left_out_for_a_file),
		cmocka_unit_test(tells_of_listed_files_that_are_missing),
		cmocka_unit_test(allows_listed_ports),
		cmocka_unit_test(keeps_signals_within),
		cmocka_unit_test(leaves_out_what_an_older_kernel_lacks),
		cmocka_unit_test(does_nothing_without_landlock),
		cmocka_unit_test(reports_the_seventeenth_layer),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
