import ArgumentParser
import LabFile
import LabModel
import LabRunner

struct LinkSet: LinkCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change a network's wires, or one machine's.",
        discussion: """
            Example:
              vmlab link set lan delay=40ms jitter=5ms loss=0.5% rate=20Mbit
              vmlab link set web/lan down
              vmlab link set web/lan reset

            The keys are those of a lab file's `link`: delay, jitter, loss, rate, reorder, duplicate, corrupt; what is not named stays. A \
            network's shape is suffered once on the way through it, a port's own in each direction. `down` takes the cable out and `up` puts it \
            back; `clear` takes every shape away; `reset` is what the lab file says. It lasts until the lab goes down, or until the lab file \
            says something else of the same wire.
            """)

    @Argument(help: ArgumentHelp("A network, or one machine's port on it.", valueName: "network|machine/network"))
    var what: String

    @Argument(help: ArgumentHelp("What to do with it.", valueName: "key=value|up|down|clear|reset"))
    var changes: [String]

    @OptionGroup var options: LabOptions

    func request() throws -> Request { .link(LinkRequest(what: what, change: try change())) }

    private func change() throws -> LinkChange {
        switch changes {
        case ["up"]: return .up
        case ["down"]: return .down
        case ["clear"]: return .clear
        case ["reset"]: return .reset
        default:
            do throws(Diagnostics) {
                return .set(try LinkShapeChange(words: changes))
            } catch {
                let messages = error.list.map(\.message)
                throw UsageError(description: messages.joined(separator: "\n"), hint: nil)
            }
        }
    }
}
