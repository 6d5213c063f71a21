/* SPDX-License-Identifier: MIT */
/*
 * fakehost - the cservd_* calls over memory, so that a plugin's handlers run inside a test.
 *
 * A script says what a client or a target sends and in which pieces; what the handler writes
 * is kept.  Waiting never lasts: FAKE_SILENCE lets every limit pass at once.  The plugin under
 * test is the one linked into the program.
 */
#ifndef UNIT_FAKEHOST_H
#define UNIT_FAKEHOST_H

#include <cservd/plugin.h>
#include <stdbool.h>

enum fake_end { FAKE_EOF, FAKE_SILENCE, FAKE_RESET };

/* What one side sends. */
struct fake_script {
	const void *bytes;
	size_t len;
	size_t chunk; /* at most so many bytes with one read; 0: all */
	enum fake_end end;
};

/* What a handler did with its client. */
struct fake_answer {
	int result; /* what it returned, with error as errno */
	int error;
	char *bytes; /* NUL-terminated; lives until fakehost_reset() */
	size_t len;
	unsigned int writes;
};

/* The target behind cservd_connect(). */
struct fake_peer {
	int error;		  /* errno of cservd_connect(), or 0 */
	int write_error;	  /* errno of cservd_write(), or 0 */
	void (*connecting)(void); /* runs in cservd_connect(), or NULL */
	struct fake_script script;
};

/* Ends the service (.stop) and forgets everything. */
void fakehost_reset(void);

/* Both texts must live until fakehost_reset(). */
void fakehost_option(const char *name, const char *value);

/* Runs .config.  0, or -1 if it failed, refused a value or did not know an option. */
int fakehost_config(void);

/* The lines "opt.NAME: why" that .config refused. */
const char *fakehost_refusals(void);

void fakehost_draining(bool draining);
void fakehost_peer(const struct fake_peer *peer);

/* Run a handler of the plugin with this client; any thread. */
struct fake_answer fakehost_stream(const struct fake_script *client);
struct fake_answer fakehost_datagram(const void *bytes, size_t len);

/* Connections to targets so far, where the last one went and what was sent there. */
unsigned int fakehost_connects(void);
const char *fakehost_where(void);
const char *fakehost_request(void);

/* Conns that are still open: 0 once every handler has returned or closed its own. */
unsigned int fakehost_open_conns(void);

#endif
