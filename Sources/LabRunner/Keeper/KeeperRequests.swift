internal import Host
internal import LabModel
internal import LabPlan

/// What clients ask, and who answers.
extension Keeper {
    func handle(_ request: Request, _ connection: Connection) {
        switch request {
        case .status: connection.send(.status(status))
        case .events(let past, let follow): streamEvents(from: past ? 1 : history.next, follow: follow, to: connection)
        case .console(let wanted): attach(wanted, connection)
        case .up(let wanted): up(wanted, connection)
        case .cancel(let hard): cancel(connection, hard: hard)
        case .down(let ladder): down(ladder, connection)
        case .machine(let verb, let name, let ladder): change(verb, name, ladder, connection)
        case .display(let name): showDisplay(of: name, connection)
        case .type(let name, let text): type(text, to: name, connection)
        case .link(let wanted): change(wanted, connection)
        case .partition(let wanted): change(wanted, connection)
        }
    }

    func clientLeft(_ connection: Connection) {}

    private func streamEvents(from first: UInt64, follow: Bool, to connection: Connection) {
        var next = first
        connection.stream { [unowned self] in
            if let event = history.event(at: next) {
                next = event.seq + 1
                return .reply(.event(event))
            }
            return follow ? .nothing : .end
        }
    }

    // MARK: Consoles

    private func attach(_ wanted: ConsoleRequest, _ connection: Connection) {
        guard let machine = self[machine: wanted.machine] else { return connection.finish(.result(unknown(wanted.machine))) }
        let named = wanted.stream.map { name in machine.consoles.first { $0.name == name } }
        guard let console = named ?? machine.consoles.max(by: { $0.log.end < $1.log.end }) else {
            let message =
                machine.consoles.isEmpty
                ? "\(machine.name) was not started yet" : "\(machine.name) has no console \(wanted.stream ?? ""): it has serial and console"
            return connection.finish(.result(Outcome(.usage, message)))
        }
        connection.send(.console(stream: console.name))
        var position =
            switch wanted.since {
            case .start: console.log.start
            case .boot: console.log.boot
            case .now: console.log.end
            }
        let follow = wanted.follow
        connection.stream {
            let part = console.log.read(at: position, limit: 64 * 1024)
            position = part.start + UInt64(part.bytes.count)
            if part.bytes.isEmpty { return follow ? .nothing : .end }
            return .bytes(part.bytes)
        }
        guard wanted.input else { return }
        connection.takeRaw { [unowned connection] bytes in console.type(bytes) { [weak connection] in connection?.resume() } }
    }

    private func showDisplay(of name: String, _ connection: Connection) {
        guard let machine = self[machine: name] else { return connection.finish(.result(unknown(name))) }
        server.wait(connection)
        machine.askDisplay { display in
            guard let display else {
                return connection.finish(.result(Outcome(.timedOutOrBusy, "\(name) does not run", hint: "`vmlab ps` shows what it does")))
            }
            connection.finish(.display(display))
        }
    }

    private func type(_ text: String, to name: String, _ connection: Connection) {
        guard let machine = self[machine: name] else { return connection.finish(.result(unknown(name))) }
        let isTyped = machine.type(text)
        let failure = Outcome(.timedOutOrBusy, "\(name) takes no keys now", hint: "`vmlab ps` shows whether it runs")
        connection.finish(.result(isTyped ? Outcome(.done, "typed") : failure))
    }

    private func unknown(_ name: String) -> Outcome {
        let names = machines.map(\.name).joined(separator: ", ")
        return Outcome(.usage, "lab \(lab) has no machine \(name)", hint: names.isEmpty ? nil : "it has: \(names)")
    }

    // MARK: One machine

    private func change(_ verb: MachineVerb, _ name: String, _ ladder: StopLadder?, _ connection: Connection) {
        guard let machine = self[machine: name] else { return connection.finish(.result(unknown(name))) }
        if case .none = operation {
        } else {
            return connection.finish(.result(Outcome(.timedOutOrBusy, "lab \(lab) is busy", hint: "wait until its `up` or `down` is done")))
        }
        server.wait(connection)
        switch verb {
        case .stop: machine.stop(ladder ?? .patient) { connection.finish(.result(Outcome(.done, "\(name) is stopped"))) }
        case .kill: machine.stop(.atOnce) { connection.finish(.result(Outcome(.done, "\(name) is killed"))) }
        case .start: startAgain(machine, connection)
        case .restart:
            machine.stop(ladder ?? .patient) { [unowned self] in startAgain(machine, connection) }
        }
    }

    private func startAgain(_ machine: KeptMachine, _ connection: Connection) {
        let name = machine.name
        guard var started = machine.started else {
            return connection.finish(.result(Outcome(.usage, "\(name) was never started", hint: "`vmlab up` starts it")))
        }
        started.machine = machine.machine
        do throws(RunnerError) { try start(started) } catch { return connection.finish(.result(error.outcome)) }
        machine.awaitReady { error in
            connection.finish(.result(error?.outcome ?? Outcome(.done, "\(name) is ready")))
        }
    }
}
