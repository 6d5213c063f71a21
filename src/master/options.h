/* SPDX-License-Identifier: MIT */
/* options - the command line of cservd. */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/util.h"

enum options_action {
	ACTION_RUN,
	ACTION_TEST,	/* -t */
	ACTION_PRINT,	/* -T */
	ACTION_TRY,	/* --try */
	ACTION_STDIO,	/* --stdio */
	ACTION_INFO,	/* --plugin-info */
	ACTION_SANDBOX, /* --sandbox-info */
	ACTION_HELP,	/* -h */
	ACTION_VERSION, /* -V */
	ACTIONS
};

/* All texts are those of argv. */
struct options {
	enum options_action action;
	const char *config;   /* -c, or the installed one */
	const char *pid_file; /* -p, or NULL */
	const char *handler;  /* FILE of --try, --stdio and --plugin-info; NAME of --sandbox-info */
	char **words;	      /* what follows for --try and --stdio, NULL-terminated */
	int verbose;	      /* how many -v */
	bool daemon;
};

#define OPTIONS_WHY_SIZE 128

/* Reads the command line, which it may reorder.  0, or -1 with a sentence for the user in why. */
int options_parse(int argc, char *argv[], struct options *ret,
		  char why[OPTIONS_WHY_SIZE]) UTIL_CHECKED;

/* The text of --help, at most 24 lines of 80 columns. */
void options_print_help(FILE *out);

#endif
