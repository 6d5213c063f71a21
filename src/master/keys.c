/* SPDX-License-Identifier: MIT */
/* keys - the table of every key of cservd.ini. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "master/keys.h"
#include "master/values.h"

#define SERVICE(field) offsetof(struct config_service, field)
#define CSERVD(field)  offsetof(struct config, field)

#define MS_DAY	     UINT64_C(86400000)
#define MS_MAX_POLL  (24 * MS_DAY)   /* poll(2) counts milliseconds in an int */
#define MS_MAX	     (3650 * MS_DAY) /* no clock overflows, and nobody waits longer */
#define NAME_QUOTE   48		     /* [bytes] of a wrong key that are repeated */
#define DISTANCE_MAX 2		     /* typing errors that are guessed */

const struct key keys[] = {
	{
		.name = "include",
		.type = &value_include,
		.sections = KEY_CSERVD,
		.help = "files with more services",
		.foreign = "includedir include_dir",
	},
	{
		.name = "plugin_dir",
		.type = &value_folder,
		.initial = PLUGINDIR,
		.sections = KEY_CSERVD,
		.offset = CSERVD(plugin_dir),
		.help = "where handlers are",
		.foreign = "plugindir module_dir modules",
	},
	{
		.name = "log",
		.type = &value_choice,
		.initial = "auto",
		.sections = KEY_CSERVD,
		.offset = CSERVD(log),
		.words = "auto|stderr|syslog",
		.later = "journal",
		.help = "where messages go",
		.foreign = "log_type StandardError",
	},
	{
		.name = "log_level",
		.type = &value_level,
		.initial = "info",
		.sections = KEY_CSERVD,
		.offset = CSERVD(log_level),
		.help = "the least urgent messages to log",
		.foreign = "loglevel verbosity",
	},
	{
		.name = "listen",
		.type = &value_listen,
		.sections = KEY_SERVICE,
		.example = "listen = 7007/tcp",
		.help = "where it answers",
		.foreign = "port protocol socket_type bind address ListenStream ListenDatagram",
	},
	{
		.name = "handler",
		.type = &value_handler,
		.sections = KEY_SERVICE,
		.example = "handler = NAME.so",
		.help = "the plugin",
		.foreign = "plugin module",
	},
	{
		.name = "opt.",
		.type = &value_option,
		.sections = KEY_SERVICE,
		.help = "an option of the handler",
	},
	{
		.name = "enabled",
		.type = &value_bool,
		.initial = "yes",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(enabled),
		.help = "no: checked, not started",
		.foreign = "enable",
	},
	{
		.name = "user",
		.type = &value_user,
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.help = "whom the worker runs as",
		.foreign = "uid username",
	},
	{
		.name = "group",
		.type = &value_group,
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.help = "its group",
		.foreign = "gid groupname",
	},
	{
		.name = "sandbox",
		.type = &value_promises,
		.initial = "stdio",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.help = "what the plugin may ask for",
		.foreign = "pledge promises SystemCallFilter",
	},
	{
		.name = "concurrency",
		.type = &value_choice,
		.initial = "thread",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(concurrency),
		.words = "thread|process",
		.later = "fiber",
		.help = "what carries a connection",
	},
	{
		.name = "max_connections",
		.type = &value_number,
		.initial = "256",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(max_connections),
		.min = 1,
		.max = 1000000,
		.help = "connections at once, more wait",
		.foreign = "instances maxconn max_child MaxConnections",
	},
	{
		.name = "backlog",
		.type = &value_number,
		.initial = "4096",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(backlog),
		.min = 1,
		.max = INT32_MAX,
		.help = "how many may wait in the kernel",
		.foreign = "listen_backlog",
	},
	{
		.name = "idle_timeout",
		.type = &value_time,
		.initial = "5m",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(idle_timeout),
		.min = 1,
		.max = MS_MAX_POLL,
		.help = "silence both ways before a connection is cut",
		.foreign = "timeout idle keepalive_timeout",
	},
	{
		.name = "max_duration",
		.type = &value_time,
		.initial = "unlimited",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(max_duration),
		.min = 1,
		.max = MS_MAX,
		.help = "how long a connection may last",
		.foreign = "lifetime RuntimeMaxSec",
	},
	{
		.name = "drain_timeout",
		.type = &value_time,
		.initial = "30s",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(drain_timeout),
		.min = 1,
		.max = MS_MAX_POLL,
		.help = "how long a stop waits for open connections",
		.foreign = "TimeoutStopSec shutdown_timeout grace",
	},
	{
		.name = "stack_size",
		.type = &value_size,
		.initial = "256K",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(stack_size),
		.min = 128 << 10,
		.max = 64 << 20,
		.help = "stack of each connection",
		.foreign = "stack LimitSTACK",
	},
	{
		.name = "log_connections",
		.type = &value_bool,
		.initial = "yes",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(log_connections),
		.help = "a line for each finished connection",
		.foreign = "log_on_success log_on_failure",
	},
	{
		.name = "on_violation",
		.type = &value_choice,
		.initial = "hangup",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(on_violation),
		.words = "hangup|deny|kill|learn",
		.help = "what a denied call costs",
		.foreign = "sandbox_action SystemCallErrorNumber",
	},
	{
		.name = "landlock",
		.type = &value_choice,
		.initial = "best-effort",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(landlock),
		.words = "best-effort|require|off",
		.help = "whether the kernel must have it",
	},
	{
		.name = "read_paths",
		.type = &value_paths,
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(read_paths),
		.help = "what rpath reaches",
		.foreign = "ReadOnlyPaths open_files",
	},
	{
		.name = "write_paths",
		.type = &value_paths,
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(write_paths),
		.help = "what wpath and cpath reach",
		.foreign = "ReadWritePaths",
	},
	{
		.name = "connect_ports",
		.type = &value_ports,
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(connect_ports),
		.help = "TCP ports that inet may connect to",
	},
	{
		.name = "bind_ports",
		.type = &value_ports,
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(bind_ports),
		.help = "TCP ports that inet may bind",
		.foreign = "SocketBindAllow",
	},
	{
		.name = "max_memory",
		.type = &value_size,
		.initial = "unlimited",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(max_memory),
		.min = 1 << 20,
		.max = SETTINGS_UNLIMITED,
		.help = "beyond it the worker is replaced",
		.foreign = "MemoryMax MemoryHigh memory_limit",
	},
	{
		.name = "hang_timeout",
		.type = &value_time,
		.initial = "10s",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(hang_timeout),
		.min = 100,
		.max = MS_MAX_POLL,
		.help = "a worker that does not turn is replaced",
		.foreign = "WatchdogSec watchdog",
	},
	{
		.name = "crash_penalty",
		.type = &value_time,
		.initial = "90s",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(crash_penalty),
		.min = 1,
		.max = MS_MAX,
		.help = "for a source in flight at three crashes in a row",
		.foreign = "PerSourcePenalties",
	},
	{
		.name = "udp_amplify",
		.type = &value_number,
		.initial = "1",
		.sections = KEY_SERVICE | KEY_DEFAULTS,
		.offset = SERVICE(udp_amplify),
		.min = 1,
		.max = UINT16_MAX,
		.help = "replies in all, in sizes of their request",
	},
};

