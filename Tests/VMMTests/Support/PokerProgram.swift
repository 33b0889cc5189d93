/// A guest that writes wherever it can: thousands of accesses to ports, device registers and configuration space, in a row and without looking.
///
/// 64-bit code without a loop, made anew from each seed, so that one number tells the whole run. Blind accesses are mixed with enough sense to come past the
/// first door: configuration cycles, windows opened where devices expect them and where they must not be, drivers' handshakes, rings in memory.
struct PokerProgram {
    private(set) var code: [UInt8] = []
    private var random: SplitMix

    static let windows: UInt64 = 0xC000_0000
    static let spacing: UInt64 = 0x80_0000
    /// The slots that have a device, and some that have none.
    private static let functions: [UInt32] = [0x00, 0x08, 0x09, 0x0A, 0x0B, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0xF8, 0xFF]
    /// Rings and buffers; the program itself lies below.
    private static let ring: UInt64 = 0x180_0000

    /// - Parameter count: accesses, of a few each.
    init(seed: UInt64, count: Int) {
        random = SplitMix(state: seed)
        for _ in 0..<count { poke() }
        // Whatever became of the serial port: plain lines, no loopback, empty queues.
        code += Code.out8(0x3FB, 0x03) + Code.out8(0x3FC, 0x0B) + Code.out8(0x3FA, 0x07)
        code += Code.put("done\n") + Code.halt
    }

    /// Every port read at every width: `xor edx, edx; again: in al, dx; in ax, dx; in eax, dx; inc dx; jnz again`.
    static let everyPort: [UInt8] = [0x31, 0xD2, 0xEC, 0x66, 0xED, 0xED, 0x66, 0xFF, 0xC2, 0x75, 0xF7]

    /// 256 bytes in and out again by REP INSB and REP OUTSB at every 16th port from 0x1000 up and at all above 0x400 below it: nothing there ends the machine.
    static let everyString: [UInt8] =
        // mov ebx, 0x1000
        [0xBB, 0x00, 0x10, 0x00, 0x00]
        // again: mov dx, bx; mov edi, 0x1800000; mov ecx, 256; rep insb; mov esi, 0x1800000; mov ecx, 256; rep outsb
        + [0x66, 0x89, 0xDA, 0xBF, 0x00, 0x00, 0x80, 0x01, 0xB9, 0x00, 0x01, 0x00, 0x00, 0xF3, 0x6C]
        + [0xBE, 0x00, 0x00, 0x80, 0x01, 0xB9, 0x00, 0x01, 0x00, 0x00, 0xF3, 0x6E]
        // add bx, 0x100; jnc again
        + [0x66, 0x81, 0xC3, 0x00, 0x01, 0x73, 0xDE]

    private mutating func number(_ limit: UInt64) -> UInt64 { random.next() % limit }
    private mutating func pick<T>(_ list: [T]) -> T { list[Int(number(UInt64(list.count)))] }

    private mutating func value() -> UInt64 {
        switch number(8) {
        case 0: 0
        case 1: .max
        case 2: 1 << number(64)
        case 3: number(16)
        case 4: Self.ring + number(0x10_0000) & ~15
        case 5: 0xFFFF_FFF0
        case 6: Self.windows + number(16) * Self.spacing
        default: random.next()
        }
    }

    private mutating func poke() {
        switch number(16) {
        case 0...2: port()
        case 3...5: configure(pick(Self.functions), UInt32(number(64)) * 4, pick([1, 2, 4]), value())
        case 6: moveWindow()
        case 7: openWindow()
        case 8: tunnel()
        case 9: vectors()
        case 10: drive()
        case 11: memory(Self.ring + number(0x4000), pick([1, 2, 4, 8]), value())
        case 12: chip()
        default: register()
        }
    }

    // MARK: Accesses

