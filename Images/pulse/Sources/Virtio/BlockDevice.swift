import CPU

/// virtio-blk, one request at a time (virtio 1.2, 5.2).
///
///     request: type (4), reserved (4), sector (8) | data | status (1)
final class BlockDevice {
    let transport: Transport
    let capacity: UInt64
    let queue: Virtqueue
    private let framing: DeviceMemory
    private let data: DeviceMemory

    static let deviceType: UInt16 = 2
    static let sectorSize: UInt64 = 512
    static let bufferSectors: UInt64 = 64

    private enum Feature {
        static let readOnly: UInt64 = 1 << 5
        static let flush: UInt64 = 1 << 9
        static let discard: UInt64 = 1 << 13
        static let writeZeroes: UInt64 = 1 << 14
    }

    private enum Request {
        static let read: UInt32 = 0
        static let write: UInt32 = 1
        static let flush: UInt32 = 4
        static let identity: UInt32 = 8
        static let discard: UInt32 = 11
    }

    init(_ function: Function, interrupts: Interrupts) throws(Fault) {
        let wanted = Feature.readOnly | Feature.flush | Feature.discard | Feature.writeZeroes | Transport.Feature.eventIndex
        transport = try Transport(function, wanted: wanted, interrupts: interrupts)
        queue = try transport.queue(0, limit: 64)
        capacity = transport.config.read64(0)
        data = try DeviceMemory(pages: Int(Self.bufferSectors * Self.sectorSize / 4096))
        framing = try DeviceMemory(pages: 1)
        transport.start()
    }

    private var header: UInt64 { framing.address }
    private var status: UInt64 { framing.address &+ 16 }
    /// Where data goes through: `bufferSectors` sectors.
    var buffer: UInt64 { data.address }

    var isReadOnly: Bool { transport.has(Feature.readOnly) }
    var canDiscard: Bool { transport.has(Feature.discard) }

    /// Fills the buffer from `count` sectors.
    func read(_ sector: UInt64, _ count: UInt64 = 1) throws(Fault) {
        try checkBuffer(count)
        try perform(Request.read, sector, [.init(address: buffer, length: UInt32(count * Self.sectorSize), deviceWrites: true)])
    }

    /// Writes `count` sectors of the buffer.
    func write(_ sector: UInt64, _ count: UInt64 = 1) throws(Fault) {
        try checkBuffer(count)
        try perform(Request.write, sector, [.init(address: buffer, length: UInt32(count * Self.sectorSize), deviceWrites: false)])
    }

    func flush() throws(Fault) {
        try perform(Request.flush, 0, [])
    }

    /// One range: sector (8), sectors (4), flags (4).
    func discard(_ sector: UInt64, _ count: UInt32) throws(Fault) {
        store64(buffer, sector)
        store32(buffer &+ 8, count)
        store32(buffer &+ 12, 0)
        try perform(Request.discard, 0, [.init(address: buffer, length: 16, deviceWrites: false)])
    }

    /// The name that the monitor gave it: at most 20 bytes.
    func serial() throws(Fault) -> [UInt8] {
        fill_bytes(buffer, 0, 20)
        try perform(Request.identity, 0, [.init(address: buffer, length: 20, deviceWrites: true)])
        var name: [UInt8] = []
        for offset in 0..<20 as Range<UInt64> {
            let byte = load8(buffer &+ offset)
            if byte == 0 { break }
            name.append(byte)
        }
        return name
    }

    private func checkBuffer(_ count: UInt64) throws(Fault) {
        guard count >= 1, count <= Self.bufferSectors else { throw .outOfRange("sectors at once") }
    }

    private func perform(_ type: UInt32, _ sector: UInt64, _ data: [Virtqueue.Segment]) throws(Fault) {
        store32(header, type)
        store32(header &+ 4, 0)
        store64(header &+ 8, sector)
        store8(status, 0xFF)
        var segments = [Virtqueue.Segment(address: header, length: 16, deviceWrites: false)]
        segments += data
        segments.append(.init(address: status, length: 1, deviceWrites: true))
        guard queue.submit(segments) != nil else { throw .deviceNeedsReset("disk") }
        queue.notify()
        while queue.takeCompletion() == nil {
            guard !transport.needsReset else { throw .deviceNeedsReset("disk") }
            transport.wait()
        }
        transport.quiet()
        let result = load8(status)
        guard result == 0 else { throw .inputOutput(status: result) }
    }
}
