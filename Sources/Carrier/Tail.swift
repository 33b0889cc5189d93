/// The last bytes of what a program said; the rest is forgotten.
struct Tail {
    /// Enough for a kernel's whole panic message; a program that floods costs no more.
    static let limit = 16 << 10

    private var bytes: [UInt8] = []

    mutating func append(_ more: some Collection<UInt8>) {
        bytes += more.suffix(Self.limit)
        if bytes.count > 2 * Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
    }

    /// Without control characters other than newlines, since it ends up on a person's terminal.
    var text: String {
        let plain = bytes.suffix(Self.limit).filter { $0 >= 0x20 && $0 != 0x7f || $0 == 0x0a || $0 == 0x09 }
        return String(decoding: plain, as: UTF8.self)
    }

    /// What is worth repeating in one line: a kernel's panic, or else the last lines.
    var lastWords: String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
        if let panic = lines.first(where: { $0.contains("Kernel panic") }) { return String(panic) }
        return lines.suffix(4).joined(separator: "; ")
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var text = drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