    private mutating func port() {
        let groups: [UInt64] = [
            0x00, 0x20, 0x40, 0x60, 0x70, 0x80, 0xA0, 0xC0, 0xE0, 0x170, 0x1F0, 0x2F8, 0x370, 0x3B0, 0x3C0, 0x3D0, 0x3F0, 0x402, 0x4D0,
            0x510,
            0x608, 0xCF8, 0xCFC, 0xC000, 0xC100, 0x2000,
        ]
        let port = UInt16(truncatingIfNeeded: number(4) == 0 ? number(0x1_0000) : pick(groups) + number(16))
        // What ends or resets the machine would end the poking: the sweep of endings is another test.
        let width = pick([1, 2, 4])
        let touched = Int(port)..<Int(port) + width
        guard ![0x64, 0x92, 0x604, 0x605].contains(where: touched.contains), !touched.contains(0xCF9) || port == 0xCF8 && width == 4 else {
            return
        }
        if number(2) == 0 { output(port, width, value()) } else { input(port, width) }
    }

    private mutating func output(_ port: UInt16, _ width: Int, _ value: UInt64) {
        // mov eax, value; mov dx, port; out
        code += [0xB8] + littleEndian(UInt32(truncatingIfNeeded: value)) + [0x66, 0xBA] + littleEndian(port)
        code += width == 1 ? [0xEE] : width == 2 ? [0x66, 0xEF] : [0xEF]
    }

    private mutating func input(_ port: UInt16, _ width: Int) {
        code += [0x66, 0xBA] + littleEndian(port) + (width == 1 ? [0xEC] : width == 2 ? [0x66, 0xED] : [0xED])
    }

    private mutating func memory(_ address: UInt64, _ width: Int, _ value: UInt64?) {
        // mov edi, address (zero-extended); mov rax, value; mov [rdi], al ... rax  |  mov al ... rax, [rdi]
        code += [0xBF] + littleEndian(UInt32(truncatingIfNeeded: address))
        let store: UInt8 = value == nil ? 0x8A : 0x88
        if let value { code += [0x48, 0xB8] + littleEndian(value) }
        code +=
            width == 1 ? [store, 0x07] : width == 2 ? [0x66, store + 1, 0x07] : width == 4 ? [store + 1, 0x07] : [0x48, store + 1, 0x07]
    }

    private mutating func configure(_ function: UInt32, _ register: UInt32, _ width: Int, _ value: UInt64?) {
        // Bit 31 is clear now and then: then nothing may answer.
        let enable: UInt32 = number(32) == 0 ? 0 : 1 << 31
        let bus: UInt32 = number(32) == 0 ? UInt32(number(256)) << 16 : 0
        output(0xCF8, 4, UInt64(enable | bus | function << 8 | register))
        if number(4) == 0 {
            // The same space in memory, and what would lie beyond it.
            return memory(0xE000_0000 + UInt64(function) << 12 + UInt64(register) * (number(8) == 0 ? 16 : 1) + number(4), width, value)
        }
        let port = 0xCFC + UInt16(number(UInt64(5 - width)))
        if let value { output(port, width, value) } else { input(port, width) }
    }

    // MARK: With a little sense

    private mutating func slot() -> UInt32 { UInt32(2 + number(5)) << 3 }

    /// Where the device of a slot begins, if nothing moved it.
    private func window(_ slot: UInt32) -> UInt64 { Self.windows + UInt64(slot >> 3 - 2) * Self.spacing }

    private mutating func moveWindow() {
        let slot = slot()
        let places: [UInt64] = [
            0, 0xFFFF_FFFF, 0xFFFF_FFF0, 0x10_0000, 0xFEE0_0000, 0xFEC0_0000, 0xA_0000, 0xB_8000, 0xE_0000, 0xFF00_0000, 0xFFFF_8000,
            0xFFFB_C000, Self.windows, Self.windows + Self.spacing, 0xE000_0000, 0x200_0000, 0xC001,
        ]
        let register = pick([0x10, 0x10, 0x10, 0x14, 0x18, 0x20, 0x30] as [UInt32])
        configure(slot, register, 4, pick(places))
        configure(slot, register, 4, nil)
    }

    private mutating func openWindow() {
        let slot = slot()
        configure(slot, 0x10, 4, window(slot))
        configure(slot, 0x04, 2, pick([7, 6, 7, 2, 4, 0, 0x406, 0x407]))
    }

