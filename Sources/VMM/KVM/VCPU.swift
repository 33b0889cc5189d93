internal import CLinux
internal import Glibc
internal import Host

/// One virtual processor: its registers, and its turns in the guest.
///
/// Belongs to the thread that runs it; only `kick` may be called from others.
package final class VCPU: Sendable {
    package let index: Int
    let descriptor: Descriptor
    /// The page shared with the kernel: `kvm_run`, then the data of port accesses.
    private let page: Mapping

    init(_ descriptor: consuming Descriptor, index: Int, runSize: Int) throws(KVMError) {
        do throws(OSError) {
            page = try Mapping.shared(descriptor, count: runSize, doing: "map the page of vCPU \(index)")
        } catch {
            throw .request(error)
        }
        self.index = index
        self.descriptor = descriptor
    }

    private var run: UnsafeMutablePointer<kvm_run> {
        // Safe because the kernel laid the structure out at the page's start, and the page lives as long as this value.
        unsafe page.base.assumingMemoryBound(to: kvm_run.self)
    }

    // MARK: Turns in the guest

    /// Makes the next (or present) turn end at once with `.interrupted`; the caller also signals the vCPU's thread.
    package func kick() {
        unsafe run.pointee.immediate_exit = 1
    }

    /// Takes a kick back, before whoever kicked is listened to.
    package func clearKick() {
        unsafe run.pointee.immediate_exit = 0
    }

    /// Runs the guest until it needs something.
    package func enter() throws(KVMError) -> VCPUExit {
        // Safe because the request takes no argument.
        let result = ioctl_value(descriptor.number, KVM_RUN_REQUEST, 0)
        if result != 0 {
            let error = OSError.current("run vCPU \(index)")
            // EAGAIN: a vCPU that waited to be started was woken for another reason.
            if error.code == .interrupted || error.code == .resourceTemporarilyUnavailable { return .interrupted }
            throw .request(error)
        }
        // Safe because the kernel filled in the member of the union that belongs to the reason.
        switch unsafe Int32(bitPattern: run.pointee.exit_reason) {
        case KVM_EXIT_IO:
            let io = unsafe run.pointee.io
            return .port(
                PortAccess(
                    port: io.port, width: io.size, count: io.count, isWrite: io.direction == UInt8(KVM_EXIT_IO_OUT),
                    dataOffset: Int(clamping: io.data_offset)))
        case KVM_EXIT_MMIO:
            let mmio = unsafe run.pointee.mmio
            return .memory(address: mmio.phys_addr, count: Int(min(mmio.len, 8)), isWrite: mmio.is_write != 0)
        case KVM_EXIT_INTR, KVM_EXIT_IRQ_WINDOW_OPEN: return .interrupted
        case KVM_EXIT_HLT: return .halted
        case KVM_EXIT_SHUTDOWN: return .tripleFault
        case KVM_EXIT_FAIL_ENTRY: return .entryFailed(reason: unsafe run.pointee.fail_entry.hardware_entry_failure_reason)
        case KVM_EXIT_INTERNAL_ERROR: return .internalError(internalError())
        case KVM_EXIT_SYSTEM_EVENT: return .systemEvent(unsafe run.pointee.system_event.type)
        default: return .other(unsafe run.pointee.exit_reason)
        }
    }

    /// Data of the port access that ended the turn: `width` bytes for each of `count` repetitions.
    package func withPortData(_ access: PortAccess, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let count = Int(access.width) * Int(access.count)
        guard access.dataOffset >= 0, count >= 0, count <= page.count, access.dataOffset <= page.count - count else { return }
        // Safe because the range was just checked against the page.
        unsafe body(UnsafeMutableRawBufferPointer(start: page.base + access.dataOffset, count: count))
    }

    /// The value that a memory access wrote (`count` bytes, little-endian).
    package func memoryValue(count: Int) -> UInt64 {
        // Safe because the eight data bytes are a member of the structure.
        var data = unsafe run.pointee.mmio.data
        let value = unsafe withUnsafeBytes(of: &data) { unsafe $0.loadUnaligned(as: UInt64.self) }
        return count >= 8 ? value : value & ((1 << UInt64(count * 8)) - 1)
    }

    /// The answer to a memory read.
    package func setMemoryValue(_ value: UInt64) {
        // Safe because the eight data bytes are a member of the structure.
        unsafe withUnsafeMutableBytes(of: &run.pointee.mmio.data) { unsafe $0.storeBytes(of: value, as: UInt64.self) }
    }

    /// What the kernel could not do, in words, with the address of the instruction and its bytes where it gives them.
    private func internalError() -> String {
        // Safe because the reason was KVM_EXIT_INTERNAL_ERROR.
        var report = unsafe run.pointee.internal
        let name =
            switch Int32(bitPattern: report.suberror) {
            case KVM_INTERNAL_ERROR_EMULATION: "instruction emulation failed"
            case KVM_INTERNAL_ERROR_SIMUL_EX: "simultaneous exceptions"
            case KVM_INTERNAL_ERROR_DELIVERY_EV: "exit during event delivery"
            case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON: "unexpected hardware exit"
            default: "suberror \(report.suberror)"
            }
        // Safe because the array is a member of the structure.
        let data = unsafe withUnsafeBytes(of: &report.data) { unsafe [UInt64]($0.bindMemory(to: UInt64.self)) }
        let words = data.prefix(Int(min(report.ndata, 16))).map { "0x\(String($0, radix: 16))" }
        return name + (words.isEmpty ? "" : " (" + words.joined(separator: " ") + ")")
    }
}

/// Why a turn in the guest ended.
package enum VCPUExit: Sendable {
    case port(PortAccess)
    case memory(address: UInt64, count: Int, isWrite: Bool)
    case interrupted
    case halted
    case tripleFault
    case entryFailed(reason: UInt64)
    case internalError(String)
    case systemEvent(UInt32)
    /// Something this program never asked the kernel for.
    case other(UInt32)
}

/// An IN, OUT, INS or OUTS, with REP `count` times.
package struct PortAccess: Sendable {
    package let port: UInt16
    package let width: UInt8
    package let count: UInt32
    package let isWrite: Bool
    let dataOffset: Int
}
