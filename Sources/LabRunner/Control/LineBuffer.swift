/// Cuts a byte stream into lines of a bounded length.
package struct LineBuffer: Sendable {
    package let longestLine: Int
    private var bytes: [UInt8] = []
    /// Everything before this was given out.
    private var start = 0
    /// No newline before this: a long line is searched once, not once for each piece it comes in.
    private var searched = 0

    package init(longestLine: Int) { self.longestLine = longestLine }

    package struct TooLong: Error, Hashable {}

    /// How many bytes are held back for a newline.
    package var held: Int { bytes.count - start }

    package mutating func append(_ more: some Sequence<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            searched -= start
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The next whole line without its newline (and without a carriage return before it); `nil` when there is none yet.
    package mutating func next() throws(TooLong) -> [UInt8]? {
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            if held > longestLine { throw TooLong() }
            return nil
        }
        var line = bytes[start..<end]
        start = end + 1
        searched = start
        if line.count > longestLine { throw TooLong() }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return Array(line)
    }

    /// What is held, whole line or not: for a stream that stops being lines.
    package mutating func takeRest() -> [UInt8] {
        defer {
            bytes = []
            start = 0
            searched = 0
        }
        return Array(bytes[start...])
    }
}
