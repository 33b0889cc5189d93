/// The 256 words by which a drive introduces itself.
struct IdentityWords {
    private var words = [UInt16](repeating: 0, count: 256)

    subscript(index: Int) -> UInt16 {
        get { words[index] }
        set { words[index] = newValue }
    }

    /// Two words, the low one first.
    mutating func set(_ index: Int, long value: UInt32) {
        words[index] = UInt16(truncatingIfNeeded: value)
        words[index + 1] = UInt16(truncatingIfNeeded: value >> 16)
    }

    mutating func name(serial: String, model: String) {
        set(10, text: serial, count: 10)
        set(23, text: "1.0", count: 4)
        set(27, text: model, count: 20)
    }

    /// Text, two characters a word with the first one in the high byte, filled up with spaces.
    private mutating func set(_ first: Int, text: String, count: Int) {
        var characters = text.utf8.prefix(2 * count).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "_") }
        characters += Array(repeating: UInt8(ascii: " "), count: 2 * count - characters.count)
        for index in 0..<count { words[first + index] = UInt16(characters[2 * index]) << 8 | UInt16(characters[2 * index + 1]) }
    }

    /// How the drive can talk over its cable.
    mutating func describe(_ link: LinkMode) {
        words[63] = 0x0007 | link.multiword << 8
        // PIO modes 3 and 4, and the nanoseconds of a cycle.
        words[64] = 0x0003
        for index in 65...68 { words[index] = 120 }
        words[88] = 0x003F | link.ultra << 8
        // After a hardware reset: a cable of eighty wires, and it is drive 0 that passed.
        words[93] = 0x6001
    }

    /// - Parameter isSigned: word 255 makes the sum of all bytes zero.
    func bytes(isSigned: Bool) -> [UInt8] {
        var bytes = words.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        if isSigned {
            bytes[510] = 0xA5
            bytes[511] = 0 &- bytes[0..<511].reduce(0, &+)
        }
        return bytes
    }
}

/// The transfer mode that the host has chosen (SET FEATURES 03h). Nothing follows from it but what the identity shows: there are no wires to be timed.
struct LinkMode: Sendable {
    /// One bit a mode: multiword DMA 0 to 2, Ultra DMA 0 to 5. At most one bit of both together is set.
    private(set) var multiword: UInt16
    private(set) var ultra: UInt16

    static let standard = LinkMode(multiword: 1 << 2, ultra: 0)

    /// - Parameter value: the kind of mode in bits 7:3, its number in bits 2:0.
    /// - Returns: false if there is no such mode.
    mutating func set(_ value: UInt8) -> Bool {
        let number = UInt16(value & 7)
        switch value >> 3 {
        case 0b00000: return number <= 1
        case 0b00001: return number <= 4
        case 0b00100 where number <= 2: self = LinkMode(multiword: 1 << number, ultra: 0)
        case 0b01000 where number <= 5: self = LinkMode(multiword: 0, ultra: 1 << number)
        default: return false
        }
        return true
    }
}
