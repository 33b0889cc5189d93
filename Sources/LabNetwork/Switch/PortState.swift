internal import LabModel

/// One port as the switch keeps it.
struct PortState: Sendable {
    let name: PortName
    let network: Int
    /// Its number among its network's ports.
    let local: Int
    /// 0: carries whatever comes.
    let vlan: UInt16
    /// Its stream is taken up.
    var isUp = false
    /// Its own cable is in, as `link up` and `link down` of the port leave it.
    var isPlugged = true
    /// As those of the whole network leave it.
    var isNetworkOn = true
    /// Ports of different groups do not hear each other.
    var group = 0

    var queue = RecordQueue()
    var isTouched = false

    /// From the machine, before the switch.
    var up: Wire
    /// The network's own, where frames leave the switch.
    var common: Wire
    /// To the machine.
    var down: Wire
    /// Whether any of the three does something, so that frames must go through them.
    var isShapedIn = false
    var isShapedOut = false

    var uplink: UplinkState?
    var storm = RateLimit(perSecond: Limits.stormRate, burst: Limits.stormRate)
    /// The same news is told once a second at most.
    var stormNews = RateLimit(perSecond: 1, burst: 1)
    var counters = Counters()

    struct UplinkState: Sendable {
        var isUp = false
        var queue = RecordQueue()
        var isTouched = false
    }

    init(_ settings: PortSettings, local: Int, of all: BridgeSettings) {
        name = settings.name
        network = settings.network.number
        self.local = local
        vlan = settings.vlan ?? 0
        func wire(_ shape: LinkShape, _ direction: String) -> Wire {
            Wire(shape, seed: all.seed, lab: all.lab, port: settings.name, direction: direction)
        }
        up = wire(settings.link, "up")
        common = wire(all[settings.network].link, "network")
        down = wire(settings.link, "down")
        if settings.hasUplink { uplink = UplinkState() }
        judgeShapes()
    }

    mutating func judgeShapes() {
        isShapedIn = !up.isIdle
        isShapedOut = !common.isIdle || !down.isIdle
    }

    @inline(__always) var isLinkUp: Bool { isPlugged && isNetworkOn }
    @inline(__always) var isReachable: Bool { isUp && isLinkUp }
}

/// One network as the switch keeps it.
struct NetworkState: Sendable {
    let facts: NetworkFacts
    /// All its ports.
    let ports: [Int]
    let neighbors: Neighbors
    var table: AddressTable
    var services: GatewayServices?
    var capture: CaptureRing?
    var flapNews = RateLimit(perSecond: 1, burst: 1)
}

/// What the switch asks of a network for each frame.
struct NetworkFacts: Sendable {
    let gatewayMAC: UInt64
    /// The longest record of one plain frame without tags.
    let recordLimit: Int
}

/// The time of a turn, by two clocks, in nanoseconds.
package struct Moment: Hashable, Sendable {
    /// Of a clock that never goes back.
    package var now: UInt64
    /// Since 1970.
    package var wall: UInt64

    package init(now: UInt64, wall: UInt64) {
        self.now = now
        self.wall = wall
    }
}
