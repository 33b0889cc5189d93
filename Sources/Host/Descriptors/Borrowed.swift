/// A descriptor that somebody else owns, for one call: `try Borrowed(number).read(upTo: 4096)`.
///
/// For numbers that a child or an event loop hands out; the owner must outlive the call.
package struct Borrowed {
    let number: CInt

    package init(_ number: CInt) { self.number = number }

    /// Reads what is there, at most `limit` bytes; empty at the end of the stream.
    package func read(upTo limit: Int) throws(OSError) -> [UInt8] {
        try lend { descriptor throws(OSError) in try descriptor.read(upTo: limit) }
    }

    /// Writes a part; `nil` when the descriptor would block.
    package func writeSome(_ bytes: [UInt8]) throws(OSError) -> Int? {
        try lend { descriptor throws(OSError) in try descriptor.writeSome(bytes) }
    }

    /// Writes everything; waits where the descriptor would block.
    package func writeAll(_ bytes: [UInt8]) throws(OSError) {
        try lend { descriptor throws(OSError) in try descriptor.writeAll(bytes) }
    }

    /// A second descriptor for the same open file, with an owner.
    package func duplicate() throws(OSError) -> Descriptor {
        Descriptor(owning: try lend { descriptor throws(OSError) in try descriptor.duplicate().release() })
    }

    private func lend<Result>(_ body: (borrowing Descriptor) throws(OSError) -> Result) throws(OSError) -> Result {
        let descriptor = Descriptor(owning: number)
        do throws(OSError) {
            let result = try body(descriptor)
            _ = descriptor.release()
            return result
        } catch {
            _ = descriptor.release()
            throw error
        }
    }
}
