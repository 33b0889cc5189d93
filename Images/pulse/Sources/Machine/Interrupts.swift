import CPU

/// Vectors, the local APIC and the I/O APIC.
///
/// Interrupts are enabled inside `wait` only (see Entry/interrupts.S), so a handler does no more than count.
final class Interrupts {
    let mode: Options.Interrupts
    private let ioapic: UInt64
    private var nextVector = Vector.firstMessage

    enum Vector {
        static let serial: UInt8 = 0x30
        static let systemControl: UInt8 = 0x31
        static let line: UInt8 = 0x32
        static let timer: UInt8 = 0x33
        static let firstMessage: UInt8 = 0x40
        static let lastMessage: UInt8 = 0xEF
        static let spurious: UInt8 = 0xFF
    }

    private static let localAPIC: UInt64 = 0xFEE0_0000
    /// Timer, LINT0, LINT1, error.
    private static let localVectors: [UInt64] = [0x320, 0x350, 0x360, 0x370]
    private static let masked: UInt32 = 1 << 16
    private static let inputs: UInt32 = 24

    init(_ mode: Options.Interrupts, ioapic: UInt64) {
        self.mode = mode
        self.ioapic = ioapic
        Self.loadTable()
        reset()
    }

    /// All inputs masked, the local APIC on and ready for the lowest vector.
    func reset() {
        Self.silenceLegacyController()
        for index in 0..<Self.inputs {
            store32(ioapic, 0x10 &+ index &* 2)
            store32(ioapic &+ 0x10, Self.masked)
        }
        for register in Self.localVectors { store32(Self.localAPIC &+ register, Self.masked) }
        store32(Self.localAPIC &+ 0x80, 0)
        store32(Self.localAPIC &+ 0xF0, 0x100 | UInt32(Vector.spurious))
        nextVector = Vector.firstMessage
    }

    /// 256 gates of 16 bytes, each to its 16-byte stub.
    private static func loadTable() {
        guard let table = unsafe heap.pages(1) else { return }
        for vector in 0..<256 as Range<UInt64> {
            let stub = interrupt_stubs_address() &+ vector &* 16
            store64(table &+ vector &* 16, stub & 0xFFFF | 0x08 << 16 | 0x8E00 << 32 | (stub >> 16 & 0xFFFF) << 48)
        }
        load_interrupt_table(table, 4095)
    }

    /// The 8259 pair: vectors moved out of the way of exceptions, every input masked.
    private static func silenceLegacyController() {
        for (port, vector, cascade) in [(0x20, 0xF0, 4), (0xA0, 0xF8, 2)] as [(UInt16, UInt8, UInt8)] {
            out8(port, 0x11)
            out8(port &+ 1, vector)
            out8(port &+ 1, cascade)
            out8(port &+ 1, 1)
            out8(port &+ 1, 0xFF)
        }
    }

    /// Sends an input of the I/O APIC to a vector of the first processor.
    func route(_ line: ACPI.InterruptLine, to vector: UInt8) {
        guard mode != .polled else { return }
        let index = 0x10 &+ line.number &* 2
        var entry = UInt32(vector)
        if line.isActiveLow { entry |= 1 << 13 }
        if line.isLevel { entry |= 1 << 15 }
        store32(ioapic, index &+ 1)
        store32(ioapic &+ 0x10, 0)
        store32(ioapic, index)
        store32(ioapic &+ 0x10, entry)
    }

    func newMessageVector() -> UInt8? {
        guard mode == .messages, nextVector <= Vector.lastMessage else { return nil }
        nextVector += 1
        return nextVector - 1
    }

    /// Vectors given out so far, to be taken back together.
    var vectorMark: UInt8 { nextVector }

    func rewindVectors(to mark: UInt8) { nextVector = min(nextVector, mark) }

    /// Sleeps until something happened; without interrupts, lets the caller look again.
    func wait() {
        mode == .polled ? pause_spin() : pulse_idle()
    }

    /// How often a vector was taken since the start.
    func count(of vector: UInt8) -> UInt64 {
        load64(interrupt_counters_address() &+ UInt64(vector) &* 8)
    }

    /// INIT and start-up messages to another processor; it begins at `page` << 12 in real mode.
    func start(processor: UInt8, page: UInt8, clock: Clock) {
        send(to: processor, 0x4500)
        clock.delay(microseconds: 10_000)
        for _ in 0..<2 {
            send(to: processor, 0x4600 | UInt32(page))
            clock.delay(microseconds: 200)
        }
    }

    private func send(to processor: UInt8, _ command: UInt32) {
        store32(Self.localAPIC &+ 0x310, UInt32(processor) << 24)
        store32(Self.localAPIC &+ 0x300, command)
    }
}
