/* SPDX-License-Identifier: MIT */
/* ids - users and groups that workers may run as: never root's. */
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "master/ids.h"

#define ID_MAX (UINT32_MAX - 1) /* the last one means "no change" to setresuid(2) */

UTIL_PRINTF(2, 3) static int refuse(char why[IDS_WHY_SIZE], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, IDS_WHY_SIZE, fmt, args); /* our own sentences fit */
	va_end(args);
	errno = EINVAL;
	return -1;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* errno of a failed look-up, which POSIX lets be 0 or almost anything for "not found". */
static int refuse_missing(const char *kind, char why[IDS_WHY_SIZE])
{
	bool broken = errno == EIO || errno == EMFILE || errno == ENFILE || errno == ENOMEM;

	if (broken)
		return refuse(why, "looking it up failed: %s", strerror(errno));
	return refuse(why, "no such %s, create it or name another one", kind);
}

static int parse_id(const char *text, const char *kind, id_t *ret, char why[IDS_WHY_SIZE])
{
	uint64_t number;

	if (text_parse_number(text, 0, ID_MAX, &number) != 0)
		return refuse(why, "no %s has a number that large", kind);
	*ret = (id_t)number;
	return 0;
}

static int find_user(const char *text, uid_t *ret, char why[IDS_WHY_SIZE])
{
	const struct passwd *user;

	if (is_number(text))
		return parse_id(text, "user", ret, why);
	errno = 0;
	user = getpwnam(text);
	if (!user)
		return refuse_missing("user", why);
	*ret = user->pw_uid;
	return 0;
}

static int find_group(const char *text, gid_t *ret, char why[IDS_WHY_SIZE])
{
	const struct group *group;

	if (is_number(text))
		return parse_id(text, "group", ret, why);
	errno = 0;
	group = getgrnam(text);
	if (!group)
		return refuse_missing("group", why);
	*ret = group->gr_gid;
	return 0;
}

int ids_parse_user(const char *text, uid_t *ret, char why[IDS_WHY_SIZE])
{
	uid_t uid = 0;

	if (find_user(text, &uid, why) != 0)
		return -1;
	if (uid == 0)
		return refuse(why, "no service runs as root, name another user");
	if (geteuid() != 0 && uid != geteuid())
		return refuse(why, "only root can change to another user, start cservd as root");
	*ret = uid;
	return 0;
}

int ids_parse_group(const char *text, gid_t *ret, char why[IDS_WHY_SIZE])
{
	gid_t gid = 0;

	if (find_group(text, &gid, why) != 0)
		return -1;
	if (geteuid() != 0 && gid != getegid())
		return refuse(why, "only root can change to another group, start cservd as root");
	if (geteuid() == 0 && gid == 0)
		return refuse(why, "no service runs in root's group, name another group");
	*ret = gid;
	return 0;
}

int ids_default_user(uid_t *ret, char why[IDS_WHY_SIZE])
{
	if (geteuid() != 0) {
		*ret = geteuid();
		return 0;
	}
	if (ids_parse_user(CSERVD_USER, ret, why) == 0 || ids_parse_user("nobody", ret, why) == 0)
		return 0;
	return refuse(why, "neither user \"" CSERVD_USER "\" nor \"nobody\" can run it: add "
			   "\"user = NAME\"");
}

int ids_default_group(uid_t uid, gid_t *ret, char why[IDS_WHY_SIZE])
{
	const struct passwd *user;

	if (geteuid() != 0) {
		*ret = getegid();
		return 0;
	}
	user = getpwuid(uid);
	if (!user)
		return refuse(why, "user %lu has no group: add \"group = NAME\"",
			      (unsigned long)uid);
	if (user->pw_gid == 0)
		return refuse(why, "the group of user %lu is root's: add \"group = NAME\"",
			      (unsigned long)uid);
	*ret = user->pw_gid;
	return 0;
}

const char *ids_user_name(uid_t uid, char name[IDS_NAME_SIZE])
{
	const struct passwd *user = getpwuid(uid);

	if (!user || snprintf(name, IDS_NAME_SIZE, "%s", user->pw_name) >= IDS_NAME_SIZE)
		(void)snprintf(name, IDS_NAME_SIZE, "%lu", (unsigned long)uid); /* always fits */
	return name;
}

const char *ids_group_name(gid_t gid, char name[IDS_NAME_SIZE])
{
	const struct group *group = getgrgid(gid);

	if (!group || snprintf(name, IDS_NAME_SIZE, "%s", group->gr_name) >= IDS_NAME_SIZE)
		(void)snprintf(name, IDS_NAME_SIZE, "%lu", (unsigned long)gid); /* always fits */
	return name;
}
