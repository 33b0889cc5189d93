/// One card with what makes it part of a network: addresses, neighbours, counters.
///
///     frame   to (6), from (6), type (2) | payload
final class Interface {
    let number: Int
    let network: Network
    private(set) var device: NetworkDevice
    var address: IPv4Subnet?
    var gateway: IPv4Address?
    var nameServer: IPv4Address?
    var domain: [UInt8] = []
    var lease: LeaseClient?
    /// There unless the network is switched off.
    var host6: Host6?
    var neighbours = Neighbours()
    var counters = Counters()
    private(set) var isLinkUp: Bool
    private var identification: UInt16 = 0

    struct Counters {
        var receivedFrames: UInt64 = 0
        var receivedBytes: UInt64 = 0
        var sentFrames: UInt64 = 0
        var sentBytes: UInt64 = 0
        /// The device had no room.
        var sendDropped: UInt64 = 0
        /// Frames that are not what they say: lengths, versions, checksums.
        var malformed: UInt64 = 0
        /// Right, but for nobody here.
        var ignored: UInt64 = 0
    }

    enum EtherType {
        static let ipv4: UInt16 = 0x0800
        static let arp: UInt16 = 0x0806
        static let ipv6: UInt16 = 0x86DD
    }

    static let headerSize = NetworkDevice.ethernetSize
    /// Frames handled before others get their turn.
    private static let turn = 256

    init(number: Int, device: NetworkDevice, network: Network) {
        self.number = number
        self.device = device
        self.network = network
        isLinkUp = device.isLinkUp
    }

    var hardware: MACAddress { device.address }
    var mtu: Int { device.mtu }

    /// The same card, begun anew.
    func use(_ device: NetworkDevice) {
        self.device = device
        isLinkUp = device.isLinkUp
    }

    // MARK: In

    /// Handles what came; whether that was anything.
    func receive() -> Bool {
        var left = Self.turn
        while left > 0, device.takeFrame({ frame, isChecked in receive(frame, isChecked) }) { left -= 1 }
        return left != Self.turn
    }

    private func receive(_ frame: Packet, _ isChecked: Bool) {
        counters.receivedFrames &+= 1
        counters.receivedBytes &+= UInt64(frame.count)
        let target = frame.hardwareAddress(0)
        guard target == hardware || target.isGroup else {
            counters.ignored &+= 1
            return
        }
        let payload = frame.from(Self.headerSize)
        switch frame.word(12) {
        case EtherType.ipv4: receiveIPv4(payload, from: frame.hardwareAddress(6), isForAll: target.isGroup, isChecked)
        case EtherType.arp: receiveARP(payload)
        case EtherType.ipv6: receiveIPv6(payload, from: frame.hardwareAddress(6), isChecked)
        default: counters.ignored &+= 1
        }
    }

    /// Looks at the cable again, if the device said that something changed; whether it did.
    func noticeLink() -> Bool {
        guard device.transport.takeChange(), device.isLinkUp != isLinkUp else { return false }
        isLinkUp.toggle()
        return true
    }

    // MARK: Out

    /// Sends a frame of `count` bytes of payload, which `fill` writes; false if the device has no room for it.
    @discardableResult
    func send(
        to target: MACAddress, type: UInt16, count: Int, open: NetworkDevice.OpenChecksum? = nil, isLast: Bool = true,
        _ fill: (Packet) -> Void
    ) -> Bool {
        guard count <= mtu, let frame = device.claim() else {
            counters.sendDropped &+= 1
            return false
        }
        frame.put(target, at: 0)
        frame.put(hardware, at: 6)
        frame.put(type, at: 12)
        fill(frame.from(Self.headerSize, length: count))
        device.send(Self.headerSize + count, open: open, isLast: isLast)
        counters.sentFrames &+= 1
        counters.sentBytes &+= UInt64(Self.headerSize + count)
        return true
    }

    /// A number for each packet.
    func newIdentification() -> UInt16 {
        identification &+= 1
        return identification
    }
}
