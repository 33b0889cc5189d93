import CPU

/// virtio-net, one pair of queues (virtio 1.2, 5.1): queue 0 receives, queue 1 sends.
///
///     buffer   header (12): flags (1), segmentation (1), header length (2), segment size (2), checksum start (2) and offset (2), buffers (2)
///              frame
///
/// Buffers are fixed, one for each descriptor; the descriptor's number says which.
final class NetworkDevice {
    let transport: Transport
    let receiving: Virtqueue
    let sending: Virtqueue
    let control: Virtqueue?
    let address: MACAddress
    /// Bytes of the largest packet, Ethernet header not counted.
    let mtu: Int
    private let bufferSize: Int
    private let receiveBuffers: DeviceMemory
    private let sendBuffers: DeviceMemory
    /// Buffers were given back and the device does not know it yet.
    private var owesNotice = false

    static let deviceType: UInt16 = 1
    static let headerSize = 12
    static let ethernetSize = 14
    private static let tagSize = 4
    private static let mostBuffers = 64
    /// What each direction has, all buffers together.
    private static let memoryPages = 32
    private static let standardMTU = 1500
    private static let largestMTU = 65535

    enum Feature {
        static let checksum: UInt64 = 1 << 0
        static let guestChecksum: UInt64 = 1 << 1
        static let mtu: UInt64 = 1 << 3
        static let mac: UInt64 = 1 << 5
        static let status: UInt64 = 1 << 16
        static let control: UInt64 = 1 << 17
        static let controlReceive: UInt64 = 1 << 18
        static let controlAddress: UInt64 = 1 << 23
        static let offloads = checksum | guestChecksum
        static let controls = control | controlReceive | controlAddress
    }

    private enum Flag {
        static let needsChecksum: UInt8 = 1
        static let dataIsValid: UInt8 = 2
    }

    /// Where a checksum belongs that the other side completes: the sum runs from `start` to the frame's end.
    struct OpenChecksum {
        let start: Int
        let offset: Int
    }

    /// - Parameter extra: features beyond those that every card needs.
    init(_ function: Function, extra: UInt64 = 0, isListening: Bool = true, interrupts: Interrupts) throws(Fault) {
        let wanted = Feature.mtu | Feature.mac | Feature.status | Transport.Feature.eventIndex | extra
        transport = try Transport(function, wanted: wanted, interrupts: interrupts, tellsChanges: true)
        let told = transport.has(Feature.mtu) ? Int(transport.config.read16(10)) : Self.standardMTU
        mtu = min(max(told, 68), Self.largestMTU)
        bufferSize = (mtu + Self.ethernetSize + Self.tagSize + Self.headerSize + 2047) & ~2047
        var count: UInt16 = 1
        while Int(count) * 2 <= min(Self.mostBuffers, Self.memoryPages * 4096 / bufferSize) { count *= 2 }
        receiving = try transport.queue(0, limit: count)
        sending = try transport.queue(1, limit: count)
        control = transport.has(Feature.control) ? try transport.queue(2, limit: count) : nil
        receiveBuffers = try DeviceMemory(pages: Self.memoryPages)
        sendBuffers = try DeviceMemory(pages: Self.memoryPages)
        let config = transport.config
        address =
            transport.has(Feature.mac)
            ? MACAddress(bits: UInt64(config.read32(0).byteSwapped) << 16 | UInt64(config.read16(4).byteSwapped))
            : MACAddress(bits: 0x0200_0000_0000 | UInt64(function.bus) << 16 | UInt64(function.device) << 8 | UInt64(function.function))
        transport.start()
        guard isListening else { return }
        while receiving.nextHead != nil { give() }
        receiving.notify()
    }

    var isLinkUp: Bool { !transport.has(Feature.status) || transport.config.read16(6) & 1 != 0 }

    private func buffer(_ start: UInt64, _ head: UInt16) -> UInt64 { start &+ UInt64(head) &* UInt64(bufferSize) }

    /// Lets the device fill the buffer of the next free descriptor.
    private func give() {
        guard let head = receiving.nextHead else { return }
        let place = buffer(receiveBuffers.address, head)
        _ = receiving.submit([.init(address: place, length: UInt32(bufferSize), deviceWrites: true)])
        owesNotice = true
    }

    /// Shows the next frame that came, and whether its inner checksum needs no look; false if there is none.
    func takeFrame(_ body: (Packet, _ isChecked: Bool) -> Void) -> Bool {
        guard let completion = receiving.takeCompletion(), completion.head < receiving.size else {
            if owesNotice { receiving.notify() }
            owesNotice = false
            return false
        }
        let place = buffer(receiveBuffers.address, completion.head)
        let count = min(Int(completion.written), bufferSize) - Self.headerSize
        if count >= Self.ethernetSize {
            let isChecked = load8(place) & (Flag.needsChecksum | Flag.dataIsValid) != 0
            body(Packet(address: place &+ UInt64(Self.headerSize), count: count), isChecked)
        }
        give()
        return true
    }

    /// Room for the next frame to be sent; `nil` if the device has not yet sent enough of those before.
    func claim() -> Packet? {
        if sending.nextHead == nil { while sending.takeCompletion() != nil {} }
        guard let head = sending.nextHead else { return nil }
        return Packet(
            address: buffer(sendBuffers.address, head) &+ UInt64(Self.headerSize), count: Self.ethernetSize + Self.tagSize + mtu)
    }

    /// Sends what was written to the claimed room.
    /// - Parameter isLast: false if more follows at once, so that the bell may wait.
    func send(_ count: Int, open: OpenChecksum? = nil, isLast: Bool = true) {
        guard let head = sending.nextHead else { return }
        let place = buffer(sendBuffers.address, head)
        store64(place, 0)
        store32(place &+ 8, 0)
        if let open {
            store8(place, Flag.needsChecksum)
            store16(place &+ 6, UInt16(truncatingIfNeeded: open.start))
            store16(place &+ 8, UInt16(truncatingIfNeeded: open.offset))
        }
        _ = sending.submit([.init(address: place, length: UInt32(Self.headerSize + count), deviceWrites: false)])
        if isLast { sending.notify() }
    }
}
