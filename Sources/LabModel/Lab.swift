/// A lab as its file describes it, resolved: every default filled in, every name checked.
package struct Lab: Hashable, Sendable, Codable {
    /// The lab's name and default id: a letter, then letters, digits and `-`, at most 40.
    package var name: String
    /// Every derived value follows from name and seed.
    package var seed: UInt64
    /// In the order of the file.
    package var networks: [Network]
    /// In the order of the file.
    package var machines: [Machine]
    /// The recipes the machines use, by name, each once, in order of first use.
    package var images: [ImageRecipe]

    package init(name: String, seed: UInt64, networks: [Network] = [], machines: [Machine], images: [ImageRecipe]) {
        self.name = name
        self.seed = seed
        self.networks = networks
        self.machines = machines
        self.images = images
    }
}

/// One machine of a lab.
package struct Machine: Hashable, Sendable, Codable {
    package var name: String
    /// Name of a recipe in `Lab.images`.
    package var image: String
    /// 1 to 8.
    package var cpus: Int
    package var memory: ByteCount
    package var hardware: Hardware
    /// Extra, empty disks; the image's own disk comes first on the bus.
    package var disks: [Disk]
    /// What lies in its CD drives, after the image's own.
    package var cdroms: [Medium]
    /// In the order in which its guest sees them on the bus, each network at most once.
    package var interfaces: [Interface]
    package var publish: [PublishedPort]
    /// Laid over the image for this machine alone, in order.
    package var files: [ImageRecipe.File]
    /// Added to the end of the recipe's kernel command line.
    package var commandLine: String
    /// Machines that must be ready before this one starts.
    package var after: [String]
    package var ready: Readiness
    package var restart: RestartPolicy

    package init(
        name: String, image: String, cpus: Int, memory: ByteCount, hardware: Hardware = Hardware(), disks: [Disk],
        cdroms: [Medium] = [], interfaces: [Interface] = [],
        publish: [PublishedPort] = [], files: [ImageRecipe.File] = [], commandLine: String, after: [String], ready: Readiness,
        restart: RestartPolicy
    ) {
        self.name = name
        self.image = image
        self.cpus = cpus
        self.memory = memory
        self.hardware = hardware
        self.disks = disks
        self.cdroms = cdroms
        self.interfaces = interfaces
        self.publish = publish
        self.files = files
        self.commandLine = commandLine
        self.after = after
        self.ready = ready
        self.restart = restart
    }

    /// When a started machine counts as ready.
    package enum Readiness: Hashable, Sendable, Codable {
        /// As soon as its vCPUs run.
        case started
        /// When this text has appeared on any of its consoles, within so many milliseconds of its start.
        case console(pattern: String, withinMilliseconds: Int)
        /// When this port accepts a connection from the bridge, at the machine's address on its first network.
        case tcp(port: UInt16, withinMilliseconds: Int)
        /// When it answers an echo request from the bridge, at its address on its first network.
        case ping(withinMilliseconds: Int)
    }

    package enum RestartPolicy: String, Hashable, Sendable, Codable, CaseIterable {
        case never = "no"
        case onFailure = "on-failure"
        case always
    }
}
