import LabModel

/// A draft to a lab: defaults filled in, counts multiplied, names and sums checked, images found.
struct LabResolver {
    let hostMemory: ByteCount?
    let catalogue: ImageCatalogue
    /// Where relative paths begin: the lab file's own.
    let folder: String

    /// What a machine has that neither it nor `defaults` mentions.
    private enum Fallback {
        static let cpus = 1
        static let memory = ByteCount(bytes: 256 << 20)
        /// Enough for a distribution's first boot on an emulated CPU.
        static let within = Milliseconds(300_000)
    }

    func resolve(_ draft: LabDraft, _ findings: inout Findings) -> Lab? {
        let defaults = draft.defaults.value ?? MachineDraft()
        guard case .value(let machines, let mark) = draft.machines else { return nil }

        var images = RecipeShelf(catalogue: catalogue)
        var entries: [MachineEntry] = []
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
        let name = draft.name.value ?? ""
        let seed = draft.seed.value ?? 0
        let networks = NetworkResolver(plan: AddressPlan(lab: name, seed: seed), families: families)
            .resolve(draft.networks.value ?? [], machines: &entries, &findings)
        checkDependencies(&entries, families: families, &findings)
        checkMemory(entries, mark, &findings)
        return Lab(name: name, seed: seed, networks: networks, machines: entries.map(\.machine), images: images.used)
    }

    private func expandedNames(of named: Named<MachineDraft>) -> [String] {
        guard let count = named.value.count.value else { return [named.name] }
        return (1...max(1, count)).map { "\(named.name)-\($0)" }
    }

    // MARK: - One machine

    private func entries(
        _ named: Named<MachineDraft>, names: [String], defaults: MachineDraft, _ images: inout RecipeShelf, _ findings: inout Findings
    ) -> [MachineEntry] {
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
        let ready = draft.ready.or(defaults.ready)
        let readiness = self.readiness(ready, &findings)
        let files = self.files(draft.files.value ?? [], on: recipe, &findings)
        if let mark = draft.files.mark, let recipe, recipe.disk == nil {
            findings.add(
                mark,
                recipe.hasDisk
                    ? "the disk of image \(quoted(recipe.name)) is taken as it is; files are laid only over disks that vmlab makes"
                    : "image \(quoted(recipe.name)) has no disk to put files on")
        }
        let disks = draft.disks.value?.compactMap { disk in
            disk.value.size.value.map { Machine.Disk(size: $0, bus: disk.value.bus.value ?? .virtio) }
        }
        let cdroms = media(draft.cdroms.value ?? [], &findings)
        checkPlaces(draft, recipe, &findings)
        return names.map { name in
            MachineEntry(
                machine: Machine(
                    name: name, image: image.value ?? "", cpus: draft.cpus.or(defaults.cpus).value ?? Fallback.cpus,
                    memory: memory.value ?? Fallback.memory,
                    hardware: Hardware(
                        cpu: draft.cpu.or(defaults.cpu).value?.cpu ?? Hardware.CPU(),
                        isTransitional: draft.virtio.or(defaults.virtio).value == .transitional,
                        hasSecondSerial: draft.com2.or(defaults.com2).value ?? false,
                        hasHPET: draft.hpet.or(defaults.hpet).value ?? false),
                    disks: disks ?? [], cdroms: cdroms,
                    publish: draft.publish.value?.map(\.value) ?? [], files: files, commandLine: commandLine, after: [], ready: readiness,
                    restart: draft.restart.or(defaults.restart).value ?? .never),
                family: named.name, count: names.count, mark: named.mark, memoryMark: memory.mark ?? named.mark, readyMark: ready.mark,
                after: draft.after.value ?? [], networks: draft.networks.or(defaults.networks).value ?? [],
                publish: draft.publish.value ?? [])
        }
    }

    private func readiness(_ written: Written<ReadyDraft>, _ findings: inout Findings) -> Machine.Readiness {
        guard case .value(let draft, let mark) = written, !draft.isStarted else { return .started }
        let marks = draft.marks
        if marks.isEmpty { findings.add(mark, "`ready` wants one of `console`, `tcp` and `ping`") }
        if let second = marks.dropFirst().first {
            findings.add(second, "`ready` wants exactly one of `console`, `tcp` and `ping`; this is another one")
        }
        let within = (draft.within.value ?? Fallback.within).count
        if let pattern = draft.console.value { return .console(pattern: pattern, withinMilliseconds: within) }
        if let port = draft.tcp.value { return .tcp(port: UInt16(clamping: port), withinMilliseconds: within) }
        if case .value(false, let mark) = draft.ping { findings.add(mark, "`ping` can be `true`, or be left out") }
        return draft.ping.value == true ? .ping(withinMilliseconds: within) : .started
    }

    /// Files with absolute paths on the host.
    private func files(_ drafts: [Marked<FileDraft>], on recipe: ImageRecipe?, _ findings: inout Findings) -> [ImageRecipe.File] {
        drafts.compactMap { draft in
            guard var file = draft.value.file(at: draft.mark, &findings) else { return nil }
            guard case .from(let path, _) = file.content else { return file }
            let whole = Path.joined(folder, path)
            do throws(FileTrouble) {
                _ = try catalogue.files.contents(of: whole, limit: 1)
            } catch {
                findings.add(draft.value.from.mark ?? draft.mark, "\(whole) cannot be put on the machine's disk: \(error.description)")
            }
            file.content = .from(path: whole)
            return file
        }
    }

    /// Files of the host that lie in CD drives, with absolute paths.
    private func media(_ drafts: [Marked<MediumDraft>], _ findings: inout Findings) -> [Machine.Medium] {
        drafts.compactMap { draft in
            guard case .value(let path, let mark) = draft.value.from else { return nil }
            let whole = Path.joined(folder, path)
            do throws(FileTrouble) {
                _ = try catalogue.files.contents(of: whole, limit: 1)
            } catch {
                findings.add(mark, "\(whole) cannot be put into a CD drive: \(error.description)")
            }
            return Machine.Medium(path: whole)
        }
    }

    /// A machine has two IDE channels of two places, for disks and CD drives together.
    private func checkPlaces(_ draft: MachineDraft, _ recipe: ImageRecipe?, _ findings: inout Findings) {
        let disks = (draft.disks.value ?? []).filter { $0.value.bus.value == .ide }.map(\.mark)
        let media = (draft.cdroms.value ?? []).map(\.mark)
        let ofImage = (recipe.map { $0.hasDisk && $0.diskBus == .ide ? 1 : 0 } ?? 0) + (recipe?.cdrom == nil ? 0 : 1)
        let all = ofImage + disks.count + media.count
        guard all > DiskBus.idePlaces, let mark = media.last ?? disks.last else { return }
        let image = ofImage == 0 ? "" : ", \(ofImage) of them the image's"
        findings.add(mark, "the machine has \(all) IDE disks and CD drives\(image); there is room for \(DiskBus.idePlaces)")
    }

    // MARK: - All machines together

    /// A machine multiplied by `count` may meet another one's name, or outgrow what a name may be.
    private func checkNames(_ entries: [MachineEntry], _ findings: inout Findings) {
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
    private func checkDependencies(_ entries: inout [MachineEntry], families: [String: [String]], _ findings: inout Findings) {
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

    private func checkCircles(_ entries: [MachineEntry], families: [String: [String]], _ findings: inout Findings) {
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

    private func checkMemory(_ entries: [MachineEntry], _ mark: Mark, _ findings: inout Findings) {
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
