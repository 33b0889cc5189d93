import CPU

/// virtio-console, its first port (virtio 1.2, 5.3): queue 0 receives, queue 1 sends.
///
/// Buffers are fixed pages, one for each descriptor; the descriptor's number says which page.
final class ConsoleDevice {
    let transport: Transport
    private let receiving: Virtqueue
    let sending: Virtqueue
    private let receiveBuffers: DeviceMemory
    private let sendBuffers: DeviceMemory
    /// Received pages not read to the end: which one, how far, how much.
    private var current: (buffer: UInt64, offset: UInt32, length: UInt32)?

    static let deviceType: UInt16 = 3
    private static let queueLimit: UInt16 = 16
    private static let bufferSize: UInt64 = 4096

    init(_ function: Function, interrupts: Interrupts) throws(Fault) {
        transport = try Transport(function, wanted: Transport.Feature.eventIndex, interrupts: interrupts)
        receiving = try transport.queue(0, limit: Self.queueLimit)
        sending = try transport.queue(1, limit: Self.queueLimit)
        receiveBuffers = try DeviceMemory(pages: Int(Self.queueLimit))
        sendBuffers = try DeviceMemory(pages: Int(Self.queueLimit))
        transport.start()
        while receiving.nextHead != nil { give() }
        receiving.notify()
    }

    /// Lets the device fill the page of the next free descriptor.
    private func give() {
        guard let head = receiving.nextHead else { return }
        let page = receiveBuffers.address &+ UInt64(head) &* Self.bufferSize
        _ = receiving.submit([.init(address: page, length: UInt32(Self.bufferSize), deviceWrites: true)])
    }

    /// What was typed and not yet read, at most `limit` bytes of it.
    func read(_ limit: Int) -> [UInt8] {
        if current == nil {
            guard let completion = receiving.takeCompletion(), completion.head < receiving.size else { return [] }
            let page = receiveBuffers.address &+ UInt64(completion.head) &* Self.bufferSize
            current = (page, 0, min(completion.written, UInt32(Self.bufferSize)))
        }
        guard var place = current else { return [] }
        let count = min(place.length &- place.offset, UInt32(clamping: limit))
        let bytes = byteArray(at: place.buffer &+ UInt64(place.offset), count: Int(count))
        place.offset &+= count
        current = place
        if place.offset >= place.length {
            current = nil
            give()
            receiving.notify()
        }
        return bytes
    }

    func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            while sending.takeCompletion() != nil {}
            guard let head = sending.nextHead else {
                if transport.needsReset { return }
                transport.wait()
                continue
            }
            let page = sendBuffers.address &+ UInt64(head) &* Self.bufferSize
            let length = min(bytes.count - sent, Int(Self.bufferSize))
            store(bytes[sent..<sent + length], at: page)
            _ = sending.submit([.init(address: page, length: UInt32(length), deviceWrites: false)])
            sending.notify()
            sent += length
        }
    }
}
