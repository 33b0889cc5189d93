internal import Devices
internal import Glibc
internal import Host
internal import Synchronization

/// What this host's KVM is worth: hardware runs billions of instructions a second, an emulation a few million or fewer.
package struct Measurement: Sendable {
    /// ok, missing, refused or error.
    package let kind: String
    package let detail: String
    package let instructionsPerSecond: UInt64

    package var json: String {
        #"{"kvm":"\#(kind)","detail":"\#(escaped(detail))","instructions_per_second":\#(instructionsPerSecond)}"#
    }

    /// Long enough to be sure of the order of magnitude.
    private static let microseconds: UInt32 = 5000

    /// Runs a counting loop in a guest of one page for a few milliseconds.
    package static func take() -> Measurement {
        do throws(KVMError) {
            let count = try measure()
            return Measurement(kind: "ok", detail: "", instructionsPerSecond: count)
        } catch {
            return Measurement(kind: error.kind, detail: "\(error)", instructionsPerSecond: 0)
        }
    }

    /// In real mode: `again: inc ecx; jnz again` with 32-bit operands, 2^32 turns; ended by a kick.
    private static let loop: [UInt8] = [0x66, 0x41, 0x75, 0xFC, 0xEB, 0xFA]

    private static func measure() throws(KVMError) -> UInt64 {
        let kvm = try KVM()
        let machine = try kvm.makeMachine()
        try machine.setKernelPages(tss: AddressMap.kvmTaskState, identityMap: AddressMap.kvmIdentityMap)
        let page = 4096
        do {
            let memory = try Mapping.anonymous(count: page, doing: "map a page for the measurement")
            // Safe because the page is the mapping's own, and larger than the loop.
            unsafe UnsafeMutableRawBufferPointer(start: memory.base, count: page).copyBytes(from: loop)
            unsafe try machine.setMemory(slot: 0, guest: 0x1000, host: memory.base, count: UInt64(page))
            let vcpu = try machine.makeVCPU(index: 0)
            try vcpu.setRealModeEntry(0x1000)
            let alarm = try EventLoop()
            let control = RunControl(loop: alarm.remote)
            RunControl.installKickHandler()
            control.enroll(vcpu)
            let watchdog = try NamedThread("measure") {
                usleep(Self.microseconds)
                control.end(.stopped)
            }
            let start = EventLoop.now()
            while !control.hasEnded {
                guard case .interrupted = try vcpu.enter() else { throw KVMError.lacks("the ability to run a loop of two instructions") }
            }
            let elapsed = max(EventLoop.now() - start, 1)
            watchdog.join()
            // Two instructions a turn.
            let turns = UInt64(try vcpu.counter())
            return turns * 2 * 1_000_000_000 / elapsed
        } catch let error as KVMError {
            throw error
        } catch let error as OSError {
            throw .request(error)
        } catch {
            throw .lacks("\(error)")
        }
    }
}
