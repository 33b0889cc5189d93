/* Where the other processors wake up: 16-bit code that pulse copies to a page below 1 MiB. Each one counts itself and sleeps. */

    .section .rodata.processors, "a"
    .globl processor_start
    .globl processor_start_end
    .code16
processor_start:
    cli
    movw    %cs, %ax
    movw    %ax, %ds
    lock incw (processor_count - processor_start)
1:  hlt
    jmp     1b
    .p2align 1
processor_count:
    .word   0
processor_start_end:
