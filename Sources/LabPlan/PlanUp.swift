package import LabModel

extension Plan {
    /// The steps from what is seen to the wanted lab.
    ///
    /// What runs as wanted is left alone; what runs differently is stopped, given new disks where the old ones no longer fit,
    /// and started; what the file no longer names is stopped and deleted. A second plan after the first was done is empty.
    ///
    /// - Parameter images: what is known of every image that the lab uses.
    package static func up(_ wanted: Lab, images: [ImageFacts], folders: LabFolders, seen: SeenState) throws(PlanError) -> Plan {
        var planner = try UpPlanner(wanted: wanted, images: images, folders: folders, seen: seen)
        return Plan(lab: seen.lab, direction: .up, steps: planner.plan())
    }
}

/// Decides step by step what `up` does.
struct UpPlanner {
    let folders: LabFolders
    let seen: SeenState
    /// Nil for a lab without networks.
    let network: NetworkLaunch?
    /// In an order in which they can start one after another.
    let machines: [Target]
    var steps: [Step] = []
    var planned: Set<String> = []

    /// A machine with all that follows from its image.
    struct Target {
        let machine: Machine
        let image: ImageFacts
        let disks: [MachineDisk]
        let launch: MachineLaunch
    }

    init(wanted: Lab, images: [ImageFacts], folders: LabFolders, seen: SeenState) throws(PlanError) {
        self.folders = folders
        self.seen = seen
        network = NetworkLaunch(of: wanted, folders: folders)
        var machines: [Target] = []
        for machine in try Plan.startOrder(wanted.machines) {
            guard let image = images.first(where: { $0.name == machine.image }) else {
                throw .imageUnknown(machine: machine.name, image: machine.image)
            }
            let disks = MachineDisk.all(of: machine, image: image, folders: folders, layer: Layer(of: machine, in: wanted, image: image))
            let launch = MachineLaunch(machine, image: image, disks: disks, networks: wanted.networks)
            machines.append(Target(machine: machine, image: image, disks: disks, launch: launch))
        }
        self.machines = machines
    }

    mutating func plan() -> [Step] {
        if seen.folders != .made(folders) {
            add(.makeFolders(folders), reason: "the lab is not up", undo: .deleteFolders(folders))
        }
        remove()
        bringUpNetwork()
        for target in machines { bringUp(target) }
        takeDownNetwork()
        return steps
    }

    mutating func add(_ action: Action, reason: String, after: [String] = [], undo: Action? = nil) {
        let known = after.filter { planned.contains($0) }
        steps.append(Step(action, reason: reason, after: known, undo: undo))
        planned.insert(action.id)
    }

    /// Machines that the file no longer names, those that others waited for last.
    private mutating func remove() {
        let gone = seen.machines.filter { old in !machines.contains { $0.machine.name == old.name } }
        for machine in Plan.stopOrder(gone) {
            let reason = "\(machine.name) is no longer in the lab file"
            if machine.isRunning {
                add(.stopMachine(machine: machine.name, .patient), reason: reason, after: Plan.stops(before: machine, in: gone))
            }
            for seen in machine.disks {
                add(.deleteDisk(machine: machine.name, disk: seen.disk), reason: reason, after: ["stop/\(machine.name)"])
            }
            add(
                .forgetMachine(machine: machine.name), reason: reason,
                after: ["stop/\(machine.name)"] + machine.disks.map { "delete-disk/\(machine.name)/\($0.disk.id)" })
        }
    }

    private mutating func bringUp(_ target: Target) {
        let name = target.machine.name
        let old = seen[machine: name] ?? SeenMachine(name: name)
        let changes = old.started.map { self.changes(from: $0, to: target, disks: old.disks) } ?? []

        if case .running(let started, let ready) = old.life, changes.isEmpty {
            let settings = Plan.settingChanges(from: started.machine, to: target.machine)
            if !settings.isEmpty { add(.updateMachine(target.machine), reason: settings.joined(separator: ", ")) }
            if !ready { awaitReady(target, after: ["update/\(name)"]) }
            return
        }
        var reason = "\(name) is not running"
        switch old.life {
        case .neverStarted: break
        case .ended(_, let why): reason = "\(name) \(why)"
        case .running:
            reason = changes.joined(separator: ", ")
            add(.stopMachine(machine: name, .patient), reason: reason)
        }
        if !seen.images.contains(target.image.key), !planned.contains("image/\(target.image.name)") {
            add(
                .buildImage(PlannedImage(name: target.image.name, key: target.image.key)), reason: "it is not in the cache")
        }
        prepareDisks(target, old: old)
        start(target, reason: reason)
        awaitReady(target, after: ["start/\(name)"])
    }

