internal import LabModel

/// The whole command line of a lab's bridge.
package struct BridgeCommand: Hashable, Sendable {
    package var settings = BridgeSettings(lab: "", seed: 0)
    package var control: Int32 = -1
    /// Each port's stream, in the order of `settings.ports`.
    package var portStreams: [Int32] = []
    package var uplinkStreams: [Int: Int32] = [:]
    package var captures: [CaptureSettings] = []

    package struct CaptureSettings: Hashable, Sendable {
        package var network: NetworkIndex
        package var files: [Int32]
        package var byteLimit: Int
        package var snapLength: Int
    }

    /// - Parameter arguments: those after the program's name; every option takes its value as the next one, or after `=`.
    package init(_ arguments: [String]) throws(SettingsError) {
        let options = try Self.split(arguments)
        func all(_ name: String) -> [String] { options.filter { $0.name == name }.map(\.value) }
        func one(_ name: String) throws(SettingsError) -> String {
            let found = all(name)
            guard found.count == 1, let value = found.first else {
                throw SettingsError("\(name) is \(found.isEmpty ? "missing" : "given twice")")
            }
            return value
        }
        settings.lab = try one("--lab")
        guard Self.isName(settings.lab) else { throw SettingsError("--lab takes a name, not \"\(settings.lab.shortened)\"") }
        guard let seed = UInt64(try one("--seed")) else { throw SettingsError("--seed takes a number") }
        settings.seed = seed
        guard let control = Fields.descriptor(try one("--control")) else {
            throw SettingsError("--control takes the number of an open descriptor")
        }
        self.control = control
        for text in all("--network") { try addNetwork(text) }
        for text in all("--port") { try addPort(text) }
        for text in all("--uplink") { try addUplink(text) }
        for text in all("--capture") { try addCapture(text) }
        for text in all("--link") { try addLink(text) }
        for text in all("--boot") { try addBoot(text) }
        try checkDescriptors()
    }

    private static let known = ["--lab", "--seed", "--control", "--network", "--port", "--uplink", "--capture", "--link", "--boot"]

    private static func split(_ arguments: [String]) throws(SettingsError) -> [(name: String, value: String)] {
        var options: [(name: String, value: String)] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "")
            guard known.contains(name) else { throw SettingsError("\"\(name.shortened)\" is no option of this program") }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else { throw SettingsError("\(name) needs a value") }
            options.append((name, value))
        }
        return options
    }

    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !",=/|".utf8.contains($0) }
    }

    private static func parts(_ text: String) -> [Substring] { text.split(separator: ",", omittingEmptySubsequences: false) }

    private mutating func addNetwork(_ text: String) throws(SettingsError) {
        var fields = try Fields(Self.parts(text), of: "--network")
        var network = NetworkSettings(
            name: try fields.value("id", "a name") { Self.isName($0) ? $0 : nil },
            subnet: try fields.value("subnet", "A.B.C.D/N with room for two hosts") { text in
                IPv4Subnet(text).flatMap { $0.hostCount >= 2 ? $0 : nil }
            },
            mac: try fields.value("mac", "an Ethernet address") { MACAddress($0).flatMap { $0.isMulticast ? nil : $0 } },
            mtu: Int(try fields.optional("mtu", "68 to 65535", Fields.number(68...65_535)) ?? 1500),
            domain: try fields.value("domain", "a name") { Self.isName($0) ? $0 : nil },
            prefix6: try fields.value("prefix6", "an IPv6 prefix of 64 bits") { text in
                guard text.hasSuffix("/64"), let address = IPv6Address(text.dropLast(3)), address.low == 0 else { return nil }
                return address.high
            },
            router: try fields.optional("router", "an IPv4 address") { IPv4Address($0) })
        network.allow =
            try fields.optional("allow", "CIDR+CIDR") { text in
                let ranges = text.split(separator: "+", omittingEmptySubsequences: false)
                let subnets = ranges.compactMap { IPv4Subnet($0) }
                return subnets.count == ranges.count ? subnets : nil
            } ?? []
        try fields.finish()
        guard !settings.networks.contains(where: { $0.name == network.name }) else {
            throw SettingsError("there are two networks \(network.name)")
        }
        guard settings.networks.count < Limits.networks else { throw SettingsError("more than \(Limits.networks) networks") }
        settings.networks.append(network)
    }

    private func network(_ name: String) throws(SettingsError) -> NetworkIndex {
        guard let index = settings.networks.firstIndex(where: { $0.name == name }) else {
            throw SettingsError("there is no network \"\(name.shortened)\"")
        }
        return NetworkIndex(index)
    }

    private mutating func addPort(_ text: String) throws(SettingsError) {
        var fields = try Fields(Self.parts(text), of: "--port")
        let name = try fields.value("id", "MACHINE/NETWORK") { text in
            PortName(text).flatMap { Self.isName($0.machine) ? $0 : nil }
        }
        var port = PortSettings(
            name: name, network: try network(name.network),
            mac: try fields.value("mac", "an Ethernet address") { MACAddress($0).flatMap { $0.isMulticast ? nil : $0 } },
            address: try fields.value("address", "an IPv4 address") { IPv4Address($0) })
        port.vlan = try fields.optional("vlan", "1 to 4094", Fields.number(1...4094)).map { UInt16(clamping: $0) }
        let descriptor = try fields.value("fd", "the number of an open descriptor", Fields.descriptor)
        try fields.finish()
        guard !settings.ports.contains(where: { $0.name == name }) else { throw SettingsError("there are two ports \(name)") }
        guard settings.ports.count < Limits.ports else { throw SettingsError("more than \(Limits.ports) ports") }
        settings.ports.append(port)
        portStreams.append(descriptor)
    }

    private mutating func addUplink(_ text: String) throws(SettingsError) {
        var fields = try Fields(Self.parts(text), of: "--uplink")
        let name = try fields.value("port")
        let descriptor = try fields.value("fd", "the number of an open descriptor", Fields.descriptor)
        try fields.finish()
        guard let index = settings.ports.firstIndex(where: { $0.name.description == name }) else {
            throw SettingsError("there is no port \"\(name.shortened)\"")
        }
        guard uplinkStreams.updateValue(descriptor, forKey: index) == nil else { throw SettingsError("port \(name) has two uplinks") }
        settings.ports[index].hasUplink = true
    }

    private mutating func addCapture(_ text: String) throws(SettingsError) {
        var fields = try Fields(Self.parts(text), of: "--capture")
        let network = try network(try fields.value("network"))
        let files = fields.all("fd").compactMap(Fields.descriptor)
        guard files.count == 2 else { throw SettingsError("--capture needs two descriptors: fd=N,fd=M") }
        let capture = CaptureSettings(
            network: network, files: files,
            byteLimit: Int(clamping: try fields.value("bytes", "at most 1 TiB", Fields.number(0...(1 << 40)))),
            snapLength: Int(clamping: try fields.value("snap", "14 to 262144", Fields.number(14...262_144))))
        try fields.finish()
        guard !captures.contains(where: { $0.network == network }) else { throw SettingsError("a network is captured twice") }
        captures.append(capture)
    }

    private mutating func addLink(_ text: String) throws(SettingsError) {
        let parts = Self.parts(text)
        let change = try ShapeChange(Array(parts.dropFirst()), of: "--link")
        let name = String(parts.first ?? "")
        if let index = settings.networks.firstIndex(where: { $0.name == name }) {
            settings.networks[index].link = change.apply(to: settings.networks[index].link)
        } else if let index = settings.ports.firstIndex(where: { $0.name.description == name }) {
            settings.ports[index].link = change.apply(to: settings.ports[index].link)
        } else {
            throw SettingsError("--link names no network and no port: \"\(name.shortened)\"")
        }
    }

    private mutating func addBoot(_ text: String) throws(SettingsError) {
        let end = text.firstIndex(of: ",") ?? text.endIndex
        let name = String(text[..<end])
        let boot = try BootSettings(text[end...].dropFirst(), of: "--boot")
        func added(to boots: [BootSettings]) throws(SettingsError) -> [BootSettings] {
            guard !boots.contains(where: { $0.userClass == boot.userClass }) else {
                throw SettingsError("--boot is given twice for \(name.shortened)")
            }
            return boots + [boot]
        }
        if let index = settings.networks.firstIndex(where: { $0.name == name }) {
            settings.networks[index].boots = try added(to: settings.networks[index].boots)
        } else if let index = settings.ports.firstIndex(where: { $0.name.description == name }) {
            settings.ports[index].boots = try added(to: settings.ports[index].boots)
        } else {
            throw SettingsError("--boot names no network and no port: \"\(name.shortened)\"")
        }
    }

    /// One descriptor that stands for two things would mix their bytes.
    private func checkDescriptors() throws(SettingsError) {
        var seen: Set<Int32> = []
        for number in [control] + portStreams + uplinkStreams.values.sorted() + captures.flatMap(\.files)
        where !seen.insert(number).inserted {
            throw SettingsError("descriptor \(number) is named twice")
        }
    }
}
