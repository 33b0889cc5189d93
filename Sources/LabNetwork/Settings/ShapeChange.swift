package import LabModel

/// Some of a link's properties, to be set: `delay=40000 loss=5000`; those that are not named stay.
package struct ShapeChange: Hashable, Sendable {
    private var delay: UInt64?
    private var jitter: UInt64?
    private var rate: UInt64?
    private var loss: UInt64?
    private var reorder: UInt64?
    private var duplicate: UInt64?
    private var corrupt: UInt64?

    /// Bits a second, at most: far more than this bridge can do.
    private static let fastest: UInt64 = 1_000_000_000_000

    init(_ parts: [Substring], of option: String) throws(SettingsError) {
        var fields = try Fields(parts, of: option)
        let time = Fields.number(0...LinkShape.longestDelay)
        let share = Fields.number(0...1_000_000)
        delay = try fields.optional("delay", "microseconds", time)
        jitter = try fields.optional("jitter", "microseconds", time)
        rate = try fields.optional("rate", "bits a second", Fields.number(0...Self.fastest))
        loss = try fields.optional("loss", "parts in a million", share)
        reorder = try fields.optional("reorder", "parts in a million", share)
        duplicate = try fields.optional("duplicate", "parts in a million", share)
        corrupt = try fields.optional("corrupt", "parts in a million", share)
        try fields.finish()
        guard !parts.isEmpty else { throw SettingsError("\(option) needs something to set") }
    }

    package func apply(to shape: LinkShape) -> LinkShape {
        var shape = shape
        if let delay { shape.delayMicroseconds = delay }
        if let jitter { shape.jitterMicroseconds = jitter }
        if let rate { shape.bitsPerSecond = rate }
        if let loss { shape.lossPPM = UInt32(clamping: loss) }
        if let reorder { shape.reorderPPM = UInt32(clamping: reorder) }
        if let duplicate { shape.duplicatePPM = UInt32(clamping: duplicate) }
        if let corrupt { shape.corruptPPM = UInt32(clamping: corrupt) }
        return shape
    }
}
