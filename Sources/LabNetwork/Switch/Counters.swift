internal import LabModel

/// What passed one port, and what did not.
package struct Counters: Sendable {
    package struct Flow: Hashable, Sendable {
        package var frames: UInt64 = 0
        /// Bytes of Ethernet frames.
        package var bytes: UInt64 = 0

        @inline(__always)
        mutating func add(_ byteCount: Int) {
            frames &+= 1
            bytes &+= UInt64(truncatingIfNeeded: byteCount)
        }
    }

    /// From the machine.
    package var incoming = Flow()
    /// To the machine.
    package var outgoing = Flow()
    /// To and from the outside.
    package var toUplink = Flow()
    package var fromUplink = Flow()
    private var drops = [UInt64](repeating: 0, count: DropReason.allCases.count)

    package init() {}

    package func drops(_ reason: DropReason) -> UInt64 { drops[reason.ordinal] }
    mutating func drop(_ reason: DropReason) { drops[reason.ordinal] &+= 1 }

    var json: JSON {
        func flow(_ flow: Flow) -> JSON { .object([.init("frames", .unsigned(flow.frames)), .init("bytes", .unsigned(flow.bytes))]) }
        let told = DropReason.allCases.filter { drops($0) > 0 }.map { JSON.Member($0.rawValue, .unsigned(drops($0))) }
        var members: [JSON.Member] = [.init("in", flow(incoming)), .init("out", flow(outgoing)), .init("drops", .object(told))]
        if toUplink.frames > 0 || fromUplink.frames > 0 {
            members += [.init("to-uplink", flow(toUplink)), .init("from-uplink", flow(fromUplink))]
        }
        return .object(members)
    }
}

extension DropReason {
    /// Its place in `allCases`.
    fileprivate var ordinal: Int {
        switch self {
        case .queueFull: 0
        case .portDown: 1
        case .linkDown: 2
        case .partition: 3
        case .loss: 4
        case .linkFull: 5
        case .storm: 6
        case .reserved: 7
        case .vlan: 8
        case .spoof: 9
        case .malformed: 10
        case .oversize: 11
        case .uplinkDown: 12
        case .rogueRouter: 13
        }
    }
}
