/* SPDX-License-Identifier: MIT */
/* fuzz_target - what parses as a target is within the bounds that the connector asks for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *where = malloc(size + 1); /* exact, so that overreads show */
	struct cservd_target target;
	const char *why = NULL;

	if (where == NULL)
		return 0;
	if (size > 0)
		memcpy(where, data, size);
	where[size] = '\0';
	if (target_parse(where, &target, &why) == 0 ? !target_is_valid(&target, 0) : why == NULL)
		abort();
	return 0;
}
