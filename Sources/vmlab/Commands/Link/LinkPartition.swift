import ArgumentParser
import LabModel
import LabRunner

struct LinkPartition: LinkCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition",
        abstract: "Divide a network into groups of machines that do not see each other.",
        discussion: """
            Example:
              vmlab link partition lan web,db router

            Machines that are named in no group are one more group. The bridge's own services stay in sight of all.
            """)

    @Argument(help: "The network.")
    var network: String

    @Argument(help: ArgumentHelp("Machines that see each other, with commas between them.", valueName: "machine,..."))
    var groups: [String]

    @OptionGroup var options: LabOptions

    func request() throws -> Request {
        let groups = groups.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        guard !groups.joined().contains("") else {
            throw UsageError(description: "a group is machines with commas between them, such as web,db", hint: nil)
        }
        return .partition(PartitionRequest(network: network, groups: groups))
    }
}

struct LinkHeal: LinkCommand {
    static let configuration = CommandConfiguration(
        commandName: "heal", abstract: "Let all machines of a network see each other again.",
        discussion: "Example:\n  vmlab link heal lan")

    @Argument(help: "The network.")
    var network: String

    @OptionGroup var options: LabOptions

    func request() throws -> Request { .partition(PartitionRequest(network: network, groups: [])) }
}
