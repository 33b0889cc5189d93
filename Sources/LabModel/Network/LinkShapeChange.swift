/// Parts of a link's shape, to be set on a running lab; what is not named stays as it is.
package struct LinkShapeChange: Hashable, Sendable, Codable {
    package var delayMicroseconds: UInt64?
    package var jitterMicroseconds: UInt64?
    package var bitsPerSecond: UInt64?
    package var lossPPM: UInt32?
    package var reorderPPM: UInt32?
    package var duplicatePPM: UInt32?
    package var corruptPPM: UInt32?

    package init() {}

    package func applied(to shape: LinkShape) -> LinkShape {
        var shape = shape
        if let delayMicroseconds { shape.delayMicroseconds = delayMicroseconds }
        if let jitterMicroseconds { shape.jitterMicroseconds = jitterMicroseconds }
        if let bitsPerSecond { shape.bitsPerSecond = bitsPerSecond }
        if let lossPPM { shape.lossPPM = lossPPM }
        if let reorderPPM { shape.reorderPPM = reorderPPM }
        if let duplicatePPM { shape.duplicatePPM = duplicatePPM }
        if let corruptPPM { shape.corruptPPM = corruptPPM }
        return shape
    }
}
