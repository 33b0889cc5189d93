/// What a section of a capture says of itself in its header's comment, for people and for `vmlab capture` alike.
///
///     lab shop, network lan; run 1763904000000000000, section 3, after 5120 frames
///
/// Runs and sections are in order of time: a later run of the bridge has a larger number, whatever the file is called.
package struct CaptureSection: Hashable, Sendable {
    package var lab: String
    package var network: String
    /// When this run of the bridge began, in nanoseconds since 1970.
    package var run: UInt64
    /// Counted within the run.
    package var number: UInt64
    /// How many frames this run had recorded before.
    package var framesBefore: UInt64
    /// How many of those never reached a file.
    package var lost: UInt64

    package init(lab: String, network: String, run: UInt64, number: UInt64 = 0, framesBefore: UInt64 = 0, lost: UInt64 = 0) {
        self.lab = lab
        self.network = network
        self.run = run
        self.number = number
        self.framesBefore = framesBefore
        self.lost = lost
    }

    package var comment: String {
        "lab \(lab), network \(network); run \(run), section \(number), after \(framesBefore) frames"
            + (lost == 0 ? "" : ", \(lost) of them not written")
    }

    /// Reads what `comment` writes; nil for anything else.
    package init?(comment: some StringProtocol) {
        let halves = comment.split(separator: "; ")
        guard halves.count == 2 else { return nil }
        let names = halves[0].split(separator: ", ")
        let facts = halves[1].split(separator: ", ").map { $0.split(separator: " ") }
        guard names.count == 2, names[0].hasPrefix("lab "), names[1].hasPrefix("network ") else { return nil }
        guard facts.count >= 3, facts[0].count == 2, facts[1].count == 2, facts[2].count == 3 else { return nil }
        guard facts[0][0] == "run", facts[1][0] == "section", facts[2][0] == "after" else { return nil }
        guard let run = UInt64(facts[0][1]), let number = UInt64(facts[1][1]), let before = UInt64(facts[2][1]) else { return nil }
        lab = String(names[0].dropFirst(4))
        network = String(names[1].dropFirst(8))
        (self.run, self.number, framesBefore) = (run, number, before)
        lost = facts.count > 3 ? facts[3].first.flatMap { UInt64($0) } ?? 0 : 0
    }

    /// Reads the section header that a file begins with; nil when there is none of ours.
    package init?(beginningOf bytes: [UInt8]) {
        var blocks = CaptureBlocks(bytes)
        guard let block = blocks.next(), block.type == PCAPNG.Block.section, let comment = block.sectionComment(in: bytes) else {
            return nil
        }
        self.init(comment: comment)
    }

    /// Whether this section was begun before the other.
    package func isBefore(_ other: CaptureSection) -> Bool { (run, number) < (other.run, other.number) }
}

// MARK: Blocks

extension CaptureSection {
    /// The section's header, and its interfaces.
    func blocks(interfaces: [CaptureInterface], snapLength: Int) -> BlockBuffer {
        var blocks = BlockBuffer()
        blocks.appendBlock(PCAPNG.Block.section) { block in
            block.append(PCAPNG.byteOrderMagic)
            block.append(UInt16(1))
            block.append(UInt16(0))
            // How long it is, is not known.
            block.append(Int64(-1))
            block.appendOption(PCAPNG.Option.comment, comment)
            block.appendOption(PCAPNG.Option.sectionApplication, "vmlab")
            block.appendEndOfOptions()
        }
        for interface in interfaces { blocks.append(interface, snapLength: snapLength) }
        return blocks
    }

    /// A capture with no frames in it: an empty file is none.
    package var emptyCapture: [UInt8] { blocks(interfaces: [], snapLength: 0).bytes }
}

extension BlockBuffer {
    mutating func append(_ interface: CaptureInterface, snapLength: Int) {
        appendBlock(PCAPNG.Block.interface) { block in
            block.append(PCAPNG.ethernet)
            block.append(UInt16(0))
            block.append(UInt32(truncatingIfNeeded: snapLength))
            block.appendOption(PCAPNG.Option.interfaceName, interface.name)
            if let mac = interface.mac { block.appendOption(PCAPNG.Option.interfaceMAC, mac.octets) }
            block.appendOption(PCAPNG.Option.interfaceResolution, [PCAPNG.nanoseconds])
            block.appendEndOfOptions()
        }
    }
}
