/* SPDX-License-Identifier: MIT */
/* sandbox_info - prints the tables in effect; every call's result is checked with out, once. */
#include <inttypes.h>
#include <seccomp.h>
#include <string.h>

#include "common/promise.h"
#include "worker/layers.h"
#include "worker/sandbox_info.h"
#include "worker/service.h"

#define TEXT_SIZE 160
#define FIRST_BIT PROMISE_STDIO
#define LAST_BIT  PROMISE_STATUS

static const char *const concurrency_words[] = {
	[CONCURRENCY_THREAD] = "thread",
	[CONCURRENCY_PROCESS] = "process",
};

/* What happens to a call that no row allows. */
static const char *const violation_words[] = {
	[VIOLATION_HANGUP] = "hangup: it fails with EPERM, is logged, and ends its connection",
	[VIOLATION_DENY] = "deny: it fails with EPERM and is logged",
	[VIOLATION_KILL] = "kill: it is logged and ends the worker",
	[VIOLATION_LEARN] = "learn: it is allowed, and what it needs is logged",
};

static const struct {
	uint64_t rights;
	const char *word;
} right_words[] = {
	{LSM_READ_FILE, "read"},
	{LSM_EXECUTE, "execute"},
	{LSM_WRITE_FILE, "write"},
	{LSM_MAKE_REG, "create"},
};

__attribute__((__format__(__printf__, 3, 4))) static void line(FILE *out, const char *what,
							       const char *fmt, ...)
{
	va_list args;

	(void)fprintf(out, "%-14s ", what);
	va_start(args, fmt);
	(void)vfprintf(out, fmt, args);
	va_end(args);
	(void)fputc('\n', out);
}

/* Appends word and a blank before it; what does not fit is left out. */
static void append(char text[TEXT_SIZE], const char *word)
{
	size_t used = strlen(text);

	(void)snprintf(text + used, TEXT_SIZE - used, "%s%s", used > 0 ? " " : "", word);
}

static const char *words_of(uint32_t promises, char text[TEXT_SIZE])
{
	text[0] = '\0';
	for (uint32_t bit = FIRST_BIT; bit <= LAST_BIT; bit <<= 1)
		if (promises & bit)
			append(text, promise_word(bit));
	return text;
}

static const char *rights_of(uint64_t rights, char text[TEXT_SIZE])
{
	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(right_words); i++)
		if (rights & right_words[i].rights)
			append(text, right_words[i].word);
	return text;
}

static void print_files(FILE *out, const char *what, const struct landlock_layer *layer,
			const char *others)
{
	char rights[TEXT_SIZE];

	for (size_t i = 0; layer != NULL && i < layer->file_count; i++) {
		line(out, what, "%s: %s", layer->file[i].path,
		     rights_of(layer->file[i].rights, rights));
		what = "";
	}
	line(out, what, "%s", others);
}

static void print_ports(FILE *out, const char *what, const struct landlock_layer *layer,
			uint64_t right)
{
	char text[TEXT_SIZE] = "";

	for (size_t i = 0; i < layer->port_count; i++) {
		char port[8];

		(void)snprintf(port, sizeof(port), "%u", layer->port[i].port); /* fits */
		if (layer->port[i].rights & right)
			append(text, port);
	}
	if ((layer->ports & right) == 0)
		append(text, "any");
	line(out, what, "%s", text[0] != '\0' ? text : "none");
}

static void print_landlock(FILE *out, const struct layers_grants *grants)
{
	struct landlock_layer *first = layers_create_first(grants);
	struct landlock_layer *second = layers_create_second(grants);
	char level[LSM_LEVEL_SIZE];

	line(out, "kernel", "%s", lsm_landlock_level(lsm_landlock_abi(), level));
	if (service.settings->landlock == LANDLOCK_OFF) {
		line(out, "landlock", "off: files and ports are not looked at");
	} else if (first != NULL && second != NULL) {
		print_files(out, "starting", first, "other files: read execute");
		print_files(out, "serving", second, "no other file can be opened");
		print_ports(out, "connect", second, LSM_CONNECT_TCP);
		print_ports(out, "bind", second, LSM_BIND_TCP);
	}
	layers_destroy(first);
	layers_destroy(second);
}

