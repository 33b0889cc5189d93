import ArgumentParser
import LabFile
import LabModel

struct Check: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the lab file and report every mistake in it.",
        discussion: """
            Example:
              vmlab check Labs/quickstart
              vmlab check --json - < lab.yaml
            """)

    @Argument(help: ArgumentHelp("The lab file, or a folder with one; default: the working folder.", valueName: "lab"))
    var lab: String?
    @OptionGroup var options: LabOptions
    @OptionGroup var sets: SetOptions

    @Flag(help: "The same facts as JSON.")
    var json = false

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        do {
            let read = try LabChoice(options, positional: lab, io: io).read(overrides: sets.overrides)
            if json {
                io.print(Diagnostics(list: []).json.pretty)
            } else {
                let counts = [
                    Text.counted(read.lab.machines.count, "machine"), Text.counted(read.lab.networks.count, "network"),
                    Text.counted(read.lab.images.count, "image"),
                ]
                io.say("lab \(read.id): \(counts.joined(separator: ", ")), no mistakes")
            }
            return .done
        } catch let diagnostics as Diagnostics {
            guard json else { throw diagnostics }
            io.print(diagnostics.json.pretty)
            return .inputWrong
        }
    }
}
