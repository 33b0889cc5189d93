internal import Devices
internal import Host

/// Which drive sits where on the two IDE channels.
///
/// Disks take places from the first one on, in the order given: primary 0, primary 1, secondary 0, secondary 1. CD drives take the first free one of secondary
/// 0, secondary 1, primary 0, primary 1. So no channel has a drive 1 without a drive 0, and a machine with one disk and one CD is what PCs used to be.
struct DrivePlaces: Sendable {
    struct Drive: Sendable {
        let id: String
        let storage: any BlockStorage
        let isCD: Bool
    }

    /// Four of them.
    private let places: [Drive?]
    private let bells: [EventCounter]

    private static let channelNames = ["ide primary", "ide secondary"]

    /// - Parameter units: at most four, none of them virtio's.
    /// - Returns: nil if there are none.
    init?(_ units: [(unit: MachineConfiguration.DiskUnit, storage: DiskStorage)]) throws(OSError) {
        if units.isEmpty { return nil }
        precondition(units.count <= MachineConfiguration.driveLimit)
        var places = [Drive?](repeating: nil, count: MachineConfiguration.driveLimit)
        func take(_ order: [Int], _ unit: (unit: MachineConfiguration.DiskUnit, storage: DiskStorage)) {
            guard let place = order.first(where: { places[$0] == nil }) else { return }
            places[place] = Drive(id: unit.unit.id, storage: unit.storage, isCD: unit.unit.bus == .cd)
        }
        for unit in units where unit.unit.bus == .ide { take([0, 1, 2, 3], unit) }
        for unit in units where unit.unit.bus == .cd { take([2, 3, 0, 1], unit) }
        self.places = places
        bells = [try EventCounter(isBlocking: true), try EventCounter(isBlocking: true)]
    }

    /// Both channels, for one life of the machine.
    func channels(
        memory: GuestMemory, trouble: @escaping @Sendable (String, String) -> Void, line: (Int) -> any InterruptLine
    ) -> [Board.Channel] {
        (0..<2).map { channel in
            let drives = Array(places[(2 * channel)..<(2 * channel + 2)])
            let plugs = drives.map { drive -> IDEChannel.Plug? in
                guard let drive else { return nil }
                return drive.isCD ? .cd(drive.storage, serial: drive.id) : .disk(drive.storage, serial: drive.id)
            }
            let device = IDEChannel(plugs, line: line(channel), memory: memory, ring: { [bell = bells[channel]] in bell.signal() }) {
                guard let drive = drives[$0] else { return }
                trouble("\(drive.isCD ? "cdrom" : "disk") \(drive.id)", $1.reason)
            }
            return Board.Channel(name: Self.channelNames[channel], device: device, bell: bells[channel])
        }
    }

    /// In boot order: disks, then CDs.
    var bootNames: [String] {
        let drives = places.enumerated().compactMap { place, drive in drive.map { (place: place, isCD: $0.isCD) } }
        return (drives.filter { !$0.isCD } + drives.filter(\.isCD)).map {
            FirmwareItems.name(ofDrive: $0.place % 2, onChannel: $0.place / 2)
        }
    }
}
