/* SPDX-License-Identifier: MIT */
/* limits - how much time and how many bytes a probe may take. */
#ifndef HEADPROBE_LIMITS_H
#define HEADPROBE_LIMITS_H

#define LIMIT_ASK_BYTES	   1024 /* the client's line, with its end */
#define LIMIT_ASK_MS	   5000
#define LIMIT_CONNECT_MS   2000
#define LIMIT_RESPONSE_MS  5000
#define LIMIT_TOTAL_MS	   8000	 /* from the client's line to the end of the answer */
#define LIMIT_HEAD_BYTES   16384 /* a response with the interim ones before it */
#define LIMIT_LINE_BYTES   8192
#define LIMIT_HEADER_LINES 100

/* The number behind one of these names as a string literal. */
#define LIMIT_TEXT_OF(number) #number
#define LIMIT_TEXT(name)      LIMIT_TEXT_OF(name)

#endif
