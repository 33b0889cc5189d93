internal import Devices
internal import Host

/// What a vCPU's thread does: turns in the guest, and an answer to each reason for leaving it.
struct VCPULoop: Sendable {
    let vcpu: VCPU
    let ports: Bus
    let windows: Bus
    let control: RunControl
    /// A triple fault resets the machine, as on a PC, instead of being reported.
    let resetsOnTripleFault: Bool

    func run() {
        control.enroll(vcpu)
        // Guests poll one device for long: what this thread last used is found again without a lock.
        var portCache = BusCache()
        var windowCache = BusCache()
        while !control.hasEnded {
            do throws(KVMError) {
                switch try vcpu.enter() {
                case .port(let access): answer(access, &portCache)
                case .memory(let address, let count, let isWrite): answer(address, count, isWrite: isWrite, &windowCache)
                case .interrupted: vcpu.clearKick()
                case .tripleFault:
                    if resetsOnTripleFault {
                        control.end(.reset(cause: "triple-fault"))
                    } else {
                        fault(.tripleFault, "triple fault")
                    }
                case .internalError(let reason): fault(.internalError, reason)
                case .entryFailed(let reason): fault(.entryFailed, "hardware reason 0x\(hex(reason))")
                case .halted: fault(.unhandledExit, "halted, though the interrupt controllers are in the kernel")
                case .systemEvent(let type): fault(.unhandledExit, "system event \(type)")
                case .other(let reason): fault(.unhandledExit, "exit \(reason)")
                }
            } catch {
                control.end(.failed(error))
            }
        }
    }

    private func fault(_ kind: Ending.Fault.Kind, _ detail: String) {
        let place = vcpu.instructionPointer().map { " at 0x\(hex($0))" } ?? ""
        control.end(.fault(Ending.Fault(kind: kind, detail: "vCPU \(vcpu.index)\(place): \(detail)")))
    }

    /// Every repetition of a string access is an access of its own.
    private func answer(_ access: PortAccess, _ cache: inout BusCache) {
        let width = Int(access.width)
        let port = UInt64(access.port)
        // Safe because the data lies in the vCPU's page and each element in the data.
        unsafe vcpu.withPortData(access) { data in
            for start in stride(from: 0, to: data.count, by: max(width, 1)) {
                if access.isWrite {
                    var value: UInt64 = 0
                    for index in (0..<width).reversed() { value = unsafe value << 8 | UInt64(data[start + index]) }
                    ports.write(port, count: width, value: value, through: &cache)
                } else {
                    let value = ports.read(port, count: width, through: &cache)
                    for index in 0..<width { unsafe data[start + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
                }
            }
        }
    }

    private func answer(_ address: UInt64, _ count: Int, isWrite: Bool, _ cache: inout BusCache) {
        if isWrite {
            windows.write(address, count: count, value: vcpu.memoryValue(count: count), through: &cache)
        } else {
            vcpu.setMemoryValue(windows.read(address, count: count, through: &cache))
        }
    }
}
