/* SPDX-License-Identifier: MIT */
/* config - the options of the service and the targets they name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "url.h"

#define NAMED "target." /* begins the options that name targets */

enum { MODE_FIXED, MODE_ASK };

/* What is not needed any more once all options are read. */
struct options {
	struct cservd_service *service;
	int mode;
	const char *target; /* NULL: not given */
	const char *host;   /* NULL: the one of the URL */
	const char *expect;
};

/* NULL with errno ENOMEM. */
static char *format_request(const struct url *url, const char *host)
{
	char port[16] = "";
	char *request;

	if (url->port != URL_HTTP_PORT)
		(void)snprintf(port, sizeof(port), ":%u", url->port); /* fits */
	if (asprintf(&request,
		     "HEAD %s%s HTTP/1.1\r\n"
		     "Host: %s%s\r\n"
		     "User-Agent: cservd-headprobe/" CONFIG_VERSION "\r\n"
		     "Accept: */*\r\n"
		     "Connection: close\r\n"
		     "\r\n",
		     *url->path == '/' ? "" : "/", url->path, host != NULL ? host : url->host,
		     host != NULL ? "" : port) == -1)
		return NULL;
	return request;
}

/* option: "target" or "target.NAME".  0, or -1 when there is no sense in going on. */
static int add_target(struct config *config, const struct options *options, const char *option,
		      const char *text)
{
	struct share_target *grown, *target;
	char where[URL_HOST_SIZE + 16];
	const char *why;
	struct url url;

	if (url_parse(text, &url, &why) == -1) {
		cservd_option_error(options->service, option, "%s", why);
		return 0;
	}
	(void)snprintf(where, sizeof(where), "%s:%u", url.host, url.port); /* fits */
	grown = reallocarray(config->targets, config->target_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -1;
	config->targets = grown;
	target = &grown[config->target_count];
	*target = (struct share_target){
		.probe = {.target = cservd_target(options->service, where)},
	};
	if (target->probe.target == NULL)
		return -1;
	if (options->mode == MODE_ASK)
		target->probe.name = option + strlen(NAMED);
	target->probe.request = format_request(&url, options->host);
	if (target->probe.request == NULL)
		return -1;
	config->target_count++;
	return 0;
}

/* opt.target.NAME, all of them. */
static int add_named_targets(struct config *config, const struct options *options)
{
	struct cservd_service *service = options->service;
	const char *option = NULL;

	while (cservd_option_next(service, NAMED, &option) == 1) {
		const char *text = "";

		cservd_option_text(service, option, &text);
		if (options->mode == MODE_FIXED)
			cservd_option_error(service, option, "needs opt.mode = ask");
		else if (add_target(config, options, option, text) == -1)
			return -1;
	}
	return 0;
}

/* Says what the mode lacks, or has but does not use. */
static void check_mode(const struct options *options)
{
	struct cservd_service *service = options->service;
	const char *option = NULL;

	if (options->mode == MODE_FIXED && options->target == NULL)
		cservd_option_error(service, "target",
				    "is missing: name the http:// address to probe");
	if (options->mode == MODE_ASK && options->target != NULL)
		cservd_option_error(service, "target",
				    "is for opt.mode = fixed; write opt.target.NAME here");
	if (options->mode == MODE_ASK && cservd_option_next(service, NAMED, &option) != 1)
		cservd_option_error(service, "mode",
				    "ask needs at least one opt.target.NAME = http://...");
}

static int add_targets(struct config *config, const struct options *options)
{
	check_mode(options);
	if (options->mode == MODE_FIXED && options->target != NULL &&
	    add_target(config, options, "target", options->target) == -1)
		return -1;
	return add_named_targets(config, options);
}

/* What follows the name in a Host field: nothing that could begin a second header line. */
static bool is_host_field(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return *text != '\0';
}

static bool is_status(unsigned long status)
{
	return status >= 100 && status <= 599;
}

/* One word of opt.expect: "200" or "200-399". */
static int expect_word(const char *word, struct probe_rules *rules)
{
	unsigned int low, high;
	int len = 0;

	if (sscanf(word, "%3u%n", &low, &len) != 1 || len != 3)
		return -1;
	high = low;
	word += len;
	if (*word != '\0' && (sscanf(word, "-%3u%n", &high, &len) != 1 || word[len] != '\0'))
		return -1;
	if (!is_status(low) || !is_status(high) || low > high)
		return -1;
	for (unsigned int status = low; status <= high; status++)
		rules->is_expected[status] = true;
	return 0;
}

static int parse_expect(const struct options *options, struct probe_rules *rules)
{
	char *list = strdup(options->expect), *cursor = list, *word;

	if (list == NULL)
		return -1;
	while ((word = strsep(&cursor, " \t,")) != NULL)
		if (*word != '\0' && expect_word(word, rules) == -1)
			cservd_option_error(options->service, "expect",
					    "\"%s\" is not a status or a range like 200-399", word);
	free(list);
	return 0;
}

int config_load(struct cservd_service *service, struct config *ret)
{
	struct options options = {.service = service, .mode = MODE_FIXED, .expect = "200-399"};
	struct share *share = &ret->share;

	*ret = (struct config){0};
	share_init(share);
	cservd_option_choice(service, "mode", "fixed|ask", &options.mode);
	cservd_option_text(service, "target", &options.target);
	cservd_option_text(service, "host", &options.host);
	cservd_option_text(service, "expect", &options.expect);
	cservd_option_int(service, "max_parallel", 1, 10000, &share->max_parallel);
	cservd_option_time(service, "min_interval", &share->min_interval_ms);
	cservd_option_choice(service, "head_unsupported", "warn|ok|fail",
			     &share->rules.unsupported);
	ret->is_asking = options.mode == MODE_ASK;
	if (options.host != NULL && !is_host_field(options.host))
		cservd_option_error(service, "host", "must be a host name, without blanks");
	if (parse_expect(&options, &share->rules) == -1)
		return -1;
	return add_targets(ret, &options);
}

void config_finish(struct config *config)
{
	for (size_t i = 0; i < config->target_count; i++) {
		free(config->targets[i].probe.request);
		share_release(&config->share, config->targets[i].latest);
	}
	free(config->targets);
	*config = (struct config){0};
}
