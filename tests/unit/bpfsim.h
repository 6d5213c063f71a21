/* SPDX-License-Identifier: MIT */
/* bpfsim - runs a seccomp filter on paper: which verdict does the kernel get for a call? */
#ifndef UNIT_BPFSIM_H
#define UNIT_BPFSIM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#define BPFSIM_INVALID UINT32_MAX /* no verdict: the program is not one the kernel would take */

/*
 * The SECCOMP_RET_* of program for this call, or BPFSIM_INVALID.  *ret_reads_args (may be NULL)
 * tells whether an argument was looked at on the way.
 */
uint32_t bpfsim_run(const struct sock_fprog *program, const struct seccomp_data *call,
		    bool *ret_reads_args);

#endif
