internal import PortStream

/// Turns over one bit of a frame, so that its receiver can notice: checksums that were left open are completed first, and a large
/// segment is cut into the frames that it stands for, of which one is damaged.
enum Damage {
    private static let start = PortRecord.prefixCount + NetworkHeader.byteCount

    /// - Parameter place: any number; it chooses the bit.
    /// - Returns: the records to be sent instead; none for a large segment of more than `Limits.pieces`.
    static func apply(to record: [UInt8], at place: UInt64) -> [[UInt8]] {
        guard record.count > start else { return [] }
        let whole = Array(record[start...])
        var frames: [[UInt8]] = []
        let isTrue = PlainRecord.forEachFrame(header: record[PortRecord.prefixCount..<start], frame: whole) {
            frames.append($0)
            return frames.count <= Limits.pieces
        }
        guard isTrue, frames.count <= Limits.pieces else { return [] }
        let bits = frames.reduce(0) { $0 + UInt64($1.count) * 8 }
        var bit = place.multipliedFullWidth(by: bits).high
        for index in frames.indices {
            let count = UInt64(frames[index].count) * 8
            if bit < count {
                frames[index][Int(bit / 8)] ^= 1 << UInt8(bit % 8)
                break
            }
            bit -= count
        }
        return frames.map { PlainRecord.make($0) }
    }
}
