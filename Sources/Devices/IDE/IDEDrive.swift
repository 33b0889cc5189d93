/// What sits on a channel: a disk or a CD drive. It knows commands and what to answer; moving data, waiting and interrupts are its channel's.
///
/// All of it is called with the channel's lock held: nothing here touches storage.
protocol IDEDrive: Sendable {
    /// Reached by the channel's worker only.
    var storage: any BlockStorage { get }
    /// LBA mid and high after a reset.
    var signature: (mid: UInt8, high: UInt8) { get }
    /// The status after a reset.
    var restingStatus: UInt8 { get }
    /// Whether the end of data for the host is announced too, and not only its blocks.
    var interruptsAfterReading: Bool { get }

    /// A hardware or software reset.
    mutating func reset()
    mutating func execute(_ command: UInt8, _ registers: inout TaskFile) -> DriveAction
    /// The twelve bytes that a PACKET command was waiting for.
    mutating func execute(packet: [UInt8], _ registers: inout TaskFile) -> DriveAction
    /// A block of data is about to be handed to the host, or wanted of it, by programmed input and output.
    func announce(block count: Int, _ registers: inout TaskFile)
    /// All went well.
    mutating func finish(_ registers: inout TaskFile)
    /// Storage did not do it.
    mutating func fail(_ attempt: DriveAttempt, at offset: UInt64, _ registers: inout TaskFile)
}

enum DriveAttempt: Sendable { case read, write, flush }

/// What follows from a command.
enum DriveAction: Sendable {
    /// It has ended; the registers tell how.
    case ended
    /// It has ended as a reset does: no interrupt.
    case wasReset
    case finished
    case answer([UInt8], DataMode)
    case read(StorageRange, DataMode)
    case write(StorageRange, DataMode, flush: Bool)
    case flush
    /// Twelve bytes are wanted.
    case packet
}

/// How data gets to the host, or from it.
enum DataMode: Hashable, Sendable {
    /// Through the data register, an interrupt for each block of so many bytes.
    case programmed(block: Int)
    case direct
    /// Not at all: it is read to see whether it can be.
    case none
}

/// Checked against the size of the storage by whoever made it; bytes.
struct StorageRange: Hashable, Sendable {
    var offset: UInt64
    var count: UInt64
}
