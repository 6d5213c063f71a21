/* SPDX-License-Identifier: MIT */
/* stdio - runs the stream handler once on standard input and output (cservd --stdio). */
#ifndef WORKER_STDIO_H
#define WORKER_STDIO_H

/* Returns the exit status: EX_OK, or EX_SOFTWARE when the handler failed, having reported why. */
int stdio_serve(void);

#endif
