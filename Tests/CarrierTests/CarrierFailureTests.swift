import Carrier
import CarrierLink
import Foundation
import Glibc
import Host
import LabModel
import Testing

extension RealCarriers {
    /// A carrier that fails is told as itself, with what it said.
    @Suite(.serialized) struct CarrierFailureTests {
        private func reason(_ ending: MachineProcess.Ending?) -> String {
            if case .carrierFailed(let reason) = ending { reason } else { "\(String(describing: ending))" }
        }

        @Test func `a carrier killed in mid-boot is told as the carrier`() throws {
            let bench = try Bench()
            let trial = try bench.start(.carrier, "true", streams: [(3, "control")])
            // No host boots one so soon.
            try bench.pass(milliseconds: 200)
            #expect(!trial.isRunning)
            kill(trial.process.identity.pid, SIGKILL)
            let end = try trial.end()
            #expect(reason(end).hasPrefix("QEMU was killed by signal 9 before it was up"), "\(reason(end))")
        }

        @Test func `a carrier killed under a running machine is told as the carrier`() throws {
            let bench = try Bench()
            let trial = try bench.start(.carrier, "/bin/busybox sleep 1000", streams: [(3, "control")])
            #expect(try trial.runs())
            kill(trial.process.identity.pid, SIGKILL)
            let end = try trial.end()
            #expect(reason(end).hasPrefix("QEMU was killed by signal 9 while the program in it ran"), "\(reason(end))")
        }

        @Test func `our own kill in mid-boot is a kill`() throws {
            let bench = try Bench()
            let trial = try bench.start(.carrier, "true")
            try bench.pass(milliseconds: 200)
            trial.process.terminate()
            #expect(try trial.end() == .signalled(SIGTERM))
        }

        @Test func `a QEMU that refuses its command line says why`() throws {
            let bench = try Bench()
            var kit = try Bench.kit.get()
            kit.kernel = bench.folder + "/no-kernel"
            let trial = try bench.start(on: MachineHost(.carrier(kit), leash: Bench.leash), "true")
            let end = try trial.end()
            #expect(reason(end).contains("QEMU exited with status 1") && reason(end).contains("no-kernel"), "\(reason(end))")
        }

        @Test func `a QEMU that is not there is told by the leash`() throws {
            let bench = try Bench()
            var kit = try Bench.kit.get()
            kit.qemu.path = "/nowhere/qemu"
            let trial = try bench.start(on: MachineHost(.carrier(kit), leash: Bench.leash), "true")
            let end = try trial.end()
            #expect(reason(end).contains("127") && reason(end).contains("/nowhere/qemu"), "\(reason(end))")
        }

        @Test func `a carrier's kernel panic is told with its words`() throws {
            let bench = try Bench()
            var kit = try Bench.kit.get()
            kit.initramfs = try bench.file("initramfs.cpio", Array("not an archive".utf8))
            let trial = try bench.start(on: MachineHost(.carrier(kit), leash: Bench.leash), "true")
            let end = try trial.end()
            #expect(reason(end).contains("before it was up") && reason(end).contains("Kernel panic"), "\(reason(end))")
        }

        @Test func `a monitor that is missing in the kit is told by the init`() throws {
            let bench = try Bench()
            let kit = try bench.kitWithout("vmlab-machine")
            let trial = try bench.start(on: MachineHost(.carrier(kit), leash: Bench.leash), "true")
            let end = try trial.end()
            #expect(reason(end).contains("cannot start /vmlab-machine"), "\(reason(end))")
        }

        @Test func `a stream that the carrier does not have is told by name`() throws {
            let bench = try Bench()
            // A wrapper takes one port away from QEMU: what a kit and a host of two builds might disagree on.
            let qemu = try bench.program(
                "qemu",
                """
                #!/bin/sh
                for a do shift; case $a in *name=wanted) a=${a%wanted}unwanted;; esac; set -- "$@" "$a"; done
                exec \(try Bench.qemu().path) "$@"
                """)
            var kit = try Bench.kit.get()
            kit.qemu.path = qemu
            let trial = try bench.start(on: MachineHost(.carrier(kit), leash: Bench.leash), "true", streams: [(7, "wanted")])
            let end = try trial.end()
            #expect(reason(end).contains("find the stream wanted in the carrier, which has: carrier, unwanted"), "\(reason(end))")
        }
    }
}
