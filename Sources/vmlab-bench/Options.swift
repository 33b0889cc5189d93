/// What the command line says besides the names of benchmarks.
struct Options {
    /// Names of benchmarks, in the order they are to run; none: all.
    var benchmarks: [String] = []
    /// Names of systems; none: all.
    var only: [String] = []
    var showsPlaces = false
    var wantsHelp = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": wantsHelp = true
            case "--places": showsPlaces = true
            case "--only":
                guard let names = rest.popFirst() else { throw BenchmarkError("--only takes names of systems: --only pulse,seabios") }
                only += names.split(separator: ",").map(String.init)
            case _ where argument.hasPrefix("-"): throw BenchmarkError("\(argument) is no option; see vmlab-bench --help")
            default: benchmarks.append(argument)
            }
        }
    }

    /// The systems to be started.
    func systems() throws -> [BootedSystem.Wanted] {
        let all = BootedSystem.all
        for name in only where !all.contains(where: { $0.name == name }) {
            throw BenchmarkError("no system \(name); there are \(all.map(\.name).joined(separator: ", "))")
        }
        return only.isEmpty ? all : all.filter { only.contains($0.name) }
    }
}
