/* SPDX-License-Identifier: MIT */
/* build - makes a configuration out of a draft: defaults, values, and what must fit together. */
#include <stdio.h>
#include <string.h>

#include "master/build.h"
#include "master/clash.h"
#include "master/ids.h"

struct build {
	const struct draft *draft;
	struct config *config;
	bool needs_listen;
	struct config_service usual; /* what the services inherit */
	/* Whom services without `user` run as; looked up for the first of them. */
	bool has_default_user;
	uid_t default_user;
	/* The group of the user looked up last; most services have the same. */
	bool has_group;
	uid_t group_user;
	gid_t group;
};

static int apply_initial(struct build *b, enum key_section kind, void *owner)
{
	for (size_t i = 0; i < key_count; i++) {
		const struct value value = {
			.key = &keys[i], .name = keys[i].name, .text = keys[i].initial};

		if (!value.text || !(keys[i].sections & kind))
			continue;
		if (keys[i].type->parse(&value, owner, b->config->store, b->draft->errors) != 0)
			return -1;
	}
	return 0;
}

static int apply(struct build *b, const struct section *section, void *owner)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct value *value = &section->values[i];

		if (value->key->type->parse(value, owner, b->config->store, b->draft->errors) != 0)
			return -1;
	}
	return 0;
}

static void check_required(struct build *b, const struct section *section)
{
	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &keys[i];

		if (!key->example || draft_has(section, key) ||
		    (key->type == &value_listen && !b->needs_listen))
			continue;
		config_errors_add(b->draft->errors, section->where,
				  "section [%s] has no \"%s\" (%s): add \"%s\"", section->name,
				  key->name, key->help, key->example);
	}
}

static int find_default_user(struct build *b, uid_t *ret, char why[IDS_WHY_SIZE])
{
	if (!b->has_default_user && ids_default_user(&b->default_user, why) != 0)
		return -1;
	b->has_default_user = true;
	*ret = b->default_user;
	return 0;
}

static int find_default_group(struct build *b, uid_t uid, gid_t *ret, char why[IDS_WHY_SIZE])
{
	if (!b->has_group || b->group_user != uid) {
		b->has_group = false;
		if (ids_default_group(uid, &b->group, why) != 0)
			return -1;
		b->has_group = true;
		b->group_user = uid;
	}
	*ret = b->group;
	return 0;
}

static void set_ids(struct build *b, struct config_service *service)
{
	char why[IDS_WHY_SIZE];

	if (service->user && service->uid == IDS_NONE)
		return; /* wrong, and told already */
	if ((!service->user && find_default_user(b, &service->uid, why) != 0) ||
	    (!service->group && find_default_group(b, service->uid, &service->gid, why) != 0))
		config_errors_add(b->draft->errors, service->where, "section [%s]: %s",
				  service->name, why);
}

static int set_path(struct build *b, struct config_service *service)
{
	const char *dir = b->config->plugin_dir, *handler = service->handler;
	size_t size;

	if (!handler || !dir)
		return 0; /* wrong, and told already */
	size = strlen(dir) + strlen(handler) + 2;
	service->path = store_take(b->config->store, size);
	if (!service->path)
		return -1;
	if (handler[0] == '/')
		memcpy(service->path, handler, strlen(handler) + 1);
	else
		(void)snprintf(service->path, size, "%s/%s", dir, handler); /* size fits */
	return 0;
}

static int build_service(struct build *b, const struct section *section,
			 struct config_service *service)
{
	size_t wrong;

	*service = b->usual;
	(void)snprintf(service->name, sizeof(service->name), "%s", section->name); /* fits */
	service->where = section->where;
	if (apply(b, section, service) != 0 || set_path(b, service) != 0)
		return -1;
	check_required(b, section);
	wrong = b->draft->errors->total;
	set_ids(b, service);
	service->is_wrong = service->path == NULL || service->uid == IDS_NONE ||
			    (geteuid() == 0 && service->gid == 0) ||
			    b->draft->errors->total > wrong;
	return 0;
}

static int build_services(struct build *b)
{
	const struct draft *draft = b->draft;
	struct config *config = b->config;

	config->services = store_take(config->store, draft->count * sizeof(*config->services));
	if (!config->services)
		return -1;
	for (; config->count < draft->count; config->count++) {
		size_t i = config->count;

		if (build_service(b, &draft->services[i], &config->services[i]) != 0)
			return -1;
		config->services[i].config = config;
	}
	return 0;
}

static int build_all(struct build *b)
{
	const struct draft *draft = b->draft;
	struct config *config = b->config;

	config->store = draft->store;
	config->holders = 1;
	if (apply_initial(b, KEY_CSERVD, config) != 0 || apply(b, &draft->cservd, config) != 0 ||
	    apply_initial(b, KEY_SERVICE, &b->usual) != 0 ||
	    apply(b, &draft->defaults, &b->usual) != 0 || build_services(b) != 0)
		return -1;
	return clash_check(config, draft->errors);
}

struct config *build_config(const struct draft *draft, bool needs_listen)
{
	struct build b = {.draft = draft, .needs_listen = needs_listen};

	if (draft->store)
		b.config = store_take(draft->store, sizeof(*b.config));
	if (b.config && build_all(&b) == 0)
		return b.config;
	config_errors_add(draft->errors, (struct place){0}, "%m");
	store_destroy(draft->store);
	return NULL;
}
