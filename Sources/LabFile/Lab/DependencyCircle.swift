import LabModel

/// Machines that wait for themselves, by way of others or not.
struct DependencyCircle {
    /// In the order of waiting.
    let machines: [String]

    /// Names of a long circle that are shown at its beginning, and at its end.
    private static let shown = (first: 6, last: 2)

    /// `a -> b -> a`
    var path: String {
        var names = machines
        if names.count > DependencyCircle.shown.first + DependencyCircle.shown.last {
            let left = names.count - DependencyCircle.shown.first - DependencyCircle.shown.last
            names = names.prefix(DependencyCircle.shown.first) + ["(\(left) more)"] + names.suffix(DependencyCircle.shown.last)
        }
        return (names + machines.prefix(1)).joined(separator: " -> ")
    }

    /// Circles that have no machine in common, so that each machine is named at most once.
    static func all(in machines: [Machine]) -> [DependencyCircle] {
        let after = Dictionary(machines.map { ($0.name, $0.after) }) { first, _ in first }
        var finished: Set<String> = []
        var named: Set<String> = []
        var circles: [DependencyCircle] = []
        for machine in machines where !finished.contains(machine.name) {
            var path: [(name: String, next: Int)] = [(machine.name, 0)]
            var onPath: [String: Int] = [machine.name: 0]
            while let (name, next) = path.last {
                let targets = after[name] ?? []
                guard next < targets.count else {
                    finished.insert(name)
                    onPath[name] = nil
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let target = targets[next]
                if let start = onPath[target] {
                    let members = path[start...].map(\.name)
                    if named.isDisjoint(with: members) {
                        circles.append(DependencyCircle(machines: members))
                        named.formUnion(members)
                    }
                } else if !finished.contains(target) {
                    onPath[target] = path.count
                    path.append((target, 0))
                }
            }
        }
        return circles
    }
}
