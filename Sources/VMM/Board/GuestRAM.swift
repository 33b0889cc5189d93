package import Devices
package import Host

/// The machine's RAM: one private mapping, made once for the process, emptied at each reset.
package final class GuestRAM: Sendable {
    package let layout: RAMLayout
    private let mapping: Mapping

    package init(_ layout: RAMLayout) throws(OSError) {
        self.layout = layout
        guard let count = Int(exactly: layout.byteCount) else { throw OSError(.noMemory, "map \(layout.byteCount) bytes of guest memory") }
        mapping = try Mapping.anonymous(count: count, doing: "map \(count) bytes of guest memory")
    }

    /// After those of the pieces.
    private static let textSlot: UInt32 = 3

    /// What is in the display's memory at the moment.
    var textMemory: [UInt8] {
        let text = AddressMap.textMemory
        // Safe because the range lies in the mapping, which is at least 2 MiB long; the guest may write meanwhile, and a byte is a byte.
        return unsafe Array(UnsafeRawBufferPointer(start: mapping.base + Int(text.lowerBound), count: text.count))
    }

    /// What devices may reach. It keeps the mapping alive.
    package var memory: GuestMemory {
        // Safe because each piece lies in the mapping, which `self` owns and the memory keeps.
        GuestMemory(
            layout.pieces.map {
                unsafe GuestMemory.Region(address: $0.address, host: mapping.base + Int($0.offset), byteCount: Int($0.count))
            },
            keeper: self)
    }

    /// Gives every piece to a virtual machine, which must not outlive `self`.
    func attach(to machine: VirtualMachine) throws(KVMError) {
        for (slot, piece) in layout.pieces.enumerated() {
            // Safe because the piece lies in the mapping.
            unsafe try machine.setMemory(
                slot: UInt32(slot), guest: piece.address, host: mapping.base + Int(piece.offset), count: piece.count)
        }
        // The display's memory, in the hole of the mapping that belongs to its addresses. No device reaches it.
        let text = AddressMap.textMemory
        unsafe try machine.setMemory(
            slot: Self.textSlot, guest: text.lowerBound, host: mapping.base + Int(text.lowerBound), count: text.upperBound - text.lowerBound
        )
    }

    /// All zeros again, and no pages.
    func clear() { mapping.clear() }

    /// Makes the kernel find a page of the guest's memory anew: its contents stay.
    func dropTranslation(of address: UInt64) {
        guard let piece = layout.pieces.first(where: { address >= $0.address && address - $0.address < $0.count }) else { return }
        mapping.dropTranslation(at: Int((piece.offset + (address - piece.address)) & ~4095))
    }

    /// Copies a boot plan's bytes in.
    func load(_ plan: BootPlan, kernel: BlobFile, modules: [BlobFile]) throws(BootError) {
        let memory = memory
        for load in plan.loads {
            let source =
                switch load.source {
                case .kernel: kernel
                case .module(let number): modules[number]
                }
            // Safe because the range is the guest's RAM, no vCPU runs yet, and the buffer is used inside the call.
            guard let place = unsafe memory.hostRange(load.address, count: load.count),
                unsafe source.read(into: place, at: load.offset)
            else {
                let reason = "it changed or could not be read while it was loaded"
                throw load.source == .kernel ? .kernel(reason) : .initrd(reason)
            }
        }
        // The plan's places were checked against the layout; a miss would be a mistake of this program and shows at once in the guest.
        for piece in plan.pieces { memory.write(piece.bytes, at: piece.address) }
    }
}

/// A blob of the command line: read at offsets, at start and at each reset.
package final class BlobFile: BootFile, FirmwareFile {
    package let byteCount: UInt64
    private let descriptor: SharedDescriptor

    package init(_ descriptor: SharedDescriptor) throws(OSError) {
        self.descriptor = descriptor
        byteCount = try descriptor.with { (file) throws(OSError) in try file.size() }
    }

    package func read(at offset: UInt64, count: Int) -> [UInt8]? {
        let bytes = try? descriptor.with { (file) throws(OSError) in try file.read(upTo: count, at: offset) }
        return bytes?.count == count ? bytes : nil
    }

    @unsafe package func read(at offset: UInt64, into place: UnsafeMutableRawBufferPointer) -> Bool {
        unsafe read(into: place, at: offset)
    }

    func read(into place: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        // Safe because the caller vouches for the place.
        let count = try? descriptor.with { (file) throws(OSError) in unsafe try file.read(into: place, at: offset) }
        return count == place.count
    }
}
