/// The hash by which ext4 orders the names of a large directory: half of MD4, over bytes taken as unsigned.
///
/// The superblock's `s_flags` says "unsigned", so kernels of either kind of `char` agree.
struct NameHash: Sendable {
    /// `s_hash_seed`.
    let seed: (UInt32, UInt32, UInt32, UInt32)

    struct Value: Hashable, Sendable, Comparable {
        /// The part that the index holds; its lowest bit is zero.
        var major: UInt32
        var minor: UInt32

        static func < (left: Value, right: Value) -> Bool { (left.major, left.minor) < (right.major, right.minor) }
    }

    func callAsFunction(_ name: Span<UInt8>) -> Value {
        var state = seed
        var position = 0
        var words: InlineArray<8, UInt32> = .init(repeating: 0)
        while position < name.count {
            Self.fill(&words, from: name, at: position)
            Self.transform(&state, words)
            position += 32
        }
        var major = state.1 & ~1
        // The kernel keeps this one as its mark for the end.
        if major == 0xFFFF_FFFE { major = 0xFFFF_FFFC }
        return Value(major: major, minor: state.2)
    }

    /// Up to 32 bytes as eight words; what is missing is padded with the number of bytes that are left.
    private static func fill(_ words: inout InlineArray<8, UInt32>, from name: Span<UInt8>, at start: Int) {
        let left = UInt32(truncatingIfNeeded: name.count - start)
        let two = left | left << 8
        let padding = two | two << 16
        let count = min(name.count - start, 32)
        var word = padding
        var filled = 0
        for index in 0..<count {
            word = UInt32(name[start + index]) &+ (word << 8)
            if index % 4 == 3 {
                words[filled] = word
                word = padding
                filled += 1
            }
        }
        if filled < 8 {
            words[filled] = word
            filled += 1
        }
        while filled < 8 {
            words[filled] = padding
            filled += 1
        }
    }

    private static func transform(_ state: inout (UInt32, UInt32, UInt32, UInt32), _ x: InlineArray<8, UInt32>) {
        var (a, b, c, d) = state
        func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
        func f(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { z ^ (x & (y ^ z)) }
        func g(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { (x & y) &+ ((x ^ y) & z) }
        func h(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { x ^ y ^ z }
        let k2: UInt32 = 0x5A82_7999
        let k3: UInt32 = 0x6ED9_EBA1
        for i in [0, 4] {
            a = rotated(a &+ f(b, c, d) &+ x[i], 3)
            d = rotated(d &+ f(a, b, c) &+ x[i + 1], 7)
            c = rotated(c &+ f(d, a, b) &+ x[i + 2], 11)
            b = rotated(b &+ f(c, d, a) &+ x[i + 3], 19)
        }
        for i in [1, 0] {
            a = rotated(a &+ g(b, c, d) &+ x[i] &+ k2, 3)
            d = rotated(d &+ g(a, b, c) &+ x[i + 2] &+ k2, 5)
            c = rotated(c &+ g(d, a, b) &+ x[i + 4] &+ k2, 9)
            b = rotated(b &+ g(c, d, a) &+ x[i + 6] &+ k2, 13)
        }
        for i in [3, 1] {
            a = rotated(a &+ h(b, c, d) &+ x[i] &+ k3, 3)
            d = rotated(d &+ h(a, b, c) &+ x[i + 4] &+ k3, 9)
            c = rotated(c &+ h(d, a, b) &+ x[i - 1] &+ k3, 11)
            b = rotated(b &+ h(c, d, a) &+ x[i + 3] &+ k3, 15)
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
    }
}
