import ArgumentParser
import LabFile
import LabModel

struct Schema: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the JSON Schema (draft 7) of the lab file, for editors.",
        discussion: """
            Example:
              vmlab schema > lab.schema.json
              vmlab schema image > image.schema.json
            """)

    @Argument(help: "lab or image.")
    var of: Document = .lab

    enum Document: String, ExpressibleByArgument, CaseIterable { case lab, image }

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        io.print((of == .lab ? JSONSchema.lab : .image).json.pretty)
        return .done
    }
}
