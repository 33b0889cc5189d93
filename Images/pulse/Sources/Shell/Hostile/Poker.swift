import CPU

/// Blind writes from a seed: what a hostile or broken guest would do, for a bounded number of times.
///
/// The same seed gives the same accesses. Registers whose very purpose is to end the run are left out, unless asked for.
struct Poker {
    private var random: Randomness
    private let sparing: [UInt16]

    init(seed: UInt64, sparing: [UInt16]) {
        random = Randomness(seed: seed)
        self.sparing = sparing
    }

    private mutating func next() -> UInt64 { random.next() }

    private mutating func value() -> UInt64 { random.provocation() }

    private func spares(_ port: UInt16, _ width: UInt16) -> Bool {
        sparing.contains { $0 >= port && $0 &- port < width }
    }

    /// Any port, any width, reads and writes alike.
    mutating func ports(_ count: UInt64) {
        for _ in 0..<count { port(UInt16(truncatingIfNeeded: next())) }
    }

    /// The ports where something may be listening.
    mutating func knownPorts(_ count: UInt64) {
        for _ in 0..<count {
            let place = UInt16(truncatingIfNeeded: next())
            switch next() & 7 {
            case 0: port(0xCF8 &+ place & 7)
            case 1: port(0x600 &+ place & 0x7F)
            case 2: port(0x3F8 &+ place & 7)
            case 3: port(0x60 &+ place & 0x3F)
            case 4: port(0xB000 &+ place & 0x3F)
            default: port(place & 0xFFF)
            }
        }
    }

    private mutating func port(_ port: UInt16) {
        let width = UInt16(1) << (next() % 3)
        let isWrite = next() & 1 != 0
        let data = value()
        guard !spares(port, width) else { return }
        switch (width, isWrite) {
        case (1, true): out8(port, UInt8(truncatingIfNeeded: data))
        case (2, true): out16(port, UInt16(truncatingIfNeeded: data))
        case (4, true): out32(port, UInt32(truncatingIfNeeded: data))
        case (1, false): _ = in8(port)
        case (2, false): _ = in16(port)
        default: _ = in32(port)
        }
    }

    /// String instructions of `length` bytes over every `step`th port.
    mutating func strings(_ count: UInt64, length: UInt64, memory: UInt64) {
        for _ in 0..<count {
            let port = UInt16(truncatingIfNeeded: next())
            guard !spares(port, 1) else { continue }
            next() & 1 != 0 ? out_string(port, memory, length) : in_string(port, memory, length)
        }
    }

    /// Configuration space of every function that is there, and of ones that are not, at every width and offset.
    mutating func configuration(_ count: UInt64, _ functions: [Function]) {
        for _ in 0..<count {
            let choice = next()
            let device: UInt64
            let isAbsent = functions.isEmpty || choice & 15 == 0
            if isAbsent {
                device = choice >> 8 & 0xFFFF
            } else {
                let function = functions[Int(choice >> 8 & 0xFFFF) % functions.count]
                device = UInt64(function.bus) << 8 | UInt64(function.device) << 3 | UInt64(function.function)
            }
            let enable: UInt32 = choice & 0xF0 == 0 ? 0 : 1 << 31
            out32(0xCF8, enable | UInt32(truncatingIfNeeded: device << 8 | next() & 0xFC))
            port(0xCFC &+ UInt16(truncatingIfNeeded: next() & 3))
        }
    }

    /// A stretch of device memory: every width, aligned or not, over its end too.
    mutating func memory(_ count: UInt64, at base: UInt64, length: UInt64) {
        for _ in 0..<count {
            let address = base &+ next() % length
            let data = value()
            switch next() & 7 {
            case 0: store8(address, UInt8(truncatingIfNeeded: data))
            case 1: store16(address, UInt16(truncatingIfNeeded: data))
            case 2: store32(address, UInt32(truncatingIfNeeded: data))
            case 3: store64(address, data)
            case 4: _ = load8(address)
            case 5: _ = load16(address)
            case 6: _ = load32(address)
            default: _ = load64(address)
            }
        }
    }

    /// A live queue: descriptors, heads and indices that are mostly lies, and a ring of the bell for each batch.
    ///
    /// Addresses are inside `scratch` (64 KiB) or where no RAM is, so that what a device believes does not hit pulse itself.
    mutating func queue(_ count: UInt64, _ queue: Virtqueue, scratch: UInt64) {
        let size = UInt64(queue.size)
        var index = load16(queue.available &+ 2)
        for _ in 0..<count {
            for _ in 0...next() & 7 {
                let descriptor = queue.descriptors &+ next() % size &* 16
                store64(descriptor, address(in: scratch))
                store32(descriptor &+ 8, UInt32(truncatingIfNeeded: next() & 3 == 0 ? value() : next() & 0xFFF))
                store16(descriptor &+ 12, UInt16(truncatingIfNeeded: next() & (next() & 15 == 0 ? 0xFFFF : 3)))
                store16(descriptor &+ 14, UInt16(truncatingIfNeeded: next() & 15 == 0 ? value() : next() % size))
            }
            let head = next() & 31 == 0 ? value() : next() % size
            store16(queue.available &+ 4 &+ UInt64(index) % size &* 2, UInt16(truncatingIfNeeded: head))
            index &+= next() & 63 == 0 ? UInt16(truncatingIfNeeded: value()) : 1
            store16(queue.available &+ 2, index)
            queue.ring()
        }
    }

    private mutating func address(in scratch: UInt64) -> UInt64 {
        switch next() & 15 {
        case 0: 0xFEE0_0000 &+ next() & 0xFFF
        case 1: 0xFFFF_FFFF_FFFF_F000 &+ next() & 0xFFF
        case 2: 0xC000_0000 &+ next() & 0x3FFF_FFFF
        case 3: 0xA_0000 &+ next() & 0x1_FFFF
        case 4: 1 << 40 &+ value()
        default: scratch &+ next() & 0xFFFF
        }
    }
}
