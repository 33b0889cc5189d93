import LabModel
import LabPlan
import Testing

/// A plan cut off anywhere, by whatever, is finished by the next `up` and taken back by `down`.
@Suite struct InterruptionTests {
    /// Every state that the ledger can be left in by a plan: each step untried, begun, or done, with all before it done.
    func interruptions(of plan: Plan, from start: SeenState) -> [SeenState] {
        var states: [SeenState] = []
        var done = start
        for step in plan.steps {
            states.append(done)
            var begun = done
            begun.begin(step.action)
            states.append(begun)
            done.finish(step.action)
        }
        states.append(done)
        return states
    }

    /// Labs that differ from the running one in every way that a plan can see.
    var variants: [Lab] {
        var memory = Shop.lab
        memory.machines[0].memory = ByteCount(bytes: 1 << 30)
        var disks = Shop.lab
        disks.machines[1].disks = []
        var fewer = Shop.lab
        fewer.machines.removeFirst(2)
        var swapped = Shop.lab
        swapped.machines[1].image = "pulse"
        swapped.machines[2].image = "debian-12"
        var wires = Shop.networked
        wires.networks[1].link.delayMicroseconds = 1
        var moved = Shop.networked
        moved.machines[1].interfaces[0].address.value += 1
        return [Shop.lab, memory, disks, fewer, swapped, Shop.networked, wires, moved]
    }

    /// What may be seen before.
    var starts: [SeenState] { [SeenState(lab: "shop"), Shop.running, Shop.running(Shop.networked)] }

    @Test func `the next up finishes what any interruption left`() {
        for lab in variants {
            for start in starts {
                for var seen in interruptions(of: Shop.up(lab, start), from: start) {
                    for step in Shop.up(lab, seen).steps { seen.finish(step.action) }
                    #expect(Shop.up(lab, seen).isEmpty)
                    #expect(Set(seen.machines.map(\.name)) == Set(lab.machines.map(\.name)))
                    #expect(!seen.machines.contains { !$0.isRunning })
                    #expect((seen.network == .absent) == lab.networks.isEmpty)
                }
            }
        }
    }

    @Test func `what was left half made is made anew`() {
        var seen = SeenState(lab: "shop")
        for step in Shop.up(Shop.lab, seen).steps {
            if step.id == "folders" || step.id == "disk/db/root" { seen.begin(step.action) } else { seen.finish(step.action) }
            if step.id == "disk/db/disk0" { break }
        }
        let plan = Shop.up(Shop.lab, seen)
        #expect(plan.steps.first?.id == "folders")
        let root = plan.steps.filter { $0.id.hasSuffix("disk/db/root") }
        #expect(root.map(\.id) == ["delete-disk/db/root", "disk/db/root"])
        #expect(root.first?.reason == "it was left half made")
        #expect(root.last?.after.contains("delete-disk/db/root") == true)
        #expect(!plan.steps.contains { $0.id == "disk/db/disk0" }, "the other disk is whole")
    }

    @Test func `a disk whose deletion was cut off is not trusted`() {
        var seen = Shop.running
        let plan = Plan.down(seen: seen)
        for step in plan.steps {
            if step.id == "delete-disk/db/root" {
                seen.begin(step.action)
                break
            }
            seen.finish(step.action)
        }
        let ids = Shop.up(Shop.lab, seen).steps.map(\.id)
        #expect(ids.contains("delete-disk/db/root") && ids.contains("disk/db/root"))
        #expect(!ids.contains("disk/db/disk0"))
    }

    @Test func `down takes back what any interruption left`() {
        for lab in variants {
            for start in starts {
                for var seen in interruptions(of: Shop.up(lab, start), from: start) {
                    let before = seen
                    let plan = Plan.down(seen: seen)
                    for machine in before.machines where machine.isRunning {
                        #expect(plan.steps.contains { $0.id == "stop/\(machine.name)" })
                    }
                    for step in plan.steps { seen.finish(step.action) }
                    #expect(seen.folders == .absent)
                    #expect(seen.machines.isEmpty && seen.network == .absent)
                    #expect(Plan.down(seen: seen).isEmpty)
                }
            }
        }
    }

    @Test func `a down cut off anywhere is finished by the next`() {
        for var seen in interruptions(of: Plan.down(seen: Shop.running), from: Shop.running) {
            for step in Plan.down(seen: seen).steps { seen.finish(step.action) }
            #expect(seen.machines.isEmpty && seen.folders == .absent)
        }
    }

    @Test func `undoing every step of an up backwards leaves nothing but the images`() {
        var seen = SeenState(lab: "shop")
        let plan = Shop.up(Shop.lab, seen)
        for step in plan.steps { seen.finish(step.action) }
        for step in plan.steps.reversed() {
            if let undo = step.undo { seen.finish(undo) }
        }
        #expect(seen == SeenState(lab: "shop", images: ["d12", "p1"]))
    }

    @Test func `steps name only earlier steps and no step twice, and any order that they allow ends the same`() {
        for lab in variants {
            for start in starts {
                let plan = Shop.up(lab, start)
                var known: Set<String> = []
                for step in plan.steps {
                    #expect(known.isSuperset(of: step.after), "\(step.id) waits for \(step.after)")
                    #expect(known.insert(step.id).inserted, "\(step.id) is there twice")
                }
                for seed in 1...20 {
                    var seen = start
                    var rest = plan.steps
                    var done: Set<String> = []
                    while !rest.isEmpty {
                        let free = rest.indices.filter { rest[$0].after.allSatisfy(done.contains) }
                        let step = rest.remove(at: free[(done.count * done.count + seed) * seed % free.count])
                        if case .startMachine(let started) = step.action {
                            for needed in started.machine.after {
                                #expect(isReady(needed, in: seen), "seed \(seed): \(step.id) came too early")
                            }
                        }
                        seen.finish(step.action)
                        done.insert(step.id)
                    }
                    #expect(Shop.up(lab, seen).isEmpty, "seed \(seed)")
                }
            }
        }
    }

    func isReady(_ machine: String, in seen: SeenState) -> Bool {
        if case .running(_, ready: true) = seen[machine: machine]?.life { true } else { false }
    }
}
