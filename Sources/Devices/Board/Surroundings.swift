/// What the devices need of the world, handed in: time, randomness, bytes, and someone to tell that the guest wants off.
///
/// All of it is called from any thread, with locks of a device held: implementations neither block nor call back into devices.

/// Time. Both clocks are read often; make them one vDSO call.
package protocol MachineClock: Sendable {
    /// Nanoseconds since some fixed moment; never goes backwards.
    func monotonicNanoseconds() -> UInt64
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    func wallNanoseconds() -> UInt64
}

/// One one-shot timer on the monotonic clock. When it passes, its owner calls the device back (`alarmFired`), from a thread of its own.
package protocol Alarm: Sendable {
    /// Sets, moves or (nil) takes back the moment. A moment in the past fires at once.
    func set(_ monotonicNanoseconds: UInt64?)
}

/// A timer that never fires.
package struct NoAlarm: Alarm {
    package init() {}
    package func set(_ monotonicNanoseconds: UInt64?) {}
}

/// Random bytes of cryptographic quality (getrandom).
package protocol EntropySource: Sendable {
    /// Fills from the front.
    /// - Returns: how many bytes were filled; fewer than asked only if no more can be had now.
    func fill(_ bytes: inout MutableRawSpan) -> Int
}

/// Where a guest's output goes.
package protocol ByteSink: Sendable {
    /// Takes bytes from the front, as many as there is room for right now.
    /// - Returns: how many were taken, at most `bytes.byteCount`.
    func write(_ bytes: RawSpan) -> Int
}

/// Told when a device that had refused input has room again.
package protocol InputGate: Sendable {
    func roomForInput()
}

/// An input gate for input that is never held back.
package struct NoInputGate: InputGate {
    package init() {}
    package func roomForInput() {}
}

/// Why a guest asks for a reset.
package enum ResetCause: String, Sendable {
    case acpi
    case keyboard
    case portCF9 = "port-cf9"
    case port92 = "port-92"
}

/// What a guest can ask of the machine as a whole. The access that asks returns to the guest unless the vCPU is stopped first.
package protocol MachineControl: Sendable {
    func reset(_ cause: ResetCause)
    func powerOff()
    /// The guest wrote `value` to the debug-exit port.
    func debugExit(_ value: UInt32)
}
