/* SPDX-License-Identifier: MIT */
/* elf - looks at a shared object before dlopen(3) does; see elf(5) for the fields. */
#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/elf.h"

#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#else
#error "the sandbox knows x86-64 and aarch64"
#endif

static const char *judge_header(const Elf64_Ehdr *header)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return "it is not an ELF file";
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != ELF_MACHINE)
		return "it was built for another machine";
	if (header->e_type != ET_DYN)
		return "it is not a shared object: build it with -shared -fPIC";
	if (header->e_phnum == 0 || header->e_phentsize != sizeof(Elf64_Phdr))
		return "its program headers are broken";
	return NULL;
}

static const char *judge_segment(const Elf64_Phdr *segment, uint64_t file_size)
{
	uint64_t end;

	if (segment->p_type != PT_LOAD)
		return NULL;
	if (__builtin_add_overflow(segment->p_offset, segment->p_filesz, &end) || end > file_size)
		return "it is truncated";
	return NULL;
}

/* The table of sections is the last of a file, as linkers write it: it may be absent, not cut. */
static const char *judge_sections(const Elf64_Ehdr *header, uint64_t file_size)
{
	uint64_t end;

	if (__builtin_add_overflow(header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize,
				   &end) ||
	    end > file_size)
		return "it is truncated";
	return NULL;
}

int elf_check(int fd, const char **ret_why)
{
	Elf64_Ehdr header;
	struct stat st;

	*ret_why = "it is not an ELF file";
	if (fstat(fd, &st) == -1 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	*ret_why = judge_header(&header);
	for (unsigned int i = 0; *ret_why == NULL && i < header.e_phnum; i++) {
		Elf64_Phdr segment;
		off_t at = (off_t)(header.e_phoff + i * sizeof(segment));

		*ret_why = "it is truncated";
		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return -1;
		*ret_why = judge_segment(&segment, (uint64_t)st.st_size);
	}
	if (*ret_why == NULL)
		*ret_why = judge_sections(&header, (uint64_t)st.st_size);
	return *ret_why == NULL ? 0 : -1;
}
