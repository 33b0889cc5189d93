import LabModel

/// A draft to a lab: defaults filled in, counts multiplied, names and sums checked, images found.
struct LabResolver {
    let hostMemory: ByteCount?
    let catalogue: ImageCatalogue

    /// What a machine has that neither it nor `defaults` mentions.
    private enum Fallback {
        static let cpus = 1
        static let memory = ByteCount(bytes: 256 << 20)
        /// Enough for a distribution's first boot on an emulated CPU.
        static let within = Milliseconds(300_000)
    }

    /// A machine together with the places that later checks point to.
    private struct Entry {
        var machine: Machine
        var mark: Mark
        var memoryMark: Mark
        var after: [Marked<String>]
    }

    func resolve(_ draft: LabDraft, _ findings: inout Findings) -> Lab? {
        let defaults = draft.defaults.value ?? MachineDraft()
        guard case .value(let machines, let mark) = draft.machines else { return nil }

        var images = RecipeShelf(catalogue: catalogue)
        var entries: [Entry] = []
        var families: [String: [String]] = [:]
        for named in machines {
            let names = expandedNames(of: named)
            families[named.name] = names
            if entries.count + names.count > Limits.machines {
                findings.add(named.mark, "the lab has more than \(Limits.machines) machines")
                return nil
            }
            entries += self.entries(named, names: names, defaults: defaults, &images, &findings)
        }
        checkNames(entries, &findings)
        checkDependencies(&entries, families: families, &findings)
        checkMemory(entries, mark, &findings)
        return Lab(name: draft.name.value ?? "", seed: draft.seed.value ?? 0, machines: entries.map(\.machine), images: images.used)
    }

    private func expandedNames(of named: Named<MachineDraft>) -> [String] {
        guard let count = named.value.count.value else { return [named.name] }
        return (1...max(1, count)).map { "\(named.name)-\($0)" }
    }

    // MARK: - One machine

    private func entries(
        _ named: Named<MachineDraft>, names: [String], defaults: MachineDraft, _ images: inout RecipeShelf, _ findings: inout Findings
    ) -> [Entry] {
        let draft = named.value
        let image = draft.image.or(defaults.image)
        var recipe: ImageRecipe?
        switch image {
        case .value(let name, let mark): recipe = images.recipe(named: name, usedAt: mark, &findings)
        case .absent: findings.add(named.mark, "machine \(quoted(named.name)) has no `image`, and there is none in `defaults`")
        case .wrong: break
        }
        let commandLine = draft.commandLine.value ?? ""
        if let mark = draft.commandLine.mark, let boot = recipe?.boot, !commandLine.isEmpty {
            let whole = boot.commandLine.utf8.count + 1 + commandLine.utf8.count
            if whole > Limits.commandLine {
                findings.add(mark, "the kernel command line has \(whole) bytes with that of the image; the most is \(Limits.commandLine)")
            }
        }
        let memory = draft.memory.or(defaults.memory)
        return names.map { name in
            Entry(
                machine: Machine(
                    name: name, image: image.value ?? "", cpus: draft.cpus.or(defaults.cpus).value ?? Fallback.cpus,
                    memory: memory.value ?? Fallback.memory, disks: draft.disks.value?.compactMap { $0.value.size.value } ?? [],
                    commandLine: commandLine, after: [], ready: readiness(draft.ready.or(defaults.ready).value),
                    restart: draft.restart.or(defaults.restart).value ?? .never),
                mark: named.mark, memoryMark: memory.mark ?? named.mark, after: draft.after.value ?? [])
        }
    }

    private func readiness(_ draft: ReadyDraft?) -> Machine.Readiness {
        guard let draft, let pattern = draft.console.value else { return .started }
        return .console(pattern: pattern, withinMilliseconds: (draft.within.value ?? Fallback.within).count)
    }

    // MARK: - All machines together

    /// A machine multiplied by `count` may meet another one's name, or outgrow what a name may be.
    private func checkNames(_ entries: [Entry], _ findings: inout Findings) {
        var first: [String: Mark] = [:]
        for entry in entries {
            let name = entry.machine.name
            if let other = first[name] {
                let later = other.line > entry.mark.line ? other : entry.mark
                let earlier = other.line > entry.mark.line ? entry.mark : other
                findings.add(later, "there are two machines \(quoted(name)): one is in line \(earlier.line), with `count` multiplied")
            }
            first[name] = entry.mark
            if name.count > NameRule.machine.longest, let fault = NameRule.machine.fault(of: name) { findings.add(entry.mark, fault) }
        }
    }

    /// `after` may name a machine, or one with a `count` for all that it stands for.
    private func checkDependencies(_ entries: inout [Entry], families: [String: [String]], _ findings: inout Findings) {
        let known = Set(entries.map(\.machine.name))
        let words = families.keys.sorted()
        for index in entries.indices {
            var names: [String] = []
            var written: Set<String> = []
            for after in entries[index].after {
                if !written.insert(after.value).inserted {
                    findings.add(after.mark, "machine \(quoted(after.value)) is named twice")
                    continue
                }
                let targets = known.contains(after.value) ? [after.value] : families[after.value] ?? []
                if targets.isEmpty {
                    findings.add(after.mark, "there is no machine \(quoted(after.value)) to start after", near: after.value, among: words)
                }
                for target in targets where !names.contains(target) { names.append(target) }
            }
            entries[index].machine.after = names
        }
        checkCircles(entries, families: families, &findings)
    }

    private func checkCircles(_ entries: [Entry], families: [String: [String]], _ findings: inout Findings) {
        var reported: Set<Mark> = []
        for circle in DependencyCircle.all(in: entries.map(\.machine)) {
            guard let entry = entries.first(where: { $0.machine.name == circle.machines.first }) else { continue }
            let next = circle.machines.count > 1 ? circle.machines[1] : circle.machines[0]
            let after = entry.after.first { $0.value == next || families[$0.value]?.contains(next) == true }
            let mark = after?.mark ?? entry.mark
            // A machine with a `count` that waits for itself is one mistake, not `count` of them.
            if reported.insert(mark).inserted { findings.add(mark, "these machines wait for each other in a circle: \(circle.path)") }
        }
    }

    private func checkMemory(_ entries: [Entry], _ mark: Mark, _ findings: inout Findings) {
        guard let hostMemory else { return }
        var sum: UInt64 = 0
        var isReported = false
        for entry in entries {
            let memory = entry.machine.memory
            if memory > hostMemory {
                findings.add(
                    entry.memoryMark,
                    "machine \(quoted(entry.machine.name)) has \(memory) of memory; this host has \(inMebibytes(hostMemory))")
                isReported = true
            }
            sum = sum.addingReportingOverflow(memory.bytes).overflow ? .max : sum + memory.bytes
        }
        if sum > hostMemory.bytes, !isReported {
            let all = inMebibytes(ByteCount(bytes: sum))
            findings.add(mark, "the machines have \(all) of memory together; this host has \(inMebibytes(hostMemory))")
        }
    }

    private func inMebibytes(_ count: ByteCount) -> String { "\(count.bytes >> 20)MiB" }
}
