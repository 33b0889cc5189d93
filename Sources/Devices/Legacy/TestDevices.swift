import Synchronization

/// What test suites for monitors expect to find beside a machine: ports and memory that remember, a page flush, and interrupt lines on ports.
///
///     0x00E0 - 0x00E3  32 bits that read back, at any width and alignment
///     0x00E4           a guest-physical address: what hardware remembers about its page is forgotten
///     0x00E8 - 0x00EB  the same 32 bits, byte by byte
///     0x2000 - 0x2017  interrupt line `port - 0x2000`: 0 lowers it, anything else raises it
///     0xFF00_0000      64 KiB that read back, at any width
///
/// The addresses are those of QEMU's `pc-testdev`. Attached only where that is wanted: a guest can do nothing with them that it could not do otherwise, except
/// confuse itself.
package final class TestDevices: BusDevice {
    /// The windows of the one device, by the offset it is attached with.
    package enum Window {
        package static let wide: UInt64 = 0
        package static let flush: UInt64 = 0x10
        package static let narrow: UInt64 = 0x20
        package static let lines: UInt64 = 0x100
        package static let memory: UInt64 = 0x1_0000
    }

    package static let lineCount = 24
    package static let memoryByteCount = 0x1_0000

    private struct State {
        var word: UInt32 = 0
        var memory = [UInt8](repeating: 0, count: TestDevices.memoryByteCount)
    }

    private let lines: [any InterruptLine]
    private let flush: @Sendable (UInt64) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - lines: the 24 lines, in order.
    ///   - flush: told a guest-physical address whose page is to be found anew.
    package init(lines: [any InterruptLine], flush: @escaping @Sendable (UInt64) -> Void) {
        precondition(lines.count == Self.lineCount)
        self.lines = lines
        self.flush = flush
    }

    /// Opens all windows.
    package func attach(ports: Bus, memory: Bus) throws(BusError) {
        try ports.attach(self, at: AddressMap.testPorts, count: 4, offset: Window.wide)
        try ports.attach(self, at: AddressMap.testPorts + 4, count: 4, offset: Window.flush)
        try ports.attach(self, at: AddressMap.testPorts + 8, count: 4, offset: Window.narrow)
        try ports.attach(self, at: AddressMap.testLines, count: UInt64(Self.lineCount), offset: Window.lines)
        try memory.attach(self, at: AddressMap.testMemory, count: UInt64(Self.memoryByteCount), offset: Window.memory)
    }

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        switch offset {
        case Window.wide..<Window.wide + 4, Window.narrow..<Window.narrow + 4:
            return UInt64(state.withLock { $0.word }) >> (8 * (offset & 3)) & width.allOnes
        case Window.memory...:
            return state.withLock { state in
                width.gathered { index in
                    guard let place = Int(exactly: offset - Window.memory &+ index), place < state.memory.count else { return 0 }
                    return state.memory[place]
                }
            }
        default: return width.allOnes
        }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        switch offset {
        case Window.wide..<Window.wide + 4, Window.narrow..<Window.narrow + 4:
            let shift = 8 * (offset & 3)
            let mask = UInt32(truncatingIfNeeded: width.allOnes << shift)
            state.withLock { $0.word = $0.word & ~mask | UInt32(truncatingIfNeeded: value << shift) & mask }
        case Window.flush: flush(value)
        case Window.lines..<Window.lines + UInt64(Self.lineCount): lines[Int(offset - Window.lines)].setLevel(value != 0)
        case Window.memory...:
            state.withLock { state in
                width.scatter(value) { index, byte in
                    guard let place = Int(exactly: offset - Window.memory &+ index), place < state.memory.count else { return }
                    state.memory[place] = byte
                }
            }
        default: break
        }
    }
}
