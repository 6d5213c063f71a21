/* SPDX-License-Identifier: MIT */
/*
 * cservd/plugin.h - the whole contract between cservd and a handler plugin.
 *
 * A plugin is a shared object that exports one symbol, the constant
 * `cservd_plugin`, written with CSERVD_PLUGIN().  It sets .name and at least
 * one of .stream and .datagram; every other field may be left out.
 *
 * The life of a plugin, all of it in the unprivileged worker of one service:
 *
 *	dlopen -> config -> start -> [sandbox] -> stream/datagram ... -> stop
 *	          `- cservd -t ends here
 *
 * .config reads the options and names the targets; it opens nothing, for a
 * check runs it too.  .start may open files and, with the promise "threads",
 * create threads.  Both return 0, or -1 with errno.  .stop is not called after
 * a crash, nor when handlers did not return in time.
 *
 * .stream runs once for each connection, many at the same time, each on a
 * thread, fiber or process of its own as the administrator chose.
 * .datagram runs once for each datagram, perhaps on several threads at the
 * same time, and must not block: others wait behind it.  Both return 0 when
 * done or -1 with errno.  After .stream cservd delivers what was written,
 * closes, and logs one line; datagrams are only counted.
 *
 * State of one client is a local variable of the handler; state of the
 * service is a static variable or hangs off cservd_set_data().  A conn belongs
 * to the handler that got it: no other thread may use it, nor may anyone
 * after the handler has returned.
 */
#ifndef CSERVD_PLUGIN_H
#define CSERVD_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <syslog.h>			/* LOG_ERR .. LOG_DEBUG for cservd_log() */

