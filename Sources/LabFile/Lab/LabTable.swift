import LabModel

// The keys of a lab file. What is read, what is refused and what `vmlab schema` prints all follow from these tables.

extension Table<LabDraft> {
    static let lab = Table(
        "A lab: machines that are brought up and taken down together.", later: ["tests", "base", "secrets"],
        [
            Field("name", .name(.lab), required: true, into: \.name, "The lab's name: also its folder and part of host names."),
            Field("seed", .unsigned(0...UInt64.max), into: \.seed, "Every derived value follows from name and seed; 0 if not given."),
            Field(
                "defaults", Table<MachineDraft>.defaults.shape { MachineDraft() }, into: \.defaults,
                "What machines have that do not say otherwise."),
            Field(
                "networks", .named("network", names: .network, Table<NetworkDraft>.network.shape { NetworkDraft() }), into: \.networks,
                "The networks, by name: each a switch of its own that also serves addresses and names."),
            Field(
                "machines", .named("machine", names: .machine, Table<MachineDraft>.machine.shape { MachineDraft() }), required: true,
                into: \.machines, "The machines, by name."),
        ])
}

extension Table<MachineDraft> {
    private static let common: [Field<MachineDraft>] = [
        Field("image", .name(.image), into: \.image, "The image it starts from: a folder with an `image.yaml` below an `Images` folder."),
        Field("cpus", .integer(1...8), into: \.cpus, "Virtual processors; 1 if not given."),
        Field(
            "memory",
            .bytes(
                ByteCount(bytes: 16 << 20)...ByteCount(bytes: 1 << 40), step: ByteCount(bytes: 1 << 20), example: "512MiB"),
            into: \.memory, "Memory; 256MiB if not given."),
        Field(
            "cpu", .cpu, into: \.cpu,
            "Which processor: `host` (all that the host can give, if nothing is given), `baseline` (the same on every host), a higher level; or a mapping."
        ),
        Field(
            "virtio", .choice(), into: \.virtio,
            "`transitional` for guests with drivers of before version 1 of the specification; `modern` if not given."),
        Field("com2", .flag, into: \.com2, "`true`: a second serial port, whose output is a console of its own."),
        Field("hpet", .flag, into: \.hpet, "`true`: event timers in memory (HPET), which guests prefer to older ones."),
        Field("ready", .readiness, into: \.ready, "When it counts as ready; as soon as it runs if not given."),
        Field("restart", .choice(), into: \.restart, "Whether it is started again when it ends by itself; `no` if not given."),
    ]

    static let defaults = Table(
        "What machines have that do not say otherwise.", later: laterKeys,
        common + [
            Field(
                "networks", .list(of: .sharedInterface, atMost: Limits.networksOfMachine), into: \.networks,
                "The networks that a machine is on if it names none itself; `networks: []` is none at all.")
        ])

    static let machine = Table(
        "One machine.", later: laterKeys,
        common + [
            Field(
                "disks", .list(of: Table<DiskDraft>.disk.shape { DiskDraft() }, atMost: 16), into: \.disks,
                "Extra, empty disks; the image's own disk comes first."),
            Field(
                "cdroms", .list(of: Table<MediumDraft>.medium.shape { MediumDraft() }, atMost: DiskBus.idePlaces), into: \.cdroms,
                "ISO images in CD drives, after that of the image. Firmware starts from disks first, then from these."),
            Field(
                "networks", .list(of: .interface, atMost: Limits.networksOfMachine), into: \.networks,
                "The networks it is on, in the order of its network cards."),
            Field(
                "publish", .list(of: .publishedPort, atMost: 64), into: \.publish,
                "Ports of the host that lead to ports of the machine, by its first network with `uplink: nat`."),
            Field(
                "files", .list(of: Table<FileDraft>.machineFile.shape { FileDraft() }, atMost: 1024), into: \.files,
                "Laid over the image for this machine alone, in this order."),
            Field(
                "cmdline", .text("kernel parameters", atMost: Limits.commandLine), into: \.commandLine,
                "Added to the end of the image's kernel command line."),
            Field(
                "after", .list(of: .name(.machine), atMost: Limits.machines), into: \.after,
                "Machines that must be ready before this one starts."),
            Field(
                "count", .integer(1...Limits.machines), into: \.count,
                "So many machines of this kind, named with `-1`, `-2` and so on at the end."),
        ])

    private static let laterKeys = ["run", "matrix", "base", "agent", "secrets", "labels"]
}

extension Table<DiskDraft> {
    static let disk = Table(
        "One extra disk.",
        [
            Field(
                "size",
                .bytes(ByteCount(bytes: 1 << 20)...ByteCount(bytes: 64 << 40), step: ByteCount(bytes: 4096), example: "4GiB"),
                required: true, into: \.size, "How much it holds; it takes room on the host as it is written."),
            Field(
                "bus", .choice(later: ["scsi", "sata", "nvme"]), into: \.bus, "`ide` for systems without virtio; `virtio` if not given."),
        ])
}

extension Table<MediumDraft> {
    static let medium = Table(
        "An ISO image in a CD drive, never written to.",
        [
            Field(
                "from", .text("a path", mayBeEmpty: false), required: true, into: \.from,
                "The image's file; a relative path begins at the lab file's folder.")
        ])
}

extension Table<ReadyDraft> {
    static let ready = Table(
        "When a machine counts as ready: exactly one of `console`, `tcp` and `ping`.", later: ["exec", "http", "agent"],
        [
            Field(
                "console", .text("a piece of text", atMost: 256, mayBeEmpty: false), into: \.console,
                "Ready when this text, to the letter, has appeared on any of its consoles."),
            Field(
                "tcp", .integer(1...65535), into: \.tcp, "Ready when it accepts connections to this port on its first network."),
            Field("ping", .flag, into: \.ping, "`true`: ready when it answers a ping on its first network."),
            Field(
                "within", .duration(Milliseconds(1)...Milliseconds(86_400_000), example: "60s"), into: \.within,
                "How long that may take before it counts as failed; 300s if not given."),
        ])
}

extension Shape<ReadyDraft> {
    /// `started`, or a mapping that says what to wait for.
    static let readiness: Shape = {
        let table = Table<ReadyDraft>.ready
        let started = JSON.object([.init("const", .text("started"))])
        return Shape(Schema([.init("anyOf", .list([started, table.schema.json]))])) { node, place, findings in
            switch node.content {
            case .scalar("started", _): return ReadyDraft(isStarted: true)
            case .mapping: return table.read(node, place, into: ReadyDraft(), &findings)
            default:
                findings.add(node.mark, "\(place.name) wants `started`, or a mapping such as `{console: \"login:\"}`, not \(node.kindName)")
                return nil
            }
        }
    }()
}
