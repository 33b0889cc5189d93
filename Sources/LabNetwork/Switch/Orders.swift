package import LabModel

/// What the keeper may change while the lab runs.
extension Bridge {
    package func port(_ name: PortName) throws(SettingsError) -> PortIndex {
        guard let index = settings.ports.firstIndex(where: { $0.name == name }) else {
            throw SettingsError("there is no port \(name.description.shortened)")
        }
        return PortIndex(index)
    }

    private func network(_ name: String) throws(SettingsError) -> Int {
        guard let index = settings.networks.firstIndex(where: { $0.name == name }) else {
            throw SettingsError("there is no network \(name.shortened)")
        }
        return index
    }

    /// Links of one port, or of a whole network.
    package mutating func order(_ name: ControlWord.LinkName, _ order: ControlWord.LinkOrder, now: UInt64) throws(SettingsError) {
        switch name {
        case .network(let name):
            let network = try network(name)
            for port in networks[network].ports {
                switch order {
                case .up: ports[port].isNetworkOn = true
                case .down:
                    ports[port].isNetworkOn = false
                    forget(port)
                case .set(let change): ports[port].common.change(to: change.apply(to: ports[port].common.shape), now: now)
                case .clear: ports[port].common.change(to: LinkShape(), now: now)
                }
                ports[port].judgeShapes()
            }
        case .port(let name):
            let port = try port(name).number
            switch order {
            case .up: ports[port].isPlugged = true
            case .down:
                ports[port].isPlugged = false
                forget(port)
            case .set(let change):
                ports[port].up.change(to: change.apply(to: ports[port].up.shape), now: now)
                ports[port].down.change(to: change.apply(to: ports[port].down.shape), now: now)
            case .clear:
                ports[port].up.change(to: LinkShape(), now: now)
                ports[port].down.change(to: LinkShape(), now: now)
            }
            ports[port].judgeShapes()
        }
    }

    /// A port's plug was pulled: what is on its wires is lost, and what was heard there forgotten.
    private mutating func forget(_ port: Int) {
        ports[port].up.removeAll()
        ports[port].common.removeAll()
        ports[port].down.removeAll()
        networks[ports[port].network].table.flush(ports[port].local)
    }

    /// Cuts a network between groups of machines; machines in none of them are in one more. The gateway is heard by all.
    package mutating func divide(_ name: String, into groups: [[String]]) throws(SettingsError) {
        let network = try network(name)
        var wanted: [Int: Int] = [:]
        for (number, group) in groups.enumerated() {
            for machine in group {
                guard let port = networks[network].ports.first(where: { ports[$0].name.machine == machine }) else {
                    throw SettingsError("\(machine.shortened) is not on \(name)")
                }
                wanted[port] = number + 1
            }
        }
        for port in networks[network].ports { ports[port].group = wanted[port] ?? 0 }
    }

    package mutating func heal(_ name: String) throws(SettingsError) {
        for port in networks[try network(name)].ports { ports[port].group = 0 }
    }

    package mutating func startProbe(_ identity: String, _ name: PortName, _ probe: ServiceProbe, _ moment: Moment) throws(SettingsError) {
        let port = try port(name)
        let network = ports[port.number].network
        guard networks[network].services != nil else { throw SettingsError("nothing is served on \(name.network)") }
        networks[network].services?.startProbe(identity, probe, of: port, now: moment.now)
        takeOutput(of: network, Span(), moment)
    }

    package mutating func stopProbe(_ identity: String) {
        for network in networks.indices { networks[network].services?.stopProbe(identity) }
    }
}