#ifdef __cplusplus
extern "C" {
#endif

/* Major 0: loads only where major and minor are equal.  From 1.0 on another
 * major is refused and a minor only appends. */
#define CSERVD_ABI_MAJOR	0
#define CSERVD_ABI_MINOR	1
#define CSERVD_ABI		(CSERVD_ABI_MAJOR * 65536 + CSERVD_ABI_MINOR)

#define CSERVD_EXPORT		__attribute__((__visibility__("default")))
#define CSERVD_PRINTF(f, a)	__attribute__((__format__(__printf__, f, a)))
#define CSERVD_CHECKED		__attribute__((__warn_unused_result__))

struct cservd_service;			/* one [section] of cservd.ini */
struct cservd_conn;			/* a connection or one datagram */
struct cservd_target;			/* a place this service may connect to */

#define CSERVD_MAX_DATAGRAM	65535	/* a buffer this big holds any datagram */

/*
 * .flags.  FIBER_SAFE: the handler waits only inside cservd_* calls and keeps
 * nothing thread-local across one; needed for concurrency = fiber.
 */
#define CSERVD_FIBER_SAFE	(UINT64_C(1) << 0)

struct cservd_plugin {
	uint32_t abi;			/* set by CSERVD_PLUGIN() */
	uint32_t size;			/* set by CSERVD_PLUGIN() */

	const char *name;		/* for logs and --plugin-info */
	const char *version;
	const char *help;		/* "option = meaning" lines */
	const char *sandbox;		/* promises it asks for beyond stdio */
	uint64_t flags;

	int  (*config)(struct cservd_service *);
	int  (*start)(struct cservd_service *);
	void (*stop)(struct cservd_service *);

	int  (*stream)(struct cservd_conn *);
	int  (*datagram)(struct cservd_conn *);

	/* New fields go here, and zero must mean "as before". */
};

extern CSERVD_EXPORT const struct cservd_plugin cservd_plugin;

#define CSERVD_PLUGIN(...)					\
	const struct cservd_plugin cservd_plugin = {		\
		.abi = CSERVD_ABI,				\
		.size = sizeof(struct cservd_plugin),		\
		__VA_ARGS__					\
	}

/*
 * Reading and writing.  Every call gives up with ETIMEDOUT when the idle or
 * total limit has passed, with ECANCELED when the drain time is over, and with
 * EPERM once a system call of this handler was denied; ECONNRESET or EPIPE: the
 * other side is gone.  None returns EINTR or a partial write, or raises SIGPIPE.
 *
 * A datagram: the first read returns the whole payload, which may be 0 bytes,
 * or fails with EMSGSIZE if the buffer is too small, and may be tried again;
 * later reads return 0.  Each write or printf sends one reply, a write of 0
 * bytes an empty one; EMSGSIZE if it has more than 65507 bytes, or if all
 * replies together would exceed both 64 bytes and udp_amplify times the
 * payload.  Replies leave in batches: 0 means that one is queued.
 */

/* Returns the bytes read, 0 at end of file or for size 0, -1 on error. */
ssize_t cservd_read(struct cservd_conn *, void *buf, size_t size) CSERVD_CHECKED;

/* Exactly size bytes.  Returns 1, 0 at end of file, -1; EPROTO if it ended within them. */
int cservd_readn(struct cservd_conn *, void *buf, size_t size) CSERVD_CHECKED;

/*
 * One line without its LF or CRLF; a last line may lack them.  Returns 1, 0 at
 * end of file, -1; EMSGSIZE if it does not fit with its NUL (how much of it was
 * read is not defined then), EILSEQ if it contains a NUL (the next line can be
 * read).
 */
int cservd_readline(struct cservd_conn *, char *buf, size_t size) CSERVD_CHECKED;

/* Hands all of it to the kernel before it returns.  0 or -1. */
int cservd_write(struct cservd_conn *, const void *buf, size_t size) CSERVD_CHECKED;
int cservd_printf(struct cservd_conn *, const char *fmt, ...) CSERVD_PRINTF(2, 3);
int cservd_vprintf(struct cservd_conn *, const char *fmt, va_list) CSERVD_PRINTF(2, 0);

/* Half-close: nothing more will be written; reading goes on.  0, also the second time, or -1. */
int cservd_finish(struct cservd_conn *);

/*
 * Waits at most ms, or with a negative ms as long as the limits allow, for input
 * or end of file.  Returns 1, 0 when the time is over, -1; ETIMEDOUT if a limit
 * of the conn is not later than ms.  A datagram is never waited for: 1.
 */
int cservd_wait(struct cservd_conn *, int ms) CSERVD_CHECKED;

/*
 * Instead of sleep(3), which would stop every fiber of the thread.  0, or -1 if
 * the conn of the calling handler ended meanwhile: ECONNRESET when the client is
 * gone (one that has only ended its input is not), ETIMEDOUT at the total limit,
 * ECANCELED when the drain time is over.  The idle limit does not count.
 */
int cservd_sleep(int ms) CSERVD_CHECKED;

/*
 * Carries bytes both ways, half-closes too, until both ends have finished; the
 * client is to be the first.  0 or -1; ETIMEDOUT when neither end has moved for
 * the shorter idle limit, ENOTSUP for a datagram.
 */
int cservd_relay(struct cservd_conn *, struct cservd_conn *) CSERVD_CHECKED;

/* Tighter limits for this conn; they never exceed the configured ones. */
void cservd_idle_timeout(struct cservd_conn *, int ms);
void cservd_deadline(struct cservd_conn *, int ms);	/* from now on, in all */

/* About a conn.  Strings and addresses live as long as it. */
const char *cservd_peer(const struct cservd_conn *);	/* "[2001:db8::1]:4711" */
const char *cservd_local(const struct cservd_conn *);
const struct sockaddr *cservd_peer_addr(const struct cservd_conn *, socklen_t *len);
const struct sockaddr *cservd_local_addr(const struct cservd_conn *, socklen_t *len);
struct cservd_service *cservd_service(const struct cservd_conn *);

/*
 * The socket, for a library that insists on one; cservd keeps owning it.  -1
 * with ENOTSUP for a datagram, a fiber, or the pipes of cservd --stdio, EBUSY
 * once readline holds bytes back.
 */
int cservd_fd(struct cservd_conn *) CSERVD_CHECKED;

/*
 * Connecting.  .config names the places, at most 256, as "HOST:PORT",
 * "HOST:PORT/udp" or "unix:/PATH"; NULL, and the configuration is refused, after
 * it has logged why not.  Afterwards the service can reach these and no others.
 *
 * cservd_connect() waits at most ms, or with a negative ms as long as the limits
 * of the client allow.  The new conn has the idle limit of the service and the
 * total limit of its client; it is closed by cservd_close() or when the handler
 * returns.  NULL with errno:
 *
 *	ENOTSUP		not called by a stream handler, on its thread
 *	EINVAL		not a target of this service
 *	ETIMEDOUT	ms, or a limit of the client, has passed
 *	ECANCELED	the client was cut because the drain time is over
 *	ENXIO		the name does not exist or has no address
 *	EAGAIN		no name server answered; later one may
 *	EPROTO		the name server answered with an error
 *	others		of socket(2) and connect(2), such as ECONNREFUSED
 *
 * With cservd --stdio nothing can be connected.  cservd_close() takes NULL, and
 * does nothing to the client itself.
 */
struct cservd_target *cservd_target(struct cservd_service *, const char *where);
struct cservd_conn *cservd_connect(const struct cservd_target *, int ms) CSERVD_CHECKED;
void cservd_close(struct cservd_conn *);

/* About the service. */
const char *cservd_name(const struct cservd_service *);	/* the section name */
void cservd_set_data(struct cservd_service *, void *);
void *cservd_data(const struct cservd_service *);
int cservd_draining(const struct cservd_service *);	/* end at a good moment */

/*
 * Options, the opt.NAME keys of the section; only in .config.  Each call
 * leaves *value alone if the option is not given, so its initial value is the
 * default.  A wrong value is logged with file and line and refuses the
 * configuration, whatever .config returns; so does an option nobody asked for.
 * Texts live as long as the service.
 */
void cservd_option_text(struct cservd_service *, const char *name, const char **value);
void cservd_option_choice(struct cservd_service *, const char *name,
			  const char *words, int *value);	/* "ascii|unicode" */
void cservd_option_bool(struct cservd_service *, const char *name, int *value);
void cservd_option_int(struct cservd_service *, const char *name,
		       long min, long max, long *value);
void cservd_option_size(struct cservd_service *, const char *name, uint64_t *bytes);
void cservd_option_time(struct cservd_service *, const char *name, int *ms);

/* Steps through options such as opt.target.web: start with *name = NULL; 1, or 0 at the end. */
int cservd_option_next(struct cservd_service *, const char *prefix, const char **name);

/* Refuses the configuration: file:line: opt.NAME: text. */
void cservd_option_error(struct cservd_service *, const char *name,
			 const char *fmt, ...) CSERVD_PRINTF(3, 4);

/*
 * One line of at most 383 bytes, no newline; from any thread, never waits, keeps
 * errno.  cservd adds the service and, if a handler calls, the peer; %m works.
 */
void cservd_log(int priority, const char *fmt, ...) CSERVD_PRINTF(2, 3);
void cservd_vlog(int priority, const char *fmt, va_list) CSERVD_PRINTF(2, 0);

#ifdef __cplusplus
}
#endif

#endif /* CSERVD_PLUGIN_H */
