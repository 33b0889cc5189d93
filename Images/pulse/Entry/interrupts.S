/* Interrupt and exception stubs.
 *
 * pulse takes interrupts in one place only: inside `pulse_idle`, between `sti; hlt` and `cli`. So a device interrupt needs no
 * locking, may not nest, and has just to note that it happened; the code that was waiting looks at its device afterwards.
 *
 * Each of the 256 stubs is 16 bytes long, so the table needs only the address of the first.
 */

#define FIRST_DEVICE_VECTOR 32
#define SPURIOUS_VECTOR 255
#define LAPIC_END_OF_INTERRUPT 0xFEE000B0

    .section .text.interrupts, "ax"
    .globl interrupt_stubs
    .p2align 4
interrupt_stubs:
    .set    vector, 0
    .rept   256
    .p2align 4
    /* The exceptions that push an error code themselves: 8, 10-14, 17, 21, 29, 30. */
    .if !((vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30))
    pushq   $0
    .endif
    pushq   $vector
    .if vector < FIRST_DEVICE_VECTOR
    jmp     exception
    .else
    jmp     device_interrupt
    .endif
    .set    vector, vector + 1
    .endr

/* Stack: vector, error code, rip, cs, rflags, rsp, ss. There is no way back: pulse reports and stops. */
exception:
    popq    %rdi
    popq    %rsi
    movq    (%rsp), %rdx
    movq    %cr2, %rcx
    andq    $-16, %rsp
    cld
    call    pulse_exception
    ud2

device_interrupt:
    pushq   %rax
    movl    8(%rsp), %eax
    incq    pulse_interrupts(, %rax, 8)
    cmpl    $SPURIOUS_VECTOR, %eax
    je      1f
    movl    $LAPIC_END_OF_INTERRUPT, %eax
    movl    $0, (%rax)
1:  andq    $~0x200, 40(%rsp)      /* back with interrupts off: one at a time, however loud a level-triggered pin is */
    popq    %rax
    addq    $16, %rsp
    iretq

/* Sleeps until an interrupt came. `sti` takes effect after the next instruction, so none is lost between it and `hlt`. */
    .globl pulse_idle
pulse_idle:
    sti
    hlt
    cli
    ret

/* How often each vector was taken: 256 counters of 64 bits. */
    .section .bss.interrupts, "aw", @nobits
    .p2align 3
    .globl pulse_interrupts
pulse_interrupts:
    .skip   256 * 8
