internal import CarrierLink
internal import Glibc
package import Host
package import LabModel

/// The two ways to start a machine. Nothing above can tell them apart but by speed.
package struct MachineHost: Hashable, Sendable {
    package var way: Way
    /// Path of `vmlab-leash`.
    package var leash: String

    package enum Way: Hashable, Sendable {
        /// `vmlab-machine` runs here, on the host's `/dev/kvm`. The value is its path.
        case native(machine: String)
        /// `vmlab-machine` runs in an emulated computer of its own, on the `/dev/kvm` there.
        case carrier(CarrierKit)
    }

    package init(_ way: Way, leash: String) {
        self.way = way
        self.leash = leash
    }

    /// Starts one machine; returns as soon as its process exists.
    ///
    /// Call on the loop's own thread, and let that thread live as long as the machines should: the kernel kills a child when
    /// the thread that started it ends. `handler` is called on that thread, never from within `start`.
    ///
    /// - Parameters:
    ///   - ends: what the machine gets for the streams of these names, kept open by the caller; every other stream is a pair of
    ///     its own, one end of which is `MachineProcess.stream`.
    ///   - environment: added to the process on this host (for audits that look for a lab's processes); the monitor reads none
    ///     of it.
    package func start(
        _ launch: MachineLaunch, ends: [String: SharedDescriptor] = [:], environment: [String] = [], on loop: EventLoop,
        handler: @escaping (MachineProcess.Event) -> Void
    ) throws(CarrierError) -> MachineProcess {
        let opened = try OpenedLaunch(launch, ends: ends)
        let events = MachineProcess.EventBox()
        events.handler = handler
        switch way {
        case .native(let machine):
            return try startNative(machine, launch, opened, environment, loop, events)
        case .carrier(let kit):
            return try startCarried(kit, launch, opened, environment, loop, events)
        }
    }

    private func startNative(
        _ machine: String, _ launch: MachineLaunch, _ opened: OpenedLaunch, _ environment: [String], _ loop: EventLoop,
        _ events: MachineProcess.EventBox
    ) throws(CarrierError) -> MachineProcess {
        let inherited =
            opened.streams.map { ChildProcess.Inherited($0.number, from: $0.theirs.number) }
            + opened.files.map { ChildProcess.Inherited($0.number, from: $0.file.number) }
        let child = try carrierErrors { () throws(OSError) in
            try LeashedChild(
                program: machine, arguments: launch.arguments, environment: [plainEnvironment] + environment, inherited: inherited,
                leash: leash, loop: loop,
                whenEnded: { ending in
                    switch ending {
                    case .exited(let status): events.tell(.ended(.exited(status)))
                    case .signalled(let number): events.tell(.ended(.signalled(number)))
                    }
                })
        }
        loop.after(nanoseconds: 0) { events.tell(.running) }
        return MachineProcess(native: child, streams: opened.ours, events: events)
    }

    private func startCarried(
        _ kit: CarrierKit, _ launch: MachineLaunch, _ opened: OpenedLaunch, _ environment: [String], _ loop: EventLoop,
        _ events: MachineProcess.EventBox
    ) throws(CarrierError) -> MachineProcess {
        var setup = CarriedProgram.Setup(
            kit: kit, leash: leash, environment: [plainEnvironment] + environment, memory: launch.memory,
            start: .start(.init(path: "/vmlab-machine", arguments: launch.arguments)))
        setup.streams = opened.streams.map { ($0.number, $0.name, $0.theirs.number) }
        // Blobs lie in the carrier's memory, beside what a guest may come to fill.
        var memory = launch.memory.bytes
        for file in opened.files {
            switch file.kind {
            case .disk(let writable): setup.disks.append((file.number, file.file.number, writable))
            case .blob:
                setup.contents.append(
                    .init(announcement: .blob(number: file.number, size: file.size), file: file.file, size: file.size))
                memory = memory.addingReportingOverflow(file.size).overflow ? .max : memory + file.size
            }
        }
        setup.memory = ByteCount(bytes: memory)
        let program = try CarriedProgram(setup, loop: loop) { event in
            switch event {
            case .running: events.tell(.running)
            case .output(let bytes), .errorOutput(let bytes): events.said.append(bytes)
            case .ended(let ending): events.tell(.ended(ending))
            }
        }
        guard let identity = program.identity else { throw CarrierError(.operatingSystem, "cannot identify the carrier's process") }
        return MachineProcess(carried: program, identity: identity, streams: opened.ours, events: events)
    }
}
