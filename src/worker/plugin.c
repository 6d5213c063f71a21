/* SPDX-License-Identifier: MIT */
/* plugin - loads a handler plugin and judges its descriptor. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/promise.h"
#include "common/settings.h"
#include "common/text.h"
#include "worker/elf.h"
#include "worker/plugin.h"
#include "worker/service.h"

#define MINOR_BITS	 65536 /* abi = major * MINOR_BITS + minor */
#define DESCRIPTOR_LIMIT 4096  /* [bytes] no descriptor will ever be larger */
#define WORDS_SIZE	 256

/* What the first version has; a shorter descriptor is none. */
#define FIRST_SIZE (offsetof(struct cservd_plugin, datagram) + sizeof(void *))

const struct plugin_host plugin_host = {
	.abi = CSERVD_ABI,
	.size = sizeof(struct cservd_plugin),
	.flags = CSERVD_FIBER_SAFE,
};

UTIL_PRINTF(2, 3) static int refuse(char why[PLUGIN_WHY_SIZE], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, PLUGIN_WHY_SIZE, fmt, args); /* cut is fine */
	va_end(args);
	return -1;
}

static int accept_version(uint32_t abi, const struct plugin_host *host, char why[PLUGIN_WHY_SIZE])
{
	uint32_t major = abi / MINOR_BITS, host_major = host->abi / MINOR_BITS;

	if (major == host_major && (major > 0 || abi == host->abi))
		return 0;
	return refuse(why, "it was built for ABI %u.%u, this cservd speaks %u.%u: compile it anew",
		      major, abi % MINOR_BITS, host_major, host->abi % MINOR_BITS);
}

/* Fields that the host does not know must be unused, that is zero. */
static int accept_size(const struct cservd_plugin *given, const struct plugin_host *host,
		       char why[PLUGIN_WHY_SIZE])
{
	const unsigned char *bytes = (const unsigned char *)given;

	if (given->size < FIRST_SIZE || given->size > DESCRIPTOR_LIMIT)
		return refuse(why, "its descriptor is broken: write it with CSERVD_PLUGIN()");
	for (uint32_t i = host->size; i < given->size; i++) {
		if (bytes[i] != 0)
			return refuse(why,
				      "it uses features of ABI %u.%u, this cservd speaks %u.%u",
				      given->abi / MINOR_BITS, given->abi % MINOR_BITS,
				      host->abi / MINOR_BITS, host->abi % MINOR_BITS);
	}
	return 0;
}

/* The bits of a promise list; an unknown word is copied to unknown, which is empty otherwise. */
static uint32_t parse_promises(const char *list, char unknown[WORDS_SIZE])
{
	char words[WORDS_SIZE];
	char *cursor = words, *word;
	uint32_t bits = PROMISE_STDIO;

	unknown[0] = '\0';
	if (snprintf(words, sizeof(words), "%s", list ? list : "") >= (int)sizeof(words))
		(void)snprintf(unknown, WORDS_SIZE, "%.32s...", list);
	while (unknown[0] == '\0' && (word = text_next_word(&cursor)) != NULL) {
		uint32_t bit = promise_parse(word);

		bits |= bit;
		if (bit == 0)
			(void)snprintf(unknown, WORDS_SIZE, "%s", word);
	}
	return bits;
}

static int accept_content(const struct cservd_plugin *plugin, const struct plugin_host *host,
			  char why[PLUGIN_WHY_SIZE])
{
	char unknown[WORDS_SIZE];

	if (plugin->name == NULL || plugin->name[0] == '\0')
		return refuse(why, "its descriptor has no .name");
	if (plugin->stream == NULL && plugin->datagram == NULL)
		return refuse(why, "it has neither a .stream nor a .datagram handler");
	if ((plugin->flags & ~host->flags) != 0)
		return refuse(why, "it sets flags 0x%llx that this cservd does not know",
			      (unsigned long long)(plugin->flags & ~host->flags));
	(void)parse_promises(plugin->sandbox, unknown); /* only the words are of interest here */
	if (unknown[0] != '\0')
		return refuse(why,
			      "it asks for the promise \"%.64s\", which this cservd does not know",
			      unknown);
	return 0;
}

int plugin_accept(const struct cservd_plugin *given, const struct plugin_host *host,
		  struct cservd_plugin *ret, char why[PLUGIN_WHY_SIZE])
{
	size_t known;

	if (accept_version(given->abi, host, why) == -1 || accept_size(given, host, why) == -1)
		return -1;
	known = given->size < host->size ? given->size : host->size;
	if (known > sizeof(*ret))
		known = sizeof(*ret);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, given, known);
	return accept_content(ret, host, why);
}

/* dlerror(3) names the descriptor's path, which says nothing to anybody. */
static int explain_dlerror(char why[PLUGIN_WHY_SIZE])
{
	static const char undefined[] = "undefined symbol: ";
	const char *error = dlerror();
	const char *symbol, *reason;

	if (error == NULL)
		return refuse(why, "it cannot be loaded");
	symbol = strstr(error, undefined);
	if (symbol != NULL && strncmp(symbol + strlen(undefined), "cservd_", 7) == 0)
		return refuse(why, "it calls %.64s(), which this cservd (ABI %d.%d) does not have",
			      symbol + strlen(undefined), CSERVD_ABI_MAJOR, CSERVD_ABI_MINOR);
	reason = strncmp(error, "/proc/", 6) == 0 ? strstr(error, ": ") : NULL;
	return refuse(why, "it cannot be loaded: %.160s", reason ? reason + 2 : error);
}

int plugin_load(char why[PLUGIN_WHY_SIZE])
{
	const struct cservd_plugin *given;
	const char *broken;
	char path[32];
	void *object;

	if (elf_check(WORKER_FD_PLUGIN, &broken) == -1)
		return refuse(why, "%s", broken);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", WORKER_FD_PLUGIN);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL)
		return explain_dlerror(why);
	given = dlsym(object, "cservd_plugin");
	if (given == NULL)
		return refuse(why, "it has no descriptor: write one with CSERVD_PLUGIN()");
	return plugin_accept(given, &plugin_host, &service.plugin, why);
}

uint32_t plugin_promises(void)
{
	char unknown[WORDS_SIZE];

	return parse_promises(service.plugin.sandbox, unknown);
}

const char *plugin_handlers(void)
{
	if (service.plugin.stream == NULL)
		return "datagram";
	return service.plugin.datagram == NULL ? "stream" : "stream datagram";
}

static void print_line(const char *what, const char *text)
{
	(void)printf("%-9s %s\n", what, text); /* stdout is checked once, when it is flushed */
}

/* The help, one option a line, each under the first. */
static void print_help(const char *help)
{
	const char *what = "options";

	while (*help != '\0') {
		int len = (int)strcspn(help, "\n");

		(void)printf("%-9s %.*s\n", what, len, help); /* as above */
		what = "";
		help += len + (help[len] == '\n');
	}
}

void plugin_print(void)
{
	const struct cservd_plugin *plugin = &service.plugin;
	char abi[32];

	(void)snprintf(abi, sizeof(abi), "%u.%u", plugin->abi / MINOR_BITS,
		       plugin->abi % MINOR_BITS);
	print_line("file", service.handler);
	print_line("name", plugin->name);
	print_line("version", plugin->version ? plugin->version : "-");
	print_line("abi", abi);
	print_line("handlers", plugin_handlers());
	print_line("sandbox", plugin->sandbox ? plugin->sandbox : "stdio");
	print_line("flags", plugin->flags & CSERVD_FIBER_SAFE ? "fiber-safe" : "-");
	if (plugin->help != NULL)
		print_help(plugin->help);
}
