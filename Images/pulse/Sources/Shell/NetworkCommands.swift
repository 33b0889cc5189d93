/// Commands that work on the network. A HOST is an address or a name.
extension Commands {
    static var networks: [Shell.Command] {
        [
            .init(name: "ip", usage: "ip: interfaces, their addresses and counters", run: interfaces),
            .init(name: "link", usage: "link: whether cables are plugged in", run: links),
            .init(name: "ping", usage: "ping HOST [COUNT] [INTERVAL-MS] [SIZE]: echoes; interval 0 is one after the other", run: ping),
            .init(name: "resolve", usage: "resolve NAME: asks the name server", run: resolve),
        ]
    }

    private static let mostEchoes: UInt64 = 1_000_000
    /// Echoes that come faster than this, in milliseconds, are not shown one by one.
    private static let shownInterval: UInt64 = 100
    /// Microseconds until an echo counts as lost.
    private static let echoPatience: UInt64 = 2_000_000
    /// Microseconds between looks for Ctrl-C.
    private static let lookInterval: UInt64 = 100_000
    private static let namePatience: UInt64 = 1_500_000
    private static let nameAttempts = 3
    private static let floodPatience: UInt64 = 3_000_000
    private static let largestData: UInt64 = 65_000

    private static func network(_ kernel: Kernel) throws(Fault) -> Network {
        guard let network = kernel.network else { throw .noSuchDevice("network card") }
        return network
    }

    // MARK: Telling

    private static func interfaces(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let network = try network(kernel)
        for interface in network.interfaces {
            let state: StaticString = interface.isLinkUp ? "up" : "down"
            terminal.print("net\(interface.number): \(interface.hardware) mtu \(interface.mtu) link \(state)")
            if let address = interface.address {
                var text: Text = "    \(address)"
                if let gateway = interface.gateway { text = "\(text) gateway \(gateway)" }
                if let nameServer = interface.nameServer { text = "\(text) dns \(nameServer)" }
                if !interface.domain.isEmpty { text = "\(text) domain \(interface.domain)" }
                if let left = interface.lease?.secondsLeft(now: network.timer.now) { text = "\(text) for \(left) s" }
                terminal.print(text)
            }
            if let host = interface.host6 {
                terminal.print("    \(host.linkLocal)/64")
                for entry in host.addresses { terminal.print("    \(entry.address)/64") }
            }
            let counters = interface.counters
            terminal.print("    received \(counters.receivedFrames) frames \(counters.receivedBytes) bytes")
            terminal.print("    sent \(counters.sentFrames) frames \(counters.sentBytes) bytes")
            terminal.print("    dropped \(counters.sendDropped) malformed \(counters.malformed) ignored \(counters.ignored)")
        }
    }

    private static func links(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        for interface in try network(kernel).interfaces {
            let state: StaticString = interface.isLinkUp ? "up" : "down"
            terminal.print("net\(interface.number): \(state)")
        }
    }

    // MARK: Names

    private static func resolve(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        guard let name = arguments.word() else { try arguments.refuse() }
        for address in try addresses(of: name, kernel) { terminal.print("\(name) is \(address)") }
    }

    /// The address that a word is, or the first one that its name has.
    private static func host(_ kernel: Kernel, _ arguments: inout Arguments) throws(Fault) -> IPv4Address {
        guard let word = arguments.word() else { try arguments.refuse() }
        if let address = IPv4Address(word) { return address }
        guard let address = try addresses(of: word, kernel).first else { throw .noSuchName }
        return address
    }

    /// Asks each interface's name server in turn; a name without a dot is tried with that network's domain, too.
    private static func addresses(of name: ArraySlice<UInt8>, _ kernel: Kernel) throws(Fault) -> [IPv4Address] {
        var fault = Fault.noNameServer
        for interface in try network(kernel).interfaces {
            guard let server = interface.nameServer else { continue }
            var names = [name]
            if !name.contains(0x2E), !interface.domain.isEmpty { names.append((name + [0x2E] + interface.domain)[...]) }
            for name in names {
                do throws(Fault) {
                    let found = try ask(server, for: name, kernel)
                    if !found.isEmpty { return found }
                    fault = .noSuchName
                } catch {
                    fault = error
                }
            }
        }
        throw fault
    }

