internal import Devices

/// A file that a guest boots from: the kernel or the initial RAM disk. Reads give copies.
package protocol BootFile: Sendable {
    var byteCount: UInt64 { get }
    /// Exactly `count` bytes, or nil when the file ends before or cannot be read.
    func read(at offset: UInt64, count: Int) -> [UInt8]?
}

/// Which protocol a kernel is entered by.
package enum BootProtocol: String, CaseIterable, Sendable {
    /// Look at the file.
    case auto
    /// Linux's own: bzImage.
    case linux
    /// ELF with the entry note of Xen's PVH.
    case pvh
    /// The Multiboot Specification, version 0.6.96: ELF of either class, or with the addresses in its header.
    case multiboot
    /// The Multiboot2 Specification, version 2.0.
    case multiboot2
}

/// A file that is handed to the kernel, with the words that go with it where the protocol has room for them.
package struct BootModule: Sendable {
    package var file: any BootFile
    /// Without a zero byte.
    package var text: [UInt8]

    package init(_ file: any BootFile, text: [UInt8] = []) {
        self.file = file
        self.text = text
    }
}

/// All that must lie in memory before the first instruction, and how that is begun: made and checked before there is a machine.
package struct BootPlan: Sendable {
    package enum Source: Hashable, Sendable {
        case kernel
        /// By its number, from 0.
        case module(Int)
    }

    /// A part of a file that is copied into the guest.
    package struct Load: Hashable, Sendable {
        package var source: Source
        package var offset: UInt64
        package var count: UInt64
        package var address: UInt64

        package init(source: Source, offset: UInt64, count: UInt64, address: UInt64) {
            self.source = source
            self.offset = offset
            self.count = count
            self.address = address
        }
    }

    /// Bytes that the monitor makes.
    package struct Piece: Hashable, Sendable {
        package var address: UInt64
        package var bytes: [UInt8]
    }

    package var loads: [Load] = []
    package var pieces: [Piece] = []
    package var entry: EntryState

    /// What the plan was made by: `auto` has looked at the file.
    package var chosen = BootProtocol.auto

    init(entry: EntryState) { self.entry = entry }

    /// Modules of one machine; GNU/Hurd starts with five.
    package static let moduleLimit = 16

    /// Decides how `kernel` starts in a machine with so much RAM, or says why it cannot.
    /// - Parameter modules: for Linux together the initial RAM disk.
    package static func make(
        _ wanted: BootProtocol, kernel: some BootFile, modules: [BootModule] = [], commandLine: [UInt8], ram: RAMLayout
    ) throws(BootError) -> BootPlan {
        guard !commandLine.contains(0), !modules.contains(where: { $0.text.contains(0) }) else {
            throw .commandLine("holds a zero byte")
        }
        guard modules.count <= moduleLimit else { throw .initrd("a machine takes \(moduleLimit) modules, not \(modules.count)") }
        let counts = modules.map(\.file.byteCount)
        for count in counts where count >= ram.low {
            throw .initrd("its \(count) bytes do not fit into \(ram.low) bytes of memory below 4 GiB")
        }
        let found = try recognise(kernel)
        guard let first = found.first else { throw .kernel("it is neither a Linux kernel (bzImage), an ELF file nor a Multiboot image") }
        let chosen = wanted == .auto ? first : wanted
        guard found.contains(chosen) else { throw .kernel("it is not a file for the protocol \(wanted.rawValue)") }
        var plan =
            switch chosen {
            case .linux: try LinuxBoot.plan(kernel, modules: counts, commandLine: commandLine, ram: ram)
            case .pvh, .auto: try PVHBoot.plan(kernel, modules: counts, commandLine: commandLine, ram: ram)
            case .multiboot: try MultibootBoot.plan(kernel, modules: modules, commandLine: commandLine, ram: ram)
            case .multiboot2: try Multiboot2Boot.plan(kernel, modules: modules, commandLine: commandLine, ram: ram)
            }
        plan.chosen = chosen
        var table = LittleEndianBytes()
        for entry in BootLayout.gdtEntries(plan.entry.mode) { table.append(entry) }
        plan.pieces.append(Piece(address: BootLayout.gdt, bytes: table.bytes))
        if plan.entry.mode == .long { plan.pieces.append(Piece(address: BootLayout.pageTables, bytes: BootLayout.identityMap)) }
        return plan
    }

    /// All protocols that the file's own headers speak of, the one to be preferred first.
    private static func recognise(_ kernel: some BootFile) throws(BootError) -> [BootProtocol] {
        guard kernel.byteCount > 0 else { throw .kernel("it is empty") }
        if kernel.read(at: 0x1FE, count: 2) == [0x55, 0xAA], kernel.read(at: 0x202, count: 4) == Array("HdrS".utf8) { return [.linux] }
        var found: [BootProtocol] = []
        if MultibootHeader.find(in: kernel) != nil { found.append(.multiboot) }
        if Multiboot2Header.isThere(in: kernel) { found.append(.multiboot2) }
        guard kernel.read(at: 0, count: 4) == [0x7F, 0x45, 0x4C, 0x46] else { return found }
        // A file that has nothing but its note is asked for it later, and says what is wrong with it.
        if found.isEmpty { return [.pvh] }
        if let file = try? ELF(kernel), PVHBoot.canEnter(file) { found.insert(.pvh, at: 0) }
        return found
    }

    /// A place: whole pages, as high as allowed, above `floor`.
    static func place(_ count: UInt64, above floor: UInt64, below ceiling: UInt64) throws(BootError) -> UInt64 {
        let page = RAMLayout.page
        guard count <= ceiling, case let place = (ceiling - count) & ~(page - 1), place >= floor else {
            throw .initrd(
                "its \(count) bytes do not fit between the kernel's end at 0x\(hex(floor)) and 0x\(hex(ceiling)): give the machine more memory"
            )
        }
        return place
    }

    /// A place for each module, the first the highest.
    static func placeModules(_ counts: [UInt64], above floor: UInt64, below ceiling: UInt64) throws(BootError) -> [Load] {
        var loads: [Load] = []
        for (index, count) in counts.enumerated() {
            let address = try place(count, above: floor, below: loads.last?.address ?? ceiling)
            loads.append(Load(source: .module(index), offset: 0, count: count, address: address))
        }
        return loads
    }
}

/// Why a machine cannot start from what it was given. Found before the machine exists.
package enum BootError: Error, Hashable, Sendable, CustomStringConvertible {
    case kernel(String)
    case initrd(String)
    case commandLine(String)
    case firmware(String)
    case nvram(String)

    package var description: String {
        switch self {
        case .kernel(let reason): "the kernel cannot be booted: \(reason)"
        case .initrd(let reason): "the initial RAM disk cannot be used: \(reason)"
        case .commandLine(let reason): "the command line cannot be used: it \(reason)"
        case .firmware(let reason): "the firmware cannot be used: \(reason)"
        case .nvram(let reason): "the firmware's variables cannot be used: \(reason)"
        }
    }
}

/// A number as headers of executables are spoken of.
func hex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }

/// Numbers out of a header that was copied: nil past its end.
struct LittleEndianReader {
    let bytes: [UInt8]

    func load<T: FixedWidthInteger>(_: T.Type, at offset: Int) -> T? {
        let size = T.bitWidth / 8
        guard offset >= 0, size <= bytes.count, offset <= bytes.count - size else { return nil }
        var value: T = 0
        for index in (0..<size).reversed() { value = value << 8 | T(truncatingIfNeeded: bytes[offset + index]) }
        return value
    }
}
