/// How a name stands in a directory: eight characters and three, and before them the name as it was written where that is not the same.
struct FATName {
    /// Eleven characters, padded with spaces.
    let short: [UInt8]
    /// Entries for the long name, first to last on the disk; empty where the short one says it all.
    let long: [[UInt8]]

    /// Characters of one long entry, and where they stand in it.
    private static let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]

    /// - Parameter number: tells short names of one directory apart.
    init(_ text: String, number: Int) {
        if let short = FATName.plain(text) {
            (self.short, long) = (short, [])
            return
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: true)
        let tail = Array("~\(number)".utf8)
        let stem = FATName.allowed(parts.count > 1 ? parts.dropLast().joined() : text).prefix(8 - tail.count) + tail
        let kind = parts.count > 1 ? FATName.allowed(String(parts[parts.count - 1])).prefix(3) : []
        let short = FATName.padded(stem, 8) + FATName.padded(kind, 3)
        let sum = short.reduce(UInt8(0)) { ($0 & 1) << 7 &+ $0 >> 1 &+ $1 }
        var units = Array(text.utf16)
        let count = (units.count + FATName.places.count - 1) / FATName.places.count
        if units.count % FATName.places.count != 0 {
            units.append(0)
            while units.count % FATName.places.count != 0 { units.append(0xFFFF) }
        }
        long = (0..<count).reversed().map { part in
            var entry = [UInt8](repeating: 0, count: 32)
            entry[0] = UInt8(part + 1) | (part == count - 1 ? 0x40 : 0)
            entry[11] = 0x0F
            entry[13] = sum
            for (index, place) in FATName.places.enumerated() { entry.put(units[part * FATName.places.count + index], at: place) }
            return entry
        }
        self.short = short
    }

    /// Whether a directory can hold it: no control characters and none of FAT's own signs, no space or dot at the end.
    static func isPossible(_ text: String) -> Bool {
        !text.isEmpty && text.utf16.count <= 255 && text.last != "." && text.last != " "
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && !"\"*/:<>?\\|".unicodeScalars.contains($0) }
    }

    /// The short form of a name that needs no other.
    private static func plain(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Array($0.utf8) }
        guard parts.count <= 2, (1...8).contains(parts[0].count), parts.count == 1 || (1...3).contains(parts[1].count),
            parts.joined().allSatisfy(isAllowed)
        else { return nil }
        return padded(parts[0][...], 8) + padded(parts.count == 2 ? parts[1][...] : [], 3)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5A || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static func allowed(_ text: String) -> ArraySlice<UInt8> { text.uppercased().utf8.filter(isAllowed)[...] }

    private static func padded(_ bytes: ArraySlice<UInt8>, _ count: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0x20, count: count - bytes.count)
    }
}
