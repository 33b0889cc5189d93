package import LabModel

/// The two files of a capture ring, as the ring writes them; the program does the writing.
package protocol CaptureFiles {
    /// Empties a file; false if that cannot be done.
    mutating func empty(_ file: Int) -> Bool
    /// Writes at an offset, and says how many bytes: fewer when the medium takes no more.
    mutating func write(_ bytes: [UInt8], to file: Int, at offset: UInt64) -> Int
    /// Takes away what a short write left after the last whole block.
    mutating func cut(_ file: Int, to size: UInt64)
}

/// A source of frames in a capture.
package struct CaptureInterface: Hashable, Sendable {
    /// `web/lan` for a port; `lan.gateway` and `lan.uplink`, which no port can be called.
    package var name: String
    package var mac: MACAddress?

    package init(name: String, mac: MACAddress?) {
        self.name = name
        self.mac = mac
    }

    /// All that a network's frames can come from: its ports in their order, its gateway, and, last, its uplink.
    package static func all(of network: NetworkIndex, _ settings: BridgeSettings) -> [CaptureInterface] {
        let ports = settings.ports(of: network).map { CaptureInterface(name: "\(settings[$0].name)", mac: settings[$0].mac) }
        let name = settings[network].name
        return ports + [
            CaptureInterface(name: "\(name).gateway", mac: settings[network].mac), CaptureInterface(name: "\(name).uplink", mac: nil),
        ]
    }
}
