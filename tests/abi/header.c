/* SPDX-License-Identifier: MIT */
/* header - only includes the header, for compilers of any standard of C and C++. */
#include <cservd/plugin.h>