    private static func ask(_ server: IPv4Address, for name: ArraySlice<UInt8>, _ kernel: Kernel) throws(Fault) -> [IPv4Address] {
        let network = try network(kernel)
        guard let query = NameQuery(name, server: server, random: network.random()) else { throw .noSuchName }
        network.query = query
        defer { network.query = nil }
        for _ in 0..<nameAttempts {
            let deadline = network.timer.now &+ namePatience
            var isSent = false
            while query.answer == nil, network.timer.now < deadline {
                if !isSent, let (interface, hop) = try network.hop(to: server) {
                    isSent = interface.send(hop, from: query.port, to: Interface.Port.names, count: query.count) { query.write(to: $0) }
                }
                kernel.wait(until: isSent ? deadline : min(deadline, network.timer.now &+ 100_000))
            }
            switch query.answer {
            case .addresses(let found): return found
            case .refused(3): throw .noSuchName
            case .refused(let code): throw .nameServerRefused(code: code)
            case nil: continue
            }
        }
        throw .noAnswer("the name server")
    }

    // MARK: Echoes

    private static func ping(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let network = try network(kernel)
        let target = try host(kernel, &arguments)
        let count = try arguments.number(upTo: mostEchoes, "COUNT", else: 4)
        let interval = try arguments.number(upTo: 60_000, "INTERVAL-MS", else: 1000)
        let size = try arguments.number(upTo: largestData, "SIZE", else: 56)
        guard let (interface, _) = network.route(to: target) else { throw .noRoute }
        let overhead = Interface.packetHeaderSize + Interface.echoHeaderSize
        guard Int(size) + overhead <= interface.mtu else { throw .outOfRange("SIZE, larger than the MTU") }
        let ping = Ping(target: target, identifier: UInt16(truncatingIfNeeded: network.random()), isShown: interval >= shownInterval)
        network.ping = ping
        defer { network.ping = nil }
        var next = network.timer.now
        var nextLook = next
        var isInterrupted = false
        while !isInterrupted {
            let now = network.timer.now
            if ping.sent < count, now >= next || interval == 0 && ping.isAllAnswered {
                if try send(ping, Int(size), network) {
                    next = interval == 0 ? now &+ echoPatience : max(next &+ interval &* 1000, now)
                } else if now >= next &+ echoPatience {
                    ping.noteSent(now: now)  // nobody said where to send it: that one is lost, too
                    next = now
                }
            }
            if ping.sent == count, ping.isAllAnswered || now >= max(next, ping.lastSent &+ echoPatience) { break }
            let isWaiting = ping.sent < count && now >= next
            let last = max(next, ping.lastSent &+ echoPatience)
            kernel.wait(until: isWaiting ? now &+ 100_000 : ping.sent < count ? next : last)
            for text in ping.takeNews() { terminal.print(text) }
            if now >= nextLook {
                nextLook = now &+ lookInterval
                isInterrupted = terminal.takeInterrupt()
            }
        }
        terminal.print(ping.summary)
    }

    private static func send(_ ping: Ping, _ size: Int, _ network: Network) throws(Fault) -> Bool {
        guard let (interface, hop) = try network.hop(to: ping.target) else { return false }
        let now = network.timer.now
        guard interface.sendEcho(hop, identifier: ping.identifier, sequence: ping.nextSequence, count: size) else { return false }
        ping.noteSent(now: now)
        return true
    }

    // MARK: Load

    /// Datagrams as fast as the card takes them, to the port that answers nothing.
    static func floodHost(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let network = try network(kernel)
        let target = try host(kernel, &arguments)
        let count = try arguments.number(upTo: 1 << 32, "COUNT")
        let size = try arguments.number(upTo: largestData, "SIZE", else: 1000)
        guard let (route, _) = network.route(to: target) else { throw .noRoute }
        let overhead = Interface.packetHeaderSize + Interface.datagramHeaderSize
        guard Int(size) + overhead <= route.mtu else { throw .outOfRange("SIZE, larger than the MTU") }
        let begin = network.timer.now
        var sent: UInt64 = 0
        var lastProgress = begin
        while sent < count {
            let now = network.timer.now
            if let (interface, hop) = try network.hop(to: target) {
                let before = sent
                while sent < count, interface.device.claim() != nil {
                    interface.send(hop, from: Interface.Port.discard, to: Interface.Port.discard, count: Int(size), isLast: false) {
                        $0.put(UInt32(truncatingIfNeeded: sent), at: 0)
                    }
                    sent += 1
                }
                if sent != before {
                    interface.device.sending.notify()
                    lastProgress = now
                }
            }
            if sent == count { break }
            guard now &- lastProgress < floodPatience else { break }
            kernel.wait(until: now &+ 100_000)
            if terminal.takeInterrupt() { break }
        }
        let time = (network.timer.now &- begin) / 1000
        terminal.print("flood \(target): \(sent) datagrams of \(size) bytes in \(time) ms")
        guard sent == count else { throw .noAnswer("the card or the host") }
    }
}
