import LabModel
import LabPlan

/// A lab of three machines to plan with, and a pretended host to do the plans on.
enum Shop {
    static let paths = LabPaths(cache: "/c", state: "/s", run: "/r")
    static let folders = paths.lab("shop")
    static let debian = facts("debian-12", key: "d12")
    static let pulse = facts("pulse", key: "p1", disk: false)
    static let images = [debian, pulse]

    static func facts(_ name: String, key: String, disk: Bool = true) -> ImageFacts {
        ImageFacts(
            name: name, key: key, folder: paths.image(key: key), hasInitrd: disk, hasDisk: disk, bootProtocol: disk ? .linux : .pvh,
            commandLine: disk ? "root=/dev/vda rw" : "")
    }

    static func machine(_ name: String, image: String = "debian-12", after: [String] = []) -> Machine {
        Machine(
            name: name, image: image, cpus: 1, memory: ByteCount(bytes: 256 << 20), disks: [], commandLine: "", after: after,
            ready: .console(pattern: "login:", withinMilliseconds: 60_000), restart: .never)
    }

    /// `web` waits for `db`; `tiny` waits for nobody and has no disk of its own.
    static var lab: Lab {
        var db = machine("db")
        db.disks = [Machine.Disk(size: ByteCount(bytes: 4 << 30))]
        var tiny = machine("tiny", image: "pulse")
        tiny.ready = .started
        return Lab(name: "shop", seed: 7, machines: [machine("web", after: ["db"]), db, tiny], images: [])
    }

    static func up(_ lab: Lab, _ seen: SeenState, images: [ImageFacts] = images) -> Plan {
        do { return try Plan.up(lab, images: images, folders: folders, seen: seen) } catch { fatalError("\(error)") }
    }

    static var running: SeenState {
        var seen = SeenState(lab: "shop")
        for step in up(lab, seen).steps { seen.finish(step.action) }
        return seen
    }
}
