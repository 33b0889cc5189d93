import ArgumentParser
import Carrier
import Foundation
import Glibc
import Host
import LabModel
import LabRunner

struct Doctor: LabCommand {
    static let configuration = CommandConfiguration(
        abstract: "What this host can do: each finding with its cause and its fix.",
        discussion: """
            Example:
              vmlab doctor
              vmlab doctor --json | jq -r '.findings[] | select(.level != "ok") | .fix'

            Exits 69 when machines cannot run here at all, and 0 otherwise.
            """)

    @Flag(help: "Print it as JSON.")
    var json = false

    struct Finding: Encodable {
        var subject: String
        var level: Level
        /// What was found.
        var found: String
        /// What to do about it.
        var fix: String?

        enum Level: String, Encodable { case ok, warning, problem }
    }

    private struct Document: Encodable {
        var apiVersion = "vmlab/v1"
        var kind = "Diagnosis"
        var findings: [Finding]
    }

    func perform(_ io: Streams) throws -> LabModel.ExitCode {
        let findings = try Examination(io: io, paths: LabPaths(environment: io.environment, user: geteuid())).findings()
        if json {
            io.print(try Output.json(Document(findings: findings)))
        } else {
            let width = findings.map(\.subject.count).max() ?? 0
            for finding in findings {
                let mark = finding.level == .ok ? "ok     " : finding.level.rawValue.padding(toLength: 7, withPad: " ", startingAt: 0)
                io.print("\(mark)  \(finding.subject.padding(toLength: width, withPad: " ", startingAt: 0))  \(Text.plain(finding.found))")
                if let fix = finding.fix { io.print("         \(String(repeating: " ", count: width))  \(Text.plain(fix))") }
            }
        }
        return findings.contains { $0.subject == "machines" && $0.level == .problem } ? .hostCannot : .done
    }
}

/// Looks at the host, one question after another; changes nothing.
private struct Examination {
    let io: Streams
    let paths: LabPaths

    func findings() -> [Doctor.Finding] {
        let (kvm, measurement) = kvm()
        let (qemu, hasQEMU) = qemu(isNeeded: measurement?.isHardware != true)
        return [kvm, qemu, machines(measurement, hasQEMU: hasQEMU)] + processors(measurement, hasQEMU: hasQEMU) + [
            bootstrap(), passt(), memory(), space(), sockets(), programs(),
        ]
    }

    private func kvm() -> (Doctor.Finding, KVMMeasurement?) {
        do {
            let measurement = try HostChoice(paths: paths) { _ in }.measure()
            let summary = Accelerator(for: measurement).summary
            if measurement.isHardware { return (.init(subject: "kvm", level: .ok, found: summary), measurement) }
            let fix = Accelerator.refusal(of: measurement)?.description ?? "carriers are faster here, and what --accel auto takes"
            return (.init(subject: "kvm", level: .warning, found: summary, fix: fix), measurement)
        } catch {
            let outcome = Outcome(explaining: error)
            return (.init(subject: "kvm", level: .problem, found: outcome.message, fix: outcome.hint), nil)
        }
    }

    private func qemu(isNeeded: Bool) -> (Doctor.Finding, Bool) {
        do {
            let qemu = try HostChoice(paths: paths) { _ in }.qemu()
            let found = "\(qemu.path), version \(qemu.version)"
            return (.init(subject: "qemu", level: qemu.warning == nil ? .ok : .warning, found: found, fix: qemu.warning), true)
        } catch {
            return (
                .init(
                    subject: "qemu", level: isNeeded ? .problem : .ok,
                    found: isNeeded ? "none, and carriers need it" : "none; not needed here",
                    fix: isNeeded ? Outcome(explaining: error).message : nil), false
            )
        }
    }

    private func machines(_ measurement: KVMMeasurement?, hasQEMU: Bool) -> Doctor.Finding {
        if measurement?.isHardware == true { return .init(subject: "machines", level: .ok, found: "run on /dev/kvm") }
        if hasQEMU { return .init(subject: "machines", level: .ok, found: "run in carriers, slower than on hardware KVM") }
        if measurement?.kvm == .ok {
            return .init(
                subject: "machines", level: .warning, found: "run on an emulated /dev/kvm only, very slowly",
                fix: "install QEMU for carriers, and use --accel kvm until then")
        }
        return .init(
            subject: "machines", level: .problem, found: "cannot run: no usable /dev/kvm and no QEMU for carriers",
            fix: "install the package qemu-system-x86 (10.0 or newer), or give this host a /dev/kvm")
    }

