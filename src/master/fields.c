/* SPDX-License-Identifier: MIT */
/* fields - the kinds of values that fill more than one field of a service. */
#include <stdio.h>
#include <string.h>

#include "common/promise.h"
#include "common/text.h"
#include "master/ids.h"
#include "master/values.h"

#define PROMISE_BITS 16 /* those with words (common/promise.h) */
#define OPTION_NAME  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static int add_endpoint(struct config_service *service, const struct endpoint *endpoint,
			struct place where, struct store *store)
{
	size_t count = service->listeners;

	service->listen = store_room(store, service->listen, count, sizeof(*service->listen));
	service->listen_where =
		store_room(store, service->listen_where, count, sizeof(*service->listen_where));
	if (!service->listen || !service->listen_where)
		return -1;
	service->listen[count] = *endpoint;
	service->listen_where[count] = where;
	service->listeners++;
	return 0;
}

static int parse_listen_word(const struct value *value, const char *word,
			     struct config_service *service, struct store *store,
			     struct config_errors *errors)
{
	struct endpoint found[ADDR_LISTEN_MAX];
	const char *why;
	int count = addr_parse_listen(word, found, &why);

	if (count < 0)
		return value_refuse(value, word, errors, "%s", why);
	if (service->listeners + (size_t)count > SETTINGS_LISTENERS_MAX)
		return value_refuse(
			value, word, errors,
			"a service listens on at most %d addresses, write another section",
			SETTINGS_LISTENERS_MAX);
	for (int i = 0; i < count; i++)
		if (add_endpoint(service, &found[i], value->where, store) != 0)
			return -1;
	return 0;
}

static int parse_listen(const struct value *value, void *owner, struct store *store,
			struct config_errors *errors)
{
	char *cursor = store_text(store, value->text), *word;

	if (!cursor)
		return -1;
	while ((word = text_next_word(&cursor)))
		if (parse_listen_word(value, word, owner, store, errors) != 0)
			return -1;
	return 0;
}

static void print_listen(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct config_service *service = owner;
	char word[ENDPOINT_TEXT_SIZE];
	size_t at = 0;

	(void)key;
	text[0] = '\0';
	for (size_t i = 0; i < service->listeners && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "",
				       endpoint_format(&service->listen[i], word));
}

static const char *refuse_handler(const char *text)
{
	size_t len = strlen(text);

	if (value_has_parent(text))
		return "write the path without \"..\"";
	if (text[0] == '/')
		return text[len - 1] == '/' ? "write the path of a file" : NULL;
	if (strchr(text, '/'))
		return "write NAME.so, which is in plugin_dir, or an absolute path";
	if (len < sizeof("x.so") - 1 || strcmp(text + len - 3, ".so") != 0)
		return "the name of a plugin ends in \".so\"";
	return NULL;
}

static int parse_handler(const struct value *value, void *owner, struct store *store,
			 struct config_errors *errors)
{
	struct config_service *service = owner;
	const char *why = refuse_handler(value->text);

	if (why)
		return value_refuse(value, value->text, errors, "%s", why);
	service->handler = store_text(store, value->text);
	service->handler_where = value->where;
	return service->handler ? 0 : -1;
}

static void print_handler(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct config_service *service = owner;

	(void)key;
	(void)snprintf(text, size, "%s", service->handler);
}

/* The words of all bits that have one, separated by blanks. */
static void write_promises(uint32_t bits, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < PROMISE_BITS && at < size; i++) {
		const char *word = promise_word(bits & (UINT32_C(1) << i));

		if (word)
			at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " " : "", word);
	}
}

static int parse_promise(const struct value *value, const char *word,
			 struct config_service *service, struct config_errors *errors)
{
	uint32_t bit = promise_parse(word);
	char known[128];

	if (bit == 0) {
		write_promises(UINT32_MAX, known, sizeof(known));
		return value_refuse(value, word, errors, "no such promise; there are %s, and none",
				    known);
	}
	if (bit == PROMISE_STATUS)
		return value_refuse(value, word, errors, "this does not exist in this version");
	service->promises |= bit;
	return 0;
}

static int parse_promises(const struct value *value, void *owner, struct store *store,
			  struct config_errors *errors)
{
	struct config_service *service = owner;
	char *cursor = store_text(store, value->text), *word;
	bool is_none = strcmp(value->text, "none") == 0;

	if (!cursor)
		return -1;
	if (value->adds && (is_none || service->unsandboxed))
		return value_refuse(value, value->text, errors,
				    "\"none\" stands alone, write one \"sandbox = \" line");
	service->promises = PROMISE_STDIO | (value->adds ? service->promises : 0);
	service->unsandboxed = is_none;
	while (!is_none && (word = text_next_word(&cursor))) {
		if (strcmp(word, "none") == 0)
			(void)value_refuse(value, value->text, errors,
					   "\"none\" stands alone, remove it or the others");
		else if (parse_promise(value, word, service, errors) != 0)
			return -1;
	}
	return 0;
}

static void print_promises(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct config_service *service = owner;

	(void)key;
	if (service->unsandboxed)
		(void)snprintf(text, size, "none");
	else
		write_promises(service->promises, text, size);
}

static int parse_user(const struct value *value, void *owner, struct store *store,
		      struct config_errors *errors)
{
	struct config_service *service = owner;
	char why[IDS_WHY_SIZE];

	service->uid = IDS_NONE;
	if (ids_parse_user(value->text, &service->uid, why) != 0)
		(void)value_refuse(value, value->text, errors, "%s", why);
	service->user = store_text(store, value->text);
	return service->user ? 0 : -1;
}

static void print_user(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct config_service *service = owner;
	char name[IDS_NAME_SIZE];

	(void)key;
	(void)snprintf(text, size, "%s",
		       service->user ? service->user : ids_user_name(service->uid, name));
}

static int parse_group(const struct value *value, void *owner, struct store *store,
		       struct config_errors *errors)
{
	struct config_service *service = owner;
	char why[IDS_WHY_SIZE];

	if (ids_parse_group(value->text, &service->gid, why) != 0)
		(void)value_refuse(value, value->text, errors, "%s", why);
	service->group = store_text(store, value->text);
	return service->group ? 0 : -1;
}

static void print_group(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct config_service *service = owner;
	char name[IDS_NAME_SIZE];

	(void)key;
	(void)snprintf(text, size, "%s",
		       service->group ? service->group : ids_group_name(service->gid, name));
}

static int parse_option(const struct value *value, void *owner, struct store *store,
			struct config_errors *errors)
{
	struct config_service *service = owner;
	size_t count = service->option_count;
	const char *name = value->name + strlen(value->key->name);
	struct config_option *option;

	if (!*name || name[strspn(name, OPTION_NAME)])
		return value_refuse(value, value->text, errors,
				    "the name after \"opt.\" consists of letters, digits and ._-");
	service->options = store_room(store, service->options, count, sizeof(*option));
	if (!service->options)
		return -1;
	option = &service->options[service->option_count++];
	option->name = store_text(store, name);
	option->value = store_text(store, value->text);
	option->where = value->where;
	return option->name && option->value ? 0 : -1;
}

const struct key_type value_listen = {
	.is_list = true, .parse = parse_listen, .print = print_listen};

const struct key_type value_handler = {.parse = parse_handler, .print = print_handler};

const struct key_type value_promises = {
	.is_list = true, .parse = parse_promises, .print = print_promises};

const struct key_type value_user = {.parse = parse_user, .print = print_user};

const struct key_type value_group = {.parse = parse_group, .print = print_group};

const struct key_type value_option = {.parse = parse_option};
