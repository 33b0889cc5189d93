import LabModel

// The keys of a lab's networks, and of a machine's places on them.

extension Table<NetworkDraft> {
    static let network = Table(
        "One network: a switch, with addresses and names served on it.",
        [
            Field(
                "subnet", .subnet, into: \.subnet,
                "Its IPv4 addresses; a part of 10.0.0.0/8 that follows from lab, seed and name if not given. The first is the bridge's own."
            ),
            Field(
                "mtu", .integer(1280...9000), into: \.mtu, "Bytes of the largest IP packet; 1500 if not given. IPv6 wants at least 1280."),
            Field("uplink", .choice(), into: \.uplink, "`nat`: machines reach what the host reaches by IPv4; `none` if not given."),
            Field(
                "allow", .list(of: .subnet, atMost: 64), into: \.allow,
                "Private, local and otherwise special ranges that the uplink may reach all the same."),
            Field(
                "gateway", .name(.machine), into: \.gateway,
                "The machine by which everything else is reached, and the only router that is heard; else the bridge, with `uplink: nat`."
            ),
            Field("boot", .boot, into: \.boot, "What machines that boot from this network are told to start, by its DHCP server."),
            Field("link", .link, into: \.link, "What every frame suffers once on its way from one machine to another."),
            Field("capture", .capture, into: \.capture, "How much is kept of what was sent; `{ring: 8MiB, snap: 2KiB}` if not given."),
        ])
}

extension Table<NetworkBootDraft> {
    static let boot = Table(
        "What a machine starts that boots from the network: PXE, iPXE, UEFI's HTTP boot, U-Boot.",
        [
            Field(
                "server", .bootServer, into: \.server,
                "The machine, or the address, that has the files: DHCP's next server. Not needed where they are URLs."),
            Field(
                "file", .bootFile, into: \.file,
                "A path on the server, by TFTP, or a URL, in which a machine's name does: DHCP's boot file."),
            Field(
                "ipxe", .bootFile, into: \.ipxe,
                "Instead of `file` for clients that are iPXE, as those are that `file` may have started; a script, a kernel or a disk."),
        ])
}

extension Table<LinkDraft> {
    static let link = Table(
        "How a wire behaves.",
        [
            Field("delay", .delay, into: \.delay, "How long a frame is on its way."),
            Field("jitter", .delay, into: \.jitter, "How much longer or shorter that may be, evenly spread; at most the delay."),
            Field("loss", .share, into: \.loss, "The share of frames that are lost."),
            Field("rate", .rate, into: \.rate, "How much it carries in a second."),
            Field("reorder", .share, into: \.reorder, "The share of frames that are not delayed, and so overtake those before them."),
            Field("duplicate", .share, into: \.duplicate, "The share of frames that arrive twice."),
            Field("corrupt", .share, into: \.corrupt, "The share of frames in which one bit is turned over."),
        ])
}

extension Table<CaptureDraft> {
    static let capture = Table(
        "The frames that were seen, the newest of them, for `vmlab capture`.",
        [
            Field(
                "ring", .bytes(ByteCount(bytes: 1 << 20)...ByteCount(bytes: 1 << 36), step: ByteCount(bytes: 1), example: "64MiB"),
                into: \.ring, "How much room they may take on the host; 8MiB if not given."),
            Field(
                "snap", .bytes(ByteCount(bytes: 64)...ByteCount(bytes: 1 << 16), step: ByteCount(bytes: 1), example: "256B"), into: \.snap,
                "How much of each frame is kept; 2KiB if not given."),
        ])
}

extension Table<InterfaceDraft> {
    private static let name = Field<InterfaceDraft>("name", .name(.network), required: true, into: \.name, "The network.")
    private static let common: [Field<InterfaceDraft>] = [
        Field("boot", .boot, into: \.boot, "What it is told to start by the network's DHCP server, instead of the network's own `boot`."),
        Field("link", .link, into: \.link, "What every frame suffers on this wire, in each direction, on top of the network's own."),
        Field("vlan", .integer(1...4094), into: \.vlan, "The VLAN that the wire is in; what the guest sends has no tag."),
    ]

    static let interface = Table(
        "A machine's place on a network.",
        [
            name,
            Field(
                "address", .address, into: \.address, "Its IPv4 address; follows from lab, seed, machine and network if not given."),
            Field("mac", .mac, into: \.mac, "Its Ethernet address; likewise."),
        ] + common)

    /// What many machines can have at once.
    static let shared = Table("A place on a network that each machine has.", [name] + common)
}

extension Shape<NetworkBootDraft> {
    static let boot = Table<NetworkBootDraft>.boot.shape { NetworkBootDraft() }
}

extension Shape<LinkDraft> {
    static let link = Table<LinkDraft>.link.shape { LinkDraft() }
}

extension Shape<InterfaceDraft> {
    static let interface = nameOr(.interface)
    static let sharedInterface = nameOr(.shared)

    /// A network's name alone, or a mapping that says more.
    private static func nameOr(_ table: Table<InterfaceDraft>) -> Shape {
        let name = Shape<String>.name(.network)
        return Shape(Schema([.init("anyOf", .list([name.schema.json, table.schema.json]))])) { node, place, findings in
            switch node.content {
            case .mapping: return table.read(node, place, into: InterfaceDraft(), &findings)
            case .scalar: return name.read(node, place, &findings).map { InterfaceDraft(name: .value($0, node.mark)) }
            default:
                findings.add(node.mark, "\(place.name) wants a network's name, or a mapping such as `{name: lan}`, not \(node.kindName)")
                return nil
            }
        }
    }
}

extension Shape<CaptureDraft> {
    /// `off`, or a mapping that says how much.
    static let capture: Shape = {
        let table = Table<CaptureDraft>.capture
        let off = JSON.object([.init("const", .text("off"))])
        return Shape(Schema([.init("anyOf", .list([off, table.schema.json]))])) { node, place, findings in
            switch node.content {
            case .scalar("off", _): return CaptureDraft(isOff: true)
            case .mapping: return table.read(node, place, into: CaptureDraft(), &findings)
            default:
                findings.add(node.mark, "\(place.name) wants `off`, or a mapping such as `{ring: 64MiB}`, not \(node.kindName)")
                return nil
            }
        }
    }()
}
