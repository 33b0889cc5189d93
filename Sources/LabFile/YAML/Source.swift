/// A text that diagnostics point into: a lab file, an image recipe, or the `--set` arguments, one a line.
struct Source: Sendable {
    let name: String
    let bytes: [UInt8]
    /// Offsets of the first byte of each line. A line ends with LF; a CR before it belongs to the line end.
    private let lineStarts: [Int]

    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        var starts = [0]
        for (offset, byte) in bytes.enumerated() where byte == 0x0A { starts.append(offset + 1) }
        lineStarts = starts
    }

    var lineCount: Int { lineStarts.count }

    /// The text of a line, counted from 1, without its end; empty where there is no such line.
    func line(_ number: Int) -> String {
        guard number >= 1, number <= lineStarts.count else { return "" }
        let start = lineStarts[number - 1]
        var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        if end > start, bytes[end - 1] == 0x0D { end -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// The place of a byte: its line, and the code points before it in that line plus one.
    func place(ofByte offset: Int) -> (line: Int, column: Int) {
        let line = lineStarts.partitioningIndex { $0 > offset }
        let start = lineStarts[line - 1]
        let text = String(decoding: bytes[start..<min(max(start, offset), bytes.count)], as: UTF8.self)
        return (line, text.unicodeScalars.count + 1)
    }
}

extension Array {
    /// The first index whose element fulfils a predicate that never turns false again after it became true.
    fileprivate func partitioningIndex(where belongsRight: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if belongsRight(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// A place in one of the sources of a reading.
struct Mark: Hashable, Sendable {
    /// Index in `Findings.sources`.
    var source: Int
    /// From 1.
    var line: Int
    /// In code points, from 1.
    var column: Int
    /// In code points; 0 where only the place is known.
    var length: Int

    init(source: Int, line: Int, column: Int, length: Int = 0) {
        self.source = source
        self.line = line
        self.column = column
        self.length = length
    }
}
