/* The functions that compilers call without being asked. */

    .section .text.memory, "ax"
    .globl memcpy
memcpy:
    movq    %rdi, %rax
    movq    %rdx, %rcx
    rep movsb
    ret

    .globl memmove
memmove:
    movq    %rdi, %rax
    movq    %rdx, %rcx
    movq    %rdi, %r8
    subq    %rsi, %r8
    cmpq    %rdx, %r8
    jb      1f                  /* the target starts inside the source: copy from the end */
    rep movsb
    ret
1:  leaq    -1(%rdi, %rdx), %rdi
    leaq    -1(%rsi, %rdx), %rsi
    std
    rep movsb
    cld
    ret

    .globl memset
memset:
    movq    %rdi, %r8
    movl    %esi, %eax
    movq    %rdx, %rcx
    rep stosb
    movq    %r8, %rax
    ret

    .globl memcmp
memcmp:
    xorl    %eax, %eax
    movq    %rdx, %rcx
    cmpq    %rcx, %rcx          /* equal, should the length be zero */
    repe cmpsb
    je      1f
    movzbl  -1(%rdi), %eax
    movzbl  -1(%rsi), %ecx
    subl    %ecx, %eax
1:  ret

/* Names that Swift reserves for its own runtime; the doing is in Sources/Machine/Heap.swift. */
    .globl posix_memalign
posix_memalign:
    jmp     pulse_allocate

    .globl free
free:
    jmp     pulse_free
