/* SPDX-License-Identifier: MIT */
/* sandbox_info - the sandbox of a service in words, for cservd --sandbox-info. */
#ifndef WORKER_SANDBOX_INFO_H
#define WORKER_SANDBOX_INFO_H

#include <stdio.h>

/*
 * Prints what the service of this process may do once it serves: its promises, files, ports, and
 * every system call with its conditions and the promise that brings it, from the tables that the
 * filters and Landlock's layers are made of.  Errors of out are its owner's to check.
 */
void sandbox_info_print(FILE *out);

#endif
