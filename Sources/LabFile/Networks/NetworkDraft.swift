import LabModel

/// A network as it was written.
struct NetworkDraft: Sendable {
    var subnet = Written<IPv4Subnet>.absent
    var mtu = Written<Int>.absent
    var uplink = Written<UplinkWord>.absent
    var allow = Written<[Marked<IPv4Subnet>]>.absent
    var gateway = Written<String>.absent
    var boot = Written<NetworkBootDraft>.absent
    var link = Written<LinkDraft>.absent
    var capture = Written<CaptureDraft>.absent
}

enum UplinkWord: String, CaseIterable, Sendable {
    case none
    case nat
}

/// What the network's machines are told to start from there.
struct NetworkBootDraft: Sendable {
    var server = Written<NetworkBoot.Server>.absent
    var file = Written<String>.absent
    var ipxe = Written<String>.absent
}

struct LinkDraft: Sendable {
    /// Microseconds.
    var delay = Written<UInt64>.absent
    var jitter = Written<UInt64>.absent
    /// Parts in a million.
    var loss = Written<UInt64>.absent
    /// Bits a second.
    var rate = Written<UInt64>.absent
    var reorder = Written<UInt64>.absent
    var duplicate = Written<UInt64>.absent
    var corrupt = Written<UInt64>.absent
}

struct CaptureDraft: Sendable {
    var isOff = false
    var ring = Written<ByteCount>.absent
    var snap = Written<ByteCount>.absent
}

/// A machine's place on a network as it was written.
struct InterfaceDraft: Sendable {
    var name = Written<String>.absent
    var address = Written<IPv4Address>.absent
    var mac = Written<MACAddress>.absent
    var boot = Written<NetworkBootDraft>.absent
    var link = Written<LinkDraft>.absent
    var vlan = Written<Int>.absent
}
