/* SPDX-License-Identifier: MIT */
/* option - the opt.NAME keys of the section, asked for by the plugin's config. */
#ifndef WORKER_OPTION_H
#define WORKER_OPTION_H

/*
 * After config: reports every option that the plugin did not ask for as a configuration error.
 */
void option_refuse_unasked(void);

#endif
