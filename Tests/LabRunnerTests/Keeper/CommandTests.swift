import Foundation
import Glibc
import LabRunner
import TestSupport
import Testing

extension `played labs` {
    @Suite(.serialized) struct `the command line` {
        private static let verbs = [
            "up", "down", "plan", "check", "ps", "events", "console", "logs", "screen", "type", "stop", "start", "restart", "kill", "image",
            "image build",
            "image ls",
            "image inspect", "link", "link set", "link show", "link partition", "link heal", "doctor", "carrier", "carrier status",
            "carrier run", "schema", "completion", "version",
        ]

        @Test func `has help with an example for every verb`() throws {
            let person = try Person()
            for verb in Self.verbs {
                let help = try person.start(verb.split(separator: " ").map(String.init) + ["--help"]).wait()
                #expect(help.status == 0 && help.out.contains("Example:\n  vmlab \(verb.split(separator: " ")[0])"), "\(verb): \(help.all)")
                let example = help.out.range(of: "Example:")?.lowerBound
                let usage = help.out.range(of: "USAGE:")?.lowerBound
                #expect(try #require(example) < #require(usage), "\(verb): the example comes first")
            }
            #expect(!(try person.vmlab("--help").out.contains("keep")), "the keeper's own verb is hidden")
        }

        @Test func `names every kind of event`() throws {
            let help = try Person().vmlab("events", "--help").out
            for kind in LabEvent.Kind.allCases { #expect(help.contains("\(kind.rawValue) "), "\(kind)") }
        }

        @Test func `names the consoles that there are, and leaves when nobody reads any more`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            #expect(try person.vmlab("up", lab).status == 0)
            for follow in [[], ["--follow"]] {
                let logs = try person.start(["logs", "db", "-f", lab, "--stream", "zz"] + follow).wait()
                #expect(logs.status == 64 && logs.err.contains("console zz") && logs.err.contains("serial, console"), "\(logs.all)")
            }
            // head(1) has its line; the lab says no other.
            let piped = try person.run(
                "/bin/sh", ["-c", "{ '\(person.programs)/vmlab' logs db -f '\(lab)' --follow; echo left >&2; } | head -n 1"], variables: [:]
            )
            #expect(piped.out.contains("first byte of db") && piped.err.contains("left"), "\(piped.all)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `lists every exit status`() throws {
            let person = try Person()
            let help = try person.vmlab("help", "exit-codes")
            for code in ["0", "1", "2", "3", "64", "65", "66", "69", "70", "71", "73", "74", "75", "76", "77", "80", "130", "143"] {
                #expect(help.out.contains(" \(code)  "), "\(code)")
            }
        }

        @Test func `reads flags from the environment, and the command line has the last word`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            let json = try person.vmlab("plan", lab, variables: ["VMLAB_PLAN_JSON": "1"])
            #expect(json.out.hasPrefix("{"), "\(json.all)")
            #expect(!(try person.vmlab("plan", lab, variables: ["VMLAB_PLAN_JSON": "0"]).out.hasPrefix("{")))
            let name = try person.vmlab("plan", lab, variables: ["VMLAB_PLAN_NAME": "other"])
            #expect(name.out.contains("lab other"), "\(name.all)")
            let both = try person.vmlab("plan", lab, "--name", "third", variables: ["VMLAB_PLAN_NAME": "other"])
            #expect(both.out.contains("lab third"), "\(both.all)")
            let nested = try person.vmlab("image", "ls", variables: ["VMLAB_IMAGE_LS_JSON": "yes"])
            #expect(nested.out.hasPrefix("["), "\(nested.all)")
        }

        @Test func `finds the lab in the working folder, behind -f, and on standard input`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            for arguments in [["check", lab], ["check", "-f", lab], ["check", "-f", lab + "/lab.yaml"]] {
                let check = try person.start(arguments).wait()
                #expect(check.status == 0 && check.err.contains("lab shop: 1 machine"), "\(arguments): \(check.all)")
            }
            let text = try String(contentsOfFile: lab + "/lab.yaml", encoding: .utf8)
            let piped = try person.vmlab("check", "-", input: text, variables: ["VMLAB_IMAGES": person.home + "/Images"])
            #expect(piped.status == 0, "\(piped.all)")
            let none = try person.vmlab("check", person.home + "/Images")
            #expect(none.status == 66 && none.err.contains("no lab.yaml"), "\(none.all)")
            let twice = try person.vmlab("check", lab, "-f", person.home)
            #expect(twice.status == 64, "\(twice.all)")
        }

        @Test func `says what is wrong with a lab file, where, and exits 65`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "")])
            try Data("name: shop\nmachines:\n  db: {image: fake, memroy: 1GiB}\n".utf8).write(to: URL(filePath: lab + "/lab.yaml"))
            for verb in ["up", "plan", "check"] {
                let outcome = try person.vmlab(verb, lab)
                #expect(
                    outcome.status == 65 && outcome.err.contains("lab.yaml:3:") && outcome.err.contains("memory"), "\(verb): \(outcome.all)"
                )
            }
            person.expectNothingLeft()
        }

        @Test func `refuses a name that is none, before anything is made`() throws {
            let person = try Person()
            for name in ["../x", "a/b", "", "9lives", "-x", String(repeating: "x", count: 41)] {
                let down = try person.vmlab("down", "--name=\(name)")
                #expect(down.status == 64, "\(name): \(down.all)")
            }
        }

        @Test func `writes no escape sequence and no carriage return where nobody looks on`() throws {
            let person = try Person()
            let lab = try person.lab([("db", "colours")])
            let up = try person.vmlab("up", lab)
            #expect(!up.all.contains("\u{1B}") && !up.all.contains("\r"), "\(up.all)")
            #expect(up.err.split(separator: "\n").contains("db: starting"), "one line a change: \(up.err)")
            #expect(try person.vmlab("down", lab).status == 0)
            person.expectNothingLeft()
        }

        @Test func `shows the same plan dry as it does wet`() throws {
            let person = try Person()
            let lab = try person.lab([("db", ""), ("web", "")])
            let plan = try person.vmlab("plan", lab)
            let dry = try person.vmlab("up", lab, "--dry-run")
            #expect(plan.out == dry.out && plan.out.contains("start   machine db"), "\(plan.all)\(dry.all)")
            #expect(try person.vmlab("plan", lab, "--detailed-exitcode").status == 2)
            #expect(person.files().isEmpty, "a plan makes nothing")
            let down = try person.vmlab("down", lab, "--dry-run")
            #expect(down.status == 0 && down.out.contains("nothing to do"), "\(down.all)")
        }

        @Test(arguments: ["bash", "zsh", "fish"])
        func `completes in every shell`(shell: String) throws {
            let person = try Person()
            let script = try person.vmlab("completion", shell)
            #expect(script.status == 0 && script.out.contains("vmlab"), "\(script.err)")
        }

        @Test func `prints a schema that is JSON`() throws {
            let person = try Person()
            for document in ["lab", "image"] {
                let schema = try person.vmlab("schema", document)
                let object = try JSONSerialization.jsonObject(with: Data(schema.out.utf8)) as? [String: Any]
                #expect(object?["$schema"] as? String == "http://json-schema.org/draft-07/schema#")
            }
        }
    }
}