    /// What a guest will see, wherever it may run here.
    private func processors(_ measurement: KVMMeasurement?, hasQEMU: Bool) -> [Doctor.Finding] {
        let choice = HostChoice(paths: paths) { _ in }
        var findings: [Doctor.Finding] = []
        if measurement?.kvm == .ok { findings.append(processors("cpu", nil) { try choice.processors() }) }
        if hasQEMU {
            let hint = "not looked into: no carrier has been made yet; `vmlab carrier run -- /vmlab-machine --show-cpu` makes one"
            findings.append(processors("cpu in carriers", hint) { try choice.carriedProcessors() })
        }
        return findings
    }

    private func processors(_ subject: String, _ hint: String?, _ offer: () throws -> ProcessorOffer?) -> Doctor.Finding {
        do {
            guard let offer = try offer() else {
                return .init(subject: subject, level: .ok, found: hint ?? "vmlab-machine --show-cpu tells nothing")
            }
            let whole = offer.lacks.filter(\.value.isEmpty).keys.sorted { ($0.count, $0) < ($1.count, $1) }
            var found = [offer.maker, offer.name].filter { !$0.isEmpty }.joined(separator: " ")
            found += ", \(offer.addressBits) address bits; models: \(whole.joined(separator: ", "))"
            for (model, missing) in offer.lacks.sorted(by: { $0.key < $1.key }) where !missing.isEmpty {
                found += "; \(model) lacks \(missing.joined(separator: " "))"
            }
            found += "; features: \(offer.features.joined(separator: " "))"
            let lacking = offer.lacks["baseline"] ?? []
            return .init(
                subject: subject, level: lacking.isEmpty ? .ok : .warning, found: found,
                fix: lacking.isEmpty
                    ? nil : "`cpu: baseline` is refused here, unless `features` switches off what is lacking; `cpu: host` works")
        } catch {
            return .init(subject: subject, level: .warning, found: Outcome(explaining: error).message)
        }
    }

    private func bootstrap() -> Doctor.Finding {
        if let path = Programs.find("mmdebstrap", path: Environment.searchPath) {
            return .init(subject: "mmdebstrap", level: .ok, found: path)
        }
        return .init(
            subject: "mmdebstrap", level: .warning, found: "none: Debian images cannot be built from packages",
            fix: "apt-get install mmdebstrap")
    }

    private func passt() -> Doctor.Finding {
        if let path = Environment.passt { return .init(subject: "passt", level: .ok, found: path) }
        return .init(
            subject: "passt", level: .warning, found: "none: networks with `uplink: nat` have no way out", fix: "apt-get install passt")
    }

    private func memory() -> Doctor.Finding {
        guard let memory = HostFacts.memory else { return .init(subject: "memory", level: .warning, found: "/proc/meminfo cannot be read") }
        let mebibytes = memory.bytes >> 20
        return .init(
            subject: "memory", level: mebibytes < 1024 ? .warning : .ok, found: "\(mebibytes) MiB",
            fix: mebibytes < 1024 ? "a Debian machine in a carrier takes about 800 MiB" : nil)
    }

    private func space() -> Doctor.Finding {
        var path = paths.cache
        var status = statvfs()
        // Safe because the structure outlives the calls.
        while unsafe statvfs(path, &status) != 0, path != "/" { path = Folder.parent(of: path) }
        let mebibytes = (UInt64(status.f_bavail) &* UInt64(status.f_frsize)) >> 20
        let found = "\(mebibytes) MiB free for \(paths.cache)"
        if unsafe access(path, W_OK) != 0 {
            return .init(subject: "cache", level: .problem, found: "\(path) cannot be written", fix: "choose another place with VMLAB_HOME")
        }
        return .init(
            subject: "cache", level: mebibytes < 2048 ? .warning : .ok, found: found,
            fix: mebibytes < 2048 ? "a Debian image takes about 1 GiB while it is built; VMLAB_HOME moves it" : nil)
    }

    private func sockets() -> Doctor.Finding {
        // With the longest name that a lab may have.
        let length = paths.lab(String(repeating: "x", count: 40)).controlSocket.utf8.count
        if length <= UnixSocket.longestPath { return .init(subject: "run folder", level: .ok, found: paths.run) }
        return .init(
            subject: "run folder", level: .warning,
            found:
                "\(paths.run) is long: labs with names of more than \(max(0, 40 - (length - UnixSocket.longestPath))) letters will not start",
            fix: "set XDG_RUNTIME_DIR or VMLAB_HOME to a shorter path")
    }

    private func programs() -> Doctor.Finding {
        let missing = ["vmlab-machine", "vmlab-network", "vmlab-leash", "vmlab-carrier-init"].filter { (try? Programs.sibling($0)) == nil }
        if missing.isEmpty { return .init(subject: "programs", level: .ok, found: "complete") }
        return .init(
            subject: "programs", level: .problem, found: "missing beside vmlab: \(missing.joined(separator: ", "))",
            fix: "install vmlab anew: make install")
    }
}
