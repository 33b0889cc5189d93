import CPU

/// One PCI function and its configuration space, by ports 0xCF8 and 0xCFC.
struct Function: Equatable {
    let bus: UInt8
    let device: UInt8
    let function: UInt8

    enum Register {
        static let identity: UInt8 = 0x00
        static let command: UInt8 = 0x04
        static let classCode: UInt8 = 0x08
        static let header: UInt8 = 0x0C
        static let firstBar: UInt8 = 0x10
        static let buses: UInt8 = 0x18
        static let capabilities: UInt8 = 0x34
        static let interrupt: UInt8 = 0x3C
    }

    var vendor: UInt16 { UInt16(truncatingIfNeeded: read(Register.identity)) }
    var identity: UInt16 { UInt16(truncatingIfNeeded: read(Register.identity) >> 16) }
    /// Class, subclass, programming interface.
    var classCode: UInt32 { read(Register.classCode) >> 8 }
    var isBridge: Bool { read(Register.header) >> 16 & 0x7F == 1 }
    var hasSiblings: Bool { read(Register.header) >> 23 & 1 != 0 }
    var interruptLine: UInt8 { UInt8(truncatingIfNeeded: read(Register.interrupt)) }

    func read(_ register: UInt8) -> UInt32 {
        select(register)
        return in32(0xCFC)
    }

    func write(_ register: UInt8, _ value: UInt32) {
        select(register)
        out32(0xCFC, value)
    }

    private func select(_ register: UInt8) {
        out32(0xCF8, 1 << 31 | UInt32(bus) << 16 | UInt32(device) << 11 | UInt32(function) << 8 | UInt32(register & 0xFC))
    }

    /// Lets it decode memory and master the bus; its INTx pin stays quiet unless somebody wants it.
    func enable(lineInterrupt: Bool) {
        let kept = read(Register.command) & 0xFFFF & ~(1 << 10)
        write(Register.command, kept | 1 << 1 | 1 << 2 | (lineInterrupt ? 0 : 1 << 10))
    }

    /// The address in a memory BAR, `nil` for ports, absent ones and upper halves.
    func bar(_ index: UInt8) -> UInt64? {
        guard index < 6 else { return nil }
        let register = Register.firstBar &+ index &* 4
        let low = read(register)
        guard low & 1 == 0 else { return nil }
        let isWide = low & 6 == 4
        guard !isWide || index < 5 else { return nil }
        let address = UInt64(low & ~0xF) | (isWide ? UInt64(read(register &+ 4)) << 32 : 0)
        return address == 0 ? nil : address
    }

    /// Where each capability stands and what it is, in the order of the list. A list that loops ends after 48.
    func capabilities() -> [(register: UInt8, identity: UInt8)] {
        var found: [(register: UInt8, identity: UInt8)] = []
        guard read(Register.command) >> 20 & 1 != 0 else { return found }
        var register = UInt8(truncatingIfNeeded: read(Register.capabilities)) & 0xFC
        while register >= 0x40, found.count < 48 {
            let header = read(register)
            found.append((register, UInt8(truncatingIfNeeded: header)))
            register = UInt8(truncatingIfNeeded: header >> 8) & 0xFC
        }
        return found
    }
}
