/* SPDX-License-Identifier: MIT */
/* ending - how a connection ended whose process did not live to say it. */
#include "common/message.h"
#include "worker/ending.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/sigsys.h"

static bool has_exited(const struct ending *ending)
{
	return ending->how->si_code == CLD_EXITED;
}

static enum message_end judge(const struct ending *ending)
{
	bool is_peaceful = has_exited(ending) && ending->how->si_status == 0;

	if (has_exited(ending) && ending->how->si_status == SIGSYS_EXIT_STATUS)
		return END_DENIED;
	if (ending->cut != CUT_NONE && (ending->is_killed || is_peaceful))
		return ending->cut == CUT_DURATION ? END_DURATION : END_DRAIN;
	return END_CRASHED;
}

void ending_report(const struct ending *ending)
{
	enum message_end end = judge(ending);
	struct message message;

	if (end != END_CRASHED && !service.settings->log_connections)
		return;
	report_prepare(&message, MESSAGE_CLOSED);
	message.peer = ending->peer;
	message.thread = (int32_t)ending->how->si_pid;
	message.end = (uint8_t)end;
	message.error = has_exited(ending) ? 0 : ending->how->si_status;
	message.number = has_exited(ending) ? ending->how->si_status : 0;
	message.ms = (uint64_t)(util_now_ms() - ending->since_ms);
	report_push(&message);
}
