internal import Host

/// Reads a qcow2 disk from beginning to end, once: what its guest would see, as a raw disk.
///
///     first-level entry    63 (in use)  55..9 where the second-level table lies, 0 for none
///     second-level entry   62 = 0:      55..9 where the cluster lies, 0 for none; 0 set: all zeros
///                          62 = 1:      x..61 further sectors, below x where the deflate stream begins; x = 70 - cluster bits
///
/// The file is hostile. No name in it is followed, no offset trusted, and what it may make us read and write is bounded by its own length: no
/// true disk names a cluster twice.
struct Qcow2Reader {
    private let file: SharedDescriptor
    private let fileSize: UInt64
    private let subject: String
    let header: Qcow2Header
    /// Bytes of tables and plain clusters that may still be read.
    private var plainLeft: UInt64
    /// Bytes that compressed clusters may still become.
    private var unpackedLeft: UInt64

    private static let offsetMask: UInt64 = 0x00FF_FFFF_FFFF_FE00
    private static let isCompressed: UInt64 = 1 << 62
    private static let isZero: UInt64 = 1

    init(_ file: SharedDescriptor, subject: String) throws(ImageError) {
        self.file = file
        self.subject = subject
        let (size, bytes): (UInt64, [UInt8])
        do throws(OSError) {
            size = try file.with { file throws(OSError) in try file.size() }
            bytes = try file.with { file throws(OSError) in try file.read(upTo: Qcow2Header.byteCount, at: 0) }
        } catch {
            throw ImageError(error, subject)
        }
        fileSize = size
        header = try Qcow2Header(bytes, fileSize: size, subject: subject)
        plainLeft = size + header.clusterSize
        let (most, overflow) = size.multipliedReportingOverflow(by: Inflate.greatestRatio)
        unpackedLeft = overflow ? .max : most
    }

    /// Hands over every cluster that is there, with its place on the guest's disk; the rest is zeros.
    mutating func forEachCluster(_ take: ([UInt8], UInt64) throws(ImageError) -> Void) throws(ImageError) {
        let table = try numbers(header.tableCount, at: header.table)
        let covered = header.clusterSize * header.entriesInTable
        for (index, entry) in table.enumerated() {
            let place = entry & Self.offsetMask
            guard place != 0 else { continue }
            let start = UInt64(index) * covered
            try charge(header.clusterSize)
            guard place % header.clusterSize == 0 else { throw damaged("a second-level table lies at 0x\(String(place, radix: 16))") }
            let count = min(header.entriesInTable, (header.size - start - 1) / header.clusterSize + 1)
            for (number, entry) in try numbers(Int(count), at: place).enumerated() {
                let address = start + UInt64(number) * header.clusterSize
                if let cluster = try cluster(entry) {
                    try take(cluster.count > header.size - address ? Array(cluster.prefix(Int(header.size - address))) : cluster, address)
                }
            }
        }
    }

    /// What an entry of a second-level table stands for; nil for zeros.
    private mutating func cluster(_ entry: UInt64) throws(ImageError) -> [UInt8]? {
        if entry & Self.isCompressed != 0 { return try unpacked(entry) }
        let place = entry & Self.offsetMask
        if place == 0 || header.hasZeroClusters && entry & Self.isZero != 0 { return nil }
        try charge(header.clusterSize)
        guard place % header.clusterSize == 0, place < fileSize else { throw damaged("a cluster lies at 0x\(String(place, radix: 16))") }
        var bytes = try read(Int(header.clusterSize), at: place)
        // The last one may be written only as far as it was used.
        if bytes.count < Int(header.clusterSize) { bytes += [UInt8](repeating: 0, count: Int(header.clusterSize) - bytes.count) }
        return bytes
    }

    private mutating func unpacked(_ entry: UInt64) throws(ImageError) -> [UInt8] {
        let bits = UInt64(70 - header.clusterBits)
        let place = entry & ((1 << bits) - 1)
        let sectors = entry >> bits & ((1 << (62 - bits)) - 1)
        guard place < fileSize else { throw damaged("a compressed cluster lies at 0x\(String(place, radix: 16))") }
        guard header.clusterSize <= unpackedLeft else { throw damaged("it holds more than its length can") }
        unpackedLeft -= header.clusterSize
        let count = min((sectors + 1) * 512 - place % 512, fileSize - place)
        // Both factors are small: sectors are fewer than 2^14.
        let packed = try read(Int(count), at: place)
        var bytes = [UInt8](repeating: 0, count: Int(header.clusterSize))
        guard Inflate.fill(&bytes, from: packed) else {
            throw damaged("a compressed cluster at 0x\(String(place, radix: 16)) cannot be unpacked")
        }
        return bytes
    }

    private mutating func charge(_ count: UInt64) throws(ImageError) {
        guard count <= plainLeft else { throw damaged("its tables name the same parts of the file again and again") }
        plainLeft -= count
    }

    private func numbers(_ count: Int, at offset: UInt64) throws(ImageError) -> [UInt64] {
        let bytes = try read(count * 8, at: offset)
        guard bytes.count == count * 8 else { throw damaged("a table lies outside the file") }
        return (0..<count).map { index in
            var value: UInt64 = 0
            for place in index * 8..<index * 8 + 8 { value = value << 8 | UInt64(bytes[place]) }
            return value
        }
    }

    private func read(_ count: Int, at offset: UInt64) throws(ImageError) -> [UInt8] {
        do throws(OSError) {
            return try file.with { file throws(OSError) in try file.read(upTo: count, at: offset) }
        } catch {
            throw ImageError(error, subject)
        }
    }

    private func damaged(_ text: String) -> ImageError { ImageError(.unusableDisk(text), subject) }
}