const size_t key_count = ARRAY_SIZE(keys);

/* Words of other super-servers that need a sentence. */
static const struct {
	const char *word;
	const char *advice;
} foreign_words[] = {
	{"disable", "here it is \"enabled\", with the opposite value"},
	{"disabled", "here it is \"enabled\", with the opposite value"},
	{"server", "cservd runs plugins; write \"handler\""},
	{"server_args", "cservd runs plugins; write their options as \"opt.NAME\""},
	{"opt", "an option of the handler is written \"opt.NAME\""},
	{"options", "an option of the handler is written \"opt.NAME\""},
	{"id", "the name of the section is the name of the service"},
	{"service", "the name of the section is the name of the service"},
	{"type", "cservd has no internal services; write \"handler\""},
	{"flags", "cservd has a key of its own for what a flag is elsewhere, see cservd.ini(5)"},
};

/*
 * Keys of later versions, and the words of others for them: whoever writes one must not believe
 * that it works.
 */
static const char later_keys[] =
	"log_format log_address control control_group never_deny shutdown_delay program args argv0 "
	"env pass_env cwd umask nice groups wait stderr "
	"no_new_privs rlimit_as rlimit_cpu rlimit_data rlimit_stack rlimit_files start exit_idle "
	"only_from no_access access_times only_user only_group deny_time banner banner_refused "
	"banner_success banner_fail when_full per_source source_prefix rate rate_source cps "
	"max_load first_byte_timeout max_in max_out bandwidth socket_mode socket_user "
	"socket_group interface freebind nodelay keepalive defer_accept receive_buffer "
	"send_buffer tos udp_min_port udp_deny_ports udp_rate proxy_protocol proxy_trust "
	"maintenance passenv mdns rlimit_rss redirect";

