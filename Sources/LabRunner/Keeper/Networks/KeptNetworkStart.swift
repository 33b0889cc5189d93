internal import Glibc
internal import Host
internal import LabModel

/// How the bridge's process comes to be, and what it is told first.
extension KeptNetwork {
    /// The files and streams it names, then the record, then the process.
    func startProcess(_ launch: NetworkLaunch) throws(RunnerError) {
        do throws(OSError) {
            let finish = try surroundings.begin(launch)
            do throws(OSError) {
                try startProcess(launch, finish)
            } catch {
                if process == nil { surroundings.ended("could not be started") }
                throw error
            }
            introduce()
        } catch {
            throw .system(error)
        }
    }

    private func startProcess(_ launch: NetworkLaunch, _ finish: (ProcessIdentity) throws(OSError) -> Void) throws(OSError) {
        let programs = try surroundings.programs()
        var setup = NetworkProcess.Setup(
            program: programs.network, leash: programs.leash, environment: surroundings.environment, arguments: launch.arguments,
            inherited: [], controlNumber: nil)
        var files: [SharedDescriptor] = []
        for descriptor in launch.descriptors {
            switch descriptor.kind {
            case .control: setup.controlNumber = descriptor.number
            case .port(let name): setup.inherited.append(.init(descriptor.number, from: try wire(name).networkEnd.number))
            case .uplink(let name, let arguments):
                let uplink = try uplink(name, arguments, leash: programs.leash)
                setup.inherited.append(.init(descriptor.number, from: uplink.wire.networkEnd.number))
            case .capture(let path):
                try Folder.makePrivate(Folder.parent(of: path))
                let file = SharedDescriptor(try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW))
                files.append(file)
                setup.inherited.append(.init(descriptor.number, from: file.number))
            }
        }
        // Neither is called before this function has returned: both come from the loop.
        let process = try NetworkProcess(
            setup, loop: surroundings.loop, hear: { [unowned self] event in hear(event) },
            ended: { [unowned self] ending in ended(ending) })
        _ = files
        enter(.running(process))
        do throws(OSError) { try finish(process.identity) } catch {
            // Not written down is not there: its end is seen like any other.
            process.signal(SIGKILL)
            throw error
        }
    }

    /// The same process for the same arguments, through all lives of the network.
    private func uplink(_ port: PortName, _ arguments: [String], leash: String) throws(OSError) -> KeptUplink {
        if let uplink = uplinks[port] { return uplink }
        let uplink = try KeptUplink(
            port: port, arguments: arguments,
            surroundings: .init(
                loop: surroundings.loop, leash: leash, environment: surroundings.environment, program: surroundings.uplinkProgram,
                say: { [unowned self] word in say(word) },
                tell: { [unowned self] kind, port, detail in surroundings.tell(kind, port.network, port.machine, detail) },
                note: surroundings.note))
        uplinks[port] = uplink
        return uplink
    }

    /// All that a process must know beyond its command line.
    private func introduce() {
        for word in links.words { say(word) }
        for port in plugged.sorted() where isServed(port) {
            let mark = Wire.freshMark()
            say("port-up \(port) \(mark)")
            surroundings.toMachine(port.machine, .portRestart(network: port.network, mark: mark))
        }
        for port in uplinks.keys.sorted() { uplinks[port]?.networkStarted() }
        for id in probes.keys.sorted() { if let probe = probes[id] { say(probe.word) } }
    }

    func isServed(_ port: PortName) -> Bool {
        launch?.descriptors.contains { $0.kind == .port(port) } ?? false
    }
}
