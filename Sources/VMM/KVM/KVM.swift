internal import CLinux
internal import Glibc
internal import Host
internal import Processor

/// `/dev/kvm`: what this host can do, and the way to a virtual machine.
package struct KVM: ~Copyable {
    let device: Descriptor

    /// Opens the device and checks that all a machine needs is there.
    package init() throws(KVMError) {
        let device: Descriptor
        do throws(OSError) {
            device = try Descriptor.open("/dev/kvm", O_RDWR)
        } catch {
            switch error.code {
            case .noSuchFileOrDirectory, .noSuchAddressOrDevice, .operationNotSupportedByDevice: throw .missing
            case .permissionDenied, .notPermitted: throw .refused(error.code)
            default: throw .request(error)
            }
        }
        let version = try request("ask KVM for its version", on: device, KVM_GET_API_VERSION_REQUEST)
        guard version == 12 else { throw .version(version) }
        for (capability, name) in Self.needed {
            let answer = try request("ask KVM for \(name)", on: device, KVM_CHECK_EXTENSION_REQUEST, UInt(capability))
            guard answer > 0 else { throw .lacks(name) }
        }
        self.device = device
    }

    /// Each is in every KVM since Linux 4.13; none is worked around.
    private static let needed: [(Int32, String)] = [
        (KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"), (KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"),
        (KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR"), (KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"),
        (KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"), (KVM_CAP_PIT2, "KVM_CAP_PIT2"), (KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING"),
        (KVM_CAP_IRQFD, "KVM_CAP_IRQFD"), (KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD"),
        (KVM_CAP_IOEVENTFD_ANY_LENGTH, "KVM_CAP_IOEVENTFD_ANY_LENGTH"), (KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"),
        (KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"),
    ]

    /// ROM needs it; every hardware KVM since Linux 3.7 has it.
    func requireReadOnlyMemory() throws(KVMError) {
        let answer = try request(
            "ask KVM for read-only memory", on: device, KVM_CHECK_EXTENSION_REQUEST, UInt(KVM_CAP_READONLY_MEM))
        guard answer > 0 else { throw .lacks("KVM_CAP_READONLY_MEM, which firmware needs") }
    }

    /// How many vCPUs one machine may have.
    package func maximumCPUs() throws(KVMError) -> Int {
        Int(try request("ask KVM for its vCPU limit", on: device, KVM_CHECK_EXTENSION_REQUEST, UInt(KVM_CAP_MAX_VCPUS)))
    }

    /// True when the in-kernel local APIC has the TSC deadline mode; CPUID may then say so.
    func hasDeadlineTimer() throws(KVMError) -> Bool {
        try request("ask KVM for the TSC deadline timer", on: device, KVM_CHECK_EXTENSION_REQUEST, UInt(KVM_CAP_TSC_DEADLINE_TIMER)) > 0
    }

    /// Bytes of the page that a vCPU shares with the kernel.
    func runSize() throws(KVMError) -> Int {
        Int(try request("ask KVM for the size of a vCPU's page", on: device, KVM_GET_VCPU_MMAP_SIZE_REQUEST))
    }

    /// The CPUID leaves this host can give a guest, unfiltered.
    func supportedCPUID() throws(KVMError) -> [CPUID.Leaf] {
        var raw = [kvm_cpuid_entry2](repeating: kvm_cpuid_entry2(), count: Self.cpuidRoom)
        let answer = try request(
            "read the supported CPUID", on: device, KVM_GET_SUPPORTED_CPUID_REQUEST, count: UInt32(Self.cpuidRoom), elements: &raw)
        return raw.prefix(Int(min(answer.count, UInt32(Self.cpuidRoom)))).map { CPUID.Leaf($0) }
    }

    /// The kernel's own bound on the leaves of one vCPU (KVM_MAX_CPUID_ENTRIES).
    static let cpuidRoom = 256

    /// A new, empty machine.
    package func makeMachine() throws(KVMError) -> VirtualMachine {
        let number = try request("create a virtual machine", on: device, KVM_CREATE_VM_REQUEST)
        return VirtualMachine(Descriptor(owning: number), runSize: try runSize())
    }
}

extension CPUID.Leaf {
    init(_ raw: kvm_cpuid_entry2) {
        self.init(
            function: raw.function, index: raw.flags & UInt32(KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0 ? raw.index : nil,
            eax: raw.eax, ebx: raw.ebx, ecx: raw.ecx, edx: raw.edx)
    }

    var raw: kvm_cpuid_entry2 {
        var raw = kvm_cpuid_entry2()
        raw.function = function
        raw.index = index ?? 0
        raw.flags = index == nil ? 0 : UInt32(KVM_CPUID_FLAG_SIGNIFCANT_INDEX)
        (raw.eax, raw.ebx, raw.ecx, raw.edx) = (eax, ebx, ecx, edx)
        return raw
    }
}
