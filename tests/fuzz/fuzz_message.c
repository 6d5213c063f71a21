/* SPDX-License-Identifier: MIT */
/* fuzz_message - whatever a worker writes, what message_check() lets pass is safe to use. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/message.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Uses a message as the master does; whatever reads too far is for the sanitizer to find. */
static void use(const struct message *message)
{
	char line[4 * MESSAGE_TEXT], peer[ADDR_TEXT_SIZE];

	if (message->type == MESSAGE_NONE || message->type >= MESSAGE_TYPES)
		abort();
	if (message->type == MESSAGE_LOG &&
	    (message->priority < LOG_ERR || message->priority > LOG_DEBUG))
		abort();
	if (strlen(addr_format(&message->peer, peer)) >= sizeof(peer))
		abort();
	if (!message_end_text((enum message_end)message->end))
		abort();
	(void)text_escape(line, sizeof(line), message->text, strlen(message->text));
	for (const char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message message;
	int checked = message_check(data, size, &message);

	if (!memchr(message.text, '\0', sizeof(message.text)))
		abort();
	if (checked == 0 && size != MESSAGE_SIZE)
		abort();
	if (checked == 0)
		use(&message);
	return 0;
}
