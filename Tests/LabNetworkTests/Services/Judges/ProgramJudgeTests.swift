import Foundation
import LabModel
import LabNetwork
import Testing

/// Two machines made of the host's tools, on two ports of the built program.
@Suite(.enabled(if: Playground.isPossible, "\(Playground.obstacle ?? "")"))
struct `the whole program serves its machines` {
    /// Takes an address as a machine does at its start, the names' server with it.
    private static let boot = """
        cat >/run/script <<'END'
        #!/bin/sh
        [ "$1" = bound ] || exit 0
        ip addr add $ip/$mask dev $interface
        printf 'search %s\\nnameserver %s\\n' "$search" "$dns" >/run/resolv.conf
        END
        chmod +x /run/script; touch /run/resolv.conf; mount --bind /run/resolv.conf /etc/resolv.conf
        busybox udhcpc -i eth0 -f -q -n -t 20 -O search -s /run/script || exit 1
        """

    @Test func `they find each other by name from their first moment on`() throws {
        let program = try Program(["a", "b"])
        let a = try Playground(program, port: 0)
        let b = try Playground(program, port: 1)
        let second = try b.run(["sh", "-c", Self.boot + "; ip -4 addr show dev eth0"])
        #expect(second.text.contains("inet 10.20.0.11/24"), "\(second.text)")
        #expect(try program.wait(for: #""event":"lease","port":"b/lan""#))
        let first = try a.run([
            "sh", "-c",
            Self.boot + "; getent ahostsv4 b; ping -4 -c 3 -i 0.2 -w 30 b; ping -c 3 -i 0.2 -w 30 b.demo.lab; dig +short -x 10.20.0.11",
        ])
        #expect(first.text.contains("10.20.0.11") && first.text.contains("b.demo.lab"), "\(first.text)")
        #expect(first.text.matches(of: #/ 0% packet loss/#).count == 2, "\(first.text)")
        try expectSoundFrames(a)
    }

    @Test func `a listening machine is found ready by the program's probe`() throws {
        let program = try Program(["a"])
        let a = try Playground(program, port: 0)
        try a.configure("10.20.0.10/24")
        program.say("probe 1 a/lan tcp 8080")
        #expect(try program.wait(for: #""event":"probe","id":"1","answer":"refused""#))
        try a.start("busybox nc -l -p 8080")
        #expect(try program.wait(for: #""event":"probe","id":"1","answer":"ready""#))
        program.say("probe 2 a/lan ping")
        #expect(try program.wait(for: #""event":"probe","id":"2","answer":"ready""#))
    }
}