    /// Files that no longer fit go, files that are missing are made, all others keep what the guest wrote to them.
    private mutating func prepareDisks(_ target: Target, old: SeenMachine) {
        let name = target.machine.name
        for seen in old.disks where !(seen.isWhole && target.disks.contains(seen.disk)) {
            let reason =
                if !seen.isWhole {
                    "it was left half made"
                } else if target.disks.contains(where: { $0.path == seen.disk.path }) {
                    "it begins with other files now, and the guest's writes go with it"
                } else {
                    "\(name) no longer has this disk"
                }
            add(.deleteDisk(machine: name, disk: seen.disk), reason: reason, after: ["stop/\(name)"])
        }
        for disk in target.disks where !old.disks.contains(SeenDisk(disk: disk, isWhole: true)) {
            let needs = ["folders", "stop/\(name)", "delete-disk/\(name)/\(disk.id)"]
            let action = Action.createDisk(machine: name, disk: disk)
            switch disk.content {
            case .delta:
                add(
                    action, reason: "\(name) keeps its own writes there", after: needs + ["image/\(target.image.name)"],
                    undo: .deleteDisk(machine: name, disk: disk))
            case .empty(let size):
                add(action, reason: "\(name) has an extra disk of \(size)", after: needs, undo: .deleteDisk(machine: name, disk: disk))
            }
        }
    }

    private mutating func start(_ target: Target, reason: String) {
        let name = target.machine.name
        var needs = ["folders", "stop/\(name)", "image/\(target.image.name)"]
        needs += steps.filter { step in
            switch step.action {
            case .createDisk(name, _), .deleteDisk(name, _): true
            default: false
            }
        }.map(\.id)
        if target.launch.hasPorts { needs.append("network") }
        needs += target.machine.after.map { "ready/\($0)" }
        add(
            .startMachine(StartedMachine(machine: target.machine, launch: target.launch)), reason: reason, after: needs,
            undo: .stopMachine(machine: name, .patient))
    }

    private mutating func awaitReady(_ target: Target, after: [String]) {
        let reason =
            switch target.machine.ready {
            case .started: "until its processors run"
            case .console(let pattern, let within):
                "until a console shows \(JSON.text(pattern).line), at most \(Milliseconds(within))"
            case .tcp(let port, let within): "until it accepts connections to port \(port), at most \(Milliseconds(within))"
            case .ping(let within): "until it answers a ping, at most \(Milliseconds(within))"
            }
        add(.awaitReady(machine: target.machine.name, target.machine.ready), reason: reason, after: after)
    }

