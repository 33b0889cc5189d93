package import LabModel

/// What clients of one kind are told to start from the network.
package struct BootSettings: Hashable, Sendable {
    /// The next server; nil: the file's URL says it.
    package var server: IPv4Address?
    /// At most 255 bytes, none of them 0.
    package var file: [UInt8]
    /// The user class of the clients that are told (RFC 3004); nil: all whose class nothing else is for.
    package var userClass: String?

    package init(server: IPv4Address? = nil, file: [UInt8], userClass: String? = nil) {
        self.server = server
        self.file = file
        self.userClass = userClass
    }

    /// WHAT[,server=ADDRESS][,class=NAME],file=FILE, where commas belong to the file.
    init(_ text: Substring, of option: String) throws(SettingsError) {
        guard let sign = text.firstRange(of: "file="), sign.lowerBound == text.startIndex || text[..<sign.lowerBound].hasSuffix(",") else {
            throw SettingsError("\(option) needs file=")
        }
        let heads = text[..<sign.lowerBound].split(separator: ",")
        var fields = try Fields(heads, of: option)
        server = try fields.optional("server", "an IPv4 address") { IPv4Address($0) }
        userClass = try fields.optional("class", "a name") { BridgeCommand.isName($0) ? $0 : nil }
        try fields.finish()
        file = Array(text[sign.upperBound...].utf8)
        guard (1...NetworkBoot.longestFile).contains(file.count), file.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw SettingsError("\(option) file= takes 1 to \(NetworkBoot.longestFile) bytes without control characters")
        }
    }

    /// UEFI's HTTP boot takes nothing else (UEFI specification, HTTP boot).
    var isHTTP: Bool {
        let start = String(decoding: file.prefix(8), as: UTF8.self).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }
}

extension [BootSettings] {
    /// What a client of these user classes is told.
    func first(for classes: [[UInt8]]) -> BootSettings? {
        first { boot in boot.userClass.map { classes.contains(Array<UInt8>($0.utf8)) } ?? false } ?? first { $0.userClass == nil }
    }
}
