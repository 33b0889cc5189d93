import VMM

// What `--disk`, `--cdrom` and `--net` say: comma-separated keys and values.

extension Request {
    /// id=ID,fd=N[,delta=M][,read-only][,bus=ide|virtio]
    static func disk(_ text: String) throws(UsageError) -> MachineConfiguration.DiskUnit {
        var id: String?
        var unit = MachineConfiguration.DiskUnit(id: "", descriptor: -1)
        for part in parts(text) {
            switch (part.key, part.value) {
            case ("id", let value?): id = value
            case ("fd", let value?): unit.descriptor = try descriptor("--disk fd=", value)
            case ("delta", let value?): unit.delta = try descriptor("--disk delta=", value)
            case ("read-only", nil): unit.isReadOnly = true
            case ("bus", "ide"): unit.bus = .ide
            case ("bus", "virtio"): unit.bus = .virtio
            default: throw UsageError(reason: "--disk takes id=ID,fd=N[,delta=M][,read-only][,bus=ide|virtio], not \"\(text)\"")
            }
        }
        guard let id, (1...20).contains(id.utf8.count), unit.descriptor >= 0 else {
            throw UsageError(reason: "--disk needs an id of 1 to 20 bytes and a descriptor: id=ID,fd=N, not \"\(text)\"")
        }
        unit.id = id
        return unit
    }

    /// id=ID,fd=N: the medium of a CD drive.
    static func cdrom(_ text: String) throws(UsageError) -> MachineConfiguration.DiskUnit {
        guard var unit = try? disk(text), unit.delta == nil, !parts(text).contains(where: { $0.key == "bus" }) else {
            throw UsageError(reason: "--cdrom takes id=ID,fd=N, with an id of 1 to 20 bytes, not \"\(text)\"")
        }
        unit.bus = .cd
        unit.isReadOnly = true
        return unit
    }

    /// fd=N[,delta=M][,read-only]
    static func nvram(_ text: String) throws(UsageError) -> MachineConfiguration.DiskUnit {
        guard let unit = try? disk("id=nvram," + text), unit.id == "nvram", unit.bus == .virtio else {
            throw UsageError(reason: "--nvram takes fd=N[,delta=M][,read-only], not \"\(text)\"")
        }
        return unit
    }

    /// id=ID,fd=N,mac=MAC[,mtu=N][,mark=HEX]
    static func network(_ text: String) throws(UsageError) -> MachineConfiguration.NetworkUnit {
        var id = ""
        var unit = MachineConfiguration.NetworkUnit(id: "", descriptor: -1, address: [])
        for part in parts(text) {
            switch (part.key, part.value) {
            case ("id", let value?): id = value
            case ("fd", let value?): unit.descriptor = try descriptor("--net fd=", value)
            case ("mac", let value?):
                guard let address = address(value) else {
                    throw UsageError(reason: "--net mac= takes the address of one card, such as 02:00:00:00:00:01, not \"\(value)\"")
                }
                unit.address = address
            case ("mtu", let value?):
                guard let mtu = UInt16(value), mtu >= MachineConfiguration.smallestMTU else {
                    throw UsageError(reason: "--net mtu= takes \(MachineConfiguration.smallestMTU) to 65535, not \"\(value)\"")
                }
                unit.mtu = mtu
            case ("mark", let value?):
                guard unit.setMark(hexadecimal: value) else {
                    throw UsageError(reason: "--net mark= takes 32 hexadecimal digits, not \"\(value)\"")
                }
            default: throw UsageError(reason: "--net takes id=ID,fd=N,mac=MAC[,mtu=N][,mark=HEX], not \"\(text)\"")
            }
        }
        // The id is one word of a control line.
        guard (1...64).contains(id.utf8.count), !id.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw UsageError(reason: "--net needs an id of 1 to 64 bytes without blanks: id=ID, not \"\(text)\"")
        }
        guard unit.descriptor >= 0, !unit.address.isEmpty else {
            throw UsageError(reason: "--net needs a descriptor and an address: fd=N,mac=MAC, not \"\(text)\"")
        }
        unit.id = id
        return unit
    }

    /// What no unit shows by itself.
    static func check(_ configuration: MachineConfiguration) throws(UsageError) {
        let drives = configuration.disks.count { $0.bus != .virtio }
        guard drives <= MachineConfiguration.driveLimit else {
            throw UsageError(reason: "\(drives) IDE disks and CD drives; a machine takes \(MachineConfiguration.driveLimit)")
        }
        let disks = configuration.disks.count - drives
        let networks = configuration.networks.count
        guard disks <= MachineConfiguration.diskLimit else {
            throw UsageError(reason: "\(disks) disks; a machine takes \(MachineConfiguration.diskLimit)")
        }
        guard networks <= MachineConfiguration.networkLimit else {
            throw UsageError(reason: "\(networks) network interfaces; a machine takes \(MachineConfiguration.networkLimit)")
        }
        guard disks + networks <= MachineConfiguration.slotLimit else {
            throw UsageError(
                reason: "\(disks) disks and \(networks) network interfaces; a machine takes \(MachineConfiguration.slotLimit) in all")
        }
        var ids: Set<String> = []
        for unit in configuration.networks where !ids.insert(unit.id).inserted {
            throw UsageError(reason: "--net id=\(unit.id) is given twice")
        }
    }

    private static func parts(_ text: String) -> [(key: String, value: String?)] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
            return (pair[0], pair.count == 2 ? pair[1] : nil)
        }
    }

    /// Six bytes with colons between them; not a group's address, and not all zeros.
    private static func address(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, bytes.count == 6, bytes[0] & 1 == 0, bytes.contains(where: { $0 != 0 }) else { return nil }
        return bytes
    }
}
