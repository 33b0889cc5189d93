internal import Glibc
internal import Host

/// What must be beside a program for it to run elsewhere: the program that loads it.
enum Interpreter: Hashable {
    /// A static program, or no program at all.
    case none
    /// An ELF file's dynamic loader.
    case loader(String)
    /// A script's interpreter, from its first line.
    case script(String)

    /// Reads the head of a file. Files that are cut short or wrong simply have no interpreter: running them will say so.
    ///
    ///     0x00  7f 45 4c 46  then class (2: 64-bit), byte order (1: little-endian)
    ///     0x20  u64  offset of the program headers
    ///     0x36  u16  size of one;  0x38  u16  how many
    ///     in each: 0x00 u32 type (3: interpreter), 0x08 u64 offset in the file, 0x20 u64 size in the file
    init(of file: borrowing Descriptor) throws(OSError) {
        let head = try file.read(upTo: 256, at: 0)
        self = .none
        if head.starts(with: "#!".utf8) {
            let line = String(decoding: head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            if let path = line.split(whereSeparator: \.isWhitespace).first, path.hasPrefix("/") { self = .script(String(path)) }
            return
        }
        guard head.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]), let table = Self.number(head, 0x20, bytes: 8),
            let size = Self.number(head, 0x36, bytes: 2), let count = Self.number(head, 0x38, bytes: 2), size >= 0x38
        else { return }
        for index in 0..<min(count, 64) {
            let (place, overflow) = table.addingReportingOverflow(index * size)
            guard !overflow, place <= UInt64(Int64.max) else { return }
            let header = try file.read(upTo: 0x38, at: place)
            guard let type = Self.number(header, 0, bytes: 4), type == 3, let offset = Self.number(header, 0x08, bytes: 8),
                let length = Self.number(header, 0x20, bytes: 8), offset <= UInt64(Int64.max), length <= 4096
            else { continue }
            let path = String(decoding: try file.read(upTo: Int(length), at: offset).prefix { $0 != 0 }, as: UTF8.self)
            if path.hasPrefix("/") { self = .loader(path) }
            return
        }
    }

    private static func number(_ bytes: [UInt8], _ start: Int, bytes count: Int) -> UInt64? {
        guard bytes.count >= start + count else { return nil }
        return (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[start + $1]) }
    }
}
