package import LabModel

/// A request for an address, as a client or its relay sent it (RFC 2131, 2).
///
///     { op: u8, htype: u8, hlen: u8, hops: u8, xid: u32, secs: u16, flags: u16, ciaddr: 4, yiaddr: 4, siaddr: 4, giaddr: 4,
///       chaddr: 16, sname: 64, file: 128, cookie: u32, options: { code: u8, count: u8, value }... }
package struct DHCPMessage: Sendable {
    package enum Kind: UInt8, Sendable {
        case discover = 1
        case offer, request, decline, acknowledge, refuse, release, inform
    }

    package let kind: Kind
    package let transaction: UInt32
    package let seconds: UInt16
    package let wantsBroadcast: Bool
    /// What the client has and uses.
    package let clientAddress: IPv4Address
    /// Through whom it came; 0 for nobody.
    package let relay: IPv4Address
    package let hardware: MACAddress
    /// By code; pieces of one option are put together (RFC 3396).
    package let options: [UInt8: [UInt8]]

    static let cookie: UInt32 = 0x6382_5363
    private static let request: UInt8 = 1
    private static let ethernet: UInt8 = 1

    package init?(_ bytes: ArraySlice<UInt8>) {
        var reader = PacketReader(bytes)
        guard reader.byte() == Self.request, reader.byte() == Self.ethernet, reader.byte() == 6, reader.byte() != nil,
            let transaction = reader.long(), let seconds = reader.word(), let flags = reader.word(), let clientAddress = reader.ipv4(),
            reader.long() != nil, reader.long() != nil, let relay = reader.ipv4(), let hardware = reader.mac(), reader.take(10) != nil,
            let name = reader.take(64), let file = reader.take(128), reader.long() == Self.cookie
        else { return nil }
        var options: [UInt8: [UInt8]] = [:]
        guard Self.read(PacketReader(reader.rest), into: &options) else { return nil }
        // Options may go on in the two fixed fields, `file` first. What is found there cannot say so again.
        let overload = options[DHCPOption.overload]?.first ?? 0
        if overload & 1 != 0, !Self.read(PacketReader(file), into: &options) { return nil }
        if overload & 2 != 0, !Self.read(PacketReader(name), into: &options) { return nil }
        guard let code = options[DHCPOption.kind], code.count == 1, let kind = Kind(rawValue: code[0]), !hardware.isMulticast,
            hardware.value != 0
        else { return nil }
        self.kind = kind
        self.transaction = transaction
        self.seconds = seconds
        self.wantsBroadcast = flags & 0x8000 != 0
        self.clientAddress = clientAddress
        self.relay = relay
        self.hardware = hardware
        self.options = options
    }

    /// - Returns: false if a count leads past the end.
    private static func read(_ start: PacketReader, into options: inout [UInt8: [UInt8]]) -> Bool {
        var reader = start
        while let code = reader.byte() {
            if code == DHCPOption.pad { continue }
            // Clients that forget the end are understood as well.
            if code == DHCPOption.end { return true }
            guard let count = reader.byte(), let value = reader.take(Int(count)) else { return false }
            options[code, default: []] += value
        }
        return true
    }

    func address(_ code: UInt8) -> IPv4Address? {
        guard let value = options[code], value.count == 4 else { return nil }
        var reader = PacketReader(value)
        return reader.ipv4()
    }

    package var requestedAddress: IPv4Address? { address(DHCPOption.requestedAddress) }
    package var server: IPv4Address? { address(DHCPOption.server) }
    /// What the client says it is, byte for byte: by RFC 3004 a list of counted names, by what most write a single bare one.
    package var userClasses: [[UInt8]] {
        guard let value = options[DHCPOption.userClass] else { return [] }
        var names: [[UInt8]] = []
        var reader = PacketReader(value)
        while let count = reader.byte(), let name = reader.take(Int(count)) { names.append(Array(name)) }
        return names + [value]
    }
    /// It is UEFI's HTTP boot, which hears only those who say the same of themselves.
    package var wantsHTTP: Bool { options[DHCPOption.vendorClass]?.starts(with: DHCPOption.httpClient) ?? false }

    package var clientIdentifier: [UInt8]? { options[DHCPOption.clientIdentifier].flatMap { (2...255).contains($0.count) ? $0 : nil } }
}

/// The options that are spoken here, by their codes (RFC 2132; 119 is RFC 3397).
package enum DHCPOption {
    package static let pad: UInt8 = 0
    package static let subnetMask: UInt8 = 1
    package static let router: UInt8 = 3
    package static let nameServer: UInt8 = 6
    package static let hostName: UInt8 = 12
    package static let domain: UInt8 = 15
    package static let mtu: UInt8 = 26
    package static let broadcast: UInt8 = 28
    package static let requestedAddress: UInt8 = 50
    package static let leaseTime: UInt8 = 51
    package static let overload: UInt8 = 52
    package static let kind: UInt8 = 53
    package static let server: UInt8 = 54
    package static let wanted: UInt8 = 55
    package static let sizeLimit: UInt8 = 57
    package static let renewal: UInt8 = 58
    package static let rebinding: UInt8 = 59
    package static let vendorClass: UInt8 = 60
    package static let clientIdentifier: UInt8 = 61
    package static let bootServer: UInt8 = 66
    package static let bootFile: UInt8 = 67
    package static let userClass: UInt8 = 77
    package static let search: UInt8 = 119
    /// iPXE's own, with options of its own inside.
    package static let ipxe: UInt8 = 175
    package static let end: UInt8 = 255

    /// The vendor class of UEFI's HTTP boot (UEFI specification, HTTP boot).
    static let httpClient = Array("HTTPClient".utf8)
}
