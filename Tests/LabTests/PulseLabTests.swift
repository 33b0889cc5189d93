import Foundation
import Glibc
import Host
import TestSupport
import Testing

/// How a machine is accelerated in a test: pulse is small enough for every KVM, emulated ones too.
enum Acceleration: String, CaseIterable {
    case kvm, carrier

    static var usable: [Acceleration] {
        let hasKVM = access("/dev/kvm", R_OK | W_OK) == 0
        if !hasKVM { print("no usable /dev/kvm here: labs run in carriers only") }
        return hasKVM ? [.kvm, .carrier] : [.carrier]
    }
}

private let twoPulses = """
    name: pair
    machines:
      one: {image: pulse, memory: 32MiB, ready: {console: "pulse: ready", within: 60s}}
      two: {image: pulse, memory: 32MiB, disks: [{size: 16MiB}], after: [one], ready: {console: "pulse: ready", within: 60s}}
    """

extension `real labs` {
    @Suite(.serialized) struct `of pulse machines` {
        @Test(arguments: Acceleration.usable)
        func `go up, answer, and go down without a trace`(acceleration: Acceleration) throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            let up = try user.vmlab("up", folder, "--accel", acceleration.rawValue, limitSeconds: 120)
            #expect(up.status == 0, "\(up.all)")

            let ps = try user.vmlab("ps", "-f", folder, "--json")
            #expect(ps.status == 0 && ps.out.contains("\"one\"") && ps.out.contains("\"two\""), "\(ps.all)")

            let echo = try user.vmlab(
                "console", "one", "-f", folder, "--until", "good morning", "--timeout", "100s",
                input: "\necho good \"morning\"\necho good morning\n", limitSeconds: 120)
            #expect(echo.status == 0 && echo.out.contains("good morning"), "\(echo.all)")

            let logs = try user.vmlab("logs", "two", "-f", folder)
            #expect(logs.out.contains("pulse: ready"), "\(logs.all)")

            let again = try user.vmlab("up", folder, "--accel", acceleration.rawValue)
            #expect(again.status == 0, "\(again.all)")
            let plan = try user.vmlab("plan", folder, "--detailed-exitcode")
            #expect(plan.status == 0, "a second plan has no step: \(plan.all)")

            let down = try user.vmlab("down", folder, limitSeconds: 120)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
            let twice = try user.vmlab("down", folder)
            #expect(twice.status == 0, "\(twice.all)")
        }

        @Test(arguments: Acceleration.usable)
        func `lose a machine and keep the other`(acceleration: Acceleration) throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            #expect(try user.vmlab("up", folder, "--accel", acceleration.rawValue, limitSeconds: 120).status == 0)
            let killed = try user.vmlab("kill", "one", "-f", folder)
            #expect(killed.status == 0, "\(killed.all)")
            var ps = try user.vmlab("ps", "-f", folder)
            for _ in 0..<40 where !ps.out.contains("signal 9") {
                usleep(100_000)
                ps = try user.vmlab("ps", "-f", folder)
            }
            #expect(ps.out.contains("signal 9"), "\(ps.all)")
            // The other one still answers, and a new up starts only the lost one.
            let plan = try user.vmlab("plan", folder)
            #expect(plan.out.contains("machine one") && !plan.out.contains("machine two"), "\(plan.all)")
            #expect(try user.vmlab("up", folder, "--accel", acceleration.rawValue, limitSeconds: 120).status == 0)
            #expect(try user.vmlab("down", folder, limitSeconds: 120).status == 0)
            user.expectNothingLeft()
        }

        @Test func `can be taken down when the lab file is gone`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            #expect(try user.vmlab("up", folder, limitSeconds: 120).status == 0)
            try FileManager.default.removeItem(atPath: folder + "/lab.yaml")
            let down = try user.vmlab("down", "--name", "pair", limitSeconds: 120)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }

        @Test func `run side by side under two names`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            for name in ["first", "second"] {
                let up = try user.vmlab("up", folder, "--name", name, limitSeconds: 120)
                #expect(up.status == 0, "\(up.all)")
            }
            #expect(try user.vmlab("down", "--name", "first", limitSeconds: 120).status == 0)
            let ps = try user.vmlab("ps", "--name", "second")
            #expect(ps.status == 0 && ps.out.contains("two"), "\(ps.all)")
            #expect(try user.vmlab("down", "--name", "second", limitSeconds: 120).status == 0)
            user.expectNothingLeft()
        }

        @Test func `are not taken for those of another file of the same name`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            #expect(try user.vmlab("up", folder, limitSeconds: 120).status == 0)
            let copy = folder + "/copy"
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: folder + "/lab.yaml", toPath: copy + "/lab.yaml")
            let refused = try user.vmlab("up", copy, "--name", "pair", limitSeconds: 120)
            #expect(refused.status == 75 && refused.err.contains("was brought up from \(folder)/lab.yaml"), "\(refused.all)")
            let ps = try user.vmlab("ps", "--name", "pair")
            #expect(ps.out.contains("one") && ps.out.contains("two"), "\(ps.all)")
            // The same file by another name, and one that was moved, go on.
            try FileManager.default.createSymbolicLink(atPath: copy + "/link.yaml", withDestinationPath: folder + "/lab.yaml")
            let same = try user.vmlab("up", copy + "/link.yaml", "--name", "pair", limitSeconds: 120)
            #expect(same.status == 0, "\(same.all)")
            try FileManager.default.removeItem(atPath: copy + "/link.yaml")
            let moved = try user.vmlab("up", copy, "--name", "pair", limitSeconds: 120)
            #expect(moved.status == 0, "\(moved.all)")
            #expect(try user.vmlab("down", "--name", "pair", limitSeconds: 120).status == 0)
            user.expectNothingLeft()
        }

        @Test func `are refused to a second up while a first is at work`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            let first = try user.start(["up", folder, "--accel", "carrier"])
            try first.awaitOutput("one", limitSeconds: 120)
            let second = try user.vmlab("up", folder, limitSeconds: 120)
            #expect(second.status == 75 && second.err.contains("since"), "\(second.all)")
            #expect(try first.wait(limitSeconds: 120).status == 0)
            #expect(try user.vmlab("down", folder, limitSeconds: 120).status == 0)
            user.expectNothingLeft()
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func `are rolled back when up is interrupted`(signal: Int32) throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            let up = try user.start(["up", folder, "--accel", "carrier"])
            try up.awaitOutput("one", limitSeconds: 120)
            up.process.signal(signal)
            let outcome = try up.wait(limitSeconds: 120)
            #expect(outcome.status == 128 + signal, "\(outcome.all)")
            #expect(try user.vmlab("down", folder, limitSeconds: 120).status == 0)
            user.expectNothingLeft()
        }

        @Test func `are taken down after the keeper was killed`() throws {
            let user = try CommandLineUser()
            let folder = try user.lab("pair", twoPulses)
            #expect(try user.vmlab("up", folder, limitSeconds: 120).status == 0)
            let keeper = try #require(user.processes().first { $0.contains("keep") })
            kill(try #require(Int32(keeper.prefix { $0 != ":" })), SIGKILL)
            let down = try user.vmlab("down", folder, limitSeconds: 120)
            #expect(down.status == 0 && down.all.contains("left behind: nothing"), "\(down.all)")
            user.expectNothingLeft()
        }
    }
}
