import ArgumentParser
import Foundation

/// `VMLAB_<VERB>_<FLAG>`: every flag of every command may stand in the environment; the command line has the last word.
///
///     VMLAB_UP_ACCEL=carrier vmlab up        is        vmlab up --accel carrier
///     VMLAB_CARRIER_RUN_MEMORY=1GiB          of nested verbs, all their names
///     VMLAB_PS_JSON=1                        a flag without a value: 1, true, yes, on; anything else leaves it off
enum EnvironmentFlags {
    /// The arguments with what the environment adds, right after the verb.
    static func applied(to arguments: [String], of root: any ParsableCommand.Type, environment: [String: String]) -> [String] {
        var verbs: [String] = []
        var command = root
        for word in arguments {
            guard
                let next = command.configuration.subcommands.first(where: {
                    name(of: $0) == word || $0.configuration.aliases.contains(word)
                })
            else { break }
            verbs.append(name(of: next))
            command = next
        }
        guard !verbs.isEmpty else { return arguments }
        let prefix = "VMLAB_" + verbs.map(upper).joined(separator: "_") + "_"
        guard environment.keys.contains(where: { $0.hasPrefix(prefix) }) else { return arguments }
        // Options of what runs under a command are not the command's.
        let own = arguments.prefix { $0 != "--" }
        var added: [String] = []
        for flag in flags(of: command) {
            guard let value = environment[prefix + upper(flag.name)], !own.contains(where: flag.isNamed(by:)) else { continue }
            if flag.takesValue {
                added += ["--\(flag.name)", value]
            } else if ["1", "true", "yes", "on"].contains(value.lowercased()) {
                added.append("--\(flag.name)")
            }
        }
        return Array(arguments.prefix(verbs.count)) + added + arguments.dropFirst(verbs.count)
    }

    private static func name(of command: any ParsableCommand.Type) -> String { command._commandName }

    private static func upper(_ name: String) -> String { name.uppercased().replacingOccurrences(of: "-", with: "_") }

    private struct Flag {
        var name: String
        var short: [String]
        var takesValue: Bool

        func isNamed(by word: String) -> Bool {
            word == "--\(name)" || word.hasPrefix("--\(name)=")
                || short.contains(where: { word.hasPrefix("-\($0)") && !word.hasPrefix("--") })
        }
    }

    /// As the command describes itself to tools.
    private static func flags(of command: any ParsableCommand.Type) -> [Flag] {
        struct Dump: Decodable {
            var command: Command
            struct Command: Decodable { var arguments: [Argument]? }
            struct Argument: Decodable {
                var kind: String
                var names: [Name]?
            }
            struct Name: Decodable {
                var kind: String
                var name: String
            }
        }
        guard let dump = try? JSONDecoder().decode(Dump.self, from: Data(command._dumpHelp().utf8)) else { return [] }
        return (dump.command.arguments ?? []).compactMap { argument in
            let names = argument.names ?? []
            guard argument.kind != "positional", let long = names.first(where: { $0.kind == "long" })?.name, long != "help",
                long != "version"
            else { return nil }
            return Flag(name: long, short: names.filter { $0.kind == "short" }.map(\.name), takesValue: argument.kind == "option")
        }
    }
}
