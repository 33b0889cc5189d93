/// A path in an image in which `*` stands for any run of bytes but `/`: `/boot/vmlinuz-*`.
package struct FilePattern: Hashable, Sendable, CustomStringConvertible {
    private let bytes: [UInt8]

    package init(_ text: String) { bytes = FilePattern.normalized(Array(text.utf8)) }

    package var description: String { "/" + String(decoding: bytes, as: UTF8.self) }

    /// - Parameter path: as archives spell it: with or without a leading `/` or `./`.
    package func matches(_ path: [UInt8]) -> Bool {
        let path = FilePattern.normalized(path)
        let star = UInt8(ascii: "*")
        // The classic walk with one place to return to: linear for one star, never exponential.
        var position = 0
        var index = 0
        var retry: (position: Int, index: Int)?
        while index < path.count {
            if position < bytes.count, bytes[position] == star {
                retry = (position, index)
                position += 1
            } else if position < bytes.count, bytes[position] == path[index] {
                position += 1
                index += 1
            } else if let last = retry, path[last.index] != UInt8(ascii: "/") {
                retry = (last.position, last.index + 1)
                position = last.position + 1
                index = last.index + 1
            } else {
                return false
            }
        }
        return bytes[position...].allSatisfy { $0 == star }
    }

    /// Without `.`, empty parts and the leading `/`, all of which archives write as they please.
    static func normalized(_ path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let parts = path.split(separator: slash).filter { $0 != [UInt8(ascii: ".")] }
        return Array(parts.joined(separator: [slash]))
    }
}
