/* SPDX-License-Identifier: MIT */
/* options - the command line of cservd. */
#include <getopt.h>
#include <string.h>

#include "master/options.h"

#define LONG_ONLY 256 /* values of options without a letter begin behind all letters */
#define ANY	  ((1U << ACTIONS) - 1)
#define ONLY(a)	  (1U << (a))

static void set_config(struct options *options, char *argument)
{
	options->config = argument;
}

static void set_pid_file(struct options *options, char *argument)
{
	options->pid_file = argument;
}

static void count_verbose(struct options *options, char *argument)
{
	(void)argument;
	options->verbose++;
}

static void set_daemon(struct options *options, char *argument)
{
	(void)argument;
	options->daemon = true;
}

/* An option chooses an action, or is set for those actions that it makes sense with. */
static const struct row {
	char letter;
	const char *name;
	const char *argument; /* NULL: none */
	enum options_action action;
	void (*set)(struct options *options, char *argument);
	unsigned int actions; /* bits */
	const char *help;
} rows[] = {
	{'c', "config", "FILE", ACTION_RUN, set_config,
	 ONLY(ACTION_RUN) | ONLY(ACTION_TEST) | ONLY(ACTION_PRINT) | ONLY(ACTION_SANDBOX),
	 "configuration, instead of the one named below"},
	{'p', "pid-file", "FILE", ACTION_RUN, set_pid_file, ONLY(ACTION_RUN),
	 "write the process id to FILE"},
	{'v', "verbose", NULL, ACTION_RUN, count_verbose, ANY, "log more; may be repeated"},
	{0, "daemon", NULL, ACTION_RUN, set_daemon, ONLY(ACTION_RUN),
	 "go to the background once everything is ready"},
	{'t', "test", NULL, ACTION_TEST, NULL, ANY, "check configuration and plugins, and exit"},
	{'T', "print-config", NULL, ACTION_PRINT, NULL, ANY,
	 "print the configuration with every key in effect"},
	{0, "try", "PLUGIN", ACTION_TRY, NULL, ANY,
	 "serve one plugin without a configuration file"},
	{0, "stdio", "PLUGIN", ACTION_STDIO, NULL, ANY,
	 "run its stream handler on stdin and stdout"},
	{0, "plugin-info", "PLUGIN", ACTION_INFO, NULL, ANY,
	 "print what a plugin says about itself"},
	{0, "sandbox-info", "SERVICE", ACTION_SANDBOX, NULL, ANY,
	 "print what the sandbox of a service allows"},
	{'h', "help", NULL, ACTION_HELP, NULL, ANY, "print this"},
	{'V', "version", NULL, ACTION_VERSION, NULL, ANY, "print the version"},
};

static int row_value(size_t index)
{
	return rows[index].letter != 0 ? rows[index].letter : LONG_ONLY + (int)index;
}

static size_t row_of_value(int value)
{
	size_t index = 0;

	while (row_value(index) != value)
		index++;
	return index;
}

/* What getopt_long(3) wants: "+" would stop at the first word, ":" tells a missing argument. */
static void fill_getopt(char letters[2 * ARRAY_SIZE(rows) + 2],
			struct option names[ARRAY_SIZE(rows) + 1])
{
	*letters++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		names[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument != NULL ? required_argument : no_argument,
			.val = row_value(i),
		};
		if (rows[i].letter != 0)
			*letters++ = rows[i].letter;
		if (rows[i].letter != 0 && rows[i].argument != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
	names[ARRAY_SIZE(rows)] = (struct option){.name = NULL};
}

static int apply(struct options *options, const struct row *row, char *argument,
		 char why[OPTIONS_WHY_SIZE])
{
	if (row->set != NULL) {
		row->set(options, argument);
		return 0;
	}
	if (options->action != ACTION_RUN && options->action != row->action) {
		(void)snprintf(why, OPTIONS_WHY_SIZE, "--%s goes with no other action", row->name);
		return -1;
	}
	options->action = row->action;
	if (row->argument != NULL)
		options->handler = argument;
	return 0;
}

/* The option that getopt_long() complained about. */
static void explain(int problem, const char *word, char why[OPTIONS_WHY_SIZE])
{
	if (problem == ':')
		(void)snprintf(why, OPTIONS_WHY_SIZE, "\"%s\" needs an argument", word);
	else if (word[0] == '-' && word[1] == '-')
		(void)snprintf(why, OPTIONS_WHY_SIZE, "unknown or ambiguous option \"%s\"", word);
	else
		(void)snprintf(why, OPTIONS_WHY_SIZE, "unknown option \"-%c\"", optopt);
}

/* Options that say nothing to the chosen action are mistakes. */
static int check_use(const struct options *options, const bool used[ARRAY_SIZE(rows)],
		     char why[OPTIONS_WHY_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (used[i] && (rows[i].actions & ONLY(options->action)) == 0) {
			(void)snprintf(why, OPTIONS_WHY_SIZE, "--%s means nothing here",
				       rows[i].name);
			return -1;
		}
	}
	if (options->words[0] != NULL && options->action != ACTION_TRY &&
	    options->action != ACTION_STDIO) {
		(void)snprintf(why, OPTIONS_WHY_SIZE, "unexpected \"%s\"", options->words[0]);
		return -1;
	}
	return 0;
}

int options_parse(int argc, char *argv[], struct options *ret, char why[OPTIONS_WHY_SIZE])
{
	struct option names[ARRAY_SIZE(rows) + 1];
	char letters[2 * ARRAY_SIZE(rows) + 2];
	bool used[ARRAY_SIZE(rows)] = {false};
	int value;

	*ret = (struct options){.config = SYSCONFDIR "/cservd.ini"};
	fill_getopt(letters, names);
	opterr = 0;
	optind = 0; /* 0, not 1: glibc starts anew (getopt(3)) */
	while ((value = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		size_t index;

		if (value == '?' || value == ':') {
			explain(value, argv[optind - 1], why);
			return -1;
		}
		index = row_of_value(value);
		used[index] = true;
		if (apply(ret, &rows[index], optarg, why) < 0)
			return -1;
	}
	ret->words = argv + optind;
	return check_use(ret, used, why);
}

void options_print_help(FILE *out)
{
	/* Errors of out are its owner's to check. */
	(void)fputs("usage: cservd [-c FILE] [-p FILE] [-v]... [--daemon]\n"
		    "       cservd -t | -T [-c FILE]\n"
		    "       cservd --try PLUGIN [KEY=VALUE]... [LISTEN]...\n"
		    "       cservd --stdio PLUGIN [KEY=VALUE]...\n"
		    "       cservd --plugin-info PLUGIN\n"
		    "       cservd --sandbox-info SERVICE [-c FILE]\n\n",
		    out);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char letter[] = {rows[i].letter != 0 ? '-' : ' ', rows[i].letter, '\0'};
		char name[32];

		(void)snprintf(name, sizeof(name), "--%s %s", rows[i].name,
			       rows[i].argument != NULL ? rows[i].argument : ""); /* it fits */
		(void)fprintf(out, "  %-2s%c %-21s %s\n", letter, rows[i].letter != 0 ? ',' : ' ',
			      name, rows[i].help);
	}
	(void)fputs("\nWithout LISTEN, --try answers on localhost:7007.  Example:\n"
		    "  cservd --try ./echo_upper.so opt.case=unicode 7007/tcp 7007/udp\n"
		    "Configuration: " SYSCONFDIR "/cservd.ini, see cservd.ini(5)\n",
		    out);
}
