/// splitmix64: the same seed gives the same numbers.
struct Randomness {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// A number below `limit`.
    mutating func next(_ limit: Int) -> Int { Int(next() >> 33) % max(limit, 1) }

    /// Values that find mistakes more often than random ones do.
    mutating func provocation() -> UInt64 {
        switch next() & 7 {
        case 0: 0
        case 1: ~0
        case 2: 1 << (next() & 63)
        case 3: 0xFFFF_FFF0
        case 4: next() & 0xFF
        default: next()
        }
    }
}
