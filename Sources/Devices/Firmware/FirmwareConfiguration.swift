import Synchronization

/// A file of the host that firmware may read: a kernel, an initial RAM disk.
package protocol FirmwareFile: Sendable {
    var byteCount: UInt64 { get }
    /// Fills `place` from `offset` on; false if the file ends before or cannot be read.
    @unsafe func read(at offset: UInt64, into place: UnsafeMutableRawBufferPointer) -> Bool
}

/// The firmware configuration device (fw_cfg): numbered items, each a run of bytes that firmware reads.
///
///     0x510 u16 selects an item         0x514 u64 big-endian: where the guest put an access, written in two halves, the lower
///     0x511 u8  its next byte                  one starts it; reads as "QEMU CFG"
///
///     access, big-endian:  0 control u32: error 0, read 1, skip 2, select 3, write 4, item 31:16
///                          4 length u32
///                          8 address u64
///
/// Past its end an item reads as zeros; nothing here can be written. A transfer is done before the write to the port returns, into RAM alone: a
/// place that is not RAM whole is answered with the error bit and nothing is touched, so its length is bounded by the guest's own memory.
/// Attach `portCount` ports at `AddressMap.firmwareConfiguration`.
///
/// Source: docs/specs/fw_cfg.rst of QEMU.
package final class FirmwareConfiguration: BusDevice, ResettableDevice {
    package static let portCount: UInt64 = 12

    package struct Item: Sendable {
        package enum Content: Sendable {
            case bytes([UInt8])
            /// Made when it is selected, since it depends on what firmware has set up by then. Always as long as `count`.
            case made(count: Int, @Sendable () -> [UInt8])
            /// A part of a file.
            case file(any FirmwareFile, offset: UInt64, count: UInt32)
        }

        package var content: Content

        package init(_ content: Content) { self.content = content }

        var byteCount: UInt32 {
            switch content {
            case .bytes(let bytes): UInt32(clamping: bytes.count)
            case .made(let count, _): UInt32(clamping: count)
            case .file(_, _, let count): count
            }
        }
    }

    /// Items that firmware knows by number.
    package enum Key {
        package static let signature: UInt16 = 0x00
        package static let version: UInt16 = 0x01
        package static let machineID: UInt16 = 0x02
        package static let memorySize: UInt16 = 0x03
        package static let hasNoGraphics: UInt16 = 0x04
        package static let processors: UInt16 = 0x05
        package static let kernelSize: UInt16 = 0x08
        package static let initrdSize: UInt16 = 0x0B
        package static let bootMenu: UInt16 = 0x0E
        package static let mostProcessors: UInt16 = 0x0F
        package static let kernel: UInt16 = 0x11
        package static let initrd: UInt16 = 0x12
        package static let commandLineSize: UInt16 = 0x14
        package static let commandLine: UInt16 = 0x15
        package static let setupSize: UInt16 = 0x17
        package static let setup: UInt16 = 0x18
        static let directory: UInt16 = 0x19
        static let firstFile: UInt16 = 0x20
        /// The timer reaches the IOAPIC at pin 2.
        package static let timerOverride: UInt16 = 0x8002
    }

    private enum Control {
        static let error: UInt32 = 1 << 0
        static let read: UInt32 = 1 << 1
        static let skip: UInt32 = 1 << 2
        static let select: UInt32 = 1 << 3
        static let write: UInt32 = 1 << 4
    }

    /// The longest name in the directory, without its final zero.
    package static let nameLimit = 55
    private static let signature = Array("QEMU CFG".utf8)

    private struct State {
        var content: Item.Content?
        var position: UInt32 = 0
        var address: UInt64 = 0
    }

    private let memory: GuestMemory
    private let items: [UInt16: Item]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - numbered: beside the signature, the version and the directory, which are made here.
    ///   - files: by name; ASCII, at most `nameLimit` bytes.
    package init(numbered: [UInt16: Item], files: [(name: String, item: Item)], memory: GuestMemory) {
        self.memory = memory
        var items = numbered
        items[Key.signature] = Item(.bytes(Array("QEMU".utf8)))
        items[Key.version] = Item(.bytes([3, 0, 0, 0]))  // ports and DMA
        var directory = Self.bigEndian(UInt32(clamping: files.count))
        for (index, file) in files.sorted(by: { $0.name < $1.name }).enumerated() {
            precondition(file.name.utf8.count <= Self.nameLimit, "a name that is too long for the directory")
            let key = Key.firstFile + UInt16(index)
            items[key] = file.item
            directory += Self.bigEndian(file.item.byteCount) + Self.bigEndian(key) + [0, 0]
            directory += Array(file.name.utf8) + [UInt8](repeating: 0, count: Self.nameLimit + 1 - file.name.utf8.count)
        }
        items[Key.directory] = Item(.bytes(directory))
        self.items = items
    }

    package func reset() { state.withLock { $0 = State() } }

    // MARK: Ports

    package func read(offset: UInt64, width: AccessWidth) -> UInt64 {
        switch (offset, width) {
        case (1, .one): return UInt64(state.withLock { nextByte(&$0) })
        case (4..<12, _):
            return width.gathered { index in
                let place = Int(truncatingIfNeeded: offset &- 4 &+ index)
                return place < Self.signature.count ? Self.signature[place] : 0xFF
            }
        default: return .max
        }
    }

    package func write(offset: UInt64, width: AccessWidth, value: UInt64) {
        switch (offset, width) {
        case (0, .two): state.withLock { select(UInt16(truncatingIfNeeded: value), &$0) }
        case (4, .four): state.withLock { $0.address = UInt64(UInt32(truncatingIfNeeded: value).byteSwapped) << 32 }
        case (8, .four):
            state.withLock { state in
                let address = state.address | UInt64(UInt32(truncatingIfNeeded: value).byteSwapped)
                state.address = 0
                serve(address, &state)
            }
        default: break
        }
    }

    private func select(_ key: UInt16, _ state: inout State) {
        state.position = 0
        state.content =
            switch items[key]?.content {
            case .made(let count, let make): .bytes(Array((make() + [UInt8](repeating: 0, count: count)).prefix(count)))
            case let content: content
            }
    }

    private func nextByte(_ state: inout State) -> UInt8 {
        var byte: UInt8 = 0
        // Safe because the byte outlives the call.
        unsafe withUnsafeMutableBytes(of: &byte) { unsafe _ = copy(into: $0, &state) }
        return byte
    }

    // MARK: Accesses in memory

    /// What the guest put there is copied once and the copy judged.
    private func serve(_ address: UInt64, _ state: inout State) {
        guard let bytes = memory.read(address, count: 16) else { return }
        let words = stride(from: 0, to: 16, by: 4).map { start in bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
        let control = words[0]
        let count = words[1]
        let place = UInt64(words[2]) << 32 | UInt64(words[3])
        if control & Control.select != 0 { select(UInt16(truncatingIfNeeded: control >> 16), &state) }
        var isDone = true
        if control & Control.read != 0 {
            if count > 0 {
                // Safe because the range is RAM whole; the copy ends inside this call.
                if let range = unsafe memory.hostRange(place, count: UInt64(count)) {
                    isDone = unsafe copy(into: range, &state)
                } else {
                    isDone = false
                }
            }
        } else if control & Control.write != 0 {
            isDone = false
        } else if control & Control.skip != 0 {
            state.position = advanced(state, by: count)
        }
        memory.write(Self.bigEndian(isDone ? 0 : Control.error), at: address)
    }

    private func advanced(_ state: State, by count: UInt32) -> UInt32 {
        let (sum, overflows) = state.position.addingReportingOverflow(count)
        return overflows ? .max : sum
    }

    /// Fills a place with the selected item's next bytes, then zeros.
    /// - Returns: false if a file could not be read; then the place may hold a part of it.
    private func copy(into place: UnsafeMutableRawBufferPointer, _ state: inout State) -> Bool {
        let position = state.position
        state.position = advanced(state, by: UInt32(clamping: place.count))
        var taken = 0
        var isDone = true
        switch state.content {
        case .bytes(let bytes):
            let rest = bytes.dropFirst(Int(position))
            taken = min(rest.count, place.count)
            unsafe place.copyBytes(from: rest.prefix(taken))
        case .file(let file, let offset, let count):
            taken = Int(min(UInt64(count) - min(UInt64(position), UInt64(count)), UInt64(place.count)))
            if taken > 0 {
                // Safe because the part lies in the place.
                isDone = unsafe file.read(
                    at: offset &+ UInt64(position), into: UnsafeMutableRawBufferPointer(rebasing: place[..<taken]))
            }
        case .made, nil: break
        }
        // Safe because the rest lies in the place.
        unsafe UnsafeMutableRawBufferPointer(rebasing: place[taken...]).initializeMemory(as: UInt8.self, repeating: 0)
        return isDone
    }

    private static func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        stride(from: T.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> T($0)) }
    }
}
