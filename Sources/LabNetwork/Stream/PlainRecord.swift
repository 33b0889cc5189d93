internal import PortStream

/// Between records, whose header may leave work to others, and frames as they would be on a real wire.
package enum PlainRecord {
    /// A record that holds one complete frame.
    package static func make(_ frame: [UInt8]) -> [UInt8] {
        let count = NetworkHeader.byteCount + frame.count
        var record: [UInt8] = []
        record.reserveCapacity(PortRecord.prefixCount + count)
        for shift in [24, 16, 8, 0] { record.append(UInt8(truncatingIfNeeded: count >> shift)) }
        record.append(contentsOf: repeatElement(0, count: NetworkHeader.byteCount))
        record.append(contentsOf: frame)
        return record
    }

    /// Hands over every frame that a header and its frame stand for, complete, one at a time, until it is told to stop.
    /// - Returns: false if the header is not true of the frame.
    @discardableResult
    package static func forEachFrame(header bytes: some RandomAccessCollection<UInt8>, frame: [UInt8], _ body: ([UInt8]) -> Bool) -> Bool {
        guard let header = NetworkHeader(checking: bytes, frameCount: frame.count) else { return false }
        guard header.segmentation != .none else {
            var whole = frame
            InternetChecksum.complete(&whole, header)
            _ = body(whole)
            return true
        }
        guard var segmenter = Segmenter(frame, header) else { return false }
        while let piece = segmenter.next(), body(piece) {}
        return true
    }
}