    /// What makes it another machine than the one that was started, in words; empty if nothing does.
    private func changes(from started: StartedMachine, to target: Target, disks: [SeenDisk]) -> [String] {
        let old = started.machine
        let new = target.machine
        var changes: [String] = []
        if old.image != new.image {
            changes.append("image changed from \(old.image) to \(new.image)")
        } else if !disks.allSatisfy({ seen in seen.disk.base == nil || target.disks.contains { $0.base == seen.disk.base } })
            || Plan.start(of: started.launch) != Plan.start(of: target.launch)
        {
            changes.append("image \(new.image) has changed")
        }
        if old.cpus != new.cpus { changes.append("cpus changed from \(old.cpus) to \(new.cpus)") }
        if old.memory != new.memory { changes.append("memory changed from \(old.memory) to \(new.memory)") }
        if old.hardware.cpu != new.hardware.cpu {
            changes.append("cpu changed from \(old.hardware.cpu.text) to \(new.hardware.cpu.text)")
        }
        if old.hardware.isTransitional != new.hardware.isTransitional { changes.append("virtio changed") }
        if old.hardware.hasSecondSerial != new.hardware.hasSecondSerial { changes.append("com2 changed") }
        if old.hardware.hasHPET != new.hardware.hasHPET { changes.append("hpet changed") }
        if old.disks != new.disks { changes.append("disks changed from \(Plan.list(old.disks)) to \(Plan.list(new.disks))") }
        changes += Plan.mediaChanges(from: old.cdroms, to: new.cdroms)
        if old.commandLine != new.commandLine { changes.append("cmdline changed") }
        if old.files != new.files { changes.append("files changed") }
        changes += Plan.interfaceChanges(from: old.interfaces, to: new.interfaces)
        if changes.isEmpty, !disks.allSatisfy({ $0.disk.base == nil || target.disks.contains($0.disk) }) {
            changes.append("what its networks tell it changed")
        }
        if changes.isEmpty, started.launch != target.launch { changes.append("it is now started in another way") }
        if changes.isEmpty, target.disks.contains(where: { !disks.contains(SeenDisk(disk: $0, isWhole: true)) }) {
            changes.append("a disk of it is missing")
        }
        return changes
    }
}

extension Plan {
    /// Machines so that each comes after all that it waits for, else in the order of the file.
    static func startOrder(_ machines: [Machine]) throws(PlanError) -> [Machine] {
        var rest = machines
        var order: [Machine] = []
        var placed: Set<String> = []
        while let first = rest.first {
            guard let index = rest.firstIndex(where: { $0.after.allSatisfy(placed.contains) }) else {
                let missing = first.after.first { !placed.contains($0) } ?? first.name
                throw .dependencyUnknown(machine: first.name, after: missing)
            }
            let machine = rest.remove(at: index)
            placed.insert(machine.name)
            order.append(machine)
        }
        return order
    }

    /// What the keeper goes by and the process does not know: changed without a restart.
    static func settingChanges(from old: Machine, to new: Machine) -> [String] {
        var changes: [String] = []
        if old.ready != new.ready { changes.append("ready changed") }
        if old.restart != new.restart { changes.append("restart changed from \(old.restart.rawValue) to \(new.restart.rawValue)") }
        if old.after != new.after { changes.append("after changed") }
        if old.publish != new.publish { changes.append("publish changed") }
        if changes.isEmpty, old.interfaces != new.interfaces { changes.append("networks changed") }
        return changes
    }

    /// What a guest would have to be told of its networks; how its wires behave is the bridge's business alone.
    static func interfaceChanges(from old: [Interface], to new: [Interface]) -> [String] {
        guard old.map(\.network) == new.map(\.network) else {
            func names(_ list: [Interface]) -> String { list.isEmpty ? "none" : list.map(\.network).joined(separator: " + ") }
            return ["networks changed from \(names(old)) to \(names(new))"]
        }
        var changes: [String] = []
        for (old, new) in zip(old, new) {
            if old.address != new.address { changes.append("address on \(new.network) changed from \(old.address) to \(new.address)") }
            if old.mac != new.mac { changes.append("mac on \(new.network) changed from \(old.mac) to \(new.mac)") }
        }
        return changes
    }

    /// What a machine begins with: its path tells which image it is.
    static func start(of launch: MachineLaunch) -> MachineLaunch.Descriptor? {
        launch.descriptors.first { $0.number == DescriptorNumber.kernel || $0.number == DescriptorNumber.firmware }
    }

    static func list(_ disks: [Machine.Disk]) -> String { disks.isEmpty ? "none" : disks.map(\.description).joined(separator: " + ") }

    static func mediaChanges(from old: [Machine.Medium], to new: [Machine.Medium]) -> [String] {
        guard old.map(\.path) == new.map(\.path) else {
            func names(_ list: [Machine.Medium]) -> String { list.isEmpty ? "none" : list.map(\.path).joined(separator: " + ") }
            return ["cdroms changed from \(names(old)) to \(names(new))"]
        }
        return zip(old, new).filter { $0 != $1 }.map { "what \($1.path) holds has changed" }
    }
}
