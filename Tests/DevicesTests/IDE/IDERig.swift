import Devices
import Synchronization

/// A board with nothing but an IDE controller: a disk and a CD drive where PCs used to have them, and an empty place beside each.
final class IDERig {
    /// One channel as a driver speaks to it.
    struct Port {
        let rig: IDERig
        let channel: Int
        var base: UInt64 { AddressMap.ideCommands[channel] }

        func get(_ register: UInt64) -> UInt8 { UInt8(rig.ports.read(base + register, count: 1)) }
        func put(_ register: UInt64, _ value: UInt8) { rig.ports.write(base + register, count: 1, value: UInt64(value)) }
        var alternateStatus: UInt8 { UInt8(rig.ports.read(AddressMap.ideControls[channel], count: 1)) }
        func control(_ value: UInt8) { rig.ports.write(AddressMap.ideControls[channel], count: 1, value: UInt64(value)) }
        var line: RecordingLine { rig.lines[channel] }

        /// Reads words until there are no more, with the worker's help.
        func read() -> [UInt8] {
            var bytes: [UInt8] = []
            rig.work()
            while alternateStatus & 0x88 == 0x08 {
                let word = rig.ports.read(base, count: 2)
                bytes += [UInt8(word & 0xFF), UInt8(word >> 8)]
                rig.work()
            }
            return bytes
        }

        func write(_ bytes: [UInt8]) {
            for index in stride(from: 0, to: bytes.count, by: 2) {
                rig.ports.write(base, count: 2, value: UInt64(bytes[index]) | UInt64(bytes[index + 1]) << 8)
                rig.work()
            }
        }

        /// A command with a 28-bit address.
        func command(_ code: UInt8, block: UInt64 = 0, count: UInt8 = 1, features: UInt8 = 0, drive: UInt8 = 0) {
            put(6, 0xE0 | drive << 4 | UInt8(block >> 24 & 15))
            put(1, features)
            put(2, count)
            put(3, UInt8(truncatingIfNeeded: block))
            put(4, UInt8(truncatingIfNeeded: block >> 8))
            put(5, UInt8(truncatingIfNeeded: block >> 16))
            put(7, code)
        }

        /// One with a 48-bit address.
        func extended(_ code: UInt8, block: UInt64, count: UInt16) {
            put(6, 0x40)
            for shift in [8, 0] as [UInt64] {
                put(2, UInt8(truncatingIfNeeded: UInt64(count) >> shift))
                put(3, UInt8(truncatingIfNeeded: block >> (shift * 3)))
                put(4, UInt8(truncatingIfNeeded: block >> (8 + shift * 3)))
                put(5, UInt8(truncatingIfNeeded: block >> (16 + shift * 3)))
            }
            put(7, code)
        }

        /// A packet and what comes back.
        func packet(_ bytes: [UInt8], limit: UInt16 = 2048) -> [UInt8] {
            put(6, 0xA0)
            put(1, 0)
            put(4, UInt8(truncatingIfNeeded: limit))
            put(5, UInt8(limit >> 8))
            put(7, 0xA0)
            write(bytes + Array(repeating: 0, count: 12 - bytes.count))
            return read()
        }

        /// The key and the code of the last failure.
        var sense: [UInt8] {
            let bytes = packet([0x03, 0, 0, 0, 18])
            return [bytes[2], bytes[12]]
        }

        // The bus master.
        var master: UInt64 { rig.masterBase + UInt64(channel) * 8 }
        var masterStatus: UInt8 { UInt8(rig.ports.read(master + 2, count: 1)) }
        func table(_ entries: [(address: UInt64, count: UInt64, isLast: Bool)], at place: UInt64 = 0x2000) {
            for (index, entry) in entries.enumerated() {
                let word = entry.address | (entry.count & 0xFFFF) << 32 | (entry.isLast ? 1 << 63 : 0)
                rig.memory.store(word, at: place + UInt64(index) * 8)
            }
            rig.ports.write(master + 4, count: 4, value: place)
        }
        func start(toMemory: Bool) {
            rig.ports.write(master, count: 1, value: toMemory ? 0x09 : 0x01)
            rig.work()
        }
        func stop() { rig.ports.write(master, count: 1, value: 0) }
    }

    let ports = Bus(name: "ports", limit: 0x1_0000)
    let memory = makeMemory()
    let lines = [RecordingLine(), RecordingLine()]
    let disk: MemoryStorage
    let cd: MemoryStorage
    let channels: [IDEChannel]
    let controller: IDEController
    let pci: PCIBus
    private let rings: [Rings]

    final class Rings: Sendable {
        let count = Atomic<Int>(0)
    }

    /// - Parameter plugs: others than the disk and the CD.
    init(sectors: Int = 1024, blocks: Int = 64, isReadOnly: Bool = false, plugs: [[IDEChannel.Plug?]]? = nil) {
        disk = MemoryStorage(sectors: sectors, isReadOnly: isReadOnly)
        cd = MemoryStorage(sectors: blocks * 4, isReadOnly: true)
        let plugs = plugs ?? [[.disk(disk, serial: "first"), nil], [.cd(cd, serial: "medium"), nil]]
        let rings = [Rings(), Rings()]
        self.rings = rings
        channels = [0, 1].map { [memory, lines] channel in
            IDEChannel(
                plugs[channel], line: lines[channel], memory: memory, ring: { rings[channel].count.wrappingAdd(1, ordering: .relaxed) })
        }
        controller = IDEController(channels: channels, ports: ports)
        pci = PCIBus([AddressMap.isaBridge: ISABridge(lines: (0..<16).map { _ in RecordingLine() }), AddressMap.ideFunction: controller])
        pci.placeWindows()
    }

    var first: Port { Port(rig: self, channel: 0) }
    var second: Port { Port(rig: self, channel: 1) }

    func config(_ offset: Int, width: AccessWidth = .four) -> UInt64 {
        pci.read(bus: 0, index: UInt8(AddressMap.ideFunction.device * 8 + 1), offset: offset, width: width)
    }

    func setConfig(_ offset: Int, _ value: UInt64, width: AccessWidth = .two) {
        pci.write(bus: 0, index: UInt8(AddressMap.ideFunction.device * 8 + 1), offset: offset, width: width, value: value)
    }

    var masterBase: UInt64 { config(0x20) & 0xFFF0 }

    /// What the channels' threads would do: each works only where it was rung for.
    func work() {
        for (channel, ring) in zip(channels, rings) where ring.count.exchange(0, ordering: .relaxed) > 0 {
            while channel.process() {}
        }
    }
}
