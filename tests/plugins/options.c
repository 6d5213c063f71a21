/* SPDX-License-Identifier: MIT */
/* options - asks for an option of every kind and tells each client what it got. */
#include <cservd/plugin.h>
#include <inttypes.h>

static const char *text = "unset";
static int choice = 1;
static int flag;
static long number = -1;
static uint64_t size = 4096;
static int delay = 1500; /* [ms] */
static const char *names[8];
static const char *values[8];
static int count;

static int config(struct cservd_service *service)
{
	cservd_option_text(service, "text", &text);
	cservd_option_choice(service, "choice", "red|green|blue", &choice);
	cservd_option_bool(service, "flag", &flag);
	cservd_option_int(service, "number", -5, 5, &number);
	cservd_option_size(service, "size", &size);
	cservd_option_time(service, "delay", &delay);
	for (const char *name = NULL; count < 8 && cservd_option_next(service, "item.", &name);) {
		names[count] = name;
		cservd_option_text(service, name, &values[count]);
		count++;
	}
	return 0;
}

static int stream(struct cservd_conn *conn)
{
	if (cservd_printf(conn, "text=%s choice=%d flag=%d number=%ld size=%" PRIu64 " delay=%d\n",
			  text, choice, flag, number, size, delay) < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		if (cservd_printf(conn, "%s=%s\n", names[i], values[i]) < 0)
			return -1;
	}
	return 0;
}

CSERVD_PLUGIN(.name = "options", .version = "2.5",
	      .help = "text = anything\nchoice = red, green or blue\nflag = yes or no\n"
		      "number = -5 to 5\nsize = a size\ndelay = a time\nitem.NAME = anything",
	      .config = config, .stream = stream);
