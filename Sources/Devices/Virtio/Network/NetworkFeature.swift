/// The device's feature bits (virtio 1.2 section 5.1.3), and which of them need which.
enum NetworkFeature {
    static let checksum: UInt64 = 1 << 0
    static let guestChecksum: UInt64 = 1 << 1
    static let guestOffloads: UInt64 = 1 << 2
    static let mtu: UInt64 = 1 << 3
    static let mac: UInt64 = 1 << 5
    static let guestTCP4: UInt64 = 1 << 7
    static let guestTCP6: UInt64 = 1 << 8
    static let guestECN: UInt64 = 1 << 9
    static let hostTCP4: UInt64 = 1 << 11
    static let hostTCP6: UInt64 = 1 << 12
    static let hostECN: UInt64 = 1 << 13
    static let mergeableBuffers: UInt64 = 1 << 15
    static let status: UInt64 = 1 << 16
    static let control: UInt64 = 1 << 17
    static let controlReceive: UInt64 = 1 << 18
    static let controlAddress: UInt64 = 1 << 23

    static let all =
        checksum | guestChecksum | guestOffloads | mtu | mac | guestTCP4 | guestTCP6 | guestECN | hostTCP4 | hostTCP6 | hostECN
        | mergeableBuffers | status | control | controlReceive | controlAddress

    /// What the driver may switch while it runs.
    static let switchable = guestChecksum | guestTCP4 | guestTCP6 | guestECN

    /// Each feature needs one of these.
    private static let needs: [(feature: UInt64, oneOf: UInt64)] = [
        (guestTCP4, guestChecksum), (guestTCP6, guestChecksum), (guestECN, guestTCP4 | guestTCP6),
        (hostTCP4, checksum), (hostTCP6, checksum), (hostECN, hostTCP4 | hostTCP6),
        (guestOffloads, control), (controlReceive, control), (controlAddress, control),
    ]

    static func goTogether(_ features: UInt64) -> Bool {
        needs.allSatisfy { features & $0.feature == 0 || features & $0.oneOf != 0 }
    }
}
