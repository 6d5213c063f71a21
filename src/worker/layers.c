/* SPDX-License-Identifier: MIT */
/* layers - the rules of both layers as tables, and their entering. */
#include <errno.h>
#include <syslog.h>

#include "common/promise.h"
#include "worker/layers.h"
#include "worker/report.h"
#include "worker/service.h"

#define PORT_DNS 53 /* a name server that answers too much for a datagram is asked by TCP */

#define ALL_FILES  (LSM_IOCTL_DEV | (LSM_IOCTL_DEV - 1))
#define ALL_PORTS  (LSM_BIND_TCP | LSM_CONNECT_TCP)
#define ALL_SCOPES (LSM_ABSTRACT_UNIX | LSM_SIGNAL)

/* Device nodes need a capability that no worker has, so nobody is given the right. */
#define CREATE                                                                        \
	(LSM_MAKE_DIR | LSM_MAKE_REG | LSM_MAKE_SOCK | LSM_MAKE_FIFO | LSM_MAKE_SYM | \
	 LSM_REMOVE_DIR | LSM_REMOVE_FILE | LSM_REFER)
#define DEVICES (LSM_MAKE_CHAR | LSM_MAKE_BLOCK)
#define WRITE	(LSM_WRITE_FILE | LSM_TRUNCATE)
#define READ	(LSM_READ_FILE | LSM_READ_DIR)
#define PROGRAM (READ | LSM_EXECUTE)

/* What a promise brings without a list, as far as it exists. */
static const struct {
	uint32_t promises;
	uint64_t rights;
	const char *path;
} fixed[] = {
	{PROMISE_DNS, LSM_READ_FILE, "/etc/resolv.conf"},
	{PROMISE_DNS, LSM_READ_FILE, "/etc/hosts"},
	{PROMISE_DNS, LSM_READ_FILE, "/etc/nsswitch.conf"},
	{PROMISE_DNS, LSM_READ_FILE, "/etc/host.conf"},
	{PROMISE_DNS, LSM_READ_FILE, "/etc/gai.conf"},
	{PROMISE_DNS, LSM_READ_FILE, "/etc/services"},
	{PROMISE_EXEC, PROGRAM, "/usr"},
	{PROMISE_EXEC, PROGRAM, "/bin"},
	{PROMISE_EXEC, PROGRAM, "/sbin"},
	{PROMISE_EXEC, PROGRAM, "/lib"},
	{PROMISE_EXEC, PROGRAM, "/lib32"},
	{PROMISE_EXEC, PROGRAM, "/lib64"},
	{PROMISE_EXEC, PROGRAM, "/libx32"},
	{PROMISE_EXEC, LSM_READ_FILE, "/etc/ld.so.cache"},
	{PROMISE_EXEC, LSM_READ_FILE, "/etc/ld.so.preload"},
	{PROMISE_EXEC, LSM_READ_FILE, "/etc/localtime"},
	{PROMISE_EXEC, LSM_READ_FILE, "/dev/urandom"},
	{PROMISE_EXEC, LSM_READ_FILE, "/dev/zero"},
	{PROMISE_EXEC, LSM_READ_FILE | WRITE, "/dev/null"},
};

/* What they bring for a list. */
static const struct {
	uint32_t promises;
	uint64_t read, write; /* on read_paths, on write_paths */
} listed[] = {
	{PROMISE_RPATH, READ, 0},
	{PROMISE_WPATH, 0, READ | WRITE | LSM_IOCTL_DEV},
	{PROMISE_CPATH, 0, READ | WRITE | LSM_IOCTL_DEV | CREATE},
	{PROMISE_EXEC, PROGRAM, 0},
};

static struct landlock_layer *create(size_t files, size_t ports)
{
	size_t size = sizeof(struct landlock_layer) + files * sizeof(struct landlock_file) +
		      ports * sizeof(struct landlock_port);
	struct landlock_layer *layer = calloc(1, size);

	if (layer == NULL)
		return NULL;
	layer->file = (struct landlock_file *)(layer + 1);
	layer->port = (struct landlock_port *)(layer->file + files);
	return layer;
}

static void add_file(struct landlock_layer *layer, const char *path, uint64_t rights,
		     bool is_listed)
{
	if (rights != 0)
		layer->file[layer->file_count++] = (struct landlock_file){path, rights, is_listed};
}

static void add_paths(struct landlock_layer *layer, const char **paths, size_t count,
		      uint64_t rights)
{
	for (size_t i = 0; i < count; i++)
		add_file(layer, paths[i], rights, true);
}

static void add_ports(struct landlock_layer *layer, const struct layers_ports *ports,
		      uint64_t right)
{
	if (ports->is_free)
		layer->ports &= ~right;
	for (size_t i = 0; i < ports->count; i++)
		layer->port[layer->port_count++] = (struct landlock_port){ports->port[i], right};
}

