internal import LabModel

/// An answer to a client, built up option by option within what the client can take.
struct DHCPReply {
    private var bytes: [UInt8]
    /// Bytes of the message, without IP's and UDP's headers.
    private let limit: Int

    /// What every client takes: 576 bytes of IP packet (RFC 2131, 2).
    private static let leastPacket = 576
    /// What BOOTP's first clients expected at least (RFC 1542, 2.1).
    private static let leastMessage = 300
    private static let headers = 28

    /// - Parameter mtu: of the network, in bytes of IP packet.
    init(to message: DHCPMessage, _ kind: DHCPMessage.Kind, address: IPv4Address, server: IPv4Address, mtu: Int) {
        let asked = message.options[DHCPOption.sizeLimit].flatMap { $0.count == 2 ? Int($0[0]) << 8 | Int($0[1]) : nil } ?? 0
        limit = max(Self.leastPacket, min(asked, mtu)) - Self.headers
        bytes = [2, 1, 6, 0]
        bytes.append(long: message.transaction)
        bytes.append(word: 0)
        // A refusal goes to everybody: its client may have any address (RFC 2131, 4.3.2).
        bytes.append(word: message.wantsBroadcast || kind == .refuse ? 0x8000 : 0)
        bytes += kind == .refuse ? [0, 0, 0, 0] : message.clientAddress.octets
        bytes += address.octets
        // No next server, until there is one.
        bytes += [0, 0, 0, 0]
        bytes += message.relay.octets
        bytes += message.hardware.octets
        bytes.pad(to: 236)
        bytes.append(long: DHCPMessage.cookie)
        add(DHCPOption.kind, [kind.rawValue])
        add(DHCPOption.server, server.octets)
    }

    /// Leaves out what has no room.
    mutating func add(_ code: UInt8, _ value: [UInt8]) {
        guard !value.isEmpty, value.count <= 255, bytes.count + 2 + value.count + 1 <= limit else { return }
        bytes += [code, UInt8(truncatingIfNeeded: value.count)]
        bytes += value
    }

    /// Where the fixed fields of server and file are, and how much room for the file and the zero after it.
    private static let nextServer = 20
    private static let file = (start: 108, room: 128)

    /// Says in the fixed fields what to start, as far as it has room there.
    /// - Returns: whether it has.
    mutating func start(_ file: [UInt8], from server: IPv4Address?) -> Bool {
        if let server { bytes.replaceSubrange(Self.nextServer..<(Self.nextServer + 4), with: server.octets) }
        guard file.count < Self.file.room else { return false }
        bytes.replaceSubrange(Self.file.start..<(Self.file.start + file.count), with: file)
        return true
    }

    mutating func add(_ code: UInt8, seconds: UInt32) {
        var value: [UInt8] = []
        value.append(long: seconds)
        add(code, value)
    }

    func finished() -> [UInt8] {
        var message = bytes
        message.append(DHCPOption.end)
        message.pad(to: Self.leastMessage)
        return message
    }
}
