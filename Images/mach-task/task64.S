# The first task of a 64-bit GNU Mach: says the words that it was started with, one a line, and that it runs; then it sleeps for ever.
#
# Traps: RAX is the number, negative; arguments as in the System V ABI, but R10 for RCX, which `syscall` takes for itself.

.set mach_print, -30
.set thread_switch, -61

.globl _start
_start:
    movq %rsp, %rbp
    movq (%rbp), %r12           # how many words
    leaq 8(%rbp), %r13
1:  testq %r12, %r12
    jz 2f
    movq (%r13), %rdi
    call print
    leaq newline(%rip), %rdi
    call print
    addq $8, %r13
    decq %r12
    jmp 1b
2:  leaq ready(%rip), %rdi
    call print
3:  xorl %edi, %edi
    movl $2, %esi               # SWITCH_OPTION_WAIT
    movl $1000000, %edx         # milliseconds
    movq $thread_switch, %rax
    syscall
    jmp 3b

# RDI: the text
print:
    movq $mach_print, %rax
    syscall
    ret

ready: .asciz "mach task: ready\n"
newline: .asciz "\n"
