internal import Carrier
internal import Host
internal import LabModel
internal import LabPlan

/// The keeper and the lab's bridge: what each tells the other of.
extension Keeper {
    func makeNetwork() -> KeptNetwork {
        KeptNetwork(
            .init(
                loop: loop, environment: Environment.forChildren(folders),
                programs: { () throws(OSError) in (try Programs.sibling("vmlab-network"), try Programs.sibling("vmlab-leash")) },
                uplinkProgram: { Environment.passt },
                tell: { [unowned self] kind, network, machine, detail in emit(kind, machine, network: network, detail) },
                begin: { [unowned self] launch throws(OSError) in
                    let record = try ledger.begin(.startNetwork(launch))
                    return { [unowned self] process throws(OSError) in try ledger.finish(record, process: process) }
                },
                note: { [unowned self] what, process in
                    writeDown { () throws(OSError) in try ledger.spawned(what, process) }
                },
                ended: { [unowned self] reason in
                    writeDown { () throws(OSError) in try ledger.networkEnded(reason: reason) }
                },
                toMachine: { [unowned self] name, word in self[machine: name]?.say(word) }))
    }

    private func writeDown(_ body: () throws(OSError) -> Void) {
        do throws(OSError) { try body() } catch { emit(.note, nil, "the ledger cannot be written: \(error)") }
    }

    // MARK: Actions

    /// The running bridge learns what the lab file now says of its wires; what people said of the same ones since is gone with it.
    func update(_ action: Action, _ launch: NetworkLaunch, _ words: [String], _ done: @escaping (RunnerError?) -> Void) {
        do throws(RunnerError) {
            try recorded(action) { () throws(OSError) in }
        } catch {
            return done(error)
        }
        network.update(launch, words, done: done)
    }

    func stopNetwork(_ done: @escaping (RunnerError?) -> Void) {
        do throws(OSError) {
            let record = try ledger.begin(.stopNetwork)
            network.stop { [unowned self] in
                writeDown { () throws(OSError) in try ledger.finish(record) }
                done(nil)
            }
        } catch {
            // A full disk must not keep it running.
            emit(.note, nil, "the ledger cannot be written: \(error)")
            network.stop { done(nil) }
        }
    }

    // MARK: Machines on networks

    /// The launch with the marks of this start, and the keeper's ends of the wires that it names.
    func plugged(_ launch: MachineLaunch) throws(OSError) -> (launch: MachineLaunch, ends: [String: SharedDescriptor]) {
        var launch = launch
        var ends: [String: SharedDescriptor] = [:]
        for descriptor in launch.descriptors {
            let prefix = MachineLaunch.streamName(network: "")
            guard case .stream(let stream) = descriptor.kind, stream.hasPrefix(prefix) else { continue }
            let port = PortName(machine: launch.machine, network: String(stream.dropFirst(prefix.count)))
            let (end, mark) = try network.plug(port)
            ends[stream] = end
            for index in launch.arguments.indices.dropFirst() where launch.arguments[index - 1] == "--net" {
                if launch.arguments[index].split(separator: ",").contains("fd=\(descriptor.number)") {
                    launch.arguments[index] += ",mark=\(mark)"
                }
            }
        }
        return (launch, ends)
    }

    /// A machine's process is there: its guest sees cables that are out, and its readiness is asked for where it is a matter of the network.
    func connect(_ machine: KeptMachine) {
        for interface in machine.machine.interfaces {
            let port = PortName(machine: machine.name, network: interface.network)
            if network.links.isDown(port) { machine.say(.link(network: interface.network, up: false)) }
        }
        guard let first = machine.machine.interfaces.first else { return }
        let port = PortName(machine: machine.name, network: first.network)
        switch machine.machine.ready {
        case .started, .console: break
        case .tcp(let number, _): machine.expect(network.probe(port, .tcp(number)) { [unowned machine] in machine.becomeReady() })
        case .ping: machine.expect(network.probe(port, .ping) { [unowned machine] in machine.becomeReady() })
        }
    }

    // MARK: What people ask

    func change(_ wanted: LinkRequest, _ connection: Connection) {
        guard case .none = operation else { return connection.finish(.result(busy)) }
        guard network.links.contains(wanted.what) else { return connection.finish(.result(unknownWire(wanted.what))) }
        var links = network.links
        links.apply(wanted.change, to: wanted.what)
        if case .set(let change) = wanted.change, change.reorderPPM ?? 0 > 0, links.shape(of: wanted.what).delayMicroseconds == 0 {
            let hint = "set one with it: `vmlab link set \(wanted.what) reorder=... delay=10ms`"
            return connection.finish(.result(Outcome(.usage, "without a delay no frame can overtake another", hint: hint)))
        }
        server.wait(connection)
        network.ask(links.word(for: wanted.change, to: wanted.what)) { [unowned self] error in
            if let error { return connection.finish(.result(error.outcome)) }
            network.links.apply(wanted.change, to: wanted.what)
            showCables(of: wanted.what)
            let told = linkText(wanted.what)
            emit(.linkChanged, nil, told)
            connection.finish(.result(Outcome(.done, told + later)))
        }
    }

    func change(_ wanted: PartitionRequest, _ connection: Connection) {
        guard case .none = operation else { return connection.finish(.result(busy)) }
        if let mistake = mistake(in: wanted) { return connection.finish(.result(mistake)) }
        var links = network.links
        links.divide(wanted.network, into: wanted.groups)
        server.wait(connection)
        network.ask(links.partitionWord(wanted.network)) { [unowned self] error in
            if let error { return connection.finish(.result(error.outcome)) }
            network.links.divide(wanted.network, into: wanted.groups)
            let groups = wanted.groups.map { $0.joined(separator: ",") }.joined(separator: " | ")
            let told = wanted.groups.isEmpty ? "\(wanted.network) is whole again" : "\(wanted.network) is divided: \(groups)"
            emit(.linkChanged, nil, network: wanted.network, told)
            connection.finish(.result(Outcome(.done, told + later)))
        }
    }

