/// A piece of a stream that wanders from the thread that makes it to the one that uses it, without a copy.
@safe
final class Chunk: @unchecked Sendable {  // Filled before it is handed over, and only read from then on.
    /// Large enough that a queue hop costs nothing beside it, small enough that a few fit a core's cache.
    static let capacity = 256 << 10

    private let memory: UnsafeMutableRawPointer
    private(set) var count: Int

    /// - Parameter fill: writes from the start of the buffer and returns how many bytes.
    init<Failure: Error>(capacity: Int = Chunk.capacity, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int) throws(Failure) {
        // Safe because this object is the only owner, and frees the memory when nobody can see it any more.
        unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
        count = 0
        do throws(Failure) {
            let filled = try unsafe fill(UnsafeMutableRawBufferPointer(start: memory, count: capacity))
            precondition(filled >= 0 && filled <= capacity)
            count = filled
        } catch {
            // `deinit` frees: all properties are set.
            throw error
        }
    }

    deinit { unsafe memory.deallocate() }

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: memory, count: count) }
}
