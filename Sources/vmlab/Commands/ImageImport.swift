import ArgumentParser
import Foundation
import Host
import LabFile
import LabImages
import LabModel
import LabPlan
import LabRunner

/// A machine's disk becomes an image: what was installed on it once is started from ever after.
struct ImageImport: LabCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make an image of a stopped machine's disk.",
        discussion: """
            Example:
              vmlab image import debian-mine pc disk0 --start-like seabios

            The image is a folder with a recipe and the disk, Images/<name> unless --into says otherwise, and stays when the lab goes. It starts as the \
            machine does, or as machines of another image do: what was installed by a kernel or from a CD starts by firmware afterwards. \
            A CD in its drive does not come along.
            """)

    @Argument(help: "What the image is to be called.") var name: String
    @Argument(help: "The machine's name.") var machine: String
    @Argument(help: "Which of its disks: root, disk0, disk1, ...; not needed if there is only one.") var disk: String?
    @Option(help: ArgumentHelp("The image whose firmware or kernel it starts with; default: the machine's own.", valueName: "image"))
    var startLike: String?
    @Option(help: ArgumentHelp("Where the image's folder is made.", valueName: "folder")) var into = "Images"
    @OptionGroup var options: LabOptions

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        if let fault = ImageCatalogue.fault(ofImageName: name) { throw UsageError(description: fault) }
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        let seen = try stopped(LabView(lab: id, paths: choice.paths).seen(), lab: id)
        guard let machine = seen.started?.machine else {
            throw UsageError(description: "\(seen.name) has never been started", hint: "there is nothing on its disks yet")
        }
        let source = try chosen(seen)
        // As it was when the lab went up: what its file says by now is not what is on the disk.
        guard let resolved = ResolvedLab.read(try choice.paths.lab(id)),
            let own = resolved.lab.images.first(where: { $0.name == machine.image })
        else { throw UsageError(description: "what lab \(id) was made of is not known any more", hint: "`vmlab up` writes it down") }
        var start = own
        if let startLike {
            start = try ImageCommand.catalogue(io, around: resolved.source).recipe(named: startLike)
        } else if !machine.commandLine.isEmpty {
            start.boot.commandLine += (start.boot.commandLine.isEmpty ? "" : " ") + machine.commandLine
        }

        let progress = Progress(io)
        let name = name
        func tell(_ event: LabEvent.Kind, _ detail: String) {
            progress.show(LabEvent(seq: 0, at: "", event: event, machine: nil, detail: detail))
        }
        let recipe = startLike == nil ? own : start
        let built = try ImageCommand.store(io).build(recipe)
        tell(.imageBuilding, name)
        let disk = DiskImport(
            name: name, comment: "Disk \(source.id) of machine \(seen.name) of lab \(id), as it was when it was imported.",
            disk: DiskImport.Source(source), bus: MachineDisk.bus(of: source.id, machine, imageBus: own.diskBus),
            variables: startLike == nil ? seen.disks.first { $0.disk.isVariables }.map { DiskImport.Source($0.disk) } : nil,
            start: start, startFiles: built.folder)
        let folder = try disk.write(into: LabChoice.absolute(into)) { tell(.imageProgress, "\(name): \(ImageBuildText.text($0))") }
        tell(.imageBuilt, name)
        io.print(folder)
        return .done
    }

    /// The machine, if nobody is writing to its disks.
    private func stopped(_ state: SeenState, lab: String) throws -> SeenMachine {
        guard let seen = state[machine: machine] else {
            let names = state.machines.map(\.name).joined(separator: ", ")
            throw UsageError(
                description: "lab \(lab) has no machine \(Text.plain(machine)) that was brought up",
                hint: names.isEmpty ? "`vmlab up` brings it up" : "there are \(names)")
        }
        if seen.isRunning {
            throw UsageError(
                description: "\(seen.name) is running", hint: "`vmlab stop \(seen.name)` first: a disk that is written to is no image")
        }
        return seen
    }

    private func chosen(_ seen: SeenMachine) throws -> MachineDisk {
        let disks = seen.disks.filter { $0.isWhole && !$0.disk.isVariables }.map(\.disk)
        if let disk {
            if let found = disks.first(where: { $0.id == disk }) { return found }
        } else if disks.count == 1 {
            return disks[0]
        }
        let names = disks.map(\.id).joined(separator: ", ")
        throw UsageError(
            description: disk.map { "\(seen.name) has no disk \(Text.plain($0))" } ?? "\(seen.name) has \(disks.count) disks",
            hint: disks.isEmpty ? "it has none" : "choose one of \(names)")
    }
}

extension DiskImport.Source {
    fileprivate init(_ disk: MachineDisk) {
        switch disk.content {
        case .delta(let base, _): self = .delta(base: base, path: disk.path)
        case .empty: self = .raw(path: disk.path)
        }
    }
}
