// The KVM part of the door: request numbers made by `_IO*` macros, and ioctl(2) in its two fixed forms.
#pragma once

#include <linux/kvm.h>
#include <stdint.h>
#include <sys/ioctl.h>

// On /dev/kvm.
static const unsigned long KVM_GET_API_VERSION_REQUEST = KVM_GET_API_VERSION;
static const unsigned long KVM_CHECK_EXTENSION_REQUEST = KVM_CHECK_EXTENSION;
static const unsigned long KVM_CREATE_VM_REQUEST = KVM_CREATE_VM;
static const unsigned long KVM_GET_VCPU_MMAP_SIZE_REQUEST = KVM_GET_VCPU_MMAP_SIZE;
static const unsigned long KVM_GET_SUPPORTED_CPUID_REQUEST = KVM_GET_SUPPORTED_CPUID;

// On a virtual machine.
static const unsigned long KVM_SET_TSS_ADDR_REQUEST = KVM_SET_TSS_ADDR;
static const unsigned long KVM_SET_IDENTITY_MAP_ADDR_REQUEST = KVM_SET_IDENTITY_MAP_ADDR;
static const unsigned long KVM_CREATE_IRQCHIP_REQUEST = KVM_CREATE_IRQCHIP;
static const unsigned long KVM_GET_IRQCHIP_REQUEST = KVM_GET_IRQCHIP;
static const unsigned long KVM_SET_IRQCHIP_REQUEST = KVM_SET_IRQCHIP;
static const unsigned long KVM_CREATE_PIT2_REQUEST = KVM_CREATE_PIT2;
static const unsigned long KVM_GET_PIT2_REQUEST = KVM_GET_PIT2;
static const unsigned long KVM_SET_PIT2_REQUEST = KVM_SET_PIT2;
static const unsigned long KVM_SET_USER_MEMORY_REGION_REQUEST = KVM_SET_USER_MEMORY_REGION;
static const unsigned long KVM_CREATE_VCPU_REQUEST = KVM_CREATE_VCPU;
static const unsigned long KVM_IRQ_LINE_REQUEST = KVM_IRQ_LINE;
static const unsigned long KVM_IRQFD_REQUEST = KVM_IRQFD;
static const unsigned long KVM_IOEVENTFD_REQUEST = KVM_IOEVENTFD;
static const unsigned long KVM_SET_GSI_ROUTING_REQUEST = KVM_SET_GSI_ROUTING;

// Flags whose macros Swift cannot read.
static const unsigned int KVM_MEM_READONLY_FLAG = KVM_MEM_READONLY;

// On a vCPU.
static const unsigned long KVM_RUN_REQUEST = KVM_RUN;
static const unsigned long KVM_GET_REGS_REQUEST = KVM_GET_REGS;
static const unsigned long KVM_SET_REGS_REQUEST = KVM_SET_REGS;
static const unsigned long KVM_GET_SREGS_REQUEST = KVM_GET_SREGS;
static const unsigned long KVM_SET_SREGS_REQUEST = KVM_SET_SREGS;
static const unsigned long KVM_SET_CPUID2_REQUEST = KVM_SET_CPUID2;
static const unsigned long KVM_SET_MSRS_REQUEST = KVM_SET_MSRS;
static const unsigned long KVM_SET_FPU_REQUEST = KVM_SET_FPU;
static const unsigned long KVM_GET_LAPIC_REQUEST = KVM_GET_LAPIC;
static const unsigned long KVM_SET_LAPIC_REQUEST = KVM_SET_LAPIC;
static const unsigned long KVM_SET_MP_STATE_REQUEST = KVM_SET_MP_STATE;
static const unsigned long KVM_GET_TSC_KHZ_REQUEST = KVM_GET_TSC_KHZ;

// ioctl(2) is variadic, which Swift calls only through its own overlay: these are its two fixed forms.
static inline int ioctl_value(int fd, unsigned long request, unsigned long value) { return ioctl(fd, request, value); }
static inline int ioctl_pointer(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }
