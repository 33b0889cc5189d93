/// One line in, one command done.
final class Shell {
    let kernel: Kernel
    private let commands: [Command]

    /// A command: its name, what it wants and does, and the doing.
    struct Command {
        let name: StaticString
        let usage: StaticString
        let run: (Kernel, Terminal, inout Arguments) throws(Fault) -> Void
    }

    init(_ kernel: Kernel) {
        self.kernel = kernel
        commands = Commands.information + Commands.disks + Commands.networks + Commands.endings + Commands.hostilities
    }

    func perform(_ line: ArraySlice<UInt8>, on terminal: Terminal) {
        var words = Arguments(line, usage: "COMMAND")
        guard let name = words.word() else { return }
        if name == "help" {
            for command in commands { terminal.print("\(command.usage)") }
            return
        }
        for command in commands where name == command.name {
            var arguments = Arguments(words.text(), usage: command.usage)
            do throws(Fault) {
                try command.run(kernel, terminal, &arguments)
            } catch {
                terminal.print("\(command.name): \(error.text)")
            }
            return
        }
        terminal.print("\(name): \(Fault.unknownCommand.text)")
    }
}

/// The commands, by chapter.
enum Commands {}