static struct layers_ports ports_of(const struct settings_ports *ports, uint32_t promises)
{
	if ((promises & PROMISE_INET) == 0)
		return (struct layers_ports){.count = 0};
	return (struct layers_ports){
		.is_free = ports->count == 0, .count = ports->count, .port = ports->port};
}

struct layers_grants layers_of_service(void)
{
	const struct settings *settings = service.settings;

	return (struct layers_grants){
		.promises = settings->promises,
		.reads = settings->read_paths,
		.writes = settings->write_paths,
		.read = service.read_paths,
		.write = service.write_paths,
		.connect = ports_of(&settings->connect_ports, settings->promises),
		.bind = ports_of(&settings->bind_ports, settings->promises),
	};
}

struct landlock_layer *layers_create_first(const struct layers_grants *grants)
{
	struct landlock_layer *layer = create(grants->writes + 1, 0);

	if (layer == NULL)
		return NULL;
	layer->files = WRITE | CREATE | DEVICES;
	add_file(layer, "/dev/null", WRITE, false);
	add_paths(layer, grants->write, grants->writes, WRITE | CREATE);
	return layer;
}

struct landlock_layer *layers_create_second(const struct layers_grants *grants)
{
	struct landlock_layer *layer = create(grants->reads + grants->writes + ARRAY_SIZE(fixed),
					      grants->connect.count + grants->bind.count + 1);
	uint64_t read = 0, write = 0;

	if (layer == NULL)
		return NULL;
	layer->files = ALL_FILES;
	layer->ports = ALL_PORTS;
	layer->scopes = ALL_SCOPES;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i].promises & grants->promises)
			add_file(layer, fixed[i].path, fixed[i].rights, false);
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++) {
		if (listed[i].promises & grants->promises) {
			read |= listed[i].read;
			write |= listed[i].write;
		}
	}
	add_paths(layer, grants->read, grants->reads, read);
	add_paths(layer, grants->write, grants->writes, write);
	add_ports(layer, &grants->connect, LSM_CONNECT_TCP);
	add_ports(layer, &grants->bind, LSM_BIND_TCP);
	if ((grants->promises & PROMISE_DNS) && !grants->connect.is_free)
		layer->port[layer->port_count++] =
			(struct landlock_port){PORT_DNS, LSM_CONNECT_TCP};
	return layer;
}

void layers_destroy(struct landlock_layer *layer)
{
	free(layer);
}

const char *layers_find_unmet(const struct layers_grants *grants, int abi, bool only_listed,
			      int *ret_needs)
{
	const uint32_t scoped = PROMISE_PROC | PROMISE_EXEC | PROMISE_UNIX;
	const struct {
		const char *key;
		bool is_list, is_used;
		int abi;
	} needs[] = {
		{"sandbox", false, true, LSM_ABI_FILES},
		{"read_paths", true, grants->reads > 0, LSM_ABI_FILES},
		{"write_paths", true, grants->writes > 0, LSM_ABI_TRUNCATE},
		{"connect_ports", true, grants->connect.count > 0, LSM_ABI_PORTS},
		{"bind_ports", true, grants->bind.count > 0, LSM_ABI_PORTS},
		{"sandbox", false, (grants->promises & scoped) != 0, LSM_ABI_SCOPES},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		if (!needs[i].is_used || abi >= needs[i].abi || (only_listed && !needs[i].is_list))
			continue;
		*ret_needs = needs[i].abi;
		return needs[i].key;
	}
	return NULL;
}

/* A rule belongs to what is there now. */
static void warn_skipped(const char *path)
{
	report_log(LOG_WARNING,
		   "cannot open \"%s\" of read_paths or write_paths: %m; it stays out of reach "
		   "until the next start",
		   path);
}

static int enter(struct landlock_layer *layer, void (*skipped)(const char *path))
{
	int result;

	if (layer == NULL)
		return -1;
	result = landlock_restrict(layer, lsm_landlock_abi(), skipped);
	if (result == -1 && service.settings->landlock == LANDLOCK_BEST_EFFORT) {
		report_log(LOG_WARNING, "landlock: not used: %m");
		result = 0;
	}
	return result;
}

static int enter_and_destroy(struct landlock_layer *layer, void (*skipped)(const char *path))
{
	int result = enter(layer, skipped), error = errno;

	layers_destroy(layer);
	errno = error;
	return result;
}

int layers_enter_first(void)
{
	const struct layers_grants grants = layers_of_service();

	if (service.settings->landlock == LANDLOCK_OFF)
		return 0;
	return enter_and_destroy(layers_create_first(&grants), NULL);
}

int layers_enter_second(const struct layers_grants *grants)
{
	if (service.settings->landlock == LANDLOCK_OFF)
		return 0;
	return enter_and_destroy(layers_create_second(grants), warn_skipped);
}
