/* SPDX-License-Identifier: MIT */
/* ids - users and groups that workers may run as: never root's. */
#ifndef MASTER_IDS_H
#define MASTER_IDS_H

#include <stddef.h>
#include <sys/types.h>

#include "common/util.h"

#define IDS_WHY_SIZE  160
#define IDS_NAME_SIZE 256
#define IDS_NONE      ((uid_t)-1) /* nobody's */

/*
 * A user by name or number.  Whoever is not root can name only itself.  0, or -1 with errno
 * EINVAL and in why a sentence part for the administrator, which does not repeat text.
 */
int ids_parse_user(const char *text, uid_t *ret, char why[IDS_WHY_SIZE]) UTIL_CHECKED;
int ids_parse_group(const char *text, gid_t *ret, char why[IDS_WHY_SIZE]) UTIL_CHECKED;

/* The user where none is written: CSERVD_USER, else nobody; the caller's own if not root. */
int ids_default_user(uid_t *ret, char why[IDS_WHY_SIZE]) UTIL_CHECKED;

/* The group of uid where none is written: its primary one; the caller's own if not root. */
int ids_default_group(uid_t uid, gid_t *ret, char why[IDS_WHY_SIZE]) UTIL_CHECKED;

/* Writes the name, or the number if it has none or no short one.  Return name. */
const char *ids_user_name(uid_t uid, char name[IDS_NAME_SIZE]);
const char *ids_group_name(gid_t gid, char name[IDS_NAME_SIZE]);

#endif
