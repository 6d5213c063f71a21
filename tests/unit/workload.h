/* SPDX-License-Identifier: MIT */
/* workload - what an ordinary handler asks of libc and the kernel, all within stdio. */
#ifndef UNIT_WORKLOAD_H
#define UNIT_WORKLOAD_H

/* Does all of it on the calling thread; pair: connected stream sockets, one of them is shut down.
 * Ends the process if a step fails. */
void workload_run(const int pair[2]);

#endif
