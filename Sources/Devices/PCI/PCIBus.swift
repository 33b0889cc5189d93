import Synchronization

/// Where a function sits on bus 0.
package struct PCIAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// 0 to 31.
    package let device: UInt8
    /// 0 to 7.
    package let function: UInt8

    package init(device: UInt8, function: UInt8 = 0) {
        precondition(device < 32 && function < 8, "no such place on a PCI bus")
        self.device = device
        self.function = function
    }

    package static func < (left: PCIAddress, right: PCIAddress) -> Bool { left.index < right.index }

    package var description: String { "00:\(device < 16 ? "0" : "")\(String(device, radix: 16)).\(function)" }

    var index: Int { Int(device) &* 8 &+ Int(function) }
}

/// One PCI function, as its configuration space. Called from any vCPU thread.
///
/// How configuration is reached (ports 0xCF8/0xCFC, memory-mapped) is not its concern: an access lies in one aligned group of four bytes, so `offset` is below
/// `byteCount` and `offset % 4 + width <= 4`.
package protocol PCIFunction: AnyObject, Sendable {
    /// - Parameter width: `.one`, `.two` or `.four`.
    func readConfig(offset: Int, width: AccessWidth) -> UInt32
    func writeConfig(offset: Int, width: AccessWidth, value: UInt32)
    /// What firmware would do where there is none: places the memory windows inside `space` and lets them be decoded.
    func placeWindows(in space: inout PCISpace)
    /// Back to the state after power-on, when the machine resets. Memory windows are closed.
    func resetFunction()
}

extension PCIFunction {
    package func placeWindows(in space: inout PCISpace) {}
}

/// Room for memory windows, given out from the bottom.
package struct PCISpace: Sendable {
    private var next: UInt64
    private let end: UInt64
    private var nextPort = AddressMap.pciPorts.lowerBound
    /// Windows lie at least this far apart: some guests rearrange windows, and crowded ones make them give up.
    private static let spacing: UInt64 = 0x80_0000

    package init(_ range: Range<UInt64> = AddressMap.pciMemory) {
        next = range.lowerBound
        end = range.upperBound
    }

    /// - Parameter count: a power of two.
    /// - Returns: an address aligned to `count`, or nil when the room is used up.
    package mutating func take(_ count: UInt64) -> UInt64? {
        let alignment = max(count, Self.spacing)
        let (sum, wraps) = next.addingReportingOverflow(alignment - 1)
        let address = sum & ~(alignment - 1)
        guard !wraps, address < end, count <= end - address else { return nil }
        next = address + count
        return address
    }

    /// The same among the ports.
    package mutating func takePorts(_ count: UInt64) -> UInt64? {
        let address = (nextPort + count - 1) & ~(count - 1)
        guard address <= AddressMap.pciPorts.upperBound - count else { return nil }
        nextPort = address + count
        return address
    }
}

/// PCI bus 0: finds the function that a configuration access is for.
///
/// Built once, then only read, so it needs no lock: `init` takes all functions.
package final class PCIBus: Sendable {
    private let functions: [(any PCIFunction)?]

    /// - Parameter functions: at most one at each place; function 0 of a device must exist if any other does.
    package init(_ functions: [PCIAddress: any PCIFunction]) {
        var table = [(any PCIFunction)?](repeating: nil, count: 256)
        for (address, function) in functions {
            table[address.index] = function
        }
        self.functions = table
    }

    /// Reads configuration space; absent functions, other buses and offsets past the end read as all ones.
    /// Accesses that cross an aligned group of four bytes are taken apart.
    package func read(bus: UInt8, index: UInt8, offset: Int, width: AccessWidth) -> UInt64 {
        var value: UInt64 = 0
        forEachPiece(of: offset, width) { place, piece, shift in
            var part = piece.allOnes
            if bus == 0, let function = functions[Int(index)], place >= 0, place < 256 {
                part = UInt64(function.readConfig(offset: place, width: piece)) & piece.allOnes
            }
            value |= part &<< shift
        }
        return value
    }

    package func write(bus: UInt8, index: UInt8, offset: Int, width: AccessWidth, value: UInt64) {
        guard bus == 0, let function = functions[Int(index)] else { return }
        forEachPiece(of: offset, width) { place, piece, shift in
            guard place >= 0, place < 256 else { return }
            function.writeConfig(offset: place, width: piece, value: UInt32(truncatingIfNeeded: (value &>> shift) & piece.allOnes))
        }
    }

    private func forEachPiece(of offset: Int, _ width: AccessWidth, _ body: (_ offset: Int, _ width: AccessWidth, _ shift: UInt64) -> Void)
    {
        if width != .eight, (offset & 3) &+ width.rawValue <= 4 {
            body(offset, width, 0)
        } else if width == .eight, offset & 3 == 0 {
            body(offset, .four, 0)
            body(offset &+ 4, .four, 32)
        } else {
            for index in 0..<width.rawValue {
                body(offset &+ index, .one, UInt64(truncatingIfNeeded: index &* 8))
            }
        }
    }

    /// Places every function's windows, in the order of their places on the bus, as firmware would.
    package func placeWindows(in range: Range<UInt64> = AddressMap.pciMemory) {
        var space = PCISpace(range)
        for case let function? in functions { function.placeWindows(in: &space) }
    }

    /// The machine resets: every function goes back to its state after power-on.
    package func reset() {
        for case let function? in functions { function.resetFunction() }
    }
}
