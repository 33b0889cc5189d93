import CPU

/// virtio-rng: a queue of buffers to be filled (virtio 1.2, 5.4).
final class EntropyDevice {
    let transport: Transport
    let queue: Virtqueue
    private let buffer: DeviceMemory

    static let deviceType: UInt16 = 4
    private static let bufferSize: UInt32 = 4096

    init(_ function: Function, interrupts: Interrupts) throws(Fault) {
        transport = try Transport(function, wanted: Transport.Feature.eventIndex, interrupts: interrupts)
        queue = try transport.queue(0, limit: 8)
        buffer = try DeviceMemory(pages: 1)
        transport.start()
    }

    /// `count` random bytes, in as many requests as the device wants.
    func bytes(_ count: UInt32) throws(Fault) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(count))
        while bytes.count < Int(count) {
            let length = min(count - UInt32(bytes.count), Self.bufferSize)
            guard queue.submit([.init(address: buffer.address, length: length, deviceWrites: true)]) != nil else {
                throw .deviceNeedsReset("rng")
            }
            queue.notify()
            var completion = queue.takeCompletion()
            while completion == nil {
                guard !transport.needsReset else { throw .deviceNeedsReset("rng") }
                transport.wait()
                completion = queue.takeCompletion()
            }
            transport.quiet()
            let written = min(completion?.written ?? 0, length)
            guard written > 0 else { throw .deviceRefused("to give any byte") }
            bytes += byteArray(at: buffer.address, count: Int(written))
        }
        return bytes
    }
}
