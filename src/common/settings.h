/* SPDX-License-Identifier: MIT */
/*
 * settings - everything a worker is told about its service, written by the master into a
 * sealed memfd, and the descriptors a worker finds open when it starts.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

/*
 * The descriptors of a fresh worker.  0, 1, 2 are /dev/null, except that MODE_INFO,
 * MODE_SANDBOX and MODE_STDIO keep those of cservd itself.  A mode finds only those it needs.
 */
enum worker_fd {
	WORKER_FD_COMMANDS = 3, /* SOCK_SEQPACKET, struct command from the master */
	WORKER_FD_MESSAGES,	/* write end of a non-blocking pipe, struct message */
	WORKER_FD_SETTINGS,	/* sealed memfd, this file */
	WORKER_FD_PLUGIN,	/* the vetted shared object, read-only */
	WORKER_FD_WORLD,	/* memfd, struct world, read-only (board.h) */
	WORKER_FD_BOARD,	/* memfd, struct board (board.h) */
	WORKER_FD_TARGETS,	/* memfd, struct targets; sealed by the worker (target.h) */
	WORKER_FD_CONNECTOR,	/* SOCK_SEQPACKET between worker and connector (target.h) */
	WORKER_FD_LISTENERS,	/* the first of settings.listeners sockets */
};

#define SETTINGS_LISTENERS_MAX 64

enum worker_mode {
	MODE_SERVE,	/* serve the listeners */
	MODE_CHECK,	/* load the plugin, run its config, exit */
	MODE_INFO,	/* print the plugin's descriptor on stdout, exit */
	MODE_STDIO,	/* run the stream handler once on stdin and stdout */
	MODE_CONNECTOR, /* resolve and connect for a worker */
	MODE_SANDBOX,	/* print what the sandbox of the service allows, exit */
};

/* What carries a connection; the words of the key `concurrency`, in this order. */
enum settings_concurrency { CONCURRENCY_THREAD, CONCURRENCY_PROCESS };

/* What a denied call costs; the words of the key `on_violation`, in this order. */
enum settings_violation { VIOLATION_HANGUP, VIOLATION_DENY, VIOLATION_KILL, VIOLATION_LEARN };

/* The words of the key `landlock`, in this order. */
enum settings_landlock { LANDLOCK_BEST_EFFORT, LANDLOCK_REQUIRE, LANDLOCK_OFF };

#define SETTINGS_PORTS_MAX 32

/* connect_ports or bind_ports. */
struct settings_ports {
	uint16_t count;
	uint16_t port[SETTINGS_PORTS_MAX]; /* host order */
};

#define SETTINGS_NAME_SIZE 33 /* a service name has at most 32 characters */
#define SETTINGS_UNLIMITED UINT64_MAX

/*
 * Behind it stand the strings, each NUL-terminated: path of the plugin as the configuration names
 * it, the place of the section as "file:line", read_paths, write_paths, then for each option its
 * name without "opt.", its value and its place "file:line".
 */
struct settings {
	uint32_t size; /* sizeof(struct settings): master and worker are of one build */
	uint32_t mode; /* enum worker_mode */
	char name[SETTINGS_NAME_SIZE];
	uint8_t log_connections;
	uint8_t unsandboxed;	/* sandbox = none */
	uint8_t concurrency;	/* enum settings_concurrency */
	uint8_t on_violation;	/* enum settings_violation */
	uint8_t landlock;	/* enum settings_landlock */
	uint32_t log_level;	/* LOG_ERR .. LOG_DEBUG: less urgent lines need not be sent */
	uint32_t listeners;	/* how many, from WORKER_FD_LISTENERS on: first TCP, then UDP */
	uint32_t tcp_listeners; /* how many of them are TCP; set in every mode */
	uint32_t promises;	/* granted, PROMISE_* (promise.h) */
	uint64_t max_connections;
	uint64_t idle_ms; /* SETTINGS_UNLIMITED: none, so for all limits */
	uint64_t duration_ms;
	uint64_t stack_size; /* [bytes] */
	uint64_t max_memory; /* [bytes] beyond max_connections * stack_size */
	uint64_t hang_ms;
	uint64_t udp_amplify; /* replies at most this many times the request */
	struct settings_ports connect_ports, bind_ports;
	uint32_t read_paths, write_paths; /* how many strings follow for each */
	uint32_t options;		  /* how many triples of strings follow */
	uint32_t strings;		  /* [bytes] of all strings that follow */
};

#endif
