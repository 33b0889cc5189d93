/// Hands every entry to one sink, then to another.
struct TwoSinks<First: ArchiveSink & ~Copyable, Second: ArchiveSink & ~Copyable>: ArchiveSink, ~Copyable {
    var first: First
    var second: Second

    init(_ first: consuming First, _ second: consuming Second) {
        self.first = first
        self.second = second
    }

    mutating func begin(_ entry: ArchiveEntry) throws(SinkError) {
        try first.begin(entry)
        try second.begin(entry)
    }

    mutating func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError) {
        try first.data(bytes, at: offset)
        try second.data(bytes, at: offset)
    }

    mutating func end() throws(SinkError) {
        try first.end()
        try second.end()
    }
}
