import CPU

/// COM1, a 16550 with its FIFO.
final class SerialPort {
    private let interrupts: Interrupts
    /// Bytes that the sender's FIFO still takes without asking.
    private var credit = 0

    private static let base: UInt16 = 0x3F8
    private static let fifoSize = 16
    private static let scratchMark: UInt8 = 0xA5

    private enum Register {
        static let data = base
        static let interruptEnable = base + 1
        static let fifoControl = base + 2
        static let lineControl = base + 3
        static let modemControl = base + 4
        static let lineStatus = base + 5
        static let scratch = base + 7
    }

    init?(interrupts: Interrupts) {
        self.interrupts = interrupts
        out8(Register.scratch, Self.scratchMark)
        guard in8(Register.scratch) == Self.scratchMark else { return nil }
        configure()
    }

    /// 115200 8N1, FIFO on, interrupts for received bytes, through OUT2.
    func configure() {
        out8(Register.lineControl, 0x83)
        out8(Register.data, 1)
        out8(Register.interruptEnable, 0)
        out8(Register.lineControl, 0x03)
        out8(Register.fifoControl, 0x07)
        out8(Register.modemControl, 0x0B)
        out8(Register.interruptEnable, 0x01)
        credit = 0
    }

    /// What was typed and not yet read, at most `limit` bytes of it.
    func read(_ limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, in8(Register.lineStatus) & 1 != 0 { bytes.append(in8(Register.data)) }
        return bytes
    }

    /// One look at the status for each FIFO full; while that is not empty, sleeps until it is.
    func write(_ bytes: [UInt8]) {
        for byte in bytes {
            if credit == 0 { waitForRoom() }
            out8(Register.data, byte)
            credit -= 1
        }
    }

    private func waitForRoom() {
        if in8(Register.lineStatus) & 0x20 == 0 {
            out8(Register.interruptEnable, 0x03)
            while in8(Register.lineStatus) & 0x20 == 0 { interrupts.wait() }
            out8(Register.interruptEnable, 0x01)
        }
        credit = Self.fifoSize
    }
}
