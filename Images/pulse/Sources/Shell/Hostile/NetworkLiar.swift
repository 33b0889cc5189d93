import CPU

/// A network card in the hands of somebody who means ill: chains, headers and commands that no driver would write.
///
/// A device that noticed wants a reset and gets it; what counts is that it works again afterwards.
final class NetworkLiar {
    private let kernel: Kernel
    private let function: Function
    private let features: UInt64
    private let isListening: Bool
    private let vectorMark: UInt8
    private(set) var device: NetworkDevice
    /// 64 KiB of it are written; chains may reach beyond.
    let scratch: DeviceMemory
    var random: Randomness
    private(set) var attempts: UInt64 = 0
    private(set) var completions: UInt64 = 0
    private(set) var resets: UInt64 = 0

    static let scratchPages = 32
    static var scratchSize: UInt64 { UInt64(scratchPages) * 4096 }
    /// Microseconds until a chain counts as never taken.
    private static let patience: UInt64 = 50_000

    init(_ kernel: Kernel, _ function: Function, features: UInt64 = 0, isListening: Bool = true, seed: UInt64) throws(Fault) {
        self.kernel = kernel
        self.function = function
        self.features = features
        self.isListening = isListening
        vectorMark = kernel.interrupts.vectorMark
        random = Randomness(seed: seed)
        scratch = try DeviceMemory(pages: Self.scratchPages)
        device = try kernel.networkDevice(function, extra: features, isListening: isListening)
    }

    var text: Text { "\(attempts) tried, \(completions) taken, \(resets) resets" }

    /// Somewhere in the scratch memory, at least `room` bytes before its end.
    func place(_ room: Int) -> UInt64 {
        scratch.address &+ UInt64(random.next(Int(Self.scratchSize) - min(room, Int(Self.scratchSize) - 1)))
    }

    /// Puts one chain before the device and waits until it has been taken, refused or let lie.
    func offer(_ segments: [Virtqueue.Segment], on queue: Queue) throws(Fault) {
        guard let target = self[queue] else { throw .noSuchDevice("control queue") }
        attempts += 1
        guard target.submit(segments) != nil else { return try restart() }
        target.ring()
        guard let timer = kernel.network?.timer else { return }
        let deadline = timer.now &+ Self.patience
        while timer.now < deadline {
            if target.takeCompletion() != nil {
                completions += 1
                return
            }
            if device.transport.needsReset { break }
            pause_spin()
        }
        try restart()
    }

    enum Queue { case receiving, sending, control }

    subscript(queue: Queue) -> Virtqueue? {
        switch queue {
        case .receiving: device.receiving
        case .sending: device.sending
        case .control: device.control
        }
    }

    func restart() throws(Fault) {
        resets += 1
        kernel.interrupts.rewindVectors(to: vectorMark)
        device = try kernel.networkDevice(function, extra: features, isListening: isListening)
    }
}
