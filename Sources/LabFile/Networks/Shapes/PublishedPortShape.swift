import LabModel

extension Shape<PublishedPort> {
    /// `127.0.0.1:8080:80/tcp`, address and transport as one likes.
    static let publishedPort = Shape(
        .scalar(
            "string",
            [
                .init("pattern", .text(#"^([0-9.]+:)?[0-9]{1,5}:[0-9]{1,5}(/(tcp|udp))?$"#)),
                .init("examples", .texts(["8080:80", "127.0.0.1:5353:53/udp"])),
            ])
    ) { node, place, findings in
        let wants = "a port of the host and one of the machine such as `8080:80`"
        guard let (text, _) = node.word(place, wants: wants, &findings) else { return nil }
        switch parse(text) {
        case .success(let port): return port
        case .failure(.form): findings.add(node.mark, "\(place.name) wants \(wants), not \(node.kindName)")
        case .failure(.onlyOne): findings.add(node.mark, "\(place.name) wants \(wants): \(quoted("\(text):\(text)"))?")
        case .failure(.port(let word)): findings.add(node.mark, "\(quoted(word)) is not a port: they are 1 to 65535")
        case .failure(.address(let word)):
            findings.add(node.mark, "\(quoted(word)) is not an IPv4 address of the host such as `127.0.0.1`")
        case .failure(.transport(let word)): findings.add(node.mark, "\(quoted(word)) cannot be published; `tcp` and `udp` can")
        }
        return nil
    }

    private enum Fault: Error {
        case form
        case onlyOne
        case port(String)
        case address(String)
        case transport(String)
    }

    /// Who can be asked for its connections if nothing is said: this host alone.
    private static let loopback = IPv4Address(127 << 24 | 1)

    private static func parse(_ text: String) -> Result<PublishedPort, Fault> {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var transport = PublishedPort.Transport.tcp
        if halves.count == 2 {
            guard let word = PublishedPort.Transport(rawValue: String(halves[1])) else { return .failure(.transport(String(halves[1]))) }
            transport = word
        }
        let parts = halves[0].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1, halves.count == 1, port(parts[0]) != nil { return .failure(.onlyOne) }
        guard parts.count == 2 || parts.count == 3 else { return .failure(.form) }
        let ports = parts.suffix(2)
        for word in ports where port(word) == nil {
            return .failure(!word.isEmpty && word.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? .port(word) : .form)
        }
        guard let host = ports.first.flatMap(port), let machine = ports.last.flatMap(port) else { return .failure(.form) }
        let address = parts.count == 3 ? IPv4Address(parts[0]) : loopback
        guard let address else { return .failure(.address(parts[0])) }
        return .success(PublishedPort(hostAddress: address, hostPort: host, machinePort: machine, transport: transport))
    }

    private static func port(_ word: String) -> UInt16? {
        guard let port = UInt16(word), port > 0, String(port) == word else { return nil }
        return port
    }
}
