// The instructions that Swift has no words for, and the symbols of the assembly files. Names only, no logic.
//
// Memory that a device shares is read and written through `load` and `store`: each is exactly one access of exactly that width.

#pragma once
#include <stdint.h>

#define INSTRUCTION static inline __attribute__((always_inline))

// Ports.
INSTRUCTION uint8_t in8(uint16_t port) { uint8_t v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
INSTRUCTION uint16_t in16(uint16_t port) { uint16_t v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port)); return v; }
INSTRUCTION uint32_t in32(uint16_t port) { uint32_t v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }
INSTRUCTION void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
INSTRUCTION void out16(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
INSTRUCTION void out32(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

// `count` bytes between a port and memory, by one string instruction.
INSTRUCTION void in_string(uint16_t port, uint64_t address, uint64_t count) {
    __asm__ volatile("rep insb" : "+D"(address), "+c"(count) : "d"(port) : "memory");
}
INSTRUCTION void out_string(uint16_t port, uint64_t address, uint64_t count) {
    __asm__ volatile("rep outsb" : "+S"(address), "+c"(count) : "d"(port) : "memory");
}

// Memory at a physical address (all of it is mapped one to one).
INSTRUCTION uint8_t load8(uint64_t a) { return *(volatile uint8_t *)a; }
INSTRUCTION uint16_t load16(uint64_t a) { uint16_t v; __asm__ volatile("movw (%1), %0" : "=r"(v) : "r"(a) : "memory"); return v; }
INSTRUCTION uint32_t load32(uint64_t a) { uint32_t v; __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(a) : "memory"); return v; }
INSTRUCTION uint64_t load64(uint64_t a) { uint64_t v; __asm__ volatile("movq (%1), %0" : "=r"(v) : "r"(a) : "memory"); return v; }
INSTRUCTION void store8(uint64_t a, uint8_t v) { *(volatile uint8_t *)a = v; }
INSTRUCTION void store16(uint64_t a, uint16_t v) { __asm__ volatile("movw %0, (%1)" : : "r"(v), "r"(a) : "memory"); }
INSTRUCTION void store32(uint64_t a, uint32_t v) { __asm__ volatile("movl %0, (%1)" : : "r"(v), "r"(a) : "memory"); }
INSTRUCTION void store64(uint64_t a, uint64_t v) { __asm__ volatile("movq %0, (%1)" : : "r"(v), "r"(a) : "memory"); }
// Eight bytes at a time, then the rest: an emulated processor counts every turn of a string instruction.
INSTRUCTION void copy_bytes(uint64_t to, uint64_t from, uint64_t count) {
    uint64_t words = count >> 3, rest = count & 7;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}
INSTRUCTION void fill_bytes(uint64_t to, uint8_t value, uint64_t count) {
    uint64_t words = count >> 3, rest = count & 7;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(value * 0x0101010101010101ull) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(value) : "memory");
}

// Orders all earlier stores before all later loads: the one thing x86 does not promise by itself.
INSTRUCTION void full_fence(void) { __asm__ volatile("lock orl $0, (%%rsp)" : : : "memory", "cc"); }

// The processor.
INSTRUCTION uint64_t read_tsc(void) { uint32_t l, h; __asm__ volatile("rdtsc" : "=a"(l), "=d"(h)); return (uint64_t)h << 32 | l; }
INSTRUCTION void pause_spin(void) { __asm__ volatile("pause"); }
INSTRUCTION void halt_forever(void) { for (;;) __asm__ volatile("cli; hlt"); }
INSTRUCTION void undefined_instruction(void) { __asm__ volatile("ud2"); }

struct cpuid { uint32_t eax, ebx, ecx, edx; };
INSTRUCTION struct cpuid read_cpuid(uint32_t leaf) {
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
    return r;
}

INSTRUCTION void load_interrupt_table(uint64_t address, uint16_t limit) {
    struct __attribute__((packed)) { uint16_t limit; uint64_t address; } pointer = {limit, address};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

// Assembly files.
void pulse_idle(void);
extern char interrupt_stubs, pulse_interrupts, page_map, processor_start, processor_start_end;
extern char kernel_end;
INSTRUCTION uint64_t interrupt_stubs_address(void) { return (uint64_t)&interrupt_stubs; }
INSTRUCTION uint64_t interrupt_counters_address(void) { return (uint64_t)&pulse_interrupts; }
INSTRUCTION uint64_t page_map_address(void) { return (uint64_t)&page_map; }
INSTRUCTION uint64_t processor_start_address(void) { return (uint64_t)&processor_start; }
INSTRUCTION uint64_t processor_start_size(void) { return (uint64_t)(&processor_start_end - &processor_start); }
INSTRUCTION uint64_t kernel_end_address(void) { return (uint64_t)&kernel_end; }
