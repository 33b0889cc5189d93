/// Takes the entries of one or more archives, in their order, with each entry's data right behind its header.
///
///     begin(a)  data(bytes, at: 0)  data(bytes, at: 65536)  end()
///     begin(b)  end()
///
/// A sink that threw is finished: nothing more is fed to it, and what it wrote is thrown away.
package protocol ArchiveSink: ~Copyable {
    mutating func begin(_ entry: ArchiveEntry) throws(SinkError)

    /// Some of the current entry's content, at `offset` bytes into the file. Offsets only grow; what is left out is a hole.
    /// The bytes are taken or copied before the call returns.
    mutating func data(_ bytes: RawSpan, at offset: UInt64) throws(SinkError)

    /// The current entry is complete.
    mutating func end() throws(SinkError)
}
