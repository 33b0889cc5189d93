/// What a wire does to the frames on it. All zero: nothing.
package struct LinkShape: Hashable, Sendable, Codable {
    /// How long a frame is on its way, in microseconds.
    package var delayMicroseconds: UInt64 = 0
    /// The delay of each frame lies evenly within so many microseconds before and after `delayMicroseconds`, never below zero.
    package var jitterMicroseconds: UInt64 = 0
    /// Bits a second; 0 for no limit.
    package var bitsPerSecond: UInt64 = 0
    /// Parts in a million of the frames that are lost.
    package var lossPPM: UInt32 = 0
    /// Parts in a million that overtake those before them: they are not delayed.
    package var reorderPPM: UInt32 = 0
    /// Parts in a million that arrive twice.
    package var duplicatePPM: UInt32 = 0
    /// Parts in a million in which one bit is turned over.
    package var corruptPPM: UInt32 = 0

    package init() {}

    package var isNothing: Bool { self == LinkShape() }
}
