/* SPDX-License-Identifier: MIT */
/* draft - the sections and keys of a configuration as written. */
#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "master/draft.h"

#define NAME_FIRST "abcdefghijklmnopqrstuvwxyz0123456789"
#define NAME_REST  NAME_FIRST "._-"
#define QUOTE_SIZE 160 /* a name of READER_SECTION_MAX bytes, all escaped */

static int begin(struct draft *draft, struct section *section, const char *name,
		 enum key_section kind, struct place where)
{
	section->name = store_text(draft->store, name);
	section->kind = kind;
	section->where = where;
	section->first = store_take(draft->store, key_count * sizeof(*section->first));
	draft->current = section;
	return section->name && section->first ? 0 : -1;
}

static void refuse_second(struct draft *draft, const char *name, struct place where,
			  struct place first)
{
	config_errors_add(draft->errors, where,
			  "section [%s] is there already, at %s:%u: give one "
			  "another name, or join them",
			  name, first.file, first.line);
}

static int begin_reserved(struct draft *draft, struct section *section, const char *name,
			  enum key_section kind, struct place where)
{
	draft->current = NULL;
	if (draft->is_included)
		config_errors_add(draft->errors, where,
				  "[%s] is allowed in the main file only, move it there", name);
	else if (section->where.file)
		refuse_second(draft, name, where, section->where);
	else
		return begin(draft, section, name, kind, where);
	return 0;
}

static void check_name(struct draft *draft, const char *name, struct place where)
{
	char quote[QUOTE_SIZE];

	(void)text_escape(quote, sizeof(quote), name, strlen(name));
	if (strpbrk(name, " \t"))
		config_errors_add(draft->errors, where,
				  "section name \"%s\": names with a blank are reserved", quote);
	else if (!strchr(NAME_FIRST, name[0]) || name[strspn(name, NAME_REST)])
		config_errors_add(draft->errors, where,
				  "section name \"%s\": write a-z, 0-9 and ._- and begin with a "
				  "letter or digit",
				  quote);
}

/* Names that are so near to the two special ones that no service should have them. */
static const char *find_meant(const char *name)
{
	if (strcasecmp(name, "default") == 0 || strcasecmp(name, "defaults") == 0)
		return "defaults";
	return strcasecmp(name, "cservd") == 0 ? "cservd" : NULL;
}

static int begin_service(struct draft *draft, const char *name, struct place where)
{
	const char *meant = find_meant(name);

	draft->current = NULL;
	if (config_errors_is_full(draft->errors))
		return 0; /* to search among thousands would be in vain */
	if (meant) {
		config_errors_add(draft->errors, where, "section [%s]: did you mean [%s]?", name,
				  meant);
		return 0;
	}
	for (size_t i = 0; i < draft->count; i++) {
		if (strcmp(draft->services[i].name, name) == 0) {
			refuse_second(draft, name, where, draft->services[i].where);
			return 0;
		}
	}
	check_name(draft, name, where);
	return draft_service(draft, name, where);
}

static int take_section(void *user, const char *name, struct place where)
{
	struct draft *draft = user;

	if (strcmp(name, "cservd") == 0)
		return begin_reserved(draft, &draft->cservd, name, KEY_CSERVD, where);
	if (strcmp(name, "defaults") == 0)
		return begin_reserved(draft, &draft->defaults, name, KEY_DEFAULTS, where);
	return begin_service(draft, name, where);
}

/* Where name stands in section already; file NULL: nowhere. */
static struct place find_first(const struct section *section, const struct key *key,
			       const char *name)
{
	if (key->type != &value_option)
		return section->first[key - keys];
	for (size_t i = 0; i < section->count; i++)
		if (strcmp(section->values[i].name, name) == 0)
			return section->values[i].where;
	return (struct place){0};
}

/* Limits that keep time and memory small whatever the file is. */
static bool has_room(struct draft *draft, const struct value *value)
{
	if (draft->keys == DRAFT_KEYS_MAX)
		config_errors_add(draft->errors, value->where, "more than %d keys in all",
				  DRAFT_KEYS_MAX);
	else if (value->key->type == &value_option && draft->current->options == DRAFT_OPTIONS_MAX)
		config_errors_add(draft->errors, value->where, "more than %d options in a section",
				  DRAFT_OPTIONS_MAX);
	else
		return true;
	return false;
}

/* Whether a key may stand (once more) in the section; adds an error if not. */
static bool is_welcome(struct draft *draft, const struct value *value)
{
	const struct key *key = value->key;
	struct place first;

	if (key->type == &value_option && config_errors_is_full(draft->errors))
		return false; /* to search among many would be in vain */
	first = find_first(draft->current, key, value->name);
	if (value->adds && !key->type->is_list)
		config_errors_add(draft->errors, value->where,
				  "\"%s\" is not a list, write \"=\" instead of \"+=\"",
				  value->name);
	else if (key->type->is_list && !value->text[strspn(value->text, " \t,")])
		config_errors_add(draft->errors, value->where, "\"%s\" has no value", value->name);
	else if (!value->adds && first.file && value->where.line == 0)
		config_errors_add(draft->errors, value->where, "\"%s\" is given twice",
				  value->name);
	else if (!value->adds && first.file)
		config_errors_add(draft->errors, value->where,
				  "\"%s\" is given again, first on line %u: remove one%s",
				  value->name, first.line,
				  key->type->is_list ? " or write \"+=\"" : "");
	else
		return has_room(draft, value);
	return false;
}

static int append(struct draft *draft, struct value value)
{
	struct section *section = draft->current;
	struct place *first = &section->first[value.key - keys];
	struct value *slot;

	section->values = store_room(draft->store, section->values, section->count, sizeof(*slot));
	value.name = store_text(draft->store, value.name);
	value.text = store_text(draft->store, value.text);
	if (!section->values || !value.name || !value.text)
		return -1;
	section->values[section->count++] = value;
	draft->keys++;
	section->options += value.key->type == &value_option;
	if (!first->file)
		*first = value.where;
	return 0;
}

static int take_key(void *user, const char *name, bool adds, const char *text, struct place where)
{
	struct draft *draft = user;

	return draft->current ? draft_key(draft, name, adds, text, where) : 0;
}

const struct reader_events draft_events = {.section = take_section, .key = take_key};

int draft_service(struct draft *draft, const char *name, struct place where)
{
	struct section *section;

	draft->current = NULL;
	if (draft->count == CONFIG_SERVICES_MAX) {
		config_errors_add(draft->errors, where, "more than %d services",
				  CONFIG_SERVICES_MAX);
		return 0;
	}
	draft->services =
		store_room(draft->store, draft->services, draft->count, sizeof(*draft->services));
	if (!draft->services)
		return -1;
	section = &draft->services[draft->count++];
	*section = (struct section){0};
	return begin(draft, section, name, KEY_SERVICE, where);
}

int draft_key(struct draft *draft, const char *name, bool adds, const char *text,
	      struct place where)
{
	const struct key *key = key_find(name);
	struct value value = {key, name, text, adds, where};

	if (!key || !(key->sections & draft->current->kind)) {
		key_refuse(name, draft->current->kind, where, draft->errors);
		return 0;
	}
	return is_welcome(draft, &value) ? append(draft, value) : 0;
}

bool draft_has(const struct section *section, const struct key *key)
{
	return section->first && section->first[key - keys].file;
}
