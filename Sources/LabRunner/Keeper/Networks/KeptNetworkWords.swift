internal import Glibc
internal import Host
internal import LabModel

/// What is said between the bridge's process, the lab's machines and people.
extension KeptNetwork {
    // MARK: What it says

    func hear(_ event: NetworkEvent) {
        let port = event.portName
        func tell(_ kind: LabEvent.Kind, _ detail: String?) {
            surroundings.tell(kind, event.network ?? port?.network, port?.machine, detail)
        }
        switch event.event {
        case "started":
            process?.hasStarted = true
            tell(.networkStarted, nil)
            tellStartWaiters(nil)
        case "unconfined": if restarts == 0 { tell(.note, "the network process has no sandbox: \(event.detail ?? "")") }
        case "uplink-down": if let port { uplinks[port]?.acknowledged() }
        case "probe": if let id = event.id { probes[id]?.hear(event.answer ?? "") }
        case "done": answer(nil)
        case "refused":
            let message = "the network refuses `\(event.word ?? "?")`" + (event.detail.map { ": \($0)" } ?? "")
            answer(.machine(message, code: .usage, hint: nil))
        case "lease": tell(.lease, [event.address, event.mac].compactMap(\.self).joined(separator: " for "))
        case "port-broken":
            tell(.portBroken, event.detail)
            // Marks bring both sides together again.
            if let port, plugged.contains(port) { plug(port, tellingMachine: true) }
        case "uplink-broken": tell(.uplinkBroken, event.detail)
        case "pool-exhausted": tell(.poolExhausted, "every address of \(event.network ?? "it") is taken")
        case "mac-flap": tell(.macFlap, "\(event.mac ?? "?") is seen at \(event.from ?? "?") and \(event.to ?? "?") by turns")
        case "storm": tell(.storm, event.detail)
        default: break
        }
    }

    @discardableResult
    func say(_ word: String) -> Bool {
        guard let process else { return false }
        if process.say(word) { return true }
        // It has stopped reading: another one will.
        surroundings.tell(.note, nil, nil, "the network process does not listen any more: it is ended")
        process.signal(SIGKILL)
        return false
    }

    /// Says a word that is answered, and calls back with the answer; at once when there is no process that could.
    func ask(_ word: String, done: @escaping (RunnerError?) -> Void) {
        guard case .running = state, say(word) else { return done(nil) }
        asked.append(done)
    }

    private func answer(_ error: RunnerError?) {
        if !asked.isEmpty { asked.removeFirst()(error) }
    }

    func answerAll() {
        let waiting = asked
        asked = []
        // The next process is told the same again.
        for tell in waiting { tell(nil) }
    }

    // MARK: Machines

    /// The wire of a port, made when it is first asked for.
    func wire(_ port: PortName) throws(OSError) -> Wire {
        if let wire = wires[port] { return wire }
        let wire = try Wire()
        wires[port] = wire
        return wire
    }

    /// A machine is about to be started with this port: its end of the wire, and the mark it is told on its command line.
    func plug(_ port: PortName) throws(OSError) -> (end: SharedDescriptor, mark: String) {
        let wire = try wire(port)
        plugged.insert(port)
        return (wire.otherEnd, plug(port, tellingMachine: false))
    }

    @discardableResult
    private func plug(_ port: PortName, tellingMachine: Bool) -> String {
        let mark = Wire.freshMark()
        if isServed(port) { say("port-up \(port) \(mark)") }
        if tellingMachine { surroundings.toMachine(port.machine, .portRestart(network: port.network, mark: mark)) }
        return mark
    }

    /// A machine has ended.
    func unplug(_ machine: String) {
        for port in plugged.sorted() where port.machine == machine {
            plugged.remove(port)
            if isServed(port) { say("port-down \(port)") }
        }
    }

    /// A machine is no more.
    func forget(_ machine: String) {
        unplug(machine)
        for port in wires.keys where port.machine == machine && !isServed(port) { wires[port] = nil }
    }

    func isPlugged(_ port: PortName) -> Bool { plugged.contains(port) }

    // MARK: Probes

    func probe(_ port: PortName, _ kind: Probe.Kind, succeeded: @escaping () -> Void) -> Probe {
        let probe = Probe(id: "p\(nextProbe)", port: port, kind: kind, succeeded: succeeded) { [weak self] probe in
            guard let self, probes.removeValue(forKey: probe.id) != nil else { return }
            say("probe-stop \(probe.id)")
        }
        nextProbe += 1
        probes[probe.id] = probe
        say(probe.word)
        return probe
    }
}
