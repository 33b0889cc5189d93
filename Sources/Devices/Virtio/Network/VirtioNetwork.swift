internal import PortStream
import Synchronization

/// virtio-net (virtio 1.2 section 5.1), one pair of queues and a control queue. Its port is a byte stream of records.
///
/// - Queue 0 brings frames to the guest (`NetworkReceiving`). They wait in a bounded backlog; when that is full the stream waits, and
///   whoever writes to it drops.
/// - Queue 1 takes frames from the guest (`NetworkSending`), each as soon as the sink has room for all of it.
/// - Queue 2 takes commands (`NetworkControl`).
///
/// Offloads pass through: a frame whose checksum or segmentation was left to the receiver is completed here only for a guest that did not
/// accept it so. What a guest says of a frame is checked before anybody else sees it; a frame that is not what it says is dropped and counted.
package final class VirtioNetwork: VirtioDevice {
    package static let input = 0
    static let output = 1
    static let control = 2
    /// A VLAN tag comes on top of the MTU.
    static let tagCount = 4
    /// Bytes moved in one turn; then others on the same thread get theirs.
    static let turnByteCount = 512 << 10
    /// The driver sees frames at the latest after this many.
    static let batch = 32

    package let identity = VirtioIdentity(type: 1, classCode: 0x020000, name: "virtio-net")
    package let features = NetworkFeature.all
    package let queueSizes: [UInt16] = [256, 256, 64]

    /// What was done, and what was not.
    package struct Counters: Hashable, Sendable {
        package var sent = 0
        package var sendDropped = 0
        package var received = 0
        package var receiveDropped = 0
        package var receiveFiltered = 0
    }

    struct Settings {
        var accepted: UInt64 = 0
        /// What the guest takes now: its accepted features, less what it switched off.
        var offloads: UInt64 = 0
        var filter: ReceiveFilter
        var isLinkUp: Bool
        var counters = Counters()

        /// A driver of before version 1 that does not merge buffers leaves their number out of the header.
        var headerByteCount: Int {
            accepted & (NetworkFeature.mergeableBuffers | VirtioRegisters.Feature.version1) == 0
                ? NetworkHeader.buffersOffset : NetworkHeader.byteCount
        }
    }

    private let address: [UInt8]
    let mtu: UInt16
    let input: FrameInput
    let output: any FrameSink
    let receiving = Mutex(Receiving())
    let settings: Mutex<Settings>

    /// - Parameters:
    ///   - address: 6 bytes.
    ///   - mtu: bytes of the largest packet, Ethernet header not counted.
    ///   - isLinkUp: whether the cable is in at the start.
    ///   - input: brings records, and stays when the card goes.
    ///   - output: takes records; after it has refused one, its owner rings queue 1 when there is room again.
    package init(address: [UInt8], mtu: UInt16 = 1500, isLinkUp: Bool = true, input: FrameInput, output: any FrameSink) {
        let own = Array((address + Array(repeating: 0, count: 6)).prefix(6))
        self.address = own
        self.mtu = max(mtu, 68)
        self.input = input
        self.output = output
        settings = Mutex(Settings(filter: ReceiveFilter(address: own), isLinkUp: isLinkUp))
    }

    /// mac: 6 bytes, status: u16, max_virtqueue_pairs: u16, mtu: u16.
    package var configuration: [UInt8] {
        let isLinkUp = settings.withLock { $0.isLinkUp }
        return address + [isLinkUp ? 1 : 0, 0, 1, 0, UInt8(truncatingIfNeeded: mtu), UInt8(truncatingIfNeeded: mtu >> 8)]
    }

    package var counters: Counters { settings.withLock { $0.counters } }

    /// Plugs the cable in or pulls it.
    /// - Returns: true if that is news; then the owner tells the driver (`VirtioPCI.configurationChanged`).
    @discardableResult
    package func setLink(up: Bool) -> Bool {
        settings.withLock { settings in
            defer { settings.isLinkUp = up }
            return settings.isLinkUp != up
        }
    }

    package func accepts(features: UInt64) -> Bool { NetworkFeature.goTogether(features) }

    package func negotiated(features: UInt64) {
        settings.withLock {
            $0.accepted = features
            $0.offloads = features & NetworkFeature.switchable
        }
        input.setDriver(true)
    }

    package func reset() {
        input.setDriver(false)
        receiving.withLock { $0 = Receiving() }
        settings.withLock {
            $0.accepted = 0
            $0.offloads = 0
            $0.filter = ReceiveFilter(address: address)
        }
    }

    package func process(queue index: Int, _ queue: inout Virtqueue) throws(VirtqueueError) -> Bool {
        switch index {
        case Self.input: try deliver(&queue)
        case Self.output: try send(&queue)
        default: try command(&queue)
        }
    }
}
