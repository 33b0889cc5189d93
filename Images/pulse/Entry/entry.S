/* From the PVH entry to Swift.
 *
 * A PVH monitor enters in 32-bit protected mode, paging off, with EBX = address of `hvm_start_info`. Ten instructions later
 * we are in long mode on page tables that the assembler already filled in: the first 4 GiB, one to one, in 2 MiB pages, so
 * that starting costs no loop at all. The last GiB holds devices and is mapped uncached.
 */

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define MSR_EFER 0xC0000080
#define EFER_LONG_MODE_ENABLE 0x100
#define CR0_PAGING_PROTECTION 0x80000001
#define CR4_PHYSICAL_ADDRESS_EXTENSION 0x20
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

#define PAGE_PRESENT_WRITABLE 0x03
#define PAGE_UNCACHED 0x18
#define PAGE_LARGE 0x80

    .section .note.pvh, "a", @note
    .p2align 2
    .long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad enter_pvh

    .section .text.entry, "ax"
    .code32
    .globl enter_pvh
enter_pvh:
    cld
    cli
    movl    $page_map, %eax
    movl    %eax, %cr3
    movl    %cr4, %eax
    orl     $CR4_PHYSICAL_ADDRESS_EXTENSION, %eax
    movl    %eax, %cr4
    movl    $MSR_EFER, %ecx
    rdmsr
    orl     $EFER_LONG_MODE_ENABLE, %eax
    wrmsr
    movl    %cr0, %eax
    orl     $CR0_PAGING_PROTECTION, %eax
    movl    %eax, %cr0
    lgdt    gdt_pointer
    ljmpl   $CODE_SELECTOR, $enter_long_mode

    .code64
enter_long_mode:
    movl    $DATA_SELECTOR, %eax
    movl    %eax, %ds
    movl    %eax, %es
    movl    %eax, %ss
    movl    $stack_top, %esp
    xorl    %ebp, %ebp
    movl    %ebx, %edi
    call    pulse_main
    ud2

/* --- tables --- */

    .section .data.tables, "aw"
    .p2align 3
gdt:
    .quad 0
    .quad 0x00209B0000000000    /* 64-bit code */
    .quad 0x0000930000000000    /* data */
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt

    .p2align 12
    .globl page_map
page_map:
    .quad page_directory_pointers + PAGE_PRESENT_WRITABLE
    .fill 511, 8, 0
page_directory_pointers:
    .quad page_directories + 0x0000 + PAGE_PRESENT_WRITABLE
    .quad page_directories + 0x1000 + PAGE_PRESENT_WRITABLE
    .quad page_directories + 0x2000 + PAGE_PRESENT_WRITABLE
    .quad page_directories + 0x3000 + PAGE_PRESENT_WRITABLE
    .fill 508, 8, 0
page_directories:
    .set    address, 0
    .rept   1536
    .quad   address + PAGE_LARGE + PAGE_PRESENT_WRITABLE
    .set    address, address + 0x200000
    .endr
    .rept   512
    .quad   address + PAGE_LARGE + PAGE_UNCACHED + PAGE_PRESENT_WRITABLE
    .set    address, address + 0x200000
    .endr

    .section .bss.stack, "aw", @nobits
    .p2align 4
    .skip   0x10000
stack_top:
