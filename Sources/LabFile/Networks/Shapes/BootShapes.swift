import LabModel

extension Shape<NetworkBoot.Server> {
    /// A machine's name, or an address: no name has a dot.
    static let bootServer: Shape = {
        let name = Shape<String>.name(.machine)
        let address = Shape<IPv4Address>.address
        return Shape(Schema([.init("anyOf", .list([name.schema.json, address.schema.json]))])) { node, place, findings in
            guard case .scalar(let text, _) = node.content, text.contains(".") || text.contains(":") else {
                return name.read(node, place, &findings).map { .machine($0) }
            }
            return address.read(node, place, &findings).map { .address($0) }
        }
    }()
}

extension Shape<String> {
    /// What firmware asks a server for: bytes of which nothing says in which encoding they are.
    static let bootFile: Shape = {
        let text = Shape.text("a path or a URL such as `http://web/linux.ipxe`", atMost: NetworkBoot.longestFile, mayBeEmpty: false)
        return Shape(text.schema) { node, place, findings in
            guard let file = text.read(node, place, &findings) else { return nil }
            guard let other = file.unicodeScalars.first(where: { !$0.isASCII }) else { return file }
            findings.add(
                node.mark,
                "\(place.name) has \(quoted(other)) in it; firmware knows ASCII only, in a URL write it with `%` and hexadecimal digits")
            return nil
        }
    }()
}