/* "arg1 = 0x3 arg2 & 0x4 = 0"; a dash for none. */
static const char *conditions_of(const struct promise_rule *rule, char text[TEXT_SIZE])
{
	text[0] = '\0';
	for (size_t i = 0; i < PROMISE_ARGS; i++) {
		const struct promise_arg *arg = &rule->arg[i];
		char one[64];

		if (arg->mask == 0)
			continue;
		if (arg->own_pid)
			(void)snprintf(one, sizeof(one), "arg%u = own process", arg->index);
		else if (arg->mask == UINT32_MAX)
			(void)snprintf(one, sizeof(one), "arg%u = 0x%" PRIx32, arg->index,
				       arg->value);
		else
			(void)snprintf(one, sizeof(one), "arg%u & 0x%" PRIx32 " = 0x%" PRIx32,
				       arg->index, arg->mask, arg->value);
		append(text, one); /* all of them fit */
	}
	return text[0] != '\0' ? text : "-";
}

/* The words that bring it; what only the worker's own threads need has none. */
static const char *sources_of(uint32_t promises, char text[TEXT_SIZE])
{
	if (promises & PROMISE_PROGRAM)
		promises |= PROMISE_EXEC;
	(void)words_of(promises & service.settings->promises, text);
	return text[0] != '\0' ? text : "(worker)";
}

static void print_rule(FILE *out, const struct promise_rule *rule)
{
	char conditions[TEXT_SIZE], sources[TEXT_SIZE];
	const char *answer =
		rule->answer == ANSWER_ALLOW ? "allowed" : strerrorname_np(rule->error);

	(void)fprintf(out, "%-18s %-8s %-10s %s\n", rule->syscall, answer,
		      sources_of(rule->promises, sources), conditions_of(rule, conditions));
}

static void print_rules(FILE *out, uint32_t promises)
{
	promises = promise_expand(promises) | PROMISE_POOL | PROMISE_CORE;
	(void)fprintf(out, "\n%-18s %-8s %-10s %s\n", "SYSTEM CALL", "ANSWER", "PROMISE",
		      "CONDITION");
	for (size_t i = 0; i < promise_rule_count; i++)
		if (promise_is_in_force(&promise_rules[i], promises) &&
		    seccomp_syscall_resolve_name(promise_rules[i].syscall) >= 0)
			print_rule(out, &promise_rules[i]);
}

static void print_others(FILE *out, uint32_t promises)
{
	const struct settings *settings = service.settings;

	if (promises & PROMISE_EXEC)
		line(out, "any other call", "exec: it fails with EPERM, silently");
	else
		line(out, "any other call", "%s", violation_words[settings->on_violation]);
	if (settings->listeners > 0 && (promises & PROMISE_EXEC) == 0)
		line(out, "listeners",
		     "descriptors %d to %" PRIu32 ": calls that change them count as denied",
		     WORKER_FD_LISTENERS, WORKER_FD_LISTENERS + settings->listeners - 1);
}

void sandbox_info_print(FILE *out)
{
	const struct settings *settings = service.settings;
	const struct layers_grants grants = layers_of_service();
	char words[TEXT_SIZE];

	line(out, "service", "%s", settings->name);
	line(out, "concurrency", "%s", concurrency_words[settings->concurrency]);
	if (settings->unsandboxed) {
		line(out, "sandbox", "none: whatever its user may do");
		return;
	}
	line(out, "sandbox", "%s", words_of(grants.promises, words));
	print_others(out, grants.promises);
	print_landlock(out, &grants);
	print_rules(out, grants.promises);
}
