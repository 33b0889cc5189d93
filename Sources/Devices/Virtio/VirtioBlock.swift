import Synchronization

/// virtio-blk (virtio 1.2 section 5.2): one queue of requests on a `BlockStorage`.
///
///     request    readable  { type: u32, 0: u32, sector: u64 } [data to write | segments]
///                writable  [data read | 20 bytes of serial] { status: u8 }
///     segment    { sector: u64, sectors: u32, flags: u32 }    for discard and write-zeroes
///
/// Sectors are 512 bytes. Every range is checked against the capacity before storage sees it. Any framing is accepted. A driver that did not
/// accept FLUSH gets write-through. A request without room for its status is a broken queue; every other mistake is answered.
package final class VirtioBlock: VirtioDevice {
    package static let queueSize: UInt16 = 256
    /// Buffers in a request: the queue's size without header and status.
    static let segmentLimit: UInt32 = 254
    /// Segments in one discard or write-zeroes request: what one request may cost is bounded.
    static let rangeLimit = 32
    /// Sectors in one discard segment: 2 GiB.
    static let discardLimit: UInt32 = 1 << 22
    /// Sectors in one write-zeroes segment: 32 MiB, as storage may have to write them.
    static let zeroesLimit: UInt32 = 1 << 16
    /// Answers are shown to the driver, and it is interrupted, at the latest after this many ...
    static let batch = 16
    /// ... or this many bytes.
    static let batchByteCount = 128 << 10
    /// Requests in one turn; then others on the same thread get theirs.
    static let turnLimit = 256

    package let identity = VirtioIdentity(type: 2, classCode: 0x010000, name: "virtio-blk")
    package let queueSizes: [UInt16] = [VirtioBlock.queueSize]

    enum Feature {
        static let segmentLimit: UInt64 = 1 << 2
        static let readOnly: UInt64 = 1 << 5
        static let blockSize: UInt64 = 1 << 6
        static let flush: UInt64 = 1 << 9
        static let topology: UInt64 = 1 << 10
        static let discard: UInt64 = 1 << 13
        static let writeZeroes: UInt64 = 1 << 14
    }

    private let storage: any BlockStorage
    private let serial: [UInt8]
    private let sectorCount: UInt64
    private let accepted = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)
    private let trouble: @Sendable (StorageError) -> Void

    /// - Parameters:
    ///   - serial: at most 20 bytes; what the guest finds the disk by.
    ///   - trouble: told each storage error, on the worker's thread; keeps its own rate.
    package init(storage: any BlockStorage, serial: String, trouble: @escaping @Sendable (StorageError) -> Void = { _ in }) {
        self.storage = storage
        self.serial = Array((Array(serial.utf8.prefix(20)) + Array(repeating: 0, count: 20)).prefix(20))
        self.trouble = trouble
        sectorCount = storage.byteCount / 512
    }

    /// Requests that storage could not do.
    package var failureCount: UInt64 { failures.load(ordering: .relaxed) }

    package var features: UInt64 {
        var features = Feature.segmentLimit | Feature.blockSize | Feature.flush | Feature.topology
        if storage.isReadOnly { return features | Feature.readOnly }
        features |= Feature.writeZeroes
        if storage.canDiscard { features |= Feature.discard }
        return features
    }

    /// capacity, size_max, seg_max, geometry, blk_size, topology, writeback, queues, discard, write-zeroes: 60 bytes.
    package var configuration: [UInt8] {
        var bytes = [UInt8]()
        func add<T: FixedWidthInteger>(_ value: T) {
            for index in 0..<MemoryLayout<T>.size { bytes.append(UInt8(truncatingIfNeeded: value >> T(8 * index))) }
        }
        add(sectorCount)
        add(UInt32(0))
        add(Self.segmentLimit)
        add(UInt32(0))
        add(UInt32(512))
        // 4 KiB physical blocks, aligned, best in 64 KiB: a delta's grain.
        add(UInt8(3))
        add(UInt8(0))
        add(UInt16(8))
        add(UInt32(128))
        add(UInt8(1))
        add(UInt8(0))
        add(UInt16(1))
        add(Self.discardLimit)
        add(UInt32(Self.rangeLimit))
        add(UInt32(8))
        add(Self.zeroesLimit)
        add(UInt32(Self.rangeLimit))
        add(UInt8(storage.canDiscard ? 1 : 0))
        bytes += [0, 0, 0]
        return bytes
    }

    package func negotiated(features: UInt64) {
        accepted.store(features, ordering: .relaxed)
    }

    package func reset() {
        accepted.store(0, ordering: .relaxed)
    }

    package func process(queue index: Int, _ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        var left = Self.turnLimit
        var bytes = 0
        queue.suppressNotifications()
        repeat {
            while left > 0, !queue.mustStop, try queue.next() {
                left -= 1
                guard queue.chain.writableCount > 0 else { throw queue.fail(.wrongShape) }
                let written = answer(queue.chain)
                bytes &+= queue.chain.readableCount &+ queue.chain.writableCount
                queue.finish(written: written)
                if queue.unpublished >= Self.batch || bytes >= Self.batchByteCount {
                    queue.publish()
                    bytes = 0
                }
            }
            queue.publish()
            if queue.mustStop { return false }
            if left == 0 { return true }
        } while try queue.resumeNotifications()
        return false
    }

    // MARK: Requests

    private enum Answer: UInt8 {
        case ok = 0
        case ioError = 1
        case unsupported = 2
    }

    /// Does one request and writes its status.
    /// - Returns: bytes written from the start of the writable part without a gap.
    private func answer(_ chain: DescriptorChain) -> Int {
        let dataCount = chain.writableCount - 1
        let (status, written) = attempt(chain, dataCount: dataCount)
        chain.write([status.rawValue], at: dataCount)
        return written == dataCount ? dataCount + 1 : written
    }

    private func attempt(_ chain: DescriptorChain, dataCount: Int) -> (Answer, written: Int) {
        guard let header = chain.read(at: 0, count: 16) else { return (.ioError, 0) }
        let type = little(header[0..<4])
        let sector = little(header[8..<16])
        do throws(StorageError) {
            switch type {
            case 0:
                guard let offset = offset(of: sector, count: dataCount) else { return (.ioError, 0) }
                // Safe because the ranges are the chain's own, in guest memory.
                if dataCount > 0 { try unsafe storage.read(at: offset, into: chain.writableRanges(from: 0, count: dataCount)) }
                return (.ok, dataCount)
            case 1:
                let count = chain.readableCount - 16
                guard !storage.isReadOnly, let offset = offset(of: sector, count: count) else { return (.ioError, 0) }
                // Safe because the ranges are the chain's own, in guest memory.
                if count > 0 { try unsafe storage.write(at: offset, from: chain.readableRanges(from: 16, count: count)) }
                if !has(Feature.flush) { try storage.flush() }
                return (.ok, 0)
            case 4:
                try storage.flush()
                return (.ok, 0)
            case 8:
                guard dataCount >= serial.count else { return (.ioError, 0) }
                return (.ok, chain.write(serial, at: 0))
            case 11 where has(Feature.discard): return (try discard(chain, isZeroing: false), 0)
            case 13 where has(Feature.writeZeroes): return (try discard(chain, isZeroing: true), 0)
            default: return (.unsupported, 0)
            }
        } catch {
            failures.wrappingAdd(1, ordering: .relaxed)
            trouble(error)
            return (error == .unsupported ? .unsupported : .ioError, 0)
        }
    }

    /// All segments are judged before the first is done.
    private func discard(_ chain: DescriptorChain, isZeroing: Bool) throws(StorageError) -> Answer {
        let count = chain.readableCount - 16
        guard !storage.isReadOnly, count > 0, count % 16 == 0, count / 16 <= Self.rangeLimit,
            let bytes = chain.read(at: 16, count: count)
        else { return .ioError }
        var ranges: [(offset: UInt64, count: UInt64, mayFree: Bool)] = []
        for start in stride(from: 0, to: count, by: 16) {
            let sector = little(bytes[start..<(start + 8)])
            let sectors = little(bytes[(start + 8)..<(start + 12)])
            let flags = little(bytes[(start + 12)..<(start + 16)])
            // Bit 0 of the flags allows write-zeroes to free; for a discard it has no meaning.
            guard flags & ~1 == 0, isZeroing || flags == 0 else { return .unsupported }
            guard sectors <= UInt64(isZeroing ? Self.zeroesLimit : Self.discardLimit) else { return .ioError }
            guard let offset = offset(of: sector, count: Int(sectors) * 512) else { return .ioError }
            if sectors > 0 { ranges.append((offset, sectors * 512, flags & 1 != 0)) }
        }
        for range in ranges {
            if isZeroing {
                try storage.writeZeroes(at: range.offset, count: range.count, mayFree: range.mayFree)
            } else {
                try storage.discard(at: range.offset, count: range.count)
            }
        }
        if !has(Feature.flush) { try storage.flush() }
        return .ok
    }

    private func has(_ feature: UInt64) -> Bool { accepted.load(ordering: .relaxed) & feature != 0 }

    /// The byte offset of `sector`, if `count` bytes from there are whole sectors inside the disk.
    private func offset(of sector: UInt64, count: Int) -> UInt64? {
        guard count >= 0, count % 512 == 0 else { return nil }
        let sectors = UInt64(count / 512)
        guard sector <= sectorCount, sectors <= sectorCount - sector else { return nil }
        return sector * 512
    }

    private func little(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