    private var later: String {
        if case .running = network.state { "" } else { "; the network's process does not run now: told when it does" }
    }

    private var busy: Outcome { Outcome(.timedOutOrBusy, "lab \(lab) is busy", hint: "wait until its `up` or `down` is done") }

    private func unknownWire(_ what: String) -> Outcome {
        let names = network.links.names.joined(separator: ", ")
        return Outcome(.usage, "lab \(lab) has no network or port \(what)", hint: names.isEmpty ? "it has no networks" : "it has: \(names)")
    }

    /// Groups of machines that are on the network, each in one of them at most.
    private func mistake(in wanted: PartitionRequest) -> Outcome? {
        guard wanted.network.utf8.firstIndex(of: UInt8(ascii: "/")) == nil, network.links.contains(wanted.network) else {
            return unknownWire(wanted.network)
        }
        var seen: Set<String> = []
        for name in wanted.groups.joined() {
            guard network.links.contains("\(name)/\(wanted.network)") else {
                return Outcome(.usage, "\(name) is not on network \(wanted.network)")
            }
            guard seen.insert(name).inserted else { return Outcome(.usage, "\(name) stands in two groups") }
        }
        return nil
    }

    /// The guests see their cables go out and in, as with a real switch.
    private func showCables(of what: String) {
        for machine in machines where machine.process != nil {
            for interface in machine.machine.interfaces {
                let port = PortName(machine: machine.name, network: interface.network)
                guard port.network == what || port.description == what else { continue }
                machine.say(.link(network: interface.network, up: !network.links.isDown(port)))
            }
        }
    }

    private func linkText(_ what: String) -> String {
        let shape = network.links.shape(of: what).text
        return "\(what) is " + (network.links.down.contains(what) ? "down" : "up") + (shape.isEmpty ? "" : ": \(shape)")
    }

    // MARK: Looks

    var networkStatus: [NetworkStatus] {
        guard let wanted else { return [] }
        let (state, detail): (NetworkStatus.State, String?) =
            switch network.state {
            case .idle: (.waiting, nil)
            case .running(let process): (process.hasStarted ? .up : .starting, nil)
            case .stopping: (.stopping, nil)
            case .pausing(_, let reason): (.restarting, reason)
            case .ended(let reason): (.ended, reason)
            }
        return wanted.networks.map { item in
            var status = NetworkStatus(
                name: item.name, subnet: item.subnet.description, gateway: item.subnet.gateway.description, mtu: item.mtu,
                uplink: item.uplink == .none ? .none : .nat, state: state)
            status.detail = detail
            status.pid = network.process?.identity.pid
            status.restarts = network.restarts
            status.isUp = !network.links.down.contains(item.name)
            status.shape = network.links.shape(of: item.name)
            status.partition = network.links.partitions[item.name] ?? []
            status.captures = item.capture.ring.bytes == 0 ? [] : (0...1).map { folders.capture(item.name, part: $0) }
            status.ports = wanted.machines.flatMap { machine in
                machine.interfaces.filter { $0.network == item.name }.map { portStatus(machine, $0, in: wanted) }
            }
            return status
        }
    }

    private func portStatus(_ machine: Machine, _ interface: Interface, in wanted: Lab) -> PortStatus {
        let port = PortName(machine: machine.name, network: interface.network)
        let prefix = Derived.ipv6Prefix(lab: wanted.name, seed: wanted.seed, network: interface.network)
        return PortStatus(
            machine: machine.name, address: interface.address.description,
            address6: IPv6Address(prefix: prefix, interface.mac).description, mac: interface.mac.description, vlan: interface.vlan,
            isUp: !network.links.isDown(port), isPlugged: network.isPlugged(port) && network.process != nil,
            shape: network.links.shape(of: port.description), uplink: network.uplinks[port]?.summary)
    }
}

extension LinkShape {
    /// For people: `delay 40 ms, loss 0.5 %`; empty when it is nothing.
    package var text: String {
        func milliseconds(_ value: UInt64) -> String {
            value % 1000 == 0 ? "\(value / 1000) ms" : "\(value) us"
        }
        func percent(_ value: UInt32) -> String {
            let digits = String(value % 10_000 + 10_000).dropFirst()
            let rest = String(digits.reversed().drop { $0 == "0" }.reversed())
            return "\(value / 10_000)" + (rest.isEmpty ? "" : ".\(rest)") + " %"
        }
        func rate(_ value: UInt64) -> String {
            for (unit, size) in [("Gbit/s", UInt64(1_000_000_000)), ("Mbit/s", 1_000_000), ("kbit/s", 1000)] where value % size == 0 {
                return "\(value / size) \(unit)"
            }
            return "\(value) bit/s"
        }
        var words: [String] = []
        if delayMicroseconds > 0 { words.append("delay \(milliseconds(delayMicroseconds))") }
        if jitterMicroseconds > 0 { words.append("jitter \(milliseconds(jitterMicroseconds))") }
        if bitsPerSecond > 0 { words.append("rate \(rate(bitsPerSecond))") }
        for (name, value) in [("loss", lossPPM), ("reorder", reorderPPM), ("duplicate", duplicatePPM), ("corrupt", corruptPPM)]
        where value > 0 { words.append("\(name) \(percent(value))") }
        return words.joined(separator: ", ")
    }
}
