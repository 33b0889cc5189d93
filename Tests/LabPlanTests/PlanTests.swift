import LabModel
import LabPlan
import Testing

@Suite struct PlanTests {
    func ids(_ plan: Plan) -> [String] { plan.steps.map(\.id) }

    func reason(_ id: String, in plan: Plan) -> String? { plan.steps.first { $0.id == id }?.reason }

    @Test func `a first up makes everything in the order of who waits for whom`() {
        let plan = Shop.up(Shop.lab, SeenState(lab: "shop"))
        #expect(
            ids(plan) == [
                "folders", "image/debian-12", "disk/db/root", "disk/db/disk0", "start/db", "ready/db", "disk/web/root", "start/web",
                "ready/web", "image/pulse", "start/tiny", "ready/tiny",
            ])
        let web = plan.steps.first { $0.id == "start/web" }
        #expect(web?.after == ["folders", "image/debian-12", "disk/web/root", "ready/db"])
        #expect(web?.undo?.id == "stop/web")
        #expect(reason("start/db", in: plan) == "db is not running")
        let tiny = plan.steps.first { $0.id == "start/tiny" }
        #expect(tiny?.after == ["folders", "image/pulse"], "nothing keeps tiny from starting at once")
    }

    @Test func `a second up changes nothing`() {
        #expect(Shop.up(Shop.lab, Shop.running).isEmpty)
    }

    @Test func `an image in the cache is not built again`() {
        let plan = Shop.up(Shop.lab, SeenState(lab: "shop", images: ["d12", "p1"]))
        #expect(!ids(plan).contains { $0.hasPrefix("image/") })
    }

    @Test func `a crashed machine is started again with its disks as they are`() {
        var seen = Shop.running
        seen.end("db", reason: "crashed: signal 9")
        let plan = Shop.up(Shop.lab, seen)
        #expect(ids(plan) == ["start/db", "ready/db"])
        #expect(reason("start/db", in: plan) == "db crashed: signal 9")
    }

    @Test func `a machine that is up but not ready is waited for`() {
        var seen = SeenState(lab: "shop")
        for step in Shop.up(Shop.lab, seen).steps where step.id != "ready/web" { seen.finish(step.action) }
        #expect(ids(Shop.up(Shop.lab, seen)) == ["ready/web"])
    }

    @Test func `more memory restarts a machine and keeps its disks`() {
        var lab = Shop.lab
        lab.machines[1].memory = ByteCount(bytes: 512 << 20)
        let plan = Shop.up(lab, Shop.running)
        #expect(ids(plan) == ["stop/db", "start/db", "ready/db"])
        #expect(reason("stop/db", in: plan) == "memory changed from 256MiB to 512MiB")
        #expect(plan.steps[1].after == ["stop/db"])
    }

    @Test func `another content of the image makes a new root disk and keeps the extra one`() {
        let images = [Shop.facts("debian-12", key: "d12b"), Shop.pulse]
        let plan = Shop.up(Shop.lab, Shop.running, images: images)
        #expect(
            ids(plan) == [
                "stop/db", "image/debian-12", "delete-disk/db/root", "disk/db/root", "start/db", "ready/db", "stop/web",
                "delete-disk/web/root", "disk/web/root", "start/web", "ready/web",
            ])
        #expect(reason("stop/db", in: plan) == "image debian-12 has changed")
        #expect(reason("delete-disk/db/root", in: plan) == "it begins with other files now, and the guest's writes go with it")
        #expect(plan.steps.first { $0.id == "disk/db/root" }?.after == ["stop/db", "delete-disk/db/root", "image/debian-12"])
    }

    @Test func `a disk of another size is made anew and the root disk is kept`() {
        var lab = Shop.lab
        lab.machines[1].disks = [Machine.Disk(size: ByteCount(bytes: 8 << 30)), Machine.Disk(size: ByteCount(bytes: 1 << 30))]
        let plan = Shop.up(lab, Shop.running)
        #expect(ids(plan) == ["stop/db", "delete-disk/db/disk0", "disk/db/disk0", "disk/db/disk1", "start/db", "ready/db"])
        #expect(reason("stop/db", in: plan) == "disks changed from 4GiB to 8GiB + 1GiB")
    }

    @Test func `another processor, other drivers or another port is another machine`() {
        var lab = Shop.lab
        lab.machines[1].hardware = Hardware(
            cpu: .init(model: "baseline", switches: [.init(feature: "x2apic", isOn: false)]), isTransitional: true, hasSecondSerial: true,
            hasHPET: true)
        let plan = Shop.up(lab, Shop.running)
        #expect(reason("stop/db", in: plan) == "cpu changed from host to baseline,x2apic=off, virtio changed, com2 changed, hpet changed")
    }

    @Test func `a disk that is reached in another way keeps what is on it`() {
        var lab = Shop.lab
        lab.machines[1].disks[0].bus = .ide
        let plan = Shop.up(lab, Shop.running)
        #expect(ids(plan) == ["stop/db", "start/db", "ready/db"])
        #expect(reason("stop/db", in: plan) == "disks changed from 4GiB to 4GiB on ide")
    }

    @Test func `a CD that has changed is noticed, by its name and by what it holds`() {
        var lab = Shop.lab
        lab.machines[1].cdroms = [Machine.Medium(path: "/a.iso", digest: "1")]
        let plan = Shop.up(lab, Shop.running)
        #expect(ids(plan) == ["stop/db", "start/db", "ready/db"])
        #expect(reason("stop/db", in: plan) == "cdroms changed from none to /a.iso")
        var seen = Shop.running
        for step in plan.steps { seen.finish(step.action) }
        #expect(Shop.up(lab, seen).steps.isEmpty)
        lab.machines[1].cdroms[0].digest = "2"
        #expect(reason("stop/db", in: Shop.up(lab, seen)) == "what /a.iso holds has changed")
    }

    @Test func `a machine gone from the file is stopped and deleted, those who waited for it first`() {
        var lab = Shop.lab
        lab.machines.removeFirst(2)
        let plan = Shop.up(lab, Shop.running)
        #expect(
            ids(plan) == [
                "stop/web", "delete-disk/web/root", "forget/web", "stop/db", "delete-disk/db/root", "delete-disk/db/disk0", "forget/db",
            ])
        #expect(reason("stop/web", in: plan) == "web is no longer in the lab file")
        #expect(plan.steps[3].after == ["stop/web"])
    }

    @Test func `another restart policy is told to the keeper and restarts nothing`() {
        var lab = Shop.lab
        lab.machines[2].restart = .always
        let plan = Shop.up(lab, Shop.running)
        #expect(ids(plan) == ["update/tiny"])
        #expect(reason("update/tiny", in: plan) == "restart changed from no to always")
        var seen = Shop.running
        for step in plan.steps { seen.finish(step.action) }
        #expect(Shop.up(lab, seen).isEmpty)
    }

    @Test func `down stops in the opposite order and deletes what was made`() {
        let plan = Plan.down(seen: Shop.running)
        #expect(
            ids(plan)
                == [
                    "stop/tiny", "stop/web", "stop/db", "delete-disk/tiny/root", "delete-disk/web/root", "delete-disk/db/root",
                    "delete-disk/db/disk0", "delete-folders",
                ].filter { $0 != "delete-disk/tiny/root" })
        #expect(plan.steps.first { $0.id == "stop/db" }?.after == ["stop/web"])
        #expect(plan.steps.last?.after.count == plan.steps.count - 1)
    }

    @Test func `down of a lab that is not up has nothing to do`() {
        #expect(Plan.down(seen: SeenState(lab: "shop")).isEmpty)
    }

    @Test func `down goes on when records of several runs wait for each other in a circle`() {
        var seen = SeenState(lab: "shop")
        for (name, after) in [("a", "b"), ("b", "a")] {
            let machine = Shop.machine(name, after: [after])
            let launch = MachineLaunch(machine, image: Shop.pulse, disks: [])
            seen.finish(.startMachine(StartedMachine(machine: machine, launch: launch)))
        }
        #expect(ids(Plan.down(seen: seen)) == ["stop/b", "stop/a"])
    }

    @Test func `a lab that no reader has checked gets an error and no plan`() {
        let circle = Lab(
            name: "shop", seed: 0, machines: [Shop.machine("a", after: ["b"]), Shop.machine("b", after: ["a"])], images: [])
        #expect(throws: PlanError.dependencyUnknown(machine: "a", after: "b")) {
            try Plan.up(circle, images: Shop.images, folders: Shop.folders, seen: SeenState(lab: "shop"))
        }
        #expect(throws: PlanError.imageUnknown(machine: "db", image: "debian-12")) {
            try Plan.up(Shop.lab, images: [], folders: Shop.folders, seen: SeenState(lab: "shop"))
        }
    }
}
