# The first task of a 32-bit GNU Mach: says the words that it was started with, one a line, and that it runs; then it sleeps for ever.
#
# Traps: EAX is the number, negative; arguments lie on the stack above a return address; the gate is 7 (mach/i386/syscall_sw.h).
# At its entry the stack is that of a C program: the number of words, then pointers to them.

.set mach_print, -30
.set thread_switch, -61

.globl _start
_start:
    movl %esp, %ebp
    movl (%ebp), %esi           # how many words
    leal 4(%ebp), %edi
1:  testl %esi, %esi
    jz 2f
    movl (%edi), %eax
    call print
    movl $newline, %eax
    call print
    addl $4, %edi
    decl %esi
    jmp 1b
2:  movl $ready, %eax
    call print
3:  pushl $1000000              # milliseconds
    pushl $2                    # SWITCH_OPTION_WAIT
    pushl $0
    pushl $0
    movl $thread_switch, %eax
    lcall $7, $0
    addl $16, %esp
    jmp 3b

# EAX: the text
print:
    pushl %eax
    pushl $0
    movl $mach_print, %eax
    lcall $7, $0
    addl $8, %esp
    ret

ready: .asciz "mach task: ready\n"
newline: .asciz "\n"
