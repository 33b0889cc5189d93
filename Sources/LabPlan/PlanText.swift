import LabModel

extension Plan {
    /// For people: one line a step in aligned columns, its reason last; ends with a newline.
    ///
    /// - Parameters:
    ///   - commandLines: add the line that starts each machine by hand.
    ///   - program: the machine program in those lines; its path where a shell would not find it.
    package func text(commandLines: Bool = false, program: String = "vmlab-machine") -> String {
        let count = steps.count == 1 ? "1 step" : "\(steps.count) steps"
        guard !steps.isEmpty else { return "lab \(lab), \(direction.rawValue): nothing to do\n" }
        var text = "lab \(lab), \(direction.rawValue): \(count)\n"
        let verbWidth = steps.map { $0.action.verb.count }.max() ?? 0
        let objectWidth = steps.map { $0.action.object.count }.max() ?? 0
        for step in steps {
            text += "  " + Plan.padded(step.action.verb, to: verbWidth) + "  " + Plan.padded(step.action.object, to: objectWidth)
            text += "  " + step.reason + "\n"
            if commandLines, case .startMachine(let started) = step.action {
                if started.launch.hasPorts { text += "    # by hand, without its networks:\n" }
                text += "    " + started.launch.shellLine(program: program) + "\n"
            }
        }
        return text
    }

    private static func padded(_ word: String, to width: Int) -> String {
        word + String(repeating: " ", count: max(0, width - word.count))
    }
}

extension Action {
    /// `start`, `create`: the first word of its line.
    package var verb: String {
        switch self {
        case .makeFolders: "make"
        case .buildImage: "build"
        case .createDisk: "create"
        case .startMachine, .startNetwork: "start"
        case .awaitReady: "wait"
        case .updateMachine, .updateNetwork: "update"
        case .stopMachine, .stopNetwork: "stop"
        case .deleteDisk, .deleteFolders: "delete"
        case .forgetMachine: "forget"
        }
    }

    /// `machine db`, `disk db/root`: what the verb is done to.
    package var object: String {
        switch self {
        case .makeFolders, .deleteFolders: "lab folders"
        case .buildImage(let image): "image \(image.name)"
        case .createDisk(let machine, let disk), .deleteDisk(let machine, let disk): "disk \(machine)/\(disk.id)"
        case .startNetwork, .updateNetwork, .stopNetwork: "networks"
        case .startMachine(let started): "machine \(started.machine.name)"
        case .awaitReady(let machine, _), .stopMachine(let machine, _), .forgetMachine(let machine): "machine \(machine)"
        case .updateMachine(let machine): "machine \(machine.name)"
        }
    }
}
