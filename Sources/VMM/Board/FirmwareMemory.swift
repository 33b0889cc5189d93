internal import Devices
internal import Host
internal import Synchronization

/// Firmware's ROM and, right below it, its flash chip, for the life of the process:
///
///     4 GiB - flash - ROM   flash chip (`--nvram`): memory that is read, a device that is written to
///     4 GiB - ROM           ROM (`--firmware`): memory that is read; writes vanish
///     0xE0000               a copy of the ROM's last 128 KiB, in RAM, made at each reset
final class FirmwareMemory: Sendable {
    /// Both limits: what boards have had, and room below 4 GiB beside the interrupt controllers.
    static let romSizes: ClosedRange<UInt64> = 64 << 10...16 << 20
    private static let page: UInt64 = 4096
    /// Memory slots; RAM has the first ones.
    private static let romSlot: UInt32 = 8
    private static let flashSlot: UInt32 = 9

    /// Where the flash chip is, if there is one.
    let flashRange: Range<UInt64>?
    let romRange: Range<UInt64>
    let flash: FlashMemory?
    private let rom: Mapping
    private let shadow: [UInt8]
    private let visibility: Visibility

    /// Reads the ROM and the chip's content.
    /// - Parameters:
    ///   - nvram: nil for a machine that keeps no variables; read-only storage is a ROM to the guest.
    init(rom file: BlobFile, nvram: (any Disk)?, trouble: @escaping @Sendable (String) -> Void) throws {
        let count = file.byteCount
        guard Self.romSizes.contains(count), count % Self.page == 0 else {
            throw BootError.firmware("it has \(count) bytes; a ROM has 64 KiB to 16 MiB in steps of 4 KiB")
        }
        rom = try Mapping.anonymous(count: Int(count), doing: "map \(count) bytes of firmware")
        let start = AddressMap.firmware.upperBound - count
        romRange = start..<AddressMap.firmware.upperBound
        let shadowCount = min(count, AddressMap.firmwareShadow.upperBound - AddressMap.firmwareShadow.lowerBound)
        // Safe because the buffer is the mapping, which outlives the call.
        guard unsafe file.read(into: UnsafeMutableRawBufferPointer(start: rom.base, count: rom.count), at: 0),
            let shadow = file.read(at: count - shadowCount, count: Int(shadowCount))
        else { throw BootError.firmware("it changed or could not be read while it was loaded") }
        self.shadow = shadow
        guard shadow.suffix(16).contains(where: { $0 != 0 && $0 != 0xFF }) else {
            throw BootError.firmware(
                "nothing stands at its end, where the processor begins: it is no ROM, or only the variables' part of one")
        }

        guard let nvram else {
            (flash, flashRange, visibility) = (nil, nil, Visibility(nil, at: 0))
            return
        }
        let size = nvram.byteCount
        guard size > 0, size % FlashMemory.blockSize == 0, count + size <= Self.romSizes.upperBound else {
            throw BootError.nvram(
                "it has \(size) bytes; with the ROM's \(count) it must be whole blocks of 4 KiB and at most 16 MiB in all")
        }
        let chip = try FlashArray(count: Int(size))
        do throws(DiskError) {
            // Safe because the piece is the chip's own memory.
            try unsafe nvram.read(at: 0, into: [chip.buffer])
        } catch {
            throw BootError.nvram("\(error)")
        }
        let range = start - size..<start
        let visibility = Visibility(chip, at: range.lowerBound)
        flashRange = range
        self.visibility = visibility
        flash =
            nvram.isReadOnly
            ? nil
            : FlashMemory(
                contents: chip.memory, byteCount: size, storage: DiskStorage(disk: nvram), visibility: visibility,
                trouble: { trouble("not all variables are saved: \($0.reason)") })
    }

    /// Gives ROM and chip to a virtual machine, which must not outlive `self`; its memory shows them as after a reset.
    func attach(to machine: VirtualMachine) throws(KVMError) {
        // Safe because the mapping lives as long as this value.
        unsafe try machine.setMemory(
            slot: Self.romSlot, guest: romRange.lowerBound, host: rom.base, count: romRange.upperBound - romRange.lowerBound,
            isReadOnly: true)
        try visibility.attach(to: machine, slot: Self.flashSlot)
        flash?.reset()
    }

    /// The virtual machine is going away.
    func detach() { visibility.detach() }

    /// Puts the copy below 1 MiB.
    func loadShadow(into memory: GuestMemory) {
        memory.write(shadow, at: AddressMap.firmwareShadow.upperBound - UInt64(shadow.count))
    }

    /// Keeps the memory bus clear of the ROM, and gives it the chip.
    func attach(to windows: Bus) throws(BusError) {
        try windows.reserve(romRange.lowerBound, count: romRange.upperBound - romRange.lowerBound)
        guard let flashRange else { return }
        let count = flashRange.upperBound - flashRange.lowerBound
        if let flash {
            try windows.attach(flash, at: flashRange.lowerBound, count: count)
        } else {
            try windows.reserve(flashRange.lowerBound, count: count)
        }
    }
}

/// What a flash chip holds.
private final class FlashArray: Sendable {
    private let mapping: Mapping

    init(count: Int) throws(OSError) {
        mapping = try Mapping.anonymous(count: count, doing: "map \(count) bytes of flash memory")
    }

    // Safe because all users keep the array.
    var buffer: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: mapping.base, count: mapping.count) }

    /// From address 0.
    var memory: GuestMemory {
        // Safe because the memory keeps the array.
        unsafe GuestMemory([GuestMemory.Region(address: 0, host: mapping.base, byteCount: mapping.count)], keeper: self)
    }
}

/// The memory slot in which a guest sees the chip, in whatever virtual machine there is at the moment.
private final class Visibility: FlashVisibility {
    private let chip: FlashArray?
    private let address: UInt64
    private let place = Mutex<(machine: VirtualMachine, slot: UInt32)?>(nil)

    init(_ chip: FlashArray?, at address: UInt64) {
        self.chip = chip
        self.address = address
    }

    func attach(to machine: VirtualMachine, slot: UInt32) throws(KVMError) {
        place.withLock { $0 = (machine, slot) }
        try set(machine, slot)
    }

    func detach() { place.withLock { $0 = nil } }

    func show(asMemory: Bool) {
        guard let (machine, slot) = place.withLock({ $0 }) else { return }
        // It fails only for want of kernel memory; then reads keep coming to the chip, which answers them too.
        if asMemory { try? set(machine, slot) } else { try? machine.removeMemory(slot: slot) }
    }

    private func set(_ machine: VirtualMachine, _ slot: UInt32) throws(KVMError) {
        guard let chip else { return }
        let buffer = unsafe chip.buffer
        guard let base = buffer.baseAddress else { return }
        // Safe because the chip lives as long as this value.
        unsafe try machine.setMemory(slot: slot, guest: address, host: base, count: UInt64(buffer.count), isReadOnly: true)
    }
}
