/// Some blocks of memory, zero at first, in which records of the disk are put together: little-endian, at given offsets.
///
/// Every access is checked against the length: an offset that is wrong is a mistake of this program. That makes it safe to use,
/// except for the views it lends.
@safe struct BlockBuffer: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer

    // Safe because this value is the memory's only owner, and frees it when nobody can lend it any more.
    init(bytes count: Int) {
        unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: Ext4Geometry.blockSize)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { unsafe memory.deallocate() }

    var count: Int { unsafe memory.count }

    /// The content. Valid until the buffer goes away, which is why it is only lent to calls.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(memory) }

    /// A copy of the content.
    var contents: [UInt8] { unsafe Array(memory) }

    /// The content, to be overwritten.
    var mutableBytes: UnsafeMutableRawBufferPointer { unsafe memory }

    mutating func put(_ value: some FixedWidthInteger & UnsignedInteger & BitwiseCopyable, at offset: Int) {
        let size = value.bitWidth / 8
        precondition(offset >= 0 && offset <= count - size)
        // Safe because the range was checked just now.
        unsafe memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }

    mutating func put(_ source: [UInt8], at offset: Int) { put(source[...], at: offset) }

    mutating func put(_ source: ArraySlice<UInt8>, at offset: Int) {
        // Safe because the view ends with the closure.
        unsafe source.withUnsafeBytes { unsafe put($0, at: offset) }
    }

    mutating func put(_ source: UnsafeRawBufferPointer, at offset: Int) {
        precondition(offset >= 0 && offset <= count - source.count)
        guard source.count > 0 else { return }
        // Safe because the range was checked just now, and the two never overlap.
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[offset...]).copyMemory(from: source)
    }

    func load<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size)
        // Safe because the range was checked just now.
        return unsafe Value(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    func load(_ range: Range<Int>) -> [UInt8] {
        // Safe because the slice checks the range, and the bytes are copied.
        unsafe Array(memory[range])
    }

    mutating func zero() {
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    mutating func zero(_ range: Range<Int>) {
        // Safe because the slice checks the range.
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[range]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    func checksum(_ range: Range<Int>, seed: UInt32) -> UInt32 {
        // Safe because the slice checks the range.
        unsafe CRC32C.update(seed, UnsafeRawBufferPointer(rebasing: memory[range]))
    }
}
