/// A cache key made of named parts: the same parts in the same order, and nothing else, give the same key.
///
/// Every part goes in as `length name length value` with 8-byte little-endian lengths, so that no two lists of parts
/// share their bytes. Keys never depend on a JSON writer's habits or on the order of a dictionary.
package struct KeyHash: ~Copyable {
    /// 128 bits in hexadecimal: far beyond accidents, and short enough for a command line.
    static let keyLength = 32

    private var hash = SHA256()

    /// - Parameter kind: what the key is for and its format's version, e.g. `image 1`: keys of different kinds never meet.
    package init(kind: String) { add("kind", kind) }

    package mutating func add(_ name: String, _ value: String) { add(name, Array(value.utf8)) }
    package mutating func add(_ name: String, _ value: UInt64) { add(name, String(value)) }
    mutating func add(_ name: String, _ value: Digest) { add(name, value.description) }

    package mutating func add(_ name: String, _ values: [String]) {
        add(name + ".count", UInt64(values.count))
        for value in values { add(name, value) }
    }

    private mutating func add(_ name: String, _ value: [UInt8]) {
        for bytes in [Array(name.utf8), value] {
            var length = UInt64(bytes.count)
            let prefix = (0..<8).map { _ -> UInt8 in
                defer { length >>= 8 }
                return UInt8(truncatingIfNeeded: length)
            }
            hash.update(prefix)
            hash.update(bytes)
        }
    }

    package consuming func finish() -> String {
        String(hash.finish().description.prefix(KeyHash.keyLength))
    }
}