static bool is_word_of(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (const char *at = words; at && *at; at += strspn(at, " ")) {
		size_t next = strcspn(at, " ");

		if (next == len && strncmp(at, word, len) == 0)
			return true;
		at += next;
	}
	return false;
}

static const char *find_advice(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreign_words); i++)
		if (strcmp(foreign_words[i].word, name) == 0)
			return foreign_words[i].advice;
	return NULL;
}

static const struct key *find_foreign(const char *name)
{
	for (size_t i = 0; i < key_count; i++)
		if (is_word_of(name, keys[i].foreign))
			return &keys[i];
	return NULL;
}

static const struct key *find_nearest(const char *name)
{
	/* In a short word two errors leave nothing to recognise. */
	unsigned int least = strlen(name) > 2 * DISTANCE_MAX ? DISTANCE_MAX + 1 : DISTANCE_MAX;
	const struct key *nearest = NULL;

	for (size_t i = 0; i < key_count; i++) {
		unsigned int distance = text_distance(name, keys[i].name);

		if (keys[i].type == &value_option || distance >= least)
			continue;
		least = distance;
		nearest = &keys[i];
	}
	return nearest;
}

static void refuse_place(const struct key *key, const char *quote, enum key_section section,
			 struct place where, struct config_errors *errors)
{
	if (key->sections == KEY_CSERVD)
		config_errors_add(errors, where, "\"%s\" belongs in [cservd]", quote);
	else if (section == KEY_DEFAULTS)
		config_errors_add(errors, where, "\"%s\" has no default: write it in each service",
				  quote);
	else
		config_errors_add(errors, where, "\"%s\" belongs in the section of a service%s",
				  quote, key->sections & KEY_DEFAULTS ? " or in [defaults]" : "");
}

static void refuse_unknown(const char *name, const char *quote, enum key_section section,
			   struct place where, struct config_errors *errors)
{
	const char *advice = find_advice(name);
	const struct key *key = find_foreign(name);

	if (advice)
		config_errors_add(errors, where, "unknown key \"%s\": %s", quote, advice);
	else if (key)
		config_errors_add(errors, where, "unknown key \"%s\": here it is \"%s\"", quote,
				  key->name);
	else if (is_word_of(name, later_keys))
		config_errors_add(errors, where, "\"%s\" does not exist in this version", quote);
	else if ((key = find_nearest(name)))
		config_errors_add(errors, where, "unknown key \"%s\": did you mean \"%s\"?", quote,
				  key->name);
	else if (section == KEY_SERVICE)
		config_errors_add(errors, where,
				  "unknown key \"%s\": an option of the handler is written "
				  "\"opt.%s\"",
				  quote, quote);
	else
		config_errors_add(errors, where, "unknown key \"%s\": see cservd.ini(5)", quote);
}

const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < key_count; i++) {
		const char *known = keys[i].name;

		if (strcmp(known, name) == 0 ||
		    (keys[i].type == &value_option && strncmp(known, name, strlen(known)) == 0))
			return &keys[i];
	}
	return NULL;
}

void key_refuse(const char *name, enum key_section section, struct place where,
		struct config_errors *errors)
{
	const struct key *key = key_find(name);
	char quote[NAME_QUOTE];

	(void)text_escape(quote, sizeof(quote), name, strlen(name));
	if (key)
		refuse_place(key, quote, section, where, errors);
	else if (config_errors_is_full(errors))
		config_errors_add(errors, where, "unknown key \"%s\"", quote);
	else
		refuse_unknown(name, quote, section, where, errors);
}
