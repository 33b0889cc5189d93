import ArgumentParser
import Host
import LabFile
import LabModel
import LabNetwork
import LabRunner

struct Capture: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "The frames of a network, as pcapng: the last ones from its ring, or all from now on.",
        discussion: """
            Example:
              vmlab capture lan -w lan.pcapng
              vmlab capture lan --since 30s | tshark -r -
              vmlab capture lan --follow | wireshark -k -i -

            Every network has a ring of its latest frames on disk from its first frame on (`capture:` in the lab file sizes it or turns \
            it off). It is read from there, so this works while the lab runs, after everything was killed, and until `vmlab down`. What \
            comes out is always a whole capture: nothing torn, times never backwards within a section.

            A frame is there once, incoming at the port of its sender (`if_name` is MACHINE/NETWORK; NETWORK.gateway and NETWORK.uplink are \
            the lab's own). A frame that was dropped has the reason as its comment: at its sender's port, or, when it was lost on the way \
            to one receiver, once more outgoing at that port. `tshark -Y frame.comment` lists the dropped ones. Checksums that a guest \
            left to its network card are completed in the copy, unless the frame is longer than the ring's `snap`.

            --follow ends with the lab, or when nobody reads any more; it says how many frames are missing if the ring was faster.
            """)

    @Argument(help: ArgumentHelp("The network's name; default: the only one.", valueName: "network"))
    var network: String?
    @OptionGroup var options: LabOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file; default, and -: standard output.", valueName: "file"))
    var write: String?

    @Option(help: ArgumentHelp("Only frames of so long ago or less: 500ms, 30s, 2m.", valueName: "time"))
    var since: String?

    @Flag(help: "Go on with what comes.")
    var follow = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let start = try since.map(moment) ?? 0
        let file = write == "-" ? nil : write
        if file == nil, io.outIsTerminal {
            throw UsageError(
                description: "a capture is binary and standard output is a terminal",
                hint: "write it to a file with -w, or look at it: vmlab capture \(network ?? "") --follow | wireshark -k -i -")
        }
        let choice = try LabChoice(options, io: io)
        let id = try choice.id()
        let folders = try choice.paths.lab(id)
        let network = try CapturedNetworks(lab: id, folders: folders).choose(network)

        let writer = CaptureWriter(io: io, file: try file.map { try OutputFile($0) })
        let session = CaptureSession(
            source: RingFiles((0..<2).map { folders.capture(network, part: $0) }), tail: CaptureTail(since: start), writer: writer)
        if follow {
            try session.follow(KeeperClient.connect(folders))
        } else {
            try session.once()
        }
        if !session.hasWritten { try writer.write(CaptureSection(lab: id, network: network, run: 0).emptyCapture) }
        if let file { io.say("\(session.tail.packets) frames of \(network) in \(file)") }
        if session.tail.missed > 0 {
            io.say("vmlab: \(session.tail.missed) frames are missing: the ring turned faster than this could read, or its disk was full")
        }
        return .done
    }

    private func moment(_ text: String) throws -> UInt64 {
        guard let milliseconds = Text.milliseconds(text) else {
            throw UsageError(description: "--since \(text) is no time", hint: "a number with its unit: 500ms, 30s, 2m")
        }
        return UInt64(clamping: Timestamp.now.milliseconds - Int64(milliseconds)) * 1_000_000
    }
}