    /// The window through configuration space.
    private mutating func tunnel() {
        let slot = slot()
        // The capability lies somewhere in the list: its fields are hit often enough.
        let start = 0x40 + UInt32(number(32)) * 4
        configure(slot, start + 4, 4, pick([0, 7, 1, 0x0700_0000]))
        configure(slot, start + 8, 4, pick([0, 0x14, 0x1000, 0x3000, 0x7FFF, 0x8000, 0xFFFF_FFFF]))
        configure(slot, start + 12, 4, pick([0, 1, 2, 3, 4, 8, 0xFFFF_FFFF]))
        configure(slot, start + 16, pick([1, 2, 4]), number(2) == 0 ? value() : nil)
    }

    /// Interrupt vectors: entries, pending bits, masks.
    private mutating func vectors() {
        let slot = slot()
        configure(slot, 0x40, 4, pick([0xC000_0000, 0x8000_0000, 0x4000_0000, 0]))
        for _ in 0..<4 {
            let entry = window(slot) + 0x4000 + number(8) * 16
            memory(entry, 4, pick([0xFEE0_0000, 0xFEE0_1000, 0xFEEF_FFFC, 0x10_0000, 0xFFFF_FFFF]))
            memory(entry + 4, 4, pick([0, 0, 1, 0xFFFF_FFFF]))
            memory(entry + 8, 4, number(0x1_0000))
            memory(entry + 12, 4, number(4))
            memory(window(slot) + 0x6000 + number(16), pick([1, 4, 8]), value())
        }
    }

    /// A driver's handshake with rings in memory, then doorbells.
    private mutating func drive() {
        let slot = slot()
        let base = window(slot)
        openWindow()
        for status in [0, 1, 3] as [UInt64] { memory(base + 0x14, 1, status) }
        for half in [0, 1] as [UInt64] {
            memory(base + 8, 4, half)
            memory(base + 0xC, 4, half == 1 ? 1 : number(2) * 0x3000_0020)
        }
        memory(base + 0x14, 1, 0xB)
        for queue in 0..<2 as Range<UInt64> {
            let place = Self.ring + UInt64(slot) * 0x1000 + queue * 0x2000
            memory(base + 0x16, 2, queue)
            memory(base + 0x18, 2, pick([16, 16, 256, 3, 0]))
            memory(base + 0x1A, 2, queue + 1)
            for (register, offset) in [(0x20, 0), (0x28, 0x800), (0x30, 0x1000)] as [(UInt64, UInt64)] {
                memory(base + register, 8, number(8) == 0 ? value() : place + offset)
            }
            memory(base + 0x1C, 2, 1)
            // A descriptor or two, and an index that may be ahead of them.
            for index in 0..<3 as Range<UInt64> {
                memory(place + index * 16, 8, number(4) == 0 ? value() : Self.ring + 0x8_0000 + number(0x1000))
                memory(place + index * 16 + 8, 8, number(0x1_0000) | number(8) << 32 | number(4) << 48)
            }
            memory(place + 0x802, 2, number(4) == 0 ? value() : 1)
        }
        memory(base + 0x14, 1, 0xF)
        for _ in 0..<4 { memory(base + 0x3000 + number(4) * 4, pick([1, 2, 4, 8]), number(8)) }
        if number(2) == 0 { memory(base + 0x14, 1, 0) }
    }

    /// A register of some device's window, across the edge of its last page too.
    private mutating func register() {
        let parts: [UInt64] = [0, 0, 0x1000, 0x2000, 0x3000, 0x4000, 0x6000, 0x7FF8, 0x7FFF]
        let place = window(slot()) + pick(parts) + number(0x48)
        memory(place, pick([1, 2, 4, 8]), number(3) == 0 ? nil : value())
    }

    /// The interrupt controllers in the kernel; not what starts or stops processors, and no interrupt that is not asked.
    private mutating func chip() {
        switch number(3) {
        case 0:
            memory(0xFEC0_0000, 4, number(64))
            memory(0xFEC0_0010, 4, value() | 1 << 16)
        case 1: memory(0xFEE0_0000 + pick([0x20, 0x30, 0x80, 0xD0, 0xE0, 0x320, 0x350, 0x380, 0x3E0, 0xFF0]), 4, nil)
        default: memory(pick([0xFED0_0000, 0xE000_0000, 0xFF00_0000, 0xA_FFFC, 0xF_FFFF]) + number(8), pick([1, 2, 4, 8]), value())
        }
    }
}

/// Steele, Lea and Flood's generator: the same numbers for the same seed.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
