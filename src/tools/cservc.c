/* SPDX-License-Identifier: MIT */
/* cservc - talks to a TCP or UDP service: by hand on a terminal, as a filter in a pipe. */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "config.h"
#include "tools/talk.h"

#define WAIT_DEFAULT_MS 5000

static const char help[] =
	"usage: cservc [-4 | -6] [-w SECONDS] HOST PORT/PROTO\n"
	"\n"
	"Sends lines to a service and shows what it answers.\n"
	"\n"
	"  HOST        name, IPv4 or IPv6 address\n"
	"  PORT/PROTO  port number or service name; tcp or udp\n"
	"  -4, -6      only IPv4, only IPv6\n"
	"  -w SECONDS  how long to wait for a connection or an answer (5; 0.5 is fine)\n"
	"  -h, --help  this text\n"
	"  -V          version\n"
	"\n"
	"On a terminal it prompts for lines; quit or Ctrl-D ends.  Otherwise it is a filter: over\n"
	"TCP it copies stdin to the service and the answer to stdout, byte by byte; over UDP each\n"
	"line is a datagram and each answer a line.\n"
	"\n"
	"  cservc localhost 7007/tcp\n"
	"  echo hello | cservc -w 1 127.0.0.1 7007/udp\n"
	"\n"
	"Exit status: 0 answered; 1 no answer, no connection or cut; 64 wrong usage.\n";

struct options {
	int family;
	int wait_ms;
	bool wants_help, wants_version;
};

/* Digits with at most one point.  0 or -1. */
static int parse_wait(const char *text, int *ret_ms)
{
	char *end;
	double ms = strtod(text, &end) * 1000;

	if (end == text || *end || text[strspn(text, "0123456789.")])
		return -1;
	if (ms < 1 || ms > INT_MAX)
		return -1;
	*ret_ms = (int)ms;
	return 0;
}

static int wrong_option(int option, char *const argv[])
{
	if (option == ':')
		log_error("-%c: a number of seconds is missing: see cservc -h", optopt);
	else if (optopt)
		log_error("\"-%c\": no such option: see cservc -h", optopt);
	else
		log_error("\"%s\": no such option: see cservc -h", argv[optind - 1]);
	return -1;
}

static int take_option(int option, char *const argv[], struct options *options)
{
	switch (option) {
	case '4': options->family = AF_INET; return 0;
	case '6': options->family = AF_INET6; return 0;
	case 'h': options->wants_help = true; return 0;
	case 'V': options->wants_version = true; return 0;
	case 'w': break;
	default: return wrong_option(option, argv);
	}
	if (parse_wait(optarg, &options->wait_ms) == 0)
		return 0;
	log_error("-w \"%s\": write seconds above 0, such as 5 or 0.5", optarg);
	return -1;
}

static int parse_options(int argc, char *argv[], struct options *ret)
{
	static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int option;

	*ret = (struct options){.family = AF_UNSPEC, .wait_ms = WAIT_DEFAULT_MS};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":46hVw:", names, NULL)) != -1)
		if (take_option(option, argv, ret) != 0)
			return -1;
	if (ret->wants_help || ret->wants_version || argc - optind == 2)
		return 0;
	log_error("HOST and PORT/PROTO are needed, as in localhost 7007/tcp: see cservc -h");
	return -1;
}

static int print(const char *text)
{
	if (console_write(text, strlen(text)) == 0)
		return EXIT_SUCCESS;
	log_error("standard output: %m");
	return EXIT_FAILURE;
}

/* Tells a user at a terminal how to leave. */
static int greet(const struct console *console, const struct reach *reach)
{
	char line[128];

	if (!console->is_terminal)
		return EXIT_SUCCESS;
	(void)snprintf(line, sizeof(line), "%s: quit or Ctrl-D ends\n", reach->text);
	return print(line);
}

static int talk(struct reach *reach)
{
	static struct console console;
	int fd = reach_connect(reach);

	if (fd < 0) {
		reach_report(reach);
		return EXIT_FAILURE;
	}
	console_init(&console);
	if (greet(&console, reach) != EXIT_SUCCESS) {
		util_close(fd);
		return EXIT_FAILURE;
	}
	if (reach->target.protocol == ADDR_TCP)
		return (int)talk_tcp(reach, &console, fd);
	return (int)talk_udp(reach, &console, fd);
}

static int run(char *const words[], const struct options *options)
{
	struct reach reach = {.family = options->family, .wait_ms = options->wait_ms};
	const char *wrong, *why;
	int status;

	if (reach_parse(words[0], words[1], &reach.target, &wrong, &why) != 0) {
		log_error("\"%s\": %s", wrong, why);
		return EX_USAGE;
	}
	if (reach_resolve(&reach, &why) != 0) {
		log_error("\"%s\": %s", words[0], why);
		return EXIT_FAILURE;
	}
	status = talk(&reach);
	reach_finish(&reach);
	return status;
}

/*
 * A socket must not take the number of a closed stdin, stdout or stderr.  Reading from the
 * stand-in is end of file, writing to it fails.
 */
static int occupy_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	util_close(fd);
	return fd < 0 ? -1 : 0;
}

int main(int argc, char *argv[])
{
	struct options options;

	log_init("cservc", LOG_INFO, false);
	if (occupy_standard_fds() != 0) {
		log_error("/dev/null: %m");
		return EXIT_FAILURE;
	}
	if (parse_options(argc, argv, &options) != 0)
		return EX_USAGE;
	if (options.wants_help)
		return print(help);
	if (options.wants_version)
		return print("cservc " PACKAGE_VERSION "\n");
	return run(argv + optind, &options);
}
