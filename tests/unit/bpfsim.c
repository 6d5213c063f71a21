/* SPDX-License-Identifier: MIT */
/* bpfsim - the instructions of classic BPF that seccomp allows and libseccomp uses. */
#include <stddef.h>
#include <string.h>

#include "bpfsim.h"

struct machine {
	const struct seccomp_data *call;
	uint32_t accumulator;
	uint32_t memory[BPF_MEMWORDS];
	size_t at; /* index of the next instruction */
	bool reads_args, broken;
};

static void load_word(struct machine *machine, uint32_t offset)
{
	if (offset > sizeof(*machine->call) - sizeof(uint32_t) || offset % sizeof(uint32_t) != 0) {
		machine->broken = true;
		return;
	}
	if (offset >= offsetof(struct seccomp_data, args))
		machine->reads_args = true;
	memcpy(&machine->accumulator, (const char *)machine->call + offset, sizeof(uint32_t));
}

static void access_memory(struct machine *machine, const struct sock_filter *code)
{
	if (code->k >= BPF_MEMWORDS)
		machine->broken = true;
	else if (BPF_CLASS(code->code) == BPF_ST)
		machine->memory[code->k] = machine->accumulator;
	else
		machine->accumulator = machine->memory[code->k];
}

static void jump(struct machine *machine, const struct sock_filter *code)
{
	uint32_t a = machine->accumulator;
	bool is_true = false;

	switch (BPF_OP(code->code)) {
	case BPF_JA: machine->at += code->k; return;
	case BPF_JEQ: is_true = a == code->k; break;
	case BPF_JGT: is_true = a > code->k; break;
	case BPF_JGE: is_true = a >= code->k; break;
	case BPF_JSET: is_true = (a & code->k) != 0; break;
	default: machine->broken = true; return;
	}
	machine->at += is_true ? code->jt : code->jf;
}

static void step(struct machine *machine, const struct sock_filter *code)
{
	switch (code->code) {
	case BPF_LD | BPF_W | BPF_ABS: load_word(machine, code->k); return;
	case BPF_LD | BPF_MEM:
	case BPF_ST: access_memory(machine, code); return;
	case BPF_ALU | BPF_AND | BPF_K: machine->accumulator &= code->k; return;
	default: break;
	}
	if (BPF_CLASS(code->code) == BPF_JMP && BPF_SRC(code->code) == BPF_K)
		jump(machine, code);
	else
		machine->broken = true;
}

uint32_t bpfsim_run(const struct sock_fprog *program, const struct seccomp_data *call,
		    bool *ret_reads_args)
{
	struct machine machine = {.call = call};

	while (!machine.broken && machine.at < program->len) {
		const struct sock_filter *code = &program->filter[machine.at++];

		if (code->code == (BPF_RET | BPF_K)) {
			if (ret_reads_args != NULL)
				*ret_reads_args = machine.reads_args;
			return code->k;
		}
		step(&machine, code);
	}
	return BPFSIM_INVALID;
}
