/* SPDX-License-Identifier: MIT */
/*
 * promise - the sandbox as policy: which promise allows which system call.
 *
 * One table (promise.c; vocabulary.c looks things up in it) is the source for the filters
 * (worker/filter.c), for the hint in the log line of a denied call, for cservd --sandbox-info, for
 * the manual and for the tests.
 */
#ifndef COMMON_PROMISE_H
#define COMMON_PROMISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"

/* Words of the administrator, as bits. */
enum promise {
	PROMISE_STDIO = 1 << 0, /* always granted */
	PROMISE_INET = 1 << 1,
	PROMISE_DNS = 1 << 2,
	PROMISE_RPATH = 1 << 3,
	PROMISE_WPATH = 1 << 4,
	PROMISE_CPATH = 1 << 5,
	PROMISE_UNIX = 1 << 6,
	PROMISE_THREADS = 1 << 7,
	PROMISE_PROC = 1 << 8,
	PROMISE_EXEC = 1 << 9,
	PROMISE_STATUS = 1 << 10,
	/* Internal: what the worker's own threads need beyond stdio. */
	PROMISE_POOL = 1 << 16, /* connection threads: accept4, thread creation */
	PROMISE_CORE = 1 << 17, /* the whole process: seccomp, signals of the keeper */
	/* Internal: comes with exec, for what a worker executes inherits its filter. */
	PROMISE_PROGRAM = 1 << 19,
	PROMISE_FORKER = 1 << 18, /* the process that forks one for each connection */
};

/* What a rule answers when its syscall and arguments match. */
enum promise_answer {
	ANSWER_ALLOW,
	ANSWER_ERRNO, /* rule.error, silently */
};

/*
 * Condition on the low 32 bits of one argument: (arg & mask) == value; mask 0 is "no
 * condition".  The high bits are never looked at: the kernel ignores them in an int.
 */
struct promise_arg {
	uint8_t index;
	bool own_pid; /* value is the id of the process that builds the filter */
	uint32_t mask, value;
};

#define PROMISE_ARGS 3

/*
 * A call that matches no granted rule is denied and reported; under exec it fails with EPERM
 * silently, as a program without our signal handler would be killed.  An ANSWER_ERRNO rule is in
 * force only while no granted ANSWER_ALLOW rule matches any call that it matches too.
 */
struct promise_rule {
	const char *syscall; /* its name; skipped where the architecture lacks it */
	uint32_t promises;   /* each of these brings this rule */
	enum promise_answer answer;
	int error;
	struct promise_arg arg[PROMISE_ARGS]; /* all must hold; each index at most once */
};

extern const struct promise_rule promise_rules[];
extern const size_t promise_rule_count;

/* The bit of one word, or 0 if there is no such promise (internal ones have no word). */
uint32_t promise_parse(const char *word);

/* The word of one bit; NULL for none. */
const char *promise_word(uint32_t bit);

/* These promises, and those that come with them: stdio always, the wide list with exec. */
uint32_t promise_expand(uint32_t promises);

/* Whether rule counts in a filter for these (expanded) promises, see struct promise_rule. */
bool promise_is_in_force(const struct promise_rule *rule, uint32_t promises);

/*
 * The promise whose grant would have allowed this denied call, as a word, or NULL if none would:
 * openat is rpath, wpath or cpath by its flags, a socket inet, unix or dns by its family.
 */
const char *promise_hint(const char *syscall, const uint64_t args[6]);

/*
 * The promises of an administrator each of which alone allows this call, as bits; 0 if none does.
 */
uint32_t promise_allowing(const char *syscall, const uint64_t args[6]);

/*
 * Whether a denied call by this name ends the whole worker at once: what only an
 * attacker, or nobody, wants to do in a handler (execve, ptrace, mount ...).
 */
bool promise_is_fatal(const char *syscall);

#endif
