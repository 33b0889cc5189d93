/// A number of bytes: sizes of memory, disks and archives.
package struct ByteCount: Hashable, Comparable, Sendable, Codable {
    package var bytes: UInt64

    package init(bytes: UInt64) { self.bytes = bytes }

    /// `nil` when the product does not fit in 64 bits.
    package init?(_ count: UInt64, unit: Unit) {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The units a lab file may write, smallest first.
    package enum Unit: String, CaseIterable, Sendable {
        case byte = "B"
        case kibibyte = "KiB"
        case mebibyte = "MiB"
        case gibibyte = "GiB"
        case tebibyte = "TiB"

        package var bytes: UInt64 {
            switch self {
            case .byte: 1
            case .kibibyte: 1 << 10
            case .mebibyte: 1 << 20
            case .gibibyte: 1 << 30
            case .tebibyte: 1 << 40
            }
        }
    }

    package init(from decoder: any Decoder) throws {
        bytes = try decoder.singleValueContainer().decode(UInt64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }
}

extension ByteCount: CustomStringConvertible {
    /// The largest unit that divides the count exactly: `512MiB`, `1GiB`, `1000B`.
    package var description: String {
        let unit = Unit.allCases.last { bytes >= $0.bytes && bytes % $0.bytes == 0 } ?? .byte
        return "\(bytes / unit.bytes)\(unit.rawValue)"
    }
}
